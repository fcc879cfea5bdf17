"""What the key bar and the key panel show: an action, its key, and whether it can be done now."""

from __future__ import annotations

import msgspec
from rich.cells import cell_len
from textual.content import Content
from textual.message import Message

from tui.widgets.safe_text import line


class KeyHint(msgspec.Struct, frozen=True):
    """One key and what it does.

    Attributes:
        key: as operators see it; empty for an action without one.
        able: nothing stands in the way of the action, and the key would reach it.
    """

    action_id: str
    key: str
    title: str
    able: bool


class ActionChosen(Message):
    """An action was clicked."""

    def __init__(self, action_id: str) -> None:
        super().__init__()
        self.action_id = action_id


def hint_line(hint: KeyHint, *, key_width: int = 0) -> Content:
    """Return a key and its title, grey where the action cannot be done now; `key_width` cells align the titles."""
    key = hint.key + " " * (key_width - cell_len(hint.key))
    if not hint.able:
        return line((f"{key} {hint.title}", "$text-disabled"))
    return line((key, "bold $footer-key-foreground"), " ", (hint.title, "$footer-description-foreground"))
