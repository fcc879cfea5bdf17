"""HTTP/1.1 as both protocols speak it: requests read from a socket, responses written to it.

Bodies pass through one buffer of the connection and never lie in memory whole; a file goes from the page cache
to the socket. Heads are bytes as Latin-1, so that a signature can be checked over exactly what was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import http
import re
import socket
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from tui.localcloud.tos_errors import (
    BadDigest,
    ContentSHA256Mismatch,
    EntityTooLarge,
    ExpectationFailed,
    InvalidDigest,
    InvalidRequest,
    UnexpectedEOF,
    UnImplemented,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui.localcloud.tos_blobs import SegmentReader

BUFFER_SIZE: Final = 512 * 1024
_HEAD_BUFFER: Final = 16 * 1024
_MAX_HEAD: Final = 64 * 1024
_MAX_LINE: Final = 4096
_TOKEN: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CHUNK_SIZE: Final = re.compile(rb"[0-9a-fA-F]{1,15}")
_TARGET: Final = re.compile(r"(?:https?://(?P<host>[^/?#]+))?(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?", re.IGNORECASE)
_MORE_FOLLOWS: Final = getattr(socket, "MSG_MORE", 0)
_QUICK_ACK: Final = getattr(socket, "TCP_QUICKACK", None)


class PeerGoneError(ConnectionError):
    """The peer ended the connection before a whole head arrived, or reset it."""


class Source:
    """The incoming half of a connection, read through one buffer: a small one until a head or a body needs more."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._buffer = memoryview(bytearray(_HEAD_BUFFER))
        self._start = self._end = 0

    def wait(self) -> int:
        """Block until there is something to read, and return its first byte (PeerGoneError)."""
        if self._start == self._end:
            if len(self._buffer) > _HEAD_BUFFER:  # an idle connection holds little
                self._buffer = memoryview(bytearray(_HEAD_BUFFER))
            if not self._fill():
                raise PeerGoneError
        return self._buffer[self._start]

    def expect(self, length: int) -> None:
        """Make room for a body of this many bytes to come in large pieces."""
        if length > len(self._buffer):
            self._grow()

    def read_until(self, mark: bytes, limit: int) -> bytes:
        """Return the bytes up to `mark`, without it (PeerGoneError; InvalidRequest beyond `limit` bytes)."""
        while True:
            pending = bytes(self._buffer[self._start : min(self._end, self._start + limit)])
            found = pending.find(mark)
            if found >= 0:
                self._start += found + len(mark)
                return pending[:found]
            if len(pending) == limit:
                raise InvalidRequest("The head of the request is too long.")
            if not self._fill():
                raise PeerGoneError

    def read(self, limit: int) -> memoryview:
        """Return 1 to `limit` bytes, valid until the next call (UnexpectedEOF)."""
        if self._start == self._end and not self._fill():
            raise UnexpectedEOF
        piece = self._buffer[self._start : min(self._end, self._start + limit)]
        self._start += len(piece)
        return piece

    def _fill(self) -> int:
        """Receive more behind what is pending; return the number of bytes."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._buffer) and not self._start:
            self._grow()
        elif self._end == len(self._buffer):
            pending = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, len(pending)
            self._buffer[: self._end] = pending
        try:
            count = self._peer.recv_into(self._buffer[self._end :])
            if _QUICK_ACK is not None:  # the Python SDK leaves Nagle's algorithm on when it talks to a proxy
                self._peer.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)
        except OSError as error:
            raise PeerGoneError(str(error)) from error
        self._end += count
        return count

    def _grow(self) -> None:
        if len(self._buffer) == BUFFER_SIZE:
            return
        pending = self._buffer[self._start : self._end]
        self._buffer = memoryview(bytearray(BUFFER_SIZE))
        self._buffer[: len(pending)] = pending
        self._start, self._end = 0, len(pending)


class Body:
    """The body of a request, read once, in pieces; its digests are checked where it ends.

    Attributes:
        length: bytes announced; None for a chunked body.
        received: bytes read so far.
        ended: nothing is left to read; stays False after an error in the middle.
    """

    def __init__(self, source: Source, headers: Mapping[str, str]) -> None:
        self._source = source
        self.length = None if _is_chunked(headers) else _content_length(headers)
        self.received = 0
        self.ended = False
        self._rest = self._read()
        self._expected_md5 = headers.get("content-md5", "")
        self._expected_sha256: str | None = None

    def expect_sha256(self, digest: str | None) -> None:
        """Require this hexadecimal digest of the body, before it is read; None requires nothing."""
        self._expected_sha256 = digest

    def pieces(self) -> Iterator[memoryview]:
        """Yield the body; a piece is valid until the next one.

        Raises:
            UnexpectedEOF, InvalidRequest: it is cut, or its chunks are not chunks.
            InvalidDigest, BadDigest, ContentSHA256Mismatch: raised at its end.
        """
        md5 = hashlib.md5(usedforsecurity=False) if self._expected_md5 else None
        sha256 = hashlib.sha256() if self._expected_sha256 else None
        for piece in self._rest:
            if md5:
                md5.update(piece)
            if sha256:
                sha256.update(piece)
            yield piece
        if md5 and md5.digest() != _decode_md5(self._expected_md5):
            raise BadDigest
        if sha256 and sha256.hexdigest() != self._expected_sha256:
            raise ContentSHA256Mismatch

    def read(self, limit: int) -> bytes:
        """Return the whole body (EntityTooLarge beyond `limit` bytes, and what `pieces` raises)."""
        whole = bytearray()
        for piece in self.pieces():
            whole += piece
            if len(whole) > limit:
                raise EntityTooLarge
        return bytes(whole)

    def drain(self) -> None:
        """Read what is left and drop it, so that the next request can be found."""
        for _ in self._rest:
            pass

    def _read(self) -> Iterator[memoryview]:
        yield from self._chunks() if self.length is None else self._fixed(self.length)
        self.ended = True

    def _fixed(self, length: int) -> Iterator[memoryview]:
        self._source.expect(length)
        while length:
            piece = self._source.read(length)
            length -= len(piece)
            self.received += len(piece)
            yield piece

    def _chunks(self) -> Iterator[memoryview]:
        while size := self._chunk_size():
            yield from self._fixed(size)
            if self._line():
                raise InvalidRequest("The chunked body is malformed.")
        while self._line():  # trailers say nothing we use
            pass

    def _chunk_size(self) -> int:
        digits = self._line().partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(digits):
            raise InvalidRequest("The chunked body is malformed.")
        return int(digits, 16)

    def _line(self) -> bytes:
        try:
            return self._source.read_until(b"\r\n", _MAX_LINE)
        except PeerGoneError:
            raise UnexpectedEOF from None


@dataclass(frozen=True)
class Request:
    """A request whose head was read.

    Attributes:
        method: as sent.
        host: the Host header, or the host of an absolute-form target without it.
        path: percent-encoded, as on the wire.
        query: as on the wire, without the question mark.
        headers: by lower-case name; repeated ones joined by a comma.
        body: still to be read.
        keep_alive: whether the peer expects to send another request.
    """

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Body
    keep_alive: bool


@dataclass(frozen=True)
class FileRange:
    """Bytes of an object to send; the transport closes the reader."""

    reader: SegmentReader
    start: int
    length: int


class Ending(Enum):
    """How the connection ends when a reply is not to arrive whole."""

    RESET = auto()
    CLOSE = auto()
    STALL = auto()


@dataclass(frozen=True)
class Cut:
    """What arrives of a reply.

    Attributes:
        ending: RESET sends nothing at all.
        after: bytes of the body that are sent before CLOSE and STALL.
    """

    ending: Ending
    after: int = 0


@dataclass(frozen=True)
class Response:
    """What to answer.

    Attributes:
        status: HTTP status.
        headers: without those of the transport (Content-Length, Connection); Date is the machine's unless given.
        body: in memory, or a range of an object.
        length: Content-Length of the answer to a HEAD, which has no body to count; 0 unless it succeeds.
        cut: set when the reply is to end early, and the connection with it.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileRange = b""
    length: int = 0
    cut: Cut | None = None

    def bytes_sent(self, method: str) -> int:
        """Return the bytes of the body that are sent to a request of this method."""
        size = 0 if method == "HEAD" else self.body.length if isinstance(self.body, FileRange) else len(self.body)
        return size if self.cut is None else min(size, self.cut.after)


