"""A run as the journal keeps it: how far it came, how it ended, what a job's counters said on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tui.fingerprint import Fingerprint
from tui.i18n import _
from tui.runs.lease import Holder
from tui.runs.plan import Plan


class RunState(StrEnum):
    """How far a run has come; each is written before the step that leads out of it."""

    PLANNED = "planned"
    CHECKED = "checked"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    CREATING = "creating"
    CREATED = "created"
    WATCHING = "watching"
    COLLECTING = "collecting"
    COLLECTED = "collected"
    RECONCILED = "reconciled"


class Outcome(StrEnum):
    """How a run ended: `open` ones are taken up by `arkdeck continue`."""

    OPEN = "open"
    DONE = "done"
    FAILED = "failed"
    FORGOTTEN = "forgotten"


@dataclass(frozen=True)
class Run:
    """One row of the journal: a file on its way to answers.

    Attributes:
        upload: what the object store's upload needs to go on, as its own module encoded it.
        job: the JSON object of the job as it was last seen finished.
        holder: the process that works on it, or worked on it last without giving it back.
    """

    id: str
    created: datetime
    changed: datetime
    plan: Plan
    fingerprint: Fingerprint | None
    state: RunState
    outcome: Outcome
    reason: str
    object_key: str
    upload: bytes | None
    job_id: str
    job: bytes | None
    holder: Holder | None

    def reached(self, state: RunState) -> bool:
        """Return whether the run is at `state` or beyond."""
        order = list(RunState)
        return order.index(self.state) >= order.index(state)


CREATED: Final = "create"
"""The deed of a run that has made its job; the run's own history tells of it as well."""


@dataclass(frozen=True)
class Activity:
    """What was done to a job at one time, or tried.

    Attributes:
        deed: a `changes.Deed`, as text, or CREATED.
        request_id: of the reply; empty when none came.
        error: why it was not done; empty when it was.
        maybe_applied: there is an error, and the service may have carried it out all the same.
        detail: what came of it: the id of a clone, what an update changed.
    """

    at: datetime
    deed: str
    job_id: str
    request_id: str = ""
    error: str = ""
    maybe_applied: bool = False
    detail: str = ""


def outcome(error: str, *, maybe_applied: bool) -> str:
    """Return in words what became of a deed that ended with an error, if there was one."""
    if not error:
        return _("done")
    return _("perhaps done: {error}", error=error) if maybe_applied else _("not done: {error}", error=error)


@dataclass(frozen=True)
class Sample:
    """What a job's counters said at one time."""

    at: datetime
    phase: str
    total: int
    completed: int
    failed: int
