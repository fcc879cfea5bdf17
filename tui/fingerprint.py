"""What a file's content is: the check makes it in its one pass, uploads verify against it, the journal keeps it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import fastcrc
import msgspec

BLOCK_SIZE: Final = 16 * 1024 * 1024
"""Bytes per checksum block, and per part of a multipart upload (the store takes 5 MiB to 5 GiB, tos.md §5)."""

_READ_SIZE: Final = 4 * 1024 * 1024


class Fingerprint(msgspec.Struct, frozen=True):
    """The identity of a file's content.

    Attributes:
        size: bytes.
        mtime_ns: modification time when it was read.
        sha256: hex digest of the whole.
        crc64: CRC-64/XZ of the whole, as the object store reports it.
        blocks: CRC-64/XZ of each block of BLOCK_SIZE bytes, the last one shorter.
    """

    size: int
    mtime_ns: int
    sha256: str
    crc64: int
    blocks: tuple[int, ...]


class Fingerprinter:
    """Takes a file's bytes in any pieces and makes its fingerprint."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._crc64 = 0
        self._blocks: list[int] = []
        self._room = 0
        self._size = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._sha256.update(data)
        self._crc64 = crc64(data, self._crc64)
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            if not self._room:
                self._blocks.append(0)
                self._room = BLOCK_SIZE
            piece, rest = rest[: self._room], rest[self._room :]
            self._blocks[-1] = crc64(piece, self._blocks[-1])
            self._room -= len(piece)

    def finish(self, stat: os.stat_result) -> Fingerprint:
        """Return the fingerprint; `stat` is the file's, taken when reading began."""
        return Fingerprint(self._size, stat.st_mtime_ns, self._sha256.hexdigest(), self._crc64, tuple(self._blocks))


def crc64(data: bytes | memoryview, value: int = 0) -> int:
    """Return the CRC-64/XZ (check value of `123456789`: 995DC9BBDF1939FA) of what gave `value` followed by `data`."""
    return fastcrc.crc64.xz(data, value)


def crc64_of_file(path: Path) -> int:
    """Return the CRC-64/XZ of what is on the disk now, reading it once."""
    value = 0
    with path.open("rb") as file:
        while data := file.read(_READ_SIZE):
            value = crc64(data, value)
    return value
