"""Operations on one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_to_bytes

from tui.localcloud.http_messages import FileRange, Response
from tui.localcloud.tos_call import (
    Call,
    checksum_header,
    json_response,
    json_time,
    object_headers,
    quoted,
)
from tui.localcloud.tos_conditions import check_conditions, parse_range, write_guard
from tui.localcloud.tos_errors import InvalidArgument, InvalidKey, NoSuchKey

if TYPE_CHECKING:
    from tui.localcloud.tos_records import ObjectRecord

COPY_CONDITION: Final = "x-tos-copy-source-"
"""Begins the names of conditions on the source of a copy."""
_OVERRIDES: Final = {
    "response-content-type": "Content-Type",
    "response-cache-control": "cache-control",
    "response-content-disposition": "content-disposition",
    "response-content-encoding": "content-encoding",
    "response-content-language": "content-language",
    "response-expires": "expires",
}


def put_object(call: Call) -> Response:
    """Make an object of the body."""
    with call.storage.receive() as incoming:
        call.receive_into(incoming)
        record = call.storage.put(
            call.bucket, call.key, incoming, call.kept_headers(), write_guard(call.request.headers)
        )
    return Response(200, {"ETag": quoted(record.etag), **checksum_header(record.crc64)})


def copy_object(call: Call) -> Response:
    """Make an object of another one's content."""
    replace = call.header("x-tos-metadata-directive").upper() == "REPLACE"

    record = call.storage.copy(
        copy_source(call),
        (call.bucket, call.key),
        call.kept_headers() if replace else None,
        source_guard=lambda source: check_conditions(source, call.request.headers, prefix=COPY_CONDITION),
        guard=write_guard(call.request.headers),
    )
    return json_response(
        {"ETag": quoted(record.etag), "LastModified": json_time(record.modified)}, checksum_header(record.crc64)
    )


def copy_source(call: Call) -> tuple[str, str]:
    """Return bucket and key that x-tos-copy-source names, as `/bucket/key` with the key percent-encoded."""
    path, _, version = call.header("x-tos-copy-source").partition("?")
    try:
        bucket, _, key = unquote_to_bytes(path.encode("latin-1")).decode().removeprefix("/").partition("/")
    except UnicodeDecodeError:
        raise InvalidKey from None
    if not bucket or not key or version:
        raise InvalidArgument("x-tos-copy-source must be /bucket/key, without a version.")
    return bucket, key


def head_object(call: Call) -> Response:
    """Describe an object, or one range of it."""
    record = call.storage.head(call.bucket, call.key)
    status, headers, _, length = _describe(call, record)
    return Response(status, headers, length=length)


def get_object(call: Call) -> Response:
    """Send an object, or one range of it."""
    record, reader = call.storage.reader(call.bucket, call.key)
    try:
        status, headers, start, length = _describe(call, record)
    except BaseException:
        reader.close()
        raise
    return Response(status, headers, FileRange(reader, start, length))


def get_file_status(call: Call) -> Response:
    """Describe an object in a document, or the folder of that name (the native clients ask in this way)."""
    try:
        record = call.storage.head(call.bucket, call.key)
    except NoSuchKey:
        return _folder_status(call)
    return json_response(
        {
            "Key": record.key,
            "Size": record.size,
            "LastModified": json_time(record.modified),
            "CRC64": str(record.crc64),
            "ETag": quoted(record.etag),
            "Type": "Normal",
        }
    )


def _folder_status(call: Call) -> Response:
    """Describe what keys begin with as a folder: its key ends in a slash, which tells clients that it is no object."""
    folder = call.key.removesuffix("/") + "/"
    page = call.storage.list_objects(call.bucket, prefix=folder, limit=1)
    if not page.objects:
        raise NoSuchKey
    return json_response(
        {
            "Key": folder,
            "Size": 0,
            "LastModified": json_time(page.objects[0].modified),
            "CRC64": "0",
            "ETag": "",
            "Type": "Normal",
        }
    )


def delete_object(call: Call) -> Response:
    """Delete an object; one that is not there is as good as deleted."""
    call.storage.delete(call.bucket, call.key)
    return Response(204)


def _describe(call: Call, record: ObjectRecord) -> tuple[int, dict[str, str], int, int]:
    """Return status, headers, start and length of what a GET or HEAD asks for."""
    check_conditions(record, call.request.headers)
    headers = {**object_headers(record), **_overrides(call)}
    span = parse_range(call.request.headers.get("range"), record.size)
    if span is None:
        return 200, headers, 0, record.size
    start, length = span
    return 206, {**headers, "Content-Range": f"bytes {start}-{start + length - 1}/{record.size}"}, start, length


def _overrides(call: Call) -> dict[str, str]:
    """Return the headers that the query (of a pre-signed URL, usually) puts in place of the object's."""
    overrides = {name: call.query[parameter] for parameter, name in _OVERRIDES.items() if call.query.get(parameter)}
    if not all(value.isprintable() and value.isascii() for value in overrides.values()):
        raise InvalidArgument("The response-* parameters must be printable ASCII.")
    return overrides
