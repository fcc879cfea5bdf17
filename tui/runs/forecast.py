"""What a job's sampled counters promise: rate, time left, and whether it will be done before it expires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tui.runs.run import Sample

WINDOW: Final = timedelta(minutes=10)
"""How far back samples count."""


@dataclass(frozen=True)
class Forecast:
    """Rate and time left, as far as the samples tell.

    Attributes:
        rate: requests per second over the last minutes; None before two samples differ.
        seconds_left: until all are processed at that rate; None while unknown.
        late: at that rate the job expires first.
    """

    rate: float | None = None
    seconds_left: float | None = None
    late: bool = False


def forecast(samples: Sequence[Sample], *, now: datetime, expires: datetime | None = None) -> Forecast:
    """Judge a job by its samples (oldest first): the slope of `completed` over the last ten minutes."""
    recent = [sample for sample in samples if now - sample.at <= WINDOW] or list(samples[-1:])
    if not recent:
        return Forecast()
    first, last = recent[0], recent[-1]
    seconds = (now - first.at).total_seconds()
    done = last.completed - first.completed
    if seconds <= 0 or done <= 0:
        return Forecast()
    rate = done / seconds
    left = max(0, last.total - last.completed) / rate
    return Forecast(rate, left, late=expires is not None and now + timedelta(seconds=left) > expires)
