"""Watching jobs: one poll in flight, only of what is not finished, and a local fault never rewrites what is known."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Job, JobQuery
from tui.ark.paging import MAX_PAGE_SIZE
from tui.backoff import backoff
from tui.errors import ServiceError
from tui.runs.events import JobFinished, JobGone, JobSampled, PollFailed
from tui.runs.forecast import WINDOW, Forecast, forecast
from tui.runs.journal import Journal
from tui.runs.run import Sample
from tui.runs.services import Services

T = TypeVar("T")

_FIRST_WAIT_LOOPBACK: Final = 0.2
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_GROWTH: Final = 1.5

WatchEvent = JobSampled | JobFinished | JobGone | PollFailed


async def watch(job_ids: Sequence[str], services: Services, *, project: str = "") -> AsyncGenerator[WatchEvent, None]:
    """Follow jobs until every one is finished, polling from 0.2 s (loopback) or 1 s, ever slower up to 30 s.

    Failing polls are told and repeated for as long as it takes: the jobs go on without us.

    Args:
        job_ids: what to follow.
        services: the signing client and the journal, which keeps the samples.
        project: where the jobs are; looked up by id when empty.
    Raises:
        UsageError: a job does not exist.
        AccessError: the credentials are refused.
    """
    projects = dict.fromkeys(job_ids, project) if project else await _projects(job_ids, services)
    wait = _FIRST_WAIT_LOOPBACK if services.ark.on_loopback else _FIRST_WAIT
    answered, failures = services.clock.now(), 0
    while projects:
        try:
            polled = [found async for found in _poll(projects, services)]
        except ServiceError as error:
            failures += 1
            pause = backoff(2 * wait, failures, longest=_LONGEST_WAIT)
            yield PollFailed(error, since=answered, next_in=pause)
        else:
            answered, failures = services.clock.now(), 0
            seen = [(found, answered) for found in polled if isinstance(found, Job)]
            forecasts = await services.journal.apart(partial(sample, seen), needed=True)
            for found in polled:
                if isinstance(found, JobGone):
                    del projects[found.job_id]
                    yield found
                    continue
                yield JobSampled(found, forecasts[found.id])
                if found.phase.finished:
                    del projects[found.id]
                    yield JobFinished(found)
            pause = wait = min(_LONGEST_WAIT, wait * _GROWTH)
        if projects:
            await services.clock.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311  # spreads pollers, guards nothing


async def _projects(job_ids: Sequence[str], services: Services) -> dict[str, str]:
    return {job_id: (await services.ark.get_job(job_id)).project for job_id in job_ids}


async def _poll(projects: Mapping[str, str], services: Services) -> AsyncIterator[Job | JobGone]:
    by_project = defaultdict[str, list[str]](list)
    for job_id, project in projects.items():
        by_project[project].append(job_id)
    for project, ids in by_project.items():
        async for found in ask_after(ids, services, project=project):
            yield found


async def ask_after(job_ids: Sequence[str], services: Services, *, project: str) -> AsyncGenerator[Job | JobGone, None]:
    """Yield what the service says of each job of a project, a hundred to a call; what is not listed is looked up."""
    for some in chunks(job_ids, MAX_PAGE_SIZE):
        listed = {job.id: job async for job in services.ark.all_jobs(JobQuery(project=project, ids=some))}
        for job_id in some:
            yield listed.get(job_id) or await _look_up(job_id, services)


async def _look_up(job_id: str, services: Services) -> Job | JobGone:
    try:
        return await services.ark.get_job(job_id)
    except ArkNotFoundError as error:
        return JobGone(job_id, error)


def chunks(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield the items in tuples of `size`; the last may be shorter."""
    remaining = iter(items)
    while some := tuple(islice(remaining, size)):
        yield some


def sample(seen: Iterable[tuple[Job, datetime]], journal: Journal) -> dict[str, Forecast]:
    """Keep what the counters of jobs said, and when, in the journal; return by id what they promise (JournalError)."""
    jobs = {job.id: (job, at) for job, at in seen}
    journal.sample_all({job_id: _sample(job, at) for job_id, (job, at) in jobs.items()})
    return {job_id: forecast_of(job, at, journal) for job_id, (job, at) in jobs.items()}


def forecast_of(job: Job, seen: datetime, journal: Journal) -> Forecast:
    """Return what a job promises by its samples and by what it said when it was `seen` (JournalError)."""
    if not job.counts.total:
        return Forecast()
    samples = journal.samples(job.id, since=seen - WINDOW)
    said = _sample(job, seen)
    if not samples or replace(samples[-1], at=seen) != said:
        samples.append(said)
    return forecast(samples, now=seen, expires=job.expires)


def _sample(job: Job, at: datetime) -> Sample:
    return Sample(at, str(job.phase), job.counts.total, job.counts.completed, job.counts.failed)
