"""What error messages of one kind have in common: the message without its numbers, ids and quotations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_PLACEHOLDER: Final = "…"
_VARYING: Final = re.compile(
    r"""
    https?://[^\s"'<>]+
    | (?<![\w])(?P<open>["'`])[^"'`]*(?P=open)(?!\w)   # an apostrophe inside a word opens nothing
    | “[^”]*” | ‘[^’]*’ | 「[^」]*」
    | (?<![A-Za-z0-9_-])[A-Za-z_-]*[0-9][A-Za-z0-9_.:/-]*   # numbers, times, ids: any word with a digit in it
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def message_template(message: str) -> str:
    """Return an error message with `…` for what differs from one request to the next.

    `Request 0217-a1 has 5120 tokens, "max_tokens" is 512` becomes `Request … has … tokens, "…" is …`.
    """
    return _VARYING.sub(_placeholder, message)


def _placeholder(found: re.Match[str]) -> str:
    text = found.group()
    if text[0] in "\"'`“‘「":
        return text[0] + _PLACEHOLDER + text[-1]
    return _PLACEHOLDER + text[len(text.rstrip(".:/-")) :]
