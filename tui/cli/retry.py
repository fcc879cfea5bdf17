"""`arkdeck retry`: what a job has left as a new input, and as a new job."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.opened import opened_results, results_options
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option, open_journal, session
from tui.cli.submit import sending_options, tell
from tui.errors import ArkdeckError, UsageError
from tui.i18n import _, plural

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.cli.session import Session
    from tui.dataset.remainder import Only, Remainder
    from tui.dataset.request_change import Change
    from tui.runs.plan import Plan
    from tui.runs.results_folder import Results
    from tui.runs.retry import RetryFile
    from tui.runs.run import Run

_SENDING: Final = (
    "model", "custom_model", "name", "description", "project", "window", "tags", "bucket", "input_prefix",
    "output_prefix", "create_bucket", "again", "dry_run",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the operator asked for with `retry`; what is left empty is as the job to be retried has it."""

    where: str
    out: Path | None
    input_file: Path | None
    profile: str | None
    only: tuple[str, ...]
    changes: tuple[str, ...]
    to: Path | None
    submit: bool
    as_json: bool
    model: str | None
    custom_model: str | None
    name: str | None
    description: str | None
    project: str | None
    window: str | None
    tags: tuple[str, ...]
    bucket: str | None
    input_prefix: str | None
    output_prefix: str | None
    create_bucket: bool
    again: bool
    dry_run: bool


@dataclass(frozen=True)
class _Left:
    """What came of the results: the file, and whose remainder it is; `resumed` when the platform goes on instead."""

    file: RetryFile | None = None
    parent: str = ""
    run: Run | None = None
    resumed: bool = False


def _retry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        results_options,
        click.option(
            "--only",
            metavar="WHICH",
            multiple=True,
            help=_("failed, missing, truncated, refused, empty or code=X; repeatable; failed and missing by default"),
        ),
        click.option(
            "--set",
            "changes",
            metavar="PATH=VALUE",
            multiple=True,
            help=_("change the body of every request, as in max_tokens=4096; repeatable"),
        ),
        click.option(
            "--to",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=_("write it there; retry-N.jsonl beside the results by default"),
        ),
        click.option("--submit", is_flag=True, help=_("send it too: as the first job was, but for the options below")),
        sending_options(window=None),
        json_option,
    ]
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@click.command()
@_retry_options
@asynchronous
async def retry(**given: Any) -> int:
    """Write what a finished job has left as a new input.

    The requests that failed or have no answer, or those that --only names, as they were sent: byte for byte, in the
    input's order. --set changes a value and nothing else. No file is ever replaced.

    With --submit it is sent as well, and known as a retry of the job from then on: `arkdeck merge ID` makes one set of
    results of both. The same call again leads to the same job.
    """
    from tui.dataset.remainder import parse_only
    from tui.dataset.request_change import parse_change

    asked = Asked(**given)
    only, changes = parse_only(asked.only), [parse_change(text) for text in asked.changes]
    told = _told(asked)
    left = await _write(asked, only, changes)
    if left.file is None:
        return ExitCode.DONE
    if asked.submit:
        return await _send(asked, left, left.file, told)
    if not asked.as_json:
        print_line(str(left.file.path))
        say(_("send it:  the same command with --submit"))
    return ExitCode.DONE


