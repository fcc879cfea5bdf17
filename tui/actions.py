"""The registry of what an operator can do: bindings, help, palette, key bar and keymap are all made of it.

An action names its keys, the screens that have it, what stands in its way just now, and the command line that does
the same. What it does is a method of the screen or of the app: `do_job_stop` for `job.stop`.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.i18n import _
from tui.runs.changes import Deed
from tui.situations import (
    Situation,
    always,
    creation,
    jobs,
    no_profile,
    nothing,
    nothing_open,
    picking,
    profiles,
    read_only,
    results,
    transfers,
)
from tui.text import path_in_shell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.situations import Command, Obstacle

__all__ = [
    "ACTIONS",
    "Action",
    "Group",
    "Scope",
    "Situation",
    "action",
    "command_line",
    "in_key_bar",
    "in_scope",
    "in_shell",
    "obstacle",
]


class Scope(StrEnum):
    """What a screen is about; it has the actions of its scope. APP is what has only those that all screens have."""

    APP = "app"
    JOBS = "jobs"
    JOB = "job"
    CREATE = "create"
    PICKER = "picker"
    TRANSFERS = "transfers"
    RESULTS = "results"
    REQUEST = "request"
    PROFILES = "profiles"
    ACTIVITY = "activity"


class Group(StrEnum):
    """The headings of the help, in its order."""

    JOB = _("Job")
    LIST = _("List")
    MOVE = _("Move and mark")
    CREATE = _("New job")
    PICKER = _("Files")
    TRANSFERS = _("Transfers")
    RESULTS = _("Results")
    PROFILES = _("Profiles")
    APP = _("arkdeck")


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something an operator can do.

    Attributes:
        id: as the keymap names it.
        keys: as `tui.settings.keymap` spells them; none where only help and palette offer it.
        title: one or two words.
        help: one sentence.
        scope: the scopes that have it.
        writes: it changes something on the service.
        footer: its place in the key bar, from 1; 0 keeps it out.
        argument: what the handler is given, where one handler serves several actions.
    """

    id: str
    keys: tuple[str, ...] = ()
    title: str
    help: str
    group: Group
    scope: frozenset[Scope]
    writes: bool = False
    footer: int = 0
    argument: int | None = None
    obstacle: Obstacle = field(default=nothing, repr=False)
    command: Command = field(default=nothing, repr=False)

    @property
    def handler(self) -> str:
        """The method that does it: `do_job_stop`; for `jobs.tab_3` `do_jobs_tab`, which is given the 3."""
        name = self.id if self.argument is None else self.id.removesuffix(f"_{self.argument}")
        return f"do_{name.replace('.', '_')}"


_APP: Final = frozenset(Scope)
_JOBS: Final = frozenset([Scope.JOBS])
_JOB: Final = frozenset([Scope.JOBS, Scope.JOB])
_PROFILES: Final = frozenset([Scope.PROFILES])
_CREATE: Final = frozenset([Scope.CREATE])
_PICKER: Final = frozenset([Scope.PICKER])
_TRANSFERS: Final = frozenset([Scope.TRANSFERS])
_RESULTS: Final = frozenset([Scope.RESULTS])
_REQUEST: Final = frozenset([Scope.REQUEST])
_ACTIVITY: Final = frozenset([Scope.ACTIVITY])
_MOVING: Final = frozenset(Scope) - {Scope.APP}
_LISTS: Final = _MOVING - {Scope.PICKER, Scope.TRANSFERS}

_TABS: Final = (
    (_("All"), _("Show all jobs.")),
    (_("Queued"), _("Show the jobs that wait or are being initialized.")),
    (_("Running"), _("Show the jobs that run.")),
    (_("Completed"), _("Show the jobs that are completed.")),
    (_("Terminated"), _("Show the jobs that were stopped or expired.")),
    (_("Failed"), _("Show the jobs that failed.")),
)

