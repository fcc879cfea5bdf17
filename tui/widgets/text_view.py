"""A viewer of many lines, such as raw JSON and long messages; they are wrapped, or scrolled sideways."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import ClassVar, Final

from textual.cache import LRUCache
from textual.content import Content, Span
from textual.geometry import Offset, Size
from textual.strip import Strip
from textual.style import Style

from tui.i18n import plural
from tui.widgets.cells import segments
from tui.widgets.folding import fold
from tui.widgets.json_colours import KINDS, json_tokens
from tui.widgets.line_view import Line, LineView
from tui.widgets.safe_text import line, plain

LINE_LIMIT: Final = 16_384
"""Characters of one line that are shown."""
TEXT_LIMIT: Final = 262_144
"""Characters of all lines together that are shown."""

_KEPT: Final = 512  # coloured lines and drawn rows; several screens full
_SIDESTEP: Final = 8  # cells


class TextView(LineView):
    """Shows lines as they are: of one the first 16 384 characters, of all together 262 144.

    A note says how much was cut. Only what is in sight is coloured and drawn.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"text-view--{kind}" for kind in KINDS}
    DEFAULT_CSS = """
    TextView {
        overflow-x: auto;

        & > .text-view--key { color: $primary; }
        & > .text-view--string { color: $success; }
        & > .text-view--number { color: $accent; }
        & > .text-view--word { color: $accent; text-style: bold; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._lines: list[Content] = []
        self._json = False
        self._wrap = False
        self._rows: list[tuple[int, int, int]] = []  # of each: which line, from and to which of its characters
        self._rows_width = 0
        self._look: dict[str, Style] = {}
        self._coloured: LRUCache[int, Content] = LRUCache(_KEPT)
        self._strips: LRUCache[int, Strip] = LRUCache(_KEPT)

    def show(self, lines: Sequence[str | Content], *, json: bool = False) -> None:
        """Show these lines and stay where the view is; what was there before is not painted again.

        Args:
            lines: texts, which are made harmless here, or content that was.
            json: colour texts as JSON.
        """
        self._lines, self._json = list(_bounded(lines)), json
        self._coloured.clear()
        self._arrange(self.scroll_offset)

    @property
    def wrap(self) -> bool:
        """Whether long lines go on below instead of beyond the edge."""
        return self._wrap

    def toggle_wrap(self) -> None:
        """Wrap long lines, or stop it; the line at the top stays there."""
        first = self._rows[self.scroll_offset.y][0] if self._rows else 0
        self._wrap = not self._wrap
        self._arrange(Offset(0, 0))
        self._go(0, bisect_left(self._rows, (first, 0, 0)))

    def up(self) -> None:
        """Scroll one line up."""
        self._step(0, -1)

    def down(self) -> None:
        """Scroll one line down."""
        self._step(0, 1)

    def page_up(self) -> None:
        """Scroll up by what is in sight, less one line."""
        self._step(0, -max(1, self.sight.height - 1))

    def page_down(self) -> None:
        """Scroll down by what is in sight, less one line."""
        self._step(0, max(1, self.sight.height - 1))

    def left(self) -> None:
        """Scroll to the left."""
        self._step(-_SIDESTEP, 0)

    def right(self) -> None:
        """Scroll to the right."""
        self._step(_SIDESTEP, 0)

    def first(self) -> None:
        """Scroll to the beginning."""
        self._go(0, 0)

    def last(self) -> None:
        """Scroll to the end."""
        self._go(0, len(self._rows))

    def on_resize(self) -> None:
        """Wrap anew at another width."""
        if self._wrap and self._rows_width != self.sight.width:
            self._arrange(self.scroll_offset)

    def draw(self) -> list[Line]:
        """Return the rows in sight."""
        look = {"": self.visual_style} | {
            kind: self.get_visual_style(f"text-view--{kind}", partial=True) for kind in KINDS
        }
        if look != self._look:
            self._look = look
            self._coloured.clear()
            self._strips.clear()
        (left, top), (width, height) = self.scroll_offset, self.sight
        blank = self.visual_style.rich_style
        shown = [self._strip(row) for row in range(top, min(top + height, len(self._rows)))]
        strips = [*shown, *[Strip.blank(0)] * (height - len(shown))]
        return [Line.of([(part,) for part in strip.crop_extend(left, left + width, blank)]) for strip in strips]

    def _strip(self, row: int) -> Strip:
        strip = self._strips.get(row)
        if strip is None:
            which, start, end = self._rows[row]
            strip = self._strips[row] = Strip(segments(self._colour(which)[start:end], self._look[""]))
        return strip

    def _colour(self, which: int) -> Content:
        content = self._coloured.get(which)
        if content is None:
            content = self._lines[which]
            tokens = json_tokens(content.plain[:LINE_LIMIT]) if self._json else ()
            content = content.add_spans([Span(start, end, self._look[kind]) for start, end, kind in tokens])
            self._coloured[which] = content
        return content

    def _arrange(self, position: Offset) -> None:
        """Divide the lines into rows and show those at a scroll position."""
        self._strips.clear()
        self._rows_width = self.sight.width
        self._rows = [
            (which, start, end) for which, content in enumerate(self._lines) for start, end in self._parts(content)
        ]
        longest = 0 if self._wrap else max((content.cell_length for content in self._lines), default=0)
        self.scroll_silently(Size(longest, len(self._rows)), position)
        self.paint()

    def _parts(self, content: Content) -> Iterator[tuple[int, int]]:
        if self._wrap and self._rows_width:
            return fold(content.plain, self._rows_width)
        return iter([(0, len(content.plain))])

    def _step(self, right: int, down: int) -> None:
        self._go(self.scroll_offset.x + right, self.scroll_offset.y + down)

    def _go(self, x: int, y: int) -> None:
        self.scroll_silently(self.virtual_size, Offset(x, y))
        self.paint()


def _bounded(lines: Sequence[str | Content]) -> Iterator[Content]:
    room = TEXT_LIMIT
    for number, text in enumerate(lines):
        if room <= 0:
            left_out = len(lines) - number
            yield line((plural("… {count} more line", "… {count} more lines", left_out), "$muted"))
            return
        limit = min(LINE_LIMIT, room)
        kept = text[:limit]
        shown = plain(kept.replace("\t", "    "), limit=len(kept) * 4) if isinstance(kept, str) else kept
        cut = len(text) - limit
        if cut > 0:
            shown = line(shown, (plural(" … {count} more character", " … {count} more characters", cut), "$muted"))
        yield shown
        room -= len(kept) + 1