async def _write(asked: Asked, only: Only, changes: Sequence[Change]) -> _Left:
    from tui.cli.narrator import Narrator
    from tui.daemon import in_daemon
    from tui.dataset.remainder import remainder_of
    from tui.runs.lineage import job_named
    from tui.runs.merge import merged_jobs
    from tui.runs.retry import RetryFile, in_words, would_resume, write_retry_file

    with open_journal() as journal:
        where = job_named(asked.where, journal)
    opening = opened_results(
        where, asked.profile, out=asked.out, input_file=asked.input_file, needs_input=only.may_be_left
    )
    async with opening as results:
        remainder = await in_daemon(lambda: remainder_of(results.index, only), name="count")
        parent = results.job.id if results.job is not None else next(reversed(merged_jobs(results.folder)), "")
        if not remainder.requests:
            _say_nothing_left(results, only)
            if asked.as_json:
                print_json(_fields(remainder, None, parent, resumable=False))
            return _Left()
        for line in in_words(remainder, changed=bool(changes)):
            say(line)
        with open_journal() as journal:
            retried = [run.job_id or run.id for run in journal.retries_of(parent)]
            run = journal.run_of_job(parent) if parent else None
        if retried:
            say(_("this was retried before: {jobs}. Of all of them:  arkdeck merge {job}",
                  jobs=", ".join(retried), job=parent))  # fmt: skip
        resumable = None
        if would_resume(results.job, only, results.account, changes):
            resumable = await _resumable(asked, results)
            if resumable is not None and await _resume_instead(asked, resumable):
                return _Left(resumed=True)
        with Narrator(as_json=False) as narrator:
            writing = write_retry_file(
                results.index, only, changes, results.folder, to=asked.to.absolute() if asked.to else None
            )
            async with aclosing(writing) as steps:
                async for step in steps:
                    if isinstance(step, RetryFile):
                        file = step
                    else:
                        narrator.tell(step)
        _say_where(file)
        if asked.as_json:
            print_json(_fields(remainder, file, parent, resumable=resumable is not None))
        return _Left(file, parent, run)


def _say_nothing_left(results: Results, only: Only) -> None:
    account = results.account
    if account.ok == account.requests and not (only.codes or account.truncated or account.refused or account.empty):
        say(plural("nothing is left of {count} request", "nothing is left of {count} requests", account.requests))
        return
    asked = ", ".join([*sorted(only.reasons), *(f"code={code}" for code in sorted(only.codes))])
    say(_("no request is left for the reasons asked for: {asked}", asked=asked))
    if only.codes and account.errors:
        codes = dict.fromkeys(group.code or _("no code") for group in account.errors)
        say(_("requests failed with {codes}", codes=", ".join(codes)), indent=2)


def _say_where(file: RetryFile) -> None:
    from tui.text import human_bytes

    if file.found:
        say(_("{path} holds just this already, {size}", path=file.path, size=human_bytes(file.size)))
    else:
        say(_("wrote {path}, {size}", path=file.path, size=human_bytes(file.size)))


async def _resumable(asked: Asked, results: Results) -> Job | None:
    """Ask the service whether it could go on with the job; without an answer the file is as good."""
    from tui.runs.retry import resumable

    if results.job is None:
        return None
    try:
        async with session(asked.profile or (results.run.plan.profile if results.run else "") or None) as opened:
            return await resumable(results.job.id, results.account, opened.services)
    except ArkdeckError as error:
        say(_("cannot ask whether the job could be resumed: {error}", error=error.message))
        return None


async def _resume_instead(asked: Asked, job: Job) -> bool:
    """Tell that the platform can go on with the job, and do that if somebody is there and wants it."""
    say(_("the platform can go on with job {job} itself, which is {phase} and has its input:  arkdeck resume {job}",
          job=job.id, phase=job.phase))  # fmt: skip
    if asked.as_json or not sys.stdin.isatty():
        return False
    question = _("resume the job, or write the file?")
    answer = click.prompt(question, type=click.Choice(["resume", "file"]), default="file", err=True)
    if answer != "resume":
        return False
    with open_journal() as journal:
        run = journal.run_of_job(job.id)
    async with session(asked.profile or (run.plan.profile if run else "") or None, write=True) as opened:
        await opened.services.ark.resume_job(job.id)
    say(_("resumed {job}; follow it:  arkdeck watch {job}, then  arkdeck collect {job}", job=job.id))
    return True