_STAGES: Final = (
    (_("Input"), _("Show the file of requests.")),
    (_("Check"), _("Show what the check found.")),
    (_("Job"), _("Show model, window, name and places of the job.")),
    (_("Review"), _("Show what would happen.")),
    (_("Sending"), _("Show how the upload goes.")),
)

_KINDS: Final = (
    (_("All"), _("List all requests.")),
    (_("Failed"), _("List those that failed.")),
    (_("Missing"), _("List those that no file has a reply to.")),
    (_("Truncated"), _("List those whose answer was cut off by max_tokens.")),
    (_("Refused"), _("List those whose answer was withheld.")),
    (_("Empty"), _("List those whose answer says nothing.")),
    (_("Ok"), _("List those that have an answer.")),
)

ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        id="job.open", keys=("enter",), title=_("Open"), group=Group.JOB, scope=_JOBS, footer=1,
        help=_("Open the job: times, rate, places, history."),
        obstacle=jobs.no_job, command=jobs.on_one_job("job"),
    ),
    Action(
        id="activity.open", keys=("enter",), title=_("Open"), group=Group.JOB, scope=_ACTIVITY, footer=1,
        help=_("Open the job that it was done to."), obstacle=jobs.not_listed,
        command=jobs.on_one_job("job"),
    ),
    Action(
        id="activity.reload", keys=("r",), title=_("Reload"), group=Group.LIST, scope=_ACTIVITY, footer=2,
        help=_("Read again what was done."), command=always("audit"),
    ),
    Action(
        id="job.download", keys=("d",), title=_("Download"), group=Group.JOB, scope=_JOB, footer=3,
        help=_("Bring the results to a folder on this disk, verified."),
        obstacle=jobs.nothing_written, command=jobs.on_one_job("collect"),
    ),
    Action(
        id="job.results", keys=("e",), title=_("Results"), group=Group.JOB, scope=_JOB, footer=4,
        help=_("Show what became of its requests: answers, errors, what is left."),
        obstacle=jobs.no_results, command=jobs.on_one_job("results"),
    ),
    Action(
        id="job.enter", keys=("enter",), title=_("Results"), group=Group.JOB, scope=frozenset([Scope.JOB]),
        help=_("Show what became of its requests, too."),
        obstacle=jobs.no_results, command=jobs.on_one_job("results"),
    ),
    Action(
        id="job.stop", keys=("S",), title=_("Stop"), group=Group.JOB, scope=_JOB, writes=True, footer=7,
        help=_("Stop it; what is answered can be collected."),
        obstacle=jobs.not_allowed(Deed.STOP), command=jobs.on_jobs("stop"),
    ),
    Action(
        id="job.resume", keys=("M",), title=_("Resume"), group=Group.JOB, scope=_JOB, writes=True, footer=12,
        help=_("Go on with a job that was stopped or failed."),
        obstacle=jobs.not_allowed(Deed.RESUME), command=jobs.on_jobs("resume"),
    ),
    Action(
        id="job.delete", keys=("X",), title=_("Delete"), group=Group.JOB, scope=_JOB, writes=True,
        footer=13, help=_("Delete the finished job on the service."),
        obstacle=jobs.not_allowed(Deed.DELETE), command=jobs.on_jobs("delete"),
    ),
    Action(
        id="job.update", keys=("U",), title=_("Update"), group=Group.JOB, scope=_JOB, writes=True, footer=17,
        help=_("Change the name or the description."),
        obstacle=jobs.not_allowed_to_one(Deed.UPDATE), command=jobs.update_job,
    ),
    Action(
        id="job.clone", keys=("N",), title=_("Clone"), group=Group.JOB, scope=_JOB, writes=True, footer=16,
        help=_("Create a new job on the same input."),
        obstacle=jobs.not_allowed_to_one(Deed.CLONE), command=jobs.on_one_job("clone"),
    ),
    Action(
        id="job.create", keys=("n",), title=_("New"), group=Group.JOB, scope=_JOBS, footer=2,
        help=_("Make a job of a file, step by step."), obstacle=jobs.nothing_to_be_made,
    ),
    Action(
        id="job.json", keys=("y",), title=_("JSON"), group=Group.JOB, scope=_JOB, footer=14,
        help=_("Show the job as the service describes it."),
        obstacle=jobs.one_job, command=jobs.on_one_job("job", "--json"),
    ),
    Action(
        id="job.copy", keys=("c",), title=_("Copy"), group=Group.JOB, scope=_JOB, footer=11,
        help=_("Copy the id, a place, or a command line."),
        obstacle=jobs.nothing_to_copy,
    ),
    *(
        Action(
            id=f"jobs.tab_{number}", keys=(str(number),), title=title, group=Group.LIST, scope=_JOBS, help=help_text,
            argument=number,
        )
        for number, (title, help_text) in enumerate(_TABS)
    ),
    Action(
        id="jobs.filter", keys=("/",), title=_("Filter"), group=Group.LIST, scope=_JOBS, footer=5,
        help=_("Narrow the list: phase:failed model:x age:<2d"), command=jobs.list_jobs,
    ),
    Action(
        id="jobs.sort", keys=("s",), title=_("Sort"), group=Group.LIST, scope=_JOBS, footer=10,
        help=_("Choose the order."),
    ),
    Action(
        id="jobs.columns", keys=("C",), title=_("Columns"), group=Group.LIST, scope=_JOBS,
        help=_("Choose the columns."),
    ),
    Action(
        id="jobs.preview", keys=("p",), title=_("Preview"), group=Group.LIST, scope=_JOBS, footer=15,
        help=_("Show or hide the job beside the list."),
    ),
    Action(
        id="jobs.refresh", keys=("r",), title=_("Refresh"), group=Group.LIST, scope=_JOB,
        help=_("Ask the service now."), obstacle=nothing_open, command=jobs.list_jobs,
    ),
    Action(
        id="jobs.faster", keys=("+",), title=_("Faster"), group=Group.LIST, scope=_JOB,
        help=_("Ask the service more often."), obstacle=no_profile,
    ),
    Action(
        id="jobs.slower", keys=("-",), title=_("Slower"), group=Group.LIST, scope=_JOB,
        help=_("Ask the service less often."), obstacle=no_profile,
    ),
    Action(
        id="jobs.pause", keys=(".",), title=_("Pause"), group=Group.LIST, scope=_JOB,
        help=_("Stop asking the service, or go on."), obstacle=no_profile,
    ),
    Action(
        id="results.open", keys=("enter",), title=_("Open"), group=Group.RESULTS, scope=_RESULTS, footer=1,
        help=_("Show the request and its answer."),
        obstacle=results.no_request, command=results.show_request,
    ),
    *(
        Action(
            id=f"results.tab_{number}", keys=(str(number),), title=title, group=Group.RESULTS, scope=_RESULTS,
            help=help_text, argument=number,
        )
        for number, (title, help_text) in enumerate(_KINDS)
    ),
    Action(
        id="results.search", keys=("/",), title=_("Search"), group=Group.RESULTS, scope=_RESULTS, footer=2,
        help=_("Look for a text in ids, answers and errors."),
    ),
    Action(
        id="results.errors", keys=("e",), title=_("Errors"), group=Group.RESULTS, scope=_RESULTS, footer=3,
        help=_("Choose a kind of error, and list the requests that failed so."), obstacle=results.no_failure,
    ),
    Action(
        id="results.retry", keys=("R",), title=_("Retry"), group=Group.RESULTS, scope=_RESULTS, footer=4,
        help=_("Make a new job of what is left."),
        obstacle=results.nothing_left, command=jobs.on_one_job("retry"),
    ),
    Action(
        id="results.input", keys=("i",), title=_("Input"), group=Group.RESULTS, scope=_RESULTS,
        help=_("Bring the requests from the object store, where they are not on this machine."),
        obstacle=results.input_here,
    ),
    Action(
        id="request.next", keys=("n",), title=_("Next"), group=Group.RESULTS, scope=_REQUEST, footer=1,
        help=_("Show the next request of the list."),
    ),
    Action(
        id="request.previous", keys=("p",), title=_("Previous"), group=Group.RESULTS, scope=_REQUEST, footer=2,
        help=_("Show the request before it in the list."),
    ),
    Action(
        id="request.other", keys=("tab",), title=_("Other side"), group=Group.RESULTS, scope=_REQUEST, footer=3,
        help=_("Go from the request to its answer, or back."),
    ),
    Action(
        id="request.wrap", keys=("w",), title=_("Wrap"), group=Group.RESULTS, scope=_REQUEST, footer=8,
        help=_("Wrap long lines, or stop it."),
    ),
    Action(
        id="request.left", keys=("h", "left"), title=_("Left"), group=Group.RESULTS, scope=_REQUEST,
        help=_("Scroll to the left."),
    ),
    Action(
        id="request.right", keys=("l", "right"), title=_("Right"), group=Group.RESULTS, scope=_REQUEST,
        help=_("Scroll to the right."),
    ),
    Action(
        id="request.copy", keys=("c",), title=_("Copy"), group=Group.RESULTS, scope=_RESULTS | _REQUEST, footer=5,
        help=_("Copy the id, the answer, a line, or a command line."), obstacle=results.no_request,
    ),
    Action(
        id="request.json", keys=("y",), title=_("JSON"), group=Group.RESULTS, scope=_RESULTS | _REQUEST, footer=7,
        help=_("Show the lines of request and reply as they are."),
        obstacle=results.no_request, command=results.show_request,
    ),
    Action(
        id="move.down", keys=("j", "down"), title=_("Down"), group=Group.MOVE, scope=_MOVING,
        help=_("Go to the next line."),
    ),
    Action(
        id="move.up", keys=("k", "up"), title=_("Up"), group=Group.MOVE, scope=_MOVING,
        help=_("Go to the line before."),
    ),
    Action(
        id="move.first", keys=("g", "home"), title=_("First"), group=Group.MOVE, scope=_MOVING,
        help=_("Go to the first one."),
    ),
    Action(
        id="move.last", keys=("G", "end"), title=_("Last"), group=Group.MOVE, scope=_MOVING,
        help=_("Go to the last one."),
    ),
    Action(
        id="move.page_down", keys=("pagedown",), title=_("Page down"), group=Group.MOVE, scope=_MOVING,
        help=_("Go down by what fits the window."),
    ),
    Action(
        id="move.page_up", keys=("pageup",), title=_("Page up"), group=Group.MOVE, scope=_MOVING,
        help=_("Go up by what fits the window."),
    ),
    Action(
        id="jobs.mark", keys=("space",), title=_("Mark"), group=Group.MOVE, scope=_JOBS, footer=9,
        help=_("Mark the job, or unmark it."),
        obstacle=jobs.no_job,
    ),
    Action(
        id="jobs.mark_range", keys=("v",), title=_("Mark range"), group=Group.MOVE, scope=_JOBS,
        help=_("Mark everything from the last mark to here."), obstacle=jobs.no_job,
    ),
    Action(
        id="jobs.clear_marks", keys=("\\",), title=_("Clear marks"), group=Group.MOVE, scope=_JOBS,
        help=_("Unmark all jobs."), obstacle=jobs.no_marks,
    ),
    Action(
        id="create.open", keys=("enter",), title=_("Open"), group=Group.CREATE, scope=_CREATE, footer=1,
        help=_("Choose the file, see the line, change the value."), obstacle=creation.nothing_to_open,
    ),
    Action(
        id="create.next", keys=("n", "right"), title=_("Next"), group=Group.CREATE, scope=_CREATE, footer=2,
        help=_("Go on to the next step."), obstacle=creation.last_stage,
    ),
    Action(
        id="create.previous", keys=("p", "left"), title=_("Previous"), group=Group.CREATE, scope=_CREATE,
        help=_("Go back to the step before."), obstacle=creation.first_stage,
    ),
    *(
        Action(
            id=f"create.stage_{number}", keys=(str(number),), title=title, group=Group.CREATE, scope=_CREATE,
            help=help_text, argument=number,
        )
        for number, (title, help_text) in enumerate(_STAGES, start=1)
    ),
    Action(
        id="create.send", keys=("S",), title=_("Send"), group=Group.CREATE, scope=_CREATE, writes=True, footer=3,
        help=_("Upload the file and create the job: its answers are paid for."),
        obstacle=creation.not_to_be_sent, command=creation.submission,
    ),
    Action(
        id="create.file", keys=("f",), title=_("File"), group=Group.CREATE, scope=_CREATE, footer=4,
        help=_("Choose the file of requests."),
    ),
    Action(
        id="create.again", keys=("r",), title=_("Again"), group=Group.CREATE, scope=_CREATE, footer=5,
        help=_("Check the file again, or ask the service again."), obstacle=creation.nothing_to_repeat,
    ),
    Action(
        id="create.stop_check", keys=("x",), title=_("Stop check"), group=Group.CREATE, scope=_CREATE, footer=8,
        help=_("Stop the check of the file."), obstacle=creation.no_check,
    ),
    Action(
        id="create.copy", keys=("c",), title=_("Copy"), group=Group.CREATE, scope=_CREATE, footer=7,
        help=_("Copy the command line that does the same."), obstacle=creation.no_submission,
        command=creation.submission,
    ),
    Action(
        id="create.anew", keys=("A",), title=_("Start anew"), group=Group.CREATE, scope=_CREATE,
        help=_("Forget what is chosen and typed here."), obstacle=creation.nothing_chosen,
    ),
    Action(
        id="picker.open", keys=("enter", "l", "right"), title=_("Open"), group=Group.PICKER, scope=_PICKER, footer=1,
        help=_("Go into the folder, or take the file."), obstacle=picking.no_entry,
    ),
    Action(
        id="picker.choose", keys=("c",), title=_("Choose"), group=Group.PICKER, scope=_PICKER, footer=2,
        help=_("Take the file under the cursor, or the folder that is listed."), obstacle=picking.nothing_to_choose,
    ),
    Action(
        id="picker.parent", keys=("h", "backspace", "left"), title=_("Up"), group=Group.PICKER, scope=_PICKER, footer=3,
        help=_("Go to the folder above."), obstacle=picking.at_the_top,
    ),
    Action(
        id="picker.path", keys=("/",), title=_("Path"), group=Group.PICKER, scope=_PICKER, footer=4,
        help=_("Type a path, or a part of a name; tab completes it."),
    ),
    Action(
        id="picker.all", keys=("a",), title=_("All files"), group=Group.PICKER, scope=_PICKER, footer=5,
        help=_("List all files, or only those that end in .jsonl."), obstacle=picking.folders_alone,
    ),
    Action(
        id="picker.places", keys=("f",), title=_("Folders"), group=Group.PICKER, scope=_PICKER, footer=7,
        help=_("Go to a favourite folder, or one that was used lately."),
    ),
    Action(
        id="picker.favourite", keys=("*",), title=_("Favourite"), group=Group.PICKER, scope=_PICKER, footer=10,
        help=_("Make this folder a favourite one, or no longer."), obstacle=picking.no_folder,
    ),
    Action(
        id="picker.sort", keys=("s",), title=_("Sort"), group=Group.PICKER, scope=_PICKER, footer=8,
        help=_("Sort by name, size or time."),
    ),
    Action(
        id="picker.reload", keys=("r",), title=_("Reload"), group=Group.PICKER, scope=_PICKER,
        help=_("Read the folder again."), obstacle=picking.no_folder,
    ),
    Action(
        id="picker.hidden", keys=(".",), title=_("Hidden"), group=Group.PICKER, scope=_PICKER, footer=9,
        help=_("List what begins with a dot, or leave it out."),
    ),
    Action(
        id="transfer.open", keys=("enter",), title=_("Open"), group=Group.TRANSFERS, scope=_TRANSFERS, footer=1,
        help=_("Open the job that it made, or whose results it brought."), obstacle=transfers.no_job_yet,
        command=transfers.show_job,
    ),
    Action(
        id="transfer.pause", keys=("p",), title=_("Pause/go on"), group=Group.TRANSFERS, scope=_TRANSFERS, footer=2,
        help=_("Stop it for now, or go on with it; what is there stays."),
        obstacle=transfers.not_to_be_paused, command=transfers.continue_transfer,
    ),
    Action(
        id="transfer.retry", keys=("r",), title=_("Retry"), group=Group.TRANSFERS, scope=_TRANSFERS, footer=3,
        help=_("Try again what failed, or go on with what is paused."), obstacle=transfers.not_to_be_gone_on_with,
        command=transfers.continue_transfer,
    ),
    Action(
        id="transfer.cancel", keys=("X",), title=_("Cancel"), group=Group.TRANSFERS, scope=_TRANSFERS,
        footer=4, help=_("Give it up; files that are complete stay."), obstacle=transfers.not_to_be_cancelled,
        command=transfers.forget_transfer,
    ),
    Action(
        id="transfer.copy", keys=("c",), title=_("Copy"), group=Group.TRANSFERS, scope=_TRANSFERS, footer=7,
        help=_("Copy the path, the job's id, the error, or a command line."), obstacle=transfers.no_transfer,
    ),
    Action(
        id="transfer.clear", keys=("C",), title=_("Clear"), group=Group.TRANSFERS, scope=_TRANSFERS, footer=5,
        help=_("Take what is done or given up off the list; what failed stays."),
        obstacle=transfers.nothing_to_clear,
    ),
    Action(
        id="profile.use", keys=("enter",), title=_("Use"), group=Group.PROFILES, scope=_PROFILES, footer=1,
        help=_("Work with this profile."), obstacle=profiles.no_choice,
    ),
    Action(
        id="profile.add", keys=("n",), title=_("Add"), group=Group.PROFILES, scope=_PROFILES, footer=2,
        help=_("Write a new profile into the configuration file."), obstacle=profiles.unreadable,
    ),
    Action(
        id="profile.edit", keys=("e",), title=_("Edit"), group=Group.PROFILES, scope=_PROFILES, footer=4,
        help=_("Change its region, bucket, project and access."), obstacle=profiles.no_choice,
    ),
    Action(
        id="profile.delete", keys=("X",), title=_("Delete"), group=Group.PROFILES, scope=_PROFILES,
        footer=5, help=_("Remove it from the configuration file."),
        obstacle=profiles.not_in_file, command=profiles.on_chosen("config", "remove"),
    ),
    Action(
        id="profile.log_in", keys=("L", "l"), title=_("Log in"), group=Group.PROFILES, scope=_PROFILES, footer=3,
        help=_("Enter its access keys."), obstacle=profiles.no_choice, command=always("login"),
    ),
    Action(
        id="profile.log_out", keys=("O",), title=_("Log out"), group=Group.PROFILES, scope=_PROFILES,
        footer=7, help=_("Forget its access keys."),
        obstacle=profiles.no_keys_to_forget, command=always("logout"),
    ),
    Action(
        id="profile.default", keys=("*",), title=_("Default"), group=Group.PROFILES, scope=_PROFILES, footer=8,
        help=_("Open it whenever none is asked for."), obstacle=profiles.default_already,
    ),
    Action(
        id="profile.reload", keys=("r",), title=_("Reload"), group=Group.PROFILES, scope=_PROFILES,
        help=_("Read the configuration file and look for keys again."),
    ),
    Action(
        id="app.back", keys=("escape",), title=_("Back"), group=Group.APP, scope=_APP,
        help=_("Leave this screen, or undo the filter."),
    ),
    Action(
        id="app.palette", keys=(":", "ctrl+p"), title=_("Command"), group=Group.APP, scope=_APP, footer=6,
        help=_("Find anything that can be done by its name."),
    ),
    Action(
        id="app.copy_command", title=_("Copy command"), group=Group.APP, scope=_JOB | _RESULTS | _REQUEST,
        help=_("Copy the command line that shows the same."),
        command=jobs.show_the_same,
    ),
    Action(
        id="app.transfers", keys=("t",), title=_("Transfers"), group=Group.APP, scope=_LISTS, footer=8,
        help=_("Show what goes up and what comes down."), obstacle=nothing_open,
        command=always("runs"),
    ),
    Action(
        id="app.profiles", keys=("P",), title=_("Profiles"), group=Group.APP, scope=_APP,
        help=_("Choose, add or change a profile."), command=always("profiles"),
    ),
    Action(
        id="app.activity", keys=("@",), title=_("Activity"), group=Group.APP, scope=_APP,
        help=_("See what was done to jobs from this machine."),
        obstacle=no_profile, command=always("audit"),
    ),
    Action(
        id="app.theme", keys=("T",), title=_("Theme"), group=Group.APP, scope=_APP,
        help=_("Choose the colours."),
    ),
    Action(
        id="app.keys", keys=("f1",), title=_("Keys"), group=Group.APP, scope=_APP,
        help=_("Show or hide the keys beside the screen."),
    ),
    Action(
        id="app.suspend", keys=("ctrl+z",), title=_("Suspend"), group=Group.APP, scope=_APP,
        help=_("Go back to the shell; fg returns."),
    ),
    Action(
        id="app.quit", keys=("q",), title=_("Quit"), group=Group.APP, scope=_APP,
        help=_("Leave arkdeck; the jobs go on."),
    ),
    Action(
        id="app.help", keys=("?",), title=_("Help"), group=Group.APP, scope=_APP, footer=99,
        help=_("Show what can be done here, and with which keys."),
    ),
)  # fmt: skip

