"""The verbs on jobs of the service: list, show, watch, stop, resume, update, delete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line, print_table, say
from tui.cli.session import asynchronous, json_option, profile_option, session
from tui.errors import UsageError
from tui.i18n import _
from tui.text import human_duration

if TYPE_CHECKING:
    from tui.ark.client import ArkClient
    from tui.ark.models import Job


@click.command()
@click.option("--phase", "phases", metavar="P", multiple=True, help=_("repeatable, as in Running"))
@click.option("--name", default="", metavar="TEXT", help=_("part of the name, matched by the service"))
@click.option("--model", metavar="NAME[@VERSION]")
@click.option("--tag", "tags", metavar="K=V", multiple=True, help=_("repeatable"))
@click.option("--project", metavar="NAME", help=_("the profile's unless given"))
@click.option("--limit", type=click.IntRange(min=1), help=_("at most so many, newest first"))
@json_option
@profile_option
@asynchronous
async def jobs(
    profile: str | None, *, phases: tuple[str, ...], name: str, model: str | None, tags: tuple[str, ...],
    project: str | None, limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    """List jobs, newest first."""
    from tui.ark.models import JobQuery, parse_model

    async with session(profile) as opened:
        query = JobQuery(
            name=name,
            project=project or opened.profile.project,
            models=[parse_model(model)] if model else [],
            tags=_tag_filters(tags),
        )
        found = [job async for job in _in_phases(opened.services.ark, query, phases, limit)]
    if as_json:
        for job in found:
            print_json(job_fields(job))
        return
    now = datetime.now(UTC)
    print_table(
        [_("ID"), _("NAME"), _("PHASE"), _("DONE"), _("FAILED"), _("MODEL"), _("AGE")],
        [_row(job, now) for job in found],
    )


async def _in_phases(ark: ArkClient, query: Any, phases: tuple[str, ...], limit: int | None) -> AsyncIterator[Job]:
    """The jobs in any of the phases. The service cannot filter by every phase that it reports, so this does."""
    wanted = {phase.casefold() for phase in phases}
    count = 0
    async for job in ark.all_jobs(query):
        if not wanted or job.phase.casefold() in wanted:
            yield job
            count += 1
            if count == limit:
                return


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@profile_option
@asynchronous
async def job(job_id: str, *, profile: str | None, as_json: bool) -> None:
    """Show everything the service says of a job."""
    async with session(profile) as opened:
        found = await opened.services.ark.get_job(job_id)
        history = opened.services.journal.run_of_job(job_id)
    if as_json:
        print_json(job_fields(found))
        return
    for field, value in job_fields(found).items():
        if value not in (None, "", {}):
            print_line(f"{field:<12} {_shown(value)}")
    if history is not None:
        print_line(f"{'run':<12} {history.id}  {history.plan.input}")


@click.command()
@click.argument("job_ids", nargs=-1, metavar="[ID...]")
@json_option
@profile_option
@asynchronous
async def watch(job_ids: tuple[str, ...], *, profile: str | None, as_json: bool) -> int:
    """Follow jobs until every one is finished.

    Without ID, all jobs of the project that are not finished.

    Exit code 1 when a job failed or was terminated.
    """
    from tui.ark.models import JobQuery, Phase
    from tui.cli.narrator import Narrator
    from tui.runs.events import JobFinished
    from tui.runs.monitor import watch as follow

    broken = 0
    async with session(profile) as opened:
        if not job_ids:
            query = JobQuery(project=opened.profile.project)
            job_ids = tuple([job.id async for job in opened.services.ark.all_jobs(query) if not job.phase.finished])
            if not job_ids:
                say(_("every job is finished"))
        with Narrator(as_json=as_json) as narrator:
            async for event in follow(job_ids, opened.services):
                narrator.tell(event)
                broken += isinstance(event, JobFinished) and event.job.phase != Phase.COMPLETED
    return ExitCode.WORK_FAILED if broken else ExitCode.DONE


def _confirmed(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back; without a terminal only `--yes` will do."""
    import sys

    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(_("nobody is there to confirm"), advice=_("Say --yes to go ahead without being asked."))
    if not click.confirm(question, default=False, err=True):
        raise click.Abort


