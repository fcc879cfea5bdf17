"""The folder of one job's results: it holds that job's files and nobody else's, and nothing in it is overwritten."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from tui.errors import UsageError, WorkError
from tui.files import PART_SUFFIX, open_part, private_folder, publish
from tui.i18n import _

RESULTS: Final = "results.jsonl"
ERRORS: Final = "errors.jsonl"
ACCOUNT: Final = "account.json"
INDEX: Final = "index.bin"


class FolderTakenError(UsageError):
    """The folder holds results of another job, or is kept for them."""


class FolderUnusableError(UsageError):
    """The folder cannot be made or written."""


class LocalFileError(WorkError):
    """A file beside the results cannot be read or written: a full disk, a permission."""


class _Owner(msgspec.Struct):
    job: str = ""


def require_writable(folder: Path) -> None:
    """Make sure that files can be written to `folder`, which is made if it is missing (FolderUnusableError)."""
    try:
        private_folder(folder)
        probe = folder / f".{ACCOUNT}.{os.getpid()}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderUnusableError(
            _("cannot write to the folder {folder}: {error}", folder=folder, error=error.strerror),
            advice=_("Choose another (--out), or make this one writable."),
        ) from error


def require_free(folder: Path, job_id: str) -> None:
    """Make sure that `folder` holds no results but this job's; with no job yet, none at all (FolderTakenError)."""
    owner = owner_of(folder)
    if owner is None or (job_id and owner == job_id):
        return
    whose = _("job {job}", job=owner) if owner else _("an unknown job")
    raise FolderTakenError(
        _("{folder} already holds the results of {whose}", folder=folder, whose=whose),
        advice=_("Choose an empty folder (--out). Nothing in this one was changed."),
    )


def claim(folder: Path, job_id: str) -> None:
    """Make sure that the job's results can go to `folder`: it can be written, and holds no other's.

    Raises:
        FolderTakenError: results are there that are not known to be this job's.
        FolderUnusableError: it cannot be made or written.
    """
    require_writable(folder)
    require_free(folder, job_id)


def stamp(folder: Path, job_id: str) -> None:
    """Write whose results the folder is about to hold, before the first of them arrives.

    Raises:
        FolderTakenError: another job's stamp is there.
        LocalFileError: it cannot be written.
    """
    with local_files(folder):
        if not (folder / ACCOUNT).exists():
            _write_stamp(folder, _stamp_of(job_id))
    require_free(folder, job_id)


def remove_stamp(folder: Path, job_id: str) -> None:
    """Give the folder back, if all that says whose it is is `stamp`'s."""
    path = folder / ACCOUNT
    if path.exists() and path.read_bytes() == _stamp_of(job_id):
        path.unlink()


def _stamp_of(job_id: str) -> bytes:
    return msgspec.json.encode(_Owner(job_id)) + b"\n"


def _write_stamp(folder: Path, content: bytes) -> None:
    """Make the account's file, whole or not at all, unless another process has made it meanwhile."""
    part, descriptor = open_part(folder, ACCOUNT)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        with suppress(FileExistsError):
            publish(part, ACCOUNT)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def local_files(folder: Path) -> Iterator[None]:
    """Say what became of the folder's files when the system refuses to read or write one (LocalFileError)."""
    try:
        yield
    except OSError as error:
        raise LocalFileError(
            _("cannot go on in {folder}: {error}", folder=folder, error=error.strerror or error),
            advice=_("Make room or mend the permission, and give the same command again."),
        ) from error


def owner_of(folder: Path) -> str | None:
    """Return the id of the job whose results are in the folder: empty if they do not say, None if there are none."""
    names = (RESULTS, ERRORS, ACCOUNT, RESULTS + PART_SUFFIX, ERRORS + PART_SUFFIX)
    if not any((folder / name).exists() for name in names):
        return None
    try:
        return msgspec.json.decode((folder / ACCOUNT).read_bytes(), type=_Owner).job
    except (OSError, msgspec.DecodeError):
        return ""
