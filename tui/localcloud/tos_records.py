"""What the object storage knows of buckets, objects, parts and uploads, read from rows of the index."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from tui.localcloud.tos_errors import InvalidKey, KeyTooLong, NoSuchBucket

if TYPE_CHECKING:
    import sqlite3

META_PREFIX: Final = "x-tos-meta-"
DEFAULT_CONTENT_TYPE: Final = "binary/octet-stream"
_MAX_KEY_BYTES: Final = 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class BucketRecord:
    """A bucket and when it was made."""

    name: str
    created: datetime


@dataclass(frozen=True)
class ObjectRecord:
    """An object without its bytes.

    Attributes:
        bucket: name of its bucket.
        key: its name.
        size: bytes.
        etag: opaque tag of the content, without quotes.
        crc64: CRC-64/XZ of the content.
        modified: when it became what it is, to the millisecond.
        headers: what is kept with it, by lower-case header name: content-type, x-tos-meta-* and their like.
    """

    bucket: str
    key: str
    size: int
    etag: str
    crc64: int
    modified: datetime
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """What kind of content the writer said it is."""
        return self.headers.get("content-type", DEFAULT_CONTENT_TYPE)

    @property
    def metadata(self) -> dict[str, str]:
        """What the writer attached, by name without the prefix `x-tos-meta-`."""
        return {
            name.removeprefix(META_PREFIX): value
            for name, value in self.headers.items()
            if name.startswith(META_PREFIX)
        }


@dataclass(frozen=True)
class PartRecord:
    """A part of an upload in progress."""

    number: int
    size: int
    etag: str
    crc64: int
    modified: datetime


@dataclass(frozen=True)
class UploadRecord:
    """A multipart upload in progress."""

    id: str
    bucket: str
    key: str
    initiated: datetime
    headers: Mapping[str, str]


Guard: TypeAlias = Callable[[ObjectRecord | None], None]
"""Called at the moment of a write with the object it would replace, or None; raises to refuse it."""

SELECT_OBJECT: Final = (
    "SELECT bucket, key, size, etag, crc64, modified, headers"
    " FROM object JOIN content ON content.id = content WHERE bucket = ?"
)
"""Selects the rows `object_record` takes, of one bucket."""


def object_record(row: tuple[str, str, int, str, str, int, str]) -> ObjectRecord:
    """Return the object of a row of SELECT_OBJECT."""
    bucket, key, size, etag, crc64, modified, headers = row
    return ObjectRecord(bucket, key, size, etag, int(crc64), from_millis(modified), json.loads(headers))


def find_object(database: sqlite3.Connection, bucket: str, key: str) -> ObjectRecord | None:
    """Return the object, None when there is none (NoSuchBucket when the bucket is missing)."""
    require_bucket(database, bucket)
    row = database.execute(SELECT_OBJECT + " AND key = ?", (bucket, key)).fetchone()
    return object_record(row) if row else None


def require_bucket(database: sqlite3.Connection, bucket: str) -> None:
    """Raise NoSuchBucket unless the bucket exists."""
    if database.execute("SELECT 1 FROM bucket WHERE name = ?", (bucket,)).fetchone() is None:
        raise NoSuchBucket


def require_key(key: str) -> None:
    """Raise InvalidKey or KeyTooLong unless `key` can name an object."""
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InvalidKey from None
    if not size:
        raise InvalidKey
    if size > _MAX_KEY_BYTES:
        raise KeyTooLong


def now_millis() -> int:
    """Return the wall clock's time as the index keeps it."""
    return (datetime.now(UTC) - _EPOCH) // timedelta(milliseconds=1)


def from_millis(value: int) -> datetime:
    """Return a time of the index as an aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=value)
