"""The store's operations as blocking calls over the official SDK's primitives, with our errors and our types.

Importing this module imports the SDK, which takes 100 ms: do it on a daemon thread. Of the SDK only the signed
requests are used: its transfers corrupt, escape their folder and cannot be cancelled (tos.md §4.1). Its own
retries are off, since they cannot be cancelled and would multiply with ours; so is its CRC, which is what holds it
to 250 MB/s.
"""

from __future__ import annotations

import contextlib
import socket
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, NoReturn

import tos
from requests.adapters import HTTPAdapter
from tos.enum import ACLType
from tos.exceptions import TosClientError
from tos.models2 import UploadedPart
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from tui.errors import ReadOnlyError
from tui.hosts import is_loopback
from tui.i18n import _
from tui.storage.environment import certificates, proxies_for
from tui.storage.errors import (
    ContentDamagedError,
    EndpointError,
    KeyRefusedError,
    ObjectMissingError,
    Reply,
    StorageDeniedError,
    StorageServiceError,
    StorageUnreachableError,
)
from tui.storage.objects import ObjectInfo, Receipt
from tui.storage.translate import typed_errors
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from contextlib import AbstractContextManager

    import requests

    from tui.settings.credentials import Credentials

_CONNECT_TIMEOUT: Final = 10
_READ_TIMEOUT: Final = 30
_NEVER_LOGGED: Final = 1e-9
"""KB/s below which the SDK complains on the terminal; 0 makes it swallow results and errors (tos.md §4.1)."""

_SEND_SIZE: Final = 32 * 1024
"""Bytes handed to the socket at once; a thin link must carry them within the read timeout."""

_UNSENT_LIMIT: Final = 64 * 1024
"""Bytes that the system takes ahead of the network: what a thin link must carry before a reply can come in time."""

_RECEIVE_SIZE: Final = 512 * 1024
_MAX_IDLE: Final = 64
_LOOPBACK_HOST: Final = "http://tos.arkdeck.localhost"
"""Stands for a store on the loopback, reached as a proxy: the SDK knows only `bucket.host` (tos.md §1.3)."""


class Body:
    """The bytes of one request, in the shape the SDK reads them: once, since only a new body can be sent again.

    Args:
        size: how many there are.
        crc64: their CRC-64/XZ, compared with what the store says that it got.
        read_at: returns the bytes at a position, as many as asked; called once for each, in their order.
    """

    def __init__(self, size: int, crc64: int, read_at: Callable[[int, int], memoryview]) -> None:
        self.len = size
        self.crc64 = crc64
        self._read_at = read_at
        self._position = 0

    def read(self, size: int) -> memoryview:
        """Return the next `size` bytes."""
        piece = self._read_at(self._position, size)
        self._position += size
        return piece


