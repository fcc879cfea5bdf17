"""Where the results of a job are on this machine, or will be: found by its id, or by their folder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tui.ark.models import Counts, Job, Phase, read_job
from tui.errors import UsageError
from tui.files import UnsafeNameError, safe_name
from tui.i18n import _
from tui.runs.collect import reply_files
from tui.runs.folder import ACCOUNT, local_files, owner_of
from tui.runs.journal import Journal
from tui.runs.run import Run, RunState
from tui.text import clean


class NoResultsError(UsageError):
    """What was named is neither a job nor a folder of results."""


@dataclass(frozen=True)
class Place:
    """Where results are or will be.

    Attributes:
        folder: of the files.
        job: whose results they are, as far as is known here.
        run: the newest of the journal that made the job or attached to it.
        accounted: the files are there, and were accounted for once.
        complete: the service need not be asked for newer ones.
        collected: a run has brought every file of the job here.
    """

    folder: Path
    job: Job | None
    run: Run | None
    accounted: bool
    complete: bool
    collected: bool = False

    @property
    def whole(self) -> bool:
        """Whether every file of the job is here."""
        return self.accounted or self.collected


class _Report(msgspec.Struct):
    """What `account.json` tells; only its job before the account is made."""

    job: str = ""
    name: str = ""
    phase: str = ""
    service_counts: dict[str, int] = {}
    files: tuple[str, ...] = ()


def find_place(where: str, journal: Journal, out: Path | None) -> Place:
    """Return where the results are of a job by its id, or those in a folder; it blocks.

    Args:
        where: a job's id or a folder.
        journal: knows the folders of this machine's runs.
        out: where the results of a job go that are not here yet.

    Raises:
        NoResultsError: there are none under this name.
    """
    folder = Path(where)
    if folder.is_dir() and owner_of(folder) != where:
        return _place(folder.resolve(), journal, by_id=False)
    try:
        safe_name(where)
    except UnsafeNameError:
        raise NoResultsError(_("no such folder: {folder}", folder=shown(folder))) from None
    run = journal.run_of_job(where)
    here = (out or Path(where)).resolve()
    candidates = [out] if out else [known.plan.results_folder(where) for known in _runs_with_results(where, journal)]
    places = [_place(path.resolve(), journal, by_id=True) for path in [*candidates, here] if owner_of(path) == where]
    if places:
        return next((place for place in places if place.accounted), places[0])
    to = run.plan.results_folder(where).resolve() if run and run.plan.verb == "run" and not out else here
    unsigned = next((path for path in map(Path.resolve, candidates) if _unsigned(path, where, journal)), None)
    return Place(unsigned or to, Job(id=where), run, accounted=False, complete=False, collected=unsigned is not None)


def _unsigned(folder: Path, job_id: str, journal: Journal) -> bool:
    """Whether the job's results are in a folder that has lost what says so."""
    return owner_of(folder) == "" and _has_come_to(folder, job_id, journal)


def _has_come_to(folder: Path, job_id: str, journal: Journal) -> bool:
    """Whether a run has brought every file of a job to a folder."""
    return any(
        run.reached(RunState.COLLECTED) and run.plan.results_folder(job_id).resolve() == folder
        for run in _runs_with_results(job_id, journal)
    )


def _runs_with_results(job_id: str, journal: Journal) -> list[Run]:
    """The runs that may have brought the job's results home, newest first."""
    maker = journal.run_of_job(job_id)
    return sorted(
        [*journal.collects_of(job_id), *([maker] if maker else [])], key=lambda run: run.created, reverse=True
    )


def _place(folder: Path, journal: Journal, *, by_id: bool) -> Place:
    report = _report(folder)
    if report is None:
        if not any(reply_files(folder)):
            raise NoResultsError(
                _("{folder} holds no results", folder=shown(folder)),
                advice=_("Name a job, or the folder that its results were collected to."),
            )
        return Place(folder, None, None, accounted=True, complete=True)
    run = journal.run_of_job(report.job)
    counts = Counts(*(report.service_counts.get(name, 0) for name in ("total", "completed", "failed")))
    told = Job(id=report.job, name=report.name, phase=Phase(report.phase), counts=counts)
    seen = read_job(msgspec.json.decode(run.job, type=dict[str, object])) if run and run.job else None
    job = seen if seen is not None and (seen.phase, seen.counts) == (told.phase, told.counts) else told
    accounted = bool(report.phase) and all((folder / name).exists() for name in report.files)
    final = not by_id or job.phase == Phase.COMPLETED
    collected = _has_come_to(folder, job.id, journal)
    return Place(folder, job, run, accounted, complete=accounted and final, collected=collected)


def _report(folder: Path) -> _Report | None:
    if not (folder / ACCOUNT).exists():
        return None
    with local_files(folder), suppress(msgspec.DecodeError):
        report = msgspec.json.decode((folder / ACCOUNT).read_bytes(), type=_Report)
        return report if report.job else None
    return None


def shown(path: Path) -> str:
    """Return a path for a message."""
    return clean(str(path), strict=True)
