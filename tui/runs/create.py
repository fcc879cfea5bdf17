"""The step that costs money: create the job exactly once, whatever happens to the reply."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from functools import partial
from typing import Final

from tui.ark.errors import ActiveJobError, ArkError, ArkNotFoundError
from tui.ark.models import (
    CustomModelRef,
    FoundationModelRef,
    Job,
    JobQuery,
    Location,
    ModelReference,
    NewJob,
    Phase,
)
from tui.ark.replies import Receipt
from tui.errors import ArkdeckError, ServiceError, UsageError
from tui.i18n import _
from tui.runs.events import CreateRetried, Event, JobCreated
from tui.runs.journal import Journal
from tui.runs.plan import Plan
from tui.runs.run import Run, RunState
from tui.runs.services import Services

OUR_TAGS: Final = "arkdeck:"
"""How the keys of the tags begin that arkdeck gives to jobs."""

RUN_TAG: Final = f"{OUR_TAGS}run"
"""The job of a run carries the run's id under this key, by which a lost create is found again."""

_TRIES: Final = 3
_WAIT_SECONDS: Final = 2.0
_CLOCKS_APART: Final = timedelta(minutes=15)  # what the service tolerates between its clock and ours


class JobBrokeOffError(UsageError):
    """The same content has a job that stopped half way; going on with it is cheaper than starting over."""


