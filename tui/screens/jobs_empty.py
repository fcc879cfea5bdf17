"""What the list of jobs says while it has none to show: why, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from textual.content import Content

from tui.connection import Connecting, ConnectionState, Failed
from tui.i18n import _
from tui.runs.job_filter import phase_word
from tui.widgets.action_keys import key_of
from tui.widgets.safe_text import line, paragraphs

if TYPE_CHECKING:
    from tui.poll_status import PollStatus


class Emptiness(msgspec.Struct, frozen=True):
    """The circumstances of an empty list.

    Attributes:
        state: how opening the profile went; None while that was not tried.
        status: of the polls.
        complete: the whole list was read at least once.
        total: jobs that the profile has.
        tab: the phase that is shown alone, or empty.
        filter: in force, or empty.
        submit: the command line that makes a job.
        local: the jobs are those of the deck's own local cloud.
    """

    state: ConnectionState
    status: PollStatus
    complete: bool
    total: int
    tab: str
    filter: str
    submit: str = ""
    local: bool = False


def why_empty(empty: Emptiness, *, connected: bool) -> Content:
    """Return the words in place of rows."""
    if not connected:
        return _not_connected(empty.state)
    if empty.status.cause is not None and not empty.total:
        keys = (
            line((key_of("app.profiles"), "bold $accent"), _(" profiles and keys"))
            if empty.status.refused
            else line((key_of("jobs.refresh"), "bold $accent"), _(" ask again now"))
        )
        return _said(line((empty.status.cause.message, "$error")), paragraphs(empty.status.cause.advice), keys)
    if not empty.complete:
        return line((_("loading jobs"), "$muted"))
    if not empty.total:
        return _said(
            line((_("no jobs yet"), "bold $foreground")),
            line((key_of("job.create"), "bold $accent"), _(" makes one of a file of requests")),
            line((_("The same from another shell:"), "$muted")),
            line((empty.submit, "$accent")),
            line((key_of("job.copy"), "bold $accent"), _(" copies the variables by which it reaches this local cloud"))
            if empty.local
            else Content(),
        )
    if empty.filter:
        return _said(
            line((_("no job matches "), "$foreground"), (empty.filter, "bold $foreground")),
            line((_("try "), "$muted"), (meant, "bold $accent")) if (meant := phase_word(empty.filter)) else Content(),
            line((key_of("app.back"), "bold $accent"), _(" clears the filter")),
        )
    none = _("no job is {phase}", phase=empty.tab.lower())
    return _said(line((none, "$foreground")), line((key_of("jobs.tab_0"), "bold $accent"), _(" shows all")))


def _not_connected(state: ConnectionState) -> Content:
    if not isinstance(state, Failed):
        local = isinstance(state, Connecting) and state.local
        return line((_("starting the local cloud…") if local else _("connecting"), "$muted"))
    return _said(
        line((state.cause.message, "bold $error")),
        paragraphs(state.cause.advice),
        line((key_of("app.profiles"), "bold $accent"), _(" profiles and keys")),
    )


def _said(*parts: Content) -> Content:
    return Content("\n\n").join([part for part in parts if part.plain])
