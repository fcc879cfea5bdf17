"""What stands in the way of what is done to jobs, and the command lines that do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.i18n import _
from tui.runs.changes import Deed
from tui.runs.changes import obstacle as obstacle_to
from tui.situations import Command, Obstacle, Situation, no_profile, read_only

if TYPE_CHECKING:
    from tui.ark.models import Job


def no_job(situation: Situation) -> str | None:
    """Object where there is no job to act on."""
    return None if situation.jobs else _("no job is selected")


def one_job(situation: Situation) -> str | None:
    """Object where there is no job to act on, or several."""
    return no_job(situation) or (_("several jobs are marked") if len(situation.jobs) > 1 else None)


def not_listed(situation: Situation) -> str | None:
    """Object where the job that is told of is not in the list, and where none is."""
    return _("the list does not have this job") if situation.gone else no_job(situation)


def nothing_to_copy(situation: Situation) -> str | None:
    """Object where there is no job to copy from, and no local cloud of the deck's own whose variables can be copied."""
    return None if situation.local else no_job(situation)


def no_marks(situation: Situation) -> str | None:
    """Object where no job is marked."""
    return None if situation.marked else _("no job is marked")


def not_allowed(deed: Deed) -> Obstacle:
    """Return the obstacle that stands while none of the jobs allows the deed: the first one's reason."""

    def obstacle(situation: Situation) -> str | None:
        first: str | None = None
        if situation.gone and deed is not Deed.CLONE:
            return _("the service does not have it any more")
        for view in situation.jobs:
            reason = obstacle_to(deed, view.job)
            if reason is None:
                return None
            first = first or reason
        return first or no_job(situation)

    return obstacle


def not_allowed_to_one(deed: Deed) -> Obstacle:
    """Return the obstacle to a deed that is done to one job at a time."""
    refused = not_allowed(deed)
    return lambda situation: one_job(situation) or refused(situation)


def nothing_to_be_made(situation: Situation) -> str | None:
    """Object where no job can be made: nothing is open, or it is open for reading only."""
    return read_only(situation) or no_profile(situation)


def not_written(job: Job) -> str | None:
    """Return why a job has no results that could be downloaded; None when it may have some."""
    return None if job.phase.finished else _("its results are written when it ends")


def nothing_written(situation: Situation) -> str | None:
    """Object while none of the jobs has results: the first one's reason."""
    stands = no_profile(situation) or no_job(situation)
    reasons = [not_written(view.job) for view in situation.jobs]
    return stands or (reasons[0] if all(reasons) else None)


def no_results(situation: Situation) -> str | None:
    """Object to a look at results while there can be none."""
    return one_job(situation) or not_written(situation.jobs[0].job)


def on_jobs(verb: str) -> Command:
    """Return the command of a verb that takes any number of job ids."""
    return lambda situation: (verb, *(view.job.id for view in situation.jobs)) if situation.jobs else None


def on_one_job(verb: str, *options: str) -> Command:
    """Return the command of a verb that takes one job id."""
    return lambda situation: (verb, situation.jobs[0].job.id, *options) if len(situation.jobs) == 1 else None


def update_job(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that renames the job, with the name that it has."""
    if len(situation.jobs) != 1:
        return None
    job = situation.jobs[0].job
    return ("update", job.id, "--name", job.name)


def list_jobs(situation: Situation) -> tuple[str, ...]:
    """Return the command that lists what the list shows."""
    return ("jobs", "--filter", situation.filter) if situation.filter else ("jobs",)


def show_the_same(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that shows what the screen shows: the list, the open job, or its results."""
    if situation.results is not None:
        return on_one_job("results", *situation.results)(situation)
    return list_jobs(situation) if situation.listing else on_one_job("job")(situation)
