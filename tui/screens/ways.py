"""The ways to a job and to its results, the same from every screen that knows of one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tui.errors import ArkdeckError
from tui.i18n import _
from tui.screens.telling import tell_error
from tui.widgets.action_keys import key_of

if TYPE_CHECKING:
    from textual.app import App

    from tui.connection import Connection
    from tui.runs.board import JobView
    from tui.runs.journal import Journal
    from tui.runs.transfers import Transfer


def show_job(app: App[Any], job_id: str, connection: Connection) -> None:
    """Show a job on a screen of its own, once the list of jobs has it."""
    from tui.screens.job import JobScreen

    view = connection.poller.board.views.get(job_id)
    if view is not None:
        app.push_screen(JobScreen(view, connection))
    else:
        app.notify(_("the list of jobs does not have it yet"), severity="warning", markup=False)


async def show_results(app: App[Any], view: JobView, connection: Connection) -> None:
    """Show what became of a job's requests, where its results are on this machine."""
    try:
        here = await connection.services.journal.apart(partial(_results_here, view.job.id))
    except ArkdeckError as error:
        tell_error(app, error)
        return
    if here:
        from tui.screens.results import ResultsScreen

        app.push_screen(ResultsScreen(view, connection))
    elif any(_brings_home(each, view.job.id) for each in connection.transfers.all):
        on_their_way = _("its results are on their way: {key} shows them", key=key_of("app.transfers"))
        app.notify(on_their_way, markup=False)
    else:
        app.notify(
            _("its results are not here yet: press {key} to download them", key=key_of("job.download")), markup=False
        )


def _brings_home(transfer: Transfer, job_id: str) -> bool:
    from tui.runs.transfers import Way

    return transfer.way is Way.DOWN and transfer.job_id == job_id and transfer.state.active


def _results_here(job_id: str, journal: Journal) -> bool:
    """Return whether a job's results are on this machine; imports what shows them, which takes a while too."""
    import tui.screens.results  # noqa: F401
    from tui.runs.results_folder import are_here

    return are_here(job_id, journal)
