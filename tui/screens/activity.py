"""What was done to jobs from this machine: by whom it was asked here, and what the service made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content

from tui.actions import Scope, Situation
from tui.i18n import _
from tui.runs.database import JournalError
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.messages import BoardChanged, ConnectionChanged
from tui.screens.moving import Listing
from tui.screens.ways import show_job
from tui.widgets.activity_cells import COLUMNS, activity_cells
from tui.widgets.crumb import Crumb
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe_text import line
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.runs.board import JobView
    from tui.runs.run import Activity

_MOST: Final = 1000


class ActivityScreen(Headed, Listing):
    """Lists what the journal has of deeds, newest first; the job of each can be opened as long as the list has it."""

    SCOPE = Scope.ACTIVITY

    def __init__(self) -> None:
        super().__init__()
        self._listed: Mapping[str, Activity] = {}

    def compose(self) -> ComposeResult:
        """Lay out the lines and the list."""
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield VirtualTable(COLUMNS, self._cells, empty=Content())
        yield KeyBar()

    def on_mount(self) -> None:
        """Say what is listed."""
        self.query_one(Crumb).tell(
            line((_("Activity"), "bold")), line((_("what was done to jobs from this machine"), "$muted"))
        )
        self.tell_top_bar()
        self.table.focus()

    def on_screen_resume(self) -> None:
        """List what was done until now."""
        self._list()

    @property
    def situation(self) -> Situation:
        """What an action would act on: the job of the deed under the cursor."""
        done = self._listed.get(self.table.cursor_key or "")
        view = self._view(done) if done else None
        return replace(super().situation, jobs=() if view is None else (view,), gone=done is not None and view is None)

    def _view(self, done: Activity) -> JobView | None:
        connection = deck_of(self).connection
        return connection.poller.board.views.get(done.job_id) if connection else None

    # What is listed

    @on(ConnectionChanged)
    @on(BoardChanged)
    @work(group="activity", exclusive=True)
    async def _list(self) -> None:
        connection = deck_of(self).connection
        if connection is None:
            self._listed = {}
            self.table.set_empty(line(_("not connected")))
            self.table.show([])
            self.refresh_keys()
            return
        try:
            found = await connection.services.journal.apart(lambda journal: journal.activity(limit=_MOST))
        except JournalError as error:
            self.app.notify(error.message, severity="warning", markup=False)
            return
        listed: dict[str, Activity] = {}
        for done in reversed(found):
            key = f"{done.at.isoformat()} {done.deed} {done.job_id}"
            listed[key if key not in listed else f"{key} {len(listed)}"] = done
        self._listed = dict(reversed(listed.items()))
        self.table.set_empty(line((_("nothing was done yet: what you stop, resume or delete is noted here"), "$muted")))
        self.table.show(list(self._listed))
        self.refresh_keys()

    def _cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        done = self._listed[key]
        return activity_cells(done, self._view(done), widths)

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_keys()

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("activity.open")

    # What the operator does

    def do_activity_open(self) -> None:
        """Show the job of the deed under the cursor."""
        connection = deck_of(self).connection
        if connection is not None:
            show_job(self.app, self.situation.jobs[0].job.id, connection)

    def do_activity_reload(self) -> None:
        """Read the journal again."""
        self._list()
