"""Sending again what a job has left: the file of it, and the plan by which it becomes a child of that job."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Job, Phase
from tui.daemon import stream_from_daemon
from tui.dataset.remainder import Only, Reason, Remainder, WriteProgress, Written, write_remainder
from tui.dataset.request_change import Change
from tui.dataset.results import Account
from tui.dataset.row_index import RowIndex
from tui.errors import UsageError
from tui.files import new_file
from tui.i18n import _, plural
from tui.runs.create import RUN_TAG
from tui.runs.events import Copying
from tui.runs.folder import LocalFileError, local_files, require_writable
from tui.runs.journal import Journal
from tui.runs.lineage import ancestors, generation
from tui.runs.plan import MAX_NAME, Plan
from tui.runs.run import Run
from tui.runs.services import Services

BROKE_OFF: Final = frozenset([Phase.TERMINATED, Phase.FAILED])
"""Phases from which the service can go on with a job."""

_PLATFORMS_TAG: Final = "sys:"
_RETRY: Final = re.compile(r"-retry-[0-9]+$")


class FileTakenError(UsageError):
    """A file is in the place of the one that is to be written."""


@dataclass(frozen=True)
class RetryFile:
    """The file of what is left; `found` when it was there already, byte for byte."""

    path: Path
    size: int
    sha256: str
    found: bool


async def write_retry_file(
    index: RowIndex, only: Only, changes: Sequence[Change], folder: Path, *, to: Path | None = None
) -> AsyncGenerator[Copying | RetryFile, None]:
    """Write what is left as a new input, whole or not at all; the RetryFile comes last.

    No file is ever replaced. One that has exactly this content is taken as it is, so that the same call again leads to
    the same file.

    Args:
        index: of the results.
        only: which requests are left.
        changes: of their bodies.
        folder: of the results; the file is the first free `retry-N.jsonl` there.
        to: the file, if it is another.

    Raises:
        FileTakenError: `to` is there and is something else.
        UnchangeableError: a change has no place in one of the requests.
        FolderUnusableError, LocalFileError: it cannot be written.
    """
    writing = stream_from_daemon(lambda: _write(index, only, changes, folder, to), name="write")
    async with aclosing(writing) as steps:
        async for step in steps:
            yield step if isinstance(step, RetryFile) else Copying(step.done, step.total)


def _write(
    index: RowIndex, only: Only, changes: Sequence[Change], folder: Path, to: Path | None
) -> Iterator[WriteProgress | RetryFile]:
    require_writable(to.parent if to else folder)
    path, taken = (to, [to]) if to else _free_name(folder)
    if any(map(os.path.lexists, taken)):
        with Path(os.devnull).open("wb") as nowhere:
            for step in write_remainder(index, only, changes, nowhere):
                if isinstance(step, Written) and (same := _same_file(taken, step)):
                    yield RetryFile(same, step.size, step.sha256, found=True)
                    return
    try:
        with local_files(path.parent), new_file(path) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
            for step in write_remainder(index, only, changes, file):
                if isinstance(step, WriteProgress):
                    yield step
                else:
                    written = step
    except LocalFileError as error:
        if isinstance(error.__cause__, FileExistsError):
            raise FileTakenError(
                _("{path} is there already, and is something else", path=path),
                advice=_("Name another file (--to). Nothing was changed."),
            ) from None
        raise
    yield RetryFile(path, written.size, written.sha256, found=False)


def _free_name(folder: Path) -> tuple[Path, list[Path]]:
    """Return the first name that is free, and the files under those before it."""
    taken: list[Path] = []
    for number in count(1):
        path = folder / f"retry-{number}.jsonl"
        if not os.path.lexists(path):
            break
        taken.append(path)
    return path, taken


def _same_file(paths: Sequence[Path], written: Written) -> Path | None:
    for path in paths:
        if path.is_file() and path.stat().st_size == written.size:
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() == written.sha256:
                    return path
    return None


async def resumable(job_id: str, account: Account, services: Services) -> Job | None:
    """Return the job if the service can go on with it itself: it broke off half way, and its input is in the store.

    A failed job of which nothing was answered is not one: most likely its input was refused.
    """
    try:
        job = await services.ark.get_job(job_id)
    except ArkNotFoundError:
        return None
    run = await services.journal.apart(lambda own: own.run_of_job(job_id))
    if job.phase not in BROKE_OFF or (job.phase == Phase.FAILED and account.missing == account.requests):
        return None
    there = await services.store.head(job.input.bucket, job.input.key)
    known = run.fingerprint if run else None
    intact = there is not None and (known is None or (there.size, there.crc64) == (known.size, known.crc64))
    return job if intact else None


def would_resume(job: Job | None, only: Only, account: Account, changes: Sequence[Change]) -> bool:
    """Whether the platform's own Resume may do what is asked for, as far as is known here."""
    broke_off = job is not None and job.phase in BROKE_OFF
    return broke_off and Reason.MISSING in only.reasons and account.missing > 0 and not changes


