"""What a toast says of transfers that end; of many that go together not one for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tui.i18n import _, plural
from tui.runs.transfers import TransferState, Way
from tui.text import clean, short_path
from tui.widgets.action_keys import key_of
from tui.widgets.transfer_cells import counts

if TYPE_CHECKING:
    from tui.runs.transfers import Transfer

_LIMIT: Final = 256
_REASON_LIMIT: Final = 120


class Told(NamedTuple):
    """What to say; of something that failed where it is `bad`."""

    words: str
    bad: bool = False


class EndNews:
    """Gathers what ends while others go on: the first failure is told at once, the rest with the last of them."""

    def __init__(self) -> None:
        self._ended: list[Transfer] = []

    def of(self, transfer: Transfer, *, others: bool) -> Told | None:
        """Return what to say now that a transfer is done or has failed, while `others` go on or not; None to wait."""
        failed = transfer.state is TransferState.FAILED
        first_failure = failed and not any(each.error for each in self._ended)
        self._ended.append(transfer)
        if others:
            return Told(_of_one(transfer), bad=True) if first_failure else None
        ended, self._ended = self._ended, []
        return Told(_of_one(transfer), bad=failed) if len(ended) == 1 else _of_all(ended)


def _of_all(ended: list[Transfer]) -> Told:
    failed = sum(each.state is TransferState.FAILED for each in ended)
    words = plural("{count} transfer is done", "{count} transfers are done", len(ended) - failed)
    if failed:
        words += plural(", {count} failed", ", {count} failed", failed)
    return Told(_("{words}: {key} shows them", words=words, key=key_of("app.transfers")), bad=bool(failed))


def _of_one(transfer: Transfer) -> str:
    name = clean(transfer.name, limit=_LIMIT)
    if transfer.error is not None:
        what = _("upload of {name} failed") if transfer.way is Way.UP else _("download of {name} failed")
        reason = clean(transfer.error.message, limit=_REASON_LIMIT)
        return "\n".join(
            [what.format(name=name), reason, _("{key} shows it, and what helps", key=key_of("app.transfers"))]
        )
    if transfer.way is Way.UP:
        return _("{name} is sent: job {job}", name=name, job=clean(transfer.job_id, strict=True))
    counted = counts(transfer.account) if transfer.account else ""
    return "\n".join(filter(None, [_("downloaded {name}", name=name), counted, short_path(transfer.path)]))
