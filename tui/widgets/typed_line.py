"""A line beneath a list whose text can be typed: a filter, a search."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui.widgets.glyphs import glyphs
from tui.widgets.line_input import LineInput
from tui.widgets.lines import Lines
from tui.widgets.safe_text import line

_STEP: Final = 24  # cells by which the note's place grows: another width of it costs a layout of the line
_SIGN: Final = 3
_TYPED: Final = 8  # cells that a mistake's explanation leaves to what is typed


class TypedLine(Horizontal):
    """Shows a text and a note; while `open`, the text is an input.

    What is wrong with it is explained at the right. Enter keeps what was typed; escape brings back what was before.

    Args:
        nothing: shown where there is no text.
        placeholder: in the empty input.
    """

    DEFAULT_CSS = """
    TypedLine {
        height: 1;
        background: $surface;

        #line-sign { width: 3; }
        #line-text { width: 1fr; }
        #line-input { display: none; width: 1fr; padding: 0; border: none; background: $surface; }
        #line-input > .input--placeholder { color: $text-disabled; }
        #line-note { width: auto; max-width: 60%; }
        #line-note.-mistake { max-width: 100%; }
        &.-open {
            #line-text { display: none; }
            #line-input { display: block; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "restore", show=False)]

    class Closed(Message):
        """The text is typed no longer: it was kept or restored."""

    def __init__(self, nothing: str, placeholder: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._nothing = nothing
        self._placeholder = placeholder
        self._note = Content()
        self._mistake = ""

    def compose(self) -> ComposeResult:
        """Lay out sign, text and note."""
        yield Lines(id="line-sign")
        yield Lines(id="line-text")
        yield LineInput(id="line-input", placeholder=self._placeholder)
        yield Lines(id="line-note")

    def on_mount(self) -> None:
        """Show what there is."""
        self.paint()

    @property
    def text(self) -> str:
        """The text in force."""
        raise NotImplementedError

    @property
    def is_open(self) -> bool:
        """Whether the text is being typed."""
        return self.has_class("-open")

    def open(self) -> None:
        """Let the operator type."""
        typed = self.query_one("#line-input", Input)
        self.screen.set_focus(typed)
        if self.is_open:
            return
        self.begun()
        self.add_class("-open")
        with self.prevent(Input.Changed):
            typed.value = self.text
        typed.cursor_position = len(typed.value)
        self.paint()

    def begun(self) -> None:
        """Remember what escape brings back."""

    def typed(self, text: str) -> str:
        """Take up what was typed so far; return what is wrong with it, empty when nothing is."""
        return ""

    def kept(self, text: str) -> None:
        """Take up what was typed in the end."""

    def restored(self) -> None:
        """Bring back what was in force before."""

    def note(self, note: Content) -> None:
        """Show another note at the right."""
        self._note = note
        self.paint()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_open:
            self._mistake = self.typed(event.value)
            self.paint()

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._mistake:
            self.kept(event.value)
            self._close()

    def on_descendant_blur(self) -> None:
        """Close when the operator goes elsewhere in the deck, not to another window."""
        if self.is_open and self.app.app_focus and self.screen.focused is not self.query_one("#line-input"):
            self._close()

    def action_restore(self) -> None:
        """Bring back the text from before."""
        self.restored()
        self._close()

    def _close(self) -> None:
        self._mistake = ""
        self.remove_class("-open")
        self.paint()
        self.post_message(self.Closed())

    def paint(self) -> None:
        """Show text and note as they are now."""
        if not self.is_mounted:
            return
        given = self.is_open or bool(self.text)
        self.query_one("#line-sign", Lines).show(line((" / ", "bold $accent" if given else "$muted")))
        self.query_one("#line-text", Lines).show(line((self.text, "bold") if self.text else (self._nothing, "$muted")))
        note = line(" ", self._note, " ")
        note = self._explained() if self._mistake else note.pad_left(-note.cell_length % _STEP)
        place = self.query_one("#line-note", Lines)
        place.set_class(bool(self._mistake), "-mistake")
        if not place.lines or place.lines[0].cell_length != note.cell_length:
            place.styles.width = note.cell_length
        place.show(note)

    def _explained(self) -> Content:
        room = max(1, self.size.width - _SIGN - _TYPED - 1)
        said = self._mistake
        if cell_len(said) > room:
            said = set_cell_size(said, room - cell_len(glyphs().ellipsis)) + glyphs().ellipsis
        return line(" ", (said, "bold $error"))
