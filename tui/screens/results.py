"""The results of a job: what became of every request, and the requests themselves."""

from __future__ import annotations

import time
from collections.abc import Awaitable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from tui.actions import Scope, Situation
from tui.daemon import in_daemon, stream_from_daemon
from tui.dataset.reply import Fate
from tui.dataset.search import search
from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.runs.results_folder import Results, open_here
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.job_deeds import JobDeeds
from tui.screens.messages import BoardChanged
from tui.screens.results_left import RetryDeeds
from tui.screens.telling import tell_error
from tui.text import human_bytes, short_path
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import job_name
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines import Lines
from tui.widgets.result_cells import KINDS, account_lines, columns, group_code, group_lines, group_message, kind_tabs
from tui.widgets.safe_text import identifier, line
from tui.widgets.search_line import SearchLine
from tui.widgets.table import VirtualTable
from tui.widgets.table_rows import NumberedRows
from tui.widgets.tabs import Tabs
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.connection import Connection
    from tui.dataset.results import ErrorGroup
    from tui.dataset.row_glance import WholeRow
    from tui.dataset.row_index import Row
    from tui.runs.board import JobView

WIDE: Final = 140
"""Columns from which on there is room for the kinds of errors beside the requests."""
TALL: Final = 30
"""Rows from which on there is room for blank lines."""

_TOLD_EVERY: Final = 0.5  # seconds
_MOST_FOUND: Final = 10_000
_MOST_GROUPS: Final = 100


