"""A line of numbered tabs, one of them open; what they say shrinks with the window."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import msgspec
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message

from tui.widgets.lines import Pieces
from tui.widgets.safe_text import line


class TabName(msgspec.Struct, frozen=True):
    """What a tab says.

    Attributes:
        word: what it shows.
        sign: stands for the word where there is no room for it.
        note: behind it, as a count; empty for none.
        note_style: of the note.
    """

    word: str
    sign: str
    note: str = ""
    note_style: str = "$muted"


class _Form(msgspec.Struct, frozen=True):
    """How much the tabs say, and how far they stand apart."""

    gap: int
    words: bool = True
    numbers: bool = True


_FORMS = (
    *(_Form(gap) for gap in (3, 2, 1)),
    *(_Form(gap, numbers=False) for gap in (2, 1)),
    *(_Form(gap, words=False) for gap in (2, 1)),
)


class Tabs(Pieces):
    """Shows tabs; a click on one chooses it.

    Args:
        count: of the tabs.
        first: number of the first one.
    """

    DEFAULT_CSS = "Tabs { background: $surface; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, count: int, *, first: int = 0, id: str | None = None) -> None:  # noqa: A002  # as every widget
        super().__init__(count, id=id)
        self._first = first
        self._tabs: Sequence[TabName] = ()
        self._open = first
        self._ends: tuple[int, ...] = ()

    def tell(self, tabs: Sequence[TabName], number: int) -> None:
        """Show these tabs, and which of them is open."""
        self._tabs, self._open = tabs, number
        self._paint()

    def on_resize(self, _event: Resize) -> None:
        """Say as much as fits the new width."""
        self._paint()

    def on_click(self, event: Click) -> None:
        """Choose the tab that was clicked."""
        x = event.screen_x - self.region.x
        place = next((place for place, end in enumerate(self._ends) if x < end), None)
        if place is not None:
            self.post_message(self.Chosen(self._first + place))

    def _paint(self) -> None:
        if not self.size.width or not self._tabs:
            return
        for form in _FORMS:
            tabs = [self._tab(number, tab, form) for number, tab in enumerate(self._tabs, start=self._first)]
            if sum(tab.cell_length for tab in tabs) <= self.size.width:
                break
        self._ends = tuple(accumulate(tab.cell_length for tab in tabs))
        self.show(*tabs)

    def _tab(self, number: int, tab: TabName, form: _Form) -> Content:
        """Return the number of a tab, its word or sign, and its note.

        The open one has a ground of its own, one cell more than its text at each side; where the tabs stand one cell
        apart, the cell behind it is the next one's.
        """
        ground = "on $cursor-ground $cursor-style"
        is_open = number == self._open
        own = ground if is_open else ""
        before = own or (ground if form.gap == 1 and number == self._open + 1 else "")
        last = number == self._first + len(self._tabs) - 1
        return line(
            (" ", before),
            (f"{number} " if form.numbers else "", f"$muted {own}"),
            (tab.word if form.words else tab.sign, f"bold $cursor-text {own}" if is_open else ""),
            (f" {tab.note}" if tab.note else "", f"{tab.note_style} {own}"),
            (" " if form.gap > 1 or last else "", own),
            " " * (form.gap - 2),
        )
