"""What stands in the way of what is done with results and their requests, and the command line that shows one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.i18n import _
from tui.situations import Situation
from tui.situations.jobs import on_one_job

if TYPE_CHECKING:
    from tui.dataset.results import Account


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


def show_request(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that shows a request whole."""
    return on_one_job("results", "--id", situation.request)(situation) if situation.request is not None else None
