"""The list of jobs: the screen that is open all day."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from tui.actions import Scope, Situation, in_shell
from tui.i18n import _
from tui.runs.job_filter import FilterError, filter_words, parse_filter
from tui.runs.job_order import DESCENDING_FIRST, NEEDS, ORDERS, in_order
from tui.screens.deck_app import deck_of
from tui.screens.entrance import Entrance
from tui.screens.job_deeds import JobDeeds
from tui.screens.jobs_empty import Emptiness, why_empty
from tui.screens.messages import BoardChanged, ConnectionChanged, JobMade, PollTold
from tui.screens.moving import Listing
from tui.screens.polling import Polling
from tui.widgets.action_keys import key_of
from tui.widgets.filter_line import FilterLine
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import COLUMNS, DEFAULT_COLUMNS, Look, columns, job_cells
from tui.widgets.key_bar import KeyBar
from tui.widgets.phase_tabs import TABS, phase_tabs
from tui.widgets.preview import Preview
from tui.widgets.table import VirtualTable
from tui.widgets.tabs import Tabs
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.runs.board import JobView
    from tui.runs.changes import Deed

WIDE: Final = 100
"""Columns from which on there is room for the preview."""

_AGES_EVERY: Final = 10.0  # seconds
_REST: Final = 0.2  # seconds after which the cursor is not on its way any more
_FILL_EVERY: Final = 0.3  # seconds between the pages of a list that are shown while it is being read


class JobsScreen(Entrance, Polling, Listing, JobDeeds):
    """Jobs by phase, what needs attention first; filter, sort, marks, and a preview of the one under the cursor."""

    SCOPE = Scope.JOBS

    def __init__(self) -> None:
        super().__init__()
        self._views: Mapping[str, JobView] = {}
        self._tab = 0
        self._order = NEEDS
        self._descending = False
        self._now: datetime | None = None
        self._awaited = ""
        self._filled = -math.inf
        self._resting: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the lines and the list."""
        self._fit()
        yield TopBar(deck_of(self).launch.clock)
        yield Tabs(len(TABS))
        with Horizontal(id="jobs"):
            yield VirtualTable([], self._cells, empty=Content())
            yield Preview()
        yield FilterLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Put everything as the operator left it, and show what is known."""
        state = deck_of(self).state
        self._order = state.sort if state.sort in ORDERS else NEEDS
        self._descending = state.descending
        self.set_class(state.preview is False, "-no-preview")
        with suppress(FilterError):  # another version may have left it
            self.query_one(FilterLine).set_filter(parse_filter(state.filter or ""))
        self._set_order()
        self._set_columns()
        self.table.focus()
        self.set_interval(_AGES_EVERY, self._age)
        self.tell_top_bar()
        self._refill()

    def on_resize(self) -> None:
        """Choose what is shown for the new width."""
        self._fit()
        self._set_columns()

    def _fit(self) -> None:
        """Leave the preview out where there is no room for it."""
        self.set_class(self.app.size.width < WIDE, "-narrow")

    @property
    def situation(self) -> Situation:
        """What an action would act on: the marked jobs, else the one under the cursor."""
        table = self.table
        keys = [key for key in self._views if key in table.marks] if table.marks else [table.cursor_key or ""]
        words = (f"phase:{TABS[self._tab].lower()}" if self._tab else "", self.query_one(FilterLine).filter.text)
        return replace(
            super().situation,
            jobs=tuple(self._views[key] for key in keys if key in self._views),
            marked=bool(table.marks),
            filter=" ".join(filter(None, words)),
        )

    def in_sight(self) -> Sequence[str]:
        """Return the ids of the jobs that are listed on the screen just now."""
        return self.table.keys_in_sight

    # What the app tells

    @on(ConnectionChanged)
    def _connection_changed(self) -> None:
        self._refill()

    @on(PollTold)
    def _poll_told(self, event: PollTold) -> None:
        status = event.status
        if status.asking:
            return
        if status.refused and status.cause is not None and self._views:
            keys = _(
                "Press {profiles} for profiles and keys, {again} to try again.",
                profiles=key_of("app.profiles"),
                again=key_of("jobs.refresh"),
            )
            self.app.notify(f"{status.cause.message}\n{keys}", severity="error", timeout=20, markup=False)
        if status.cause is not None:
            self._refill()  # what was read until then
        elif not self._views:
            self._say_why_empty()

    @on(BoardChanged)
    def _board_changed(self, event: BoardChanged) -> None:
        if (
            event.event.complete
            or deck_of(self).launch.clock.monotonic() - self._filled >= _FILL_EVERY
            or not self._views
        ):
            self._refill()

    @on(JobMade)
    def _job_made(self, event: JobMade) -> None:
        self._awaited = event.job_id
        self._refill()

    # What is listed

    def _refill(self) -> None:
        """List what tab and filter let through, in order."""
        deck = deck_of(self)
        self._now = now = deck.launch.clock.now()
        board = deck.connection.poller.board if deck.connection else None
        views = board.views.values() if board else ()
        made = board.views.get(self._awaited) if board else None
        if made is not None and made.job.phase.group != TABS[self._tab]:
            self._tab = 0
        phase, job_filter = TABS[self._tab], self.query_one(FilterLine).filter
        fitting = [view for view in views if not phase or view.job.phase.group == phase]
        if job_filter.text:
            fitting = [view for view in fitting if job_filter.matches(view, now)]
        ordered = in_order(fitting, self._order, descending=self._descending, now=now)
        self._views = {view.job.id: view for view in ordered}
        self.table.show(list(self._views))
        if board is not None and self._awaited in board.views:
            self.table.move_to(self._awaited)
            self._awaited = ""
        self._say_why_empty()
        counts = board.counts() if board and self._heard else None
        self.query_one(Tabs).tell(list(phase_tabs(counts)), self._tab)
        self._tell_count()
        self._tell_preview()
        self.refresh_keys()
        self._filled = deck.launch.clock.monotonic()

    @property
    def _heard(self) -> bool:
        """Whether the service has told of jobs at all."""
        return deck_of(self).poll_status.answered is not None

    def _cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        return job_cells(self._views[key], widths, self._look())

    def _look(self) -> Look:
        return Look(self._now or deck_of(self).launch.clock.now(), glyphs())

    def _age(self) -> None:
        """Bring ages and times left up to date where they can be seen; paused, nothing moves."""
        if self._views and not deck_of(self).poll_status.paused:
            self._now = deck_of(self).launch.clock.now()
            self.table.touch(self._views.keys())
            self._tell_preview()

    def _tell_count(self) -> None:
        connection = deck_of(self).connection
        total = len(connection.poller.board.views) if connection and self._heard else None
        self.query_one(FilterLine).count(len(self._views), total, len(self.table.marks))

    def _tell_preview(self) -> None:
        view = self._views.get(self.table.cursor_key or "")
        self.query_one(Preview).tell(view, self._look().now)

    def _say_why_empty(self) -> None:
        if self._views:
            return
        deck = deck_of(self)
        board = deck.connection.poller.board if deck.connection else None
        circumstances = Emptiness(
            state=deck.connection_state,
            status=deck.poll_status,
            complete=board is not None and board.complete,
            total=len(board.views) if board else 0,
            tab=TABS[self._tab],
            filter=self.query_one(FilterLine).filter.text,
            submit=in_shell(("submit", "FILE", "--model", "NAME"), super().situation),
            local=deck.connection is not None and deck.connection.local,
        )
        self.table.set_empty(why_empty(circumstances, connected=deck.connection is not None))

    # What the widgets tell

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST, self._tell_preview)
        self.refresh_keys()

    @on(VirtualTable.MarksChanged)
    def _marks_changed(self) -> None:
        self._tell_count()
        self.refresh_keys()

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("job.open")

    @on(VirtualTable.HeaderClicked)
    def _header_clicked(self, event: VirtualTable.HeaderClicked) -> None:
        self._choose_order(NEEDS if event.column_id == "note" else event.column_id)

    @on(Tabs.Chosen)
    def _tab_clicked(self, event: Tabs.Chosen) -> None:
        self.do_jobs_tab(event.number)

    @on(FilterLine.Changed)
    def _filter_changed(self) -> None:
        self._refill()

    @on(FilterLine.Closed)
    def _filter_closed(self) -> None:
        deck_of(self).remember(filter=self.query_one(FilterLine).filter.text)
        self.set_focus(self.table)

    # What the operator does

    def do_job_open(self) -> None:
        """Show the job under the cursor on a screen of its own."""
        from tui.screens.job import JobScreen

        connection, view = deck_of(self).connection, self._views.get(self.table.cursor_key or "")
        if connection is not None and view is not None:
            self.app.push_screen(JobScreen(view, connection))

    def carried_out(self, deed: Deed, job_ids: Collection[str]) -> None:
        """Unmark the jobs to which it was done."""
        self.table.unmark(job_ids)

    def do_jobs_tab(self, number: int) -> None:
        """List the jobs of one phase, or all."""
        self._tab = number
        self._refill()

    def do_jobs_filter(self) -> None:
        """Let a filter be typed."""
        self.query_one(FilterLine).open()

    def filter_words(self) -> Sequence[tuple[str, str]]:
        """Return what the help tells of the filter's words."""
        return tuple(filter_words())

    def do_jobs_sort(self) -> None:
        """Choose the order in a menu; what is chosen already turns round."""
        from tui.screens.menu import Choice, MenuScreen

        choices = [Choice(id=NEEDS, key="n", label=_("what needs attention first"))]
        choices += [Choice(id=order, label=_called(order)) for order in ORDERS if order != NEEDS]
        self.app.push_screen(MenuScreen(_("Sort by"), choices, current=self._order), self._choose_order)

    def _choose_order(self, order: str | None) -> None:
        if order not in ORDERS:
            return
        self._descending = not self._descending if order == self._order else order in DESCENDING_FIRST
        self._order = order
        deck_of(self).remember(sort=order, descending=self._descending)
        self._set_order()
        self._refill()

    def _set_order(self) -> None:
        self.table.set_sort(None if self._order == NEEDS else self._order, self._descending)

    def do_jobs_columns(self) -> None:
        """Choose the columns in a menu."""
        from tui.screens.menu import ChecklistScreen, Choice

        choices = [Choice(id=each, label=_called(each)) for each in COLUMNS if each != "name"]
        shown = deck_of(self).state.columns or DEFAULT_COLUMNS

        def chosen(ids: frozenset[str] | None) -> None:
            if ids is not None:
                deck_of(self).remember(columns=tuple(each for each in COLUMNS if each == "name" or each in ids))
                self._set_columns()
                self.call_after_refresh(self._tell_columns)

        self.app.push_screen(ChecklistScreen(_("Columns"), choices, chosen=shown), chosen)

    def _set_columns(self) -> None:
        self.table.set_columns(columns(deck_of(self).state.columns or DEFAULT_COLUMNS, self.app.size.width))

    def _tell_columns(self) -> None:
        """Say which columns there are now, and which ones the window has no room for."""
        shown, chosen = self.table.columns_shown, deck_of(self).state.columns or DEFAULT_COLUMNS
        said = _("shown: {columns}", columns=", ".join(map(_called, shown)))
        if no_room := [_called(each) for each in chosen if each not in shown]:
            said += _("; no room for: {columns}", columns=", ".join(no_room))
        self.app.notify(said, markup=False)

    def do_jobs_preview(self) -> None:
        """Show or hide the preview."""
        if self.has_class("-narrow"):
            too_narrow = _("the preview needs a window of {width} columns", width=WIDE)
            self.app.notify(too_narrow, severity="warning", markup=False)
            return
        self.toggle_class("-no-preview")
        deck_of(self).remember(preview=not self.has_class("-no-preview"))

    def do_app_back(self) -> None:
        """Undo the filter; without one, the marks."""
        if self.query_one(FilterLine).filter.text:
            self.query_one(FilterLine).set_filter(parse_filter(""))
            deck_of(self).remember(filter="")
        else:
            self.table.clear_marks()

    def do_jobs_mark(self) -> None:
        """Mark the job under the cursor, or unmark it."""
        self.table.mark()

    def do_jobs_mark_range(self) -> None:
        """Mark from the last mark to the cursor."""
        self.table.mark_range()

    def do_jobs_clear_marks(self) -> None:
        """Unmark all."""
        self.table.clear_marks()


def _called(column: str) -> str:
    """Return a column as a menu calls it."""
    return COLUMNS[column].title.strip().lower()
