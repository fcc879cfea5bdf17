"""The lines of a table as segments and strips: its header, its rows, and what stands in place of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from rich.segment import Segment
from textual.content import Content
from textual.style import Style

from tui.widgets.cells import Align, Segments, fit, segments
from tui.widgets.folding import fold
from tui.widgets.glyphs import Glyphs
from tui.widgets.line_view import Line
from tui.widgets.safe_text import plain
from tui.widgets.table_layout import GAP, GUTTER, Layout


@dataclass
class Row:
    """What was last said of a row, when it was `asked` for, and the lines drawn of it by (cursor, mark)."""

    cells: tuple[Content, ...]
    asked: int = 0
    lines: dict[tuple[bool, bool], Line] = field(default_factory=dict)

    def says(self, cells: tuple[Content, ...]) -> bool:
        """Whether these are the cells that were drawn."""
        return len(cells) == len(self.cells) and all(map(Content.is_same, self.cells, cells))


class Look(msgspec.Struct, frozen=True):
    """The styles of a table's parts; those of the gutter and the columns lie over that of their row."""

    row: Style
    cursor: Style
    header: Style
    sorted: Style
    bar: Style
    mark: Style
    muted: Style


class Painter(msgspec.Struct, frozen=True):
    """Draws lines that are exactly as wide as the layout."""

    layout: Layout
    look: Look
    glyphs: Glyphs

    def row(self, cells: Sequence[Content], *, cursor: bool, marked: bool) -> Line:
        """Draw a row: the cursor and the mark are seen in the gutter too, so also without colour."""
        style = self.look.cursor if cursor else self.look.row
        gutter = Content.assemble(
            (self.glyphs.cursor if cursor else " ", self.look.bar),
            (self.glyphs.mark if marked else " ", self.look.mark),
        )
        return self._row([gutter, *cells], style)

    def header(self, sorted_by: str | None, *, descending: bool) -> Line:
        """Draw the titles of the columns, with an arrow at the one that sorts."""
        arrow = Content.styled(self.glyphs.descending if descending else self.glyphs.ascending, self.look.sorted)
        titles, behind = [], {}
        for place in self.layout.places:
            title = plain(place.column.title)
            if place.column.id == sorted_by:
                title = title.stylize(self.look.sorted)
                if title.cell_length == place.width and place.start + place.width < self.layout.width:
                    behind[sorted_by] = arrow  # in the gap, as the title fills its column
                else:
                    title = title.truncate(max(0, place.width - 1)) + arrow
            titles.append(title)
        return self._row([Content(), *titles], self.look.header, behind)

    def empty(self, content: Content, height: int) -> list[Line]:
        """Draw what stands in place of rows: centred, a little above the middle."""
        room = max(1, self.layout.width - 2 * GUTTER)
        texts = [
            text[start:end] for text in content.split("\n", allow_blank=True) for start, end in fold(text.plain, room)
        ]
        texts = texts[:height]
        margin = max(0, (self.layout.width - max((text.cell_length for text in texts), default=0)) // 2)
        above = max(0, (height - len(texts)) * 2 // 5)
        lines = [self._whole(text.pad_left(margin)) for text in texts]
        return [self.blank()] * above + lines + [self.blank()] * (height - above - len(lines))

    def blank(self) -> Line:
        """Draw a line with nothing on it."""
        return self._whole(Content())

    def _whole(self, content: Content) -> Line:
        return Line.of([self._piece(content, self.layout.width, self.look.muted)])

    def _row(self, contents: Sequence[Content], style: Style, behind: Mapping[str, Content] | None = None) -> Line:
        gutter, *cells = contents
        width = self.layout.width
        pieces = [self._piece(gutter, min(GUTTER, width), style)]
        used = min(GUTTER, width)
        for place, cell in zip(self.layout.places, cells, strict=True):
            piece = self._piece(cell, place.width, style, align=place.column.align)
            gap = min(GAP, width - used - place.width)
            between = (behind or {}).get(place.column.id)
            blank = (Segment(" " * gap, style.rich_style),) if between is None else self._piece(between, gap, style)
            pieces.append((*piece, *blank))
            used += place.width + gap
        pieces.append(self._piece(Content(), width - used, style))
        return Line.of(pieces)

    def _piece(self, content: Content, width: int, style: Style, *, align: Align = "left") -> Segments:
        parts = segments(content, style, colours=not style.reverse)
        return fit(parts, width, blank=style.rich_style, align=align, ellipsis=self.glyphs.ellipsis)
