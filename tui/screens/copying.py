"""The menu of what can be copied of something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from textual.screen import Screen

from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.menu import Choice, MenuScreen

Copies: TypeAlias = Mapping[str, tuple[str, str]]
"""What can be copied, by the letter that chooses it: its name, and the text; empty where there is none."""


def choose_copy(screen: Screen[None], title: str, copies: Copies, missing: Mapping[str, str | None]) -> None:
    """Let one of several texts be chosen, and copy it.

    Args:
        screen: on which the menu opens.
        title: what the texts are of.
        copies: the texts.
        missing: by letter, why there is no text where there is none.
    """
    choices = [
        Choice(
            id=key,
            key=key,
            label=what,
            note=text.partition("\n")[0],
            reason=None if text else missing.get(key) or _("not known"),
        )
        for key, (what, text) in copies.items()
    ]

    def chosen(key: str | None) -> None:
        if key is not None:
            what, text = copies[key]
            deck_of(screen).copy(text, what)

    screen.app.push_screen(MenuScreen(title, choices), chosen)
