"""One call of the object storage's protocol: what operations are given, and the shapes of what they answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote, unquote_to_bytes

import msgspec

from tui.localcloud.http_messages import Request, Response
from tui.localcloud.tos_errors import EntityTooLarge, InvalidArgument, InvalidKey, MalformedBody
from tui.localcloud.tos_records import META_PREFIX, ObjectRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tui.localcloud.object_storage import ObjectStorage
    from tui.localcloud.tos_blobs import BlobWriter

STORAGE_CLASS: Final = "STANDARD"
CHECKSUM_HEADER: Final = "x-tos-hash-crc64ecma"
MAX_BODY: Final = 5 * 1024**3
"""Bytes of a put or of a part (tos.md §5)."""

_MAX_DOCUMENT: Final = 4 * 1024 * 1024
_KEPT_HEADERS: Final = frozenset(
    [
        "content-type",
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "expires",
        "x-tos-website-redirect-location",
    ]
)
_IPV4: Final = r"\d{1,3}(?:\.\d{1,3}){3}"
_PATH_STYLE_HOST: Final = re.compile(rf"{_IPV4}|\[.*\]|localhost|")
_BUCKET_HOST: Final = re.compile(rf"[^.]+\.(?:localhost|{_IPV4}|tos.*)")

T = TypeVar("T")


@dataclass(frozen=True)
class Address:
    """What a request is about.

    Attributes:
        bucket: empty when it is about all buckets.
        key: empty when it is about the bucket.
        endpoint: host of the service without the bucket.
    """

    bucket: str
    key: str
    endpoint: str


@dataclass(frozen=True)
class Call:
    """An operation's input.

    Attributes:
        request: the verified request.
        address: bucket and key.
        query: parameters, decoded; empty ones are there with an empty value.
        document: the body, of an operation that takes a small one whole.
        storage: what it acts on.
        region: the region that this cloud plays.
    """

    request: Request
    address: Address
    query: Mapping[str, str]
    document: bytes
    storage: ObjectStorage
    region: str

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.address.bucket

    @property
    def key(self) -> str:
        """Name of the object."""
        return self.address.key

    def header(self, name: str) -> str:
        """Return a header of the request, empty when it is absent."""
        return self.request.headers.get(name, "")

    def number(self, name: str, *, default: int, maximum: int) -> int:
        """Return a query parameter as a number, `maximum` at most (InvalidArgument)."""
        text = self.query.get(name) or str(default)
        if not (text.isascii() and text.isdigit()):
            raise InvalidArgument(f"{name} must be a number, 0 or more.")
        return min(int(text[:19]), maximum)

    def kept_headers(self) -> dict[str, str]:
        """Return the headers of the request that are kept with the object."""
        headers = self.request.headers.items()
        return {name: value for name, value in headers if name in _KEPT_HEADERS or name.startswith(META_PREFIX)}

    def parse(self, shape: type[T]) -> T:
        """Return the JSON document of the request in its shape (MalformedBody)."""
        try:
            return msgspec.json.decode(self.document, type=shape)
        except msgspec.DecodeError as error:
            raise MalformedBody(f"The request body is not well-formed: {error}") from None

    def receive_into(self, incoming: BlobWriter) -> None:
        """Write the request's body (EntityTooLarge, and what `Body.pieces` raises)."""
        if (self.request.body.length or 0) > MAX_BODY:
            raise EntityTooLarge
        for piece in self.request.body.pieces():
            incoming.write(piece)
            if incoming.size > MAX_BODY:
                raise EntityTooLarge


def read_document(request: Request) -> bytes:
    """Return the small body of a request (EntityTooLarge, and what `Body.pieces` raises)."""
    return request.body.read(_MAX_DOCUMENT)


def find_address(request: Request) -> Address:
    """Tell bucket and key from the host and the path.

    A bucket comes before the endpoint in the host: `{bucket}.tos-…`, `{bucket}.localhost`, `{bucket}.127.0.0.1`, or
    before any other host of two labels or more. On a bare loopback host it is the first segment of the path.

    Raises:
        InvalidKey: the path is not UTF-8.
    """
    host = request.host.lower()
    name, _, _ = host.rpartition(":") if re.search(r":\d+$", host) else (host, "", "")
    try:
        path = unquote_to_bytes(request.path.encode("latin-1")).decode()[1:]
    except UnicodeDecodeError:
        raise InvalidKey from None
    if _PATH_STYLE_HOST.fullmatch(name):
        bucket, _, key = path.partition("/")
        return Address(bucket, key, host)
    first, _, rest = name.partition(".")
    if _BUCKET_HOST.fullmatch(name) or (not name.startswith("tos") and "." in rest):
        return Address(first, path, host.removeprefix(f"{first}."))
    return Address("", path, host)


def parse_query(raw: str) -> dict[str, str]:
    """Return the parameters of a query, decoded."""
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return {_decode(name): _decode(value) for name, _, value in pairs}


def _decode(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8", "replace")


def json_response(document: Mapping[str, Any], headers: Mapping[str, str] | None = None, status: int = 200) -> Response:
    """Return an answer with a JSON document; keys whose value is None are left out."""
    present = {name: value for name, value in document.items() if value is not None}
    return Response(status, {"Content-Type": "application/json", **(headers or {})}, msgspec.json.encode(present))


def json_time(moment: datetime) -> str:
    """Return a time as the protocol's documents have it; the fraction of a second is mandatory."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def http_time(moment: datetime) -> str:
    """Return a time as headers have it."""
    return format_datetime(moment, usegmt=True)


def quoted(etag: str) -> str:
    """Return an ETag as it is on the wire."""
    return f'"{etag}"'


def checksum_header(crc64: int) -> dict[str, str]:
    """Return the header that carries a CRC-64."""
    return {CHECKSUM_HEADER: str(crc64)}


def object_headers(record: ObjectRecord) -> dict[str, str]:
    """Return the headers that describe an object."""
    return {
        "Content-Type": record.content_type,
        "ETag": quoted(record.etag),
        "Last-Modified": http_time(record.modified),
        "Accept-Ranges": "bytes",
        "x-tos-storage-class": STORAGE_CLASS,
        "x-tos-object-type": "Normal",
        **checksum_header(record.crc64),
        **{name: value for name, value in record.headers.items() if name != "content-type"},
    }


def url_encoder(query: Mapping[str, str]) -> tuple[str | None, Any]:
    """Return the encoding type a listing was asked for, and the function that applies it to keys."""
    wanted = query.get("encoding-type", "")
    if wanted not in ("", "url"):
        raise InvalidArgument("encoding-type must be url.")
    return (wanted, lambda text: quote(text, safe="/")) if wanted else (None, str)
