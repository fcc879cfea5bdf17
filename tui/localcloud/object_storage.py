"""Buckets and objects on disk: what the TOS protocol serves, the engine's input and its results.

Objects are files with random names (`tos_blobs`), their keys and headers rows of an SQLite file (`tos_index`).
Memory does not grow with the size of an object. A write is visible whole or not at all, even if the process is
killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

from tui.files import private_folder
from tui.localcloud import tos_multipart as multipart
from tui.localcloud.failures import CannotStartError
from tui.localcloud.tos_blobs import BlobFolder, BlobWriter, SegmentReader
from tui.localcloud.tos_errors import (
    BucketAlreadyExists,
    BucketNotEmpty,
    InvalidBucketName,
    NoSuchKey,
)
from tui.localcloud.tos_index import Index
from tui.localcloud.tos_listing import Page, list_page
from tui.localcloud.tos_records import (
    BucketRecord,
    Guard,
    ObjectRecord,
    PartRecord,
    UploadRecord,
    find_object,
    from_millis,
    now_millis,
    require_bucket,
    require_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_WRITE_BUFFER: Final = 1024 * 1024
_NO_CONTENT: Final = 0

Garbage: TypeAlias = dict[int, Sequence[str]]
"""Blobs that nothing refers to any more, by the content they were; those of no object by _NO_CONTENT."""


class StorageInUseError(CannotStartError):
    """Another process has the folder of an object storage open."""


class ObjectStorage:
    """Private buckets of one folder, safe to share between threads; one process at a time.

    Args:
        folder: made when missing; what a killed process left half-written is removed.
        min_part_size: bytes of every part but the last of a multipart upload.

    Raises:
        StorageInUseError: another process, or another instance that was not closed, has it.
        OSError: the folder cannot be made, read or written.
    """

    def __init__(self, folder: Path, *, min_part_size: int = multipart.MIN_PART_SIZE) -> None:
        self._min_part_size = min_part_size
        self._lock_file = _lock(private_folder(folder))
        self._index = Index(folder / "index.sqlite3")
        self._blobs = BlobFolder(folder / "blobs")
        self._readers: Counter[int] = Counter()  # open readers of a content
        self._doomed: Garbage = {}  # what open readers still need
        self._readers_lock = threading.Lock()
        with self._index.transaction() as database:
            names = database.execute("SELECT blob FROM segment UNION SELECT blob FROM part")
            self._blobs.sweep({name for (name,) in names})

    def close(self) -> None:
        """Close the files; the storage cannot be used any more, closing it again does nothing."""
        self._index.close()
        self._lock_file.close()

    # buckets

    def create_bucket(self, name: str) -> None:
        """Make a private bucket (InvalidBucketName, BucketAlreadyExists)."""
        if not _BUCKET_NAME.fullmatch(name):
            raise InvalidBucketName
        with self._index.transaction() as database:
            try:
                database.execute("INSERT INTO bucket VALUES (?, ?)", (name, now_millis()))
            except sqlite3.IntegrityError:
                raise BucketAlreadyExists from None

    def bucket_exists(self, name: str) -> bool:
        """Tell whether there is a bucket of this name."""
        with self._index.transaction() as database:
            return database.execute("SELECT 1 FROM bucket WHERE name = ?", (name,)).fetchone() is not None

    def buckets(self) -> list[BucketRecord]:
        """Return all buckets in the order of their names."""
        with self._index.transaction() as database:
            rows = database.execute("SELECT name, created FROM bucket ORDER BY name").fetchall()
        return [BucketRecord(name, from_millis(created)) for name, created in rows]

    def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket (NoSuchBucket, BucketNotEmpty)."""
        with self._index.transaction() as database:
            require_bucket(database, name)
            try:
                database.execute("DELETE FROM bucket WHERE name = ?", (name,))
            except sqlite3.IntegrityError:
                raise BucketNotEmpty from None

    # objects

    @contextlib.contextmanager
    def writer(self, bucket: str, key: str, headers: Mapping[str, str] | None = None) -> Iterator[BinaryIO]:
        """Yield a binary file that becomes the object when the block ends without an error.

        Args:
            bucket: name of an existing bucket (NoSuchBucket).
            key: up to 1024 bytes (InvalidKey, KeyTooLong); its object is replaced.
            headers: content-type, x-tos-meta-*, by lower-case name.
        """
        with self.receive() as incoming:
            file = io.BufferedWriter(incoming, _WRITE_BUFFER)
            yield file
            file.flush()
            self.put(bucket, key, incoming, headers or {})

    def receive(self) -> BlobWriter:
        """Return a writer for bytes whose place is decided later, by `put` or `put_part`; a context manager."""
        return self._blobs.create()

    def put(
        self,
        bucket: str,
        key: str,
        incoming: BlobWriter,
        headers: Mapping[str, str],
        guard: Guard | None = None,
    ) -> ObjectRecord:
        """Make an object of the bytes of `incoming` and return it.

        Raises:
            NoSuchBucket, InvalidKey, KeyTooLong, and what `guard` raises.
        """
        blob = incoming.finished()
        with self._replacing(bucket, key, guard) as (database, garbage):
            content = _add_content(database, blob.size, blob.crc64, blob.etag, [(blob.name, blob.size)])
            garbage.update(_put_row(database, bucket, key, content, headers))
            record = find_object(database, bucket, key)
            incoming.keep()
        return _present(record)

    def head(self, bucket: str, key: str) -> ObjectRecord:
        """Return an object without its bytes (NoSuchBucket, NoSuchKey)."""
        with self._index.transaction() as database:
            return _present(find_object(database, bucket, key))

    def open(self, bucket: str, key: str) -> tuple[ObjectRecord, BinaryIO]:
        """Return an object and its bytes, readable also once it is replaced (NoSuchBucket, NoSuchKey)."""
        record, reader = self.reader(bucket, key)
        return record, io.BufferedReader(reader, _WRITE_BUFFER)

    def reader(self, bucket: str, key: str) -> tuple[ObjectRecord, SegmentReader]:
        """Return an object and an unbuffered reader that can send ranges to a socket; to be closed."""
        with self._index.transaction() as database:
            record = _present(find_object(database, bucket, key))
            content = _content_of(database, bucket, key)
            segments = database.execute(
                "SELECT blob, size FROM segment WHERE content = ? ORDER BY position", (content,)
            ).fetchall()
            with self._readers_lock:
                self._readers[content] += 1
        return record, self._blobs.reader(segments, lambda: self._reader_closed(content))

    def copy(
        self,
        source: tuple[str, str],
        target: tuple[str, str],
        headers: Mapping[str, str] | None = None,
        *,
        source_guard: Callable[[ObjectRecord], None] | None = None,
        guard: Guard | None = None,
    ) -> ObjectRecord:
        """Give an object's content a second key without copying bytes, and return the new object.

        Args:
            source: bucket and key (NoSuchBucket, NoSuchKey).
            target: bucket and key; may be the source itself.
            headers: those of the new object; the source's when omitted.
            source_guard: may refuse the source.
            guard: may refuse to replace the target.
        """
        with self._replacing(*target, guard) as (database, garbage):
            original = _present(find_object(database, *source))
            if source_guard is not None:
                source_guard(original)
            content = _content_of(database, *source)
            garbage.update(_put_row(database, *target, content, original.headers if headers is None else headers))
            record = find_object(database, *target)
        return _present(record)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is not there is as good as deleted (NoSuchBucket)."""
        with self._index.transaction() as database:
            require_bucket(database, bucket)
            content = _content_of(database, bucket, key)
            database.execute("DELETE FROM object WHERE bucket = ? AND key = ?", (bucket, key))
            garbage = _drop_content(database, content)
        self._discard(garbage)

    def list_objects(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", start: str = "", limit: int = 1000
    ) -> Page:
        """Return a page of keys that begin with `prefix`, from the lower bound `start` on (NoSuchBucket)."""
        with self._index.transaction() as database:
            require_bucket(database, bucket)
            return list_page(database, bucket, prefix=prefix, delimiter=delimiter, start=start, limit=limit)

    # multipart uploads

    def create_upload(self, bucket: str, key: str, headers: Mapping[str, str]) -> str:
        """Begin a multipart upload and return its id (NoSuchBucket, InvalidKey, KeyTooLong)."""
        with self._index.transaction() as database:
            return multipart.start_upload(database, bucket, key, headers)

    def require_upload(self, bucket: str, key: str, upload: str) -> UploadRecord:
        """Return an upload in progress (NoSuchBucket, NoSuchUpload)."""
        with self._index.transaction() as database:
            return multipart.require_upload(database, bucket, key, upload)

    def put_part(self, bucket: str, key: str, upload: str, number: int, incoming: BlobWriter) -> PartRecord:
        """Make a part of the bytes of `incoming`, in place of an earlier one of this number.

        Raises:
            InvalidPartNumber, NoSuchBucket, NoSuchUpload.
        """
        multipart.require_part_number(number)
        blob = incoming.finished()
        with self._index.transaction() as database:
            multipart.require_upload(database, bucket, key, upload)
            part, replaced = multipart.replace_part(database, upload, number, blob)
            incoming.keep()
        self._blobs.remove(replaced)
        return part

    def parts(self, bucket: str, key: str, upload: str) -> Sequence[PartRecord]:
        """Return the parts that arrived, in the order of their numbers (NoSuchUpload)."""
        with self._index.transaction() as database:
            multipart.require_upload(database, bucket, key, upload)
            return [part for part, _ in multipart.parts_of(database, upload)]

    def complete_upload(
        self,
        bucket: str,
        key: str,
        upload: str,
        wanted: Sequence[tuple[int, str]] | None,
        guard: Guard | None = None,
    ) -> tuple[ObjectRecord, Sequence[PartRecord]]:
        """Make one object of parts and return it with the parts used; the upload ends, no byte is copied.

        Args:
            bucket: its bucket.
            key: its key.
            upload: its id (NoSuchUpload).
            wanted: number and ETag of the parts in any order, None for all (InvalidPart, EntityTooSmall).
            guard: may refuse to replace an object.
        """
        with self._replacing(bucket, key, guard) as (database, garbage):
            started = multipart.require_upload(database, bucket, key, upload)
            uploaded = multipart.parts_of(database, upload)
            made = multipart.assemble(started, uploaded, wanted, min_part_size=self._min_part_size)
            segments = [(blob, part.size) for blob, part in zip(made.blobs, made.parts, strict=True)]
            content = _add_content(database, made.size, made.crc64, made.etag, segments)
            multipart.forget_upload(database, upload)
            garbage.update(_put_row(database, bucket, key, content, made.headers) | {_NO_CONTENT: made.unused})
            record = find_object(database, bucket, key)
        return _present(record), made.parts

    def abort_upload(self, bucket: str, key: str, upload: str) -> None:
        """End an upload and delete its parts (NoSuchUpload)."""
        with self._index.transaction() as database:
            multipart.require_upload(database, bucket, key, upload)
            garbage = [blob for _, blob in multipart.parts_of(database, upload)]
            multipart.forget_upload(database, upload)
        self._blobs.remove(garbage)

    def uploads(
        self, bucket: str, *, prefix: str = "", key: str = "", upload: str = "", limit: int = 1000
    ) -> Sequence[UploadRecord]:
        """Return uploads by key and id, behind those of `key` (behind `upload` of that key when given)."""
        with self._index.transaction() as database:
            return multipart.uploads_behind(database, bucket, prefix=prefix, key=key, upload=upload, limit=limit)

    # the rows of an object

    @contextlib.contextmanager
    def _replacing(self, bucket: str, key: str, guard: Guard | None) -> Iterator[tuple[sqlite3.Connection, Garbage]]:
        """Yield the database, and what to fill with the blobs to delete once a new object is committed."""
        require_key(key)
        garbage: Garbage = {}
        with self._index.transaction() as database:
            existing = find_object(database, bucket, key)
            if guard is not None:
                guard(existing)
            yield database, garbage
        self._discard(garbage)

    def _discard(self, garbage: Garbage) -> None:
        """Delete blobs, those that somebody reads when the last reader is closed."""
        with self._readers_lock:
            self._doomed |= {content: blobs for content, blobs in garbage.items() if self._readers[content]}
            free = [blob for content, blobs in garbage.items() if not self._readers[content] for blob in blobs]
        self._blobs.remove(free)

    def _reader_closed(self, content: int) -> None:
        with self._readers_lock:
            self._readers[content] -= 1
            if self._readers[content]:
                return
            del self._readers[content]
            doomed = self._doomed.pop(content, ())
        self._blobs.remove(doomed)


def _put_row(database: sqlite3.Connection, bucket: str, key: str, content: int, headers: Mapping[str, str]) -> Garbage:
    """Point a key at a content; return what nothing refers to any more."""
    before = _content_of(database, bucket, key)
    database.execute(
        "INSERT OR REPLACE INTO object VALUES (?, ?, ?, ?, ?)",
        (bucket, key, content, json.dumps(dict(headers)), now_millis()),
    )
    return _drop_content(database, before)


def _drop_content(database: sqlite3.Connection, content: int) -> Garbage:
    """Forget a content unless an object has it still; return its blobs."""
    if database.execute("SELECT 1 FROM object WHERE content = ? LIMIT 1", (content,)).fetchone():
        return {}
    blobs = [name for (name,) in database.execute("SELECT blob FROM segment WHERE content = ?", (content,))]
    database.execute("DELETE FROM segment WHERE content = ?", (content,))
    database.execute("DELETE FROM content WHERE id = ?", (content,))
    return {content: blobs}


def _present(record: ObjectRecord | None) -> ObjectRecord:
    if record is None:
        raise NoSuchKey
    return record


def _content_of(database: sqlite3.Connection, bucket: str, key: str) -> int:
    """Return the id of the object's content, _NO_CONTENT when there is no object."""
    row = database.execute("SELECT content FROM object WHERE bucket = ? AND key = ?", (bucket, key)).fetchone()
    return row[0] if row else _NO_CONTENT


def _add_content(
    database: sqlite3.Connection, size: int, crc64: int, etag: str, segments: Iterable[tuple[str, int]]
) -> int:
    """Write down bytes that lie in `segments` (blob and size) and return their id."""
    content = database.execute(
        "INSERT INTO content (size, crc64, etag) VALUES (?, ?, ?)", (size, str(crc64), etag)
    ).lastrowid
    database.executemany(
        "INSERT INTO segment VALUES (?, ?, ?, ?)",
        [(content, position, blob, length) for position, (blob, length) in enumerate(segments)],
    )
    return int(content or 0)  # an INSERT always has a row id


def _lock(folder: Path) -> BinaryIO:
    """Take the folder for this process, until the returned file is closed."""
    file = (folder / "lock").open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StorageInUseError(f"{folder} is in use by another local cloud") from None
    return file
