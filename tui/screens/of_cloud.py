"""Screens about what belongs to one cloud: where another is opened, they close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on

from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import ConnectionChanged

if TYPE_CHECKING:
    from tui.connection import Connection


class OfCloud(DeckScreen):
    """A screen of one cloud.

    Args:
        connection: of the cloud.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self.of = connection

    def on_screen_resume(self) -> None:
        """Close where the cloud was left from a screen above."""
        self._leave_a_closed_cloud()

    @property
    def is_open(self) -> bool:
        """Whether the cloud is still open."""
        return deck_of(self).connection is self.of

    @on(ConnectionChanged)
    def _leave_a_closed_cloud(self) -> None:
        if not self.is_open and self.is_active:
            DeckScreen.do_app_back(self)
