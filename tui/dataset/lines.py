"""The lines of a file as they lie on the disk: parted by LF and nothing else, numbered, with their place."""

from __future__ import annotations

import contextlib
import stat
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple

from tui.errors import UsageError
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BLOCK_BYTES: Final = 1024 * 1024


class Line(NamedTuple):
    """One physical line.

    Attributes:
        number: from 1.
        offset: of its first byte in the file.
        data: its bytes without the LF; empty when it is not whole.
        whole: False when it is longer than the limit and was left out.
    """

    number: int
    offset: int
    data: bytes
    whole: bool


class LineSplitter:
    """Takes a file's bytes in any pieces and gives its lines, holding no more than `limit` bytes of one."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._length = 0
        self._number = 1
        self._offset = 0

    def feed(self, block: bytes) -> Iterator[Line]:
        """Take the next bytes and yield the lines that end in them."""
        first, *others = block.split(b"\n")
        self._keep(first)
        for piece in others:
            yield self._line()
            self._keep(piece)

    def finish(self) -> Iterator[Line]:
        """Yield the last line when no LF ended it."""
        if self._length:
            yield self._line()

    def _keep(self, piece: bytes) -> None:
        self._length += len(piece)
        if self._length <= self._limit:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _line(self) -> Line:
        line = Line(self._number, self._offset, b"".join(self._pieces), self._length <= self._limit)
        self._number += 1
        self._offset += self._length + 1
        self._pieces.clear()
        self._length = 0
        return line


def read_lines(file: BinaryIO, limit: int, *, tee: Callable[[bytes], None] | None = None) -> Iterator[Line]:
    """Yield the lines from where `file` stands to its end; `tee` gets every block of bytes that was read."""
    splitter = LineSplitter(limit)
    while block := file.read(BLOCK_BYTES):
        if tee is not None:
            tee(block)
        yield from splitter.feed(block)
    yield from splitter.finish()


def line_at(path: Path, offset: int, limit: int) -> bytes:
    """Return the line that begins at `offset`, without its line break; of a longer one the first `limit` bytes.

    Raises:
        FileMissingError, UsageError: the file is gone, or cannot be read.
    """
    with open_file(path) as file:
        file.seek(offset)
        return file.read(limit).partition(b"\n")[0]


class FileMissingError(UsageError):
    """There is no file of that name."""


@contextlib.contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file for reading.

    Raises:
        FileMissingError: there is none.
        UsageError: it is not a regular file or cannot be read, also when reading fails later.
    """
    name = clean(str(path), strict=True)
    try:
        if not _is_regular(path):
            raise UsageError(_("not a file: {path}", path=name))
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError:
        raise FileMissingError(_("no such file: {path}", path=name)) from None
    except OSError as error:
        reason = clean(error.strerror or str(error))
        raise UsageError(_("cannot read {path}: {reason}", path=name, reason=reason)) from error


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except ValueError:  # a NUL or a lone surrogate in the name
        return False
