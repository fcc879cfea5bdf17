r"""The index of a job's rows: where each request lies in the input, and the reply that counts for it in its file.

It is a private file beside the results, written whole or not at all, and made again when a file it tells of has
changed.
In it, one after the other, all numbers little-endian:

    16 bytes           b"arkdeck rows \0\0" and the format's version
    PLACE × requests   digest of the id (two halves of 64 bits) and offset in the input; sorted by digest
    ROW × requests     offset and length in the input, offset and length of the reply and the number of its file,
                       kind and fate; in the order of the input
    JSON               `Contents`: the files, the account, and what the rows' kinds mean
    16 bytes           length and CRC-64 of the JSON

A row is found by its id in two binary searches, and by its place in the input at once. Rows are read in blocks, so that
memory does not grow with the requests.
"""

from __future__ import annotations

import bisect
import hashlib
import mmap
import os
import struct
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from tui.dataset.join import PLACE, ROW
from tui.dataset.lines import open_file
from tui.dataset.reply import Fate
from tui.dataset.results import Account
from tui.dataset.scan import INPUT, Records, id_digest
from tui.errors import WorkError
from tui.fingerprint import crc64
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from types import TracebackType

_MAGIC: Final = b"arkdeck rows \0\0\x01"
_TAIL: Final = struct.Struct("<QQ")
_DIGEST: Final = struct.Struct("<QQ")
_OFFSET: Final = struct.Struct("<Q")
_END_BYTES: Final = 64 * 1024
_BLOCK_ROWS: Final = 64 * 1024


class IndexUnusableError(WorkError):
    """The index is not one of this version's, is damaged, or a file it tells of has changed since it was made."""


class FileStamp(msgspec.Struct, frozen=True):
    """By what a file is known again.

    Attributes:
        name: of a file beside the index; the whole path of any other. As bytes, since not every name is text.
        size: bytes.
        mtime_ns: modification time.
        ends: digest of its first and last 64 KiB.
    """

    name: bytes
    size: int
    mtime_ns: int
    ends: str

    @classmethod
    def of(cls, path: Path, folder: Path) -> FileStamp:
        """Read the stamp of a file for an index in `folder`.

        Raises:
            FileMissingError: there is no such file.
            UsageError: it cannot be read.
        """
        with open_file(path) as file:
            state = os.fstat(file.fileno())
            ends = hashlib.blake2b(os.pread(file.fileno(), _END_BYTES, 0), digest_size=16)
            ends.update(os.pread(file.fileno(), _END_BYTES, max(state.st_size - _END_BYTES, 0)))
        path = path.absolute()
        name = path.name if path.parent == folder.absolute() else path
        return cls(os.fsencode(name), state.st_size, state.st_mtime_ns, ends.hexdigest())

    @property
    def content(self) -> tuple[int, str]:
        """What stays the same when the file is moved or copied."""
        return self.size, self.ends


class Contents(msgspec.Struct, frozen=True):
    """What an index says of itself.

    Attributes:
        files: the input, then the result and error files that replies' `source` counts from 1.
        current: how many of the latter are the newest; the others are superseded.
        reasons: finish reasons, by the kind of an answer.
        errors: code and message template, by the kind of a failure.
        account: of the whole.
    """

    files: tuple[FileStamp, ...]
    current: int
    reasons: tuple[tuple[str, ...], ...]
    errors: tuple[tuple[str, str], ...]
    account: Account


class Row(NamedTuple):
    """A request and the reply that counts for it.

    Attributes:
        number: its place in the input, from 0, among the requests alone.
        fate: what became of it.
        offset: of its line in the input.
        length: of the line, without its line break.
        source: number of the reply's file among `RowIndex.files`; 0 when there is no reply.
        reply_offset: of the reply's line in that file.
        reply_length: likewise.
        kind: of an answer or an error, see `RowIndex.reasons` and `RowIndex.errors`.
    """

    number: int
    fate: Fate
    offset: int
    length: int
    source: int
    reply_offset: int
    reply_length: int
    kind: int


