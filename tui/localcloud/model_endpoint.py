"""Answers from a model: any OpenAI-compatible endpoint on loopback, asked a few requests at a time.

An event loop on a thread of its own asks; the engine collects what is ready at each of its steps. So a slow model
holds neither the engine nor the API, and a stop or an expiry drops what is under way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from tui.localcloud.answer_rows import encode_json
from tui.localcloud.failures import OptionError
from tui.localcloud.online_rules import Refusal, refusal

if TYPE_CHECKING:
    from tui.localcloud.jobs import Model

CONCURRENCY: Final = 8
"""Requests that the endpoint has at once, of all jobs together."""

ANSWER_SECONDS: Final = 600.0
CONNECT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
TRIES: Final = 3
"""For what is not the request's fault: a refused connection, and the statuses that ask for patience."""

_PAUSE_SECONDS: Final = 0.25  # before the second try, doubled before the third
_BUSY: Final = frozenset([429, 503])
_STOP_SECONDS: Final = 2.0


class ModelUrlError(OptionError):
    """The URL does not lead to an endpoint on this machine."""


class Answered(msgspec.Struct, frozen=True):
    """What the endpoint answered, decoded, and the id that it gave the request."""

    body: dict[str, Any]
    request_id: str


def require_loopback(url: str) -> str:
    """Return `url` without its trailing slash.

    Raises:
        ModelUrlError: it is not an HTTP URL of a loopback address, or carries a user, a query or a fragment.
    """
    try:
        parts = urlsplit(url)
        host, plain = parts.hostname or "", parts.port != 0 and not (parts.username or parts.query or parts.fragment)
    except ValueError as error:
        raise ModelUrlError(f"not a URL: {url!r}") from error
    if parts.scheme not in ("http", "https") or not plain or not _is_loopback(host):
        raise ModelUrlError(f"a model's URL is http://127.0.0.1:PORT/v1 or the like, on this machine, not {url!r}")
    return url.rstrip("/")


class ModelEndpoint:
    """Asks one endpoint; safe to share between threads.

    Args:
        url: to which `/chat/completions` and `/embeddings` are added.
        seconds: that an answer may take.

    Raises:
        ModelUrlError: the URL is not of this machine.
    """

    def __init__(self, url: str, *, seconds: float = ANSWER_SECONDS) -> None:
        self._url = require_loopback(url)
        self._seconds = seconds
        self._loop = asyncio.new_event_loop()
        self._places = asyncio.Semaphore(CONCURRENCY)
        self._client = httpx.AsyncClient(
            trust_env=False,  # a proxy would take the requests off this machine
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=CONCURRENCY),
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="model endpoint", daemon=True)
        self._thread.start()

    def ask(self, model: Model, body: dict[str, Any]) -> Future[Answered | Refusal]:
        """Begin to ask for the answer to a request's body; cancelling the future gives it up.

        Args:
            model: of the job; a custom model is asked for by its id, unless the body names a model itself.
            body: of the input line.
        """
        return asyncio.run_coroutine_threadsafe(self._answer(model, body), self._loop)

    def close(self) -> None:
        """Give up what is under way and end the thread."""
        asyncio.run_coroutine_threadsafe(self._give_up(), self._loop).result(_STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP_SECONDS)
        self._loop.close()

    async def _give_up(self) -> None:
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._client.aclose()

    async def _answer(self, model: Model, body: dict[str, Any]) -> Answered | Refusal:
        path = "chat/completions" if "messages" in body else "embeddings" if "input" in body else ""
        if not path:
            return refusal(body) or Refusal("InvalidParameter", "The request has neither messages nor input.")
        content = {"model": model.custom_id or f"{model.name}-{model.version}".lower(), **body, "stream": False}
        if path == "embeddings":
            del content["stream"]
        async with self._places:
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._ask_patiently(f"{self._url}/{path}", encode_json(content))
            except (TimeoutError, httpx.TimeoutException):
                return Refusal("RequestTimeout", f"The model did not answer within {self._seconds:g} s.", "Timeout")
            except httpx.RequestError as error:
                return Refusal("ServiceUnavailable", f"The model cannot be reached: {error}", "ServiceUnavailable")

    async def _ask_patiently(self, url: str, content: bytes) -> Answered | Refusal:
        for attempt in range(1, TRIES):
            try:
                status, raw, request_id = await self._post(url, content)
            except httpx.ConnectError:
                pass
            else:
                if status not in _BUSY:
                    return _read(status, raw, request_id)
            await asyncio.sleep(_PAUSE_SECONDS * 2 ** (attempt - 1))
        return _read(*await self._post(url, content))

    async def _post(self, url: str, content: bytes) -> tuple[int, bytes, str]:
        headers = {"Content-Type": "application/json"}
        async with self._client.stream("POST", url, content=content, headers=headers) as response:
            raw = bytearray()
            async for piece in response.aiter_bytes():
                raw += piece
                if len(raw) > MAX_ANSWER_BYTES:
                    break
            return response.status_code, bytes(raw), response.headers.get("x-request-id", "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(status: int, raw: bytes, request_id: str) -> Answered | Refusal:
    """Tell an answer from an error, in any of the shapes that servers give them."""
    if len(raw) > MAX_ANSWER_BYTES:
        return Refusal("InternalServiceError", f"The model's answer is over {MAX_ANSWER_BYTES} bytes.", "InternalError")
    try:
        document = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        document = None
    if status == httpx.codes.OK and isinstance(document, dict) and "error" not in document:
        return Answered(document, request_id or str(document.get("id", "")))
    return _refusal_of(status, document, raw)


def _refusal_of(status: int, document: Any, raw: bytes) -> Refusal:
    """Read `{"error": {"code", "type", "message"}}`, `{"error": "…"}` or whatever text came with a status."""
    error = document.get("error", document) if isinstance(document, dict) else None
    if not isinstance(error, dict):
        error = {"message": error if isinstance(error, str) else raw[:500].decode("utf-8", "replace")}
    kind = str(error.get("type") or f"HTTP{status}")
    message = str(error.get("message") or f"The model answered with HTTP {status}.")
    return Refusal(str(error.get("code") or kind), message, kind)
