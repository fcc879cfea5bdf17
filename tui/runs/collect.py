"""From a finished job to files on disk, verified, and an account of every request."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from pathlib import Path

import msgspec

from tui.ark.models import Job
from tui.daemon import in_daemon
from tui.dataset.results import Account, reconcile
from tui.errors import UsageError, WorkError
from tui.files import write_atomic
from tui.fingerprint import crc64_of_file
from tui.i18n import _
from tui.runs.events import Downloading, Event, FileCollected, FileKept, Reconciled
from tui.runs.folder import ACCOUNT, ERRORS, RESULTS, claim, stamp
from tui.runs.services import Services
from tui.storage.client import ObjectInfo
from tui.storage.download import Downloaded, download
from tui.storage.upload import Progress


class JobNotFinishedError(UsageError):
    """The job is still at work; its result files are not written yet."""


async def collect(job: Job, folder: Path, services: Services) -> AsyncGenerator[Event, None]:
    """Download the job's result and error files to `folder`, whatever phase it ended in; files already there stay.

    Raises:
        JobNotFinishedError: the job is still at work.
        FolderTakenError: the folder holds something else.
    """
    if not job.phase.finished:
        raise JobNotFinishedError(
            _("job {job} is {phase}: its results are written when it ends", job=job.id, phase=job.phase),
            advice=_("Wait for it:  arkdeck watch {job}", job=job.id),
        )
    claim(folder, job.id)
    stamp(folder, job.id)
    for name, info in (await _find_files(job, services)).items():
        async with aclosing(_fetch(job, info, folder, name, services)) as events:
            async for event in events:
                yield event


async def account(job: Job, folder: Path, services: Services) -> AsyncGenerator[Event, None]:
    """Say what became of every request of the job, from the files in `folder`, and write it to `account.json`."""
    results = [path for path in (folder / RESULTS, *_older(folder, RESULTS)) if path.exists()]
    errors = [path for path in (folder / ERRORS, *_older(folder, ERRORS)) if path.exists()]
    with ExitStack() as leaving:
        source = _local_input(job, services)
        if source is None:
            source = (
                Path(leaving.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=".input-"))) / "input.jsonl"
            )
            async with aclosing(_fetch_input(job, source, services)) as events:
                async for event in events:
                    yield event
        found = await in_daemon(lambda: reconcile(source, results, errors), name="reconcile")
    write_atomic(folder / ACCOUNT, _report(job, found, results, errors))
    yield Reconciled(job, folder, found)


def _older(folder: Path, name: str) -> list[Path]:
    stem = name.removesuffix(".jsonl")
    return sorted(path for path in folder.glob(f"{stem}.*.jsonl") if path.name != name)


async def _find_files(job: Job, services: Services) -> dict[str, ObjectInfo]:
    """The job's files in the store by local name; one that the service did not write is absent.

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
    if path.exists():
        if await in_daemon(lambda: _same_content(path, info), name="compare"):
            yield FileCollected(name, path, info.size, "crc64" if info.crc64 is not None else "size")
            return
        yield FileKept(_make_room(path))
    stream = download(services.store, job.output.bucket, info, folder, name)
    async with aclosing(stream):
        async for event in stream:
            match event:
                case Progress(done=done, total=total):
                    yield Downloading(name, done, total)
                case Downloaded(path=done_path, verified=verified):
                    yield FileCollected(name, done_path, info.size, verified)


def _same_content(path: Path, info: ObjectInfo) -> bool:
    return path.stat().st_size == info.size and info.crc64 in (None, crc64_of_file(path))


def _make_room(path: Path) -> Path:
    """Rename an earlier file of the same job, which a resumed job has superseded, after its content."""
    return path.rename(path.with_name(f"{path.stem}.{crc64_of_file(path):016x}{path.suffix}"))


def _local_input(job: Job, services: Services) -> Path | None:
    """The operator's own file, if the journal knows it and it is still what was sent."""
    run = services.journal.run_of_job(job.id)
    if run is None or run.fingerprint is None:
        return None
    path = Path(run.plan.input)
    try:
        stat = path.stat()
    except OSError:
        return None
    same = (stat.st_size, stat.st_mtime_ns) == (run.fingerprint.size, run.fingerprint.mtime_ns)
    return path if same else None


async def _fetch_input(job: Job, target: Path, services: Services) -> AsyncGenerator[Event, None]:
    info = await services.store.head(job.input.bucket, job.input.key)
    if info is None:
        raise WorkError(
            _(
                "the input of job {job} is neither here nor in the store: {key}",
                job=job.id,
                key=job.input.key,
            ),
            advice=_("The results are in place; without the input nobody can tell which requests are missing."),
        )
    stream = download(services.store, job.input.bucket, info, target.parent, target.name)
    async with aclosing(stream):
        async for event in stream:
            if isinstance(event, Progress):
                yield Downloading(_("input of {job}", job=job.id), event.done, event.total)


def _report(job: Job, found: Account, results: list[Path], errors: list[Path]) -> bytes:
    counts = job.counts
    content = {
        "job": job.id,
        "name": job.name,
        "phase": str(job.phase),
        "service_counts": {"total": counts.total, "completed": counts.completed, "failed": counts.failed},
        "results": [path.name for path in results],
        "errors": [path.name for path in errors],
        "account": msgspec.to_builtins(found),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


async def collect_and_account(job: Job, folder: Path, services: Services) -> AsyncGenerator[Event, None]:
    """Collect a job that no run is bringing home, and account for its requests."""
    for step in (collect, account):
        async with aclosing(step(job, folder, services)) as events:
            async for event in events:
                yield event
