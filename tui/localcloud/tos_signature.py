"""Verification of TOS4-HMAC-SHA256 signatures, in headers and in URLs.

A pure function of what arrived, written from the protocol alone and sharing nothing with a signer, so that one
cannot hide a mistake of the other. Strings are the wire's bytes as Latin-1: every byte counts as it was sent.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from tui.localcloud.tos_errors import (
    AccessDenied,
    AuthorizationHeaderMalformed,
    AuthorizationQueryParametersError,
    InvalidAccessKeyId,
    InvalidSecurityToken,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
    TosError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tui.localcloud.keys import Keys

ALGORITHM: Final = "TOS4-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
MAX_SKEW: Final = timedelta(minutes=15)
MAX_EXPIRES: Final = 7 * 24 * 3600
_SERVICE: Final = "tos"
_TERMINATOR: Final = "request"
_EMPTY_SHA256: Final = hashlib.sha256().hexdigest()
_DATE: Final = re.compile(r"\d{8}T\d{6}Z")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")
_BLANKS: Final = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class SignedRequest:
    """What a signature is about.

    Attributes:
        method: upper case.
        host: the Host header.
        path: as on the wire, percent-encoded, without the query.
        query: as on the wire, without the question mark.
        headers: by lower-case name.
    """

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class _Claim:
    """What the caller says: who signed what, when, and the outcome."""

    access_key: str
    scope: tuple[str, ...]
    date: str
    token: str
    signed: tuple[str, ...]
    signature: str
    payload_hash: str
    body_hash: str | None
    query: tuple[tuple[str, str], ...]
    malformed: type[TosError]


def verify(request: SignedRequest, keys: Keys, region: str, now: datetime) -> str | None:
    """Check the signature of a request.

    Args:
        request: what arrived.
        keys: what it must be signed with, and the STS token it must carry if they have one.
        region: what it must be signed for.
        now: aware; the request's date may be 15 minutes away, a URL lives as long as it says, up to 7 days.

    Returns:
        The SHA-256 that the body must have, in lower-case hexadecimal; None when the body was not signed.

    Raises:
        AccessDenied: no signature, no date, an expired URL, or an x-tos-* header that was not signed.
        AuthorizationHeaderMalformed: the header cannot be read, or is for another region, service or day.
        AuthorizationQueryParametersError: the same, of a URL.
        InvalidAccessKeyId: the access key is another.
        InvalidSecurityToken: the STS token is missing, wrong, or there should be none.
        RequestTimeTooSkewed: the date is too far away.
        SignatureDoesNotMatch: anything signed differs, or the secret key does.
    """
    query = _parse_query(request.query)
    parameters = {name.lower(): value for name, value in query}
    if "authorization" in request.headers:
        claim = _header_claim(request, query)
        _check_who(claim, keys, [region])
        if abs(now - _parse_date(claim)) > MAX_SKEW:
            raise RequestTimeTooSkewed
    elif "x-tos-signature" in parameters:
        claim = _url_claim(request.headers, parameters, query)
        # The JavaScript client signs URLs for its endpoint in place of the region, with or without the bucket.
        _check_who(claim, keys, [region, request.host, request.host.partition(".")[2]])
        _check_validity(_parse_date(claim), parameters.get("x-tos-expires", ""), now)
    else:
        raise AccessDenied("Anonymous access is forbidden.")
    _check_token(claim, keys)
    _check_signed_headers(claim, request.headers)
    _check_signature(claim, request, keys.secret_key)
    return claim.body_hash


def _header_claim(request: SignedRequest, query: tuple[tuple[str, str], ...]) -> _Claim:
    scheme, _, rest = request.headers["authorization"].strip().partition(" ")
    fields = dict(field.strip().partition("=")[::2] for field in rest.split(","))
    if scheme != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
        raise AuthorizationHeaderMalformed
    access_key, *scope = fields["Credential"].split("/")
    declared = request.headers.get("x-tos-content-sha256", "")
    return _Claim(
        access_key=access_key,
        scope=tuple(scope),
        date=request.headers.get("x-tos-date", ""),
        token=request.headers.get("x-tos-security-token", ""),
        signed=tuple(fields["SignedHeaders"].split(";")),
        signature=fields["Signature"],
        # Clients that send no hash (Go, Rust) sign that of nothing, whatever the body is.
        payload_hash=declared or _EMPTY_SHA256,
        body_hash=_body_hash(declared),
        query=query,
        malformed=AuthorizationHeaderMalformed,
    )


def _url_claim(headers: Mapping[str, str], parameters: Mapping[str, str], query: tuple[tuple[str, str], ...]) -> _Claim:
    if parameters.get("x-tos-algorithm") != ALGORITHM:
        raise AuthorizationQueryParametersError("X-Tos-Algorithm must be TOS4-HMAC-SHA256.")
    access_key, *scope = parameters.get("x-tos-credential", "").split("/")
    declared = headers.get("x-tos-content-sha256") or UNSIGNED_PAYLOAD
    return _Claim(
        access_key=access_key,
        scope=tuple(scope),
        date=parameters.get("x-tos-date", ""),
        token=parameters.get("x-tos-security-token", ""),
        signed=tuple(parameters.get("x-tos-signedheaders", "").split(";")),
        signature=parameters["x-tos-signature"],
        payload_hash=declared,
        body_hash=_body_hash(declared),
        query=query,
        malformed=AuthorizationQueryParametersError,
    )


def _body_hash(declared: str) -> str | None:
    """Return the hash that the body must have, None when the request leaves it open."""
    return None if declared in ("", UNSIGNED_PAYLOAD) else declared.lower()


def _check_who(claim: _Claim, keys: Keys, regions: Sequence[str]) -> None:
    if not _SIGNATURE.fullmatch(claim.signature):
        raise claim.malformed("The signature must be 64 hexadecimal digits.")
    if not _same(claim.access_key, keys.access_key):
        raise InvalidAccessKeyId
    if not claim.date:
        raise AccessDenied("The request has no x-tos-date.")
    expected = [(claim.date[:8], region, _SERVICE, _TERMINATOR) for region in regions]
    if claim.scope not in expected:
        raise claim.malformed(f"The credential must end with {'/'.join(expected[0])}.")


def _check_validity(signed_at: datetime, expires: str, now: datetime) -> None:
    if not (expires.isascii() and expires.isdigit() and len(expires) < 10 and 0 < int(expires) <= MAX_EXPIRES):
        raise AuthorizationQueryParametersError(f"X-Tos-Expires must be 1 to {MAX_EXPIRES} seconds.")
    if signed_at - now > MAX_SKEW:
        raise RequestTimeTooSkewed
    if now > signed_at + timedelta(seconds=int(expires)):
        raise AccessDenied("Request has expired.")


def _check_token(claim: _Claim, keys: Keys) -> None:
    if not _same(claim.token, keys.session_token or ""):
        raise InvalidSecurityToken


def _check_signed_headers(claim: _Claim, headers: Mapping[str, str]) -> None:
    signed = {name.lower() for name in claim.signed}
    if "host" not in signed:
        raise claim.malformed("The host must be signed.")
    for name in headers:
        if name.startswith("x-tos-") and name not in signed:
            raise AccessDenied(f"The header {name} was not signed.")


def _check_signature(claim: _Claim, request: SignedRequest, secret_key: str) -> None:
    # Some clients (JavaScript) collapse blanks in the values they sign, others (Python) do not.
    for shape in (str, _collapse):
        canonical = _canonical_request(claim, request, shape)
        if _same(_signature(canonical, claim, secret_key), claim.signature):
            return
    raise SignatureDoesNotMatch


def _canonical_request(claim: _Claim, request: SignedRequest, shape: Callable[[str], str]) -> str:
    headers = {**request.headers, "host": request.host}
    names = [name.lower() for name in claim.signed]
    if any(name not in headers for name in names):
        raise SignatureDoesNotMatch(f"A signed header did not arrive: {', '.join(set(names) - set(headers))}")
    pairs = sorted((pair for pair in claim.query if pair[0].lower() != "x-tos-signature"), key=lambda pair: pair[0])
    return "\n".join(
        [
            request.method,
            _encode(unquote_to_bytes(request.path.encode("latin-1")), safe="/"),
            "&".join(f"{_encode_text(name)}={_encode_text(value)}" for name, value in pairs),
            *(f"{name}:{shape(headers[name])}" for name in names),
            "",
            ";".join(claim.signed),
            claim.payload_hash,
        ]
    )


def _signature(canonical: str, claim: _Claim, secret_key: str) -> str:
    key = secret_key.encode()
    for step in claim.scope:
        key = hmac.digest(key, step.encode("latin-1"), "sha256")
    hashed = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
    text = "\n".join([ALGORITHM, claim.date, "/".join(claim.scope), hashed])
    return hmac.new(key, text.encode("latin-1"), "sha256").hexdigest()


def _parse_query(raw: str) -> tuple[tuple[str, str], ...]:
    """Return names and values, decoded to bytes as Latin-1, in the order of the wire."""
    pairs = (pair.partition("=") for pair in raw.split("&") if pair)
    return tuple((_decode(name), _decode(value)) for name, _, value in pairs)


def _parse_date(claim: _Claim) -> datetime:
    if not _DATE.fullmatch(claim.date):
        raise claim.malformed("x-tos-date must be YYYYMMDDTHHMMSSZ.")
    try:
        return datetime.strptime(claim.date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise claim.malformed("x-tos-date is no date.") from None


def _decode(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("latin-1")


def _encode(data: bytes, safe: str = "") -> str:
    return quote_from_bytes(data, safe=safe)


def _encode_text(text: str) -> str:
    return _encode(text.encode("latin-1"))


def _collapse(value: str) -> str:
    return _BLANKS.sub(" ", value.strip())


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
