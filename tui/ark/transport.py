"""One call over the network: signed, sent, repeated where that is safe, and its failure told apart.

What may be repeated is decided by what a repetition could do (`Repeat`), how long to wait by the service's
Retry-After or else by a jittered exponential backoff. All waiting passes through the clock.
"""

from __future__ import annotations

import random
import socket
import ssl
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx
import msgspec

from tui import __version__
from tui.ark.errors import ArkError, ArkReplyError, ArkUnreachableError, ClockSkewError
from tui.ark.replies import Reply, read_reply
from tui.ark.signing import SigningAuth, canonical_query
from tui.daemon import in_daemon
from tui.errors import UsageError
from tui.hosts import is_loopback
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.clock import Clock
    from tui.settings.credentials import Credentials

SERVICE: Final = "ark"
VERSION: Final = "2024-01-01"

CONNECT_SECONDS: Final = 10.0
READ_SECONDS: Final = 30.0
_KEEP_ALIVE_SECONDS: Final = 60.0  # longer than a poller rests: a new TLS handshake costs more than the answer
_CONNECTIONS: Final = 8

_NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)

_TRIES: Final = 4
_FIRST_WAIT: Final = 0.3  # seconds, doubled each time, plus as much again by chance
_WAIT_IN_ALL: Final = 60.0  # what would take longer is the caller's to decide


class Repeat(Enum):
    """When a call that failed for a passing reason may be made again.

    FREELY is for reads. IF_NOT_APPLIED is for changes that do the same when done twice, but report an error
    the second time (a job that already stops cannot be stopped): they are repeated only if the first try
    certainly did nothing, because no connection stood or the service limited the rate. NEVER is for what
    costs money.
    """

    FREELY = "freely"
    IF_NOT_APPLIED = "if not applied"
    NEVER = "never"

    def allows(self, error: ArkError) -> bool:
        """Tell whether the call that failed with `error` may be made again."""
        if self is Repeat.NEVER or not error.retryable:
            return False
        return self is Repeat.FREELY or not error.maybe_applied


@dataclass(frozen=True)
class Call:
    """A call to make.

    Attributes:
        action: as the service names it.
        body: the business fields, sent as JSON.
        subject: what it is about, a job's id or a model's name, for error messages.
        query: pairs beside Action and Version.
    """

    action: str
    body: dict[str, object]
    repeat: Repeat = Repeat.FREELY
    subject: str = ""
    query: tuple[tuple[str, str], ...] = ()


