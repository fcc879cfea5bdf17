"""What the operator's actions act on, what stands in their way, and the command lines that do the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.folders import Entry, Kind
from tui.i18n import _
from tui.runs.changes import Deed
from tui.runs.changes import obstacle as obstacle_to
from tui.settings.profile_list import KeysFrom, ListedProfile
from tui.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from tui.ark.models import Job
    from tui.dataset.results import Account
    from tui.runs.board import JobView
    from tui.runs.transfers import Transfer


@dataclass(frozen=True, kw_only=True)
class Making:
    """The page that makes a job, as its actions are judged.

    Attributes:
        first: no step comes before the one that is shown.
        last: none that can be shown comes after it.
        empty: nothing is chosen or typed.
        checking: the file is being checked.
        closed: why there is nothing to open under the cursor; None when there is.
        unrepeatable: why what the step shows cannot be found out again; None when it can.
        unsendable: why the job cannot be sent; None when it can.
        command: the words after `arkdeck` that do the same; None where there are none.
    """

    first: bool = False
    last: bool = False
    empty: bool = False
    checking: bool = False
    closed: str | None = None
    unrepeatable: str | None = None
    unsendable: str | None = None
    command: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Picking:
    """What is picked where files are listed.

    Attributes:
        folder: that is listed.
        entry: under the cursor.
        folders: a folder is wanted, not a file.
    """

    folder: Path
    entry: Entry | None
    folders: bool


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
        results: words behind `arkdeck results ID` that show what the screen shows; None where it shows no results.
        request: the id of the request under the cursor, or of the open one; None where there is none.
        input_here: the input of the results is on this machine.
        chosen: the profile under the cursor, where profiles are listed; `profile` is its name then.
        keys: where its keys are found; None while that is looked up.
        trouble: why the configuration file cannot be read; empty when it can.
        making: the job in the making, where one is shown.
        picking: what is picked; None on screens that list no files.
        transfer: the one under the cursor, where transfers are listed.
        finished: some of the listed transfers are finished.
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
    results: tuple[str, ...] | None = None
    request: str | None = None
    input_here: bool = False
    chosen: ListedProfile | None = None
    keys: KeysFrom | None = None
    trouble: str = ""
    making: Making = Making()
    picking: Picking | None = None
    transfer: Transfer | None = None
    finished: bool = False


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


def read_only(situation: Situation) -> str | None:
    """Object where the profile lets nothing be changed."""
    if not situation.read_only:
        return None
    return _("profile {name} is read only", name=clean(situation.profile, strict=True, limit=80))


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


def nothing_to_be_made(situation: Situation) -> str | None:
    """Object where no job can be made: nothing is open, or it is open for reading only."""
    return read_only(situation) or no_profile(situation)


def nothing_to_open(situation: Situation) -> str | None:
    """Object where the step has nothing to open."""
    return situation.making.closed


def first_stage(situation: Situation) -> str | None:
    """Object to going back from the first step."""
    return _("this is the first step") if situation.making.first else None


def last_stage(situation: Situation) -> str | None:
    """Object to going on from the last step."""
    return _("there is no step after this one") if situation.making.last else None


def not_to_be_sent(situation: Situation) -> str | None:
    """Object while something stands against sending the job."""
    return situation.making.unsendable


def nothing_to_repeat(situation: Situation) -> str | None:
    """Object where the step finds nothing out."""
    return situation.making.unrepeatable


def no_check(situation: Situation) -> str | None:
    """Object while no check runs."""
    return None if situation.making.checking else _("no check is running")


def nothing_chosen(situation: Situation) -> str | None:
    """Object where there is nothing to forget."""
    return _("nothing is chosen or typed yet") if situation.making.empty else None


def submission(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that sends the job in the making."""
    return situation.making.command


def no_submission(situation: Situation) -> str | None:
    """Object while no command line would send the job."""
    making = situation.making
    if making.command is not None:
        return None
    return making.unsendable or _("a retry is not sent by a command line of its own")


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
    reason = one_job(situation)
    if reason is not None or situation.jobs[0].job.phase.finished:
        return reason
    return _("its results are written when it ends")


def no_request(situation: Situation) -> str | None:
    """Object where no request is under the cursor."""
    return _("no request is selected") if situation.request is None else None


def input_here(situation: Situation) -> str | None:
    """Object to bringing an input that is on this machine."""
    if _account(situation) is None:
        return _("the results are not open yet")
    return _("the requests are on this machine") if situation.input_here else None


def no_failure(situation: Situation) -> str | None:
    """Object where no request failed."""
    account = _account(situation)
    return _("the results are not open yet") if account is None else None if account.failed else _("no request failed")


def nothing_left(situation: Situation) -> str | None:
    """Object to a retry where there is nothing to send again."""
    account = _account(situation)
    if account is None:
        return _("the results are not open yet")
    flawed = account.truncated or account.refused or account.empty
    return None if flawed or account.ok < account.requests else _("every request has its answer")


def _account(situation: Situation) -> Account | None:
    return situation.jobs[0].account if situation.jobs else None


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


def no_entry(situation: Situation) -> str | None:
    """Object where nothing of a folder is under the cursor."""
    picking = situation.picking
    return None if picking is not None and picking.entry is not None else _("nothing is listed here")


def nothing_to_choose(situation: Situation) -> str | None:
    """Object where what is shown or under the cursor is not what is wanted."""
    picking = situation.picking
    if picking is None:
        return _("nothing is listed here")
    if picking.folders:
        return None
    if picking.entry is not None and picking.entry.kind is Kind.FOLDER:
        return _("a file is wanted here, and this is a folder")
    return no_entry(situation)


def at_the_top(situation: Situation) -> str | None:
    """Object in the folder that has none above it."""
    picking = situation.picking
    above = picking is not None and picking.folder != picking.folder.parent
    return None if above else _("there is no folder above")


def folders_alone(situation: Situation) -> str | None:
    """Object where files are not listed."""
    return _("a folder is wanted, so files are not listed") if situation.picking and situation.picking.folders else None


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


def show_request(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that shows a request whole."""
    return on_one_job("results", "--id", situation.request)(situation) if situation.request is not None else None


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