_BY_ID: Final = {each.id: each for each in ACTIONS}


def action(action_id: str) -> Action:
    """Return the action of this id (KeyError when there is none)."""
    return _BY_ID[action_id]


@cache
def in_scope(scope: Scope) -> tuple[Action, ...]:
    """Return the actions that a screen of this scope has, in the order of the help."""
    return tuple(each for each in ACTIONS if scope in each.scope)


@cache
def in_key_bar(scope: Scope) -> tuple[Action, ...]:
    """Return those of them that the key bar shows, in its order."""
    return tuple(sorted((each for each in in_scope(scope) if each.footer), key=lambda each: each.footer))


def obstacle(action: Action, situation: Situation) -> str | None:
    """Return why the action cannot be done now: read only, not connected, or its own reason; None when it can."""
    if action.writes and (objection := read_only(situation) or no_profile(situation)):
        return objection
    return action.obstacle(situation)


def command_line(action: Action, situation: Situation) -> str | None:
    """Return the command that does the same, quoted for a shell; None when there is none."""
    words = action.command(situation)
    return None if words is None else in_shell(words, situation)


def in_shell(words: Sequence[str], situation: Situation) -> str:
    """Return `arkdeck` with these words behind it, quoted for a shell, on the situation's profile."""
    profile = ("-p", situation.profile) if situation.named else ()
    quoted = (path_in_shell(Path(word)) if str(Path(word)) == word else shlex.quote(word) for word in words)
    return " ".join((shlex.join(("arkdeck", *profile)), *quoted))
