"""A row of levels that shows how something went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.glyphs import Glyphs


def sparkline(values: Sequence[float], glyphs: Glyphs) -> str:
    """Return one cell a value, from nothing to the highest of them; empty without values."""
    highest, top = max(values, default=0.0), len(glyphs.levels) - 1
    return "".join(glyphs.levels[min(top, math.ceil(top * value / highest)) if highest > 0 else 0] for value in values)
