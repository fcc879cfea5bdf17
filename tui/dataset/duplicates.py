"""Which lines share a custom_id, found with 8 bytes an id instead of the ids themselves."""

from __future__ import annotations

import hashlib
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy

    Numbers = numpy.ndarray[tuple[int], numpy.dtype[numpy.int64]]

_CHUNK: Final = 100_000
_FEW: Final = 100_000
_DIGEST_BYTES: Final = 16


class Suspect(NamedTuple):
    """A line whose id has the same hash as another line's; lines of one `group` share a hash."""

    line: int
    group: int


class IdIndex:
    """Takes the id of every line, in order, and tells afterwards which lines may repeat one.

    Line numbers are kept as runs: a gap, lines without an id between two that have one, costs 16 bytes.
    """

    def __init__(self) -> None:
        self._hashes = array("q")
        self._run_positions = array("q")
        self._run_lines = array("q")
        self._expected_line = 0

    def add(self, line: int, custom_id: str) -> None:
        """Take the id of a line; lines come in rising order."""
        if line != self._expected_line:
            self._run_positions.append(len(self._hashes))
            self._run_lines.append(line)
        self._expected_line = line + 1
        self._hashes.append(hash(custom_id))

    def suspects(self) -> tuple[int, Iterator[Suspect]]:
        """Return the number of hashes that several lines share, and these lines in rising order."""
        few = len(self._hashes) <= _FEW
        if few and len(set(self._hashes)) == len(self._hashes):  # spares small files the import of numpy
            return 0, iter(())
        import numpy as np

        hashes = np.frombuffer(self._hashes, np.int64)
        ordered = np.sort(hashes)
        shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
        return len(shared), self._suspects_of(hashes, shared)

    def _suspects_of(self, hashes: Numbers, shared: Numbers) -> Iterator[Suspect]:
        import numpy as np

        if not len(shared):
            return
        run_positions = np.frombuffer(self._run_positions, np.int64)
        run_lines = np.frombuffer(self._run_lines, np.int64)
        for start in range(0, len(hashes), _CHUNK):
            chunk = hashes[start : start + _CHUNK]
            groups = np.minimum(np.searchsorted(shared, chunk), len(shared) - 1)
            hits = np.flatnonzero(shared[groups] == chunk)
            positions = hits + start
            runs = np.searchsorted(run_positions, positions, side="right") - 1
            lines = run_lines[runs] + positions - run_positions[runs]
            yield from map(Suspect, lines.tolist(), groups[hits].tolist())


class Repeat(NamedTuple):
    """An id that was used before: on which line first, and whether as this JSON type, too (5 is not "5")."""

    first_line: int
    same_type: bool


class FirstUses:
    """Remembers the first line of every group of suspects and its id's digest, in 25 bytes a group.

    Args:
        groups: how many there are.
    """

    def __init__(self, groups: int) -> None:
        self._lines = array("q", bytes(8 * groups))
        self._digests = bytearray(_DIGEST_BYTES * groups)
        self._types = bytearray(groups)
        self._collided: dict[tuple[int, bytes], int] = {}

    def repeat(self, suspect: Suspect, custom_id: str, *, is_string: bool) -> Repeat | None:
        """Return where the id was used before, or None: this line is the first and is remembered.

        Args:
            suspect: lines come in rising order.
            custom_id: the id as text.
            is_string: whether it is a string in the file.
        """
        group = suspect.group
        digest = hashlib.blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).digest()
        place = slice(group * _DIGEST_BYTES, (group + 1) * _DIGEST_BYTES)
        own_type = 1 if is_string else 2
        if not self._lines[group]:
            self._lines[group] = suspect.line
            self._digests[place] = digest
            self._types[group] = own_type
            return None
        if self._digests[place] != digest:
            return self._collision(suspect, digest)
        same_type = bool(self._types[group] & own_type)
        self._types[group] |= own_type
        return Repeat(self._lines[group], same_type)

    def _collision(self, suspect: Suspect, digest: bytes) -> Repeat | None:
        first = self._collided.setdefault((suspect.group, digest), suspect.line)
        return None if first == suspect.line else Repeat(first, same_type=True)
