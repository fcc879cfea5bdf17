"""Verification of the Ark OpenAPI's request signatures, HMAC-SHA256 "V4" (ark-openapi.md §5).

Written apart from any signer, so that a mistake of one cannot hide in the other: it works on what arrived.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote_from_bytes

from tui.localcloud.ark_errors import gateway_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.localcloud.keys import Keys

ALGORITHM: Final = "HMAC-SHA256"
MAX_SKEW_SECONDS: Final = 900
MAX_VALID_SECONDS: Final = 604_800
_TIMESTAMP: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_DEFAULT_PORT: Final = re.compile(r":(80|443)\Z")
_UNRESERVED: Final = re.compile(rb"[A-Za-z0-9\-_.~]|%[0-9A-Fa-f]{2}")
_MANDATORY: Final = ("host", "x-date")


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came in.

    Attributes:
        method: upper case.
        path: as on the wire, `/` when empty.
        query: as on the wire, without the question mark.
        headers: by lower-case name.
        body: the exact bytes.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Authorization:
    access_key: str
    scope: str
    signed_headers: tuple[str, ...]
    signature: str


def verify(
    request: ReceivedRequest,
    keys: Keys,
    *,
    service: str,
    region: str,
    now: datetime,
) -> str:
    """Return the access key that signed `request`, or refuse it with the gateway's code.

    Args:
        request: what arrived.
        keys: the only keys this service knows.
        service: the service of the credential scope, `ark`.
        region: the region of the credential scope.
        now: the wall clock's time; requests older or newer than 900 s are refused, or older than the seconds
            of `X-Expires` in the query.

    Raises:
        ApiError: MissingAuthenticationToken, InvalidAuthorization, MissingSignature, MissingRequestInfo,
            InvalidTimestamp, InvalidCredential, InvalidAccessKey, InvalidSecretToken or SignatureDoesNotMatch.
    """
    authorization = _parse_authorization(request.headers.get("authorization", ""))
    date = request.headers.get("x-date", "")
    _check_date(date, now, _valid_seconds(request.query))
    expected_scope = f"{date[:8]}/{region}/{service}/request"
    if authorization.scope != expected_scope:
        raise gateway_error(
            "InvalidCredential", f"The credential scope is {authorization.scope}, expected {expected_scope}."
        )
    if not _same(authorization.access_key, keys.access_key):
        raise gateway_error("InvalidAccessKey", "The access key does not exist.")
    if not _same(request.headers.get("x-security-token", ""), keys.session_token or ""):
        raise gateway_error("InvalidSecretToken", "The session token is missing, invalid or expired.")
    _check_body(request)
    expected = _signature(request, authorization.signed_headers, date, expected_scope, keys.secret_key)
    if not _same(authorization.signature, expected):
        raise gateway_error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature provided.",
        )
    return authorization.access_key


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8", "surrogatepass"))


def _parse_authorization(header: str) -> _Authorization:
    if not header:
        raise gateway_error("MissingAuthenticationToken", "The request is missing an authentication token.")
    algorithm, _, rest = header.partition(" ")
    fields = dict(piece.strip().partition("=")[::2] for piece in rest.split(","))
    access_key, _, scope = fields.get("Credential", "").partition("/")
    if algorithm != ALGORITHM or not access_key or scope.count("/") != 3:
        raise gateway_error("InvalidAuthorization", "The Authorization header is malformed.")
    if not fields.get("Signature"):
        raise gateway_error("MissingSignature", "The request is missing a signature.")
    signed = tuple(fields.get("SignedHeaders", "").split(";"))
    for name in _MANDATORY:
        if name not in signed:
            raise gateway_error("MissingRequestInfo", f"The header {name} must be signed.")
    return _Authorization(access_key, scope, signed, fields["Signature"])


def _valid_seconds(query: str) -> int:
    """Return how old a request may be: `X-Expires`, or the usual when it is no number of seconds up to a week."""
    given = parse_qs(query).get("X-Expires", [""])[0]
    if re.fullmatch("[0-9]{1,6}", given) and int(given) <= MAX_VALID_SECONDS:
        return int(given)
    return MAX_SKEW_SECONDS


def _check_date(date: str, now: datetime, valid_seconds: int) -> None:
    if not date:
        raise gateway_error("MissingRequestInfo", "The request is missing the header X-Date.")
    match = _TIMESTAMP.fullmatch(date)
    try:
        moment = datetime(*(int(part) for part in match.groups()), tzinfo=UTC) if match else None  # type: ignore[arg-type,misc]  # six numbers
    except ValueError:
        moment = None
    # dates have whole seconds, so the clock is read in whole seconds too
    age = (now.replace(microsecond=0) - moment).total_seconds() if moment else math.inf
    if not -MAX_SKEW_SECONDS <= age <= valid_seconds:
        raise gateway_error("InvalidTimestamp", f"The timestamp {date} is malformed, expired or in the future.")


def _check_body(request: ReceivedRequest) -> None:
    claimed = request.headers.get("x-content-sha256")
    if claimed is not None and not _same(claimed, hashlib.sha256(request.body).hexdigest()):
        raise gateway_error("SignatureDoesNotMatch", "The body does not match the header X-Content-Sha256.")


def _signature(request: ReceivedRequest, signed: tuple[str, ...], date: str, scope: str, secret_key: str) -> str:
    canonical = "\n".join(
        [
            request.method,
            request.path or "/",
            _canonical_query(request.query),
            "".join(f"{name}:{_signed_value(request, name)}\n" for name in signed),
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogateescape")).hexdigest()
    key = secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"{ALGORITHM}\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()


def _signed_value(request: ReceivedRequest, name: str) -> str:
    value = request.headers.get(name)
    if value is None:
        raise gateway_error("SignatureDoesNotMatch", f"The header {name} is listed as signed but was not sent.")
    return _DEFAULT_PORT.sub("", value.strip()) if name == "host" else value.strip()


def _canonical_query(query: str) -> str:
    pairs = [_pair(piece) for piece in query.split("&") if piece]
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _pair(piece: str) -> tuple[str, str]:
    name, _, value = piece.partition("=")
    return _quoted(name), _quoted(value)


def _quoted(text: str) -> str:
    """Percent-encode what came bare; escapes stay as they are: another spelling does not verify."""
    raw = text.replace("+", "%20").encode("utf-8", "surrogateescape")
    kept: list[str] = []
    position = 0
    while position < len(raw):
        match = _UNRESERVED.match(raw, position)
        end = match.end() if match else position + 1
        kept.append(raw[position:end].decode("ascii") if match else quote_from_bytes(raw[position:end], safe=""))
        position = end
    return "".join(kept)
