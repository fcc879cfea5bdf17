"""The folder that a job's results are to go to, looked at before anything is fetched; nothing in it is changed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tui.files import safe_name
from tui.fingerprint import crc64_of_file
from tui.runs.folder import local_files, require_free
from tui.runs.results_place import find_place
from tui.typed_path import check_writable

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


def collected_folder(job_id: str, journal: Journal) -> Path | None:
    """Return the folder of this machine that has the job's results, if one has; it blocks."""
    place = find_place(job_id, journal, None)
    return place.folder if place.whole else None


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
        UnfitPathError: it cannot be made or written.
        LocalFileError: a file in it cannot be read.
    """
    check_writable(folder)
    require_free(folder, job_id)
    there = next(path for path in (folder, *folder.parents) if path.exists())
    with local_files(folder):
        here = frozenset(name for name, info in files.items() if _is_equal(folder / name, info))
        return Destination(here, shutil.disk_usage(there).free)


def _is_equal(path: Path, info: ObjectInfo) -> bool:
    if not path.is_file() or path.stat().st_size != info.size:
        return False
    return info.crc64 in (None, crc64_of_file(path))
