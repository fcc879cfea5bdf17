"""The signs that stand beside words: what a phase, a mark or a level looks like, in Unicode and in ASCII.

Every sign is one cell wide. Terminals set up for Chinese, Japanese or Korean may draw those of ambiguous width
(Unicode's East Asian Width `A`: ● ◆ ■ … · and more) over two, which tears the columns; ASCII is the way out there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec


class Glyphs(msgspec.Struct, frozen=True):
    """One sign for each meaning.

    Attributes:
        phases: by the phase's name.
        unknown_phase: a phase that nobody knows.
        mark: a chosen row.
        cursor: the left edge of the row under the cursor.
        full: a cell of a bar, done.
        empty: a cell of a bar, to be done.
        levels: a chart's cells from low to high; as many in every set.
        refresh: before the interval at which the deck asks again.
        pause: the deck does not ask.
        up: more above; what goes up.
        down: more below; what goes down.
        ascending: the column that sorts, smallest first.
        descending: the column that sorts, largest first.
        ellipsis: a text was cut here.
        dash: there is no value.
        separator: between the parts of one line.
        warning: something needs attention.
        check: yes, chosen, in order.
        cross: no, refused, broken.
    """

    phases: Mapping[str, str]
    unknown_phase: str
    mark: str
    cursor: str
    full: str
    empty: str
    levels: str
    refresh: str
    pause: str
    up: str
    down: str
    ascending: str
    descending: str
    ellipsis: str
    dash: str
    separator: str
    warning: str
    check: str
    cross: str

    def phase(self, phase: str) -> str:
        """Return the sign of a phase, known or not."""
        return self.phases.get(phase, self.unknown_phase)


UNICODE: Final = Glyphs(
    phases={
        "Queued": "◌",
        "Initializing": "◔",
        "Running": "●",
        "Completed": "✓",
        "Terminating": "◍",
        "Terminated": "■",
        "Failed": "✗",
    },
    unknown_phase="?",
    mark="◆",
    cursor="▌",
    full="━",
    empty="─",
    levels="▁▂▃▄▅▆▇█",
    refresh="⟳",
    pause="‖",
    up="↑",
    down="↓",
    ascending="▲",
    descending="▼",
    ellipsis="…",
    dash="–",
    separator="·",
    warning="!",
    check="✓",
    cross="✗",
)

ASCII: Final = Glyphs(
    phases={
        "Queued": ".",
        "Initializing": ":",
        "Running": ">",
        "Completed": "+",
        "Terminating": "~",
        "Terminated": "=",
        "Failed": "x",
    },
    unknown_phase="?",
    mark="*",
    cursor="|",
    full="#",
    empty="-",
    levels=".:-=+*#@",
    refresh="@",
    pause="=",
    up="^",
    down="v",
    ascending="^",
    descending="v",
    ellipsis="~",
    dash="-",
    separator="-",
    warning="!",
    check="+",
    cross="x",
)

_FEW_GLYPHS: Final = frozenset(["linux", "dumb", "vt100", "vt220"])


def glyphs_for(environ: Mapping[str, str], encoding: str) -> Glyphs:
    """Return the set that a terminal can show: ASCII where its font or its encoding has no more.

    Args:
        environ: TERM says what the terminal is; the kernel's console has 512 glyphs at most.
        encoding: what is written to it, as `locale.getencoding()` names it.
    """
    of_unicode = encoding.lower().replace("-", "").replace("_", "") in ("utf8", "cp65001")
    return UNICODE if of_unicode and environ.get("TERM", "") not in _FEW_GLYPHS else ASCII
