"""The order of a list of jobs: what needs attention first, or by one of their properties."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from tui.ark.models import KNOWN_PHASES
from tui.runs.attention import needs_first
from tui.runs.board import JobView

NEEDS: Final = "needs"
"""The order that puts first what needs attention, then what is active, then the newest."""


def _progress(view: JobView) -> float | None:
    counts = view.job.counts
    return counts.completed / counts.total if counts.total else None


def _tokens(view: JobView) -> int | None:
    return view.account.tokens.prompt + view.account.tokens.completion if view.account else None


def _phase(view: JobView) -> tuple[int, str]:
    phase = view.job.phase
    return (KNOWN_PHASES.index(phase) if phase in KNOWN_PHASES else len(KNOWN_PHASES), phase)


def _expiry(view: JobView) -> datetime | None:
    return None if view.job.phase.finished else view.job.expires


_KEYS: Final[Mapping[str, Callable[[JobView], Any]]] = {
    "name": lambda view: view.job.name.casefold() or None,
    "phase": _phase,
    "progress": _progress,
    "failed": lambda view: view.job.counts.failed,
    "model": lambda view: str(view.job.model).casefold() or None,
    "age": lambda view: -view.job.created.timestamp() if view.job.created else None,
    "created": lambda view: view.job.created,
    "eta": lambda view: None if view.job.phase.finished else view.forecast.seconds_left,
    "expiry": _expiry,
    "tokens": _tokens,
    "project": lambda view: view.job.project.casefold(),
    "window": lambda view: view.job.window_days,
    "id": lambda view: view.job.id,
}

ORDERS: Final = (NEEDS, *_KEYS)
"""What `in_order` sorts by."""

DESCENDING_FIRST: Final = frozenset(["progress", "failed", "created", "tokens"])
"""The orders of which the large end is the interesting one."""


def in_order(views: Iterable[JobView], by: str, *, descending: bool, now: datetime) -> list[JobView]:
    """Return the jobs sorted, those without the property last whichever way it goes; equal ones newest first.

    Args:
        views: the jobs.
        by: one of ORDERS; `needs` has one direction.
        descending: the largest first.
        now: what needs attention depends on it.
    """
    if by == NEEDS:
        return sorted(views, key=needs_first(now))
    key = _KEYS[by]
    known: list[tuple[Any, JobView]] = []
    unknown: list[JobView] = []
    for view in sorted(views, key=_created, reverse=True):
        value = key(view)
        if value is None:
            unknown.append(view)
        else:
            known.append((value, view))
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [view for _value, view in known] + unknown


def _created(view: JobView) -> float:
    return view.job.created.timestamp() if view.job.created else 0.0