class Connection:
    """One client of one endpoint; safe to share between threads.

    Every method raises StorageError; one that changes something raises ReadOnlyError where nothing may be changed.

    Raises:
        EndpointError: the endpoint cannot be used.
        EnvironmentUnusableError: the environment's proxy or certificates cannot be used.
    """

    def __init__(self, endpoint: str, region: str, credentials: Credentials, *, read_only: bool = False) -> None:
        self._read_only = read_only
        try:
            loopback = _loopback_address(endpoint)
            self._client = _client(endpoint, loopback, region, credentials)
        except (TosClientError, ValueError) as error:
            raise EndpointError(
                _(
                    "the object store's endpoint cannot be used: {endpoint} ({why})",
                    endpoint=clean(endpoint, strict=True),
                    why=clean(getattr(error, "message", "") or str(error)),
                ),
                advice=_("It is a host name or URL such as https://tos-cn-beijing.volces.com"),
            ) from error
        self._address = "" if loopback is None else "http://{}:{}".format(*loopback)
        session = self._client.session
        session.trust_env = False  # or ~/.netrc replaces our Authorization by its own
        if loopback is None:
            session.proxies = proxies_for(self._client.endpoint)
        session.mount("http://", _Transport(pool_maxsize=_MAX_IDLE))
        session.mount("https://", _Transport(pool_maxsize=_MAX_IDLE))

    def close(self) -> None:
        """Close the idle connections."""
        self._client.close()

    def list_buckets(self) -> list[str]:
        """Return the names of the account's buckets."""
        with self._typed_errors(""):
            return [bucket.name for bucket in self._client.list_buckets().buckets]

    def head_bucket(self, bucket: str) -> None:
        """Return if the bucket exists and may be used."""
        try:
            with self._typed_errors(bucket):
                self._client.head_bucket(bucket)
        except StorageDeniedError as refusal:
            self._ask_why(bucket, refusal)

    def create_bucket(self, bucket: str) -> None:
        """Make a bucket that only its owner can read."""
        self._require_writable(bucket)
        with self._typed_errors(bucket):
            self._client.create_bucket(bucket, acl=ACLType.ACL_Private)

    def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what the store knows of an object; None if there is none."""
        _require_usable(bucket, key)
        try:
            with self._typed_errors(bucket, key):
                found = self._client.head_object(bucket, key)
        except ObjectMissingError:
            return None
        except StorageDeniedError as refusal:
            self._ask_why(bucket, refusal)
        if found.content_length is None:
            raise StorageServiceError(_reply(found, _("the answer has no size")), bucket=bucket, key=key)
        return ObjectInfo(
            key=key,
            size=found.content_length,
            etag=found.etag,
            crc64=found.hash_crc64_ecma,
            metadata=found.meta,
        )

    def list_page(self, bucket: str, prefix: str, token: str, *, limit: int = 1000) -> tuple[list[ObjectInfo], str]:
        """Return up to `limit` objects and the token of the next page, empty after the last."""
        with self._typed_errors(bucket):
            page = self._client.list_objects_type2(
                bucket, prefix=prefix, continuation_token=token or None, max_keys=limit, list_only_once=True
            )
        objects = [
            ObjectInfo(
                key=item.key,
                size=item.size,
                etag=item.etag,
                crc64=item.hash_crc64_ecma,
                metadata=item.meta or {},
            )
            for item in page.contents
        ]
        following = page.next_continuation_token or "" if page.is_truncated else ""
        if page.is_truncated and following in ("", token):
            raise StorageServiceError(Reply(text=_("the listing does not go on")), bucket=bucket)
        return objects, following

    def list_folders(self, bucket: str, prefix: str, *, limit: int = 1000) -> list[str]:
        """Return the groups of keys beneath a prefix, each up to the next `/`; at most `limit` keys are looked at."""
        with self._typed_errors(bucket):
            page = self._client.list_objects_type2(
                bucket, prefix=prefix, delimiter="/", max_keys=limit, list_only_once=True
            )
        return [group.prefix for group in page.common_prefixes]

    def put(self, bucket: str, key: str, body: Body, metadata: Mapping[str, str]) -> Receipt:
        """Write an object in one request."""
        self._require_writable(bucket, key)
        _require_usable(bucket, key)
        with self._typed_errors(bucket, key):
            reply = self._client.put_object(
                bucket,
                key,
                content_length=body.len,
                content=body if body.len else b"",
                meta=_sendable(metadata),
            )
        return _receipt(reply, bucket, key, body.crc64)

    def copy(self, bucket: str, source_key: str, key: str) -> None:
        """Copy an object inside the store."""
        self._require_writable(bucket, key)
        _require_usable(bucket, source_key)
        _require_usable(bucket, key)
        with self._typed_errors(bucket, key):
            self._client.copy_object(bucket, key, bucket, source_key)

    def create_upload(self, bucket: str, key: str, metadata: Mapping[str, str]) -> str:
        """Begin a multipart upload and return its id."""
        self._require_writable(bucket, key)
        _require_usable(bucket, key)
        with self._typed_errors(bucket, key):
            upload_id: str = self._client.create_multipart_upload(bucket, key, meta=_sendable(metadata)).upload_id
        return upload_id

    def upload_part(self, bucket: str, key: str, upload_id: str, number: int, body: Body) -> Receipt:
        """Send one part, number 1 to 10 000."""
        self._require_writable(bucket, key)
        with self._typed_errors(bucket, key):
            reply = self._client.upload_part(bucket, key, upload_id, number, content_length=body.len, content=body)
        return _receipt(reply, bucket, key, body.crc64)

    def list_parts(self, bucket: str, key: str, upload_id: str) -> dict[int, tuple[str, int]]:
        """Return ETag and size of every part that the store holds, by number."""
        held: dict[int, tuple[str, int]] = {}
        marker = 0
        while True:
            with self._typed_errors(bucket, key):
                page = self._client.list_parts(bucket, key, upload_id, part_number_marker=marker)
            held |= {part.part_number: (part.etag.strip('"'), getattr(part, "size", 0)) for part in page.parts}
            if not page.is_truncated:
                return held
            if not page.next_part_number_marker or page.next_part_number_marker <= marker:
                raise StorageServiceError(Reply(text=_("the list of parts does not go on")), bucket=bucket, key=key)
            marker = page.next_part_number_marker

    def complete_upload(self, bucket: str, key: str, upload_id: str, etags: Mapping[int, str]) -> None:
        """Make the object of its parts."""
        self._require_writable(bucket, key)
        parts = [UploadedPart(number, etags[number]) for number in sorted(etags)]
        with self._typed_errors(bucket, key):
            self._client.complete_multipart_upload(bucket, key, upload_id, parts)

    def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Drop an upload and its parts."""
        self._require_writable(bucket, key)
        with self._typed_errors(bucket, key):
            self._client.abort_multipart_upload(bucket, key, upload_id)

    def read_range(self, bucket: str, info: ObjectInfo, first: int, last: int) -> Generator[bytes]:
        """Yield bytes `first` to `last`, both included, of the very content that `info` describes, as they come."""
        key = info.key
        _require_usable(bucket, key)
        with self._typed_errors(bucket, key):
            reply = self._client.get_object(bucket, key, if_match=info.etag, range_start=first, range_end=last)
            response: requests.Response = reply.resp.resp
        with contextlib.closing(response):
            expected, rest = f"bytes {first}-{last}/{info.size}", last - first + 1
            if reply.content_range != expected:
                text = _("asked for {expected}, got {found}", expected=expected, found=reply.content_range)
                raise StorageServiceError(_reply(reply, text), bucket=bucket, key=key)
            while rest:
                with self._typed_errors(bucket, key):
                    piece = response.raw.read1(min(rest, _RECEIVE_SIZE), decode_content=False)
                if not piece:
                    text = _("the connection ended {count:,} bytes too early", count=rest)
                    cut = _reply(reply, text, outage=True)
                    raise StorageUnreachableError(cut, bucket=bucket, key=key)
                rest -= len(piece)
                yield piece

    def _require_writable(self, bucket: str, key: str = "") -> None:
        if self._read_only:
            place = clean(f"tos://{bucket}/{key}", strict=True)
            raise ReadOnlyError(
                _("nothing was written to {place}: the profile is read only", place=place),
                advice=_("Its setting read_only, or ARKDECK_READ_ONLY, made it so."),
            )

    def _typed_errors(self, bucket: str, key: str = "") -> AbstractContextManager[None]:
        return typed_errors(bucket, key, address=self._address)

    def _ask_why(self, bucket: str, refusal: StorageDeniedError) -> NoReturn:
        """Raise the reason of a refused HEAD, whose answer has no body to tell it, by asking for a list."""
        self.list_page(bucket, "", "", limit=1)
        raise refusal


