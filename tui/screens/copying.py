"""The menu of what can be copied of something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from textual.screen import Screen

from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.menu import Choice, MenuScreen
from tui.text import human_bytes

_MOST: Final = 1024 * 1024
_NOTE: Final = 200


class Copy(NamedTuple):
    """A text that can be copied, empty where there is none; what it is called, and a sentence more on it."""

    what: str
    text: str
    note: str = ""


def choose_copy(screen: Screen[None], title: str, copies: Mapping[str, Copy]) -> None:
    """Let one of several texts be chosen by its letter, and copy it."""
    choices = [
        Choice(
            id=key,
            key=key,
            label=copy.what,
            note=copy.text[:_NOTE].partition("\n")[0],
            reason=_why_not(copy.text),
        )
        for key, copy in copies.items()
    ]

    def chosen(key: str | None) -> None:
        if key is not None:
            deck_of(screen).copy(copies[key].text, copies[key].what, copies[key].note)

    screen.app.push_screen(MenuScreen(title, choices), chosen)


def _why_not(text: str) -> str | None:
    """Return why a text cannot be copied; None when it can."""
    if not text:
        return _("there is none")
    return _("too long: {size}", size=human_bytes(len(text))) if len(text) > _MOST else None
