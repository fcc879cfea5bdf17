"""An HTTP answer read as what it is: the result that was asked for, or a typed error.

The envelope is `{"ResponseMetadata": {"RequestId", …, "Error"?}, "Result"?}`. An error may come inside HTTP
200, a gateway's error may lack everything but its code, and a proxy may answer with a page of HTML.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tui.ark.codes import error_of
from tui.ark.errors import Refusal
from tui.ark.models import lenient
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

T = TypeVar("T")

_EXCERPT: Final = 200  # characters of a strange answer that are shown


@dataclass(frozen=True)
class Reply:
    """What a call gave: its result as a JSON object, and the request id for the record."""

    action: str
    subject: str
    result: Mapping[str, object]
    request_id: str

    def read(self, read: Callable[[Mapping[str, object]], T]) -> T:
        """Return the result as `read` makes it.

        Raises:
            ArkServiceError: the result is not what the API documents (`read` raised
            `msgspec.ValidationError`).
        """
        try:
            return read(self.result)
        except (msgspec.ValidationError, RecursionError) as error:
            raise error_of(
                Refusal(
                    action=self.action,
                    subject=self.subject,
                    status=200,
                    message=_("the result is not as documented: {error}", error=error),
                    request_id=self.request_id,
                )
            ) from error


@dataclass(frozen=True)
class Receipt:
    """What a change left for the record.

    Attributes:
        job_id: the job; empty when a dry run found that it could be created.
        request_id: what the service's support asks for.
    """

    job_id: str
    request_id: str


class _Error(msgspec.Struct, rename="pascal"):
    code: str = ""
    message: str = ""


class _Metadata(msgspec.Struct, rename="pascal"):
    request_id: str = ""
    error: _Error | None = None


class _Envelope(msgspec.Struct, rename="pascal"):
    response_metadata: _Metadata


def read_reply(response: httpx.Response, *, action: str, subject: str, now: datetime) -> Reply:
    """Return the result of a call.

    Args:
        response: the whole answer.
        action: the call, for the error's text.
        subject: what the call was about, for the error's text.
        now: the time, for an answer that names a time to wait for but not its own.

    Raises:
        ArkReplyError: the answer is an error, or is not one of the Ark API's.
    """
    raw, envelope = _parse(response.content)
    error = envelope.response_metadata.error if envelope else None
    if envelope and error is None and response.is_success:
        result = raw.get("Result")
        request_id = envelope.response_metadata.request_id
        return Reply(action, subject, result if isinstance(result, dict) else {}, request_id)
    server_time = _time(response.headers.get("Date"))
    request_id = envelope.response_metadata.request_id if envelope else ""
    raise error_of(
        Refusal(
            action=action,
            subject=subject,
            status=response.status_code,
            code=(error.code or "UnknownError") if error else "",
            message=error.message if error else _strange(response),
            request_id=request_id or response.headers.get("X-Tt-Logid", ""),
            server_time=server_time,
            retry_after=_retry_after(response.headers.get("Retry-After"), server_time or now),
        )
    )


def _parse(content: bytes) -> tuple[Mapping[str, object], _Envelope | None]:
    try:
        raw = msgspec.json.decode(content, type=dict[str, object])
        return raw, lenient({"ResponseMetadata": raw.get("ResponseMetadata")}, _Envelope)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, nested without end, not an envelope
        return {}, None


def _strange(response: httpx.Response) -> str:
    kind = response.headers.get("Content-Type", "").partition(";")[0] or _("no content type")
    excerpt = response.content[: 4 * _EXCERPT].decode(errors="replace")[:_EXCERPT].strip()
    return _("the answer is not the Ark API's ({kind}): {excerpt}", kind=kind, excerpt=excerpt or _("nothing"))


def _time(date: str | None) -> datetime | None:
    try:
        time = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After header, which holds either seconds or a date."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        until = _time(value)
    return max(0.0, (until - now).total_seconds()) if until else None
