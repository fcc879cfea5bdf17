"""A text that fills the screen, such as a job's JSON."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.legend import legend
from tui.widgets.lines import Lines
from tui.widgets.safe_text import identifier, line
from tui.widgets.text_view import TextView


class TextScreen(DeckScreen):
    """Shows a text of any length; escape goes back.

    Args:
        title: whose text it is; may come from outside, as the text may.
        text: what to show.
        json: colour it as JSON.
        wrap: begin with long lines wrapped.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move('down')", show=False),
        Binding("k,up", "move('up')", show=False),
        Binding("pagedown,space", "move('page_down')", show=False),
        Binding("pageup", "move('page_up')", show=False),
        Binding("l,right", "move('right')", show=False),
        Binding("h,left", "move('left')", show=False),
        Binding("g,home", "move('first')", show=False),
        Binding("G,end", "move('last')", show=False),
        Binding("w", "move('toggle_wrap')", show=False),
        Binding("c", "copy_all", show=False),
    ]
    DEFAULT_CSS = "TextScreen #title { background: $panel; }"

    def __init__(self, title: str, text: str, *, json: bool = False, wrap: bool = False) -> None:
        super().__init__()
        self._wrap = wrap
        self._title = title
        self._text = text
        self._json = json

    def compose(self) -> ComposeResult:
        """Lay out title, text and keys."""
        yield Lines(id="title")
        yield TextView()
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the text."""
        keys = (("w", _("wrap")), ("c", _("copy all")), ("esc", _("back")))
        title = identifier(self._title).stylize("bold")
        self.query_one("#title", Lines).show(line(" ", title, "   ", legend(*keys)))
        view = self.query_one(TextView)
        view.show(self._text.splitlines(), json=self._json)
        if self._wrap:
            view.toggle_wrap()
        view.focus()

    def action_move(self, how: str) -> None:
        """Scroll, or wrap long lines: `how` is one of the view's methods."""
        getattr(self.query_one(TextView), how)()

    def action_copy_all(self) -> None:
        """Copy the whole text."""
        deck_of(self).copy(self._text, self._title)