class ResultsScreen(RetryDeeds, Headed, JobDeeds):
    """Shows the account of a job and its requests: by what became of them, by their error, by a text in them.

    Args:
        view: the job as it is known.
        connection: of its cloud.
    """

    SCOPE = Scope.RESULTS
    CSS_PATH = "results.tcss"

    def __init__(self, view: JobView, connection: Connection) -> None:
        super().__init__(connection)
        self._view = view
        self._tab = 0
        self._group: ErrorGroup | None = None
        self._found: dict[int, Row] = {}
        self._seeking = False
        self._listed = 0
        self._progress = ""

    def compose(self) -> ComposeResult:
        """Lay out the account and the list."""
        self._fit()
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield Lines(id="account")
        yield Tabs(len(KINDS))
        with Horizontal(id="rows"):
            yield VirtualTable([], self.cells, empty=Content(), markable=False)
            yield Lines(id="errors")
        yield SearchLine()
        yield KeyBar()

    def on_mount(self) -> None:
        """Open the results."""
        self.table.focus()
        self.tell_top_bar()
        self._tell_head()
        self._open()

    def on_resize(self) -> None:
        """Choose what is shown for the new size."""
        self._fit()
        self.call_after_refresh(self._tell_account)

    def _fit(self) -> None:
        size = self.app.size
        self.set_class(size.width < WIDE, "-narrow")
        self.set_class(size.height < TALL, "-short")

    @property
    def view(self) -> JobView:
        """The job as it is known."""
        return self._view

    @property
    def code(self) -> str | None:
        """The code of the errors that are listed."""
        return None if self._group is None else self._group.code

    @property
    def situation(self) -> Situation:
        """What an action would act on: the request under the cursor."""
        view = self._view if self.results is None else replace(self._view, account=self.results.account)
        words = [KINDS[self._tab].option, *(("--code", self._group.code) if self._group else ())]
        text = self.query_one(SearchLine).text
        words += ["--grep", text] if text else []
        return replace(
            super().situation,
            jobs=(view,),
            results=tuple(filter(None, words)),
            input_here=self.results is not None and self.results.input is not None,
            request=self.request_id,
        )

    # Opening

    @work(group="open", exclusive=True)
    async def _open(self) -> None:
        """Open the results, and tell what has to be done first."""
        told = 0.0
        try:
            async with aclosing(open_here(self._view.job, self.of.services.journal)) as steps:
                async for step in steps:
                    if isinstance(step, Results):
                        self.take(step)
                    elif (now := time.monotonic()) - told >= _TOLD_EVERY or not told:
                        told = now
                        self.table.set_empty(_accounting(step.done, step.total))
        except ArkdeckError as error:
            self.unreadable(error)

    def take(self, results: Results) -> bool:
        """Show these results."""
        there = super().take(results)
        if there:
            self.table.set_columns(columns(len(results.index)))
            self._tell_head()
            self._tell_account()
            self._refill()
        return there

    def unreadable(self, error: ArkdeckError) -> None:
        """Say in place of rows why there are none."""
        words = [line((f"{glyphs().cross} {error.message}", "$error"))]
        words += [line((error.advice, "$muted"))] if error.advice else []
        self.table.set_empty(Content("\n\n").join(words))
        self.table.show([])

    @on(BoardChanged)
    def _board_changed(self, event: BoardChanged) -> None:
        job_id = self._view.job.id
        if job_id in event.event.changed and (view := self.of.poller.board.views.get(job_id)):
            self._view = view
            self._tell_head()

    # What is told

    def _tell_head(self) -> None:
        subject = line((_("Results of "), "$muted"), job_name(self._view.job).stylize("bold"))
        results = self.results
        if results is None:
            self.query_one(Crumb).tell(subject)
            return
        job, now = results.job, self._view.job
        if job is not None and (job.phase, job.counts) != (now.phase, now.counts):
            note = line((_("the job has gone on since: these are older"), "$warning"))
        else:
            note = identifier(short_path(results.folder)).stylize("$muted")
        self.query_one(Crumb).tell(subject, note)

    def _tell_account(self) -> None:
        results = self.results
        if results is None:
            return
        account, told = self.query_one("#account", Lines), account_lines(results.account, results.job)
        account.styles.height = len(told)
        account.show(*told)
        self.query_one(Tabs).tell(kind_tabs(results.account, glyphs()), self._tab)
        errors = self.query_one("#errors", Lines)
        errors.set_class(not results.account.errors, "-none")
        errors.show(*group_lines(results.account, errors.size.width - 2, errors.size.height))

    def tell_progress(self, words: str) -> None:
        """Show how far something is."""
        self._progress = f"  {words}" if words else ""
        self._tell_count()

    def _tell_count(self) -> None:
        """Say how many requests are listed, and how far a search is."""
        results = self.results
        if results is None:
            return
        total = len(results.index)
        if self.query_one(SearchLine).text:
            found = plural("{count} found", "{count} found", len(self._found))
            fitting = _("{shown:,} of ", shown=self._listed) if self._listed < len(self._found) else ""
            said = line(fitting, found, (self._progress, "$muted"))
        else:
            said = line((_("{shown:,} of {total:,}", shown=self._listed, total=total), "$muted"), self._progress)
        if self._group is not None:
            said = line((group_code(self._group), "bold $error"), "  ", said)
        self.query_one(SearchLine).note(said)

    # What is listed

    def _refill(self) -> None:
        """List what tab, error and search let through."""
        results = self.results
        if results is None:
            return
        self.workers.cancel_group(self, "list")  # what was asked for before
        fate = KINDS[self._tab].fate
        kinds = None if self._group is None else _kinds(results, self._group)
        if self.query_one(SearchLine).text:
            numbers = sorted(number for number, row in self._found.items() if _fits(row, fate, kinds))
            self._list(NumberedRows(np.array(numbers, np.uint32)))
        elif fate is None:
            self._list(NumberedRows(range(len(results.index))))
        else:
            self._list_chosen(results, fate, kinds)

    @work(group="list", exclusive=True)
    async def _list_chosen(self, results: Results, fate: Fate, kinds: frozenset[int] | None) -> None:
        """List those of a fate; among millions it takes a moment to find them."""
        self._list(NumberedRows(await in_daemon(partial(results.index.numbers, fate, kinds), name="list")))

    def _list(self, rows: NumberedRows) -> None:
        self._listed = len(rows)
        self.table.set_empty(self._nothing())
        self.table.show_rows(rows)
        if self.results is not None:
            self.query_one(Tabs).tell(kind_tabs(self.results.account, glyphs()), self._tab)
        self._tell_count()
        self.refresh_keys()

    def _nothing(self) -> Content:
        if self._seeking:
            return line((_("Looking…  esc stops it."), "$muted"))
        if self.query_one(SearchLine).text:
            return line((_("No request has this text in its id, its answer or its error."), "$muted"))
        return line((_("No request: {kind}", kind=KINDS[self._tab].word.lower()), "$muted"))

    @on(Tabs.Chosen)
    def _tab_clicked(self, event: Tabs.Chosen) -> None:
        self.do_results_tab(event.number)

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("results.open")

    # What is looked for

    @on(SearchLine.Closed)
    def _search_closed(self) -> None:
        self.set_focus(self.table)

    @on(SearchLine.Asked)
    def _search_asked(self, event: SearchLine.Asked) -> None:
        self.workers.cancel_group(self, "search")
        self._found, self._progress = {}, ""
        results = self.results
        if event.text and results is not None:
            self._seeking = True
            self._look_for(event.text, results)
        self._refill()

    @work(group="search", exclusive=True)
    async def _look_for(self, text: str, results: Results) -> None:
        """Look through the files, and list what is found as it is found."""
        steps = stream_from_daemon(lambda: search(results.index_path, text, results.input), name="search")
        told, listed = 0.0, 0
        try:
            async with aclosing(steps):
                async for step in steps:
                    self._found |= {row.number: row for row in step.found}
                    if len(self._found) >= _MOST_FOUND:
                        break
                    if (now := time.monotonic()) - told >= _TOLD_EVERY:
                        told = now
                        self._progress = f"  {100 * step.done // max(1, step.total)}%"
                        self._tell_count()
                        if len(self._found) > listed:
                            listed = len(self._found)
                            self._refill()
        except ArkdeckError as error:
            tell_error(self.app, error)
        self._seeking = False
        self._progress = _("  and more: it stopped there") if len(self._found) >= _MOST_FOUND else ""
        self._refill()

    # What the operator does

    def do_results_open(self) -> None:
        """Show the request under the cursor, and its answer."""
        from tui.screens.request import RequestScreen

        reader, results, number = self.reader, self.results, self.number
        if reader is not None and results is not None and number is not None:

            def read(place: int) -> Awaitable[WholeRow | None]:
                return self.apart(partial(reader.whole, place))

            self.app.push_screen(RequestScreen(number, len(results.index), read, self._step, self.situation, self.of))

    def _step(self, by: int) -> int | None:
        """Go on by so many rows; return the number of the row that is reached, None at the end."""
        before = self.number
        self.table.down() if by > 0 else self.table.up()
        return self.number if self.number != before else None

    def do_results_tab(self, number: int) -> None:
        """List the requests that one thing became of, or all."""
        self._tab = number
        if KINDS[number].fate is not Fate.FAILED:
            self._group = None
        self._refill()

    def do_results_search(self) -> None:
        """Let a text be typed that is looked for."""
        self.query_one(SearchLine).open()

    async def do_results_errors(self) -> None:
        """Choose a kind of error, and list the requests that failed so."""
        from tui.screens.menu import Choice, MenuScreen

        results = self.results
        if results is None:
            return
        groups = results.account.errors
        digits = max(len(f"{group.count:,}") for group in groups)
        choices = [Choice(id="", key="a", label=_("all that failed"))]
        choices += [
            Choice(
                id=str(place),
                label=f"{group.count:,}".rjust(digits) + f"  {group_code(group)}",
                note=group_message(group),
            )
            for place, group in enumerate(groups[:_MOST_GROUPS])
        ]
        current = str(groups.index(self._group)) if self._group is not None else None
        title = plural("{count} kind of error", "{count} kinds of errors", len(groups))
        chosen = await self.app.push_screen_wait(MenuScreen(title, choices, current=current))
        if chosen is not None:
            self._group = groups[int(chosen)] if chosen else None
            self.do_results_tab(1)

    def do_app_back(self) -> None:
        """Stop a search; without one, undo it, then the choice of an error; then leave."""
        typed = self.query_one(SearchLine)
        if self._seeking:
            self.workers.cancel_group(self, "search")
            self._seeking = False
            self._progress = _("  stopped")
            self._refill()
        elif typed.text:
            typed.clear()
            self._found = {}
            self._refill()
        elif self._group is not None:
            self._group = None
            self._refill()
        else:
            super().do_app_back()


def _kinds(results: Results, group: ErrorGroup) -> frozenset[int]:
    return frozenset(kind for kind, error in enumerate(results.index.errors) if error == (group.code, group.template))


def _fits(row: Row, fate: Fate | None, kinds: frozenset[int] | None) -> bool:
    return (fate is None or bool(row.fate & fate)) and (kinds is None or row.kind in kinds)


def _accounting(done: int, total: int) -> Content:
    percent = 100 * done // max(1, total)
    said = _("Making the account: {done} of {total}, {percent}%",
             done=human_bytes(done), total=human_bytes(total), percent=percent)  # fmt: skip
    return line(said, (_("   esc stops it"), "$muted"))
