"""A run's course: from wherever the journal says it is, step by step, to the end that was asked for.

Every step leaves one state and writes the next before it acts on it, so killing the process at any point loses nothing:
`carry_on` reads the state again and goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.errors import ArkError, ArkNotFoundError
from tui.ark.models import Job, read_job
from tui.daemon import in_daemon
from tui.dataset.check import CheckSummary
from tui.errors import ArkdeckError, UsageError
from tui.fingerprint import Fingerprint, crc64_of_file
from tui.i18n import _, plural
from tui.runs import collect, create, monitor, prepare
from tui.runs.events import Event, JobCreated, JobFinished, JobGone, Reconciled, RunBegun
from tui.runs.folder import FolderTakenError, claim, owner_of, require_writable
from tui.runs.holding import held, let_go
from tui.runs.journal import Journal, RunHeldError
from tui.runs.patience import Patience
from tui.runs.plan import COLLECT, Plan
from tui.runs.run import Outcome, Run, RunState
from tui.runs.services import Services
from tui.runs.takeover import take_over
from tui.storage.errors import SourceChangedError

Step = Callable[[Run, Services], AsyncGenerator[Event, None]]

_HEARTBEAT_SECONDS: Final = 20


class OtherServiceError(UsageError):
    """The run belongs to another cloud than the profile in force."""


async def begin(plan: Plan, services: Services, *, checked: CheckSummary | None = None) -> AsyncGenerator[Event, None]:
    """Take a file to the end that `plan.verb` names, or take up an unfinished run of the same file, model and project.

    A file that has changed since is another submission.

    Args:
        plan: what is asked for.
        services: where.
        checked: what the check of this very file said just now, so that it need not be read again.

    Raises:
        ArkdeckError: what stopped it; the journal keeps how far it came.
    """
    begun = await enter(plan, services, checked=checked)
    async with aclosing(_tell_and_go_on(begun, services, until_created=plan.verb == "submit")) as events:
        async for event in events:
            yield event


async def begin_collect(
    job: Job, folder: Path, services: Services, *, profile: str = ""
) -> AsyncGenerator[Event, None]:
    """Bring a finished job's results home and account for its requests, or take up an unfinished run that does.

    Args:
        job: as the service describes it now.
        folder: absolute.
        services: where.
        profile: by whose name it is to be continued, if one was named.

    Raises:
        JobNotFinishedError: the job is still at work.
        FolderTakenError, FolderUnusableError: the results cannot go there.
        ArkdeckError: what stopped it; the journal keeps how far it came.
    """
    begun = await enter_collect(job, folder, services, profile=profile)
    async with aclosing(_tell_and_go_on(begun, services, until_created=False)) as events:
        async for event in events:
            yield event


async def resume(run_id: str, services: Services, *, until_created: bool = False) -> AsyncGenerator[Event, None]:
    """Go on with a run of the journal, to the end that its plan names or only until its job exists.

    A run that has ended stays as it is.

    Raises:
        UnknownRunError: the journal has no such run.
        OtherServiceError: it belongs to another cloud.
        RunHeldError: somebody is working on it.
    """
    begun = await take_up(run_id, services)
    async with aclosing(_tell_and_go_on(begun, services, until_created=until_created)) as events:
        async for event in events:
            yield event


async def enter(plan: Plan, services: Services, *, checked: CheckSummary | None = None) -> RunBegun:
    """Write down what `begin` is to do, as its first half; the caller holds the run then, and `go_on` does the rest."""
    known = services.journal.open_run_like(plan)
    if known is not None and await in_daemon(partial(_has_changed, known), name="compare"):
        known = None
    fingerprint = await in_daemon(partial(prepare.still_as_checked, plan, checked), name="stat") if checked else None
    await _require_room(plan, known, services)
    return await held(partial(_write_down, plan, known, fingerprint), services)


def _write_down(plan: Plan, known: Run | None, fingerprint: Fingerprint | None, journal: Journal) -> RunBegun:
    known = _hold_unfinished(known, journal)
    if known is None:
        run = journal.plan(plan)
        begun = RunBegun(run.id, taken_up=False, state=run.state)
    else:
        with _let_go_on_error(known.id, journal):
            taken, kept = take_over(known, plan)
            run = journal.advance(known.id, known.state, plan=taken)
        begun = RunBegun(run.id, taken_up=True, state=run.state, kept=kept)
    if fingerprint is None or run.state is not RunState.PLANNED:
        return begun
    with _let_go_on_error(run.id, journal):
        try:
            going_on = prepare.keep_fingerprint(run, fingerprint, journal)
        except RunHeldError:  # somebody is working on a run of the same content
            if known is None:
                journal.end(run.id, Outcome.FORGOTTEN)
            raise
    return going_on or replace(begun, state=RunState.CHECKED)


async def enter_collect(job: Job, folder: Path, services: Services, *, profile: str = "") -> RunBegun:
    """Write down what `begin_collect` is to do, as its first half; the caller holds the run then."""
    collect.require_finished(job)
    await _require_folder(folder, job.id, services)
    return await held(partial(_write_down_collect, job, _collect_plan(job, folder, services, profile)), services)


def _write_down_collect(job: Job, plan: Plan, journal: Journal) -> RunBegun:
    unfinished = [run for run in journal.collects_of(job.id) if run.outcome is Outcome.OPEN]
    known = _hold_unfinished(next((run for run in unfinished if run.plan.out == plan.out), None), journal)
    if known is None:
        run = journal.plan(plan, job_id=job.id, job=job.raw)
        return RunBegun(run.id, taken_up=False, state=run.state)
    with _let_go_on_error(known.id, journal):  # it may have been resumed since, and have more to give
        journal.advance(known.id, RunState.COLLECTING, job=job.raw)
    return RunBegun(known.id, taken_up=True, state=known.state)


def _hold_unfinished(known: Run | None, journal: Journal) -> Run | None:
    """Hold a run and return it as it is by now, None if somebody has ended it meanwhile."""
    if known is None:
        return None
    journal.hold(known.id)
    run = journal.run(known.id)
    if run.outcome is Outcome.OPEN:
        return run
    journal.let_go(run.id)
    return None


async def take_up(run_id: str, services: Services) -> RunBegun:
    """Hold a run of the journal, to `go_on` with it; raises what `resume` does."""
    run = services.journal.run(run_id)
    if run.plan.service != services.service:
        raise OtherServiceError(
            _("run {run} belongs to {its}, and the profile points at {ours}", run=run.id, its=run.plan.service,
              ours=services.service),
            advice=_("Name the profile or the endpoints that it was begun with."),
        )  # fmt: skip
    return await held(partial(_take_up, run), services)


def _take_up(run: Run, journal: Journal) -> RunBegun:
    journal.hold(run.id)
    return RunBegun(run.id, taken_up=True, state=run.state)


@contextmanager
def _let_go_on_error(run_id: str, journal: Journal) -> Iterator[None]:
    try:
        yield
    except BaseException:
        journal.let_go(run_id)
        raise


async def _tell_and_go_on(begun: RunBegun, services: Services, *, until_created: bool) -> AsyncGenerator[Event, None]:
    try:
        yield begun
    except BaseException:  # nobody listens any more
        await let_go(begun.run_id, services)
        raise
    async with aclosing(go_on(begun.run_id, services, until_created=until_created)) as events:
        async for event in events:
            yield event


async def go_on(run_id: str, services: Services, *, until_created: bool = False) -> AsyncGenerator[Event, None]:
    """Take a run that is held to the end that its plan names, or only until its job exists; let go of it at the end."""
    run = services.journal.run(run_id)
    had_job = run.reached(RunState.CREATED)
    async with aclosing(_carry_on(run.id, services, until_created=until_created)) as events:
        async for event in events:
            if isinstance(event, RunBegun):  # the same content was on its way already, as another run
                run = services.journal.run(event.run_id)
                had_job = run.reached(RunState.CREATED)
            yield event
    if had_job and run.plan.sends and (until_created or run.plan.verb == "submit"):
        yield JobCreated(await create.made_job(run, run.job_id, services), found=True, differences={})


async def _carry_on(run_id: str, services: Services, *, until_created: bool) -> AsyncGenerator[Event, None]:
    """Do one step after the other, under the run's lease."""
    journal, patience, step = services.journal, Patience(services), ""
    async with _lease(run_id, services) as run_ids:
        while (run := journal.run(run_ids[-1])).outcome is Outcome.OPEN:
            if run.state != step:
                patience, step = Patience(services), run.state
            if run.state is RunState.CREATED and run.plan.verb == "submit":
                await journal.write_apart(Journal.end, run.id, Outcome.DONE)
                return
            if until_created and run.reached(RunState.CREATED):
                return
            try:
                async with aclosing(_STEPS[run.state](run, services)) as events:
                    async for event in events:
                        if isinstance(event, RunBegun):
                            run_ids.append(event.run_id)
                        yield patience.hear(event)
            except RunHeldError:  # it is not ours to end, or waits for another
                raise
            except ArkdeckError as error:
                interrupted = patience.interrupted_by(error)
                if interrupted is None:
                    doubtful = isinstance(error, ArkError) and error.maybe_applied
                    if isinstance(error, _HOPELESS.get(run.state, ())) and not doubtful:
                        await journal.write_apart(Journal.end, run.id, Outcome.FAILED, error.message)
                    raise
                yield interrupted
                await services.clock.sleep(interrupted.next_in)
                await journal.write_apart(Journal.beat, run.id)  # RunHeldError: the lease was lost meanwhile