async def create(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Create the job, unless this content already has one: then attach to it."""
    earlier = await job_of_earlier_run(run.plan, run.object_key, services, but=run.id)
    if earlier is not None:
        yield await _attach(run, earlier.id, services)
        return
    await services.journal.write_apart(Journal.advance, run.id, RunState.CREATING)
    async with aclosing(_send(run, services)) as events:
        async for event in events:
            yield event


async def find_or_create(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Go on after a create whose reply nobody saw: look for its job before anything is sent again."""
    found = await _find(run, services)
    if found is not None:
        yield await _attach(run, found.id, services)
        return
    async with aclosing(_send(run, services)) as events:
        async for event in events:
            yield event


async def _send(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    wanted = new_job(run.plan, run.id, run.object_key)
    try:
        async with aclosing(create_once(wanted, partial(_find, run, services), services)) as events:
            async for event in events:
                match event:
                    case CreateRetried():
                        yield event
                    case Job():
                        yield await _attach(run, event.id, services)
                    case Receipt(job_id=job_id, request_id=request_id):
                        await services.journal.write_apart(Journal.created, run.id, job_id, request_id)
                        made = await _described(job_id, services, unless=ArkError) or _as_planned(run, job_id)
                        yield JobCreated(made, found=False, differences={})
    except ActiveJobError as error:
        yield await _attach(run, error.job_id, services)


async def create_once(
    wanted: NewJob, find: Callable[[], Awaitable[Job | None]], services: Services
) -> AsyncGenerator[CreateRetried | Receipt | Job, None]:
    """Create one job though replies are lost: ends with the receipt of its creation, or with the job found again.

    Args:
        wanted: what to create.
        find: looks for the job, after a create whose reply did not come.
        services: the client, and the clock by which a create has time to show before the job is looked for.

    Raises:
        ActiveJobError: a job on the same input is still active.
        ArkError: with `maybe_applied`, the job may exist all the same.
    """
    doubtful = False
    for left in reversed(range(_TRIES)):
        try:
            receipt = await services.ark.create_job(wanted)
        except ActiveJobError:
            raise
        except ArkError as error:
            if not (error.maybe_applied or doubtful):
                raise
            again = error.maybe_applied and left
            error.maybe_applied = doubtful = True
            await services.clock.sleep(_WAIT_SECONDS)
            found = await _found_after(find)
            if found is not None:
                yield found
                return
            if not again:
                raise
            yield CreateRetried(error)
        else:
            yield receipt
            return


async def _found_after(find: Callable[[], Awaitable[Job | None]]) -> Job | None:
    try:
        return await find()
    except ArkError as error:
        error.maybe_applied = True  # what became of the create is still unknown
        raise


def new_job(plan: Plan, run_id: str, object_key: str) -> NewJob:
    """Return the create call's content for a plan."""
    return NewJob(
        name=plan.job_name,
        description=plan.description,
        project=plan.project,
        model=_model(plan),
        input=Location(plan.bucket, object_key),
        output=Location(plan.bucket, plan.output_prefix),
        window_days=plan.window_days,
        tags={**plan.tags, RUN_TAG: run_id},
    )


def _model(plan: Plan) -> ModelReference:
    return CustomModelRef(plan.custom_model) if plan.custom_model else FoundationModelRef(plan.model, plan.version)


async def job_of_earlier_run(plan: Plan, object_key: str, services: Services, *, but: str = "") -> Job | None:
    """Return the job that an earlier run made of this very object, if the service still has it.

    Raises:
        JobBrokeOffError: it stopped half way, so that a new one would pay again for what it has done.
    """
    job_id = services.journal.earlier_job(plan, object_key, but=but)
    if not job_id:
        return None
    try:
        job = await services.ark.get_job(job_id)
    except ArkNotFoundError:
        return None
    if job.phase in (Phase.TERMINATED, Phase.FAILED):
        if job.counts.completed:
            raise JobBrokeOffError(
                _(
                    "job {job} on the same content ended as {phase} after {done:,} of {total:,} requests",
                    job=job.id,
                    phase=job.phase,
                    done=job.counts.completed,
                    total=job.counts.total,
                ),
                advice=_(
                    "Send the rest:  arkdeck resume {job}\nTake what is there:  arkdeck collect {job}\n"
                    "Pay for all of it again:  the same with --again, or as a second job",
                    job=job.id,
                ),
            )
        return None
    return job


async def _find(run: Run, services: Services) -> Job | None:
    """The job that carries this run's tag, or one on this run's object that is no older than the run."""
    project = run.plan.project
    tagged = await job_with_tag(RUN_TAG, run.id, project, services)
    if tagged is not None:
        return tagged
    async for job in services.ark.all_jobs(JobQuery(project=project)):  # newest first
        if job.created is not None and job.created < run.created - _CLOCKS_APART:
            break
        if (job.input.bucket, job.input.key) == (run.plan.bucket, run.object_key):
            return job
    return None


async def job_with_tag(key: str, value: str, project: str, services: Services) -> Job | None:
    """Return the project's newest job with the tag, None when there is none."""
    async with aclosing(services.ark.all_jobs(JobQuery(project=project, tags={key: (value,)}))) as jobs:
        async for job in jobs:
            if job.tags.get(key) == value:
                return job
    return None


async def _attach(run: Run, job_id: str, services: Services) -> JobCreated:
    await services.journal.write_apart(Journal.advance, run.id, RunState.CREATED, detail=job_id, job_id=job_id)
    job = await _described(job_id, services, unless=ArkError)
    differences = _differences(run, job) if job is not None else {}
    return JobCreated(job or _as_planned(run, job_id), found=True, differences=differences)


async def made_job(run: Run, job_id: str, services: Services) -> Job:
    """Return the job of a run as the service describes it, or during an outage as it was planned: its id is to be told.

    Raises:
        ArkError: the service refuses to tell.
    """
    return await _described(job_id, services, unless=ServiceError) or _as_planned(run, job_id)


async def _described(job_id: str, services: Services, *, unless: type[ArkdeckError]) -> Job | None:
    """Return the job as the service describes it; None where it does not, for a reason of the kind `unless`."""
    try:
        return await services.ark.get_job(job_id)
    except unless:
        return None


def _as_planned(run: Run, job_id: str) -> Job:
    return Job(id=job_id, name=run.plan.job_name, project=run.plan.project)


def _differences(run: Run, job: Job) -> Mapping[str, tuple[str, str]]:
    """What the job found has otherwise than planned: field → (planned, found)."""
    plan = run.plan
    pairs = {
        "name": (plan.job_name, job.name),
        "description": (plan.description, job.description),
        "model": (str(_model(plan)), str(job.model)),
        "window": (f"{plan.window_days}d", f"{job.window_days}d"),
        "output": (plan.output_prefix, job.output.key),
    }
    return {field: pair for field, pair in pairs.items() if pair[0] != pair[1]}
