"""The flows' events as the command tells them: narration and progress on a terminal, or one JSON object per event."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from tui.ark.models import Job, Phase
from tui.cli.output import print_json, say
from tui.cli.progress import ProgressLine
from tui.dataset.check import CheckProgress, CheckSummary, Issue
from tui.dataset.results import Account
from tui.errors import ArkdeckError
from tui.glyphs import UNICODE
from tui.i18n import _, plural
from tui.runs import events
from tui.text import human_bytes, human_duration

_ERROR_GROUPS: Final = 5


def phase_label(phase: str) -> str:
    """Return a phase as glyph and word; one that nobody knows keeps its name."""
    return f"{UNICODE.phase(phase)} {phase}"


@dataclass(frozen=True)
class Line:
    """One event in words and in fields.

    Attributes:
        name: the event's name in JSON.
        text: what is said; empty when only progress moves.
        fields: what JSON carries beside the name.
        details: lines that follow the text, indented.
        progress: label, done, total, unit and note of the step under way.
    """

    name: str
    text: str = ""
    fields: Mapping[str, object] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    progress: tuple[str, int, int, str, str] | None = None


class Narrator:
    """Tells events as they come, each phase of a job once.

    Args:
        as_json: print every event as a line of data instead.
        label: begins every line, where several flows are told at once; then no progress is shown.
    """

    def __init__(self, *, as_json: bool, label: str = "") -> None:
        self._as_json = as_json
        self._label = f"{label}: " if label else ""
        self._bar = ProgressLine(shown=not label and not as_json)
        self._phases: dict[str, str] = {}
        self._outage: type[ArkdeckError] | None = None

    def __enter__(self) -> Narrator:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bar.end()

    def tell(self, event: events.Event) -> None:
        """Tell one event."""
        line = self._line(event)
        if self._as_json:
            print_json({"event": line.name, **line.fields})
            return
        if line.text:
            self._bar.end()
            say(self._label + line.text)
            for detail in line.details:
                say(detail, indent=4)
        if line.progress:
            label, done, total, unit, note = line.progress
            self._bar.show(label, done, total, unit=unit, note=note)

    def _line(self, event: events.Event) -> Line:
        match event:
            case events.JobSampled(job=job):
                return self._sampled(event, job)
            case events.JobCreated():
                return _created(event)
            case events.Reconciled(account=account, folder=folder):
                text = plural("account of {count} request:", "account of {count} requests:", account.requests)
                fields = {"folder": str(folder), **msgspec.to_builtins(account)}
                details = (*account_lines(account), *_ways_on(event))
                return Line("reconciled", text, fields, details=details)
            case events.PollFailed(cause=cause, since=since, next_in=wait):
                text = _(
                    "no answer; what is shown is of {since:%H:%M:%S}: {error}",
                    since=since,
                    error=cause.message,
                )
                return Line("poll_failed", text, {"error": cause.message, "since": since.isoformat(), "next_in": wait})
            case events.Interrupted():
                known, self._outage = self._outage, type(event.cause)
                return _interrupted(event, known=event.failures > 1 and known is self._outage)
            case events.CreateRetried(cause=cause):
                text = _(
                    "the reply was lost and no job was made of it; creating again: {error}",
                    error=cause.message,
                )
                return Line("create_retried", text, {"error": cause.message})
            case events.JobGone(job_id=job_id, cause=cause):
                return Line("job_gone", cause.message, {"job": job_id, "error": cause.message})
            case events.JobFinished(job=job):
                return Line("job_finished", fields={"job": job.id, "phase": job.phase, "message": job.message})
            case _:
                return _preparation(event) or _transfer(event)

    def _sampled(self, event: events.JobSampled, job: Job) -> Line:
        counts, known = job.counts, event.forecast
        fields = {
            "job": job.id,
            "phase": job.phase,
            "total": counts.total,
            "completed": counts.completed,
            "failed": counts.failed,
            "rate": known.rate,
            "seconds_left": known.seconds_left,
        }
        notes = [_("{count:,} failed", count=counts.failed)] if counts.failed else []
        if known.rate and known.seconds_left is not None and not job.phase.finished:
            notes.append(_("{rate:.0f}/s, {left} left", rate=known.rate, left=human_duration(known.seconds_left)))
        if known.late:
            notes.append(_("will expire first"))
        text = ""
        if self._phases.get(job.id) != job.phase:
            self._phases[job.id] = job.phase
            text = f"{phase_label(job.phase)}  {job.id}"
            if job.phase.finished:
                text += _("  {done:,} of {total:,}, {failed:,} failed by the service's count",
                          done=counts.completed, total=counts.total, failed=counts.failed)  # fmt: skip
            if job.message:
                text += f"  {job.message}"
        label = f"{job.phase} {job.id}"
        done = min(counts.completed, counts.total)
        progress = None if job.phase.finished else (label, done, counts.total, _("requests"), "  ".join(notes))
        return Line("job_sampled", text, fields, progress=progress)


def _interrupted(event: events.Interrupted, *, known: bool) -> Line:
    error, wait = event.cause, event.next_in
    fields = {"error": error.message, "next_in": wait, "failures": event.failures}
    if known:
        return Line("interrupted", _("still stalled, trying again in {wait:.0f} s", wait=wait), fields)
    text = _("stalled, trying again in {wait:.0f} s: {error}", wait=wait, error=error.message)
    return Line("interrupted", text, fields, details=tuple(error.advice.splitlines()))


def account_counts(account: Account) -> list[str]:
    """Return in words how many requests became what."""
    lines = [
        _(
            "{ok:,} answered · {failed:,} failed · {missing:,} missing",
            ok=account.ok,
            failed=account.failed,
            missing=account.missing,
        )
    ]
    oddities = {
        _("unexpected"): account.unexpected,
        _("repeated"): account.duplicate,
        _("cut short"): account.truncated,
        _("refused"): account.refused,
        _("empty"): account.empty,
        _("unreadable lines"): account.unreadable,
    }
    if any(oddities.values()):
        lines.append(" · ".join(f"{count:,} {name}" for name, count in oddities.items() if count))
    return lines


def account_lines(account: Account) -> list[str]:
    """Return an account of requests in words: what became of them, and the commonest errors."""
    lines = account_counts(account)
    for group in account.errors[:_ERROR_GROUPS]:
        sample = _("{count:,} × {code}, as in {id}: {message}")
        code, message = group.code or _("no code"), group.message or _("no message")
        lines.append(sample.format(count=group.count, code=code, id=group.custom_id, message=message[:200]))
    return lines


def _ways_on(event: events.Reconciled) -> list[str]:
    """What to do about requests without an answer."""
    job, account = event.job, event.account
    ways: list[str] = []
    if account.missing and job.phase != Phase.COMPLETED:
        resuming = _(
            "the rest:  arkdeck resume {job}, then  arkdeck watch {job}, then  arkdeck collect {job} --out {folder}",
            job=job.id,
            folder=shlex.quote(str(event.folder)),
        )
        ways.append(resuming)
    if account.failed or account.missing:
        ways.append(_("what is left, as a job of its own:  arkdeck retry {job} --submit", job=job.id))
    return ways


def _created(event: events.JobCreated) -> Line:
    job = event.job
    text = (
        _("job {job} is there already; attached to it", job=job.id)
        if event.found
        else _("created job {job}", job=job.id)
    )
    details = tuple(
        _("{field}: planned {planned!r}, the job has {found!r}", field=name, planned=planned, found=found)
        for name, (planned, found) in event.differences.items()
    )
    return Line(
        "job_created",
        text,
        {
            "job": job.id,
            "found": event.found,
            "differences": {k: list(v) for k, v in event.differences.items()},
        },
        details=details,
    )


def _preparation(event: events.Event) -> Line | None:
    match event:
        case events.RunBegun(run_id=run, taken_up=taken_up, state=state, kept=kept):
            words = _("taking up run {run}, which was {state}") if taken_up else _("run {run}")
            too_late = _("{field}: asked for {asked!r}, too late: the job has {has!r}")
            details = tuple(too_late.format(field=name, asked=asked, has=has) for name, (asked, has) in kept.items())
            fields = {"run": run, "taken_up": taken_up, "state": state}
            return Line("run_begun", words.format(run=run, state=state), fields, details=details)
        case CheckProgress(done=done, total=total):
            return Line("checking", fields=_bytes(done, total), progress=(_("checking"), done, total, "bytes", ""))
        case Issue() as issue:
            where = _("line {line:,}: ", line=issue.line) if issue.line else ""
            fields = {
                "line": issue.line,
                "rule": issue.rule,
                "severity": str(issue.severity),
                "message": issue.message,
            }
            return Line("issue", f"{issue.severity}: {where}{issue.message}", fields)
        case CheckSummary() as summary:
            size = human_bytes(summary.bytes)
            text = plural("checked: {count} request", "checked: {count} requests", summary.requests) + f", {size}"
            if summary.errors:
                text += plural(", {count} error", ", {count} errors", summary.errors)
            if summary.warnings:
                text += plural(", {count} warning", ", {count} warnings", summary.warnings)
            fields = {
                "requests": summary.requests,
                "errors": summary.errors,
                "warnings": summary.warnings,
                "bytes": summary.bytes,
            }
            return Line("checked", text, fields)
        case events.ModelChosen(model=model, version=version):
            text = _("model {model}, its primary version {version}", model=model, version=version)
            return Line("model_chosen", text, {"model": model, "version": version})
        case events.BucketCreated(bucket=bucket):
            return Line("bucket_created", _("created the private bucket {bucket}", bucket=bucket), {"bucket": bucket})
        case _:
            return None


def _transfer(event: events.Event) -> Line:
    match event:
        case events.UploadBegun(bucket=bucket, key=key, size=size, how=how):
            words = {
                "upload": _("uploading {size} to {place}"),
                "copy": _("the store has this content ({size}); copying it to {place}"),
                "present": _("the store has this content already ({size}): {place}"),
            }
            text = words[how].format(size=human_bytes(size), place=f"tos://{bucket}/{key}")
            return Line("upload_begun", text, {"bucket": bucket, "key": key, "size": size, "how": how})
        case events.Rehearsed():
            return _rehearsed(event)
        case events.Uploading(done=done, total=total):
            return Line("uploading", fields=_bytes(done, total), progress=(_("uploading"), done, total, "bytes", ""))
        case events.InputUploaded(bucket=bucket, key=key):
            return Line("input_uploaded", _("input in place, size and CRC-64 equal"), {"bucket": bucket, "key": key})
        case events.FilesFound(sizes=sizes):
            return Line("files_found", fields={"files": dict(sizes)})
        case events.Downloading(name=name, done=done, total=total):
            return Line(
                "downloading",
                fields={"name": name, **_bytes(done, total)},
                progress=(name, done, total, "bytes", ""),
            )
        case events.FileCollected(name=name, path=path, size=size, verified=verified):
            how = _("CRC-64 verified") if verified == "crc64" else _("size verified; the store told no checksum")
            text = f"{path}  {human_bytes(size)}  {how}"
            return Line("file_collected", text, {"name": name, "path": str(path), "size": size, "verified": verified})
        case events.FileKept(path=path):
            return Line("file_kept", _("the earlier file stays as {path}", path=path), {"path": str(path)})
        case events.Accounting(done=done, total=total):
            return Line("accounting", fields=_bytes(done, total), progress=(_("accounting"), done, total, "bytes", ""))
        case events.Copying(done=done, total=total):
            return Line("copying", fields=_bytes(done, total), progress=(_("copying"), done, total, _("requests"), ""))
        case _:
            raise TypeError(f"no words for {event!r}")


def _rehearsed(event: events.Rehearsed) -> Line:
    words = {
        "upload": _("would upload {size} to {place}"),
        "copy": _("would copy the same content ({size}), which is in the store, to {place}"),
        "present": _("the content ({size}) is in the store: {place}"),
    }
    text = words[event.how].format(size=human_bytes(event.size), place=f"tos://{event.bucket}/{event.key}")
    if event.existing:
        job = event.existing
        verdict = _(
            "this content has the job {job} ({phase}), which would be taken; no new one", job=job.id, phase=job.phase
        )
    elif event.refusal:
        verdict = _("dry run: the service would refuse: {error}", error=event.refusal.message)
    elif event.unjudged:
        verdict = _("dry run: the service judges the job once its input is uploaded")
    else:
        verdict = _("dry run: the service would create the job")
    making = (_("would create the private bucket {bucket}", bucket=event.bucket),) if event.new_bucket else ()
    fields = {
        "bucket": event.bucket,
        "new_bucket": event.new_bucket,
        "key": event.key,
        "size": event.size,
        "how": event.how,
        "job": event.existing.id if event.existing else None,
        "refusal": event.refusal.message if event.refusal else None,
        "unjudged": event.unjudged,
    }
    return Line("rehearsed", text, fields, details=(*making, verdict))


def _bytes(done: int, total: int) -> dict[str, object]:
    return {"done": done, "total": total}