def read_request(source: Source, peer: socket.socket) -> Request:
    """Read the head of a request, and let a peer that asked for permission send its body.

    Raises:
        PeerGoneError: the peer ended the connection.
        InvalidRequest: this is not HTTP/1.x.
        UnImplemented, ExpectationFailed: it wants a coding or a promise that there is none of.
    """
    lines = source.read_until(b"\r\n\r\n", _MAX_HEAD).lstrip(b"\r\n").decode("latin-1").split("\r\n")
    method, target, version = _request_line(lines[0])
    headers = _headers(lines[1:])
    if version == "HTTP/1.1" and "host" not in headers:
        raise InvalidRequest("The Host header is missing.")
    address, body = _address(target, headers), Body(source, headers)
    expected = headers.get("expect", "").lower()
    if expected not in ("", "100-continue"):
        raise ExpectationFailed
    if expected:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection = {option.strip() for option in headers.get("connection", "").lower().split(",")}
    return Request(
        method=method,
        headers=headers,
        body=body,
        keep_alive="close" not in connection and (version == "HTTP/1.1" or "keep-alive" in connection),
        **address,
    )


def write_response(peer: socket.socket, method: str, response: Response, *, close: bool) -> None:
    """Send an answer as far as it is to go; the reader of a file is closed (OSError when the peer is gone)."""
    body = response.body
    try:
        if response.cut is not None and response.cut.ending is Ending.RESET:
            return
        whole = body.length if isinstance(body, FileRange) else len(body)
        head = _response_head(response, response.length if method == "HEAD" else whole, close=close)
        count = response.bytes_sent(method)
        if isinstance(body, FileRange):
            peer.sendall(head, _MORE_FOLLOWS if count else 0)  # the kernel waits 200 ms for what never follows
            body.reader.send(peer, body.start, count)
        else:
            peer.sendall(head + body[:count])
    finally:
        if isinstance(body, FileRange):
            body.reader.close()


