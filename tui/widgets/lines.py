"""Widgets of one line or a few that repaint what changed and nothing else."""

from __future__ import annotations

from itertools import pairwise, zip_longest

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget


class Lines(Widget):
    """Lines of content; what does not fit is cut off.

    A text that changes every second, such as an age, costs the bytes of the cells that differ and no others.
    """

    DEFAULT_CSS = "Lines { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: clip; }"

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._lines: tuple[Content, ...] = ()

    @property
    def lines(self) -> tuple[Content, ...]:
        """What is shown."""
        return self._lines

    def show(self, *lines: Content) -> None:
        """Show other lines in place of the present ones."""
        before, self._lines = self._lines, lines
        nothing = Content()
        for y, (old, new) in enumerate(zip_longest(before, lines, fillvalue=nothing)):
            if not new.is_same(old):
                start, end = changed_cells(old, new)
                self.refresh(Region(start, y, end - start, 1))

    def render(self) -> Content:
        """Return the lines as one content."""
        return Content("\n").join(self._lines)


class Pieces(Horizontal):
    """One line in pieces that are painted each by itself, so that a change in the last does not cost all before it.

    Textual sends a line of a widget from its first cell to the last that changed.
    """

    DEFAULT_CSS = "Pieces { height: 1; width: 1fr; overflow: hidden; }"

    def __init__(self, count: int, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._count = count

    def compose(self) -> ComposeResult:
        """Lay the pieces out from left to right."""
        for _number in range(self._count):
            yield Lines()

    def show(self, *pieces: Content) -> None:
        """Show other pieces, as many as there are, each as wide as it is long."""
        for place, piece in zip(self.query(Lines), pieces, strict=True):
            before = place.lines[0].cell_length if place.lines else -1
            if piece.cell_length != before:
                place.styles.width = piece.cell_length
            place.show(piece)


def changed_cells(before: Content, after: Content) -> tuple[int, int]:
    """Return the first cell that differs between two lines, and the one behind the last; equal when none does."""
    old, new = _cells(before), _cells(after)
    start = next((place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), None)
    if start is None:
        start = min(len(old), len(new))
    end = max(len(old), len(new))
    if len(old) == len(new):
        while end > start and old[end - 1] == new[end - 1]:
            end -= 1
    return start, end


def _cells(content: Content) -> list[tuple[str, tuple[str, ...]]]:
    """Return what each cell of a line shows: its character, the whole one in both halves of a wide one, and styles."""
    plain = content.plain
    edges = sorted({0, len(plain), *(edge for span in content.spans for edge in (span.start, span.end))})
    cells: list[tuple[str, tuple[str, ...]]] = []
    for start, end in pairwise(edges):
        styles = tuple(str(span.style) for span in content.spans if span.start <= start and span.end >= end)
        for char in plain[start:end]:
            width = cell_len(char)
            if not width and cells:
                cells[-1] = (cells[-1][0] + char, styles)
            cells += [(char, styles)] * width
    return cells
