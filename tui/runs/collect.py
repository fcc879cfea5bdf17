"""From a finished job to files on disk, verified, and an account of every request."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.models import Job
from tui.daemon import in_daemon, stream_from_daemon
from tui.dataset.results import Account, ReconcileProgress, Sources, reconcile
from tui.errors import UsageError, WorkError
from tui.files import write_atomic
from tui.fingerprint import crc64_of_file
from tui.i18n import _
from tui.runs.events import Accounting, Downloading, Event, FileCollected, FileKept, FilesFound, Reconciled
from tui.runs.folder import ACCOUNT, ERRORS, INDEX, RESULTS, claim, local_files, owner_of, remove_stamp, stamp
from tui.runs.journal import Journal
from tui.runs.run import Run
from tui.runs.services import Services
from tui.storage.client import ObjectInfo
from tui.storage.download import Downloaded, download
from tui.storage.part_file import bytes_done, discard
from tui.storage.upload import Progress

FETCHED_INPUT: Final = ".input.jsonl"


class InputLostError(WorkError):
    """The input that a job's answers belong to is nowhere to be found."""


class JobNotFinishedError(UsageError):
    """The job is still at work; its result files are not written yet."""


def require_finished(job: Job) -> None:
    """Make sure that the job's results are written (JobNotFinishedError)."""
    if not job.phase.finished:
        raise JobNotFinishedError(
            _("job {job} is {phase}: its results are written when it ends", job=job.id, phase=job.phase),
            advice=_("Wait for it:  arkdeck watch {job}", job=job.id),
        )


async def collect(
    job: Job, folder: Path, services: Services, *, source: Path | None = None
) -> AsyncGenerator[Event, None]:
    """Download the job's result and error files to `folder`, whatever phase it ended in; files already there stay.

    Args:
        job: as the service describes it now.
        folder: holds this job's files only, or none.
        services: know where everything is.
        source: the input, where that is known already.

    Raises:
        JobNotFinishedError: the job is still at work.
        FolderTakenError: the folder holds something else.
    """
    require_finished(job)
    await in_daemon(lambda: _make_room(folder, job.id), name="claim")
    files = await job_files(job, services)
    sizes = {name: info.size for name, info in files.items()}
    yield FilesFound(sizes | await _input_to_fetch(job, source, services))
    for name, info in files.items():
        async with aclosing(_fetch(job, info, folder, name, services)) as events:
            async for event in events:
                yield event


async def account(
    job: Job, folder: Path, services: Services, *, source: Path | None = None
) -> AsyncGenerator[Event, None]:
    """Say what became of every request of the job, from the files in `folder`; write `account.json` and the index.

    Args:
        job: as the service described it last.
        folder: holds what was collected.
        services: know where the input is.
        source: the input, where that is known already.

    Raises:
        InputLostError: neither this machine nor the store has the input any more.
    """
    source = source or await _known_input(job, services)
    fetched = folder / FETCHED_INPUT
    if source is None:
        async with aclosing(fetch_input(job, fetched, services)) as events:
            async for event in events:
                yield event
    async with aclosing(account_files(job, folder, source or fetched)) as steps:
        async for step in steps:
            if isinstance(step, Account):
                await in_daemon(lambda: _drop_fetched(fetched), name="tidy")
                await services.journal.write_apart(Journal.keep_account, job.id, step)
                yield Reconciled(job, folder, step)
            else:
                yield step


async def account_files(job: Job | None, folder: Path, source: Path) -> AsyncGenerator[Accounting | Account, None]:
    """Account for the requests of `source` from the files in `folder`, and write the index; the account comes last.

    Args:
        job: what `account.json` is to tell; without one it is not written.
        folder: holds the result and error files.
        source: the input.
    """
    with local_files(folder):
        replies, older = reply_files(folder)
        sources = Sources(source, replies, older)
        reconciling = stream_from_daemon(lambda: reconcile(sources, folder / INDEX), name="reconcile")
        async with aclosing(reconciling) as steps:
            async for step in steps:
                if isinstance(step, ReconcileProgress):
                    yield Accounting(step.done, step.total)
                    continue
                if job is not None:
                    report = _report(job, step, [*replies, *older])
                    await in_daemon(lambda: write_atomic(folder / ACCOUNT, report), name="report")  # noqa: B023
                yield step