_SOCKET_OPTIONS: Final = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
if hasattr(socket, "TCP_NOTSENT_LOWAT"):
    _SOCKET_OPTIONS.append((socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_LIMIT))


class _PatientConnection(HTTPConnection):
    """Sends under the read timeout; urllib3 leaves that of connecting on the socket until the first answer."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_READ_TIMEOUT)


class _PatientTlsConnection(HTTPSConnection):
    """The same by TLS."""

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(_READ_TIMEOUT)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _PatientConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _PatientTlsConnection


class _Transport(HTTPAdapter):
    """Sends bodies in larger blocks than 16 KiB, patiently, and without Nagle's delay also through a proxy."""

    _pools: Final = {"http": _Pool, "https": _TlsPool}

    _options: Final = {
        "blocksize": _SEND_SIZE,
        "socket_options": _SOCKET_OPTIONS,
    }

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **options, **self._options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options, **self._options)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _client(endpoint: str, loopback: tuple[str, int] | None, region: str, credentials: Credentials) -> tos.TosClientV2:
    host, port = loopback or (None, None)
    token = credentials.session_token
    return tos.TosClientV2(
        credentials.access_key,
        credentials.secret_key.reveal(),
        endpoint if loopback is None else f"{_LOOPBACK_HOST}:{port}",
        region,
        security_token=None if token is None else token.reveal(),
        proxy_host=host,
        proxy_port=port,
        max_retry_count=0,
        enable_crc=False,
        connection_time=_CONNECT_TIMEOUT,
        socket_timeout=_READ_TIMEOUT,
        dns_cache_time=0,
        high_latency_log_threshold=_NEVER_LOGGED,
        except100_continue_threshold=0,
        ca_crt=certificates() if loopback is None else None,
    )


def _loopback_address(endpoint: str) -> tuple[str, int] | None:
    """Return host and port of an endpoint on this machine, None for any other (ValueError: not an endpoint)."""
    url = urllib.parse.urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    host, port = url.hostname or "", url.port
    if url.scheme not in ("http", "https") or not host:
        raise ValueError(_("neither a host name nor an http or https URL"))
    if url.scheme != "http" or not is_loopback(host):
        return None
    return f"[{host}]" if ":" in host else host, port or 80


def _require_usable(bucket: str, key: str) -> None:
    # urllib3 resolves such segments after the path was signed, which breaks the signature (tos.md §4.10)
    dotted = not {".", ".."}.isdisjoint(key.split("/"))
    if not key or dotted or any("\ud800" <= char <= "\udfff" for char in key):
        raise KeyRefusedError(Reply(text=_("empty, not text, or with a segment '.' or '..'")), bucket=bucket, key=key)


def _sendable(metadata: Mapping[str, str]) -> dict[str, str]:
    # a file name that is not UTF-8 holds lone surrogates, which nothing can encode
    return {name: value.encode("utf-8", "replace").decode() for name, value in metadata.items()}


def _receipt(reply: Any, bucket: str, key: str, crc64: int) -> Receipt:
    if not reply.etag:
        raise StorageServiceError(_reply(reply, _("the answer has no ETag")), bucket=bucket, key=key)
    if reply.hash_crc64_ecma not in (None, crc64):
        text = _("CRC-64 sent {sent}, stored {stored}", sent=crc64, stored=reply.hash_crc64_ecma)
        raise ContentDamagedError(_reply(reply, text), bucket=bucket, key=key)
    return Receipt(reply.etag, reply.hash_crc64_ecma)


def _reply(reply: Any, text: str, *, outage: bool = False) -> Reply:
    return Reply(text=text, status=reply.status_code, request_id=reply.request_id, transient=True, outage=outage)
