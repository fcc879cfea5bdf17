"""What the tabs of the jobs say: how many there are in each phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tui.ark.models import Phase
from tui.i18n import _
from tui.widgets.glyphs import glyphs
from tui.widgets.tabs import TabName
from tui.widgets.theming import phase_style

TABS = ("", Phase.QUEUED, Phase.RUNNING, Phase.COMPLETED, Phase.TERMINATED, Phase.FAILED)
"""The phases that jobs are counted under, by the number of their tab; the first stands for all."""


def phase_tabs(counts: Mapping[str, int] | None) -> Iterator[TabName]:
    """Yield the tabs with the counts by phase, `""` for all; None while nobody knows them."""
    for phase in TABS:
        count = None if counts is None else counts.get(phase, 0)
        yield TabName(
            word=phase or _("All"),
            sign=glyphs().phase(phase) if phase else _("All"),
            note="" if count is None else f"{count:,}",
            note_style=(phase_style(phase) if phase else "bold") if count else "$muted",
        )
