"""The keys that move: through a list, or through a text."""

from __future__ import annotations

from typing import Protocol

from tui.screens.deck_screen import DeckScreen
from tui.widgets.table import VirtualTable


class Moved(Protocol):
    """What the keys move through: a `VirtualTable` by its cursor, a `TextView` by its lines."""

    def down(self) -> None:
        """Move one on."""

    def up(self) -> None:
        """Move one back."""

    def page_down(self) -> None:
        """Move on by what fits the window."""

    def page_up(self) -> None:
        """Move back by what fits the window."""

    def first(self) -> None:
        """Move to the beginning."""

    def last(self) -> None:
        """Move to the end."""


class Moving(DeckScreen):
    """A screen with a list or a text to move through."""

    @property
    def moved(self) -> Moved:
        """What the keys move through just now."""
        raise NotImplementedError

    def do_move_down(self) -> None:
        """Go to the next line."""
        self.moved.down()

    def do_move_up(self) -> None:
        """Go to the line before."""
        self.moved.up()

    def do_move_first(self) -> None:
        """Go to the beginning."""
        self.moved.first()

    def do_move_last(self) -> None:
        """Go to the end."""
        self.moved.last()

    def do_move_page_down(self) -> None:
        """Go down by what fits the window."""
        self.moved.page_down()

    def do_move_page_up(self) -> None:
        """Go up by what fits the window."""
        self.moved.page_up()


class Listing(Moving):
    """A screen with one list, which the keys move through."""

    @property
    def table(self) -> VirtualTable:
        """The list."""
        return self.query_one(VirtualTable)

    moved = table
