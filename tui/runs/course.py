"""A run's course: from wherever the journal says it is, step by step, to the end that was asked for.

Every step leaves one state and writes the next before it acts on it, so killing the process at any point loses nothing:
`carry_on` reads the state again and goes on from there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from tui.errors import ArkdeckError, UsageError
from tui.i18n import plural
from tui.runs import collect, create, monitor, prepare
from tui.runs.events import Event, JobFinished, Reconciled, RunBegun
from tui.runs.folder import claim
from tui.runs.plan import Plan
from tui.runs.run import Outcome, Run, RunState
from tui.runs.services import Services

Step = Callable[[Run, Services], AsyncGenerator[Event, None]]

_HEARTBEAT_SECONDS: Final = 20


async def begin(plan: Plan, services: Services) -> AsyncGenerator[Event, None]:
    """Take a file to the end that `plan.verb` names, or take up an unfinished run of the same file, model and project.

    Raises:
        ArkdeckError: what stopped it; the journal keeps how far it came.
    """
    journal = services.journal
    known = journal.open_run_like(plan)
    if plan.out:
        claim(Path(plan.out), known.job_id if known else "")
    if known is None:
        run = journal.plan(plan)
    else:
        journal.hold(known.id)
        run = journal.advance(known.id, known.state, plan=_taken_over(known.plan, plan))
    yield RunBegun(run.id, taken_up=known is not None, state=run.state)
    async with aclosing(carry_on(run.id, services)) as events:
        async for event in events:
            yield event


async def resume(run_id: str, services: Services) -> AsyncGenerator[Event, None]:
    """Go on with a run of the journal (UnknownRunError) to the end that its plan names; one that has ended stays so."""
    run = services.journal.run(run_id)
    yield RunBegun(run.id, taken_up=True, state=run.state)
    async with aclosing(carry_on(run_id, services)) as events:
        async for event in events:
            yield event


async def carry_on(run_id: str, services: Services) -> AsyncGenerator[Event, None]:
    """Go on with a run from the state in the journal, under its lease, to the end that its plan names."""
    journal = services.journal
    journal.hold(run_id)
    last_beat = services.clock.monotonic()
    try:
        while (run := journal.run(run_id)).outcome is Outcome.OPEN:
            if run.state is RunState.CREATED:
                if run.plan.verb == "submit":
                    journal.end(run_id, Outcome.DONE)
                    break
                run = journal.advance(run_id, RunState.WATCHING)
            try:
                async with aclosing(_STEPS[run.state](run, services)) as events:
                    async for event in events:
                        if isinstance(event, RunBegun):  # the same content was on its way already, as another run
                            run_id = event.run_id
                        yield event
                        if services.clock.monotonic() - last_beat > _HEARTBEAT_SECONDS:
                            journal.beat(run_id)
                            last_beat = services.clock.monotonic()
            except ArkdeckError as error:
                if isinstance(error, _HOPELESS.get(run.state, ())):
                    journal.end(run_id, Outcome.FAILED, error.message)
                raise
    finally:
        journal.let_go(run_id)


async def _watch(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    async with aclosing(monitor.watch([run.job_id], services, project=run.plan.project)) as events:
        async for event in events:
            yield event
            if isinstance(event, JobFinished):
                services.journal.advance(run.id, RunState.COLLECTING, detail=str(event.job.phase))


async def _collect(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    job = await services.ark.get_job(run.job_id)
    async with aclosing(collect.collect(job, run.plan.results_folder(job.id), services)) as events:
        async for event in events:
            yield event
    services.journal.advance(run.id, RunState.COLLECTED)


async def _reconcile(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    job = await services.ark.get_job(run.job_id)
    async with aclosing(collect.account(job, run.plan.results_folder(job.id), services)) as events:
        async for event in events:
            yield event
            if isinstance(event, Reconciled):
                left = event.account.requests - event.account.ok
                reason = (
                    plural("{count} request without an answer", "{count} requests without an answer", left)
                    if left
                    else ""
                )
                services.journal.end(run.id, Outcome.DONE, reason, state=RunState.RECONCILED)


_STEPS: Final[dict[RunState, Step]] = {
    RunState.PLANNED: prepare.check,
    RunState.CHECKED: prepare.choose_place,
    RunState.UPLOADING: prepare.upload_input,
    RunState.UPLOADED: create.create,
    RunState.CREATING: create.find_or_create,
    RunState.WATCHING: _watch,
    RunState.COLLECTING: _collect,
    RunState.COLLECTED: _reconcile,
}

_HOPELESS: Final[dict[RunState, tuple[type[ArkdeckError], ...]]] = {
    RunState.PLANNED: (ArkdeckError,),
    RunState.CHECKED: (UsageError,),
}
"""Failures before anything was sent that only another call can mend: nothing is left to be continued."""


def _taken_over(known: Plan, wanted: Plan) -> Plan:
    """The known plan, with what this call decides anew: how far to go and where the results belong."""
    return msgspec.structs.replace(
        known, verb=wanted.verb, out=wanted.out, folder=wanted.folder, create_bucket=wanted.create_bucket
    )
