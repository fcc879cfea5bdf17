"""What stands where in a line of JSON, for colouring; broken JSON is coloured as far as it makes sense."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

KINDS: Final = ("key", "string", "number", "word")
"""What is told apart; a word is true, false or null, and what is left is punctuation."""

_TOKENS: Final = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"?)(?P<colon>\s*:)?|(?P<number>-?\d[\d.eE+-]*)|(?P<word>\b(?:true|false|null)\b)"""
)


def json_tokens(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield the start, the end and the kind of each token of a line."""
    for found in _TOKENS.finditer(line):
        if found["string"] is not None:
            yield (*found.span("string"), "string" if found["colon"] is None else "key")
        else:
            yield (*found.span(), "number" if found["number"] is not None else "word")
