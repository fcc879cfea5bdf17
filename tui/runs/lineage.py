"""Which job is the retry of which, as the journal knows it: a first job, its retries, and theirs."""

from __future__ import annotations

from typing import Final

from tui.errors import UsageError
from tui.i18n import _
from tui.runs.journal import Journal
from tui.runs.run import Run

_RUN: Final = "r-"


class NoJobYetError(UsageError):
    """A run was named that has not made its job."""


def job_named(name: str, journal: Journal) -> str:
    """Return the job that is meant by its own id or by that of its run.

    Raises:
        UnknownRunError: there is no such run.
        NoJobYetError: it has no job yet.
    """
    if not name.startswith(_RUN):
        return name
    run = journal.run(name)
    if not run.job_id:
        raise NoJobYetError(
            _("run {run} has no job yet", run=run.id), advice=_("Go on with it:  arkdeck continue {run}", run=run.id)
        )
    return run.job_id


def ancestors(journal: Journal, job_id: str) -> list[str]:
    """Return the jobs that led to this one, the first of all at the end; none for a first job."""
    found: list[str] = []
    while (job_id := journal.parent_of(job_id)) and job_id not in found:
        found.append(job_id)
    return found


def generation(journal: Journal, job_id: str) -> int:
    """Return 1 for a first job, 2 for its retry, and so on."""
    return 1 + len(ancestors(journal, job_id))


def family(journal: Journal, job_id: str) -> list[str]:
    """Return the first of all jobs that led to this one, and every job that was made of what it left, oldest first."""
    first = [job_id, *ancestors(journal, job_id)][-1]
    seen = {first}
    waiting, runs = [first], list[Run]()
    while waiting:
        for run in journal.retries_of(waiting.pop()):
            if run.job_id and run.job_id not in seen:
                seen.add(run.job_id)
                waiting.append(run.job_id)
                runs.append(run)
    return [first, *(run.job_id for run in sorted(runs, key=lambda run: (run.created, run.id)))]


def by_family(runs: list[Run], journal: Journal) -> list[tuple[int, Run]]:
    """Return runs with their generation: in the order given, but each retry under the run that it retries.

    Args:
        runs: newest first.
        journal: tells the generation of those whose parent is not among them.
    """
    makers = {run.job_id: run for run in runs if run.job_id and run.plan.sends}  # of several of one job, the oldest
    retries: dict[str, list[Run]] = {}
    heads = []
    for run in runs:
        parent = makers.get(run.plan.parent)
        if parent is None or parent.created >= run.created:
            heads.append(run)
        else:
            retries.setdefault(parent.id, []).append(run)
    ordered: list[tuple[int, Run]] = []

    def place(run: Run, number: int) -> None:
        ordered.append((number, run))
        for retry in reversed(retries.get(run.id, [])):
            place(retry, number + 1)

    for head in heads:
        parent_job = head.plan.parent or journal.parent_of(head.job_id)
        place(head, 1 + generation(journal, parent_job) if parent_job else 1)
    return ordered