def write_index(file: IO[bytes], places: Iterable[Records], rows: Iterable[Records]) -> Iterator[None]:
    """Write all of an index but its contents; a step at a time, since large ones take a while."""
    file.write(_MAGIC)
    for records in places:
        file.write(records.tobytes())
        yield
    for records in rows:
        file.write(records.tobytes())
        yield


def write_contents(file: IO[bytes], contents: Contents) -> None:
    """Write the end of an index."""
    data = msgspec.json.encode(contents)
    file.write(data + _TAIL.pack(len(data), crc64(data, 0)))


class RowIndex:
    """An index open for reading: `with RowIndex(path) as index: index.find("request-7")`.

    Args:
        path: of the index.
        source: where the input lies now, if it is not where it was.

    Raises:
        IndexUnusableError: it is damaged, or of another version.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path, source: Path | None = None) -> None:
        self._folder = path.parent
        self._source = source
        with ExitStack() as opening:
            self._file = opening.enter_context(path.open("rb", buffering=0))
            self._size = os.fstat(self._file.fileno()).st_size
            self._contents = self._read_contents()
            self._data = opening.enter_context(mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ))
            self._mapped: mmap.mmap | None = None
            self._opened: dict[int, IO[bytes]] = {}
            self._open_files = opening.pop_all()
        self._rows_at = len(_MAGIC) + len(self) * PLACE.itemsize

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open_files.close()

    def __len__(self) -> int:
        return self._contents.account.requests

    @property
    def account(self) -> Account:
        """What became of every request."""
        return self._contents.account

    @property
    def files(self) -> tuple[Path, ...]:
        """The input, then the files that `Row.source` counts from 1."""
        found = [self._folder / os.fsdecode(stamp.name) for stamp in self.stamps]
        if self._source is not None:
            found[INPUT] = self._source
        return tuple(found)

    @property
    def stamps(self) -> tuple[FileStamp, ...]:
        """By what these files are known again."""
        return self._contents.files

    @property
    def reasons(self) -> tuple[tuple[str, ...], ...]:
        """The finish reasons that an answer's `Row.kind` stands for."""
        return self._contents.reasons

    @property
    def errors(self) -> tuple[tuple[str, str], ...]:
        """Code and message template that a failure's `Row.kind` stands for."""
        return self._contents.errors

    def fits(self, files: Collection[FileStamp], current: int) -> bool:
        """Whether the index was made of these files, in this order, as they are now."""
        return self._contents.files == tuple(files) and self._contents.current == current

    def find(self, custom_id: str) -> Row | None:
        """Return the row of a request; None when the input has no such id."""
        digest = _DIGEST.unpack(id_digest(custom_id))
        at = bisect.bisect_left(range(len(self)), digest, key=self._digest_at)
        if at == len(self) or self._digest_at(at) != digest:
            return None
        (offset,) = _OFFSET.unpack_from(self._data, len(_MAGIC) + at * PLACE.itemsize + _DIGEST.size)
        return self.row(bisect.bisect_left(range(len(self)), offset, key=self._offset_at))

    def row(self, number: int) -> Row:
        """Return a row by its place in the input (IndexError beyond the last)."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        return _row(number, np.frombuffer(self._data, ROW, 1, self._rows_at + number * ROW.itemsize)[0].item())

    def rows(self, fates: Fate | None = None, kinds: Collection[int] | None = None) -> Iterator[Row]:
        """Yield rows in the input's order.

        Args:
            fates: those of any of these fates; all when omitted.
            kinds: of these, those of one of these kinds; sensible for failures alone.
        """
        for start, block in self._blocks():
            chosen = np.flatnonzero(_matching(block, fates, kinds))
            for number, values in zip((chosen + start).tolist(), block[chosen].tolist(), strict=True):
                yield _row(number, values)

    def numbers(self, fates: Fate | None = None, kinds: Collection[int] | None = None) -> NDArray[np.uint32]:
        """Return the places of such rows, 4 bytes each, for whoever pages through them."""
        found = [
            (np.flatnonzero(_matching(block, fates, kinds)) + start).astype(np.uint32)
            for start, block in self._blocks()
        ]
        return np.concatenate(found) if found else np.empty(0, np.uint32)

    def map_rows(self) -> Records:
        """Return every ROW, for work on very many: the system reads them when they are looked at."""
        return self._map(ROW, self._rows_at)

    def map_places(self) -> Records:
        """Return every PLACE, likewise."""
        return self._map(PLACE, len(_MAGIC))

    def unload(self) -> None:
        """Let the system take back the memory of what was looked at so far; it is read again if it is needed."""
        if self._mapped is not None:
            self._mapped.madvise(mmap.MADV_DONTNEED)

    def _map(self, dtype: np.dtype[np.void], start: int) -> Records:
        if self._mapped is None:  # a mapping of its own, which lives as long as the arrays do
            self._mapped = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
        return np.frombuffer(self._mapped, dtype, len(self), start)

    def request(self, row: Row) -> bytes:
        """Return the line of a request, byte for byte, without its line break.

        Raises:
            FileMissingError: the input is not where it was.
            IndexUnusableError: it has changed.
        """
        return self.line(INPUT, row.offset, row.length)

    def reply(self, row: Row) -> bytes | None:
        """Return the line of the reply that counts, likewise; None when there is none."""
        return self.line(row.source, row.reply_offset, row.reply_length) if row.source else None

    def line(self, number: int, offset: int, length: int) -> bytes:
        """Return a line of the file with this number among `files`, likewise."""
        return os.pread(self._open(number).fileno(), length, offset)

    def _open(self, number: int) -> IO[bytes]:
        if number not in self._opened:
            path, stamp = self.files[number], self.stamps[number]
            found = FileStamp.of(path, self._folder)
            moved = number == INPUT and self._source is not None
            if found != stamp and not (moved and found.content == stamp.content):
                raise IndexUnusableError(
                    _("{path} has changed since it was accounted for", path=clean(str(path), strict=True))
                )
            self._opened[number] = self._open_files.enter_context(open_file(path))
        return self._opened[number]

    def _blocks(self) -> Iterator[tuple[int, Records]]:
        for start in range(0, len(self), _BLOCK_ROWS):
            count = min(_BLOCK_ROWS, len(self) - start)
            data = os.pread(self._file.fileno(), count * ROW.itemsize, self._rows_at + start * ROW.itemsize)
            yield start, np.frombuffer(data, ROW)

    def _digest_at(self, number: int) -> tuple[int, ...]:
        return _DIGEST.unpack_from(self._data, len(_MAGIC) + number * PLACE.itemsize)

    def _offset_at(self, number: int) -> int:
        offset: int = _OFFSET.unpack_from(self._data, self._rows_at + number * ROW.itemsize)[0]
        return offset

    def _read_contents(self) -> Contents:
        unusable = IndexUnusableError(_("the index of the rows is damaged, or of another version"))
        descriptor = self._file.fileno()
        room = self._size - _TAIL.size - len(_MAGIC)
        if room < 0 or os.pread(descriptor, len(_MAGIC), 0) != _MAGIC:
            raise unusable
        length, checksum = _TAIL.unpack(os.pread(descriptor, _TAIL.size, self._size - _TAIL.size))
        data = os.pread(descriptor, length, self._size - _TAIL.size - length) if length <= room else b""
        if crc64(data, 0) != checksum:
            raise unusable
        try:
            contents = msgspec.json.decode(data, type=Contents)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise unusable from None
        if room - length != contents.account.requests * (PLACE.itemsize + ROW.itemsize):
            raise unusable
        return contents


def _matching(block: Records, fates: Fate | None, kinds: Collection[int] | None) -> NDArray[np.bool_]:
    chosen = np.ones(len(block), bool) if fates is None else (block["fate"] & fates) != 0
    return chosen if kinds is None else chosen & np.isin(block["kind"], list(kinds))


def _row(number: int, values: tuple[int, ...]) -> Row:
    offset, reply_offset, length, reply_length, source, kind, fate = values
    return Row(number, Fate(fate), offset, length, source, reply_offset, reply_length, kind)
