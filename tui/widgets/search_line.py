"""The line of a search: what is looked for, what was found, and how many rows there are."""

from __future__ import annotations

from textual.message import Message

from tui.i18n import _
from tui.widgets.typed_line import TypedLine


class SearchLine(TypedLine):
    """Shows what is looked for; while `open`, a text can be typed, which is looked for when it is entered."""

    class Asked(Message):
        """A text is to be looked for; empty when nothing is."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(_("no search"), _("text in id, answer or error; enter looks for it"))
        self._text = ""

    @property
    def text(self) -> str:
        """What is looked for."""
        return self._text

    def kept(self, text: str) -> None:
        """Look for what was typed."""
        self._text = text
        self.post_message(self.Asked(text))

    def clear(self) -> None:
        """Look for nothing."""
        self._text = ""
        self.paint()
