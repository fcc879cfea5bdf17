"""What the operator's actions act on, what stands in their way, and the command lines that do the same.

Here is what all of them have in common; each subject has a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from pathlib import Path

    from tui.folders import Entry
    from tui.runs.board import JobView
    from tui.runs.transfers import Transfer
    from tui.settings.profile_list import KeysFrom, ListedProfile


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
        clearable: some of the listed transfers are done or given up.
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
    clearable: bool = False


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


def always(*words: str) -> Command:
    """Return a command that is always the same."""
    return lambda _situation: words
