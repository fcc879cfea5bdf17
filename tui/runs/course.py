"""A run's course: from wherever the journal says it is, step by step, to the end that was asked for.

Every step leaves one state and writes the next before it acts on it, so killing the process at any point loses nothing:
`carry_on` reads the state again and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Job, read_job
from tui.daemon import in_daemon
from tui.errors import ArkdeckError, UsageError
from tui.fingerprint import crc64_of_file
from tui.i18n import _, plural
from tui.runs import collect, create, monitor, prepare
from tui.runs.events import Event, JobCreated, JobFinished, JobGone, Reconciled, RunBegun
from tui.runs.folder import FolderTakenError, claim, owner_of, require_writable
from tui.runs.plan import Plan
from tui.runs.run import Outcome, Run, RunState
from tui.runs.services import Services
from tui.runs.takeover import take_over
from tui.storage.errors import SourceChangedError

Step = Callable[[Run, Services], AsyncGenerator[Event, None]]

_HEARTBEAT_SECONDS: Final = 20


class OtherServiceError(UsageError):
    """The run belongs to another cloud than the profile in force."""


async def begin(plan: Plan, services: Services) -> AsyncGenerator[Event, None]:
    """Take a file to the end that `plan.verb` names, or take up an unfinished run of the same file, model and project.

    A file that has changed since is another submission.

    Raises:
        ArkdeckError: what stopped it; the journal keeps how far it came.
    """
    journal = services.journal
    known = journal.open_run_like(plan)
    if known is not None and await in_daemon(partial(_has_changed, known), name="compare"):
        known = None
    await _require_room(plan, known, services)
    if known is None:
        run = journal.plan(plan)
        yield RunBegun(run.id, taken_up=False, state=run.state)
    else:
        journal.hold(known.id)
        taken, kept = take_over(known, plan)
        run = journal.advance(known.id, known.state, plan=taken)
        yield RunBegun(run.id, taken_up=True, state=run.state, kept=kept)
    async with aclosing(_to_its_end(run, services, until_created=plan.verb == "submit")) as events:
        async for event in events:
            yield event


async def resume(run_id: str, services: Services, *, until_created: bool = False) -> AsyncGenerator[Event, None]:
    """Go on with a run of the journal, to the end that its plan names or only until its job exists.

    A run that has ended stays as it is.

    Raises:
        UnknownRunError: the journal has no such run.
        OtherServiceError: it belongs to another cloud.
    """
    run = services.journal.run(run_id)
    if run.plan.service != services.service:
        raise OtherServiceError(
            _("run {run} belongs to {its}, and the profile points at {ours}", run=run.id, its=run.plan.service,
              ours=services.service),
            advice=_("Name the profile or the endpoints that it was begun with."),
        )  # fmt: skip
    yield RunBegun(run.id, taken_up=True, state=run.state)
    async with aclosing(_to_its_end(run, services, until_created=until_created)) as events:
        async for event in events:
            yield event


async def _to_its_end(run: Run, services: Services, *, until_created: bool) -> AsyncGenerator[Event, None]:
    had_job = run.reached(RunState.CREATED)
    async with aclosing(_carry_on(run.id, services, until_created=until_created)) as events:
        async for event in events:
            if isinstance(event, RunBegun):  # the same content was on its way already, as another run
                run = services.journal.run(event.run_id)
                had_job = run.reached(RunState.CREATED)
            yield event
    if had_job and (until_created or run.plan.verb == "submit"):
        yield JobCreated(await services.ark.get_job(run.job_id), found=True, differences={})


async def _carry_on(run_id: str, services: Services, *, until_created: bool) -> AsyncGenerator[Event, None]:
    """Do one step after the other, under the run's lease."""
    journal = services.journal
    async with _lease(run_id, services) as held:
        while (run := journal.run(held[-1])).outcome is Outcome.OPEN:
            if run.state is RunState.CREATED and run.plan.verb == "submit":
                journal.end(run.id, Outcome.DONE)
                return
            if until_created and run.reached(RunState.CREATED):
                return
            try:
                async with aclosing(_STEPS[run.state](run, services)) as events:
                    async for event in events:
                        if isinstance(event, RunBegun):
                            held.append(event.run_id)
                        yield event
            except _HOPELESS.get(run.state, ()) as error:
                journal.end(run.id, Outcome.FAILED, error.message)
                raise


@asynccontextmanager
async def _lease(run_id: str, services: Services) -> AsyncIterator[list[str]]:
    """Hold a run, and those that are appended to the list, with a heartbeat; let go of all at the end."""
    held = [run_id]
    services.journal.hold(run_id)

    async def beat() -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            with suppress(ArkdeckError):  # a journal or a lease that is lost stops the next step, with its reason
                services.journal.beat(held[-1])

    heart = asyncio.create_task(beat())
    try:
        yield held
    finally:
        heart.cancel()
        for held_id in held:
            services.journal.let_go(held_id)


