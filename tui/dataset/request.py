"""What is wrong with one request, once its line is JSON: pure functions from a value to faults."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.dataset import rules
from tui.dataset.json_line import HugeNumber, NotANumber, RepeatedKeys
from tui.i18n import _, plural
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES: Final = ("system", "user", "assistant", "tool")
_PARAMETERS: Final[dict[str, tuple[int, int | None]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "max_tokens": (1, None),
    "max_completion_tokens": (1, None),
    "dimensions": (1, None),
}
"""Numbers that models take, whole ones where there is no end. Assumed, as no fact sheet gives them: only a warning."""
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SHOWN: Final = 60  # characters of outside text in a message
_MAX_PATH: Final = 300
_KINDS: Final = {
    dict: _("an object"), list: _("a list"), str: _("a string"), bool: _("true or false"), int: _("a number"),
    float: _("a number"), type(None): _("null"), NotANumber: _("a number"), HugeNumber: _("a number"),
    RepeatedKeys: _("an object"),
}  # fmt: skip


class Fault(NamedTuple):
    """One rule broken at one place in the line's value; `path` is a JSON path."""

    rule: rules.Rule
    path: str
    message: str


def id_text(custom_id: object) -> str | None:
    """Return what a custom_id is to somebody who joins answers by it; None when there is nothing to join by.

    `5`, `5.0` and `"5"` are the same id: no reader of the results can be trusted to tell them apart.
    """
    match custom_id:
        case str():
            return custom_id or None
        case int() if custom_id:
            return str(int(custom_id))
        case float() if custom_id:
            return str(int(custom_id)) if custom_id.is_integer() else repr(float(custom_id))
        case _:
            return None


def shown_id(custom_id: object) -> str | None:
    """Return a custom_id as an issue carries it: a string as it is, other values as JSON; never endless."""
    if custom_id is None or isinstance(custom_id, dict | list | HugeNumber):
        return None
    text = custom_id if isinstance(custom_id, str) else json.dumps(custom_id)
    return _SURROGATE.sub("\ufffd", text[:1024]) or None


def faults(value: object) -> Iterator[Fault]:
    """Yield everything that is wrong with the value of a line, in the order of the format."""
    if not isinstance(value, dict):
        yield Fault(rules.NOT_AN_OBJECT, "$", _("the line is {kind}, not an object", kind=_kind(value)))
        return
    yield from _id_faults(value)
    yield from _body_faults(value)
    for name in ("method", "url"):
        if name in value:
            yield Fault(
                rules.UNUSED_FIELD,
                f"$.{name}",
                _("{name} is not part of the format; it is not used", name=name),
            )


def _id_faults(request: dict[str, object]) -> Iterator[Fault]:
    custom_id = request.get("custom_id")
    if not custom_id:
        message = _("custom_id is empty") if "custom_id" in request else _("custom_id is absent")
        yield Fault(rules.ID_MISSING, "$.custom_id", message)
    elif not isinstance(custom_id, str):
        message = _("custom_id is {kind}, not a string", kind=_kind(custom_id))
        yield Fault(rules.ID_NOT_A_STRING, "$.custom_id", message)


def _body_faults(request: dict[str, object]) -> Iterator[Fault]:
    if "body" not in request:
        yield Fault(rules.BODY_NOT_AN_OBJECT, "$.body", _("body is absent"))
        return
    body = request["body"]
    if not isinstance(body, dict):
        message = _("body is {kind}, not an object", kind=_kind(body))
        yield Fault(rules.BODY_NOT_AN_OBJECT, "$.body", message)
        return
    if "messages" in body:
        yield from _message_faults(body["messages"])
    elif "input" not in body:
        yield Fault(rules.NO_MESSAGES, "$.body", _("body has neither messages nor input"))
    for name in body:
        if name in _PARAMETERS and (fault := _parameter_fault(name, body[name])) is not None:
            yield fault
    if "model" in body:
        yield Fault(
            rules.MODEL_IN_BODY,
            "$.body.model",
            _("the job decides the model; the one named here may be refused"),
        )


