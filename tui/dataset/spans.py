"""The lines that begin in one span of a file: several processes read one file, each line once, whatever the spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

import numpy as np

from tui.dataset.utf8 import is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUFFER: Final = 128 * 1024  # as much as stays in a processor's own cache while it is looked at several times
_AHEAD: Final = 64 * 1024  # read past the end of a span at a time, to find where its last line ends

_OPEN, _CLOSE = b"{}"


class Block(NamedTuple):
    """Lines that follow each other; valid until the next block is asked for.

    Attributes:
        base: offset in the file of the buffer's first byte.
        buffer: holds them.
        begins: where in the buffer each of them begins.
        ends: where each of them ends, without its LF; some may be empty.
        plain: they are known to be UTF-8 without a CR (False says nothing).
        whole: False for a single line that is longer than the limit, of which not all may be there.
    """

    base: int
    buffer: bytearray
    begins: list[int]
    ends: list[int]
    plain: bool
    whole: bool = True

    def looks_like_objects(self) -> bool:
        """Return whether every line begins and ends as an object of JSON does."""
        octets = np.frombuffer(self.buffer, np.uint8)
        begins, ends = np.array(self.begins), np.array(self.ends)
        return bool((octets[begins] == _OPEN).all() and (octets[ends - 1] == _CLOSE).all())


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

    def blocks(self, start: int, end: int) -> Iterator[Block]:
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
            if begin < stop and base + begin < end:
                last = buffer.find(b"\n", max(end - 1 - base, begin), stop) + 1
                yield from self._limited(self._block(base, begin, last or stop))
            if ended:
                return
            if filled - stop > self._limit:
                if base + stop < end:
                    yield Block(base, buffer, [stop], [filled], plain=False, whole=False)
                skipping, stop = True, filled
            base += stop
            filled = self._keep(stop, filled)

    def _fill(self, filled: int, wanted: int) -> tuple[int, bool]:
        """Read on behind the first `filled` bytes; return how many there are now, and whether the file ends there."""
        room = min(max(wanted - filled, _AHEAD), _BUFFER)  # a buffer that grew for one line is not filled with others
        with memoryview(self._buffer) as view:
            got = self._file.readinto(view[filled : filled + room])  # type: ignore[attr-defined]
        return filled + got, not got

    def _block(self, base: int, begin: int, stop: int) -> Block:
        buffer, end, ends = self._buffer, begin - 1, []
        find = buffer.find
        while (end := find(b"\n", end + 1, stop)) >= 0:
            ends.append(end)
        if not ends or ends[-1] + 1 < stop:
            ends.append(stop)
        plain = self._inspect and find(b"\r", begin, stop) < 0 and is_utf8(buffer, begin, stop)
        return Block(base, buffer, [begin, *[end + 1 for end in ends[:-1]]], ends, plain)

    def _limited(self, block: Block) -> Iterator[Block]:
        """Yield the lines of a block, each by itself if one of them may be longer than the limit."""
        if block.ends[-1] - block.begins[0] <= self._limit:
            yield block
            return
        for begin, end in zip(block.begins, block.ends, strict=True):
            yield block._replace(begins=[begin], ends=[end], whole=end - begin <= self._limit)

    def _keep(self, stop: int, filled: int) -> int:
        """Move the beginning of a line to the front, with room for as much again; return how long it is."""
        rest = filled - stop
        if 2 * rest <= len(self._buffer):
            self._buffer[:rest] = self._buffer[stop:filled]
        else:
            self._buffer = self._buffer[stop:filled] + bytes(rest)
        return rest
