"""The transfers that the journal has, as they stand there."""

from __future__ import annotations

from contextlib import suppress

from tui.runs.journal import Journal, UnknownRunError
from tui.runs.run import Run
from tui.runs.transfer import Transfer, TransferState, is_transfer, transfer_of


def unfinished(service: str, journal: Journal) -> list[Transfer]:
    """Return what moves files to or from a cloud and is not finished, oldest first; it blocks."""
    runs = [run for run in reversed(journal.runs(open_only=True)) if run.plan.service == service and is_transfer(run)]
    return [_as_it_is(run, journal) for run in runs]


def as_they_are(run_ids: list[str], journal: Journal) -> dict[str, tuple[Run | None, Transfer | None]]:
    """Return runs by their ids as they are now, if at all, each as a transfer too if it still is one; it blocks."""
    found: dict[str, tuple[Run | None, Transfer | None]] = dict.fromkeys(run_ids, (None, None))
    for run_id in run_ids:
        with suppress(UnknownRunError):
            run = journal.run(run_id)
            found[run_id] = run, _as_it_is(run, journal) if is_transfer(run) else None
    return found


def _as_it_is(run: Run, journal: Journal) -> Transfer:
    holder = journal.live_holder(run.id)
    if holder is None:
        return transfer_of(run, TransferState.PAUSED)
    return transfer_of(run, TransferState.HELD, holder=str(holder))
