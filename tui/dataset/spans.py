"""The lines that begin in one span of a file: several processes read one file, each line once, whatever the spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFER: Final = 64 * 1024
_AHEAD: Final = 64 * 1024  # read past the end of a span at a time, to find where its last line ends


SpanLine = tuple[int, memoryview | None, bool]
"""A line that is not empty: the offset of its first byte in the file, its bytes without the LF, and whether it is known
to be UTF-8 without a CR (False says nothing). The bytes are valid until the next line is asked for; None when there are
more of them than the limit. A bare tuple, since there are millions.
"""


class SpanReader:
    """Reads the lines of a span.

    Args:
        file: open, unbuffered.
        limit: bytes of the longest line that is kept.
        inspect: find out whether lines are plain, which costs more than finding them.
    """

    def __init__(self, file: BinaryIO, *, limit: int, inspect: bool) -> None:
        self._file = file
        self._limit = limit
        self._inspect = inspect
        self._buffer = bytearray(_BUFFER)

    def lines(self, start: int, end: int) -> Iterator[SpanLine]:
        """Yield every line whose first byte lies in `start` up to, not including, `end`."""
        base = max(start - 1, 0)  # a line begins at `start` if the byte before is an LF
        self._file.seek(base)
        skipping = start > 0
        filled = 0
        while base < end:
            filled, ended = self._fill(filled, end - base)
            buffer, begin = self._buffer, 0
            if skipping:
                begin = buffer.find(b"\n", 0, filled) + 1
                skipping = begin == 0
                if skipping:
                    begin = filled
            stop = filled if ended else max(buffer.rfind(b"\n", begin, filled) + 1, begin)
            yield from self._whole_lines(base, begin, stop, end)
            if ended:
                return
            if filled - stop > self._limit:
                if base + stop < end:
                    yield base + stop, None, False
                skipping, stop = True, filled
            base += stop
            filled = self._keep(stop, filled)

    def _fill(self, filled: int, wanted: int) -> tuple[int, bool]:
        """Read on behind the first `filled` bytes; return how many there are now, and whether the file ends there."""
        room = max(wanted - filled, _AHEAD)
        with memoryview(self._buffer) as view:
            got = self._file.readinto(view[filled : filled + room])  # type: ignore[attr-defined]
        return filled + got, not got

    def _whole_lines(self, base: int, begin: int, stop: int, end: int) -> Iterator[SpanLine]:
        find = self._buffer.find
        with memoryview(self._buffer) as view:
            plain = self._inspect and find(b"\r", begin, stop) < 0 and _is_utf8(view[begin:stop])
            while begin < stop and base + begin < end:
                line_end = find(b"\n", begin, stop)
                if line_end < 0:
                    line_end = stop
                if line_end > begin:
                    whole = line_end - begin <= self._limit
                    yield base + begin, view[begin:line_end] if whole else None, plain
                begin = line_end + 1

    def _keep(self, stop: int, filled: int) -> int:
        """Move the beginning of a line to the front, with room for as much again; return how long it is."""
        rest = filled - stop
        if 2 * rest <= len(self._buffer):
            self._buffer[:rest] = self._buffer[stop:filled]
        else:
            self._buffer = self._buffer[stop:filled] + bytes(rest)
        return rest


def _is_utf8(data: memoryview) -> bool:
    try:
        str(data, "utf-8")
    except UnicodeDecodeError:
        return False
    return True
