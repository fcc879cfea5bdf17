"""What the operator's actions act on, what stands in their way, and the command lines that do the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.i18n import _
from tui.runs.changes import Deed
from tui.runs.changes import obstacle as obstacle_to
from tui.settings.profile_list import KeysFrom, ListedProfile

if TYPE_CHECKING:
    from tui.runs.board import JobView


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What an action would act on, as the screen sees it.

    Attributes:
        jobs: the marked ones, else the one under the cursor or the open one.
        marked: `jobs` are marked ones.
        connected: a profile is open, and its credentials were not refused.
        profile: its name; empty while none is chosen.
        named: the operator chose the profile, so that a command line has to name it.
        local: the profile is the local cloud of the deck, gone with it.
        filter: what the list shows, in the language of `arkdeck jobs --filter`, the tab's phase included.
        listing: the screen shows the list, not one job.
        gone: the service does not have the open job any more, or the list not the one that is told of.
        chosen: the profile under the cursor, where profiles are listed; `profile` is its name then.
        keys: where its keys are found; None while that is looked up.
        trouble: why the configuration file cannot be read; empty when it can.
    """

    jobs: tuple[JobView, ...] = ()
    marked: bool = False
    read_only: bool = False
    connected: bool = False
    profile: str = ""
    named: bool = False
    local: bool = False
    filter: str = ""
    listing: bool = False
    gone: bool = False
    chosen: ListedProfile | None = None
    keys: KeysFrom | None = None
    trouble: str = ""


Obstacle = Callable[[Situation], str | None]
"""Says why something cannot be done now; None when it can."""

Command = Callable[[Situation], tuple[str, ...] | None]
"""Gives the words after `arkdeck` that do the same; None when there are none."""


def nothing(_situation: Situation) -> None:
    """Stand for no obstacle, and for no command."""
    return


def no_profile(situation: Situation) -> str | None:
    """Object while no profile is open."""
    return None if situation.connected else _("not connected")


def nothing_open(situation: Situation) -> str | None:
    """Object while no profile is open; one whose keys were refused can be asked again."""
    return None if situation.profile else _("not connected")


def bound_to_the_deck(situation: Situation) -> str:
    """Return where and how long a copied command line works, if that is not everywhere."""
    if not situation.local:
        return ""
    return _("It works only while this deck runs, in a shell that has its variables: copy those too.")


def no_job(situation: Situation) -> str | None:
    """Object where there is no job to act on."""
    return None if situation.jobs else _("no job is selected")


def nothing_to_copy(situation: Situation) -> str | None:
    """Object where there is no job to copy from, and no local cloud of the deck's own whose variables can be copied."""
    return None if situation.local else no_job(situation)


def not_listed(situation: Situation) -> str | None:
    """Object where the job that is told of is not in the list, and where none is."""
    return _("the list does not have this job") if situation.gone else no_job(situation)


def one_job(situation: Situation) -> str | None:
    """Object where there is no job to act on, or several."""
    return no_job(situation) or (_("several jobs are marked") if len(situation.jobs) > 1 else None)


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


def unreadable(situation: Situation) -> str | None:
    """Object while the configuration file cannot be read."""
    return situation.trouble or None


def no_choice(situation: Situation) -> str | None:
    """Object where no profile is under the cursor."""
    return unreadable(situation) or (None if situation.chosen else _("no profile is selected"))


def not_in_file(situation: Situation) -> str | None:
    """Object to what is done to a profile of the file, where there is none of its name."""
    if situation.chosen is None or situation.chosen.in_file:
        return no_choice(situation)
    return _("it is built in, and not in the configuration file")


def default_already(situation: Situation) -> str | None:
    """Object to what makes a profile the default one, where it is."""
    is_default = situation.chosen is not None and situation.chosen.default
    return not_in_file(situation) or (_("it is the default already") if is_default else None)


def no_keys_to_forget(situation: Situation) -> str | None:
    """Object where a profile has no keys that arkdeck could forget."""
    if situation.keys is KeysFrom.ENVIRONMENT:
        return _("its keys are in the environment of your shell")
    return no_choice(situation) or (_("it has no keys") if situation.keys is KeysFrom.NONE else None)


def on_chosen(*verb: str) -> Command:
    """Return the command of a verb that takes a profile's name."""
    return lambda situation: (*verb, situation.chosen.name) if situation.chosen else None


def words(*fixed: str) -> Command:
    """Return a command that is always the same."""
    return lambda _situation: fixed


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
    """Return the command that shows what the screen shows: the list, or the open job."""
    return list_jobs(situation) if situation.listing else on_one_job("job")(situation)
