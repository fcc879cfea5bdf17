"""What a job's sampled counters promise: rate, time left, and whether it will be done before it expires."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tui.ark.models import Phase

if TYPE_CHECKING:
    from tui.runs.run import Sample

WINDOW: Final = timedelta(minutes=10)
"""How far back samples count."""

_LEAST_SECONDS: Final = 5.0
"""A rate of less says nothing: jobs begin slowly."""


class Forecast(msgspec.Struct, frozen=True):
    """Rate and time left, as far as the samples tell.

    Attributes:
        rate: requests per second over the last minutes; None before two samples differ.
        seconds_left: until all are processed at that rate; None while unknown.
        late: at that rate the job expires first.
        idle_since: when the counters of a running job moved last, as far as anybody looked; None for other jobs, and
            when nothing is left to do.
    """

    rate: float | None = None
    seconds_left: float | None = None
    late: bool = False
    idle_since: datetime | None = None


def forecast(samples: Sequence[Sample], *, now: datetime, expires: datetime | None = None) -> Forecast:
    """Judge a job by its samples (oldest first, one for each change): how `completed` rose in the last ten minutes.

    Args:
        samples: the last of them is what the counters say now.
        now: when they were looked at.
        expires: of the job.
    """
    if not samples:
        return Forecast()
    first = next((sample for sample in samples if now - sample.at <= WINDOW), samples[-1])
    last = samples[-1]
    left = max(0, last.total - last.completed)
    idle_since = last.at if left and last.phase == Phase.RUNNING else None
    seconds = (now - first.at).total_seconds()
    done = last.completed - first.completed
    if seconds < _LEAST_SECONDS or done <= 0:
        return Forecast(idle_since=idle_since)
    rate = done / seconds
    seconds_left = left / rate
    late = expires is not None and now + timedelta(seconds=seconds_left) > expires
    return Forecast(rate, seconds_left, late=late, idle_since=idle_since)
