"""What is shown while the window is too small for anything else."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.widgets.safe_text import paragraphs

MIN_WIDTH: Final = 60
MIN_HEIGHT: Final = 16


def too_small(size: Size) -> bool:
    """Tell whether a window of this size cannot hold the deck."""
    return size.width < MIN_WIDTH or size.height < MIN_HEIGHT


class TooSmallScreen(Screen[None]):
    """Covers whatever is open, and goes by itself when the window is large enough."""

    DEFAULT_CSS = """
    TooSmallScreen {
        align: center middle;
        & > Static {
            width: 100%;
            text-align: center;
            color: $muted;
        }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [("q", "quit", "Quit")]

    def compose(self) -> ComposeResult:
        """Say which size would do."""
        yield Static(paragraphs(_asked(self.app.size)))

    def on_resize(self, event: events.Resize) -> None:
        """Go when there is room; say how much there is until then."""
        self.query_one(Static).update(paragraphs(_asked(event.size)))
        self._leave(event.size)

    def on_screen_resume(self) -> None:
        """Go if there came to be room while something else was on top."""
        self._leave(self.app.size)

    def action_quit(self) -> None:
        """Leave the deck; while transfers run, once the operator agrees."""
        deck_of(self).do_app_quit()

    def _leave(self, size: Size) -> None:
        if not too_small(size) and self.is_current:
            self.dismiss()


def _asked(size: Size) -> str:
    return _(
        "{width}×{height} is too small; {least_width}×{least_height} at least",
        width=size.width,
        height=size.height,
        least_width=MIN_WIDTH,
        least_height=MIN_HEIGHT,
    )
