"""A transfer as the cells of a row, as the facts below the list, and in the summary of the top bar: pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.i18n import _
from tui.runs.transfers import Step, TransferState, Way
from tui.text import clean, human_bytes, human_duration, short_path
from tui.widgets.glyphs import Glyphs
from tui.widgets.job_cells import bar
from tui.widgets.job_facts import labelled
from tui.widgets.safe_text import identifier, line, paragraphs, plain
from tui.widgets.table import Column

if TYPE_CHECKING:
    from tui.dataset.results import Account
    from tui.errors import ArkdeckError
    from tui.runs.transfers import Transfer

COLUMNS: Final = (
    Column("way", _("WAY"), 6),
    Column("name", _("NAME"), 14, grow=4),
    Column("state", _("STATE"), 11),
    Column("progress", _("DONE"), 5, grow=3, align="right", drop=1),
    Column("bytes", _("BYTES"), 20, align="right", drop=2),
    Column("eta", _("LEFT"), 6, align="right", drop=3),
    Column("rate", _("RATE"), 11, align="right", drop=5),
    Column("outcome", _("OUTCOME"), 38, grow=4, drop=4),
)
"""The columns of the list, as many as there is room for."""

_NAME_LIMIT: Final = 256
_LABEL: Final = 10
_UNITS: Final = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_WORDS: Final = {
    TransferState.WAITING: _("waiting"),
    TransferState.RUNNING: _("running"),
    TransferState.PAUSED: _("paused"),
    TransferState.HELD: _("elsewhere"),
    TransferState.DONE: _("done"),
    TransferState.FAILED: _("failed"),
    TransferState.CANCELLED: _("cancelled"),
}
_STYLES: Final = {
    TransferState.WAITING: "$phase-queued",
    TransferState.RUNNING: "$phase-running",
    TransferState.PAUSED: "$warning",
    TransferState.HELD: "$muted",
    TransferState.DONE: "$phase-completed",
    TransferState.FAILED: "$phase-failed",
    TransferState.CANCELLED: "$muted",
}
_STEPS: Final = {
    Step.CHECKING: _("checking the file"),
    Step.UPLOADING: _("uploading"),
    Step.CREATING: _("creating the job"),
    Step.DOWNLOADING: _("downloading"),
    Step.VERIFYING: _("verifying what came"),
    Step.ACCOUNTING: _("accounting for every request"),
}


def transfer_cells(transfer: Transfer, widths: Mapping[str, int], glyphs: Glyphs) -> list[Content]:
    """Return the cells of the columns in `widths`."""
    return [_CELLS[column](transfer, width, glyphs) for column, width in widths.items()]


def transfer_facts(transfer: Transfer, width: int, glyphs: Glyphs) -> list[Content]:
    """Return all that is known of a transfer, over `width` cells: what went wrong comes first."""
    head = line(_arrow(transfer, glyphs), " ", plain(transfer.name, limit=_NAME_LIMIT).stylize("bold"))
    lines = [head.truncate(width), _step_bar(transfer, width, glyphs)]
    for label, value in _facts(transfer, glyphs):
        lines += labelled(label, value, width, _LABEL)
    return [*lines[:1], *_trouble(transfer, width, glyphs), *lines[1:]]


def state_label(transfer: Transfer, glyphs: Glyphs) -> Content:
    """Return the state as sign and word in its colour."""
    if transfer.interrupted:
        return line((f"{glyphs.warning} {_('stalled')}", "$warning"))
    state = transfer.state
    return line((f"{_sign(state, glyphs)} {_WORDS[state]}", _STYLES[state]))


def counts(account: Account) -> str:
    """Return what became of the requests, in one line: the answered ones, and what is not zero besides."""
    others = (
        (account.failed, _("{count:,} failed")),
        (account.missing, _("{count:,} missing")),
        (account.truncated, _("{count:,} truncated")),
        (account.refused, _("{count:,} refused")),
        (account.duplicate, _("{count:,} duplicate")),
        (account.unexpected, _("{count:,} unexpected")),
        (account.unreadable, _("{count:,} unreadable")),
    )
    told = [_("{count:,} answered", count=account.ok)]
    return ", ".join([*told, *(words.format(count=count) for count, words in others if count)])


def bytes_of(done: int, total: int) -> str:
    """Return bytes of bytes in one unit, `0.8 of 1.2 GiB`; the size alone once all are there."""
    whole = human_bytes(total)
    if done >= total:
        return whole
    number, unit = whole.split()
    share = done / _UNITS[unit]
    return _("{done} of {total}", done=f"{share:.1f}" if unit != "B" else f"{done}", total=f"{number} {unit}")


def percent_of(done: int, total: int) -> int | None:
    """Return how much is there, rounded down; None while nobody knows of how much."""
    return max(0, min(100, 100 * done // total)) if total else None


def _arrow(transfer: Transfer, glyphs: Glyphs) -> str:
    return glyphs.up if transfer.way is Way.UP else glyphs.down


def _sign(state: TransferState, glyphs: Glyphs) -> str:
    match state:
        case TransferState.WAITING:
            return glyphs.phase("Queued")
        case TransferState.RUNNING:
            return glyphs.phase("Running")
        case TransferState.PAUSED:
            return glyphs.pause
        case TransferState.HELD:
            return glyphs.phase("Initializing")
        case TransferState.DONE:
            return glyphs.check
        case TransferState.FAILED:
            return glyphs.cross
        case TransferState.CANCELLED:
            return glyphs.phase("Terminated")


def _nothing(glyphs: Glyphs) -> Content:
    return line((glyphs.dash, "$muted"))


# The cells of a row


def _way(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    return line(f"{_arrow(transfer, glyphs)} {_('up') if transfer.way is Way.UP else _('down')}")


def _name(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    return plain(transfer.name, limit=_NAME_LIMIT)


def _state(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    return state_label(transfer, glyphs)


def _progress(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    percent = percent_of(transfer.done, transfer.total)
    if percent is None:
        return _nothing(glyphs)
    going = transfer.state in (TransferState.RUNNING, TransferState.PAUSED)
    return bar(percent, width, _STYLES[transfer.state] if going else "$muted", glyphs)


def _bytes(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    if transfer.total:
        return line(bytes_of(transfer.done, transfer.total))
    return line(human_bytes(transfer.done)) if transfer.done else _nothing(glyphs)


def _rate(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    return line(_per_second(transfer.rate)) if transfer.rate else _nothing(glyphs)


def _eta(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    return _nothing(glyphs) if transfer.eta is None else line(human_duration(transfer.eta))


def _outcome(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    if transfer.error is not None:
        style = "$warning" if transfer.interrupted else "$error"
        return line((clean(transfer.error.message, limit=_NAME_LIMIT), style))
    if transfer.state in (TransferState.RUNNING, TransferState.PAUSED):
        return line((_step(transfer), "$muted"))
    return outcome(transfer, glyphs)


_CELLS: Final[Mapping[str, Callable[[Transfer, int, Glyphs], Content]]] = {
    "way": _way,
    "name": _name,
    "state": _state,
    "progress": _progress,
    "bytes": _bytes,
    "eta": _eta,
    "rate": _rate,
    "outcome": _outcome,
}


def outcome(transfer: Transfer, glyphs: Glyphs) -> Content:
    """Return what became of the requests and how the files were verified; nothing until that is known."""
    parts: list[tuple[str, str]] = []
    if transfer.account is not None:
        left = transfer.account.requests - transfer.account.ok
        parts.append((counts(transfer.account), "$warning" if left else ""))
    if transfer.verified:
        parts.append((_verified(transfer.verified), "$success"))
    if transfer.found and transfer.state is TransferState.DONE:
        parts.append((_("was there already") if transfer.way is Way.UP else _("was here already"), "$muted"))
    joined = [part for each in parts for part in ((f" {glyphs.separator} ", "$muted"), each)]
    return line(*joined[1:])


def _verified(how: str) -> str:
    return _("CRC-64 verified") if how == "crc64" else _("size verified")


def _per_second(rate: float) -> str:
    return _("{bytes}/s", bytes=human_bytes(rate))


# The facts below the list


def _step(transfer: Transfer) -> str:
    words = _STEPS[transfer.step]
    if transfer.step_share is None:
        return words
    return _("{step}, {percent}%", step=words, percent=min(100, int(100 * transfer.step_share)))


def _step_bar(transfer: Transfer, width: int, glyphs: Glyphs) -> Content:
    """Return the bytes as a bar over the whole width; in a step that moves none, that step."""
    if transfer.state is TransferState.RUNNING and transfer.step_share is not None:
        return bar(min(100, int(100 * transfer.step_share)), width, "$accent", glyphs)
    return _progress(transfer, width, glyphs)


def _facts(transfer: Transfer, glyphs: Glyphs) -> Iterator[tuple[str, Content]]:
    yield _("state"), line(state_label(transfer, glyphs), *_standing(transfer, glyphs))
    yield _("bytes"), _moving(transfer, glyphs)
    if (told := outcome(transfer, glyphs)).plain:
        yield _("outcome"), told
    yield _("file") if transfer.way is Way.UP else _("folder"), identifier(short_path(transfer.path))
    if transfer.job_id:
        yield _("job"), identifier(transfer.job_id)


def _standing(transfer: Transfer, glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    """Yield what is told behind the state: the step, who holds it, how long it took."""
    dot = f" {glyphs.separator} "
    if transfer.state is TransferState.HELD:
        yield f"{dot}{_('by {holder}', holder=clean(transfer.holder, limit=80))}", "$muted"
    elif transfer.interrupted:
        yield f"{dot}{_('it goes on by itself')}", "$muted"
    elif not transfer.state.finished:
        yield f"{dot}{_step(transfer)}", "$muted"
    elif transfer.ended is not None:
        took = human_duration((transfer.ended - transfer.began).total_seconds())
        yield f"{dot}{_('after {time}', time=took)}", "$muted"


def _moving(transfer: Transfer, glyphs: Glyphs) -> Content:
    if not transfer.total:
        here = _("{done} here", done=human_bytes(transfer.done)) if transfer.done else _("not known yet")
        return line((here, "$muted"))
    parts = [bytes_of(transfer.done, transfer.total)]
    if transfer.rate:
        parts.append(_per_second(transfer.rate))
    if transfer.eta is not None:
        parts.append(_("{time} left", time=human_duration(transfer.eta)))
    return line(f" {glyphs.separator} ".join(parts))


def _trouble(transfer: Transfer, width: int, glyphs: Glyphs) -> list[Content]:
    """Return what went wrong and what helps, in full."""
    if transfer.error is None:
        return []
    return [*error_lines(transfer.error, width, glyphs, passing=transfer.interrupted), Content()]


def error_lines(error: ArkdeckError, width: int, glyphs: Glyphs, *, passing: bool = False) -> list[Content]:
    """Return what an error says and what helps, each in lines of `width` cells; a `passing` one is waited for."""
    sign, style = (glyphs.warning, "$warning") if passing else (glyphs.cross, "$error")
    lines = paragraphs(f"{sign} {error.message}").stylize(style).wrap(width)
    if error.advice:
        lines += paragraphs(error.advice).wrap(width)
    return lines


# What all of them come to, in the top bar


def summary(transfers: list[Transfer], glyphs: Glyphs) -> Content:
    """Return how many go each way and how far they are, `↑1 ↓2 43%`, and how many stand; nothing where none do."""
    going = [each for each in transfers if each.state.active]
    ways = [(glyphs.up, Way.UP), (glyphs.down, Way.DOWN)]
    parts: list[tuple[str, str]] = []
    for sign, way in ways:
        if count := sum(each.way is way for each in going):
            parts.append((f"{sign}{count}", "bold $accent"))
    sized = [each for each in going if each.total]
    percent = percent_of(sum(each.done for each in sized), sum(each.total for each in sized))
    if percent is not None:
        parts.append((f"{percent:>3}%", ""))
    if stalled := sum(each.interrupted for each in transfers):
        parts.append((f"{glyphs.warning}{stalled}", "$warning"))
    for state, style in ((TransferState.PAUSED, "$muted"), (TransferState.FAILED, "$error")):
        if count := sum(each.state is state for each in transfers):
            parts.append((f"{_sign(state, glyphs)}{count}", style))
    return line(*(piece for part in parts for piece in (part, " "))) if parts else Content()
