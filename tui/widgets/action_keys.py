"""The keys by which the operator reaches an action, for whoever binds them, lists them, or names one in a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual._context import active_app

from tui import actions
from tui.settings.key_names import key_label

if TYPE_CHECKING:
    from tui.actions import Action
    from tui.launch import Launch


def keys_of(action: Action) -> tuple[str, ...]:
    """Return an action's keys, the operator's own before the registry's; these where no deck runs."""
    launch: Launch | None = getattr(active_app.get(None), "launch", None)
    return action.keys if launch is None else launch.keymap.get(action.id, action.keys)


def key_of(action_id: str) -> str:
    """Return the first key of an action, as operators see it."""
    return key_label(keys_of(actions.action(action_id))[0])
