"""The example run that the demo shows in the deck: begun by itself, told step by step, its job in the list."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from tui.daemon import in_daemon
from tui.errors import ArkdeckError
from tui.i18n import _, plural

if TYPE_CHECKING:
    from tui.connection import Connection
    from tui.runs.events import Event


async def run_example(connection: Connection, results: Path, say: Callable[[str], None]) -> str:
    """Take the shipped example all the way on a local cloud; return what became of it, in one line.

    Args:
        connection: the local cloud.
        results: the folder that gets the job's folder.
        say: is told what has been done, one line each; also why it ended early.
    """
    await in_daemon(_import_flows, name="imports")
    told = ""
    from tui.runs.course import begin
    from tui.runs.example import example_plan

    try:
        async with aclosing(begin(example_plan(connection.profile, results), connection.services)) as events:
            async for event in events:
                if news := _told(event):
                    told = news
                    say(told)
                    connection.poller.refresh()
    except ArkdeckError as error:
        told = _("example: {error}", error=error.message)
        say(told)
    return told


def _told(event: Event) -> str:
    """One line for the steps that a person wants to hear of."""
    from tui.dataset.check import CheckSummary
    from tui.runs import events

    match event:
        case CheckSummary(requests=requests):
            return plural("example: checked {count} request", "example: checked {count} requests", requests)
        case events.InputUploaded():
            return _("example: uploaded the input")
        case events.JobCreated(job=job):
            return _("example: created job {job}", job=job.id)
        case events.JobFinished(job=job):
            return _("example: the job is {phase}", phase=job.phase)
        case events.Reconciled(account=account, folder=folder):
            return _(
                "example: {ok:,} of {requests:,} answered, {failed:,} failed, {missing:,} missing; results in {folder}",
                ok=account.ok,
                requests=account.requests,
                failed=account.failed,
                missing=account.missing,
                folder=folder,
            )
    return ""


def _import_flows() -> None:
    import tui.runs.course
    import tui.runs.example  # noqa: F401
