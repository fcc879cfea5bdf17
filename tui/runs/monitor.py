"""Watching jobs: one poll in flight, only of what is not finished, and a local fault never rewrites what is known."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Final

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Job, JobQuery
from tui.ark.paging import MAX_PAGE_SIZE
from tui.errors import ServiceError
from tui.runs.events import JobFinished, JobGone, JobSampled, PollFailed
from tui.runs.forecast import WINDOW, forecast
from tui.runs.run import Sample
from tui.runs.services import Services

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
            pause = min(_LONGEST_WAIT, wait * 2**failures)
            yield PollFailed(error, since=answered, next_in=pause)
        else:
            answered, failures = services.clock.now(), 0
            for found in polled:
                if isinstance(found, JobGone):
                    del projects[found.job_id]
                    yield found
                    continue
                yield _sampled(found, services)
                if found.phase.finished:
                    del projects[found.id]
                    yield JobFinished(found)
            pause = wait = min(_LONGEST_WAIT, wait * _GROWTH)
        if projects:
            await services.clock.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311  # spreads pollers, guards nothing


async def _projects(job_ids: Sequence[str], services: Services) -> dict[str, str]:
    return {job_id: (await services.ark.get_job(job_id)).project for job_id in job_ids}


async def _poll(projects: dict[str, str], services: Services) -> AsyncIterator[Job | JobGone]:
    by_project = defaultdict[str, list[str]](list)
    for job_id, project in projects.items():
        by_project[project].append(job_id)
    for project, ids in by_project.items():
        for some in _chunks(ids):
            page = await services.ark.list_jobs(JobQuery(project=project, ids=some))
            listed = {job.id: job for job in page.items}
            for job_id in some:
                yield listed.get(job_id) or await _look_up(job_id, services)


async def _look_up(job_id: str, services: Services) -> Job | JobGone:
    try:
        return await services.ark.get_job(job_id)
    except ArkNotFoundError as error:
        return JobGone(job_id, error)


def _chunks(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    remaining = iter(ids)
    while some := tuple(islice(remaining, MAX_PAGE_SIZE)):
        yield some


def _sampled(job: Job, services: Services) -> JobSampled:
    now = services.clock.now()
    counts = job.counts
    services.journal.sample(job.id, Sample(now, str(job.phase), counts.total, counts.completed, counts.failed))
    return JobSampled(job, forecast(services.journal.samples(job.id, since=now - WINDOW), now=now, expires=job.expires))
