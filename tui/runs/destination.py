"""The folder that a job's results are to go to, looked at before anything is fetched; nothing in it is changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui.files import safe_name
from tui.fingerprint import crc64_of_file
from tui.i18n import _
from tui.runs.folder import FolderUnusableError, local_files, owner_of, require_free
from tui.runs.run import RunState
from tui.text import clean, short_path

if TYPE_CHECKING:
    from tui.runs.journal import Journal
    from tui.storage.objects import ObjectInfo


@dataclass(frozen=True)
class Destination:
    """A folder as it is now.

    Attributes:
        here: the names of the job's files that are in it already, equal to those in the store.
        free: bytes that are free there.
    """

    here: frozenset[str]
    free: int


def typed_folder(text: str, base: Path) -> Path:
    """Return the absolute path that was typed; `~` is the operator's home, a relative one begins at `base`.

    Raises:
        FolderUnusableError: nobody knows whose home is meant.
    """
    try:
        return Path(os.path.normpath(base / Path(text.strip()).expanduser()))
    except RuntimeError as error:
        raise FolderUnusableError(_("no such home: {path}", path=clean(text, strict=True))) from error


def collected_folder(job_id: str, journal: Journal) -> Path | None:
    """Return the folder that a run brought the job's results to, if they still are there; it blocks."""
    run = journal.run_of_job(job_id)
    if run is None or not run.reached(RunState.COLLECTED):
        return None
    folder = run.plan.results_folder(job_id)
    return folder if owner_of(folder) == job_id else None


def folder_in(parent: Path, job_id: str) -> Path:
    """Return the folder of one of several jobs (UnsafeNameError for an id that is no plain name)."""
    return parent / safe_name(job_id)


def look_at(folder: Path, job_id: str, files: Mapping[str, ObjectInfo]) -> Destination:
    """Return what a job's files would find in `folder`, which need not be there; it blocks.

    Args:
        folder: absolute.
        job_id: the job's.
        files: in the store, by the name that they get.

    Raises:
        FolderTakenError: it holds something else than this job's results.
        FolderUnusableError: it cannot be made or written.
        LocalFileError: a file in it cannot be read.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists() or path == path.parent)
    if not there.is_dir():
        raise FolderUnusableError(_("{path} is not a folder", path=_shown(there)))
    if not os.access(there, os.W_OK | os.X_OK):
        raise FolderUnusableError(_("you may not write into {path}", path=_shown(there)))
    require_free(folder, job_id)
    with local_files(folder):
        here = frozenset(name for name, info in files.items() if _is_equal(folder / name, info))
        return Destination(here, shutil.disk_usage(there).free)


def _is_equal(path: Path, info: ObjectInfo) -> bool:
    if not path.is_file() or path.stat().st_size != info.size:
        return False
    return info.crc64 in (None, crc64_of_file(path))


def _shown(path: Path) -> str:
    return clean(short_path(path), strict=True)
