"""What the dialogs with fields have in common: rows, what stands against them, the outcome, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Static

from tui.errors import ArkdeckError
from tui.screens.messages import ConnectionChanged
from tui.screens.seen_first import SeenFirst
from tui.screens.telling import tell_error
from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import line, paragraphs, plain
from tui.widgets.said import say

_Result = TypeVar("_Result")

_ROWS_AROUND: Final = 7


class Form(SeenFirst[_Result | None]):
    """A dialog of labelled rows over an outcome and buttons, which keep their place in a small window.

    Leaving it returns None.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "form.tcss"
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        # before the field gets what was typed right behind them, as a slow link delivers it
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._ended = False
        self._result: _Result | None = None

    def compose(self) -> ComposeResult:
        """Lay out title, rows, outcome and buttons."""
        with Vertical(id="dialog"):
            yield Static(self.heading(), id="title")
            with VerticalScroll(id="body", can_focus=False):
                yield from self.compose_rows()
            yield Static(id="outcome")
            with Horizontal(id="buttons"):
                yield from self.compose_buttons()

    def heading(self) -> Content:
        """Return the title."""
        raise NotImplementedError

    def compose_rows(self) -> ComposeResult:
        """Lay out the rows."""
        raise NotImplementedError

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        raise NotImplementedError

    def row(self, label: str, field: Widget) -> Iterator[Widget]:
        """Lay out a field behind its label, and the place for what is wrong with it."""
        yield Horizontal(Static(plain(label), classes="label"), field, classes="row")
        yield Static(id=f"wrong-{field.id}", classes="wrong")

    def on_resize(self, event: events.Resize) -> None:
        """Leave title, outcome and buttons their rows; the others scroll in the rest."""
        self._fit()

    def _fit(self) -> None:
        outcome = self.query_one("#outcome")
        taken = outcome.outer_size.height + 1 if outcome.has_class("-shown") else 0
        self.query_one("#body").styles.max_height = max(3, self.size.height - _ROWS_AROUND - taken)

    def object_to(self, field_id: str, trouble: str) -> None:
        """Show what is wrong with a field, beneath it; nothing when `trouble` is empty."""
        note = self.query_one(f"#wrong-{field_id}", Static)
        say(note, line(f"{glyphs().cross} {trouble}") if trouble else plain(""))
        note.set_class(bool(trouble), "-shown")
        self.query_one(f"#{field_id}").set_class(bool(trouble), "-invalid")

    def tell(self, words: str, look: str = "") -> None:
        """Show the outcome: of an attempt, or nothing. `look` is `-good`, `-bad` or neither."""
        if not self.is_attached:
            return
        outcome = self.query_one("#outcome", Static)
        say(outcome, paragraphs(words))
        for each in ("-good", "-bad"):
            outcome.set_class(each == look, each)
        outcome.set_class(bool(words), "-shown")
        self.call_after_refresh(self._fit)

    def tell_error(self, error: ArkdeckError) -> None:
        """Show what went wrong and what helps; in a toast where the dialog was left meanwhile."""
        if self.is_attached:
            self.tell(f"{glyphs().cross} {error.in_full}", "-bad")
        else:
            tell_error(self.app, error)

    def finish(self, result: _Result | None) -> None:
        """Close with a result, as soon as nothing lies above."""
        self._ended, self._result = True, result
        self._close()

    def on_screen_resume(self) -> None:
        """Close where the result came while something lay above."""
        self._close()

    def _close(self) -> None:
        if self._ended and self.app.screen is self:
            self.dismiss(self._result)

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)


class FormOfCloud(Form[_Result]):
    """A form about what belongs to the cloud that is open: once that is left, nothing comes of it."""

    @on(ConnectionChanged)
    def _cloud_left(self) -> None:
        self.finish(None)
