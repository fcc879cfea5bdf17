"""A scrolling widget that draws only the lines in sight, and repaints only the cells in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Self

import msgspec
from textual.geometry import Offset, Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.widgets.cells import Segments, cell_length, joined


class Line(msgspec.Struct, frozen=True):
    """One line of the screen, as a strip and in the pieces that are compared with what stood there before."""

    pieces: tuple[Segments, ...]
    strip: Strip

    @classmethod
    def of(cls, pieces: Sequence[Segments]) -> Line:
        """Return the line that the pieces make."""
        parts = joined(part for part in chain.from_iterable(pieces) if part.text)
        return cls(tuple(pieces), Strip(parts, cell_length(parts)))

    def difference(self, other: Line) -> tuple[int, int] | None:
        """Return from and to which cell the lines differ; None where they look the same."""
        if len(self.pieces) != len(other.pieces):
            return None if self.strip == other.strip else (0, self.strip.cell_length)
        places = [place for place, pair in enumerate(zip(self.pieces, other.pieces, strict=True)) if pair[0] != pair[1]]
        if not places:
            return None
        begin, end = (cell_length(chain.from_iterable(self.pieces[:count])) for count in (places[0], places[-1] + 1))
        return begin, max(end, begin + 1)


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """The base of the table and of the viewer: `draw` says what is in sight, `paint` sends what of it is new.

    It has no keys of its own: a screen binds them.
    """

    ALLOW_SELECT = False
    ALLOW_MAXIMIZE = False

    DEFAULT_CSS = """
    LineView {
        height: 1fr;
        background: $background;
        color: $foreground;
        overflow-y: scroll;
        scrollbar-size: 1 1;
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._drawn: list[Line] = []
        self._drawn_size: Size | None = None
        self._painted: dict[int, Line] = {}

    @property
    def sight(self) -> Size:
        """The cells that lines are seen in."""
        return self.scrollable_size

    def draw(self) -> list[Line]:
        """Return the lines in sight, from the top, each as wide as `sight` and as many as it is high."""
        raise NotImplementedError

    def paint(self) -> None:
        """Draw the lines as they should be now, and repaint where they differ from what was painted."""
        if self._drawn_size != self.sight:
            super().refresh()
            return
        self._drawn = self.draw()
        regions = [
            Region(difference[0], y, difference[1] - difference[0], 1)
            for y, line in enumerate(self._drawn)
            if (before := self._painted.get(y, line)) is not line and (difference := line.difference(before))
        ]
        if regions:
            self.refresh(*regions)

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint the regions; without any, what changed: Textual asks for everything when the focus comes or goes."""
        if regions or layout or recompose or not repaint or self._drawn_size != self.sight:
            return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        self.paint()
        return self

    def scroll_silently(self, extent: Size, position: Offset) -> None:
        """Have so many cells to scroll over, and scroll as far as they reach; nothing is painted yet."""
        resized = extent != self.virtual_size
        if resized:
            self.set_reactive(Widget.virtual_size, extent)  # as a reactive it would repaint everything
        x, y = min(max(0, position.x), self.max_scroll_x), min(max(0, position.y), self.max_scroll_y)
        self.set_scroll(x, y)
        self.set_reactive(Widget.scroll_target_x, x)
        self.set_reactive(Widget.scroll_target_y, y)
        if resized:
            self._scroll_update(extent)
        self._move_scrollbars()

    def watch_scroll_x(self, old_value: float, new_value: float) -> None:
        """Repaint what another scroll position changes."""
        self._move_scrollbars()
        self.paint()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint what another scroll position changes."""
        self._move_scrollbars()
        self.paint()

    def notify_style_update(self) -> None:
        """Draw in the styles of now, once all of them are known."""
        super().notify_style_update()
        self._drawn = []
        if self._painted:
            self.call_next(self.paint)

    def render_line(self, y: int) -> Strip:
        """Return line `y` of the widget."""
        if not self._drawn or self._drawn_size != self.sight:
            self._drawn, self._drawn_size = self.draw(), self.sight
        if y >= len(self._drawn):
            return Strip.blank(self.sight.width, self.visual_style.rich_style)  # beneath the scrollbar
        line = self._painted[y] = self._drawn[y]
        return line.strip

    def _move_scrollbars(self) -> None:
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = self.scroll_y
        if self.show_horizontal_scrollbar:
            self.horizontal_scrollbar.position = self.scroll_x
