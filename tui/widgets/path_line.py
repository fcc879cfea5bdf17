"""The line on which a path is typed: behind the folder that it begins in, and above what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui.i18n import _
from tui.text import clean, short_path
from tui.typed_path import pasted_path
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.line_input import PastingInput, harmless_part
from tui.widgets.lines import Lines
from tui.widgets.safe_text import line

_SHARE: Final = 2  # of the width, the folder takes one part in so many at the most


class PathInput(PastingInput):
    """Takes a path, typed or pasted in any of the ways that shells and file managers write one."""

    def take(self, text: str) -> None:
        """Put in a pasted path; one that begins at the root or at home takes the place of all."""
        path = pasted_path(text)
        begin, end = (0, len(self.value)) if path.startswith(("/", "~")) else self.selection
        self.replace(path, begin, end)

    def action_delete_left(self) -> None:
        """Delete the character before the cursor; where there is none, leave the folder."""
        if self.value:
            super().action_delete_left()
        else:
            self.post_message(PathLine.Above())


class PathLine(Vertical):
    """Shows the folder, lets a path be typed behind it, and says below what is to be said.

    What a typed text means is the screen's to find out, which hears of it by the field's own messages and tells by
    `tell` and `complain`.
    """

    DEFAULT_CSS = """
    PathLine {
        height: 2;

        #path { height: 1; background: $surface; }
        #path-folder { width: auto; }
        #path-input { width: 1fr; }
        #path-note { padding: 0 3; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", show=False),
        Binding("down", "leave", show=False),
        Binding("escape", "restore", show=False),
    ]

    class Completing(Message):
        """The text is to be completed."""

    class Above(Message):
        """The folder above is asked for."""

    class Left(Message):
        """The operator goes on to the list; with `restored` what was typed is gone."""

        def __init__(self, *, restored: bool) -> None:
            super().__init__()
            self.restored = restored

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._note = Content()
        self._complaint = ""

    def compose(self) -> ComposeResult:
        """Lay out the folder, the field and the note."""
        with Horizontal(id="path"):
            yield Lines(id="path-folder")
            yield PathInput(id="path-input", placeholder=_("   type a name or a path"))
        yield Lines(id="path-note")

    @property
    def _input(self) -> PathInput:
        return self.query_one(PathInput)

    @property
    def text(self) -> str:
        """What is typed."""
        return self._input.value

    def stand(self, folder: Path, text: str = "") -> None:
        """Show another folder, and another text behind it without a word."""
        self._folder = folder
        self._complaint = ""
        with self.prevent(Input.Changed):
            self._put(text)
        self._paint()

    def type_out(self, text: str) -> None:
        """Put in a text as if it were typed; what a field does not take is left out, with all behind it."""
        self._put(text)

    def _put(self, text: str) -> None:
        self._input.value = harmless_part(text)
        self._input.cursor_position = len(self._input.value)

    def open(self) -> None:
        """Let the operator type."""
        self.screen.set_focus(self._input)

    def paste(self, text: str) -> None:
        """Put in what was pasted somewhere else on the screen."""
        self.open()
        self._input.take(text)

    def tell(self, note: Content) -> None:
        """Say something of what is listed."""
        self._note, self._complaint = note, ""
        self._paint()

    def complain(self, message: str) -> None:
        """Say why a path was not taken, until something else is typed or told."""
        self._complaint = message
        self._paint()

    @on(Input.Changed)
    def _typed(self) -> None:
        self._complaint = ""
        self._paint()

    def action_complete(self) -> None:
        """Complete what is typed."""
        self.post_message(self.Completing())

    def action_leave(self) -> None:
        """Go on to the list, with what is typed as it is."""
        self.post_message(self.Left(restored=False))

    def action_restore(self) -> None:
        """Go back to the list, as it was before something was typed."""
        self.post_message(self.Left(restored=True))

    def on_descendant_focus(self) -> None:
        """Say what the keys do here."""
        self._paint()

    def on_descendant_blur(self) -> None:
        """Say it no more."""
        self._paint()

    def on_resize(self, _event: events.Resize) -> None:
        """Cut the folder for the new width."""
        self._paint()

    def _paint(self) -> None:
        if not self.is_mounted or self._folder is None:
            return
        typing = self._input.has_focus
        sign = (" / ", "bold $accent" if typing else "$muted")
        begins_elsewhere = self.text.startswith(("/", "~"))
        folder_text = "" if begins_elsewhere else folder_label(self._folder, self.size.width // _SHARE)
        shown = line(sign, (folder_text, "" if typing else "bold"))
        folder, note = self.query_one("#path-folder", Lines), self.query_one("#path-note", Lines)
        if not folder.lines or folder.lines[0].cell_length != shown.cell_length:
            folder.styles.width = shown.cell_length
        folder.show(shown)
        if self._complaint:
            note.show(line((f"{glyphs().cross} ", "bold $error"), (self._complaint, "$error")))
        else:
            note.show(line(self._note, _keys() if typing else ""))


def _keys() -> Content:
    return line("   ", legend(("tab", _("complete")), (glyphs().down, _("list")), ("esc", _("back"))))


def folder_label(folder: Path, room: int) -> str:
    """Return a folder with a slash behind it in `room` cells: its end, which tells more than its beginning."""
    path = clean(short_path(folder), strict=True)
    text = path if path.endswith("/") else f"{path}/"
    if cell_len(text) <= room:
        return text
    return glyphs().ellipsis + set_cell_size(text[::-1], max(0, room - 1))[::-1]
