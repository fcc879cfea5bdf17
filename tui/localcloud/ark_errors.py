"""What the Ark OpenAPI refuses with: the gateway's codes and the batch service's own (ark-openapi.md §6)."""

from __future__ import annotations

from typing import Final

GATEWAY_CODES: Final[dict[str, tuple[int, int]]] = {
    "UndefinedError": (100001, 500),
    "MissingParameter": (100002, 400),
    "MissingAuthenticationToken": (100003, 401),
    "MissingRequestInfo": (100004, 400),
    "MissingSignature": (100005, 401),
    "InvalidTimestamp": (100006, 403),  # the pages say 400 or 403
    "ServiceNotFound": (100007, 404),
    "InvalidActionOrVersion": (100008, 404),
    "InvalidAccessKey": (100009, 401),
    "SignatureDoesNotMatch": (100010, 401),
    "LackPolicy": (100012, 403),
    "AccessDenied": (100013, 403),
    "InternalError": (100014, 500),
    "FailToConnect": (100015, 502),
    "InternalServiceTimeout": (100016, 504),
    "InnerApiNeedAccountInfo": (100017, 400),
    "FlowLimitExceeded": (100018, 429),
    "ServiceUnavailableTemp": (100019, 503),
    "MethodNotAllowed": (100020, 405),
    "LackProjectPolicy": (100021, 403),
    "InvalidAuthorization": (100024, 400),
    "InvalidCredential": (100025, 400),
    "InvalidSecretToken": (100026, 401),
    "AccountFlowLimitExceeded": (100027, 429),
}
"""Code of the gateway -> (CodeN, HTTP status)."""

_BUSINESS_STATUS: Final[dict[str, int]] = {
    "MissingParameter": 400,
    "InvalidParameter": 400,
    "Duplicate": 400,
    "DryRunOperation": 400,
    "OperationDenied": 403,
    "NotFound": 404,
    "InvalidEndpointOrModel": 404,
    "QuotaExceeded": 429,
    "ModelNotOpen": 404,
    "AuthenticationError": 401,
    "InvalidAccountStatus": 401,
    "AccountOverdueError": 403,
    "APIAccountRpmRateLimitExceeded": 429,
    "AccountRateLimitExceeded": 429,
    "ServerOverloaded": 429,
    "InternalServiceError": 500,
}
"""First word of a business code -> HTTP status."""

_USUAL_CODES: Final[dict[int, str]] = {
    400: "InvalidParameter",
    401: "InvalidAccessKey",
    403: "AccessDenied",
    404: "NotFound",
    405: "MethodNotAllowed",
    429: "FlowLimitExceeded",
    500: "InternalError",
    502: "FailToConnect",
    503: "ServiceUnavailableTemp",
    504: "InternalServiceTimeout",
}
"""HTTP status -> the code that usually comes with it."""


class ApiError(Exception):
    """A refusal as it goes over the wire.

    Attributes:
        code: the documented word, such as `SignatureDoesNotMatch` or `InvalidParameter.PageSize`.
        number: the gateway's CodeN; None for the batch service's own refusals.
        status: the HTTP status.
        message: one sentence for a person.
    """

    def __init__(self, code: str, message: str, *, status: int, number: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.number = number


def gateway_error(code: str, message: str) -> ApiError:
    """Return the gateway's refusal with `code`, one of GATEWAY_CODES."""
    number, status = GATEWAY_CODES[code]
    return ApiError(code, message, status=status, number=number)


def business_error(code: str, message: str) -> ApiError:
    """Return the batch service's refusal with `code`, whose first word decides the HTTP status (400 when unknown)."""
    return ApiError(code, message, status=_BUSINESS_STATUS.get(code.partition(".")[0], 400))


def played_error(status: int | None, code: str) -> ApiError:
    """Return a refusal as a fault words it; what the fault leaves open follows from the other half."""
    code = code or _USUAL_CODES.get(status or 0, "UndefinedError")
    number, usual = GATEWAY_CODES.get(code, (None, business_error(code, "").status))
    return ApiError(code, "A fault of the local cloud was asked for.", status=status or usual, number=number)
