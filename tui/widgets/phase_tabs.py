"""The line of tabs: how many jobs there are in each phase, and which of them the list shows."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import msgspec
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message

from tui.ark.models import Phase
from tui.i18n import _
from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.lines import Pieces
from tui.widgets.safe_text import line
from tui.widgets.theming import phase_style

TABS = ("", Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED, Phase.TERMINATED, Phase.FAILED)
"""The phases that jobs are counted under, by the number of their tab; the first stands for all."""


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


class PhaseTabs(Pieces):
    """Shows the tabs with their counts; a click on one chooses it."""

    DEFAULT_CSS = "PhaseTabs { background: $surface; }"

    class Chosen(Message):
        """A tab was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(len(TABS), id=id)
        self._counts: Mapping[str, int] | None = None
        self._active = 0
        self._ends: tuple[int, ...] = ()

    def tell(self, counts: Mapping[str, int] | None, active: int) -> None:
        """Show the counts by phase, `""` for all, None while nobody knows them, and which tab is open."""
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
            tabs = [self._tab(number, form, signs) for number in range(len(TABS))]
            if sum(tab.cell_length for tab in tabs) <= self.size.width:
                break
        self._ends = tuple(accumulate(tab.cell_length for tab in tabs))
        self.show(*tabs)

    def _tab(self, number: int, form: _Form, signs: Glyphs) -> Content:
        """Return the number of a tab, its phase as a word or a sign, and its count.

        The open one has a ground of its own, one cell more than its text at each side; where the tabs stand one cell
        apart, the cell behind it is the next one's.
        """
        phase, active = TABS[number], number == self._active
        ground = "on $cursor-ground $cursor-style"
        own = ground if active else ""
        count = self._counts.get(phase, 0) if self._counts is not None else None
        word = phase if form.words else signs.phase(phase)
        colour = (phase_style(phase) if phase else "bold") if count else "$muted"
        before = own or (ground if form.gap == 1 and number == self._active + 1 else "")
        last = number == len(TABS) - 1
        return line(
            (" ", before),
            (f"{number} " if form.numbers else "", f"$muted {own}"),
            (word if phase else _("All"), f"bold $cursor-text {own}" if active else ""),
            ("" if count is None else f" {count:,}", f"{colour} {own}"),
            (" " if form.gap > 1 or last else "", own),
            " " * (form.gap - 2),
        )
