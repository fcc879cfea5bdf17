"""What this machine knows of one job beside what the service says: how it went, how fast, and what was done to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from tui.ark.models import Job, Phase
from tui.runs.run import CREATED, Run, Sample

if TYPE_CHECKING:
    from tui.runs.journal import Journal

SPAN: Final = timedelta(hours=3)
"""How far back samples are shown."""

_WAY: Final = (Phase.QUEUED, Phase.INITIALIZING, Phase.RUNNING, Phase.COMPLETED)


@dataclass(frozen=True)
class Happening:
    """What befell a job: a step of the run that it belongs to, or something that was done to it.

    Attributes:
        what: the state of the run, or the deed.
        detail: what came of it.
        request_id: of the service's reply to a deed; empty when none came.
        error: why a deed was not done.
        maybe_applied: there is an error, and the service may have carried it out all the same.
    """

    at: datetime
    what: str
    detail: str = ""
    request_id: str = ""
    error: str = ""
    maybe_applied: bool = False


@dataclass(frozen=True)
class JobRecord:
    """What the journal holds of a job.

    Attributes:
        samples: of its counters in the last hours, oldest first.
        phases: since when it was seen in which phase, oldest first.
        run: the newest one that made it or attached to it.
        happenings: oldest first.
    """

    samples: tuple[Sample, ...] = ()
    phases: tuple[tuple[datetime, Phase], ...] = ()
    run: Run | None = None
    happenings: tuple[Happening, ...] = ()


def read_record(job: Job, journal: Journal, *, now: datetime, known: JobRecord | None = None) -> JobRecord:
    """Return what the journal holds of a job; of the samples, only those that are not `known` are read (JournalError).

    Args:
        job: as it was seen last.
        journal: of its cloud.
        now: the samples of a job that goes on reach back from here, those of a finished one from its end.
        known: an earlier record of the same job.
    """
    ended = job.phase_time if job.phase.finished else None
    since = (ended or now) - SPAN
    before = [sample for sample in known.samples if sample.at >= since] if known else []
    read_from = before[-1].at if before else since
    samples = [sample for sample in before if sample.at < read_from]
    samples += journal.samples(job.id, since=read_from)
    run = journal.run_of_job(job.id)
    steps = [Happening(*step) for step in journal.history(run.id)] if run else []
    deeds = [
        Happening(done.at, done.deed, done.detail, done.request_id, done.error, done.maybe_applied)
        for done in reversed(journal.activity(job.id))
        if done.deed != CREATED  # it is among the steps
    ]
    return JobRecord(
        samples=tuple(samples),
        phases=tuple((at, Phase(phase)) for at, phase in journal.phases(job.id)),
        run=run,
        happenings=tuple(sorted(steps + deeds, key=attrgetter("at"))),
    )


class Standing(Enum):
    """Where a step lies, seen from now."""

    PAST = "past"
    PRESENT = "present"
    FUTURE = "future"


@dataclass(frozen=True)
class Step:
    """A phase on a job's way.

    Attributes:
        at: since when; None where nobody knows.
        seen: `at` is when this machine first saw it, and not the service's word.
    """

    phase: Phase
    standing: Standing
    at: datetime | None = None
    seen: bool = False


def way_of(job: Job, phases: Sequence[tuple[datetime, Phase]]) -> list[Step]:
    """Return the phases that a job went through as far as is known, the one that it is in, and those to come.

    Args:
        job: as it was seen last.
        phases: since when it was seen in which, oldest first.
    """
    met = list(phases[:-1] if phases and phases[-1][1] == job.phase else phases)
    passed = [Step(phase, Standing.PAST, at, seen=True) for at, phase in met]
    present = Step(job.phase, Standing.PRESENT, job.phase_time)
    if present.at is None and len(met) < len(phases):
        present = Step(job.phase, Standing.PRESENT, phases[-1][0], seen=True)
    steps = [Step(phase, Standing.PAST) for phase in _before(passed[0].phase if passed else job.phase, job)]
    steps += [*passed, present]
    filled = [
        step
        for one, after in pairwise(steps)
        for step in (one, *(Step(phase, Standing.PAST) for phase in _between(one.phase, after.phase)))
    ]
    return [*filled, present, *(Step(phase, Standing.FUTURE) for phase in _after(job.phase))]


def _before(phase: Phase, job: Job) -> tuple[Phase, ...]:
    """Return what a job was in before the first phase that it was seen in."""
    if phase in _WAY:
        return _WAY[: _WAY.index(phase)]
    if phase not in (Phase.TERMINATING, Phase.TERMINATED, Phase.FAILED):
        return ()
    return _WAY[: _WAY.index(Phase.COMPLETED)] if job.counts.total else (Phase.QUEUED,)


def _between(one: Phase, after: Phase) -> tuple[Phase, ...]:
    return _WAY[_WAY.index(one) + 1 : _WAY.index(after)] if one in _WAY and after in _WAY else ()


def _after(phase: Phase) -> tuple[Phase, ...]:
    if phase == Phase.TERMINATING:
        return (Phase.TERMINATED,)
    return _WAY[_WAY.index(phase) + 1 :] if phase in _WAY else ()


def throughput(samples: Sequence[Sample], spans: int, *, until: datetime) -> list[float]:
    """Return the requests per second in each of so many equal spans from the first sample `until` a time.

    Between two samples the work is taken to go evenly; counters that were set back count as no work. The result is
    empty where there are not two samples with time between them.
    """
    start = samples[0].at if samples else until
    seconds = (until - start).total_seconds()
    if len(samples) < 2 or seconds <= 0 or spans < 1:
        return []
    points = [((sample.at - start).total_seconds(), sample.completed) for sample in samples]
    width = seconds / spans
    edges = [_completed(points, number * width) for number in range(spans + 1)]
    return [max(0.0, later - earlier) / width for earlier, later in pairwise(edges)]


def _completed(points: Sequence[tuple[float, int]], at: float) -> float:
    """Return how many requests were completed at a time, between samples by proportion."""
    for (earlier, low), (later, high) in pairwise(points):
        if at <= later:
            return low + (high - low) * (at - earlier) / (later - earlier) if later > earlier else high
    return points[-1][1]
