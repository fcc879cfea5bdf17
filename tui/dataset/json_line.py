"""One line of bytes read as JSON, strictly where it matters; it fails in no other way than it says.

`LineParser.parse` is the one function that a faster parser would replace.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

BOM: Final = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which JSON does not take; a caller that does cuts it off before it parses."""

_BRACKETS: Final = b"[]{}"
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(_BRACKETS))
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_recursion_lock: Final = threading.Lock()


class LineError(Exception):
    """The line is not what it should be; a subclass says in which way."""


class NotUtf8Error(LineError):
    """A byte at `position` in the line does not belong to UTF-8 text."""

    def __init__(self, position: int, byte: int) -> None:
        super().__init__(position, byte)
        self.position = position
        self.byte = byte


class NotJsonError(LineError):
    """The text stops being JSON at `column` (from 1, in characters), for `reason`."""

    def __init__(self, reason: str, column: int) -> None:
        super().__init__(reason, column)
        self.reason = reason
        self.column = column


class TooDeepError(LineError):
    """More brackets are open at once than the limit."""


class NotANumber(float):
    """NaN, Infinity or -Infinity as it was written in the line."""

    def __new__(cls, written: str) -> NotANumber:
        """Take the value from the text."""
        return super().__new__(cls, written)

    def __init__(self, written: str) -> None:
        self.written = written


class HugeNumber:
    """A whole number of so many digits that Python's int() refuses it."""

    def __init__(self, digits: int) -> None:
        self.digits = digits


class RepeatedKeys(dict[str, object]):
    """An object in which some keys stand more than once; the last value counts."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        counts: dict[str, int] = {}
        for key, _value in pairs:
            counts[key] = counts.get(key, 0) + 1
        self.repeated = {key: count for key, count in counts.items() if count > 1}


class Parsed(NamedTuple):
    """A line's JSON value.

    Attributes:
        value: what `json` makes of it, with NotANumber, HugeNumber and RepeatedKeys for what they stand for.
        odd: one of these may be in it, or a lone surrogate; otherwise none is.
        huge: a HugeNumber is in it.
    """

    value: object
    odd: bool
    huge: bool


class LineParser:
    """Reads lines one by one.

    Args:
        depth: brackets that may be open at once.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._odd = self._huge = False
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object, parse_constant=self._constant)
        self._patient_decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=self._constant, parse_int=self._whole_number
        )

    def parse(self, data: bytes) -> Parsed | None:
        """Return the value of a line, or None when it is blank to the platform's script (`str.strip`).

        Raises:
            NotUtf8Error, NotJsonError, TooDeepError: what is wrong with the line as a whole.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise NotUtf8Error(error.start, data[error.start]) from None
        if not text or text.isspace():
            return None
        if _openings(data) > self._depth and _is_deeper(data, self._depth):
            raise TooDeepError
        self._odd = _SURROGATE_ESCAPE.search(data) is not None
        self._huge = False
        try:
            value = self._decode(text)
        except json.JSONDecodeError as error:
            raise NotJsonError(_reason(error, text), error.pos + 1) from None
        if "\r" in text.strip():
            raise NotJsonError(_("a carriage return between its tokens"), text.index("\r") + 1)
        return Parsed(value, self._odd, self._huge)

    def _decode(self, text: str) -> object:
        try:
            return self._read(text)
        except RecursionError:
            pass
        with deeper_recursion(self._depth):
            try:
                return self._read(text)
            except RecursionError:  # an interpreter built with a smaller stack than the limit needs
                raise TooDeepError from None

    def _read(self, text: str) -> object:
        try:
            return self._decoder.decode(text)
        except json.JSONDecodeError:
            raise
        except ValueError:  # int() refuses the number of digits
            return self._patient_decoder.decode(text)

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._odd = True
        return RepeatedKeys(pairs)

    def _constant(self, written: str) -> NotANumber:
        self._odd = True
        return NotANumber(written)

    def _whole_number(self, written: str) -> int | HugeNumber:
        try:
            return int(written)
        except ValueError:
            self._odd = self._huge = True
            return HugeNumber(len(written.lstrip("-")))


def _reason(error: json.JSONDecodeError, text: str) -> str:
    if "\0" in text:
        return _("it holds NUL bytes, perhaps UTF-16")
    if error.msg == "Extra data":
        return _("more text after the end of the value")
    return error.msg


def _openings(data: bytes) -> int:
    return data.count(b"[") + data.count(b"{")


def _is_deeper(data: bytes, limit: int) -> bool:
    """Tell whether more than `limit` brackets outside strings are ever open at once."""
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside = b"".join(unescaped.split(b'"')[::2])
    brackets = outside.translate(None, _NOT_BRACKETS)
    return any(depth > limit for depth in accumulate(map(_STEPS.__getitem__, brackets)))


@contextlib.contextmanager
def deeper_recursion(levels: int) -> Iterator[None]:
    """Let `levels` more calls nest: up to Python 3.11 the json module shares one limit with all else."""
    with _recursion_lock:
        before = sys.getrecursionlimit()
        sys.setrecursionlimit(before + 2 * levels)
        try:
            yield
        finally:
            sys.setrecursionlimit(before)