def _parameter_fault(name: str, value: object) -> Fault | None:
    low, high = _PARAMETERS[name]
    number = isinstance(value, int if high is None else (int, float)) and not isinstance(value, bool)
    if number and low <= value and (high is None or value <= high):  # type: ignore[operator]  # it is a number
        return None
    if value is None or isinstance(value, NotANumber | HugeNumber):  # the last two are told anyway
        return None
    wanted = _("a whole number from {low} on") if high is None else _("a number from {low} to {high}")
    message = _("{name} is not {wanted}", name=name, wanted=wanted.format(low=low, high=high))
    return Fault(rules.BAD_PARAMETER, f"$.body.{name}", message)


def _message_faults(messages: object) -> Iterator[Fault]:
    path = "$.body.messages"
    if not isinstance(messages, list):
        yield Fault(rules.BAD_MESSAGES, path, _("messages is {kind}, not a list", kind=_kind(messages)))
        return
    if not messages:
        yield Fault(rules.BAD_MESSAGES, path, _("messages is empty"))
    for index, message in enumerate(messages):
        place = f"{path}[{index}]"
        if not isinstance(message, dict):
            yield Fault(rules.BAD_MESSAGES, place, _("the message is {kind}, not an object", kind=_kind(message)))
        elif "role" not in message:
            yield Fault(rules.UNKNOWN_ROLE, place, _("the message has no role"))
        elif message["role"] not in ROLES:
            yield Fault(rules.UNKNOWN_ROLE, f"{place}.role", _unknown_role(message["role"]))


def _unknown_role(role: object) -> str:
    if not isinstance(role, str):
        return _("the role is {kind}, not a string", kind=_kind(role))
    return _("the role {role!r} is not known", role=clean(role, limit=_SHOWN))


def oddities(value: object) -> Iterator[Fault]:
    """Yield what is odd anywhere in a value, in its order: repeated keys, NaN, huge numbers, surrogates."""
    waiting: list[tuple[object, _Place]] = [(value, None)]
    while waiting:
        found, place = waiting.pop()
        yield from _own_oddities(found, place)
        if isinstance(found, dict):
            waiting.extend((inner, (place, key)) for key, inner in reversed(found.items()))
        elif isinstance(found, list):
            waiting.extend((found[index], (place, index)) for index in range(len(found) - 1, -1, -1))


_Place = tuple["_Place", str | int] | None
"""Where a value lies: the place of what holds it, and its key or index there; None for the whole."""


def _own_oddities(found: object, place: _Place) -> Iterator[Fault]:
    match found:
        case NotANumber():
            message = _("{written} is not JSON; use null or a number", written=found.written)
            yield Fault(rules.NOT_A_NUMBER, _path(place), message)
        case HugeNumber():
            message = plural("a number of {count} digit", "a number of {count} digits", found.digits)
            yield Fault(rules.HUGE_NUMBER, _path(place), message)
        case str() if _SURROGATE.search(found):
            yield Fault(rules.LONE_SURROGATE, _path(place), _("half of a surrogate pair in the text"))
        case dict():
            yield from _key_oddities(found, place)
        case _:
            pass


def _key_oddities(found: dict[str, object], place: _Place) -> Iterator[Fault]:
    for key in found:
        if _SURROGATE.search(key):
            yield Fault(rules.LONE_SURROGATE, _path(place), _("half of a surrogate pair in a key"))
    if isinstance(found, RepeatedKeys):
        for key, count in found.repeated.items():
            shown = clean(key, limit=_SHOWN)
            message = _("the key {key!r} stands {count} times here; the last one counts", key=shown, count=count)
            yield Fault(rules.DUPLICATE_KEY, _path(place), message)


def _path(place: _Place) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(_step(step))
    path = "$" + "".join(reversed(steps))
    return path if len(path) <= _MAX_PATH else path[: _MAX_PATH - 1] + "…"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    if len(step) <= _SHOWN and _PLAIN_KEY.match(step):
        return f".{step}"
    return f"[{json.dumps(clean(step, limit=_SHOWN), ensure_ascii=False)}]"


def _kind(value: object) -> str:
    return _KINDS[type(value)]
