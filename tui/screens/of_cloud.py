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
        super().on_screen_resume()
        self.leave_a_closed_cloud()

    @on(ConnectionChanged)
    def _connection_changed(self) -> None:
        self.leave_a_closed_cloud()

    def leave_a_closed_cloud(self) -> bool:
        """Close where the cloud is not open any more; return whether it is not."""
        closed = deck_of(self).connection is not self.of
        if closed and self.is_active:
            DeckScreen.do_app_back(self)
        return closed
