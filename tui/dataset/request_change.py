"""Changes to the body of a request on its line: what is not named stays as it is, byte for byte.

A line is not parsed and written again, which would touch its numbers, escapes and spaces: the value that is named is
found by its place and another put there. A key that stands several times is changed wherever it stands, since readers
differ in which of them counts; one that is absent comes last in its object.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.errors import UsageError, WorkError
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BODY: Final = "body"
_SPACES: Final = b" \t\r\n"
_TEXT: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_MARK: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.DOTALL)
_WORD: Final = re.compile(rb"[^ \t\r\n,\]}]+")  # a number, true, false or null
_OPENING: Final = b"[{"
_STEPS: Final = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_SHOWN: Final = 200


class Change(NamedTuple):
    """A value for one place in a request's body.

    Attributes:
        path: keys from the body inwards.
        value: JSON, on one line.
    """

    path: tuple[str, ...]
    value: bytes


class UnchangeableError(WorkError):
    """A request has something else than an object where a change has to go."""


def parse_change(text: str) -> Change:
    """Return the change that `max_tokens=4096` or `thinking.type=disabled` asks for.

    What stands behind the first `=` is taken as it is where it is JSON, and otherwise as a text.

    Raises:
        UsageError: there is no `=`, or no path before it.
    """
    path, sign, value = text.partition("=")
    keys = tuple(path.strip().split("."))
    if not sign or not all(keys):
        raise UsageError(
            _("not a change: {text}", text=clean(text, strict=True)),
            advice=_(
                "Say it as --set max_tokens=4096 or --set thinking.type=disabled: a path below body, and a value."
            ),
        )
    if keys[0] == _BODY:
        raise UsageError(
            _("not a path below body: {path}", path=clean(path, strict=True)),
            advice=_("Leave out `body` itself, as in --set max_tokens=4096."),
        )
    try:
        written = _as_json(value)
        json.dumps(keys, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UsageError(
            _("not plain text: {text}", text=clean(text, strict=True)), advice=_("Type it in a UTF-8 terminal.")
        ) from None
    return Change(keys, written)


def changed(line: bytes, changes: Sequence[Change]) -> bytes:
    """Return the line of a request with the changes made, one after the other.

    Args:
        line: a JSON object, without its line break.
        changes: of its body.

    Raises:
        UnchangeableError: the body, or what a path leads through, is not an object.
    """
    for change in changes:
        edits = list(_edits(line, line.index(b"{"), (_BODY, *change.path), change.value))
        for start, end, text in reversed(edits):
            line = line[:start] + text + line[end:]
    return line


def _as_json(value: str) -> bytes:
    try:
        json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return json.dumps(value, ensure_ascii=False).encode()
    return value.strip().replace("\n", " ").replace("\r", " ").encode()  # they stand between tokens, nowhere else


def _refuse(written: str) -> None:
    raise ValueError(written)


def _edits(
    line: bytes, start: int, path: tuple[str, ...], value: bytes, walked: tuple[str, ...] = ()
) -> Iterator[tuple[int, int, bytes]]:
    """Yield which bytes to replace, and by what, in their order, so that `path` leads from an object to `value`.

    Args:
        line: the whole.
        start: of the object.
        path: keys.
        value: JSON.
        walked: keys that led to the object.
    """
    if line[start] != ord("{"):
        raise UnchangeableError(
            _(
                "{place} is not an object in the request {line}",
                place=".".join(walked),
                line=clean(line[:_SHOWN].decode(errors="replace"), strict=True),
            ),
            advice=_("--set changes what is in objects. Nothing was written."),
        )
    key, rest = path[0], path[1:]
    found, comma, last = False, b"", start + 1
    for name, begin, end in _members(line, start):
        if name == key:
            found = True
            if rest:
                yield from _edits(line, begin, rest, value, (*walked, key))
            else:
                yield begin, end, value
        comma, last = b",", end
    if not found:
        for inner in reversed(rest):
            value = b"{" + _key(inner) + value + b"}"
        yield last, last, comma + _key(key) + value


def _key(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False).encode() + b":"


def _members(line: bytes, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield the members of the object at `start`: key, and where the value begins and ends."""
    at = _past_spaces(line, start + 1)
    while line[at] != ord("}"):
        begin, at = at, _end(line, at)
        name = json.loads(line[begin:at].decode(errors="replace"))
        begin = _past_spaces(line, _past_spaces(line, at) + 1)  # a colon
        end = _end(line, begin)
        yield name, begin, end
        at = _past_spaces(line, end)
        if line[at] == ord(","):
            at = _past_spaces(line, at + 1)


def _past_spaces(line: bytes, at: int) -> int:
    while line[at] in _SPACES:
        at += 1
    return at


def _end(line: bytes, start: int) -> int:
    """Return where the value at `start` ends; however deep it is nested, and whatever its numbers are."""
    if line[start] not in _OPENING:
        found = (_TEXT if line[start] == ord('"') else _WORD).match(line, start)
        return found.end() if found else start
    depth = 0
    for mark in _MARK.finditer(line, start):
        first = line[mark.start()]
        depth += _STEPS.get(first, 0)
        if not depth:
            return mark.end()
    return len(line)
