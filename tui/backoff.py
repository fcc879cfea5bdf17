"""How long to wait before something that failed is tried again: twice as long each time, up to a limit."""

from __future__ import annotations

from typing import Final

_DOUBLINGS: Final = 32


def backoff(first: float, failures: int, *, longest: float) -> float:
    """Return the seconds to wait after so many failures in a row, however many: `first` after one, then doubled."""
    return min(longest, first * 2.0 ** min(failures - 1, _DOUBLINGS))
