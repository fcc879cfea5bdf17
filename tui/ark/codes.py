"""What each error code of the platform means to an operator: whose turn it is, and whether waiting helps.

Codes of the gateway and of Ark (ark-openapi.md §6.1, §6.2). A code with a suffix (`NotFound.Project`) means
what its longest known beginning means; a code that nobody documented means what its HTTP status does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tui.ark.errors import (
    ArkAccessError,
    ArkNotFoundError,
    ArkReplyError,
    ArkServiceError,
    ArkUsageError,
    ClockSkewError,
    KeyRefusedError,
    Refusal,
)
from tui.i18n import _

RETRYABLE_STATUSES: Final = frozenset([429, 500, 502, 503, 504])


@dataclass(frozen=True)
class Meaning:
    """What a code means.

    Attributes:
        kind: the error's class, and so whose turn it is.
        advice: what to do.
        retryable: the same call may succeed a moment later.
        fault: the service stumbled instead of refusing: the call may have been carried out.
    """

    kind: type[ArkReplyError]
    advice: str
    retryable: bool = False
    fault: bool = False


_LOG_IN: Final = Meaning(KeyRefusedError, _("Check the access key and its secret, or log in anew:  arkdeck login"))
_SIGNATURE: Final = Meaning(
    KeyRefusedError,
    _("The signature did not arrive whole, or names another region: check the region, and any proxy."),
)
_PERMISSION: Final = Meaning(
    ArkAccessError, _("Ask the account's administrator to allow this action to your key, in this project.")
)
_ACCOUNT: Final = Meaning(ArkAccessError, _("Settle the account's state in the console, then try again."))
_NOT_OPEN: Final = Meaning(ArkAccessError, _("Open the service, or the model, for the account in the Ark console."))
_ENDPOINT: Final = Meaning(
    ArkUsageError,
    _("Check the profile's ark_endpoint: it must be the management API, not the inference one."),
)
_VALUE: Final = Meaning(ArkUsageError, _("Correct the value that the message names."))
_PHASE: Final = Meaning(ArkUsageError, _("The job's phase does not allow it. See the phase:  arkdeck job ID"))
_MISSING: Final = Meaning(
    ArkNotFoundError, _("Check the name or id, and that profile, project and region are those it belongs to.")
)
_BUSY: Final = Meaning(ArkServiceError, _("The service limits the rate. Try again in a minute."), retryable=True)
_BROKEN: Final = Meaning(
    ArkServiceError,
    _("The service has a fault. Try again later; its support asks for the request id."),
    retryable=True,
    fault=True,
)

MEANINGS: Final = {
    # the gateway
    "UndefinedError": _BROKEN,
    "MissingAuthenticationToken": _SIGNATURE,
    "MissingRequestInfo": _SIGNATURE,
    "MissingSignature": _SIGNATURE,
    "InvalidTimestamp": Meaning(ClockSkewError, _("This machine's clock is off: set it, then try again.")),
    "ServiceNotFound": _ENDPOINT,
    "InvalidActionOrVersion": _ENDPOINT,
    "MethodNotAllowed": _ENDPOINT,
    "InvalidAccessKey": Meaning(
        KeyRefusedError,
        _("The endpoint's cloud does not know this key. Check it and the endpoint, or:  arkdeck login"),
    ),
    "SignatureDoesNotMatch": Meaning(
        KeyRefusedError, _("The secret does not belong to this access key. Log in anew:  arkdeck login")
    ),
    "LackPolicy": _PERMISSION,
    "AccessDenied": _PERMISSION,
    "LackProjectPolicy": _PERMISSION,
    "InternalError": _BROKEN,
    "FailToConnect": _BROKEN,
    "InternalServiceTimeout": _BROKEN,
    "InternalServiceError": _BROKEN,
    "ServiceUnavailableTemp": _BROKEN,
    "InnerApiNeedAccountInfo": Meaning(ArkUsageError, _("Set account_id in the profile.")),
    "FlowLimitExceeded": _BUSY,
    "AccountFlowLimitExceeded": _BUSY,
    "InvalidAuthorization": _SIGNATURE,
    "InvalidCredential": _SIGNATURE,
    "InvalidSecretToken": Meaning(
        KeyRefusedError,
        _("The session token has expired or belongs to another key. Get a new one, or log in anew."),
    ),
    # Ark
    "MissingParameter": _VALUE,
    "InvalidParameter": _VALUE,
    "InvalidParameter.TosURLInvalid": Meaning(
        ArkUsageError, _("Check the bucket, that it lies in the endpoint's region, and the object key.")
    ),
    "Duplicate.Tags.Key": Meaning(ArkUsageError, _("Give each tag key once.")),
    "AuthenticationError": _LOG_IN,
    "InvalidAccountStatus": _ACCOUNT,
    "AccountOverdueError": _ACCOUNT,
    "OperationDenied": _PERMISSION,
    "OperationDenied.ServiceOverdue": _ACCOUNT,
    "OperationDenied.ServiceNotOpen": _NOT_OPEN,
    "OperationDenied.InvalidState": _PHASE,
    "OperationDenied.UnsupportedPhase": _PHASE,
    "OperationDenied.ArkAccessRoleNotFound": Meaning(
        ArkAccessError, _("Allow Ark to use TOS in the project's settings in the Ark console.")
    ),
    "OperationDenied.TosAccessDenied": Meaning(
        ArkAccessError, _("Ark may not use the bucket: check its policy, and Ark's role in the Ark console.")
    ),
    "NotFound": _MISSING,
    "InvalidEndpointOrModel": _MISSING,
    "InvalidEndpointOrModel.NotFound": Meaning(ArkNotFoundError, _("Check the model's name and version.")),
    "ModelNotOpen": _NOT_OPEN,
    "QuotaExceeded": Meaning(
        ArkServiceError, _("Wait until other jobs have ended, or ask for more in the quota centre.")
    ),
    "APIAccountRpmRateLimitExceeded": _BUSY,
    "AccountRateLimitExceeded": _BUSY,
    "ServerOverloaded": _BUSY,
}

_MEANINGS_OF_STATUSES: Final = {401: _LOG_IN, 403: _PERMISSION, 404: _MISSING, 429: _BUSY}
_STRANGE_ANSWER: Final = _(
    "Check the profile's ark_endpoint, and whether a proxy or a login page answers in its place."
)


def error_of(refusal: Refusal) -> ArkReplyError:
    """Return the typed error of an answer that is an error."""
    meaning = _meaning_of_code(refusal.code) or _meaning_of_status(refusal)
    return meaning.kind(
        refusal,
        advice=meaning.advice,
        retryable=meaning.retryable,
        maybe_applied=meaning.fault or refusal.status >= 500,
    )


def _meaning_of_code(code: str) -> Meaning | None:
    while code:
        if code in MEANINGS:
            return MEANINGS[code]
        code = code.rpartition(".")[0]
    return None


def _meaning_of_status(refusal: Refusal) -> Meaning:
    status = refusal.status
    retryable = status in RETRYABLE_STATUSES
    if not refusal.code:
        return Meaning(ArkServiceError, _STRANGE_ANSWER, retryable=retryable, fault=status < 300)
    if status in _MEANINGS_OF_STATUSES:
        return _MEANINGS_OF_STATUSES[status]
    if 400 <= status < 500:
        return _VALUE
    return Meaning(ArkServiceError, _BROKEN.advice, retryable=retryable, fault=True)
