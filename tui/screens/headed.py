"""The top bar of a screen: whose jobs it tells of, how old they are, and what is being transferred."""

from __future__ import annotations

from textual import on
from textual.content import Content

from tui.connection import Connected, Connecting, Failed
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import ConnectionChanged, PollTold, TransfersChanged
from tui.widgets.glyphs import glyphs
from tui.widgets.top_bar import TopBar, Whose


class Headed(DeckScreen):
    """A screen with a top bar, which follows the connection, the polls and the transfers."""

    @on(ConnectionChanged)
    def tell_top_bar(self) -> None:
        """Show by the top bar whose jobs these are, and how old."""
        deck, bar = deck_of(self), self.query_one(TopBar)
        match deck.connection_state:
            case Connected(connection):
                profile = connection.profile
                where = profile.region if connection.local else connection.resolved.where
                whose = Whose(profile.name, where, profile.project, profile.read_only, connection.local, connected=True)
            case Connecting(name):
                whose = Whose(name)
            case Failed(name, cause):
                whose = Whose(name, trouble=cause.message)
        bar.belongs_to(whose)
        bar.polls(deck.poll_status)
        bar.transfers(self._transfers_now(), at_once=True)

    @on(PollTold)
    def _tell_polls(self, event: PollTold) -> None:
        self.query_one(TopBar).polls(event.status)

    @on(TransfersChanged)
    def _tell_transfers(self, event: TransfersChanged) -> None:
        self.query_one(TopBar).transfers(self._transfers_now(), at_once=not event.figures_only)

    def _transfers_now(self) -> Content:
        connection = deck_of(self).connection
        if connection is None or not connection.transfers.all:
            return Content()
        from tui.widgets.transfer_cells import summary

        return summary(connection.transfers.all, glyphs())
