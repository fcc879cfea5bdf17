"""Bytes at rest: immutable files with random names that the index of the object storage refers to.

A blob is written once, under its final name, and counts only from the moment the index refers to it. So a
process that is killed at any point leaves either a whole object or a file nobody refers to, which the next
start removes. Files are not synced: a cloud for rehearsals need not survive a power cut, and every put would wait
for the disk.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import fastcrc

from tui.files import private_folder

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

    from _typeshed import ReadableBuffer, WriteableBuffer

MD5_LIMIT: Final = 5 * 1024 * 1024
"""Bodies up to this size have their MD5 as ETag. Longer ones get a tag of the same form, of CRC and size: MD5
(0.8 GB/s) would take longer than the rest of the transfer, and an ETag is opaque to clients."""


@dataclass(frozen=True)
class Blob:
    """A finished file.

    Attributes:
        name: file name, random.
        size: bytes.
        crc64: CRC-64/XZ.
        etag: 32 hexadecimal digits, without quotes.
    """

    name: str
    size: int
    crc64: int
    etag: str


class BlobFolder:
    """The folder that holds the blobs.

    Args:
        folder: made when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def create(self) -> BlobWriter:
        """Return a writer of a new blob."""
        return BlobWriter(self._folder / secrets.token_hex(16))

    def reader(self, segments: Sequence[tuple[str, int]], on_close: Callable[[], None]) -> SegmentReader:
        """Return a reader of blobs in a row, given as (name, size); closing it calls `on_close` once."""
        return SegmentReader([(self._folder / name, size) for name, size in segments], on_close)

    def remove(self, names: Iterable[str]) -> None:
        """Delete blobs; those that are gone already do not matter."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def sweep(self, referenced: Collection[str]) -> None:
        """Delete every file that is not in `referenced`: what a killed process left."""
        self.remove(entry.name for entry in os.scandir(self._folder) if entry.name not in referenced)


class BlobWriter(io.RawIOBase):
    """Takes the bytes of a new blob; left without `keep`, it takes the file away again.

    Attributes:
        size: bytes written so far.
        crc64: CRC-64/XZ of them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = False
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0
        self.crc64 = 0
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Append all of `data`."""
        view = memoryview(data).cast("B")
        self.crc64 = fastcrc.crc64.xz(view, self.crc64)
        self.size += len(view)
        if self.size <= MD5_LIMIT:
            self._md5.update(view)
        rest = view
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return len(view)

    def finished(self) -> Blob:
        """Return what was written."""
        etag = self._md5.hexdigest() if self.size <= MD5_LIMIT else f"{self.crc64:016x}{self.size:016x}"
        return Blob(self._path.name, self.size, self.crc64, etag)

    def keep(self) -> None:
        """Leave the file where it is: the index refers to it now."""
        self._kept = True

    def close(self) -> None:
        """Close the file, and delete it unless it was kept."""
        if self.closed:
            return
        super().close()
        os.close(self._descriptor)
        if not self._kept:
            self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SegmentReader(io.RawIOBase):
    """Reads an object whose bytes lie in several files, one open at a time.

    Args:
        segments: path and size of each file, in order.
        on_close: called once.
    """

    def __init__(self, segments: Sequence[tuple[Path, int]], on_close: Callable[[], None]) -> None:
        self._segments = segments
        self._size = sum(size for _, size in segments)
        self._on_close = on_close
        self._position = 0
        self._open_path: Path | None = None
        self._descriptor = -1

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move to a position in bytes and return it."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill `buffer` as far as the current file goes; 0 at the end."""
        place = self._find(self._position)
        if place is None:
            return 0
        path, offset, left = place
        view = memoryview(buffer).cast("B")[:left]
        count = os.preadv(self._open(path), [view], offset)
        if view and not count:
            raise _cut(path)
        self._position += count
        return count

    def send(self, peer: socket.socket, start: int, length: int) -> None:
        """Send `length` bytes from `start` to `peer`, from the page cache to the socket where the system can.

        Raises:
            OSError: the peer is gone, or a file is shorter than it was.
            ValueError: the range goes beyond the object.
        """
        while length:
            place = self._find(start)
            if place is None:
                raise ValueError("the range goes beyond the object")
            path, offset, left = place
            with path.open("rb", buffering=0) as file:
                sent = peer.sendfile(file, offset, min(left, length))
            if not sent:
                raise _cut(path)
            start += sent
            length -= sent

    def close(self) -> None:
        """Close the open file and say so."""
        if self.closed:
            return
        super().close()
        if self._open_path is not None:
            os.close(self._descriptor)
        self._on_close()

    def _find(self, position: int) -> tuple[Path, int, int] | None:
        """Return the file that holds `position`, the offset in it and the bytes left in it from there."""
        for path, size in self._segments:
            if position < size:
                return path, position, size - position
            position -= size
        return None

    def _open(self, path: Path) -> int:
        if self._open_path != path:
            if self._open_path is not None:
                os.close(self._descriptor)
            self._descriptor, self._open_path = os.open(path, os.O_RDONLY), path
        return self._descriptor


def _cut(path: Path) -> OSError:
    return OSError(errno.EIO, "the file of an object is shorter than it was", str(path))
