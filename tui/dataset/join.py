"""Requests and replies brought together by id: which reply counts for each request, and what is left over.

The records lie on disk (`SortedRuns`), and one range of ids after the other is joined in memory: a hundred million
requests take no more of it than a million.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tui.dataset.reply import Fate
from tui.dataset.scan import REPLY, REQUEST, Kinds, Records, Scanned, error_kinds, number_error, reason_kinds
from tui.dataset.scratch import SortedRuns, ranges

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack
    from pathlib import Path

    from tui.dataset.scan import Error, Reasons

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Column = NDArray[Any]

ROW: Final = np.dtype(
    [
        ("offset", "<u8"),
        ("reply_offset", "<u8"),
        ("length", "<u4"),
        ("reply_length", "<u4"),
        ("source", "<u2"),
        ("kind", "<u2"),
        ("fate", "<u4"),
    ]
)
"""A request and the reply that counts for it; `source` is 0 for one that is missing."""

PLACE: Final = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("offset", "<u8")])
"""An id's digest, and the offset of its request in the input."""

_RECORDS: Final = 400_000  # in memory at a time
_NONE: Final = np.iinfo(np.int64).max


class Tally:
    """What the replies that count add up to.

    Attributes:
        fates: requests by each fate.
        reasons: answers by finish reason; one with several counts under each.
        errors: failed requests by error.
        samples: of each error, the failed request that comes first in the input: as a ROW.
        tokens: prompt, completion, cached and reasoning tokens of the answers.
        requests, unexpected, duplicate: as in an account.
    """

    def __init__(self) -> None:
        self.requests = self.unexpected = self.duplicate = 0
        self.fates: Counter[Fate] = Counter()
        self.reasons: Counter[int] = Counter()
        self.errors: Counter[int] = Counter()
        self.samples: dict[int, Records] = {}
        self.tokens = np.zeros(4, np.uint64)

    def add(self, rows: Records, tokens: Column) -> None:
        """Take requests with the reply that counts for each, and the tokens of these replies."""
        self.requests += len(rows)
        fates = rows["fate"]
        for fate in Fate:
            self.fates[fate] += int(np.count_nonzero(fates & fate))
        answered, failed = (fates & Fate.OK) != 0, rows[(fates & Fate.FAILED) != 0]
        self.tokens += tokens[answered].sum(axis=0, dtype=np.uint64)
        self.reasons.update(_counted(rows["kind"][answered]))
        self.errors.update(_counted(failed["kind"]))
        kinds, firsts = np.unique(failed["kind"], return_index=True)  # rows come in the order of the input
        for kind, row in zip(kinds.tolist(), failed[firsts], strict=True):
            if kind not in self.samples or row["offset"] < self.samples[kind]["offset"]:
                self.samples[kind] = row.copy()


