"""A chart of columns that shows how something went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui.glyphs import Glyphs


def chart(values: Sequence[float], rows: int, glyphs: Glyphs) -> list[str]:
    """Return a column of so many rows for each value, the highest of them as high as all rows; the top row first."""
    highest, top = max(values, default=0.0), len(glyphs.levels) - 1
    heights = [min(rows * top, math.ceil(rows * top * value / highest)) if highest > 0 else 0 for value in values]
    return [
        "".join(
            glyphs.levels[min(top, max(0, height - row * top))] if height > row * top or not row else " "
            for height in heights
        )
        for row in reversed(range(rows))
    ]
