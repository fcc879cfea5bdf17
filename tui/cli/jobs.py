"""The verbs that look at the service: list, show and watch jobs, list models."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from tui.cli.exit_codes import ExitCode, exit_code_of
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option, profile_option, session
from tui.cli.table import Column, print_table
from tui.errors import UsageError
from tui.i18n import _
from tui.text import human_duration

if TYPE_CHECKING:
    from tui.ark.models import Job, JobQuery
    from tui.runs.job_filter import JobFilter
    from tui.runs.journal import Journal
    from tui.runs.run import Activity
    from tui.runs.services import Services

_COLUMNS: Final = (
    Column(_("ID")),
    Column(_("NAME"), gives=True),
    Column(_("PHASE")),
    Column(_("DONE")),
    Column(_("FAILED")),
    Column(_("AGE")),
    Column(_("MODEL"), gives=True),
)


@click.command()
@click.option("--phase", "phases", metavar="P", multiple=True, help=_("repeatable, as in Running"))
@click.option("--name", default="", metavar="TEXT", help=_("part of the name, matched by the service"))
@click.option("--model", metavar="NAME[@VERSION]")
@click.option("--tag", "tags", metavar="K=V", multiple=True, help=_("repeatable"))
@click.option("--project", metavar="NAME", help=_("the profile's unless given"))
@click.option(
    "--filter", "text", default="", metavar="TEXT", help=_("words as in the deck: 'phase:running !model:doubao'")
)
@click.option("--limit", type=click.IntRange(min=1), help=_("at most so many, newest first"))
@json_option
@profile_option
@asynchronous
async def jobs(
    profile: str | None, *, phases: tuple[str, ...], name: str, model: str | None, tags: tuple[str, ...],
    project: str | None, text: str, limit: int | None, as_json: bool,
) -> None:  # fmt: skip
    """List jobs, newest first.

    \b
    Words of --filter; all must hold, ! before one negates it, quotes keep blanks:
      phase:running   model:doubao   name:TEXT   id:TEXT   tag:K   tag:K=V
      age:<2d   expires:<3h   failed:>0   attention:yes   TEXT
    """  # noqa: D301  # the backspace keeps click from wrapping what follows
    from tui.ark.models import KNOWN_PHASES, JobQuery, parse_model
    from tui.runs.job_filter import parse_filter

    job_filter = parse_filter(text)
    for phase in phases:
        if phase.casefold() not in map(str.casefold, KNOWN_PHASES):
            say(_("the phase {phase} is not known; known are {known}", phase=phase, known=", ".join(KNOWN_PHASES)))
    async with session(profile) as opened:
        query = JobQuery(
            name=name,
            project=project or opened.profile.project,
            models=[parse_model(model)] if model else [],
            tags=_tag_filters(tags),
        )
        found = [job async for job in _matching(opened.services, query, phases, job_filter, limit)]
    if as_json:
        for job in found:
            print_json(job_fields(job))
        return
    now = datetime.now(UTC)
    if not found:
        say(_("no jobs"))
        return
    print_table(_COLUMNS, [_row(job, now) for job in found])


async def _matching(
    services: Services, query: JobQuery, phases: tuple[str, ...], job_filter: JobFilter, limit: int | None
) -> AsyncIterator[Job]:
    """The jobs in any of the phases that the filter means. The service cannot filter by every phase that it reports."""
    from tui.runs.board import JobView
    from tui.runs.forecast import Forecast
    from tui.runs.monitor import forecast_of

    now = services.clock.now()
    wanted = {phase.casefold() for phase in phases}
    count = 0
    async for job in services.ark.all_jobs(query):
        if wanted and job.phase.casefold() not in wanted:
            continue
        promised = Forecast() if job.phase.finished else forecast_of(job, now, services.journal)
        if job_filter.matches(JobView(job, promised, now), now):
            yield job
            count += 1
            if count == limit:
                return


@click.command()
@click.argument("name", default="", metavar="[NAME]")
@json_option
@profile_option
@asynchronous
async def models(name: str, *, profile: str | None, as_json: bool) -> None:
    """List the catalogue's models; not all of them take batch jobs.

    With NAME, those that have it in their name.
    """
    async with session(profile) as opened:
        found = await opened.services.ark.list_models(name)
    if as_json:
        for model in found:
            print_json(
                {"name": model.name, "display_name": model.display_name, "primary_version": model.primary_version}
            )
        return
    columns = [Column(_("MODEL")), Column(_("PRIMARY VERSION")), Column(_("CALLED"), gives=True)]
    print_table(columns, [[model.name, model.primary_version, model.display_name] for model in found])


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@profile_option
@asynchronous
async def job(job_id: str, *, profile: str | None, as_json: bool) -> None:
    """Show everything the service says of a job.

    And what the journal knows of it: its retries, its run, what was done to it from this machine.
    """
    async with session(profile) as opened:
        found = await opened.services.ark.get_job(job_id)
        run = opened.services.journal.run_of_job(job_id)
        history = opened.services.journal.history(run.id) if run else []
        fields = job_fields(found) | _lineage(job_id, opened.services.journal)
        activity = opened.services.journal.activity(job_id)
    if as_json:
        print_json(fields)
        return
    for field, value in fields.items():
        if value not in (None, "", {}, []):
            print_line(f"{field:<12} {_shown(value)}")
    if run is not None:
        print_line(f"{'run':<12} {run.id}  {run.plan.input}")
    for at, state, detail in history:
        print_line(f"{'':<12} {at:%Y-%m-%d %H:%M:%S}Z  {state}  {detail}".rstrip())
    for number, done in enumerate(reversed(activity)):
        print_line(f"{'' if number else 'activity':<12} {_done(done)}")


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
    from tui.runs.events import JobFinished, JobGone
    from tui.runs.monitor import watch as follow

    code = ExitCode.DONE
    async with session(profile) as opened:
        if not job_ids:
            query = JobQuery(project=opened.profile.project)
            job_ids = tuple([job.id async for job in opened.services.ark.all_jobs(query) if not job.phase.finished])
            if not job_ids:
                say(_("every job is finished"))
        with Narrator(as_json=as_json) as narrator:
            async with aclosing(follow(job_ids, opened.services)) as events:
                async for event in events:
                    narrator.tell(event)
                    if isinstance(event, JobGone):
                        code = max(code, exit_code_of(event.cause))
                    elif isinstance(event, JobFinished) and event.job.phase != Phase.COMPLETED:
                        code = max(code, ExitCode.WORK_FAILED)
    return code


def job_fields(job: Job) -> dict[str, object]:
    """Return a job as the fields of its JSON line; their names are stable."""

    def time(value: datetime | None) -> str | None:
        return value.isoformat().replace("+00:00", "Z") if value else None

    def place(bucket: str, key: str) -> str:
        return f"tos://{bucket}/{key}" if bucket else ""

    from tui.ark.models import FoundationModelRef

    model = job.model if isinstance(job.model, FoundationModelRef) else FoundationModelRef(job.model.id)
    return {
        "id": job.id,
        "name": job.name,
        "description": job.description,
        "phase": job.phase,
        "message": job.message,
        "total": job.counts.total,
        "completed": job.counts.completed,
        "failed": job.counts.failed,
        "model": model.name,
        "version": model.version,
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
    return [job.id, job.name, phase_label(job.phase), done, str(counts.failed), age, str(job.model)]


def _lineage(job_id: str, journal: Journal) -> dict[str, object]:
    """Of which job this one is a retry, its generation, and its own retries."""
    from tui.runs.lineage import generation

    retries = dict.fromkeys(run.job_id for run in journal.retries_of(job_id) if run.job_id)
    return {
        "parent": journal.parent_of(job_id) or None,
        "generation": generation(journal, job_id),
        "retries": list(retries),
    }


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "  ".join(map(str, value))
    return "  ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _done(activity: Activity) -> str:
    """One thing that was done to a job, in words."""
    from tui.runs.run import outcome

    what = " ".join(filter(None, [activity.deed, activity.detail]))
    if activity.error:
        what = f"{what}  {outcome(activity.error, maybe_applied=activity.maybe_applied)}"
    elif activity.request_id:
        what = f"{what}  " + _("request {id}", id=activity.request_id)
    return f"{activity.at:%Y-%m-%d %H:%M:%S}Z  {what}"


def _tag_filters(pairs: tuple[str, ...]) -> dict[str, list[str]]:
    filters: dict[str, list[str]] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise UsageError(_("not a tag: {tag}", tag=pair), advice=_("--tag KEY=VALUE"))
        filters.setdefault(key, []).append(value)
    return filters


VERBS = (jobs, job, watch, models)
