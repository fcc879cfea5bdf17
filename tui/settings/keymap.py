"""The `[keymap]` table of the configuration: other keys for actions, checked before a screen takes them.

Textual takes any id in silence, and drops an action whose key is given to another; so both are refused here.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

from tui.i18n import _
from tui.settings.config_file import ConfigError, nearest
from tui.settings.key_names import key_label, parse_keys
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path


class Bindable(Protocol):
    """An action, as far as keys are concerned."""

    @property
    def id(self) -> str:
        """As the keymap names it."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Its keys while the keymap does not name it."""

    @property
    def scope(self) -> Collection[str]:
        """The scopes that have it; within one of them a key means one action."""


def checked_keymap(keymap: Mapping[str, str], actions: Sequence[Bindable], file: Path) -> dict[str, tuple[str, ...]]:
    """Return the other keys of the actions that the keymap names.

    Args:
        keymap: keys by the action's id, as `ConfigFile.keymap` has them.
        actions: all there are.
        file: where the keymap was read, for the message.

    Raises:
        ConfigError: there is no such action, or a key is another one's.
    """
    known = [action.id for action in actions]
    for action_id in keymap:
        if action_id not in known:
            raise _wrong(file, action_id, _("there is no such action"), nearest(action_id, known))
    changed = {action_id: parse_keys(keys) for action_id, keys in keymap.items()}
    users = defaultdict[str, list[Bindable]](list)
    for action in actions:
        for key in changed.get(action.id, action.keys):
            for other in users[key]:
                if not set(action.scope).isdisjoint(other.scope):
                    raise _taken(key, action, other, changed, file)
            users[key].append(action)
    return changed


def _taken(key: str, action: Bindable, other: Bindable, changed: Collection[str], file: Path) -> ConfigError:
    given, owner = (action, other) if action.id in changed else (other, action)
    return _wrong(
        file,
        given.id,
        _("{key} is the key of {owner}", key=key_label(key), owner=owner.id),
        _('Give {owner} another key too, as in  "{owner}" = "f5"', owner=owner.id),
    )


def _wrong(file: Path, action_id: str, reason: str, advice: str) -> ConfigError:
    shown = clean(action_id, strict=True, limit=80)
    return ConfigError(f"{clean(str(file), strict=True)}: keymap.{shown}: {reason}", advice=advice)