def _yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--yes", is_flag=True, help=_("do not ask"))(command)


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@_yes_option
@profile_option
@asynchronous
async def stop(job_ids: tuple[str, ...], *, profile: str | None, yes: bool) -> None:
    """Stop jobs.

    What they have answered so far can be collected.
    """
    _confirmed(_("stop {jobs}?", jobs=", ".join(job_ids)), yes=yes)
    await _each(job_ids, profile, lambda ark, job_id: ark.stop_job(job_id), _("stopping {job}"))


@click.command()
@click.argument("job_id", metavar="ID")
@profile_option
@asynchronous
async def resume(job_id: str, *, profile: str | None) -> None:
    """Go on with a job that was terminated or failed.

    Requests that are answered already are not run again.
    """
    await _each((job_id,), profile, lambda ark, one: ark.resume_job(one), _("resumed {job}"))


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--name", metavar="TEXT")
@click.option("--description", metavar="TEXT")
@profile_option
@asynchronous
async def update(job_id: str, *, profile: str | None, name: str | None, description: str | None) -> None:
    """Change a job's name or description."""
    if name is None and description is None:
        raise UsageError(_("nothing to change"), advice=_("--name TEXT, --description TEXT"))
    await _each(
        (job_id,),
        profile,
        lambda ark, one: ark.update_job(one, name=name, description=description),
        _("updated {job}"),
    )


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@_yes_option
@profile_option
@asynchronous
async def delete(job_ids: tuple[str, ...], *, profile: str | None, yes: bool) -> None:
    """Delete finished jobs from the service's list."""
    _confirmed(_("delete {jobs}? This cannot be taken back.", jobs=", ".join(job_ids)), yes=yes)
    await _each(job_ids, profile, lambda ark, job_id: ark.delete_job(job_id), _("deleted {job}"))


async def _each(
    job_ids: tuple[str, ...],
    profile: str | None,
    act: Callable[[ArkClient, str], Awaitable[object]],
    told: str,
) -> None:
    async with session(profile, write=True) as opened:
        for job_id in job_ids:
            await act(opened.services.ark, job_id)
            say(told.format(job=job_id))


def job_fields(job: Job) -> dict[str, object]:
    """Return a job as the fields of its JSON line; their names are stable."""

    def time(value: datetime | None) -> str | None:
        return value.isoformat().replace("+00:00", "Z") if value else None

    def place(bucket: str, key: str) -> str:
        return f"tos://{bucket}/{key}" if bucket else ""

    from tui.ark.models import CustomModelRef

    custom = isinstance(job.model, CustomModelRef)
    return {
        "id": job.id,
        "name": job.name,
        "description": job.description,
        "phase": job.phase,
        "message": job.message,
        "total": job.counts.total,
        "completed": job.counts.completed,
        "failed": job.counts.failed,
        "model": job.model.id if isinstance(job.model, CustomModelRef) else job.model.name,
        "version": "" if custom else getattr(job.model, "version", ""),
        "project": job.project,
        "window": f"{job.window_days}d" if job.window_days else None,
        "created": time(job.created),
        "updated": time(job.updated),
        "expires": time(job.expires),
        "input": place(job.input.bucket, job.input.key),
        "output": place(job.output.bucket, job.output.key),
        "tags": dict(job.tags),
    }


def _row(job: Job, now: datetime) -> list[str]:
    from tui.cli.narrator import phase_label

    counts = job.counts
    done = f"{min(100, 100 * counts.completed // counts.total)} %" if counts.total else "–"
    age = human_duration((now - job.created).total_seconds()) if job.created else "–"
    return [job.id, job.name, phase_label(job.phase), done, str(counts.failed), str(job.model), age]


def _shown(value: object) -> str:
    return "  ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _tag_filters(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(_("not a tag: {tag}", tag=pair), advice=_("--tag KEY=VALUE"))
        filters.setdefault(key, []).append(value)
    return filters


VERBS = (jobs, job, watch, stop, resume, update, delete)
