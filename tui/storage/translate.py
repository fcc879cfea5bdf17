"""Whatever the SDK raises, as one of our errors.

The SDK raises TosServerError for an answer, TosClientError for everything local, with the reason in `cause`; but
errors of requests, urllib3 and the socket escape it raw while a body is read, and KeyError, ValueError or
AttributeError when an answer is not what it expects (tos.md §3).
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
import urllib.parse
from typing import TYPE_CHECKING, Final

import requests
import urllib3
from tos.exceptions import TosClientError, TosError, TosServerError

from tui.storage.errors import (
    BucketMissingError,
    BucketNameError,
    ObjectChangedError,
    ObjectMissingError,
    Reply,
    StorageCredentialsError,
    StorageDeniedError,
    StorageError,
    StorageServiceError,
    StorageUnreachableError,
    UploadMissingError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_NETWORK: Final = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_RAISED_BY_SDK: Final = (TosError, *_NETWORK, ValueError, KeyError, AttributeError, TypeError)
_LONGEST_WAIT: Final = 60.0
_OF_THE_NETWORK: Final = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_NETWORK_ERRNOS: Final = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.ENETRESET, errno.EADDRNOTAVAIL}
)
_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
_OUTAGES: Final = frozenset({408, 429, 500, 502, 503, 504})

_BY_CODE: Final[dict[str, type[StorageError]]] = {
    "NoSuchBucket": BucketMissingError,
    "0006-00000001": BucketMissingError,  # the EC is all that a HEAD tells
    "NoSuchKey": ObjectMissingError,
    "0017-00000003": ObjectMissingError,
    "NoSuchUpload": UploadMissingError,
    "PreconditionFailed": ObjectChangedError,
    "InvalidBucketName": BucketNameError,
    "BucketAlreadyExists": BucketNameError,
    "InvalidAccessKeyId": StorageCredentialsError,
    "SignatureDoesNotMatch": StorageCredentialsError,
    "InvalidSecurityToken": StorageCredentialsError,
    "RequestTimeTooSkewed": StorageCredentialsError,
    "AuthorizationHeaderMalformed": StorageCredentialsError,
}
_BY_STATUS: Final[dict[int, type[StorageError]]] = {
    401: StorageCredentialsError,
    403: StorageDeniedError,
    412: ObjectChangedError,
}


@contextlib.contextmanager
def typed_errors(bucket: str, key: str = "", *, address: str = "") -> Iterator[None]:
    """Raise what the SDK raises in the block as a StorageError; keep code of our own out of the block.

    Args:
        bucket: what it was about.
        key: the object in it, if any.
        address: URL of a store that is reached directly and asked for `/bucket/key`; empty for `bucket.host`.
    """
    try:
        yield
    except _RAISED_BY_SDK as error:
        raise _translated(error, bucket, key, address) from error


def _translated(error: Exception, bucket: str, key: str, address: str) -> StorageError:
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, TosServerError):
            return _from_answer(cause, bucket, key, address)
    endpoint = address or _host_of(getattr(error, "request_url", ""))
    if any(isinstance(cause, _NETWORK) for cause in chain):
        hopeless = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain)
        outage = not hopeless and not any(map(_is_of_this_machine, chain))
        reply = Reply(text=_reason(chain), endpoint=endpoint, transient=not hopeless, outage=outage)
        return StorageUnreachableError(reply, bucket=bucket, key=key)
    text = str(getattr(error, "message", "")) or repr(error)
    if isinstance(error, TosClientError) and "invalid bucket name" in text:
        return BucketNameError(Reply(text=text), bucket=bucket)
    return StorageServiceError(Reply(text=text, endpoint=endpoint, transient=True), bucket=bucket, key=key)


def _from_answer(error: TosServerError, bucket: str, key: str, address: str) -> StorageError:
    status, headers = error.status_code, error.header
    ec = error.ec or headers.get("x-tos-ec", "")
    reply = Reply(
        text=error.message,
        code=error.code,
        ec=ec,
        status=status,
        request_id=error.request_id,
        endpoint=address or _host_of(error.request_url),
        transient=status >= 500 or status in (408, 429),
        outage=status in _OUTAGES,
        retry_after=_seconds(headers.get("retry-after", "")),
    )
    kind = _BY_CODE.get(error.code) or _BY_CODE.get(ec) or _BY_STATUS.get(status)
    if kind is None and status == 404:
        kind = ObjectMissingError if key else BucketMissingError
    if kind in (BucketMissingError, BucketNameError):
        key = ""
    return (kind or StorageServiceError)(reply, bucket=bucket, key=key)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it comes from, whichever way each library says so, the innermost last."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        told = (
            getattr(following, "cause", None),
            getattr(following, "reason", None),
            *reversed(following.args),
        )
        causes = (cause for cause in (*told, following.__cause__) if isinstance(cause, BaseException))
        following = next(causes, None)


def _is_of_this_machine(cause: BaseException) -> bool:
    """Whether a cause lies on this machine: a URL or header that is none, certificates, the proxy's keys, its limits.

    A proxy that refuses a tunnel is told by a bare OSError with its status, certificates that are not there too.
    """
    if isinstance(cause, requests.RequestException):
        return isinstance(cause, ValueError)
    if not isinstance(cause, OSError) or isinstance(cause, _OF_THE_NETWORK) or cause.errno in _NETWORK_ERRNOS:
        return False
    refused = _TUNNEL.match(str(cause))
    return refused is None or int(refused[1]) not in _OUTAGES


def _reason(chain: list[BaseException]) -> str:
    innermost = chain[-1]
    return getattr(innermost, "strerror", None) or str(innermost) or type(innermost).__name__


def _seconds(retry_after: str) -> float:
    return min(float(retry_after), _LONGEST_WAIT) if retry_after.isdecimal() else 0.0


def _host_of(url: str) -> str:
    """Return the scheme and the host of a URL; bucket and key are told by name, and its query may carry a signature."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
