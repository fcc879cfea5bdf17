"""What an error code says of trying again: whether it is the request itself that is refused."""

from __future__ import annotations

from typing import Final

_OF_THE_REQUEST: Final = frozenset(
    [
        "InvalidParameter",
        "MissingParameter",
        "SensitiveContentDetected",
        "InputTextSensitiveContentDetected",
        "InputImageSensitiveContentDetected",
        "InputVideoSensitiveContentDetected",
        "content_filter",
        "HTTP 400",
        "HTTP 413",
        "HTTP 422",
    ]
)
"""Families of codes: the part before the first dot."""

_OF_SOMETHING_ELSE: Final = frozenset(["InvalidParameter.TosURLInvalid"])
"""Codes of these families that a permission or a file put in its place may mend."""


def will_fail_again(code: str) -> bool:
    """Return whether the same request, sent again as it is, is certain to be refused with this code.

    Only what is known to be the request's own fault is certain: a parameter that is wrong or absent, content that the
    filter does not let in, a body too large. An answer that was filtered may come out otherwise the next time.
    """
    return code not in _OF_SOMETHING_ELSE and code.split(".")[0] in _OF_THE_REQUEST
