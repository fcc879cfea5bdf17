"""Operations on buckets, and what is in them."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.localcloud.http_messages import Response
from tui.localcloud.tos_call import STORAGE_CLASS, Call, json_response, json_time, quoted, url_encoder
from tui.localcloud.tos_errors import InvalidArgument, MalformedBody, NoSuchBucket, TosError, UnImplemented
from tui.localcloud.tos_listing import Page, behind_group, behind_key, group_of

if TYPE_CHECKING:
    from tui.localcloud.tos_records import ObjectRecord

OWNER_ID: Final = "2100000000"
"""The account that owns everything in a local cloud."""

BUCKET_TYPE: Final = "fns"
"""The kind of every bucket, one without real folders."""
PROJECT: Final = "default"
"""The project of every bucket."""
_MAX_KEYS: Final = 1000
OWNER: Final = {"ID": OWNER_ID, "DisplayName": OWNER_ID}
"""The owner as listings show it."""


def list_buckets(call: Call) -> Response:
    """Answer all buckets."""
    buckets = [
        {
            "Name": bucket.name,
            "Location": call.region,
            "CreationDate": json_time(bucket.created),
            "ExtranetEndpoint": call.address.endpoint,
            "IntranetEndpoint": call.address.endpoint,
            "ProjectName": PROJECT,
            "BucketType": BUCKET_TYPE,
        }
        for bucket in call.storage.buckets()
    ]
    return json_response({"Owner": {"ID": OWNER_ID, "Name": OWNER_ID}, "Buckets": buckets})


def create_bucket(call: Call) -> Response:
    """Make a bucket."""
    call.storage.create_bucket(call.bucket)
    return Response(200, {"Location": f"/{call.bucket}"})


def head_bucket(call: Call) -> Response:
    """Answer that a bucket exists, and of what kind it is."""
    _require_bucket(call)
    return Response(
        200,
        {
            "x-tos-bucket-region": call.region,
            "x-tos-storage-class": STORAGE_CLASS,
            "x-tos-az-redundancy": "single-az",
            "x-tos-bucket-type": BUCKET_TYPE,
            "x-tos-project-name": PROJECT,
        },
    )


def delete_bucket(call: Call) -> Response:
    """Remove an empty bucket."""
    call.storage.delete_bucket(call.bucket)
    return Response(204)


def get_bucket_location(call: Call) -> Response:
    """Answer where a bucket is."""
    _require_bucket(call)
    endpoint = call.address.endpoint
    return json_response({"Region": call.region, "ExtranetEndpoint": endpoint, "IntranetEndpoint": endpoint})


def list_objects(call: Call) -> Response:
    """Answer a page of objects, the next one found by its marker."""
    marker, delimiter = call.query.get("marker", ""), call.query.get("delimiter", "")
    start: str | None = behind_key(marker) if marker else ""
    if marker and group_of(marker, call.query.get("prefix", ""), delimiter) == marker:
        start = behind_group(marker)
    page = _page(call, start)
    _, encode = url_encoder(call.query)
    return json_response(
        {
            **_listing(call, page),
            "Marker": encode(marker),
            "NextMarker": None if page.next is None else encode(page.last),
        }
    )


def list_objects_type2(call: Call) -> Response:
    """Answer a page of objects, the next one found by an opaque token.

    A token is a lower bound, which may lie behind a whole group; `start-after` names a key, and a group of that name
    is still listed.
    """
    token, start_after = call.query.get("continuation-token", ""), call.query.get("start-after", "")
    page = _page(call, _decode_token(token) if token else behind_key(start_after) if start_after else "")
    _, encode = url_encoder(call.query)
    return json_response(
        {
            **_listing(call, page),
            "KeyCount": len(page.objects) + len(page.prefixes),
            "StartAfter": encode(start_after) if start_after else None,
            "ContinuationToken": token or None,
            "NextContinuationToken": None if page.next is None else _encode_token(page.next),
        }
    )


class _ToDelete(msgspec.Struct, frozen=True, rename="pascal"):
    key: str


class _DeleteDocument(msgspec.Struct, frozen=True, rename="pascal"):
    objects: list[_ToDelete]
    quiet: bool = False


def delete_multi_objects(call: Call) -> Response:
    """Delete up to 1000 objects and answer what became of each."""
    _require_bucket(call)
    document = call.parse(_DeleteDocument)
    if not 1 <= len(document.objects) <= _MAX_KEYS:
        raise MalformedBody(f"1 to {_MAX_KEYS} objects can be deleted at once.")
    deleted: list[dict[str, str]] = []
    errors: list[dict[str, str]] = []
    for item in document.objects:
        try:
            call.storage.delete(call.bucket, item.key)
            deleted.append({"Key": item.key})
        except TosError as error:
            errors.append({"Key": item.key, "Code": error.code, "Message": error.message})
    return json_response({"Deleted": [] if document.quiet else deleted, "Error": errors})


def _require_bucket(call: Call) -> None:
    if not call.storage.bucket_exists(call.bucket):
        raise NoSuchBucket


def _page(call: Call, start: str | None) -> Page:
    """Return the page from the lower bound `start` on; None is behind everything."""
    if call.query.get("reverse", "").lower() == "true":
        raise UnImplemented("The local cloud lists in the order of the keys only.")
    limit = call.number("max-keys", default=_MAX_KEYS, maximum=_MAX_KEYS)
    if start is None or not limit:
        _require_bucket(call)
        return Page((), (), None)
    return call.storage.list_objects(
        call.bucket,
        prefix=call.query.get("prefix", ""),
        delimiter=call.query.get("delimiter", ""),
        start=start,
        limit=limit,
    )


def _listing(call: Call, page: Page) -> dict[str, Any]:
    encoding, encode = url_encoder(call.query)
    return {
        "Name": call.bucket,
        "Prefix": encode(call.query.get("prefix", "")),
        "Delimiter": encode(call.query.get("delimiter", "")) or None,
        "MaxKeys": call.number("max-keys", default=_MAX_KEYS, maximum=_MAX_KEYS),
        "EncodingType": encoding,
        "IsTruncated": page.next is not None,
        "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
        "Contents": [_entry(call, record, encode(record.key)) for record in page.objects],
    }


def _entry(call: Call, record: ObjectRecord, key: str) -> dict[str, Any]:
    entry = {
        "Key": key,
        "LastModified": json_time(record.modified),
        "ETag": quoted(record.etag),
        "Size": record.size,
        "StorageClass": STORAGE_CLASS,
        "HashCrc64ecma": str(record.crc64),
        "Type": "Normal",
        "Owner": OWNER,
    }
    if call.query.get("fetch-meta", "").lower() == "true":
        entry["UserMeta"] = [{"Key": name, "Value": value} for name, value in record.metadata.items()]
    return entry


def _encode_token(start: str) -> str:
    return base64.urlsafe_b64encode(start.encode()).decode()


def _decode_token(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, UnicodeError):
        raise InvalidArgument("The continuation token is not one of ours.") from None
