"""One set of results made of a job's and its retries': a folder of its own, with the proof of what is in it."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from tui.daemon import stream_from_daemon
from tui.dataset.merging import Merged, MergeProgress, merge
from tui.dataset.results import Account, ReconcileProgress, Sources, reconcile
from tui.errors import UsageError, WorkError
from tui.files import PART_SUFFIX, new_file, private_folder, sync_folder, write_atomic
from tui.i18n import _
from tui.runs.collect import reply_files
from tui.runs.events import Accounting, Copying
from tui.runs.folder import ACCOUNT, ERRORS, INDEX, RESULTS, FolderTakenError, local_files, owner_of
from tui.runs.journal import Journal
from tui.runs.lineage import family, job_named
from tui.runs.results_folder import Results
from tui.text import clean

_COUNTS: Final = ("requests", "ok", "failed", "missing", "unexpected", "duplicate", "unreadable")
_TAKEN: Final = frozenset([errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR])


class NothingToMergeError(UsageError):
    """The generations that were named are not some that can be merged."""


class MergeBrokenError(WorkError):
    """What was written is not what was chosen; nothing of it is kept."""


@dataclass(frozen=True)
class MergedResults:
    """The results of all generations as one.

    Attributes:
        folder: holds them.
        account: of every row of all generations: what became of each request, and how many rows are unexpected,
            repeated within a generation, or unreadable.
        superseded: rows of one generation that those of another stand in for.
    """

    folder: Path
    account: Account
    superseded: int


class _Jobs(msgspec.Struct):
    jobs: tuple[str, ...] = ()


def merged_jobs(folder: Path) -> tuple[str, ...]:
    """Return the jobs whose results were merged to the folder, oldest first; none if it is not such a folder."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / ACCOUNT).read_bytes(), type=_Jobs).jobs
    return ()


def generations_of(targets: Sequence[str], journal: Journal) -> list[str]:
    """Return what is to be merged, oldest first, each a job or a folder of results.

    Args:
        targets: runs, jobs or folders. Several are taken as they are; one stands for its whole family.
        journal: knows the runs and which job is the retry of which.
    """
    if len(targets) > 1:
        return [name if Path(name).is_dir() else job_named(name, journal) for name in targets]
    (name,) = targets
    folder = Path(name)
    if not folder.is_dir():
        return family(journal, job_named(name, journal))
    owner = owner_of(folder) or ""
    first = next(iter(merged_jobs(folder)), owner)
    return [name if job_id == owner else job_id for job_id in family(journal, first)] if first else [name]


def default_folder(generations: Sequence[str]) -> Path:
    """Return where merged results go unless another folder is named: beside the operator, after the oldest."""
    return Path(f"{Path(generations[0]).resolve().name}-merged")


def require_new(folder: Path) -> None:
    """Make sure that there is nothing in the folder's place but an empty one (FolderTakenError)."""
    if os.path.lexists(folder) and not (folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir())):
        raise _taken(folder)


async def merge_results(
    generations: Sequence[Results], out: Path
) -> AsyncGenerator[Copying | Accounting | MergedResults, None]:
    """Write one set of results over all generations to the new folder `out`; the MergedResults come last.

    `results.jsonl` has the answers and `errors.jsonl` the errors that remain, in the order of the first input (see
    `dataset.merging.merge`). What was written is read again and accounted for by the first input: `account.json` and
    the index tell what is there, not what was meant. The folder appears when all of it is on the disk.

    Args:
        generations: oldest first; of the first the input is at hand.
        out: must not be there, or empty.

    Raises:
        FolderTakenError: something is in its place.
        NothingToMergeError: a generation is named twice.
        LocalFileError: it cannot be written.
    """
    folders = [results.folder.resolve() for results in generations]
    if len(set(folders)) < len(folders):
        raise NothingToMergeError(_("the same results are named twice"), advice=_("Name each generation once."))
    async with aclosing(stream_from_daemon(lambda: _merge(generations, out), name="merge")) as steps:
        async for step in steps:
            match step:
                case MergeProgress(done=done, total=total):
                    yield Copying(done, total)
                case ReconcileProgress(done=done, total=total):
                    yield Accounting(done, total)
                case MergedResults():
                    yield step


