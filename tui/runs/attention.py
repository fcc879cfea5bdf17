"""What an operator has to look at first, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from tui.ark.models import Phase
from tui.i18n import _, plural

if TYPE_CHECKING:
    from tui.runs.board import JobView

LATELY: Final = timedelta(hours=24)
"""How long an end that went wrong asks to be looked at."""

SOON: Final = timedelta(hours=2)
"""How long before its expiry an unfinished job does."""

STALL: Final = timedelta(minutes=15)
"""How long the counters of a running job may stand still."""


class Rank(IntEnum):
    """The kinds of attention, the most pressing first."""

    FAILED = 0
    EXPIRED = 1
    EXPIRING = 2
    LATE = 3
    STALLED = 4
    ERRORS = 5


_RUNNING, _WAITING, _OTHERS = (len(Rank) + place for place in range(3))
_PLACES: Final = {Phase.RUNNING: _RUNNING, Phase.QUEUED: _WAITING, Phase.INITIALIZING: _WAITING}


@dataclass(frozen=True, order=True)
class Attention:
    """Why a job asks to be looked at; they sort by how pressing they are.

    Attributes:
        urgency: within the rank, the smaller the more pressing.
        reason: in a few words.
    """

    rank: Rank
    urgency: float
    reason: str = field(compare=False)


def attention(view: JobView, now: datetime) -> Attention | None:
    """Return why a job has to be looked at; None when it need not."""
    return _of_finished(view, now) if view.job.phase.finished else _of_unfinished(view, now)


def _of_finished(view: JobView, now: datetime) -> Attention | None:
    job = view.job
    ended = job.phase_time or job.updated
    if ended is None or now - ended > LATELY:
        return None
    ago = (now - ended).total_seconds()
    if job.phase == Phase.FAILED:
        return Attention(Rank.FAILED, ago, _("failed {time} ago", time=_roughly(ago)))
    if job.phase == Phase.TERMINATED:
        if job.expires is None or ended < job.expires:  # somebody stopped it
            return None
        return Attention(Rank.EXPIRED, ago, _("expired {time} ago", time=_roughly(ago)))
    failed = job.counts.failed
    return Attention(Rank.ERRORS, -failed, plural("{count} failed", "{count} failed", failed)) if failed else None


def _of_unfinished(view: JobView, now: datetime) -> Attention | None:
    job, promised = view.job, view.forecast
    if job.phase == Phase.TERMINATING:  # its end is decided
        return None
    left = (job.expires - now).total_seconds() if job.expires else None
    if left is not None and left <= SOON.total_seconds():
        text = _("expires in {time}", time=_roughly(left)) if left > 0 else _("expires now")
        return Attention(Rank.EXPIRING, left, text)
    if promised.late and left is not None:
        return Attention(Rank.LATE, left, _("will miss its expiry"))
    if promised.idle_since is not None and now - promised.idle_since >= STALL:
        idle = (now - promised.idle_since).total_seconds()
        return Attention(Rank.STALLED, -idle, _("stalled {time}", time=_roughly(idle)))
    return None


def _roughly(seconds: float) -> str:
    """Return a duration in the largest unit of which it has two at least: `90s`, `100m`, `3h`, `2d`."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f}{unit}"
    return f"{max(0.0, seconds):.0f}s"


def needs_first(now: datetime) -> Callable[[JobView], tuple[int, float, float, str]]:
    """Return a sort key: what needs attention, most pressing first, then what runs, what waits, and the rest.

    Among equals the newest come first; no two jobs have the same key.
    """

    def key(view: JobView) -> tuple[int, float, float, str]:
        job = view.job
        newest = -job.created.timestamp() if job.created else 0.0
        found = attention(view, now)
        if found is not None:
            return found.rank, found.urgency, newest, job.id
        return _PLACES.get(job.phase, _OTHERS), 0.0, newest, job.id

    return key
