"""Multipart uploads: parts that arrive in any order and become one object, or nothing."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.localcloud.tos_checksum import combine_crc64
from tui.localcloud.tos_errors import EntityTooSmall, InvalidPart, InvalidPartNumber, NoSuchUpload
from tui.localcloud.tos_records import (
    PartRecord,
    UploadRecord,
    from_millis,
    now_millis,
    require_bucket,
    require_key,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from tui.localcloud.tos_blobs import Blob

MIN_PART_SIZE: Final = 5 * 1024 * 1024
MAX_PART_NUMBER: Final = 10_000


@dataclass(frozen=True)
class Assembly:
    """The parts that an object is made of.

    Attributes:
        parts: in the order of their numbers.
        blobs: their bytes, in the same order.
        unused: blobs of parts that were left out.
        size: bytes of the object.
        crc64: CRC-64/XZ of the object.
        etag: of the object: MD5 of the parts' tags, `-`, number of parts.
        headers: what is kept with the object.
    """

    parts: tuple[PartRecord, ...]
    blobs: tuple[str, ...]
    unused: tuple[str, ...]
    size: int
    crc64: int
    etag: str
    headers: Mapping[str, str]


def start_upload(database: sqlite3.Connection, bucket: str, key: str, headers: Mapping[str, str]) -> str:
    """Begin an upload and return its id."""
    require_bucket(database, bucket)
    require_key(key)
    upload = secrets.token_hex(16)
    row = (upload, bucket, key, json.dumps(dict(headers)), now_millis())
    database.execute("INSERT INTO upload VALUES (?, ?, ?, ?, ?)", row)
    return upload


def require_upload(database: sqlite3.Connection, bucket: str, key: str, upload: str) -> UploadRecord:
    """Return the upload (NoSuchUpload when there is none of this id for this key)."""
    require_bucket(database, bucket)
    row = database.execute(
        "SELECT id, bucket, key, initiated, headers FROM upload WHERE id = ? AND bucket = ? AND key = ?",
        (upload, bucket, key),
    ).fetchone()
    if row is None:
        raise NoSuchUpload
    return _upload_record(row)


def require_part_number(number: int) -> None:
    """Raise InvalidPartNumber unless it is 1 to 10 000."""
    if not 1 <= number <= MAX_PART_NUMBER:
        raise InvalidPartNumber


def replace_part(database: sqlite3.Connection, upload: str, number: int, blob: Blob) -> tuple[PartRecord, list[str]]:
    """Make `blob` the part of this number; return the part, and the names of the blobs it replaces."""
    modified = now_millis()
    this = (upload, number)
    replaced = database.execute("SELECT blob FROM part WHERE upload = ? AND number = ?", this).fetchall()
    database.execute(
        "INSERT OR REPLACE INTO part VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*this, blob.name, blob.size, str(blob.crc64), blob.etag, modified),
    )
    part = PartRecord(number, blob.size, blob.etag, blob.crc64, from_millis(modified))
    return part, [name for (name,) in replaced]


def parts_of(database: sqlite3.Connection, upload: str) -> list[tuple[PartRecord, str]]:
    """Return the parts of an upload in the order of their numbers, each with the name of its blob."""
    rows = database.execute(
        "SELECT number, size, etag, crc64, modified, blob FROM part WHERE upload = ? ORDER BY number",
        (upload,),
    )
    return [
        (PartRecord(number, size, etag, int(crc64), from_millis(modified)), blob)
        for number, size, etag, crc64, modified, blob in rows
    ]


def assemble(
    upload: UploadRecord,
    uploaded: Iterable[tuple[PartRecord, str]],
    wanted: Sequence[tuple[int, str]] | None,
    *,
    min_part_size: int = MIN_PART_SIZE,
) -> Assembly:
    """Choose the parts of an object.

    Args:
        upload: the upload.
        uploaded: every part of it, as `parts_of` returns them.
        wanted: number and ETag of the parts to use, in any order; None for all there are.
        min_part_size: bytes that every part but the last must have.

    Raises:
        InvalidPart: a wanted part is missing, has another ETag or is wanted twice, or there are no parts.
        EntityTooSmall: a part other than the last is smaller.
    """
    have = {part.number: (part, blob) for part, blob in uploaded}
    chosen = sorted(have) if wanted is None else sorted(number for number, _ in wanted)
    for number, etag in wanted or ():
        if number not in have or have[number][0].etag != etag:
            raise InvalidPart(f"part {number} was not uploaded, or has another ETag")
    if not chosen or len(set(chosen)) < len(chosen):
        raise InvalidPart
    parts = tuple(have[number][0] for number in chosen)
    for part in parts[:-1]:
        if part.size < min_part_size:
            raise EntityTooSmall(f"part {part.number} of {part.size} bytes is not the last and under {min_part_size}")
    return Assembly(
        parts=parts,
        blobs=tuple(have[number][1] for number in chosen),
        unused=tuple(blob for number, (_, blob) in have.items() if number not in set(chosen)),
        size=sum(part.size for part in parts),
        crc64=_crc64_of(parts),
        etag=_etag_of(parts),
        headers=upload.headers,
    )


def forget_upload(database: sqlite3.Connection, upload: str) -> None:
    """Delete an upload and its parts from the index."""
    database.execute("DELETE FROM part WHERE upload = ?", (upload,))
    database.execute("DELETE FROM upload WHERE id = ?", (upload,))


def uploads_behind(
    database: sqlite3.Connection, bucket: str, *, prefix: str, key: str, upload: str, limit: int
) -> list[UploadRecord]:
    """Return uploads by key and id, behind those of `key` (behind `upload` of that key when given)."""
    require_bucket(database, bucket)
    rows = database.execute(
        "SELECT id, bucket, key, initiated, headers FROM upload"
        " WHERE bucket = ? AND substr(key, 1, ?) = ? AND (key > ? OR (key = ? AND ? <> '' AND id > ?))"
        " ORDER BY key, id LIMIT ?",
        (bucket, len(prefix), prefix, key, key, upload, upload, limit),
    )
    return [_upload_record(row) for row in rows]


def _upload_record(row: tuple[str, str, str, int, str]) -> UploadRecord:
    upload, bucket, key, initiated, headers = row
    return UploadRecord(upload, bucket, key, from_millis(initiated), json.loads(headers))


def _crc64_of(parts: Iterable[PartRecord]) -> int:
    crc64 = 0
    for part in parts:
        crc64 = combine_crc64(crc64, part.crc64, part.size)
    return crc64


def _etag_of(parts: Sequence[PartRecord]) -> str:
    tags = hashlib.md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False)
    return f"{tags.hexdigest()}-{len(parts)}"