def _merge(generations: Sequence[Results], out: Path) -> Iterator[MergeProgress | ReconcileProgress | MergedResults]:
    require_new(out)
    with local_files(out.parent):
        private_folder(out.parent)
        part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name[:100]}.", suffix=PART_SUFFIX))
        try:
            merged = yield from _write(generations, part)
            proof = yield from _prove(generations[0], part, merged)
            account = _over_all(generations, merged, proof)
            write_atomic(part / ACCOUNT, _report(generations, merged, account, [p.name for p in reply_files(part)[0]]))
            _give_name(part, out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    yield MergedResults(out, account, merged.superseded)


def _write(generations: Sequence[Results], part: Path) -> Generator[MergeProgress, None, Merged]:
    with (
        new_file(part / RESULTS) as results,
        new_file(part / ERRORS) as errors,
        os.fdopen(results, "wb", closefd=False) as answers,
        os.fdopen(errors, "wb", closefd=False) as failures,
    ):
        for step in merge([results.index for results in generations], answers, failures):
            if isinstance(step, Merged):
                merged = step
            else:
                yield step
    for name, rows in ((RESULTS, merged.ok), (ERRORS, merged.failed)):
        if not rows:
            (part / name).unlink()
    return merged


def _prove(first: Results, part: Path, merged: Merged) -> Generator[ReconcileProgress, None, Account]:
    """Account for what was written, and make its index; it has every request that was chosen, once.

    Raises:
        MergeBrokenError: it has not.
    """
    if first.input is None:
        raise TypeError("the input of the first generation is needed")
    replies, _older = reply_files(part)
    for step in reconcile(Sources(first.input, replies), part / INDEX):
        if isinstance(step, ReconcileProgress):
            yield step
        else:
            proof = step
    found = (proof.ok, proof.failed, proof.missing, proof.unexpected, proof.duplicate, proof.unreadable)
    if found != (merged.ok, merged.failed, merged.missing, 0, 0, 0):
        raise MergeBrokenError(
            _("the merged files do not hold what was written to them"),
            advice=_("Nothing of them was kept. Make sure that nothing writes to the results, and look at the disk."),
        )
    return proof


def _over_all(generations: Sequence[Results], merged: Merged, proof: Account) -> Account:
    accounts = [results.account for results in generations]
    return msgspec.structs.replace(
        proof,
        unexpected=merged.foreign + sum(account.unexpected for account in accounts),
        duplicate=sum(account.duplicate for account in accounts),
        unreadable=sum(account.unreadable for account in accounts),
    )


def _report(generations: Sequence[Results], merged: Merged, account: Account, files: list[str]) -> bytes:
    content = {
        "jobs": [results.job.id for results in generations if results.job is not None],
        "files": files,
        "account": msgspec.to_builtins(account),
        "superseded": merged.superseded,
        "generations": [
            {
                "job": results.job.id if results.job is not None else None,
                "folder": clean(str(results.folder), strict=True),
                **{name: getattr(results.account, name) for name in _COUNTS},
            }
            for results in generations
        ],
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _give_name(part: Path, out: Path) -> None:
    """Make the finished folder appear, unless something came to be in its place meanwhile (FolderTakenError)."""
    sync_folder(part)
    try:
        part.rename(out)
    except OSError as error:
        if error.errno in _TAKEN:
            raise _taken(out) from error
        raise
    sync_folder(out.parent)


def _taken(folder: Path) -> FolderTakenError:
    return FolderTakenError(
        _("{folder} is there already, and is not empty", folder=folder),
        advice=_("Choose a new folder with --out. Nothing in this one was changed."),
    )
