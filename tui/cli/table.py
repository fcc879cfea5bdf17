"""Tables of the command: aligned, and fitted to the terminal without cutting what one has to copy."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tui.cli.output import write_data
from tui.text import clean

_CELL: Final = 200  # characters of a cell that are ever shown
_NARROWEST: Final = 8  # columns of the screen that one that gives keeps


@dataclass(frozen=True)
class Column:
    """One column of a table; `gives` width away where a terminal is narrow, and is left out before others are cut."""

    heading: str
    gives: bool = False


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, headed: bool = True) -> None:
    """Write rows as aligned columns: fitted to a terminal, whole when the output goes elsewhere.

    Args:
        columns: from left to right.
        rows: a text for each column.
        headed: write the headings first; False for what goes on with another table.
    """
    from rich.cells import cell_len, set_cell_size

    table = [[column.heading for column in columns], *([clean(cell, limit=_CELL) for cell in row] for row in rows)]
    widths = [max(cell_len(row[place]) for row in table) for place in range(len(columns))]
    if sys.stdout is not None and sys.stdout.isatty():
        widths = _fitted(widths, columns, shutil.get_terminal_size().columns)
    for row in table if headed else table[1:]:
        cells = [_cut(cell, width) for cell, width in zip(row, widths, strict=True) if width]
        padded = [set_cell_size(cell, width) for cell, width in zip(cells, filter(None, widths), strict=True)]
        write_data("  ".join(padded).rstrip() + "\n")


def _fitted(widths: list[int], columns: Sequence[Column], room: int) -> list[int]:
    """The widths that fit: columns that give shrink, the widest first, and the last of them go when all are small."""
    widths = list(widths)
    givers = [place for place, column in enumerate(columns) if column.gives]
    while sum(widths) + 2 * (sum(map(bool, widths)) - 1) > room and givers:
        widest = max(givers, key=lambda place: widths[place])
        if widths[widest] > _NARROWEST:
            widths[widest] -= 1
        else:
            widths[givers.pop()] = 0
    return widths


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
