"""What stands in the way of the steps that make a job, and the command line that does the same."""

from __future__ import annotations

from tui.i18n import _
from tui.situations import Situation


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