class Transport:
    """Sends calls to one endpoint over one pool of connections, between `open` and `close`.

    Args:
        endpoint: `https://host[:port]`.
        region: the signature's.
        credentials: the signature's.
        clock: for the signature's time and for waiting.
        account_id: added to each query as X-Account-Id unless empty.

    Attributes:
        answered: a call has had its result, or an error of the service's own, once at least.

    Raises:
        UsageError: the endpoint is not a URL of that form.
    """

    def __init__(self, endpoint: str, region: str, credentials: Credentials, *, clock: Clock, account_id: str) -> None:
        self._url = _endpoint_url(endpoint)
        self._auth = SigningAuth(credentials, region=region, service=SERVICE, clock=clock)
        self._clock = clock
        self._account = (("X-Account-Id", account_id),) if account_id else ()
        self._http: httpx.AsyncClient | None = None
        self.answered = False

    @property
    def on_loopback(self) -> bool:
        """Whether the service is this machine's own."""
        return is_loopback(self._url.host)

    async def open(self) -> None:
        """Make the pool; no connection is opened yet.

        Raises:
            UsageError: a proxy or certificate variable of the environment cannot be used.
        """
        trust_env = not self.on_loopback
        try:
            read_certificates = partial(httpx.create_ssl_context, trust_env=trust_env)
            certificates = await in_daemon(read_certificates, name="certificates")  # there are many
            self._http = httpx.AsyncClient(
                auth=self._auth,
                headers={"User-Agent": f"arkdeck/{__version__}", "Accept": "application/json"},
                timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS, pool=None),
                limits=httpx.Limits(
                    max_connections=_CONNECTIONS,
                    max_keepalive_connections=_CONNECTIONS,
                    keepalive_expiry=_KEEP_ALIVE_SECONDS,
                ),
                follow_redirects=False,
                trust_env=trust_env,
                verify=certificates,
            )
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            raise UsageError(
                _("the proxy that the environment names cannot be used"),
                advice=_("Set HTTPS_PROXY and ALL_PROXY to an http:// address, or unset them."),
            ) from error
        except OSError as error:
            raise UsageError(
                _(
                    "the certificates that the environment names cannot be read: {error}",
                    error=error.strerror,
                ),
                advice=_("Check SSL_CERT_FILE and SSL_CERT_DIR."),
            ) from error

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def send(self, call: Call) -> Reply:
        """Make a call and return its reply.

        Raises:
            ArkReplyError: the service answered with an error.
            ArkUnreachableError: it did not answer.
        """
        waits = _waits()
        left = _WAIT_IN_ALL
        while True:
            try:
                return await self._send_by_service_time(call)
            except ArkError as error:
                error.maybe_applied = error.maybe_applied and call.repeat is not Repeat.FREELY
                wait = next(waits, None)
                if wait is None or not call.repeat.allows(error):
                    raise
                wait = wait if error.retry_after is None else error.retry_after
                left -= wait
                if left < 0:
                    raise
            await self._clock.sleep(wait)

    async def _send_by_service_time(self, call: Call) -> Reply:
        """Send, and if the time of signing was refused, once more by the service's clock.

        That holds for every call: a refused signature has done nothing.
        """
        try:
            return await self._send_once(call)
        except ClockSkewError as error:
            if error.refusal.server_time is None:
                raise
            self._auth.follow(error.refusal.server_time)
            return await self._send_once(call)

    async def _send_once(self, call: Call) -> Reply:
        if self._http is None:
            raise RuntimeError("the client is not open: use it in `async with`")
        content = _encoded(call)
        query = canonical_query((("Action", call.action), ("Version", VERSION), *self._account, *call.query))
        try:
            response = await self._http.post(
                self._url.copy_with(query=query.encode("ascii")),
                content=content,
                headers={"Content-Type": "application/json"},
            )
        except httpx.RequestError as error:
            raise self._unreachable(call, error) from error
        try:
            reply = read_reply(response, action=call.action, subject=call.subject, now=self._auth.now())
        except ArkReplyError as error:
            self.answered = self.answered or bool(error.code)
            raise
        self.answered = True
        return reply

    def _unreachable(self, call: Call, error: httpx.RequestError) -> ArkUnreachableError:
        reason, passing = _reason(error)
        connected = not isinstance(error, _NEVER_CONNECTED)
        if not connected:
            advice = _("Check the network, the profile's ark_endpoint, and HTTPS_PROXY if a proxy is in between.")
        elif call.repeat is Repeat.FREELY:
            advice = _("Try again; if it stays so, check the network in between.")
        else:
            advice = _("It may have been carried out all the same: look before you do it again.")
        return ArkUnreachableError(
            reason,
            advice=advice,
            action=call.action,
            host=self._url.host,
            port=self._url.port or (443 if self._url.scheme == "https" else 80),
            retryable=passing,
            maybe_applied=connected,
        )


def _encoded(call: Call) -> bytes:
    try:
        return msgspec.json.encode(call.body)
    except UnicodeEncodeError as error:
        raise UsageError(
            _("{action}: a text is not valid Unicode: {text}", action=call.action, text=clean(error.object, limit=80)),
            advice=_("Write names, descriptions and tags in the terminal's encoding."),
        ) from error


def _endpoint_url(endpoint: str) -> httpx.URL:
    try:
        url = httpx.URL(endpoint)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.path not in ("", "/") or url.query:
        raise UsageError(
            _("not an endpoint: {endpoint}", endpoint=clean(endpoint, strict=True, limit=200)),
            advice=_("Write ark_endpoint as https://HOST or http://HOST:PORT."),
        )
    return url.copy_with(path="/", fragment=None, username=None, password=None)


def _waits() -> Iterator[float]:
    for repetition in range(_TRIES - 1):
        yield _FIRST_WAIT * 2**repetition + random.uniform(0, _FIRST_WAIT)  # noqa: S311  # spreads clients


def _reason(error: httpx.RequestError) -> tuple[str, bool]:
    """Say why no answer came, and whether that may pass by itself."""
    if isinstance(error, httpx.ConnectTimeout):
        return _("no connection within {seconds:.0f} s", seconds=CONNECT_SECONDS), True
    if isinstance(error, httpx.TimeoutException):
        return _("nothing came for {seconds:.0f} s", seconds=READ_SECONDS), True
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _("its certificate is not trusted: {why}", why=cause.verify_message), False
        if isinstance(cause, ssl.SSLError):
            return _("TLS failed: {why}", why=cause.reason or cause), True
        if isinstance(cause, socket.gaierror):
            return _("the name is not known: {why}", why=cause.strerror), True
        if isinstance(cause, ConnectionRefusedError):
            return _("the connection was refused"), True
    if isinstance(error, httpx.ProxyError):
        return _("the proxy refused: {why}", why=clean(str(error), limit=200)), not str(error).startswith("407")
    return _("the connection broke: {why}", why=clean(str(error), limit=200) or type(error).__name__), True


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
