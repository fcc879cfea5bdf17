"""How keys are written in the configuration and shown on the screen, and which of them never arrive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final

from msgspec import Meta

from tui.i18n import _

Keymap = Annotated[
    dict[str, str], Meta(description='Other keys for actions of the deck, as in "job.stop" = "S, ctrl+t".')
]

_MOVING: Final = "up|down|left|right|home|end|pageup|pagedown|insert|delete"
_NAMED: Final = re.compile(
    rf"{_MOVING}|enter|escape|space|tab|backspace|comma|f([1-9]|1[0-9]|2[0-4])|(ctrl|alt)\+[a-z]|shift\+tab"
    rf"|(ctrl|alt|shift|ctrl\+shift)\+({_MOVING})"
)
_EATEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ctrl+a": _("screen takes it for its own commands"),
        "ctrl+b": _("tmux takes it for its own commands"),
        "ctrl+c": _("it interrupts or copies"),
        "ctrl+h": _("terminals send it for backspace"),
        "ctrl+i": _("terminals send it for tab"),
        "ctrl+j": _("terminals send it for enter"),
        "ctrl+m": _("terminals send it for enter"),
        "ctrl+q": _("terminals take it for flow control"),
        "ctrl+s": _("terminals take it for flow control"),
        "ctrl+space": _("input methods take it"),
    }
)
_LABELS: Final[Mapping[str, str]] = MappingProxyType(
    {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "delete": "del", "comma": ","}
)


class InvalidKeyError(ValueError):
    """A key cannot be taken; the text says why, and whoever read it says where."""


def parse_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a list such as `S, ctrl+t`.

    A key is one character that can be typed, or a name: `comma`, `space`, `enter`, `f5`, `ctrl+t`, `shift+up`.

    Raises:
        InvalidKeyError: one is no key, or one that never arrives.
    """
    return tuple(dict.fromkeys(_key(part.strip()) for part in text.split(",")))


def _key(text: str) -> str:
    if not text:
        raise InvalidKeyError(_("name at least one key; a comma is written comma"))
    if reason := _EATEN.get(text):
        raise InvalidKeyError(_("{key} cannot be used: {reason}", key=text, reason=reason))
    if (len(text) == 1 and text.isprintable()) or _NAMED.fullmatch(text):
        return text
    raise InvalidKeyError(_("{key} is no key; write S, space, f5, ctrl+t or shift+up", key=text))


def key_label(key: str) -> str:
    """Return a key as operators see it: `S`, `esc`, `pgdn`."""
    return _LABELS.get(key, key)
