"""The line of tabs: how many jobs there are in each phase, and which of them the list shows."""

from __future__ import annotations

from collections.abc import Mapping

from tui.ark.models import Phase
from tui.i18n import _
from tui.widgets.glyphs import Glyphs
from tui.widgets.tabs import TabName, Tabs
from tui.widgets.theming import phase_style

TABS = ("", Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED, Phase.TERMINATED, Phase.FAILED)
"""The phases that jobs are counted under, by the number of their tab; the first stands for all."""


class PhaseTabs(Tabs):
    """Shows the jobs by phase."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(len(TABS), id=id)

    def tab(self, number: int, signs: Glyphs) -> TabName:
        """Return a phase as a tab."""
        phase = TABS[number]
        return TabName(phase, signs.phase(phase), phase_style(phase)) if phase else TabName(_("All"), _("All"), "bold")

    def tell(self, counts: Mapping[str, int] | None, active: int) -> None:
        """Show the counts by phase, `""` for all, None while nobody knows them, and which tab is open."""
        self.show_counts(None if counts is None else [counts.get(phase, 0) for phase in TABS], active)
