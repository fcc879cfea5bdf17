"""`arkdeck submit` and `arkdeck run`: from a file to a job, and from a file to an account of every answer."""

from __future__ import annotations

import stat
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option, profile_option, session
from tui.errors import UsageError
from tui.i18n import _

if TYPE_CHECKING:
    from tui.ark.models import FoundationModelRef
    from tui.cli.session import Session
    from tui.runs.events import Event, Reconciled
    from tui.runs.plan import Plan


def sending_options(*, window: str | None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a verb say how a job is to be made; `window` is its default, None where another job's counts."""
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.option(
            "--model",
            metavar="NAME[@VERSION]",
            help=_("foundation model; the primary version unless one is named"),
        ),
        click.option("--custom-model", metavar="ID", help=_("fine-tuned model instead")),
        click.option("--name", metavar="TEXT", help=_("the job's name; proposed from the file's")),
        click.option("--description", metavar="TEXT"),
        click.option("--project", metavar="NAME", help=_("the profile's unless given")),
        click.option("--window", metavar="1d..28d", default=window, show_default=True, help=_("time the job may take")),
        click.option("--tag", "tags", metavar="K=V", multiple=True, help=_("repeatable")),
        click.option("--bucket", metavar="NAME", help=_("the profile's unless given")),
        click.option("--input-prefix", metavar="PREFIX", help=_("where the input goes; the profile's unless given")),
        click.option("--output-prefix", metavar="PREFIX", help=_("where the results go; the profile's unless given")),
        click.option("--create-bucket", is_flag=True, help=_("make the bucket, private, if it is missing")),
        click.option("--again", is_flag=True, help=_("a second job on content that has one")),
        click.option("--dry-run", is_flag=True, help=_("check, show what would happen, send nothing")),
    ]
    return lambda command: reduce(lambda decorated, option: option(decorated), reversed(options), command)


def _submit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    taking_options = sending_options(window="28d")(json_option(profile_option(command)))
    return click.argument("file", type=click.Path(path_type=Path), metavar="FILE")(taking_options)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the operator asked for with `submit` or `run`."""

    file: Path
    model: str | None
    custom_model: str | None
    name: str | None
    description: str | None
    project: str | None
    window: str
    tags: tuple[str, ...]
    bucket: str | None
    input_prefix: str | None
    output_prefix: str | None
    create_bucket: bool
    again: bool
    dry_run: bool
    as_json: bool
    profile: str | None
    out: Path | None = None


@click.command()
@_submit_options
@asynchronous
async def submit(**given: Any) -> int:
    """Check FILE, upload it, create a job.

    Ends when the job exists; its id is printed on standard output.
    """
    return await _go("submit", Asked(**given))


@click.command()
@_submit_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help=_("results go there; ./<job id> by default")
)
@asynchronous
async def run(**given: Any) -> int:
    """Take FILE all the way: to an account of every answer.

    Check it, upload it, create a job, wait, collect the results, account for every request.

    Exit code 0 when every request has an answer, 1 when any failed or is missing. Interrupted at any point, the same
    command or `arkdeck continue` goes on.
    """
    return await _go("run", Asked(**given))


async def _go(verb: str, asked: Asked) -> int:
    from tui.ark.models import parse_model
    from tui.runs.course import begin
    from tui.runs.rehearse import rehearse
    from tui.runs.submission import parse_tags, require_text, require_window

    if bool(asked.model) == bool(asked.custom_model):
        raise UsageError(_("name one model"), advice=_("--model NAME[@VERSION], or --custom-model ID"))
    _require_file(asked.file)
    window_days = require_window(asked.window)
    require_text(asked.name, asked.description, asked.input_prefix, asked.output_prefix, *asked.tags)
    tags = parse_tags(asked.tags)
    model = parse_model(asked.model) if asked.model else None
    async with session(asked.profile, write=not asked.dry_run) as opened:
        plan = _plan(verb, asked, opened, model=model, window_days=window_days, tags=tags)
        return await tell((rehearse if asked.dry_run else begin)(plan, opened.services), as_json=asked.as_json)


async def tell(stream: AsyncGenerator[Event, None], *, as_json: bool, label: str = "", resumable: bool = True) -> int:
    """Tell a flow's events to its end and return the exit code that its last one deserves.

    Args:
        stream: the flow.
        as_json: as data, one object an event.
        label: begins every line, where several flows are told at once.
        resumable: what is interrupted can be continued, and says how.
    """
    import asyncio

    from tui.cli.narrator import Narrator
    from tui.runs.events import JobCreated, Reconciled, Rehearsed, RunBegun

    run_id = ""
    last: Event | None = None
    with Narrator(as_json=as_json, label=label) as narrator:
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, RunBegun):
                        run_id = event.run_id
                    narrator.tell(event)
                    last = event
        except asyncio.CancelledError:
            if run_id and resumable:
                say(_("nothing is lost. Go on with:  arkdeck continue {run}", run=run_id))
            raise
    match last:
        case Reconciled():
            return conclude(last, run_id=run_id, as_json=as_json)
        case JobCreated() if not as_json and not label:
            print_line(last.job.id)
        case Rehearsed() if last.refusal is not None:
            return ExitCode.WORK_FAILED
    return ExitCode.DONE


def conclude(end: Reconciled, *, run_id: str, as_json: bool) -> int:
    """Print where the results are, as data, and return 0 when every request has an answer, 1 otherwise."""
    account, folder = end.account, end.folder
    files = {name: folder / f"{name}.jsonl" for name in ("results", "errors")}
    there = {name: str(path) if path.exists() else None for name, path in files.items()}
    if as_json:
        counts = {
            name: getattr(account, name)
            for name in ("requests", "ok", "failed", "missing", "unexpected", "duplicate", "truncated")
        }
        print_json({"summary": {"run": run_id or None, "job": end.job.id, "phase": end.job.phase, **counts, **there}})
    else:
        for path in filter(None, [*there.values(), str(folder / "account.json")]):
            print_line(path)
    return ExitCode.DONE if account.ok == account.requests else ExitCode.WORK_FAILED


def _plan(
    verb: str,
    asked: Asked,
    opened: Session,
    *,
    model: FoundationModelRef | None,
    window_days: int,
    tags: dict[str, str],
) -> Plan:
    import secrets

    import msgspec

    from tui.runs.submission import as_prefix, plan_for

    profile = opened.profile
    bucket = asked.bucket or profile.bucket
    if not bucket:
        raise UsageError(
            _("no bucket is named for the input and the results"),
            advice=_("Name one with --bucket, ARKDECK_BUCKET, or `bucket` in the profile."),
        )
    plan = plan_for(
        profile, asked.file.resolve(), named=opened.named, service=opened.services.service, folder=Path.cwd()
    )
    return msgspec.structs.replace(
        plan,
        verb=verb,
        bucket=bucket,
        project=asked.project or profile.project,
        input_prefix=as_prefix(asked.input_prefix) or profile.input_prefix,
        output_prefix=as_prefix(asked.output_prefix) or profile.output_prefix,
        model=model.name if model else "",
        version=model.version if model else "",
        custom_model=asked.custom_model or "",
        name=asked.name or "",
        description=asked.description or "",
        window_days=window_days,
        tags=tags,
        create_bucket=asked.create_bucket,
        nonce=secrets.token_hex(4) if asked.again else "",
        out=str(asked.out.resolve()) if asked.out else "",
    )


def _require_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(_("cannot read {path}: {error}", path=path, error=error.strerror)) from error
    if not stat.S_ISREG(mode):
        raise UsageError(_("not a file: {path}", path=path))


VERBS = (submit, run)
