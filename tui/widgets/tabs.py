"""A line of tabs: how many there are of each kind, and which of them are listed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import msgspec
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message

from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.lines import Pieces
from tui.widgets.safe_text import line


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


class TabName(msgspec.Struct, frozen=True):
    """One tab.

    Attributes:
        word: what is listed there.
        sign: stands for the word where there is no room for it.
        style: of its count, unless that is 0.
    """

    word: str
    sign: str
    style: str


class Tabs(Pieces):
    """Shows the tabs with their counts; a click on one chooses it.

    Args:
        count: how many tabs there are.
    """

    DEFAULT_CSS = "Tabs { background: $surface; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, count: int, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(count, id=id)
        self._counts: Sequence[int] | None = None
        self._active = 0
        self._ends: tuple[int, ...] = ()

    def tab(self, number: int, signs: Glyphs) -> TabName:
        """Return what a tab says."""
        raise NotImplementedError

    def show_counts(self, counts: Sequence[int] | None, active: int) -> None:
        """Show the counts by number, None while nobody knows them, and which tab is open."""
        self._counts, self._active = counts, active
        self._paint()

    def on_resize(self, _event: Resize) -> None:
        """Say as much as fits the new width."""
        self._paint()

    def on_click(self, event: Click) -> None:
        """Choose the tab that was clicked."""
        x = event.screen_x - self.region.x
        number = next((place for place, end in enumerate(self._ends) if x < end), None)
        if number is not None:
            self.post_message(self.Chosen(number))

    def _paint(self) -> None:
        if not self.size.width:
            return
        signs = glyphs()
        for form in _FORMS:
            tabs = [self._drawn(number, form, signs) for number in range(self._count)]
            if sum(tab.cell_length for tab in tabs) <= self.size.width:
                break
        self._ends = tuple(accumulate(tab.cell_length for tab in tabs))
        self.show(*tabs)

    def _drawn(self, number: int, form: _Form, signs: Glyphs) -> Content:
        """Return the number of a tab, what it lists as a word or a sign, and its count.

        The open one has a ground of its own, one cell more than its text at each side; where the tabs stand one cell
        apart, the cell behind it is the next one's.
        """
        tab, active = self.tab(number, signs), number == self._active
        ground = "on $cursor-ground $cursor-style"
        own = ground if active else ""
        count = self._counts[number] if self._counts is not None else None
        before = own or (ground if form.gap == 1 and number == self._active + 1 else "")
        last = number == self._count - 1
        return line(
            (" ", before),
            (f"{number} " if form.numbers else "", f"$muted {own}"),
            (tab.word if form.words else tab.sign, f"bold $cursor-text {own}" if active else ""),
            ("" if count is None else f" {count:,}", f"{tab.style if count else '$muted'} {own}"),
            (" " if form.gap > 1 or last else "", own),
            " " * (form.gap - 2),
        )
