"""The menu of what can be copied of something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from textual.screen import Screen

from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.menu import Choice, MenuScreen


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
            note=copy.text.partition("\n")[0],
            reason=None if copy.text else _("not known"),
        )
        for key, copy in copies.items()
    ]

    def chosen(key: str | None) -> None:
        if key is not None:
            deck_of(screen).copy(copies[key].text, copies[key].what, copies[key].note)

    screen.app.push_screen(MenuScreen(title, choices), chosen)
