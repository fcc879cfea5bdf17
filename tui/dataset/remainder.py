"""What is left of a job's requests, as a new input: the lines that were sent, in their order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Final

import numpy as np

from tui.dataset.error_codes import will_fail_again
from tui.dataset.reply import Fate
from tui.dataset.request_change import Change, changed
from tui.dataset.scan import INPUT
from tui.errors import UsageError
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.dataset.join import Flags
    from tui.dataset.results import Account
    from tui.dataset.row_index import RowIndex
    from tui.dataset.scan import Records

_BLOCK_ROWS: Final = 64 * 1024
_CODE: Final = "code="


class Reason(StrEnum):
    """Why a request is left."""

    FAILED = "failed"
    MISSING = "missing"
    TRUNCATED = "truncated"
    REFUSED = "refused"
    EMPTY = "empty"

    @property
    def fate(self) -> Fate:
        """What became of such a request."""
        return Fate[self.name]


@dataclass(frozen=True)
class Only:
    """Which requests are left: those with any of the reasons, and those that failed with any of the codes."""

    reasons: frozenset[Reason] = frozenset([Reason.FAILED, Reason.MISSING])
    codes: frozenset[str] = frozenset()

    def may_be_left(self, account: Account) -> bool:
        """Whether any such request can be left, given the account."""
        return any(getattr(account, reason) for reason in self.reasons) or bool(self.codes and account.failed)


def parse_only(words: Sequence[str]) -> Only:
    """Return what `failed`, `missing`, `truncated`, `refused`, `empty`, `code=X` ask for; no word is the usual.

    Raises:
        UsageError: a word is none of these.
    """
    if not words:
        return Only()
    reasons, codes = set(), set()
    for word in words:
        if word.startswith(_CODE):
            codes.add(word.removeprefix(_CODE))
        elif word in list(Reason):
            reasons.add(Reason(word))
        else:
            raise UsageError(
                _("not a reason to send a request again: {word}", word=clean(word, strict=True)),
                advice=_("Known are {reasons} and code=X.", reasons=", ".join(Reason)),
            )
    return Only(frozenset(reasons), frozenset(codes))


@dataclass(frozen=True)
class Remainder:
    """How many requests are left, and why.

    Attributes:
        requests: different ones.
        reasons: requests by each reason that was asked for; one that is cut short and empty counts under both.
        codes: those that failed, by error code, most frequent first; empty where the rows have none.
    """

    requests: int
    reasons: Mapping[Reason, int]
    codes: Mapping[str, int]

    @property
    def lasting(self) -> Mapping[str, int]:
        """Of `codes`, those with which the same request is certain to fail again."""
        return {code: count for code, count in self.codes.items() if will_fail_again(code)}


@dataclass(frozen=True)
class Written:
    """A remainder's file: its bytes and what they are known by."""

    size: int
    sha256: str


@dataclass(frozen=True)
class WriteProgress:
    """Requests that were looked at, of all."""

    done: int
    total: int


def remainder_of(index: RowIndex, only: Only) -> Remainder:
    """Count what is left; only the index is read."""
    reasons, kinds = Counter[Reason](), Counter[int]()
    total = 0
    choose = _Chooser(index, only)
    for rows in _blocks(index):
        chosen = rows[choose(rows)]
        total += len(chosen)
        failed = (chosen["fate"] & Fate.FAILED) != 0
        for reason in Reason:
            reasons[reason] += int(np.count_nonzero(chosen["fate"] & reason.fate))
        numbers, counts = np.unique(chosen["kind"][failed], return_counts=True)
        kinds.update(dict(zip(numbers.tolist(), counts.tolist(), strict=True)))
    codes = Counter[str]()
    for kind, count in kinds.items():
        codes[index.errors[kind][0]] += count
    asked = only.reasons | ({Reason.FAILED} if only.codes else set())
    return Remainder(
        total,
        {reason: reasons[reason] for reason in Reason if reason in asked},
        dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
    )


def write_remainder(
    index: RowIndex, only: Only, changes: Sequence[Change], file: IO[bytes]
) -> Iterator[WriteProgress | Written]:
    """Write the lines of what is left, as they were sent but for the changes; Written comes last.

    Raises:
        UnchangeableError: a change has no place in one of them.
        FileMissingError, IndexUnusableError: the input is not where it was, or has changed.
    """
    sha256, size, done = hashlib.sha256(), 0, 0
    choose = _Chooser(index, only)
    for rows in _blocks(index):
        for offset, length in rows[choose(rows)][["offset", "length"]].tolist():
            line = changed(index.line(INPUT, offset, length), changes) + b"\n"
            file.write(line)
            sha256.update(line)
            size += len(line)
        done += len(rows)
        yield WriteProgress(done, len(index))
    yield Written(size, sha256.hexdigest())


class _Chooser:
    """Tells which of an index's rows are selected."""

    def __init__(self, index: RowIndex, only: Only) -> None:
        self._fates = Fate(0)
        for reason in only.reasons:
            self._fates |= reason.fate
        self._kinds = [kind for kind, (code, _template) in enumerate(index.errors) if code in only.codes]

    def __call__(self, rows: Records) -> Flags:
        failed = (rows["fate"] & Fate.FAILED) != 0
        chosen: Flags = ((rows["fate"] & self._fates) != 0) | (failed & np.isin(rows["kind"], self._kinds))
        return chosen


def _blocks(index: RowIndex) -> Iterator[Records]:
    rows = index.map_rows()
    for start in range(0, len(rows), _BLOCK_ROWS):
        yield rows[start : start + _BLOCK_ROWS]
        index.unload()
