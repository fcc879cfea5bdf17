"""The verbs that change jobs of the service: stop, resume, update, clone, delete."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import click

from tui.cli.exit_codes import ExitCode, exit_code_of
from tui.cli.output import explain, print_json, print_line, say
from tui.cli.session import asynchronous, json_option, profile_option, session
from tui.errors import UsageError
from tui.i18n import _


def _confirmed(question: str, *, yes: bool) -> bool:
    """Ask before something that cannot be taken back; without a terminal only `--yes` will do."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(_("nobody is there to confirm"), advice=_("Say --yes to go ahead without being asked."))
    if click.confirm(question, default=False, err=True):
        return True
    say(_("nothing was changed"))
    return False


def _yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--yes", is_flag=True, help=_("do not ask"))(command)


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@_yes_option
@profile_option
def stop(job_ids: tuple[str, ...], *, profile: str | None, yes: bool) -> int:
    """Stop jobs.

    What they have answered so far can be collected.
    """
    if not _confirmed(_("stop {jobs}?", jobs=", ".join(job_ids)), yes=yes):
        return ExitCode.WORK_FAILED
    return _each("stop", job_ids, profile, _("stopping {job}"))


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@profile_option
def resume(job_ids: tuple[str, ...], *, profile: str | None) -> int:
    """Go on with jobs that were terminated or failed.

    Requests that are answered already are not run again.
    """
    return _each("resume", job_ids, profile, _("resumed {job}; follow it:  arkdeck watch {job}"))


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--name", metavar="TEXT")
@click.option("--description", metavar="TEXT")
@profile_option
def update(job_id: str, *, profile: str | None, name: str | None, description: str | None) -> int:
    """Change a job's name or description."""
    if name is None and description is None:
        raise UsageError(_("nothing to change"), advice=_("--name TEXT, --description TEXT"))
    return _each("update", (job_id,), profile, _("updated {job}"), name=name, description=description)


@click.command()
@click.argument("job_id", metavar="ID")
@click.option("--name", metavar="TEXT", help=_("the original's with -clone behind it unless given"))
@click.option("--description", metavar="TEXT", help=_("the original's unless given"))
@click.option("--model", metavar="NAME[@VERSION]", help=_("the original's unless given"))
@click.option("--window", metavar="1d..28d", help=_("the original's unless given"))
@click.option("--dry-run", is_flag=True, help=_("let the service judge it, create nothing"))
@json_option
@profile_option
@asynchronous
async def clone(
    job_id: str, *, profile: str | None, name: str | None, description: str | None, model: str | None,
    window: str | None, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Create a job on the input of a finished one.

    Nothing is uploaded; project, output folder and tags are the original's. The new job's id is printed on standard
    output.
    """
    from tui.ark.models import parse_model
    from tui.runs.clone import clone as clone_job
    from tui.runs.submission import require_text, require_window

    require_text(name, description)
    window_days = None if window is None else require_window(window)
    chosen = None if model is None else parse_model(model)
    async with session(profile, write=not dry_run) as opened:
        original = await opened.services.ark.get_job(job_id)
        receipt = await clone_job(
            original,
            opened.services,
            name=name,
            description=description,
            model=chosen,
            window_days=window_days,
            dry_run=dry_run,
        )
    if as_json:
        print_json({"job": receipt.job_id or None, "clone_of": original.id, "request_id": receipt.request_id or None})
    elif dry_run:
        say(_("dry run: the service would create the job"))
    else:
        say(_("cloned {original}; follow the new job:  arkdeck watch {job}", original=original.id, job=receipt.job_id))
        print_line(receipt.job_id)


@click.command()
@click.argument("job_ids", nargs=-1, required=True, metavar="ID...")
@_yes_option
@profile_option
def delete(job_ids: tuple[str, ...], *, profile: str | None, yes: bool) -> int:
    """Delete finished jobs from the service's list."""
    if not _confirmed(_("delete {jobs}? This cannot be taken back.", jobs=", ".join(job_ids)), yes=yes):
        return ExitCode.WORK_FAILED
    return _each("delete", job_ids, profile, _("deleted {job}"))


@asynchronous
async def _each(
    deed: str,
    job_ids: tuple[str, ...],
    profile: str | None,
    told: str,
    *,
    name: str | None = None,
    description: str | None = None,
) -> int:
    """Do the same to each job, whatever becomes of the others; return the worst code."""
    from tui.runs.changes import Changed, ChangeFailed, Deed, change

    code = ExitCode.DONE
    async with session(profile, write=True) as opened:
        changes = change(Deed(deed), job_ids, opened.services, name=name, description=description)
        async with aclosing(changes) as results:
            async for result in results:
                match result:
                    case Changed(job_id=job_id):
                        say(told.format(job=job_id))
                    case ChangeFailed(cause=cause):
                        explain(cause)
                        code = max(code, exit_code_of(cause))
    return code


VERBS = (stop, resume, update, clone, delete)
