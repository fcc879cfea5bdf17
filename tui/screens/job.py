"""One job: all that is known of it, kept up to date, and what can be done to it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import ComposeResult

from tui.actions import Scope, Situation
from tui.runs.changes import Deed
from tui.runs.database import JournalError
from tui.runs.job_record import read_record
from tui.screens.deck_app import deck_of
from tui.screens.job_deeds import JobDeeds
from tui.screens.messages import BoardChanged
from tui.screens.moving import Moving
from tui.screens.of_cloud import OfCloud
from tui.screens.polling import Polling
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import Look
from tui.widgets.job_page import Known, job_page
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe_text import identifier
from tui.widgets.text_view import TextView
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.connection import Connection
    from tui.runs.board import JobView

_AGES_EVERY: Final = 10.0  # seconds


class JobScreen(OfCloud, Polling, Moving, JobDeeds):
    """Shows one job; the service is asked for it by itself for as long as the screen is open.

    Args:
        view: the job as it is known.
        connection: of its cloud; where another takes its place, the screen closes.
    """

    SCOPE = Scope.JOB

    def __init__(self, view: JobView, connection: Connection) -> None:
        super().__init__(connection)
        self._known = Known(view)

    def compose(self) -> ComposeResult:
        """Lay out the lines and the page."""
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield TextView(id="job-page")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show what is known, and have the service asked for the rest."""
        self.page.focus()
        self.set_interval(_AGES_EVERY, self._age)
        self.tell_top_bar()
        self.of.poller.look_at(self._known.view.job.id)

    def on_unmount(self) -> None:
        """Have the service asked for it by itself no more."""
        self.of.poller.look_at(None)

    def on_resize(self) -> None:
        """Lay the page out for the new width, once it has it."""
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        """Show what was done from a dialog, unless the job's cloud was left meanwhile."""
        if self.is_open:
            self._read_journal()

    @property
    def page(self) -> TextView:
        """What scrolls."""
        return self.query_one(TextView)

    moved = page

    @property
    def situation(self) -> Situation:
        """What an action would act on: this job."""
        return replace(super().situation, jobs=(self._known.view,), gone=self._known.gone)

    # What the app tells

    @on(BoardChanged)
    def _board_changed(self, event: BoardChanged) -> None:
        if not self.is_open:
            return
        job_id = self._known.view.job.id
        if job_id in event.event.removed:
            self._known = replace(self._known, gone=True)
            self._read_journal()
        elif job_id in event.event.changed and (view := self.of.poller.board.views.get(job_id)):
            self._known = replace(self._known, view=view, gone=False)
            self._read_journal()

    # What is shown

    def _read_journal(self) -> None:
        """Take up what the journal says of the job, and show it all."""
        view, services = self._known.view, self.of.services
        try:
            record = read_record(view.job, services.journal, now=services.clock.now(), known=self._known.record)
        except JournalError as error:
            self.app.notify(error.message, severity="warning", markup=False)
        else:
            self._known = replace(self._known, record=record)
        self._show()
        self.refresh_keys()

    def _age(self) -> None:
        """Bring ages up to date; paused, nothing moves."""
        if not deck_of(self).poll_status.paused:
            self._show()

    def _show(self) -> None:
        """Show what is known as it is now; only what differs is painted."""
        self.query_one(Crumb).tell(identifier(self._known.view.job.id))
        width = self.page.sight.width
        if width:
            self.page.show(job_page(self._known, width, Look(deck_of(self).launch.clock.now(), glyphs())))

    # What the operator does

    def carried_out(self, deed: Deed, job_ids: Collection[str]) -> None:
        """Show that it was tried; go back to the list from a job that is deleted."""
        if deed is Deed.DELETE and job_ids and self.is_active:
            self.do_app_back()
        elif self.is_attached and self.is_open:
            self._read_journal()
