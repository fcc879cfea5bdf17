"""Where a long line goes on below when it is wrapped."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import get_character_cell_size


def fold(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each part of a line that is wrapped to `width` cells.

    It breaks behind a blank where there is one. A character that is wider than `width` has a part of its own.
    """
    start = 0
    while True:
        end = _reach(text, start, width)
        if end >= len(text):
            yield start, len(text)
            return
        blank = text.rfind(" ", start, end)
        if blank > start:
            end = blank + 1
        yield start, end
        start = end


def _reach(text: str, start: int, width: int) -> int:
    """Return the end of the longest part from `start` that fits into `width` cells, of one character at least."""
    if text.isascii():
        return start + max(1, width)
    end, cells = start, 0
    while end < len(text):
        cells += get_character_cell_size(text[end])
        if cells > width and end > start:
            break
        end += 1
    return end