def in_words(remainder: Remainder, *, changed: bool) -> list[str]:
    """Return how many requests are left and why, then those whose reason sending again will not change.

    Args:
        remainder: not empty.
        changed: they are not sent as they were.
    """
    words = {
        Reason.FAILED: _("{count:,} failed"),
        Reason.MISSING: _("{count:,} missing"),
        Reason.TRUNCATED: _("{count:,} cut short"),
        Reason.REFUSED: _("{count:,} refused"),
        Reason.EMPTY: _("{count:,} empty"),
    }
    reasons = " · ".join(words[reason].format(count=count) for reason, count in remainder.reasons.items() if count)
    lines = [
        plural("{count} request is left: {reasons}", "{count} requests are left: {reasons}", remainder.requests,
               reasons=reasons)
    ]  # fmt: skip
    lines += [f"    {count:,} × {code or _('no code')}" for code, count in remainder.codes.items()]
    if remainder.lasting and not changed:
        lines.append(
            plural("{count} of them failed for a reason that sending again will not change: {codes}",
                   "{count} of them failed for a reason that sending again will not change: {codes}",
                   sum(remainder.lasting.values()), codes=", ".join(remainder.lasting))
        )  # fmt: skip
    return lines


def child_plan(file: RetryFile, parent: Job, run: Run | None, journal: Journal, template: Plan) -> Plan:
    """Return the plan by which a retry's file is sent: as its parent was, as a child of it.

    Args:
        file: what is sent.
        parent: the job that left it; all of it, where there is no run.
        run: of the parent, if the journal has one.
        journal: knows what was sent before.
        template: of a submission of the profile in force, for what neither job nor run tell.
    """
    base = run.plan if run is not None else _plan_of(parent, template)
    sent = {known.fingerprint.sha256 for known in _runs_before(parent.id, journal) if known.fingerprint}
    return msgspec.structs.replace(
        base,
        verb="submit",
        input=str(file.path),
        profile=template.profile,
        name=_retry_name(base.job_name, generation(journal, parent.id)),
        nonce=hashlib.blake2b(parent.id.encode(), digest_size=4).hexdigest() if file.sha256 in sent else "",
        create_bucket=False,
        out="",
        folder=template.folder,
        parent=parent.id,
    )


def _plan_of(job: Job, template: Plan) -> Plan:
    return msgspec.structs.replace(
        template,
        bucket=job.input.bucket,
        project=job.project,
        output_prefix=job.output.key,
        name=job.name,
        description=job.description,
        window_days=job.window_days or template.window_days,
        tags={key: value for key, value in job.tags.items() if key != RUN_TAG and not key.startswith(_PLATFORMS_TAG)},
    ).for_model(job.model)


def _runs_before(job_id: str, journal: Journal) -> list[Run]:
    found = [journal.run_of_job(one) for one in (job_id, *ancestors(journal, job_id))]
    return [run for run in found if run is not None]


def _retry_name(name: str, number: int) -> str:
    ending = f"-retry-{number}"
    return _RETRY.sub("", name)[: MAX_NAME - len(ending)] + ending
