"""The file that goes up, and nothing but what was fingerprinted of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from tui.fingerprint import crc64
from tui.i18n import _
from tui.storage.errors import SourceChangedError, SourceMissingError, SourceUnreadableError
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tui.fingerprint import Fingerprint
    from tui.storage.connection import Body
    from tui.storage.parts import Part, Report


@dataclass(frozen=True)
class Source:
    """A file and what it was when it was checked; the methods block.

    They raise SourceChangedError where it is something else now, SourceMissingError where it is gone, and
    SourceUnreadableError where it cannot be read.
    """

    path: Path
    fingerprint: Fingerprint

    def require_size(self) -> None:
        """Return if the file has the size it had."""
        with self.reading():
            size = self.path.stat().st_size
        if size != self.fingerprint.size:
            raise self.changed(_("size {old:,} → {new:,} bytes", old=self.fingerprint.size, new=size))

    @contextlib.contextmanager
    def body(self, part: Part, report: Report) -> Iterator[Body]:
        """Yield a part as the body of a request; `report` hears what was handed on."""
        from tui.storage.connection import Body

        checksum = self.fingerprint.blocks[part.number - 1] if part.size else 0
        with self.reading():
            file = self.path.open("rb")
            file.seek(part.offset)
        with file:
            yield Body(part.size, checksum, _PartReader(self, part, checksum, file, report).read_at)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Raise what the system refuses as one of our errors: requests would take an OSError for the network's."""
        try:
            yield
        except (FileNotFoundError, NotADirectoryError) as error:
            raise SourceMissingError(
                _("the file is gone since it was checked, no object was made of it: {file}", file=self._shown_path),
                advice=_("Put it back, or name the file where it is now."),
            ) from error
        except OSError as error:
            why = error.strerror or str(error)
            raise SourceUnreadableError(
                _("cannot read {file}, no object was made of it: {why}", file=self._shown_path, why=why),
                advice=_("See that the file can be read and its disk is well, then start again."),
            ) from error

    def changed(self, how: str) -> SourceChangedError:
        """Return the error that says how the file differs from what was checked."""
        file = self._shown_path
        return SourceChangedError(
            _("the file changed since it was checked, no object was made of it: {file} ({how})", file=file, how=how),
            advice=_("Check it again:  arkdeck check {file}", file=file),
        )

    @property
    def _shown_path(self) -> str:
        return clean(str(self.path))


class _PartReader:
    """Reads a part while it is sent, and holds its last bytes back unless all of it is what was checked.

    So the store never has the whole of a part, or of a small file, that is something else.
    """

    def __init__(self, source: Source, part: Part, checksum: int, file: BinaryIO, report: Report) -> None:
        self._source = source
        self._part = part
        self._expected = checksum
        self._file = file
        self._report = report
        self._checksum = 0
        self._buffer = memoryview(b"")

    def read_at(self, position: int, size: int) -> memoryview:
        """Return the next `size` bytes, valid until the next call."""
        self._report(position)
        if len(self._buffer) < size:
            self._buffer = memoryview(bytearray(size))
        piece = self._buffer[:size]
        with self._source.reading():
            count = self._file.readinto(piece)  # type: ignore[attr-defined]  # typeshed leaves it out of BinaryIO
        self._checksum = crc64(piece, self._checksum)
        at_end = position + size == self._part.size
        if count < size or (at_end and self._checksum != self._expected):
            first, last = self._part.offset, self._part.offset + self._part.size - 1
            raise self._source.changed(_("bytes {first:,} to {last:,} differ", first=first, last=last))
        return piece