def _response_head(response: Response, length: int, *, close: bool) -> bytes:
    headers = {"Date": formatdate(usegmt=True), **response.headers}
    if response.status != http.HTTPStatus.NOT_MODIFIED:
        headers["Content-Length"] = str(length)
    headers["Connection"] = "close" if close else "keep-alive"
    lines = [f"HTTP/1.1 {response.status} {http.HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _request_line(line: str) -> tuple[str, str, str]:
    words = line.split(" ")
    if len(words) != 3 or not words[0] or not set(words[0]) <= _TOKEN or words[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise InvalidRequest("The request line is malformed.")
    return words[0], words[1], words[2]


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not set(name) <= _TOKEN:
            raise InvalidRequest("A header line is malformed.")
        name, value = name.lower(), value.strip(" \t")
        if name == "host" and name in headers:
            raise InvalidRequest("There are two Host headers.")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _address(target: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Return host, path and query of a target in origin form (`/key`) or absolute form (`http://host/key`)."""
    match = _TARGET.fullmatch(target)
    if match is None or not (match["host"] or match["path"]):
        raise InvalidRequest("The request target is malformed.")
    return {
        "host": headers.get("host") or match["host"] or "",
        "path": match["path"] or "/",
        "query": match["query"] or "",
    }


def _is_chunked(headers: Mapping[str, str]) -> bool:
    coding = headers.get("transfer-encoding")
    if coding is None:
        return False
    if "content-length" in headers:
        raise InvalidRequest("Content-Length and Transfer-Encoding exclude each other.")
    if coding.lower() != "chunked":
        raise UnImplemented("The only Transfer-Encoding is chunked.")
    return True


def _content_length(headers: Mapping[str, str]) -> int:
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidRequest("The Content-Length is malformed.")
    return int(text)


def _decode_md5(text: str) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidDigest from None
    if len(digest) != hashlib.md5(usedforsecurity=False).digest_size:
        raise InvalidDigest
    return digest
