"""Operations on multipart uploads."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from tui.localcloud.http_messages import Response
from tui.localcloud.tos_bucket_operations import OWNER
from tui.localcloud.tos_call import (
    STORAGE_CLASS,
    Call,
    checksum_header,
    json_response,
    json_time,
    quoted,
    url_encoder,
)
from tui.localcloud.tos_conditions import check_conditions, parse_range, write_guard
from tui.localcloud.tos_errors import MalformedBody, UnImplemented
from tui.localcloud.tos_multipart import MAX_PART_NUMBER, require_part_number
from tui.localcloud.tos_object_operations import COPY_CONDITION, copy_source

_MAX_ENTRIES: Final = 1000
_COPY_PIECE: Final = 1024 * 1024


def create_multipart_upload(call: Call) -> Response:
    """Begin an upload; the object's headers are given here."""
    upload = call.storage.create_upload(call.bucket, call.key, call.kept_headers())
    encoding, encode = url_encoder(call.query)
    return json_response({"Bucket": call.bucket, "Key": encode(call.key), "UploadId": upload, "EncodingType": encoding})


def upload_part(call: Call) -> Response:
    """Take one part; an earlier one of the same number is replaced."""
    upload, number = call.query["uploadId"], _part_number(call)
    call.storage.require_upload(call.bucket, call.key, upload)
    with call.storage.receive() as incoming:
        call.receive_into(incoming)
        part = call.storage.put_part(call.bucket, call.key, upload, number, incoming)
    return Response(200, {"ETag": quoted(part.etag), **checksum_header(part.crc64)})


def upload_part_copy(call: Call) -> Response:
    """Take one part from another object, or from a range of it."""
    upload, number = call.query["uploadId"], _part_number(call)
    call.storage.require_upload(call.bucket, call.key, upload)
    record, reader = call.storage.reader(*copy_source(call))
    with reader, call.storage.receive() as incoming:
        check_conditions(record, call.request.headers, prefix=COPY_CONDITION)
        span = parse_range(call.request.headers.get("x-tos-copy-source-range"), record.size)
        start, length = span or (0, record.size)
        reader.seek(start)
        while length:
            piece = reader.read(min(length, _COPY_PIECE))
            incoming.write(piece)
            length -= len(piece)
        part = call.storage.put_part(call.bucket, call.key, upload, number, incoming)
    return json_response(
        {"ETag": quoted(part.etag), "LastModified": json_time(part.modified)}, checksum_header(part.crc64)
    )


def _part_number(call: Call) -> int:
    number = call.number("partNumber", default=0, maximum=MAX_PART_NUMBER + 1)
    require_part_number(number)
    return number


class _WantedPart(msgspec.Struct, frozen=True, rename={"number": "PartNumber", "etag": "ETag"}):
    number: int
    etag: str


class _CompleteDocument(msgspec.Struct, frozen=True, rename="pascal"):
    parts: list[_WantedPart]


def complete_multipart_upload(call: Call) -> Response:
    """Make the object of the parts listed in any order, or of all."""
    use_all = call.header("x-tos-complete-all").lower() == "yes"
    wanted = None
    if not use_all:
        wanted = [(part.number, part.etag.strip('"')) for part in call.parse(_CompleteDocument).parts]
        if not wanted:
            raise MalformedBody("The list of parts is empty.")
    record, parts = call.storage.complete_upload(
        call.bucket, call.key, call.query["uploadId"], wanted, write_guard(call.request.headers)
    )
    used = [{"PartNumber": part.number, "ETag": quoted(part.etag)} for part in parts]
    return json_response(
        {
            "Bucket": call.bucket,
            "Key": call.key,
            "ETag": quoted(record.etag),
            "Location": f"{call.request.host}{call.request.path}",
            "CompletedParts": used if use_all else None,
        },
        checksum_header(record.crc64),
    )


def abort_multipart_upload(call: Call) -> Response:
    """End an upload and forget its parts."""
    call.storage.abort_upload(call.bucket, call.key, call.query["uploadId"])
    return Response(204)


def list_parts(call: Call) -> Response:
    """Answer the parts that have arrived, behind a marker."""
    upload = call.query["uploadId"]
    marker = call.number("part-number-marker", default=0, maximum=MAX_PART_NUMBER)
    limit = call.number("max-parts", default=_MAX_ENTRIES, maximum=_MAX_ENTRIES)
    behind = [part for part in call.storage.parts(call.bucket, call.key, upload) if part.number > marker]
    parts, encode = behind[:limit], url_encoder(call.query)[1]
    return json_response(
        {
            "Bucket": call.bucket,
            "Key": encode(call.key),
            "UploadId": upload,
            "PartNumberMarker": marker,
            "NextPartNumberMarker": parts[-1].number if parts else marker,
            "MaxParts": limit,
            "IsTruncated": 0 < len(parts) < len(behind),
            "StorageClass": STORAGE_CLASS,
            "Owner": OWNER,
            "Parts": [
                {
                    "PartNumber": part.number,
                    "LastModified": json_time(part.modified),
                    "ETag": quoted(part.etag),
                    "Size": part.size,
                    "HashCrc64ecma": str(part.crc64),
                }
                for part in parts
            ],
        }
    )


def list_multipart_uploads(call: Call) -> Response:
    """Answer the uploads in progress, behind the markers."""
    if call.query.get("delimiter"):
        raise UnImplemented("The local cloud does not group uploads by a delimiter.")
    prefix, key, upload = (call.query.get(name, "") for name in ("prefix", "key-marker", "upload-id-marker"))
    limit = call.number("max-uploads", default=_MAX_ENTRIES, maximum=_MAX_ENTRIES)
    found = call.storage.uploads(call.bucket, prefix=prefix, key=key, upload=upload, limit=limit + 1)
    truncated = 0 < limit < len(found)
    encoding, encode = url_encoder(call.query)
    entries: list[dict[str, Any]] = [
        {
            "Key": encode(record.key),
            "UploadId": record.id,
            "Initiated": json_time(record.initiated),
            "StorageClass": STORAGE_CLASS,
            "Owner": OWNER,
        }
        for record in found[:limit]
    ]
    return json_response(
        {
            "Bucket": call.bucket,
            "Prefix": encode(prefix),
            "KeyMarker": encode(key),
            "UploadIdMarker": upload,
            "NextKeyMarker": entries[-1]["Key"] if truncated else None,
            "NextUploadIdMarker": entries[-1]["UploadId"] if truncated else None,
            "MaxUploads": limit,
            "EncodingType": encoding,
            "IsTruncated": truncated,
            "Uploads": entries,
        }
    )
