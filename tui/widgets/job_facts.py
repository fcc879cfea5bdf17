"""What is told of a job beside a label, the same in the preview and on its own screen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.i18n import _
from tui.text import clean
from tui.widgets.job_cells import Look, local_time, seconds_left, short_duration, under_way
from tui.widgets.safe_text import identifier, line

if TYPE_CHECKING:
    from tui.ark.models import Job, Location
    from tui.dataset.results import Account
    from tui.runs.board import JobView

_YEAR: Final = len("2026-")
_WHOLE_RATE: Final = 100  # requests a second from which on tenths tell nothing
_PLATFORM_TAG: Final = "sys:"  # who created the job, as the platform notes it


def labelled(label: str, value: Content, width: int, label_width: int) -> list[Content]:
    """Return a value beside its label, as many lines as it takes; no label where it is empty."""
    texts = value.fold(max(1, width - label_width))
    labels = [label, *[""] * (len(texts) - 1)]
    return [line((name.ljust(label_width), "$muted"), text) for name, text in zip(labels, texts, strict=True)]


def rate_text(per_second: float) -> str:
    """Return a rate with as many digits as tell something."""
    rate = f"{per_second:.1f}" if per_second < _WHOLE_RATE else f"{per_second:,.0f}"
    return _("{rate} a second", rate=rate)


def rate(view: JobView) -> Content | None:
    """Return how fast the job goes now; None while unknown."""
    if view.forecast.rate is None or not under_way(view.job):
        return None
    return line(rate_text(view.forecast.rate))


def time_left(view: JobView, look: Look) -> Content | None:
    """Return how long the job has to go at its present rate; None while unknown."""
    left = seconds_left(view, look.now)
    return None if left is None else line((short_duration(left), "bold $warning" if view.forecast.late else ""))


def expiry(job: Job, look: Look, *, seconds: bool = False, year: bool = True) -> Content | None:
    """Return in what time the job expires, and when; None where it does not."""
    if job.expires is None or not under_way(job):
        return None
    left = short_duration((job.expires - look.now).total_seconds())
    return line(left, _absolute(job.expires, look, seconds=seconds, year=year))


def age(moment: datetime, look: Look, *, seconds: bool = False, year: bool = True) -> Content:
    """Return how long ago something was, and when."""
    ago = short_duration((look.now - moment).total_seconds())
    return line(ago, _absolute(moment, look, seconds=seconds, year=year))


def _absolute(moment: datetime, look: Look, *, seconds: bool, year: bool) -> tuple[str, str]:
    time = local_time(moment, seconds=seconds)
    return f" {look.glyphs.separator} {time if year else time[_YEAR:]}", "$muted"


def window(job: Job) -> Content | None:
    """Return the days that the job was given; None while unknown."""
    return line(f"{job.window_days}d") if job.window_days else None


def tokens(account: Account) -> Content:
    """Return the tokens of the answers that count."""
    sent, answered = account.tokens.prompt, account.tokens.completion
    return line(_("{sent:,} sent, {answered:,} answered", sent=sent, answered=answered))


def own_tags(job: Job) -> Sequence[Content]:
    """Return the tags that somebody gave the job."""
    return [
        line(f"{clean(key, limit=128)}={clean(value, limit=256)}")
        for key, value in job.tags.items()
        if not key.startswith(_PLATFORM_TAG)
    ]


def address(place: Location) -> Content | None:
    """Return where something lies in the object store; None where that is not told."""
    return identifier(f"tos://{place.bucket}/{place.key}") if place.bucket else None
