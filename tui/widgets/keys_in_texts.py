"""The keys that texts name: those by which the operator reaches an action, whatever the keymap says."""

from __future__ import annotations

from textual._context import active_app

from tui import actions
from tui.settings.key_names import key_label


def key_of(action_id: str) -> str:
    """Return the first key of an action, as operators see it; the registry's where no deck runs."""
    action = actions.action(action_id)
    launch = getattr(active_app.get(None), "launch", None)
    own = launch.keymap.get(action_id) if launch is not None else None
    return key_label((own or action.keys)[0])
