"""A line of a few words, one of which holds."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import line


class OneOf(Widget, can_focus=True):
    """Lets one of a few words be chosen, by arrows, space and mouse.

    Args:
        words: id and label of each; labels are ours.
        chosen: the id of the one that holds.
    """

    DEFAULT_CSS = """
    OneOf {
        width: 1fr;
        height: 1;
        text-wrap: nowrap;
        text-overflow: clip;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", show=False),
        Binding("right,space", "move(1)", show=False),
    ]
    ALLOW_SELECT: ClassVar[bool] = False

    @dataclass
    class Changed(Message):
        """Another word was chosen."""

        one_of: OneOf
        chosen: str

        @property
        def control(self) -> OneOf:
            """The line that speaks."""
            return self.one_of

    def __init__(self, words: Sequence[tuple[str, str]], *, chosen: str, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._words = tuple(words)
        self._chosen = chosen
        self._barred: frozenset[str] = frozenset()

    @property
    def chosen(self) -> str:
        """The id of the word that holds."""
        return self._chosen

    def choose(self, chosen: str) -> None:
        """Let another word hold."""
        if chosen == self._chosen or chosen in self._barred:
            return
        self._chosen = chosen
        self.refresh()
        self.post_message(self.Changed(self, chosen))

    def bar(self, ids: Collection[str]) -> None:
        """Let these words not be chosen; if one of them holds, the first of the others takes its place."""
        self._barred = frozenset(ids)
        self.refresh()
        if self._chosen in self._barred and self._free:
            self.choose(self._free[0])

    @property
    def _free(self) -> list[str]:
        return [each for each, _label in self._words if each not in self._barred]

    def action_move(self, by: int) -> None:
        """Choose the next word, or the one before."""
        free = self._free
        if self._chosen in free:
            self.choose(free[(free.index(self._chosen) + by) % len(free)])

    def on_click(self, event: events.Click) -> None:
        """Choose the word that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        starts = [0]
        for each, label in self._words:
            starts.append(starts[-1] + self._word(each, label).cell_length)
        for (each, _label), (start, end) in zip(self._words, pairwise(starts), strict=True):
            if start <= offset.x < end:
                self.choose(each)

    def on_focus(self) -> None:
        """Show that the keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.refresh()

    def render(self) -> Content:
        """Return the words."""
        return line(*(self._word(each, label) for each, label in self._words))

    def _word(self, word_id: str, label: str) -> Content:
        if word_id in self._barred:
            return line((f"  {label}   ", "$text-disabled"))
        if word_id != self._chosen:
            return line((f"  {label}   ", "$muted"))
        look = "bold reverse" if self.has_focus else "bold"
        return line((f"{glyphs().check} ", "$mark"), (label, look), "   ")
