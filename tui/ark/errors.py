"""What can go wrong in a call to Ark, as errors that an operator, or the calling flow, can act on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from tui.errors import AccessError, ArkdeckError, ServiceError, UsageError
from tui.i18n import _
from tui.safety import redact
from tui.text import clean

if TYPE_CHECKING:
    from datetime import datetime


class ArkError(ArkdeckError):
    """A call to Ark that did not do what was asked.

    Attributes:
        action: the call, as the service names it.
        retryable: the same call may succeed a moment later.
        maybe_applied: the service may have carried it out all the same, so look before it is made again.
        retry_after: seconds that the service asked to wait; None when it did not say.
    """

    def __init__(
        self,
        message: str,
        *,
        advice: str,
        action: str,
        retryable: bool,
        maybe_applied: bool,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, advice=advice)
        self.action = action
        self.retryable = retryable
        self.maybe_applied = maybe_applied
        self.retry_after = retry_after


class ArkUnreachableError(ArkError, ServiceError):
    """No answer came, or none that arrived whole: name, network, TLS, timeout, or a connection that broke.

    Attributes:
        host: the endpoint's host.
        port: the endpoint's port.
    """

    def __init__(
        self, reason: str, *, advice: str, action: str, host: str, port: int, retryable: bool, maybe_applied: bool
    ) -> None:
        where = f"{host}:{port}"
        message = (
            _("{action}: no whole answer from {where}: {reason}", action=action, where=where, reason=reason)
            if maybe_applied
            else _("{action}: cannot reach {where}: {reason}", action=action, where=where, reason=reason)
        )
        super().__init__(message, advice=advice, action=action, retryable=retryable, maybe_applied=maybe_applied)
        self.host = host
        self.port = port


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is not the result that was asked for; texts are raw.

    Attributes:
        subject: what the call was about, a job's id; may be empty.
        status: HTTP status; an error may come with 200.
        code: the service's, such as `NotFound.BatchInferenceJob`; empty when the answer is not the Ark API's.
        server_time: the answer's Date.
        retry_after: seconds, by the answer's Retry-After.
    """

    action: str
    subject: str = ""
    status: int
    code: str = ""
    message: str = ""
    request_id: str = ""
    server_time: datetime | None = None
    retry_after: float | None = None


class ArkReplyError(ArkError):
    """The service answered with an error; its family tells whose turn it is.

    Attributes:
        code: the service's code, raw.
        status: HTTP status.
        request_id: what the service's support asks for.
        service_message: the service's words, raw.
        refusal: all of the answer.
    """

    def __init__(self, refusal: Refusal, *, advice: str, retryable: bool = False, maybe_applied: bool = False) -> None:
        super().__init__(
            _described(refusal),
            advice=advice,
            action=refusal.action,
            retryable=retryable,
            maybe_applied=maybe_applied,
            retry_after=refusal.retry_after,
        )
        self.refusal = refusal
        self.code = refusal.code
        self.status = refusal.status
        self.request_id = refusal.request_id
        self.service_message = refusal.message


class ArkAccessError(ArkReplyError, AccessError):
    """The key, its signature, the account or a permission was refused."""


class KeyRefusedError(ArkAccessError):
    """Who calls was refused, and not what was called for: every other call would be refused too."""


class ClockSkewError(KeyRefusedError):
    """The signature's time was refused: this machine's clock is off from `refusal.server_time`."""


class ArkUsageError(ArkReplyError, UsageError):
    """The call asked for what the service does not have or does not take."""


class ArkNotFoundError(ArkUsageError):
    """What the call named does not exist in this project and region."""


class ActiveJobError(ArkUsageError):
    """A create was refused because a job on the same input is still active.

    Attributes:
        job_id: that job.
    """

    def __init__(self, refusal: Refusal, job_id: str) -> None:
        super().__init__(
            refusal,
            advice=_(
                "The service takes one job on an input at a time, and {job} is still active.\n"
                "Look at it:  arkdeck job {job}",
                job=job_id,
            ),
        )
        self.job_id = job_id


class ArkServiceError(ArkReplyError, ServiceError):
    """The service failed, is overloaded, limits the rate, or did not answer as the Ark API does."""


def _described(refusal: Refusal) -> str:
    details = [
        clean(refusal.code, strict=True, limit=100),
        f"HTTP {refusal.status}",
        _("request {id}", id=clean(refusal.request_id, strict=True, limit=100)) if refusal.request_id else "",
    ]
    return _(
        "{call} failed: {reason} ({details})",
        call=" ".join(filter(None, [refusal.action, clean(refusal.subject, strict=True, limit=100)])),
        reason=clean(redact(refusal.message.strip()), limit=600) or _("no reason given"),
        details=", ".join(filter(None, details)),
    )
