"""A text looked for in all rows of a job: its files are read once, and what is found is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.dataset.reply import Fate, RequestReader
from tui.dataset.row_details import DetailsReader
from tui.dataset.row_glance import RowReader
from tui.dataset.row_index import RowIndex
from tui.dataset.selection import may_hold, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.dataset.row_index import Row

_BLOCK: Final = 1024 * 1024
_MISSING_AT_A_TIME: Final = 256


@dataclass(frozen=True)
class SearchProgress:
    """How far a search is, in bytes of replies and one for each request without; and what was found since the last."""

    done: int
    total: int
    found: tuple[Row, ...]


def search(index: Path, text: str, source: Path | None = None) -> Iterator[SearchProgress]:
    """Look for a text in every request's id and answer, and in its error's code and message; cases are different.

    A request whose id is the text is found first, by the index. Rows come as they lie in their files; the ids of
    requests without a reply are read from the input, if it is there.

    Args:
        index: of the results.
        text: not empty.
        source: where the input lies now, if it is not where it was.

    Raises:
        FileMissingError, IndexUnusableError: a file is gone or has changed since the index was made.
    """
    with RowIndex(index, source) as rows:
        total = sum(stamp.size for stamp in rows.stamps[1:]) + rows.account.missing
        exact = rows.find(text)
        yield SearchProgress(0, total, () if exact is None else (exact,))
        for step in _search(rows, text, total):
            yield SearchProgress(step.done, total, tuple(row for row in step.found if row != exact))


def _search(rows: RowIndex, text: str, total: int) -> Iterator[SearchProgress]:
    done = 0
    in_replies = _Finder(rows, text)
    for number in range(1, len(rows.files)):
        for offset, lines, size in _blocks(rows, number):
            done += size
            yield SearchProgress(done, total, tuple(in_replies.found(number, offset, lines)))
    glances = RowReader(rows)
    missing = rows.numbers(Fate.MISSING)
    for start in range(0, len(missing), _MISSING_AT_A_TIME):
        some = glances.glances(missing[start : start + _MISSING_AT_A_TIME].tolist())
        done += len(some)
        yield SearchProgress(done, total, tuple(each.row for each in some if text in (each.custom_id or "")))


class _Finder:
    """Finds rows that have the text among the lines of reply files."""

    def __init__(self, rows: RowIndex, text: str) -> None:
        self._rows = rows
        self._text = text
        self._read = DetailsReader(rows).read
        self._id_on = RequestReader().read

    def found(self, number: int, offset: int, lines: bytes) -> Iterator[Row]:
        """Yield those of whole lines, from an offset in a file, that count for their requests."""
        if not may_hold(lines, self._text):
            return
        for line in lines.split(b"\n"):
            if may_hold(line, self._text):
                row = self._row(number, offset, line)
                if row is not None and self._fits(line, row):
                    yield row
            offset += len(line) + 1

    def _row(self, number: int, offset: int, line: bytes) -> Row | None:
        custom_id = self._id_on(memoryview(line))
        row = self._rows.find(custom_id) if custom_id else None
        return row if row is not None and (row.source, row.reply_offset) == (number, offset) else None

    def _fits(self, line: bytes, row: Row) -> bool:
        details = self._read(row, line)
        return self._text in details.custom_id or says(details, self._text)


def _blocks(rows: RowIndex, number: int) -> Iterator[tuple[int, bytes, int]]:
    """Yield a file in blocks of whole lines: where each begins, its bytes, and how many were read for it."""
    size, at, rest = rows.stamps[number].size, 0, b""
    while at < size:
        block = rows.line(number, at, min(_BLOCK, size - at))
        if not block:  # somebody cut the file short
            return
        begins, at = at - len(rest), at + len(block)
        lines, line_break, rest = (rest + block).rpartition(b"\n") if at < size else (rest + block, b"", b"")
        yield begins, lines + line_break, len(block)
