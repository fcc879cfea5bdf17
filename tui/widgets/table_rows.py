"""The rows of a table: their keys in an order, however many there are, and which of them is where."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rows(Protocol):
    """What a table shows: keys in an order, none of them twice."""

    def __len__(self) -> int:
        """Return how many there are."""

    def key(self, place: int) -> str:
        """Return the key at a place (IndexError beyond the last)."""

    def place(self, key: str) -> int | None:
        """Return the place of a key; None where it is not among them."""

    def after(self, before: Rows, place: int) -> tuple[int, int] | None:
        """Return where to go on once these rows stand in place of those `before`.

        Args:
            before: the rows until now.
            place: of one of these.

        Returns:
            The place among those before of the row to stay on, and its place here; None to begin anew.
        """


class ListedRows:
    """Rows with any keys.

    Args:
        keys: no key twice (ValueError).
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = tuple(keys)
        self._places = dict(zip(keys, range(len(keys)), strict=True))
        if len(self._places) != len(self._keys):
            raise ValueError("a key appears twice")

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, place: int) -> str:
        """Return the key at a place."""
        return self._keys[place]

    def place(self, key: str) -> int | None:
        """Return the place of a key."""
        return self._places.get(key)

    def after(self, before: Rows, place: int) -> tuple[int, int] | None:
        """Go on at the row nearest to `place` that is left; of two at the one below."""
        for distance in range(max(place, len(before) - 1 - place) + 1):
            for near in (place + distance, place - distance):
                if 0 <= near < len(before) and (here := self._places.get(before.key(near))) is not None:
                    return near, here
        return None


class NumberedRows:
    """Rows that are known by a number and stand in the order of their numbers; of millions none is held as a text.

    Their keys are the numbers, written in digits.

    Args:
        numbers: ascending, none twice.
    """

    def __init__(self, numbers: range | NDArray[np.uint32]) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def key(self, place: int) -> str:
        """Return the number at a place, in digits."""
        return str(self._numbers[place])

    def place(self, key: str) -> int | None:
        """Return the place of a number."""
        number = int(key)
        here = self._reach(number)
        return here if here < len(self) and self._numbers[here] == number else None

    def after(self, before: Rows, place: int) -> tuple[int, int] | None:
        """Go on at the same number or, where it is gone, at the next one; behind the last, at the last."""
        return (place, min(self._reach(int(before.key(place))), len(self) - 1)) if len(self) and len(before) else None

    def _reach(self, number: int) -> int:
        """Return the place of the first number that is not less."""
        return bisect_left(self._numbers, number)