def _counted(kinds: Column) -> dict[int, int]:
    found, counts = np.unique(kinds, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


class Join:
    """Takes what the parts of a job's files hold, and joins it.

    Args:
        folder: on whose file system records wait for their turn.
        input_bytes: size of the input.
        current: how many result and error files are the newest; the sources behind them are superseded.
        open_files: closes what is opened here.
    """

    def __init__(self, folder: Path, input_bytes: int, current: int, open_files: ExitStack) -> None:
        self._requests = open_files.enter_context(SortedRuns(folder, REQUEST, "hi", 2**64))
        self._replies = open_files.enter_context(SortedRuns(folder, REPLY, "hi", 2**64))
        self._rows = open_files.enter_context(SortedRuns(folder, ROW, "offset", max(input_bytes, 1)))
        self._current = current
        self.reasons: Kinds[Reasons] = reason_kinds()
        self.errors: Kinds[Error] = error_kinds()
        self.tally = Tally()

    def add_requests(self, part: Scanned) -> None:
        """Take a part of the input; parts come in its order."""
        self._requests.add(part.records)

    def add_replies(self, part: Scanned) -> None:
        """Take a part of the replies; parts come in the order of their sources, and in each file's order."""
        records = part.records.copy()
        reasons = np.array([self.reasons.number(reasons) for reasons in part.reasons], np.uint16)
        errors = np.array([number_error(self.errors, error) for error in part.errors], np.uint16)
        failed = records["fate"] == Fate.FAILED
        records["kind"][failed] = errors[records["kind"][failed]]
        records["kind"][~failed] = reasons[records["kind"][~failed]]
        self._replies.add(records)

    def places(self) -> Iterator[Records]:
        """Join everything, and yield a PLACE for each request, sorted by digest."""
        for first, last in ranges(self._requests.sizes + self._replies.sizes, _RECORDS):
            yield self._joined(self._requests.read(first, last), self._replies.read(first, last))

    def rows(self) -> Iterator[Records]:
        """Yield a ROW for each request, in the order of the input, once all places were yielded."""
        for first, last in ranges(self._rows.sizes, _RECORDS):
            rows = self._rows.read(first, last)
            yield rows.take(np.argsort(rows["offset"]))

    def _joined(self, requests: Records, replies: Records) -> Records:
        count = len(requests)
        hi = np.concatenate([requests["hi"], replies["hi"]])
        lo = np.concatenate([requests["lo"], replies["lo"]])
        order, starts = _grouped(hi, lo)
        known = order[starts] < count
        self._count_extras(order, starts, known, count, replies["source"])
        asked = requests.take(order[starts[known]])
        counting = _counting(order, starts, count, replies["fate"])[known]
        self._keep_rows(asked, replies, counting)
        places = np.empty(len(asked), PLACE)
        for name in PLACE.fields or ():
            places[name] = asked[name]
        return places

    def _count_extras(self, order: Numbers, starts: Numbers, known: Flags, count: int, sources: Column) -> None:
        """Count the rows of the newest files that belong to no request, or are not the first of theirs."""
        current = np.zeros(len(order), np.int64)
        is_reply = order >= count
        current[is_reply] = sources[order[is_reply] - count] <= self._current
        rows = np.add.reduceat(current, starts)
        self.tally.unexpected += int(rows[~known].sum())
        self.tally.duplicate += int(np.maximum(rows[known] - 1, 0).sum())

    def _keep_rows(self, asked: Records, replies: Records, counting: Numbers) -> None:
        rows = np.zeros(len(asked), ROW)
        tokens = np.zeros((len(asked), 4), np.uint32)
        rows["offset"], rows["length"], rows["fate"] = asked["offset"], asked["length"], Fate.MISSING
        has_reply = counting >= 0
        taken = replies.take(counting[has_reply])
        rows["reply_offset"][has_reply], rows["reply_length"][has_reply] = taken["offset"], taken["length"]
        for name in ("source", "kind", "fate"):
            rows[name][has_reply] = taken[name]
        tokens[has_reply] = taken["tokens"]
        by_offset = np.argsort(rows["offset"])
        rows = rows.take(by_offset)
        self._rows.add(rows)
        self.tally.add(rows, tokens.take(by_offset, axis=0))


def _grouped(hi: Column, lo: Column) -> tuple[Numbers, Numbers]:
    """Return the order that brings equal digests together, and where in it each of them begins.

    It is stable: of one id, its requests come first, then its replies as they rank.
    """
    order = np.argsort(hi, kind="stable")  # runs that are sorted already are only merged
    starts_hi = _differs(hi[order])
    first = starts_hi | _differs(lo[order])
    if np.array_equal(first, starts_hi):
        return order, np.flatnonzero(first)
    order = np.lexsort((lo, hi))  # half of a digest stands for two ids, which hardly ever is
    return order, np.flatnonzero(_differs(hi[order]) | _differs(lo[order]))


def _differs(values: Column) -> Flags:
    """Return where a value is not the one before it."""
    return np.concatenate([[True], values[1:] != values[:-1]])


def _counting(order: Numbers, starts: Numbers, count: int, fates: Column) -> Numbers:
    """Return for each id the number of the reply that counts: the first answer, else the first failure, else -1."""
    is_reply = order >= count
    is_answer = np.zeros(len(order), bool)
    is_answer[is_reply] = (fates[order[is_reply] - count] & Fate.OK) != 0
    positions = np.arange(len(order))
    answers = np.minimum.reduceat(np.where(is_answer, positions, _NONE), starts)
    any_reply = np.minimum.reduceat(np.where(is_reply, positions, _NONE), starts)
    chosen = np.minimum(np.where(answers < _NONE, answers, any_reply), len(order))
    return np.append(order, count - 1)[chosen] - count