async def _start_watching(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    run = services.journal.advance(run.id, RunState.WATCHING)
    async with aclosing(_watch(run, services)) as events:
        async for event in events:
            yield event


async def _watch(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    async with aclosing(monitor.watch([run.job_id], services, project=run.plan.project)) as events:
        async for event in events:
            if isinstance(event, JobGone):
                raise event.cause
            yield event
            if isinstance(event, JobFinished):
                services.journal.advance(run.id, RunState.COLLECTING, detail=event.job.phase, job=event.job.raw)


async def _collect(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    try:
        job = await services.ark.get_job(run.job_id)
    except ArkNotFoundError:  # deleted since; its files may well be there
        job = _seen_finished(run)
    if not job.phase.finished:  # resumed since
        services.journal.advance(run.id, RunState.WATCHING)
        return
    async with aclosing(collect.collect(job, run.plan.results_folder(job.id), services)) as events:
        async for event in events:
            yield event
    services.journal.advance(run.id, RunState.COLLECTED, job=job.raw)


async def _reconcile(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    job = _seen_finished(run)
    async with aclosing(collect.account(job, run.plan.results_folder(job.id), services)) as events:
        async for event in events:
            yield event
            if isinstance(event, Reconciled):
                left = event.account.requests - event.account.ok
                reason = plural("{count} request is not answered", "{count} requests are not answered", left)
                services.journal.end(run.id, Outcome.DONE, reason if left else "", state=RunState.RECONCILED)


_STEPS: Final[dict[RunState, Step]] = {
    RunState.PLANNED: prepare.check,
    RunState.CHECKED: prepare.choose_place,
    RunState.UPLOADING: prepare.upload_input,
    RunState.UPLOADED: create.create,
    RunState.CREATING: create.find_or_create,
    RunState.CREATED: _start_watching,
    RunState.WATCHING: _watch,
    RunState.COLLECTING: _collect,
    RunState.COLLECTED: _reconcile,
}

_HOPELESS: Final[dict[RunState, tuple[type[ArkdeckError], ...]]] = {
    RunState.PLANNED: (ArkdeckError,),
    RunState.CHECKED: (UsageError,),
    RunState.UPLOADING: (SourceChangedError,),
    RunState.UPLOADED: (UsageError,),
    RunState.CREATING: (UsageError,),
    RunState.CREATED: (ArkNotFoundError,),
    RunState.WATCHING: (ArkNotFoundError,),
    RunState.COLLECTED: (collect.InputLostError,),
}
"""What no repetition mends: the run ends there, and the next call for the same file begins anew."""


def _has_changed(run: Run) -> bool:
    """Whether the input is not what was checked; only a file that was touched has to be read for the answer."""
    known, path = run.fingerprint, Path(run.plan.input)
    if known is None:
        return False
    try:
        stat = path.stat()
        if (stat.st_size, stat.st_mtime_ns) == (known.size, known.mtime_ns):
            return False
        return stat.st_size != known.size or crc64_of_file(path) != known.crc64
    except OSError:  # gone or unreadable: what was uploaded goes on, what was not says so itself
        return False


async def _require_room(plan: Plan, known: Run | None, services: Services) -> None:
    """Make sure, before anything is sent, that the results will have a folder of their own."""
    if plan.verb == "submit":
        return
    if not plan.out:
        require_writable(Path(plan.folder))
        return
    for other in services.journal.runs(open_only=True):
        if other.plan.out == plan.out and (known is None or other.id != known.id):
            raise FolderTakenError(
                _("{folder} is kept for the unfinished run {run}", folder=plan.out, run=other.id),
                advice=_("Go on with it:  arkdeck continue {run}\nOr choose another folder with --out.", run=other.id),
            )
    claim(Path(plan.out), known.job_id if known else await job_of_same_call(plan, services))


async def job_of_same_call(plan: Plan, services: Services) -> str:
    """Return the job whose results are in `plan.out`, if an ended run of this very submission put them there."""
    job_id = owner_of(Path(plan.out)) or ""
    run = services.journal.run_of_job(job_id) if job_id else None
    if run is None or plan.nonce or (run.plan.target, run.plan.input) != (plan.target, plan.input):
        return ""
    changed = run.fingerprint is None or await in_daemon(partial(_has_changed, run), name="compare")
    return "" if changed else job_id


def _seen_finished(run: Run) -> Job:
    return read_job(msgspec.json.decode(run.job or b"{}", type=dict[str, object]))
