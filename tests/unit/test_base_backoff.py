"""The wait between tries."""

from __future__ import annotations

import pytest

from tui.backoff import backoff


@pytest.mark.parametrize(("failures", "seconds"), [(1, 2), (2, 4), (4, 16), (5, 30), (100_000, 30)])
def test_the_wait_is_doubled_up_to_its_limit(failures: int, seconds: float) -> None:
    assert backoff(2.0, failures, longest=30.0) == seconds
