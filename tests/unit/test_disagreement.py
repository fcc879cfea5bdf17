"""Where the service's counters and the files differ, the number that differs is named."""

from __future__ import annotations

import pytest

from tui.ark.models import Counts
from tui.dataset.results import Account, Tokens
from tui.runs.disagreement import Disagreement, disagreements


def account(ok: int, failed: int, missing: int) -> Account:
    return Account(ok + failed + missing, ok, failed, missing, 0, 0, 0, 0, 0, Tokens(), ())


@pytest.mark.parametrize("completed", [9, 10])
def test_completed_may_include_failures_or_not(completed: int):
    assert disagreements(Counts(total=11, completed=completed, failed=1), account(9, 1, 1)) == []


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ((12, 10, 0), [("requests", 12, 10), ("failed", 0, 1)]),
        ((10, 9, 0), [("failed", 0, 1)]),
        ((10, 8, 1), [("completed", 8, 9)]),
        ((0, 0, 0), [("requests", 0, 10), ("completed", 0, 9), ("failed", 0, 1)]),
    ],
)
def test_each_number_that_differs_is_named(counts: tuple[int, int, int], found: list[tuple[str, int, int]]):
    assert disagreements(Counts(*counts), account(9, 1, 0)) == [Disagreement(*values) for values in found]
