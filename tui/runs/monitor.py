"""Watching jobs: one poll in flight, only of what is not finished, and a local fault never rewrites what is known."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import Final

from tui.ark.models import Job, JobQuery
from tui.ark.paging import MAX_PAGE_SIZE
from tui.errors import ServiceError
from tui.runs.events import JobFinished, JobSampled, PollFailed
from tui.runs.forecast import forecast
from tui.runs.run import Sample
from tui.runs.services import Services

_FIRST_WAIT_LOOPBACK: Final = 0.2
_FIRST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 30.0
_GROWTH: Final = 1.5

WatchEvent = JobSampled | JobFinished | PollFailed


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
    answered = services.clock.now()
    while projects:
        try:
            jobs = [job async for job in _poll(projects, services)]
        except ServiceError as error:
            wait = min(_LONGEST_WAIT, wait * 2)
            yield PollFailed(error, since=answered, next_in=wait)
        else:
            answered = services.clock.now()
            for job in jobs:
                yield _sampled(job, services)
                if job.phase.finished:
                    del projects[job.id]
                    yield JobFinished(job)
            wait = min(_LONGEST_WAIT, wait * _GROWTH)
        if projects:
            await services.clock.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311  # spreads pollers, guards nothing


async def _projects(job_ids: Sequence[str], services: Services) -> dict[str, str]:
    return {job_id: (await services.ark.get_job(job_id)).project for job_id in job_ids}


async def _poll(projects: dict[str, str], services: Services) -> AsyncIterator[Job]:
    by_project = defaultdict[str, list[str]](list)
    for job_id, project in projects.items():
        by_project[project].append(job_id)
    for project, ids in by_project.items():
        for some in _chunks(ids):
            page = await services.ark.list_jobs(JobQuery(project=project, ids=some))
            listed = {job.id: job for job in page.items}
            for job_id in some:
                yield listed.get(job_id) or await services.ark.get_job(job_id)


def _chunks(ids: Sequence[str]) -> Iterator[tuple[str, ...]]:
    remaining = iter(ids)
    while some := tuple(islice(remaining, MAX_PAGE_SIZE)):
        yield some


def _sampled(job: Job, services: Services) -> JobSampled:
    now = services.clock.now()
    counts = job.counts
    services.journal.sample(job.id, Sample(now, str(job.phase), counts.total, counts.completed, counts.failed))
    return JobSampled(job, forecast(services.journal.samples(job.id), now=now, expires=job.expires))
