"""What goes over the wire to a terminal, and what the terminal makes of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rich.cells import cell_len
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui.settings.themes import load_themes
from tui.widgets.glyphs import UNICODE, Glyphs
from tui.widgets.theming import textual_theme

_SEQUENCE = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x1b])", re.DOTALL)


class Terminal:
    """Understands the little that Textual sends: move, style, text. A cell is (character, style)."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], tuple[str, str]] = {}
        self.bytes = 0

    def receive(self, sequence: str) -> None:
        """Do what the sequence says."""
        self.bytes += len(sequence.encode())
        x = y = 0
        style = ""
        for row, column, sgr, text in _SEQUENCE.findall(sequence):
            if row:
                x, y = int(column) - 1, int(row) - 1
            elif not text:
                style = "" if sgr == "0" else sgr
            elif text != "\n":
                width = cell_len(text)
                self.cells[x, y] = (text, style)
                self.cells.update({(x + half, y): ("", style) for half in range(1, width)})
                x += width

    def line(self, y: int, width: int) -> list[tuple[str, str]]:
        """What stands on line `y`."""
        return [self.cells.get((x, y), (" ", "")) for x in range(width)]


class _QuietScreen(Screen[None]):
    """A screen that is not repainted as a whole whenever another widget has the focus."""

    focused = Reactive[Widget | None](None, repaint=False)


class WidgetApp(App[None]):
    """An app of one widget in a theme of ours; what it sends is received by `terminal`."""

    def __init__(self, widget: Widget, *, theme: str = "arkdeck-dark", glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        for shipped in load_themes().by_name.values():
            self.register_theme(textual_theme(shipped))
        self.theme = theme
        self.glyphs = glyphs
        self.widget = widget
        self.terminal = Terminal()
        self.told: list[Any] = []

    def get_default_screen(self) -> Screen[None]:
        """Have a screen on which nothing but the widget repaints the widget."""
        return _QuietScreen()

    def compose(self) -> Iterator[Widget]:
        """Show the widget."""
        yield self.widget

    def _display(self, screen: Any, renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            self.terminal.receive(renderable.render_segments(self.console))
        super()._display(screen, renderable)

    def sent(self) -> int:
        """How many bytes were sent since this was last asked."""
        count, self.terminal.bytes = self.terminal.bytes, 0
        return count
