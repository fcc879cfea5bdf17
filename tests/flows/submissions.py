"""Submissions by the flows themselves, without the command."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tui.ark.models import Job
from tui.dataset.check import CheckSummary, check_file
from tui.localcloud import LocalCloud
from tui.runs import course
from tui.runs.events import JobCreated, JobFinished
from tui.runs.monitor import watch
from tui.runs.plan import Plan
from tui.runs.services import Services


def plan_for(path: Path, services: Services, cloud: LocalCloud, **changes: object) -> Plan:
    plan = Plan(
        verb="submit",
        input=str(path),
        profile="",
        service=services.service,
        bucket=cloud.info.bucket,
        project="default",
        input_prefix="in/",
        output_prefix="out/",
        model="doubao-pro-32k",
        version="240615",
        folder=str(path.parent),
    )
    return msgspec.structs.replace(plan, **changes)


async def finished_job(services: Services, cloud: LocalCloud, path: Path) -> Job:
    """The job of a file, when it is completed."""
    plan = plan_for(path, services, cloud)
    created = [event async for event in course.begin(plan, services) if isinstance(event, JobCreated)]
    return await when_finished(created[-1].job.id, services)


async def when_finished(job_id: str, services: Services) -> Job:
    """The job as it is when it has ended."""
    async for event in watch([job_id], services, project="default"):
        if isinstance(event, JobFinished):
            return event.job
    raise AssertionError("it never ended")


def summary_of(path: Path) -> CheckSummary:
    *_, summary = check_file(path)
    assert isinstance(summary, CheckSummary)
    return summary
