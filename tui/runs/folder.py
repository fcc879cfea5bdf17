"""The folder of one job's results: it holds that job's files and nobody else's, and nothing in it is overwritten."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tui.errors import UsageError
from tui.files import private_folder, write_atomic
from tui.i18n import _

RESULTS: Final = "results.jsonl"
ERRORS: Final = "errors.jsonl"
ACCOUNT: Final = "account.json"


class FolderTakenError(UsageError):
    """The folder holds results of another job."""


class FolderUnusableError(UsageError):
    """The folder cannot be made or written."""


class _Owner(msgspec.Struct):
    job: str = ""


def stamp(folder: Path, job_id: str) -> None:
    """Write whose results the folder is about to hold, before the first of them arrives."""
    if owner_of(folder) is None:
        write_atomic(folder / ACCOUNT, msgspec.json.encode(_Owner(job_id)) + b"\n")


def claim(folder: Path, job_id: str) -> None:
    """Make sure that results can go to `folder`: it can be written, and holds no other job's.

    Args:
        folder: made if it is missing.
        job_id: the job whose files may be there; empty when there is no job yet.
    Raises:
        FolderTakenError: results are there that are not known to be this job's.
        FolderUnusableError: it cannot be made or written.
    """
    try:
        private_folder(folder)
        probe = folder / f".{ACCOUNT}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderUnusableError(
            _("cannot write to the folder {folder}: {error}", folder=folder, error=error.strerror),
            advice=_("Choose another with --out, or make this one writable. Nothing was sent."),
        ) from error
    owner = owner_of(folder)
    if owner is None or (job_id and owner == job_id):
        return
    whose = _("job {job}", job=owner) if owner else _("an unknown job")
    raise FolderTakenError(
        _("{folder} already holds the results of {whose}", folder=folder, whose=whose),
        advice=_("Choose an empty folder with --out. Nothing was sent and nothing was changed."),
    )


def owner_of(folder: Path) -> str | None:
    """Return the id of the job whose results are in `folder`: empty if they do not say, None if there are none."""
    if not any((folder / name).exists() for name in (RESULTS, ERRORS, ACCOUNT)):
        return None
    try:
        return msgspec.json.decode((folder / ACCOUNT).read_bytes(), type=_Owner).job
    except (OSError, msgspec.DecodeError):
        return ""
