"""One request: what was asked and what came of it, side by side where there is room."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import DescendantFocus

from tui.actions import Scope, Situation
from tui.daemon import in_daemon
from tui.dataset.row_glance import WholeRow
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.moving import Moving
from tui.screens.of_cloud import OfCloud
from tui.screens.request_deeds import RequestDeeds
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines import Lines
from tui.widgets.request_page import answer_lines, input_lines
from tui.widgets.result_cells import outcome
from tui.widgets.safe_text import identifier, line
from tui.widgets.text_view import TextView
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.connection import Connection

WIDE: Final = 100
"""Columns from which on request and answer stand side by side."""

Read = Callable[[int], Awaitable[WholeRow | None]]
"""Reads a request by its place in the input (ArkdeckError); None once the results are closed."""
Step = Callable[[int], int | None]
"""Goes on by so many requests of the list, and returns the number of the one that is reached; None at the end."""


class RequestScreen(OfCloud, Headed, Moving, RequestDeeds):
    """Shows one request and its answer, and leads through the list that it was opened from.

    Args:
        number: of the request, from 0.
        count: how many there are.
        read: reads them.
        step: through the list.
        beneath: the situation of the list.
        connection: of the job's cloud.
    """

    SCOPE = Scope.REQUEST
    CSS_PATH = "request.tcss"
    AUTO_FOCUS = "#answer"

    def __init__(
        self, number: int, count: int, read: Read, step: Step, beneath: Situation, connection: Connection
    ) -> None:
        super().__init__(connection)
        self._number = number
        self._count = count
        self._read_row = read
        self._step = step
        self._beneath = beneath
        self._whole: WholeRow | None = None

    def compose(self) -> ComposeResult:
        """Lay out the lines and both sides."""
        self._fit()
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        with Container(id="sides"):
            for side in ("input", "answer"):
                with Container(classes="side"):
                    yield Lines(id=f"{side}-title")
                    yield TextView(id=side)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read the request."""
        for view in self.query(TextView):
            view.toggle_wrap()
        self.tell_top_bar()
        self._read()

    def on_resize(self) -> None:
        """Put the sides beside each other, or one below the other."""
        self._fit()

    def _fit(self) -> None:
        self.set_class(self.app.size.width < WIDE, "-narrow")

    @property
    def moved(self) -> TextView:
        """The side that has the focus."""
        focused = self.focused
        return focused if isinstance(focused, TextView) else self.query_one("#answer", TextView)

    @property
    def situation(self) -> Situation:
        """What an action would act on: this request."""
        custom_id = self._whole.details.custom_id if self._whole is not None else None
        shown = () if custom_id is None else ("--id", custom_id)
        return replace(self._beneath, request=custom_id, results=shown)

    async def whole_row(self) -> WholeRow | None:
        """Return the request with its lines."""
        return self._whole

    # What is shown

    @work(group="request", exclusive=True)
    async def _read(self) -> None:
        """Show the request once it is read; one that has millions of characters takes a while."""
        number = self._number
        self._tell(None)
        try:
            whole = await self._read_row(number)
        except ArkdeckError as error:
            self.query_one("#answer", TextView).show([line((error.message, "$error"))])
            return
        if whole is None:
            return
        asked, said = await in_daemon(lambda: (input_lines(whole), answer_lines(whole)), name="request")
        self._whole = whole
        self._tell(whole)
        for side, lines in (("#input", asked), ("#answer", said)):
            view = self.query_one(side, TextView)
            view.first()
            view.show(lines)
        self.refresh_keys()

    def _tell(self, whole: WholeRow | None) -> None:
        of = _("request {number:,} of {count:,}", number=self._number + 1, count=self._count)
        if whole is None:
            self.query_one(Crumb).tell(line((of, "bold")))
            return
        details = whole.details
        name = identifier(details.custom_id or _("id not known")).stylize("bold")
        self.query_one(Crumb).tell(
            line(name, "  ", outcome(details.verdict, details.flags, glyphs())), line((of, "$muted"))
        )

    @on(DescendantFocus)
    def _tell_sides(self) -> None:
        """Show which side the keys move."""
        for side, title in (("input", _("INPUT")), ("answer", _("ANSWER"))):
            active = self.moved.id == side
            look = "bold reverse $primary" if active else "bold $muted"
            self.query_one(f"#{side}-title", Lines).show(line((f" {title} ", look)))

    # What the operator does

    def do_request_next(self) -> None:
        """Show the next request of the list."""
        self._go(1)

    def do_request_previous(self) -> None:
        """Show the request before it."""
        self._go(-1)

    def _go(self, by: int) -> None:
        number = self._step(by)
        if number is None:
            end = _("this is the last one of the list") if by > 0 else _("this is the first one of the list")
            self.app.notify(end, markup=False)
            return
        self._number = number
        self._read()

    def do_request_other(self) -> None:
        """Let the keys move the other side."""
        other = "#input" if self.moved.id == "answer" else "#answer"
        self.query_one(other, TextView).focus()

    def do_request_wrap(self) -> None:
        """Wrap long lines on both sides, or stop it."""
        for view in self.query(TextView):
            view.toggle_wrap()

    def do_request_left(self) -> None:
        """Scroll to the left."""
        self.moved.left()

    def do_request_right(self) -> None:
        """Scroll to the right."""
        self.moved.right()
