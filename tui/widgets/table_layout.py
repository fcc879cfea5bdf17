"""Where the columns of a table stand: what of the width each one gets, and which ones go when there is too little."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Final, Literal

import msgspec

GUTTER: Final = 3
"""Cells before the first column: the cursor's bar, the mark and a blank."""
GAP: Final = 2
"""Cells between two columns."""


class Column(msgspec.Struct, frozen=True):
    """One column of a table.

    Attributes:
        id: names the column in widths, sorting and messages.
        title: what the header says, already translated.
        width: the fewest cells that it is shown in.
        grow: its share of the cells that are left over; 0 takes none.
        align: the side that its texts stand at.
        drop: the higher, the sooner it goes when the width is short; of equals the last one goes first.
    """

    id: str
    title: str
    width: int
    grow: int = 0
    align: Literal["left", "right"] = "left"
    drop: int = 0


class Place(msgspec.Struct, frozen=True):
    """A column that is shown, from cell `start`, over `width` cells."""

    column: Column
    start: int
    width: int


@dataclass(frozen=True)
class Layout:
    """The columns that fit into `width` cells, in their order; no two overlap and none goes beyond the width."""

    width: int
    places: tuple[Place, ...]

    @cached_property
    def widths(self) -> dict[str, int]:
        """The cells of each shown column by its id, in order."""
        return {place.column.id: place.width for place in self.places}

    def column_at(self, x: int) -> Column | None:
        """Return the column that cell `x` belongs to; the gap behind a column is its own."""
        for place in self.places:
            if place.start <= x < place.start + place.width + GAP:
                return place.column
        return None


@lru_cache(maxsize=16)
def arrange(columns: tuple[Column, ...], width: int) -> Layout:
    """Share `width` cells among the columns: each gets its least, what is left goes by `grow`.

    When the least is too much, columns go by `drop` until the others fit; the last one is narrowed instead.
    """
    shown = list(columns)
    while len(shown) > 1 and _least(shown) > width:
        shown.remove(max(reversed(shown), key=lambda column: column.drop))
    spare = max(0, width - _least(shown))
    grown = [sum(column.grow for column in shown[: count + 1]) for count in range(len(shown))]
    total = grown[-1] if grown and grown[-1] else 1
    ends = [spare * share // total for share in grown]
    widths = [column.width + end - before for column, end, before in zip(shown, ends, [0, *ends], strict=False)]
    if len(shown) == 1:
        widths = [max(0, min(widths[0], width - GUTTER))]
    starts = accumulate(widths, lambda start, cells: start + cells + GAP, initial=GUTTER)
    return Layout(width, tuple(Place(*placed) for placed in zip(shown, starts, widths, strict=False)))


def _least(columns: Sequence[Column]) -> int:
    return GUTTER + sum(column.width for column in columns) + GAP * (len(columns) - 1)