async def _send(asked: Asked, left: _Left, file: RetryFile, told: dict[str, object]) -> int:
    """Send the file as a child of the job that left it, or as a job of its own where that is not known."""
    import msgspec

    from tui.ark.models import Job
    from tui.runs.course import begin
    from tui.runs.rehearse import rehearse
    from tui.runs.retry import child_plan
    from tui.runs.submission import plan_for

    profile = asked.profile or (left.run.plan.profile if left.run else "") or None
    async with session(profile, write=not asked.dry_run) as opened:
        plan = plan_for(
            opened.profile, file.path, named=opened.named, service=opened.services.service, folder=Path.cwd()
        )
        if left.parent:
            services = opened.services
            parent = await services.ark.get_job(left.parent) if left.run is None else Job(id=left.parent)
            plan = child_plan(file, parent, left.run, services.journal, plan)
        plan = msgspec.structs.replace(plan, **told)
        _require_complete(plan, opened)
        stream = (rehearse if asked.dry_run else begin)(plan, opened.services)
        code = await tell(stream, as_json=asked.as_json)
    if left.parent and not asked.dry_run and code == ExitCode.DONE:
        say(_("when it is finished, all answers as one set:  arkdeck merge {job}", job=left.parent))
    return code


def _told(asked: Asked) -> dict[str, object]:
    """Return the fields of the plan that the options of sending name (UsageError: they do not fit)."""
    from tui.ark.models import parse_model
    from tui.runs.submission import as_prefix, parse_tags, require_text, require_window

    given = [name for name in _SENDING if getattr(asked, name)]
    if given and not asked.submit:
        options = ", ".join(f"--{name.removesuffix('s').replace('_', '-')}" for name in given)
        raise UsageError(_("only for sending: {options}", options=options), advice=_("Add --submit."))
    if asked.model and asked.custom_model:
        raise UsageError(_("name one model"), advice=_("--model NAME[@VERSION], or --custom-model ID"))
    require_text(asked.name, asked.description, asked.input_prefix, asked.output_prefix, *asked.tags)
    told: dict[str, object] = {
        name: value
        for name in ("name", "description", "project", "bucket", "create_bucket")
        if (value := getattr(asked, name))
    }
    if asked.model:
        model = parse_model(asked.model)
        told |= {"model": model.name, "version": model.version, "custom_model": ""}
    if asked.custom_model:
        told |= {"model": "", "version": "", "custom_model": asked.custom_model}
    if asked.window:
        told["window_days"] = require_window(asked.window)
    if asked.tags:
        told["tags"] = parse_tags(asked.tags)
    for name in ("input_prefix", "output_prefix"):
        if prefix := as_prefix(getattr(asked, name)):
            told[name] = prefix
    if asked.again:
        told["nonce"] = secrets.token_hex(4)
    return told


def _require_complete(plan: Plan, opened: Session) -> None:
    from tui.runs.course import OtherServiceError

    if plan.service != opened.services.service:
        raise OtherServiceError(
            _("the job ran on {its}, and the profile points at {ours}", its=plan.service, ours=opened.services.service),
            advice=_("Name the profile or the endpoints that it was sent with."),
        )
    if not plan.bucket:
        raise UsageError(
            _("no bucket is named for the input and the results"),
            advice=_("Name one with --bucket, ARKDECK_BUCKET, or `bucket` in the profile."),
        )
    if not plan.model and not plan.custom_model:
        raise UsageError(
            _("the results do not tell which job they are of, so the model is not known"),
            advice=_("--model NAME[@VERSION], or --custom-model ID"),
        )


def _fields(remainder: Remainder, file: RetryFile | None, parent: str, *, resumable: bool) -> dict[str, object]:
    from tui.dataset.remainder import Reason

    return {
        "event": "remainder",
        "parent": parent or None,
        "requests": remainder.requests,
        **{reason.value: remainder.reasons.get(reason, 0) for reason in Reason},
        "codes": dict(remainder.codes),
        "lasting": dict(remainder.lasting),
        "resumable": resumable,
        "file": str(file.path) if file else None,
        "bytes": file.size if file else 0,
        "found": file.found if file else False,
    }


VERBS = (retry,)