@asynccontextmanager
async def _lease(run_id: str, services: Services) -> AsyncIterator[list[str]]:
    """Keep a held run, and those that are appended to the list, by a heartbeat; let go of all at the end.

    Raises:
        RunHeldError: the lease was lost meanwhile.
    """
    run_ids = [run_id]

    async def beat() -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            with suppress(ArkdeckError):  # a journal or a lease that is lost stops the next step, with its reason
                await services.journal.apart(lambda journal: journal.beat(run_ids[-1]))

    heart = asyncio.create_task(beat())
    try:
        await services.journal.write_apart(Journal.beat, run_id)
        yield run_ids
    finally:
        heart.cancel()
        for held_id in run_ids:
            await let_go(held_id, services)


async def _start_watching(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    run = await services.journal.write_apart(Journal.advance, run.id, RunState.WATCHING)
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
                await services.journal.write_apart(
                    Journal.advance, run.id, RunState.COLLECTING, detail=event.job.phase, job=event.job.raw
                )


async def _collect(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    try:
        job = await services.ark.get_job(run.job_id)
    except ArkNotFoundError:  # deleted since; its files may well be there
        job = seen_finished(run)
    if not job.phase.finished and run.plan.sends:  # resumed since
        await services.journal.write_apart(Journal.advance, run.id, RunState.WATCHING)
        return
    async with aclosing(collect.collect(job, run.plan.results_folder(job.id), services)) as events:
        async for event in events:
            yield event
    await services.journal.write_apart(Journal.advance, run.id, RunState.COLLECTED, job=job.raw)


async def _reconcile(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    job = seen_finished(run)
    folder = run.plan.results_folder(job.id)
    if await in_daemon(partial(owner_of, folder), name="look") not in (job.id, ""):  # removed since, or emptied
        await services.journal.write_apart(Journal.advance, run.id, RunState.COLLECTING)
        return
    async with aclosing(collect.account(job, folder, services)) as events:
        async for event in events:
            yield event
            if isinstance(event, Reconciled):
                left = event.account.requests - event.account.ok
                reason = plural("{count} request is not answered", "{count} requests are not answered", left)
                await services.journal.write_apart(
                    Journal.end, run.id, Outcome.DONE, reason if left else "", state=RunState.RECONCILED
                )


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
        await in_daemon(partial(require_writable, Path(plan.folder)), name="claim")
        return
    job_id = known.job_id if known else await job_of_same_call(plan, services)
    await _require_folder(Path(plan.out), job_id, services, but=known.id if known else "")


async def _require_folder(folder: Path, job_id: str, services: Services, *, but: str = "") -> None:
    """Make sure that the folder is neither another job's nor kept for the results of another run than `but`."""
    for other in services.journal.runs(open_only=True):
        if other.plan.out == str(folder) and other.id != but and not (job_id and other.job_id == job_id):
            raise FolderTakenError(
                _("{folder} is kept for the unfinished run {run}", folder=folder, run=other.id),
                advice=_("Go on with it:  arkdeck continue {run}\nOr choose another folder (--out).", run=other.id),
            )
    await in_daemon(partial(claim, folder, job_id), name="claim")


def _collect_plan(job: Job, folder: Path, services: Services, profile: str) -> Plan:
    return Plan(
        verb=COLLECT,
        input="",
        profile=profile,
        service=services.service,
        bucket=job.output.bucket,
        project=job.project,
        input_prefix="",
        output_prefix=job.output.key,
        name=job.name,
        out=str(folder),
    ).for_model(job.model)


async def job_of_same_call(plan: Plan, services: Services) -> str:
    """Return the job whose results are in `plan.out`, if an ended run of this very submission put them there."""
    job_id = owner_of(Path(plan.out)) or ""
    run = services.journal.run_of_job(job_id) if job_id else None
    if run is None or plan.nonce or (run.plan.target, run.plan.input) != (plan.target, plan.input):
        return ""
    changed = run.fingerprint is None or await in_daemon(partial(_has_changed, run), name="compare")
    return "" if changed else job_id


def seen_finished(run: Run) -> Job:
    """Return the job of a run as it was last seen finished."""
    return read_job(msgspec.json.decode(run.job or b"{}", type=dict[str, object]))
