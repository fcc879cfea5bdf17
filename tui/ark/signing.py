"""The platform's request signature, HMAC-SHA256 "V4": a pure function, and what applies it in httpx.

The rules are those of the official signers (ark-openapi.md §5), held by the requests on which two of them
agree (`tests/data/signing-vectors.json`).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

    from tui.clock import Clock
    from tui.settings.credentials import Credentials

_ALGORITHM: Final = "HMAC-SHA256"
_ALSO_SIGNED: Final = ("content-type", "content-md5", "host")
_DEFAULT_PORTS: Final = (":80", ":443")


@dataclass(frozen=True, kw_only=True)
class SigningInput:
    """A request as it will be sent, before its signature.

    Attributes:
        host: the Host header, with its port where it has one.
        query: the pairs, not yet encoded; a name given twice is signed differently by the official signers.
        headers: Content-Type, Content-MD5 and every X- header are signed, others are not.
        body: the very bytes that are sent.
    """

    method: str
    host: str
    path: str = "/"
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Signature:
    """A signature and what it was made from; shows neither, since a session token is part of both.

    Attributes:
        headers: what to add to the request.
    """

    canonical_request: str = field(repr=False)
    string_to_sign: str = field(repr=False)
    value: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the query as it is signed and must be sent: RFC 3986 quoting, sorted by name, then value."""
    quoted = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in quoted)


def sign(request: SigningInput, *, credentials: Credentials, region: str, service: str, at: datetime) -> Signature:
    """Sign a request.

    Args:
        request: what will be sent.
        credentials: the key pair and, for a temporary one, its session token.
        region: as the service knows it, `cn-beijing`.
        service: `ark`.
        at: the time of signing, aware; the service refuses one that is more than 900 s off.
    """
    date = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(request.body).hexdigest()
    added = {"X-Date": date, "X-Content-Sha256": digest}
    if credentials.session_token is not None:
        added["X-Security-Token"] = credentials.session_token.reveal()
    signed = _signed_headers({**request.headers, **added, "Host": request.host})
    names = ";".join(signed)
    canonical = "\n".join(
        [
            request.method.upper(),
            request.path or "/",
            canonical_query(request.query),
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            names,
            digest,
        ]
    )
    scope = f"{date[:8]}/{region}/{service}/request"
    to_sign = "\n".join([_ALGORITHM, date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = credentials.secret_key.reveal().encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    value = _hmac(key, to_sign).hex()
    added["Authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={value}"
    )
    return Signature(canonical, to_sign, value, added)


def _signed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    for port in _DEFAULT_PORTS:
        lowered["host"] = lowered["host"].removesuffix(port)
    return {name: lowered[name] for name in sorted(lowered) if name in _ALSO_SIGNED or name.startswith("x-")}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


class SigningAuth(httpx.Auth):
    """Signs each request over the bytes that httpx is about to send.

    Keeps how far the service's clock is from ours, so that a machine whose clock is wrong is still served
    once the service has told its time.

    Args:
        credentials: the key pair.
        region: as the service knows it.
        service: `ark`.
        clock: what tells the time of signing.
    """

    requires_request_body = True

    def __init__(self, credentials: Credentials, *, region: str, service: str, clock: Clock) -> None:
        self._credentials = credentials
        self._region = region
        self._service = service
        self._clock = clock
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the time by the service's clock, as far as it is known."""
        return self._clock.now() + self._offset

    def follow(self, service_time: datetime) -> None:
        """Take the service's clock for the right one: sign by it from now on."""
        self._offset = service_time - self._clock.now()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the signature's headers to the request."""
        path = request.url.raw_path.split(b"?", 1)[0].decode("ascii")
        query = parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
        signature = sign(
            SigningInput(
                method=request.method,
                host=request.headers["Host"],
                path=path,
                query=tuple(query),
                headers=request.headers,
                body=request.content,
            ),
            credentials=self._credentials,
            region=self._region,
            service=self._service,
            at=self.now(),
        )
        request.headers.update(signature.headers)
        yield request
