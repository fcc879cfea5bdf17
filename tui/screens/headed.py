"""The top bar of a screen: whose jobs it tells of, and how old they are."""

from __future__ import annotations

from textual import on

from tui.connection import Connected, Connecting, Failed
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import ConnectionChanged, PollTold
from tui.widgets.top_bar import TopBar, Whose


class Headed(DeckScreen):
    """A screen with a top bar, which follows the connection and the polls."""

    @on(ConnectionChanged)
    def tell_top_bar(self) -> None:
        """Show by the top bar whose jobs these are, and how old."""
        deck, bar = deck_of(self), self.query_one(TopBar)
        match deck.connection_state:
            case Connected(connection):
                profile = connection.profile
                whose = Whose(
                    profile.name, profile.region, profile.project, profile.read_only, connection.local, connected=True
                )
            case Connecting(name):
                whose = Whose(name)
            case Failed(name, cause):
                whose = Whose(name, trouble=cause.message)
        bar.belongs_to(whose)
        bar.polls(deck.poll_status)

    @on(PollTold)
    def _tell_polls(self, event: PollTold) -> None:
        self.query_one(TopBar).polls(event.status)
