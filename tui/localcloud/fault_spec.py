"""Faults as text, for a command line: `tos:UploadPart:nth=3:reset=after`.

Words are divided by colons: the service, the operation, then NAME=VALUE for every field of a Fault that is not its
default, `_` in a name written as `-`. In a pattern, `?` stands for a colon.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, get_type_hints

import msgspec

from tui.localcloud.assumptions import nearest
from tui.localcloud.failures import OptionError
from tui.localcloud.faults import ALWAYS, PUBLISH, Fault

_TYPES: Final = get_type_hints(Fault, include_extras=True)
_FITTING: Final = {
    "key": "a pattern of object keys",
    "part": "a part number from 1 to 10000",
    "job": "a pattern of job ids and names",
    "nth": "a number from 1 on",
    "times": "a number from 1 on, or always",
    "chance": "a probability above 0, up to 1",
    "seed": "a whole number",
    "delay": "seconds from 0 to 86400",
    "status": "an HTTP status of an error; or 200, with a code, of ark",
    "code": "an error code",
    "retry-after": "whole seconds",
    "skew": "seconds from -1e9 to 1e9, negative for a clock that is behind",
    "reset": "before or after",
    "truncate": "a number of bytes",
    "stall": "a number of bytes",
    "crc": "wrong",
    "upload": "forgotten",
    "error-file": "missing, moved or both",
    "counts": "wrong",
    "row": "lost, doubled or torn",
}
_CONDITIONS: Final = frozenset(["key", "part", "job", "nth", "times", "chance", "seed"])
_PLACES: Final = {
    "part": "tos:UploadPart*",
    "crc": "tos:*",
    "upload": "tos:*",
    "error-file": PUBLISH,
    "counts": PUBLISH,
    "row": PUBLISH,
}
"""Words that mean something at some places alone; all others of what a fault does, at requests."""

_DEFAULTS: Final = msgspec.structs.asdict(Fault("*:*"))


def parse_fault(text: str) -> Fault:
    """Return the fault that a text describes (OptionError: it names the word that is wrong, and what fits)."""
    service, _, rest = text.partition(":")
    operation, _, words = rest.partition(":")
    values: dict[str, Any] = {}
    for word in filter(None, words.split(":")):
        name, sign, value = word.partition("=")
        if name not in _FITTING:
            raise OptionError(f"fault {text}: there is no word {name!r}{nearest(name, _FITTING)}")
        if not sign:
            raise OptionError(f"fault {text}: {name} needs a value, {name}=…: {_FITTING[name]}")
        values[name.replace("-", "_")] = _value(text, name, value)
    fault = Fault(f"{service}:{operation}", **values)
    check_fault(fault)
    return fault


def format_fault(fault: Fault) -> str:
    """Return the text that `parse_fault` reads as this fault."""
    words = [fault.where]
    for name, value in msgspec.structs.asdict(fault).items():
        if name != "where" and value != _DEFAULTS[name]:
            shown = "always" if (name, value) == ("times", ALWAYS) else value
            words.append(f"{name.replace('_', '-')}={shown}")
    return ":".join(words)


def check_fault(fault: Fault) -> None:
    """Raise OptionError unless something of the local cloud can meet the fault, and it does something."""
    text = format_fault(fault)
    values = msgspec.structs.asdict(fault)
    given = {name.replace("_", "-") for name, value in values.items() if name != "where" and value != _DEFAULTS[name]}
    for name in given:
        _convert(text, name, values[name.replace("-", "_")], strict=True)
    met = [place for place in _places() if fnmatchcase(place, fault.where)]
    if not met:
        raise OptionError(f"fault {text}: nothing is called {fault.where!r}{nearest(fault.where, _places())}")
    if not given - _CONDITIONS - {"retry-after"}:
        does = ", ".join(name for name in _FITTING if name not in _CONDITIONS)
        raise OptionError(f"fault {text}: it does nothing; add one of {does}")
    for name in sorted(given & _PLACES.keys()):
        if not any(fnmatchcase(place, _PLACES[name]) for place in met):
            raise OptionError(f"fault {text}: {name} is for {_PLACES[name]}, not for {fault.where}")
    if given - _CONDITIONS - _PLACES.keys() and set(met) == {PUBLISH}:
        raise OptionError(f"fault {text}: {PUBLISH} is not a request; it knows {_words_of(PUBLISH)}")
    if fault.retry_after is not None and not fault.refuses:
        raise OptionError(f"fault {text}: retry-after goes with status or code")
    inside_success = fault.status == HTTPStatus.OK and fault.code and any(map(_is_ark, met))
    if fault.status is not None and fault.status < HTTPStatus.BAD_REQUEST and not inside_success:
        raise OptionError(f"fault {text}: status cannot be {fault.status}: it takes {_FITTING['status']}")


def _value(text: str, name: str, value: str) -> Any:
    if name == "times" and value == "always":
        return ALWAYS
    return _convert(text, name, value, strict=False)


def _convert(text: str, name: str, value: Any, *, strict: bool) -> Any:
    try:
        converted = msgspec.convert(value, _TYPES[name.replace("-", "_")], strict=strict)
        if name == "status":
            HTTPStatus(converted)
        fits = not isinstance(converted, float) or math.isfinite(converted)
    except (msgspec.ValidationError, ValueError, OverflowError):
        fits = False
    if not fits:
        raise OptionError(f"fault {text}: {name} cannot be {value!r}: it takes {_FITTING[name]}")
    return converted


def _is_ark(place: str) -> bool:
    return place.startswith("ark:")


def _words_of(place: str) -> str:
    return ", ".join(name for name, pattern in _PLACES.items() if pattern == place)


def _places() -> list[str]:
    """Return every place where a fault can be due."""
    from tui.localcloud.ark_actions import ACTIONS
    from tui.localcloud.tos_api import OPERATIONS

    return [
        PUBLISH,
        *(f"ark:{name}" for name in ACTIONS),
        *(f"tos:{operation.name}" for operation in OPERATIONS),
    ]
