"""The panel of all keys at the right of a screen; it follows what can be done, line by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.widgets.cells import segments
from tui.widgets.key_hints import ActionChosen, KeyHint, hint_line
from tui.widgets.safe_text import line

HintGroup = tuple[str, Sequence[KeyHint]]
"""A heading and what stands under it."""

_EDGE: Final = 1
_Line = str | KeyHint


class KeyPanel(ScrollView, can_focus=True):
    """Every key of the screen under its heading; grey ones cannot run now. A click is as good as the key."""

    DEFAULT_CSS = """
    KeyPanel {
        dock: right;
        width: 30;
        height: 100%;
        margin-bottom: 1;
        background: $panel;
        color: $foreground;
        border-left: outer $border-blurred;
        scrollbar-size: 1 1;

        &:focus {
            border-left: outer $primary;
        }
    }
    """

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[_Line, ...] = ()
        self._key_width = 0

    def show(self, groups: Iterable[HintGroup]) -> None:
        """Show these groups of keys."""
        before, self._lines = self._lines, tuple(_lines(groups))
        hints = [each for each in self._lines if isinstance(each, KeyHint)]
        key_width = max((cell_len(hint.key) for hint in hints), default=0)
        self.virtual_size = Size(self.size.width, len(self._lines))
        if len(before) != len(self._lines) or key_width != self._key_width:
            self._key_width = key_width
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new:
                self.refresh_lines(y)

    def render_line(self, y: int) -> Strip:
        """Return one line: a heading, a key, or nothing."""
        style = self.visual_style
        index = y + self.scroll_offset.y
        shown = self._shown(self._lines[index]) if index < len(self._lines) else line("")
        return Strip(segments(line(" " * _EDGE, shown), style)).adjust_cell_length(self.size.width, style.rich_style)

    def _shown(self, content: _Line) -> Content:
        if isinstance(content, str):
            return line((content, "bold"))
        return hint_line(content, key_width=self._key_width)

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        index = event.y + self.scroll_offset.y
        hint = self._lines[index] if index < len(self._lines) else ""
        if isinstance(hint, KeyHint):
            self.post_message(ActionChosen(hint.action_id))


def _lines(groups: Iterable[HintGroup]) -> Iterator[_Line]:
    for number, (heading, hints) in enumerate(groups):
        if number:
            yield ""
        yield heading
        yield from hints
