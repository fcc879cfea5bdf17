"""Several generations of one set of requests made into one: for each request the reply that counts over all of them.

The generations are given by their indexes. Those are joined by digest, one range of ids after the other, and the
replies are copied in the order of the first input: what is in memory is some 25 bytes a request and one block of rows.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tui.dataset.join import Numbers
from tui.dataset.reply import Fate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tui.dataset.row_index import RowIndex
    from tui.dataset.scan import Records

_CHOICE: Final = np.dtype([("row", "<u4"), ("generation", "<u2"), ("rank", "u1")])
"""Of a request: the generation whose reply counts, its row there, and how good the reply is."""

_LINE: Final = np.dtype(
    [("generation", "<u2"), ("source", "<u2"), ("offset", "<u8"), ("length", "<u4"), ("answered", "?")]
)

_MISSING, _FAILED, _FLAWED, _GOOD = range(4)
_FLAWS: Final = Fate.TRUNCATED | Fate.REFUSED | Fate.EMPTY
_RECORDS: Final = 200_000  # joined at a time
_BLOCK_ROWS: Final = 64 * 1024
_BLOCK_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True)
class Merged:
    """What was written. `ok + failed + missing` are the requests of the first generation.

    Attributes:
        ok: answers.
        failed: errors of requests that no generation has an answer for.
        missing: requests that no generation has a reply for.
        superseded: replies that a better or a newer one stands in for.
        foreign: replies of later generations to requests that the first does not have; they are left out.
    """

    ok: int
    failed: int
    missing: int
    superseded: int
    foreign: int


@dataclass(frozen=True)
class MergeProgress:
    """Requests whose reply was copied, of all."""

    done: int
    total: int


def merge(generations: Sequence[RowIndex], results: IO[bytes], errors: IO[bytes]) -> Iterator[MergeProgress | Merged]:
    """Write for each request of the first generation the reply that counts over all; Merged comes last.

    The newest answer counts, but one that is whole before one that is cut short, refused or empty; of errors, where
    there is no answer, the newest. Rows are written byte for byte, in the order of the first generation's input.

    Args:
        generations: their indexes, oldest first.
        results: takes the answers.
        errors: takes the errors.

    Raises:
        FileMissingError, IndexUnusableError: a file of results is not where it was, or has changed.
    """
    first, *others = generations
    choices = np.zeros(len(first), _CHOICE)
    choices["row"] = np.arange(len(first), dtype=np.uint32)
    choices["rank"] = _ranks(first)
    replies, foreign = _replies(choices["rank"]), 0
    for number, other in enumerate(others, start=1):
        ranks = _ranks(other)
        foreign += _replies(ranks)
        for ours, theirs in _same_requests(first, other):
            replies += _replies(ranks[theirs])
            foreign -= _replies(ranks[theirs])
            better = (ranks[theirs] >= choices["rank"][ours]) & (ranks[theirs] > _MISSING)
            choices["row"][ours[better]] = theirs[better]
            choices["generation"][ours[better]] = number
            choices["rank"][ours[better]] = ranks[theirs[better]]
    yield from _copy(generations, choices, results, errors)
    ok, missing = int(np.count_nonzero(choices["rank"] > _FAILED)), len(first) - _replies(choices["rank"])
    failed = len(first) - ok - missing
    yield Merged(ok, failed, missing, superseded=replies - ok - failed, foreign=foreign)


def _ranks(index: RowIndex) -> NDArray[np.uint8]:
    """Return how good each reply is: one that ranks as high as an older one stands in for it."""
    rows = index.map_rows()
    ranks = np.full(len(rows), _MISSING, np.uint8)
    for start in range(0, len(rows), _BLOCK_ROWS):
        fates, block = rows["fate"][start : start + _BLOCK_ROWS], ranks[start : start + _BLOCK_ROWS]
        block[(fates & Fate.FAILED) != 0] = _FAILED
        block[(fates & Fate.OK) != 0] = _GOOD
        block[(fates & _FLAWS) != 0] = _FLAWED
        index.unload()
    return ranks


def _replies(ranks: NDArray[Any]) -> int:
    return int(np.count_nonzero(ranks))


def _same_requests(first: RowIndex, other: RowIndex) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the rows of the requests that both have, those of the one beside those of the other."""
    our_offsets, their_offsets = _offsets(first), _offsets(other)
    ranges = max((len(first) + len(other)) // _RECORDS, 1)
    borders = np.array([2**64 * number // ranges for number in range(1, ranges)], np.uint64)
    ours, theirs = _parts(first, borders), _parts(other, borders)
    for our_part, their_part in zip(ours, theirs, strict=True):
        mine, its = _equal(our_part, their_part)
        yield (
            np.searchsorted(our_offsets, our_part["offset"][mine]),
            np.searchsorted(their_offsets, their_part["offset"][its]),
        )
        first.unload()
        other.unload()


def _offsets(index: RowIndex) -> NDArray[np.uint64]:
    """Return where the requests lie in their input, which tells a place's row."""
    rows = index.map_rows()
    offsets = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _BLOCK_ROWS):
        offsets[start : start + _BLOCK_ROWS] = rows["offset"][start : start + _BLOCK_ROWS]
        index.unload()
    return offsets


def _parts(index: RowIndex, borders: Iterable[np.uint64]) -> Iterator[Records]:
    """Yield the places up to each border of their digests, and those behind the last."""
    places = index.map_places()
    start = 0
    for border in borders:
        end = bisect.bisect_left(range(len(places)), border, lo=start, key=lambda at: places[at]["hi"])
        yield places[start:end]
        start = end
    yield places[start:]


def _equal(ours: Records, theirs: Records) -> tuple[Numbers, Numbers]:
    """Return where the places of equal digest are; no digest stands twice on one side."""
    hi = np.concatenate([ours["hi"], theirs["hi"]])
    lo = np.concatenate([ours["lo"], theirs["lo"]])
    order = np.lexsort((lo, hi))  # stable: ours before theirs
    hi, lo = hi[order], lo[order]
    pairs = np.flatnonzero((hi[1:] == hi[:-1]) & (lo[1:] == lo[:-1]))
    return order[pairs], order[pairs + 1] - len(ours)


def _copy(
    generations: Sequence[RowIndex], choices: Records, results: IO[bytes], errors: IO[bytes]
) -> Iterator[MergeProgress]:
    rows = [index.map_rows() for index in generations]
    for start in range(0, len(choices), _BLOCK_ROWS):
        chosen = choices[start : start + _BLOCK_ROWS]
        lines = np.zeros(len(chosen), _LINE)
        for number, its in enumerate(rows):
            own = chosen["generation"] == number
            found = its[chosen["row"][own]]
            lines["source"][own], lines["offset"][own] = found["source"], found["reply_offset"]
            lines["length"][own] = found["reply_length"]
            generations[number].unload()
        lines["generation"], lines["answered"] = chosen["generation"], chosen["rank"] > _FAILED
        there = lines[chosen["rank"] > _MISSING]
        for part in np.split(there, _cuts(there["length"])):
            for line, answered in zip(_read(generations, part), part["answered"].tolist(), strict=True):
                (results if answered else errors).write(line + b"\n")
        yield MergeProgress(start + len(chosen), len(choices))


def _cuts(lengths: NDArray[Any]) -> Numbers:
    """Return where to cut lines so that no part but a single line is much larger than a block."""
    blocks = np.cumsum(lengths, dtype=np.int64) // _BLOCK_BYTES
    cuts: Numbers = np.flatnonzero(blocks[1:] != blocks[:-1]) + 1
    return cuts


def _read(generations: Sequence[RowIndex], lines: Records) -> list[bytes]:
    """Return lines in the order asked for, read in the order in which they lie in their files."""
    found = [b""] * len(lines)
    order = np.lexsort((lines["offset"], lines["source"], lines["generation"]))
    wanted = lines[order][["generation", "source", "offset", "length"]].tolist()
    for place, (generation, source, offset, length) in zip(order.tolist(), wanted, strict=True):
        found[place] = generations[generation].line(source, offset, length)
    return found
