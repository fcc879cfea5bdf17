"""The verbs on the journal: what was begun, how far it came, going on with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.exit_codes import ExitCode, exit_code_of
from tui.cli.output import explain, print_json, print_line, say
from tui.cli.session import asynchronous, json_option, open_journal, profile_option, session
from tui.cli.table import Column, print_table
from tui.errors import ArkdeckError
from tui.i18n import _

if TYPE_CHECKING:
    from tui.runs.journal import Journal
    from tui.runs.run import Run


@click.command()
@json_option
def runs(*, as_json: bool) -> None:
    """List the runs of this machine and how far they came.

    A retry follows the run that it retries, and is of a later generation.
    """
    from tui.runs.lineage import by_family

    with open_journal() as journal:
        found = by_family(journal.runs(), journal)
        if as_json:
            for generation, run in found:
                print_json(_fields(run, generation))
            return
        if not found:
            say(_("no runs"))
            return
        print_table(
            [
                Column(_("RUN")),
                Column(_("GEN")),
                Column(_("STATE")),
                Column(_("END")),
                Column(_("JOB")),
                Column(_("INPUT"), gives=True),
                Column(_("MODEL"), gives=True),
                Column(_("NOTE"), gives=True),
            ],
            (_row(run, generation, journal) for generation, run in found),
        )


@click.command("continue")
@click.argument("run_id", required=False, metavar="[RUN]")
@json_option
@profile_option
@asynchronous
async def continue_(run_id: str | None, *, profile: str | None, as_json: bool) -> int:
    """Go on with unfinished runs.

    With RUN, or with every unfinished run that no live process holds, to its original end.

    Exit code 0 when there is nothing to do, otherwise the worst of the runs' codes.
    """
    with open_journal() as journal:
        waiting = [journal.run(run_id)] if run_id else list(reversed(journal.runs(open_only=True)))
        held = {} if run_id else {run.id: holder for run in waiting if (holder := journal.live_holder(run.id))}
    for held_id, holder in held.items():
        say(_("run {run} is being worked on by {holder}", run=held_id, holder=holder))
    waiting = [run for run in waiting if run.id not in held]
    if not waiting:
        say(_("nothing to continue"))
    if len(waiting) == 1:
        return await _continue(waiting[0], profile, as_json=as_json)
    return await _continue_all(waiting, profile, as_json=as_json)


async def _continue_all(waiting: list[Run], profile: str | None, *, as_json: bool) -> int:
    """Bring every run to its job first, one after the other, and then watch all jobs at once."""
    import asyncio

    codes = [await _continue(run, profile, as_json=as_json, label=run.id, until_created=True) for run in waiting]
    with open_journal() as journal:
        left = [run for run in waiting if journal.run(run.id).outcome == "open"]
    codes += await asyncio.gather(*(_continue(run, profile, as_json=as_json, label=run.id) for run in left))
    return max(codes, default=ExitCode.DONE)


async def _continue(
    run: Run, profile: str | None, *, as_json: bool, label: str = "", until_created: bool = False
) -> int:
    from tui.cli.submit import tell
    from tui.runs.course import resume

    if run.outcome != "open":
        say(_("run {run} has ended: {how}", run=run.id, how=_outcome(run)))
        if run.job_id:
            say(_("Look at its job again:  arkdeck collect {job}", job=run.job_id), indent=2)
        return ExitCode.WORK_FAILED if run.reason else ExitCode.DONE
    try:
        async with session(profile or run.plan.profile or None, write=run.plan.sends) as opened:
            stream = resume(run.id, opened.services, until_created=until_created)
            return await tell(stream, as_json=as_json, label=label)
    except ArkdeckError as error:
        explain(error, subject=run.id)
        return exit_code_of(error)


@click.command()
@click.argument("run_id", metavar="RUN")
def forget(run_id: str) -> None:
    """Take RUN off the list of what can be continued.

    Its job and its files stay as they are.
    """
    with open_journal() as journal:
        run = journal.run(run_id)
        journal.forget(run.id)
        say(_("forgot {run}", run=run.id))
        if run.job_id:
            print_line(run.job_id)


@click.command()
@click.option("--job", "job_id", metavar="ID", help=_("only what was done to this job"))
@click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True, help=_("how many at most"))
@json_option
def audit(*, job_id: str | None, limit: int, as_json: bool) -> None:
    """Tell what was done to jobs from this machine, newest first.

    Stop, resume, update, delete and clone, each with the request id of the reply, or with why it was not done.
    """
    from tui.runs.run import outcome

    with open_journal() as journal:
        found = journal.activity(job_id, limit=limit)
    if as_json:
        for done in found:
            print_json({**asdict(done), "at": done.at.isoformat(), "request_id": done.request_id or None})
        return
    if not found:
        say(_("nothing was done"))
        return
    print_table(
        [
            Column(_("AT")),
            Column(_("DEED")),
            Column(_("JOB")),
            Column(_("OUTCOME"), gives=True),
            Column(_("DETAIL"), gives=True),
            Column(_("REQUEST"), gives=True),
        ],
        (
            (
                f"{done.at:%Y-%m-%d %H:%M:%S}Z",
                done.deed,
                done.job_id,
                outcome(done.error, maybe_applied=done.maybe_applied),
                done.detail,
                done.request_id,
            )
            for done in found
        ),
    )


def _fields(run: Run, generation: int) -> dict[str, object]:
    return {
        "run": run.id,
        "state": run.state,
        "outcome": run.outcome,
        "reason": run.reason,
        "job": run.job_id or None,
        "parent": run.plan.parent or None,
        "generation": generation,
        "verb": run.plan.verb,
        "input": run.plan.input or None,
        "model": _model(run),
        "project": run.plan.project,
        "bucket": run.plan.bucket,
        "key": run.object_key or None,
        "out": run.plan.out or None,
        "created": run.created.isoformat(),
        "changed": run.changed.isoformat(),
    }


def _row(run: Run, generation: int, journal: Journal) -> list[str]:
    holder = journal.live_holder(run.id)
    note = _("worked on by {holder}", holder=holder) if holder else run.reason
    return [run.id, str(generation), run.state, run.outcome, run.job_id, _what(run), _model(run), note]


def _what(run: Run) -> str:
    """The file that is sent, or the folder that a job's results go to."""
    return Path(run.plan.input).name if run.plan.sends else _("→ {folder}", folder=Path(run.plan.out).name)


def _outcome(run: Run) -> str:
    return f"{run.outcome}: {run.reason}" if run.reason else str(run.outcome)


def _model(run: Run) -> str:
    plan = run.plan
    return plan.custom_model or (f"{plan.model}@{plan.version}" if plan.version else plan.model)


VERBS = (runs, continue_, forget, audit)
