"""A table of any number of rows that renders only those in sight and repaints only the cells that differ.

Rows are known by key: the cursor, the marks and the scroll position stay with their keys while rows come, go and change
places.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.cache import LRUCache
from textual.content import Content
from textual.geometry import Offset, Size
from textual.message import Message
from textual.style import Style

from tui.widgets.glyphs import glyphs
from tui.widgets.line_view import Line, LineView
from tui.widgets.table_layout import GUTTER, Column, Layout, arrange
from tui.widgets.table_lines import Look, Painter, Row
from tui.widgets.table_rows import ListedRows, Rows

__all__ = ["Column", "VirtualTable"]

_HEADER: Final = 1
_ROWS_KEPT: Final = 1024  # rendered rows; several screens full

Cells = Callable[[str, Mapping[str, int]], Sequence[Content | Text]]


class VirtualTable(LineView):
    """A table with one cursor row, marks and a fixed header; the keys that move it are bound by its screen.

    100 000 rows cost what those in sight cost: `cells` is called for these, and again only after `show` or `touch`.

    Args:
        columns: as many as there may be; those shown depend on the width.
        cells: given a row's key and the width of each shown column by its id, returns one text for each of these in
            their order. What is too long is cut with an ellipsis.
        empty: shown in place of rows when there are none.
        markable: whether rows can be marked.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--sorted",
        "table--cursor",
        "table--bar",
        "table--mark",
        "table--muted",
    }
    DEFAULT_CSS = """
    VirtualTable {
        overflow-x: hidden;

        & > .table--header { color: $muted; }
        & > .table--sorted { color: $foreground; text-style: bold; }
        & > .table--cursor { background: $cursor-ground; color: $cursor-text; text-style: $cursor-style; }
        & > .table--bar { color: $primary; }
        & > .table--mark { color: $mark; text-style: bold; }
        & > .table--muted { color: $muted; }
        &:ansi > .table--cursor, &:nocolor > .table--cursor {
            background: $background;
            color: $foreground;
            text-style: reverse;
        }
    }
    """

    @dataclass
    class _Told(Message):
        table: VirtualTable

        @property
        def control(self) -> VirtualTable:
            """The table that speaks."""
            return self.table

    @dataclass
    class CursorMoved(_Told):
        """The cursor is on another row: `key`, or None when no rows are left."""

        key: str | None

    @dataclass
    class Opened(_Told):
        """The row `key` was chosen to be opened."""

        key: str

    @dataclass
    class HeaderClicked(_Told):
        """The header of the column `column_id` was clicked."""

        column_id: str

    @dataclass
    class MarksChanged(_Told):
        """Other rows are marked now: those with the keys `marks`."""

        marks: frozenset[str]

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Cells,
        *,
        empty: Content,
        markable: bool = True,
        id: str | None = None,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._cells = cells
        self._empty = empty
        self._sort: tuple[str | None, bool] = (None, False)
        self._markable = markable
        self._shown: Rows = ListedRows()
        self._cursor = 0
        self._anchor: str | None = None
        self._marks: frozenset[str] = frozenset()
        self._painter: Painter | None = None
        self._rows: LRUCache[str, Row] = LRUCache(_ROWS_KEPT)
        self._asking = 1  # grows when what is known of the rows may be out of date

    # What is shown

    def show(self, keys: Sequence[str]) -> None:
        """Show the rows with these keys in this order; what is said of them may have changed too.

        Args:
            keys: no key twice.
        """
        self.show_rows(ListedRows(keys))

    def show_rows(self, rows: Rows) -> None:
        """Show other rows, as `show` does.

        The cursor stays on its row, or goes to the nearest that is left. The row under the cursor stays on its line of
        the screen, except that a view at the top stays at the top while the cursor is in sight there.
        """
        before = self.cursor_key
        top, cursor = self._follow(rows)
        self._shown, self._cursor = rows, cursor
        self._asking += 1
        self._scroll_rows(top)
        self.paint()
        if self.cursor_key != before:
            self.post_message(self.CursorMoved(self, self.cursor_key))
        self._set_marks(frozenset(key for key in self._marks if rows.place(key) is not None))

    def touch(self, keys: Collection[str]) -> None:
        """Ask again for the cells of these rows, and repaint those that differ."""
        for key in keys:
            if (row := self._rows.get(key)) is not None:
                row.asked = 0
        self.paint()

    @property
    def columns_shown(self) -> Collection[str]:
        """The ids of the columns that there is room for."""
        return self._layout.widths.keys()

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Have these columns from now on."""
        self._columns = tuple(columns)
        self.paint()

    def set_sort(self, column_id: str | None, descending: bool = False) -> None:
        """Say in the header by which column the rows are sorted, if any; their order is the caller's."""
        self._sort = (column_id, descending)
        self.paint()

    def set_empty(self, empty: Content) -> None:
        """Have this text in place of rows when there are none."""
        self._empty = empty
        self.paint()

    # Where the cursor is

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor; None when there are no rows."""
        return self._shown.key(self._cursor) if self._shown else None

    @property
    def keys_in_sight(self) -> Sequence[str]:
        """The keys of the rows that can be seen."""
        return self._keys_between(self._top, self._top + self._rows_in_sight)

    def keys_around(self, rows: int) -> Sequence[str]:
        """The keys of the rows that can be seen, and of so many above and below them."""
        return self._keys_between(self._top - rows, self._top + self._rows_in_sight + rows)

    def _keys_between(self, begin: int, end: int) -> Sequence[str]:
        return [self._shown.key(place) for place in range(max(0, begin), min(end, len(self._shown)))]

    def move_to(self, key: str) -> None:
        """Put the cursor on the row `key`, if there is one."""
        if (place := self._shown.place(key)) is not None:
            self._move(place)

    def up(self) -> None:
        """Move the cursor one row up."""
        self._move(self._cursor - 1)

    def down(self) -> None:
        """Move the cursor one row down."""
        self._move(self._cursor + 1)

    def page_up(self) -> None:
        """Move the cursor up by as many rows as are in sight, less one."""
        self._move(self._cursor - max(1, self._rows_in_sight - 1))

    def page_down(self) -> None:
        """Move the cursor down by as many rows as are in sight, less one."""
        self._move(self._cursor + max(1, self._rows_in_sight - 1))

    def first(self) -> None:
        """Move the cursor to the first row."""
        self._move(0)

    def last(self) -> None:
        """Move the cursor to the last row."""
        self._move(len(self._shown) - 1)

    def open(self) -> None:
        """Open the row under the cursor."""
        if (key := self.cursor_key) is not None:
            self.post_message(self.Opened(self, key))

    def _move(self, place: int) -> None:
        if not self._shown:
            return
        before, self._cursor = self._cursor, min(max(0, place), len(self._shown) - 1)
        self._reveal_cursor()
        self.paint()
        if self._cursor != before:
            self.post_message(self.CursorMoved(self, self.cursor_key))

    # What is marked

    @property
    def marks(self) -> frozenset[str]:
        """The keys of the marked rows."""
        return self._marks

    def mark(self) -> None:
        """Mark the row under the cursor, or take its mark away, and move on to the next."""
        if (key := self.cursor_key) is not None:
            self._toggle(key)
            self.down()

    def mark_range(self) -> None:
        """Mark every row from the one that was marked last to the one under the cursor."""
        if not self._shown:
            return
        anchor = None if self._anchor is None else self._shown.place(self._anchor)
        begin, end = sorted((self._cursor if anchor is None else anchor, self._cursor))
        self._anchor = self.cursor_key
        self._set_marks(self._marks.union(self._keys_between(begin, end + 1)))

    def unmark(self, keys: Collection[str]) -> None:
        """Take the marks of these rows away."""
        self._set_marks(self._marks.difference(keys))

    def clear_marks(self) -> None:
        """Take all marks away."""
        self._anchor = None
        self._set_marks(frozenset())

    def _toggle(self, key: str) -> None:
        self._anchor = None if key in self._marks else key
        self._set_marks(self._marks ^ {key})

    def _set_marks(self, marks: frozenset[str]) -> None:
        if marks != self._marks:
            self._marks = marks
            self.paint()
            self.post_message(self.MarksChanged(self, marks))

    # What the mouse does

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the click was; on the mark column mark, twice open, on the header tell."""
        if (offset := event.get_content_offset(self)) is None:
            return
        if offset.y < _HEADER:
            if (column := self._layout.column_at(offset.x)) is not None:
                self.post_message(self.HeaderClicked(self, column.id))
            return
        place = self._top + offset.y - _HEADER
        if place >= len(self._shown):
            return
        self._move(place)
        if offset.x < GUTTER and self._markable:
            self._toggle(self._shown.key(place))
        elif event.chain == 2:
            self.open()

    # Scrolling

    @property
    def _top(self) -> int:
        return self.scroll_offset.y

    @property
    def _rows_in_sight(self) -> int:
        return max(0, self.sight.height - _HEADER)

    @property
    def _layout(self) -> Layout:
        return arrange(self._columns, self.sight.width)

    def _follow(self, rows: Rows) -> tuple[int, int]:
        """Return the first row in sight and the cursor's row, once the rows are these."""
        found = rows.after(self._shown, self._cursor)
        if found is None:
            return 0, 0
        _before, cursor = found
        in_sight = range(self._top, self._top + self._rows_in_sight)
        if self._top == 0 and (self._cursor not in in_sight or cursor in in_sight):
            return 0, cursor
        held = self._cursor if self._cursor in in_sight else self._top
        found = rows.after(self._shown, held)
        assert found is not None
        before, now = found
        return now - (min(before, held) - self._top), cursor

    def _reveal_cursor(self) -> None:
        """Scroll to the cursor if it is out of sight, by half of the rows more: each scroll repaints all of them."""
        rows, top = self._rows_in_sight, self._top
        if not rows:
            return
        if self._cursor < top:
            top = self._cursor - rows // 2
        elif self._cursor >= top + rows:
            top = self._cursor - rows + 1 + rows // 2
        self._scroll_rows(top)

    def _scroll_rows(self, top: int) -> None:
        """Have row `top` first in sight, as far as the rows reach, without painting."""
        self.scroll_silently(Size(0, len(self._shown) + _HEADER), Offset(0, top))

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        if self._shown:
            self._reveal_cursor()
        self.paint()

    # Painting

    def draw(self) -> list[Line]:
        """Return the header and the rows in sight; a row is drawn again only when it says or looks other."""
        painter, height = self._painter_of_now(), self.sight.height - _HEADER
        header = painter.header(self._sort[0], descending=self._sort[1])
        if not self._shown:
            return [header, *painter.empty(self._empty, height)]
        rows = [self._row_line(place, painter) for place in range(self._top, min(self._top + height, len(self._shown)))]
        return [header, *rows, *[painter.blank()] * (height - len(rows))]

    def _painter_of_now(self) -> Painter:
        cursor = self.get_visual_style("table--cursor")
        if self.get_component_styles("table--cursor").text_style.reverse:
            cursor += Style(reverse=True)  # get_visual_style leaves it out
        look = Look(
            row=self.visual_style,
            cursor=cursor,
            header=self.get_visual_style("table--header"),
            sorted=self.get_visual_style("table--sorted", partial=True),
            bar=self.get_visual_style("table--bar", partial=True),
            mark=self.get_visual_style("table--mark", partial=True),
            muted=self.get_visual_style("table--muted"),
        )
        painter = Painter(self._layout, look, glyphs())
        if painter != self._painter:
            self._painter = painter
            self._rows.clear()
        return painter

    def _row_line(self, place: int, painter: Painter) -> Line:
        key = self._shown.key(place)
        row = self._rows.get(key)
        if row is None or row.asked != self._asking:
            cells = tuple(map(_content, self._cells(key, painter.layout.widths)))
            if row is None or not row.says(cells):
                self._rows[key] = row = Row(cells)
            row.asked = self._asking
        state = (place == self._cursor, key in self._marks)
        if state not in row.lines:
            row.lines[state] = painter.row(row.cells, cursor=state[0], marked=state[1])
        return row.lines[state]


def _content(cell: Content | Text) -> Content:
    return Content.from_rich_text(cell) if isinstance(cell, Text) else cell