def reply_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the result and error files in a folder: the newest, and those that they supersede, newest first."""
    return [path for path in (folder / RESULTS, folder / ERRORS) if path.exists()], _older(folder)


def _older(folder: Path) -> list[Path]:
    """Files that a resumed job has superseded, under the names that `_clear_the_way` gave them; the newest first."""
    named = re.compile(r"(results|errors)\.[0-9a-f]{16}\.jsonl")
    found = [path for path in folder.iterdir() if named.fullmatch(path.name)]
    return sorted(found, key=lambda path: (-path.stat().st_mtime_ns, path.name))


async def job_files(job: Job, services: Services) -> dict[str, ObjectInfo]:
    """Return the job's files in the store by the names they get here; one that the service did not write is absent.

    The error file is looked for where the job says, then where the guides say, then by listing (ark-openapi.md §3).
    """
    bucket, root = job.output.bucket, f"{job.output.key}{job.id}/"
    candidates = [f"{root}error/{ERRORS}", f"{root}output/{ERRORS}"]
    if job.error_file is not None and job.error_file.key:
        candidates.insert(0, job.error_file.key)
    files: dict[str, ObjectInfo] = {}
    for name, keys in ((RESULTS, [f"{root}output/{RESULTS}"]), (ERRORS, candidates)):
        for key in keys:
            info = await services.store.head(bucket, key)
            if info is not None:
                files[name] = info
                break
    if len(files) < 2:
        async for info in services.store.list(bucket, root):
            name = info.key.rsplit("/", 1)[-1]
            if name in (RESULTS, ERRORS):
                files.setdefault(name, info)
    return files


async def _fetch(
    job: Job, info: ObjectInfo, folder: Path, name: str, services: Services
) -> AsyncGenerator[Event, None]:
    path = folder / name
    with local_files(folder):
        present, kept = await in_daemon(lambda: _clear_the_way(path, info), name="compare")
    if present:
        yield FileCollected(name, path, info.size, "crc64" if info.crc64 is not None else "size")
        return
    if kept is not None:
        yield FileKept(kept)
    stream = download(services.store, job.output.bucket, info, folder, name)
    async with aclosing(stream):
        async for event in stream:
            match event:
                case Progress(done=done, total=total):
                    yield Downloading(name, done, total)
                case Downloaded(path=done_path, verified=verified):
                    yield FileCollected(name, done_path, info.size, verified)


def bytes_here(folder: Path) -> int:
    """Return how much of a job's files a folder has, finished or not; it blocks."""
    there = (folder / name for name in (RESULTS, ERRORS))
    return sum(path.stat().st_size if path.is_file() else bytes_done(folder, path.name) for path in there)


def give_up(folder: Path, job_id: str) -> None:
    """Remove what an unfinished collect of a job left in its folder, but for files that are whole; it blocks."""
    with local_files(folder):
        if owner_of(folder) != job_id:
            return
        for name in (RESULTS, ERRORS, FETCHED_INPUT):
            discard(folder, name)
        (folder / FETCHED_INPUT).unlink(missing_ok=True)
        if not any(chain.from_iterable(reply_files(folder))):
            remove_stamp(folder, job_id)


def _make_room(folder: Path, job_id: str) -> None:
    claim(folder, job_id)
    stamp(folder, job_id)


async def _known_input(job: Job, services: Services) -> Path | None:
    run = services.journal.run_of_job(job.id)
    return await in_daemon(lambda: local_input(run), name="compare")


async def _input_to_fetch(job: Job, source: Path | None, services: Services) -> dict[str, int]:
    """The size of the input by its name, if the account will need it from the store."""
    if source or await _known_input(job, services):
        return {}
    info = await services.store.head(job.input.bucket, job.input.key)
    return {FETCHED_INPUT: info.size} if info is not None else {}


def _drop_fetched(fetched: Path) -> None:
    fetched.unlink(missing_ok=True)
    discard(fetched.parent, fetched.name)


def _same_content(path: Path, info: ObjectInfo) -> bool:
    return path.stat().st_size == info.size and info.crc64 in (None, crc64_of_file(path))


def _clear_the_way(path: Path, info: ObjectInfo) -> tuple[bool, Path | None]:
    """Whether the file is there already; and where an earlier one, which a resumed job has superseded, is kept."""
    if not path.exists():
        return False, None
    if _same_content(path, info):
        discard(path.parent, path.name)  # what a crash left just after the file had its name
        return True, None
    return False, path.rename(path.with_name(f"{path.stem}.{crc64_of_file(path):016x}{path.suffix}"))


def local_input(run: Run | None, path: Path | None = None) -> Path | None:
    """Return the operator's own file, if the journal knows it and it is still what was sent; it blocks.

    Args:
        run: the journal's.
        path: where the file lies now, if it is not where it was.
    """
    if run is None or run.fingerprint is None:
        return None
    path, known = path or Path(run.plan.input), run.fingerprint
    try:
        stat = path.stat()
        same = stat.st_size == known.size and (stat.st_mtime_ns == known.mtime_ns or crc64_of_file(path) == known.crc64)
    except OSError:
        return None
    return path if same else None


async def fetch_input(job: Job, target: Path, services: Services) -> AsyncGenerator[Event, None]:
    """Bring the job's input from the store to `target`, unless it is there (InputLostError: the store has it not)."""
    info = await services.store.head(job.input.bucket, job.input.key)
    if info is None:
        raise InputLostError(
            _("the input of job {job} is neither here nor in the store: {key}", job=job.id, key=job.input.key),
            advice=_("The results are in place; without the input nobody can tell which requests are missing."),
        )
    with local_files(target.parent):
        if await in_daemon(lambda: _is_fetched(target, info), name="compare"):
            return
    stream = download(services.store, job.input.bucket, info, target.parent, target.name)
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, Progress):
                yield Downloading(_("input of {job}", job=job.id), event.done, event.total)


def _is_fetched(target: Path, info: ObjectInfo) -> bool:
    if target.exists() and _same_content(target, info):
        return True
    target.unlink(missing_ok=True)
    return False


def _report(job: Job, found: Account, files: list[Path]) -> bytes:
    counts = job.counts
    content = {
        "job": job.id,
        "name": job.name,
        "phase": str(job.phase),
        "service_counts": {"total": counts.total, "completed": counts.completed, "failed": counts.failed},
        "files": [path.name for path in files],
        "account": msgspec.to_builtins(found),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
