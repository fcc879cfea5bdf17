"""The line of keys at the foot of a screen; only what changes in it is painted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from rich.cells import cell_len
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.cells import segments
from tui.widgets.key_hints import ActionChosen, KeyHint, hint_line
from tui.widgets.safe_text import line

_EDGE: Final = 1
_GAP: Final = 2


class _Placed(msgspec.Struct, frozen=True):
    """A hint and the cells that it takes, from `start` to before `end`."""

    hint: KeyHint
    start: int
    end: int


class KeyBar(Widget):
    """As many keys as fit, the first ones first; the last one always. A click is as good as the key."""

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 1;
        background: $footer-background;
        color: $footer-foreground;
    }
    """

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[KeyHint, ...] = ()
        self._placed: tuple[_Placed, ...] = ()

    def show(self, hints: Sequence[KeyHint]) -> None:
        """Show these, in the order of their weight; the last one has its place whatever the width."""
        before, self._hints = self._hints, tuple(hints)
        if self._hints != before:
            self._place()

    def on_resize(self) -> None:
        """Show what fits now."""
        self._place()

    def _place(self) -> None:
        before, self._placed = self._placed, tuple(_fitting(self._hints, self.size.width))
        if [(placed.start, placed.end) for placed in before] != [(placed.start, placed.end) for placed in self._placed]:
            self.refresh()
            return
        changed = [new for old, new in zip(before, self._placed, strict=True) if old != new]
        if changed:  # as one region: Textual sends a line from its first cell once more for each
            self.refresh(Region(changed[0].start, 0, changed[-1].end - changed[0].start, 1))

    def render_line(self, y: int) -> Strip:
        """Return the line of keys."""
        gap = line(" " * _GAP)
        keys = gap.join([hint_line(placed.hint) for placed in self._placed])
        style = self.visual_style
        return Strip(segments(line(" " * _EDGE, keys), style)).adjust_cell_length(self.size.width, style.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        for placed in self._placed:
            if placed.start <= event.x < placed.end:
                self.post_message(ActionChosen(placed.hint.action_id))


def _fitting(hints: Sequence[KeyHint], width: int) -> list[_Placed]:
    """Place the hints from the left as long as the last one still fits behind them."""
    if not hints:
        return []
    *weighed, last = hints
    placed: list[_Placed] = []
    column = _EDGE
    for hint in weighed:
        if column + _cells(hint) + _GAP + _cells(last) + _EDGE > width:
            break
        placed.append(_Placed(hint, column, column + _cells(hint)))
        column += _cells(hint) + _GAP
    return [*placed, _Placed(last, column, column + _cells(last))]


def _cells(hint: KeyHint) -> int:
    return cell_len(f"{hint.key} {hint.title}")
