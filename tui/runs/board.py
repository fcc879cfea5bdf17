"""The board: every job of a profile as it was seen last, and what its samples promise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tui.runs.forecast import Forecast

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.dataset.results import Account

ALL: Final = ""
"""The group that counts every job, those of an unknown phase included."""

_NOTHING_KNOWN: Final = Forecast()


@dataclass(frozen=True)
class JobView:
    """A job as the board shows it.

    Attributes:
        seen: when the service said so.
        account: what became of its requests, where it was collected on this machine.
    """

    job: Job
    forecast: Forecast
    seen: datetime
    account: Account | None = None


class Board:
    """The jobs of a profile by id, newest knowledge only; the poller writes it, everybody reads it.

    Attributes:
        views: the jobs; live, so copy it to keep it.
        complete: the whole list was read at least once.
        total: how many jobs the service says there are.
    """

    def __init__(self) -> None:
        self._views: dict[str, JobView] = {}
        self._accounts: dict[str, Account] = {}
        self._unfinished = set[str]()
        self._counts = Counter[str]({ALL: 0})
        self.views: Mapping[str, JobView] = MappingProxyType(self._views)
        self.complete = False
        self.total = 0

    def counts(self) -> Mapping[str, int]:
        """Return the number of jobs by group of phases; ALL counts those of unknown phases too."""
        return MappingProxyType(self._counts)

    def unfinished(self) -> set[str]:
        """Return the ids of the jobs that are not known to be finished."""
        return set(self._unfinished)

    def take(self, jobs: Iterable[Job], seen: datetime) -> set[str]:
        """Take over what the service just said of jobs; return the ids of those that are new or differ."""
        changed = set[str]()
        for said in jobs:
            known = self._views.get(said.id)
            job, forecast = said, _NOTHING_KNOWN
            if known is not None:
                forecast = _NOTHING_KNOWN if job.phase.finished else known.forecast
                if job.error_file is None and known.job.error_file is not None:  # lists do not tell it
                    job = replace(job, error_file=known.job.error_file)
                self._count(known.job, -1)
            self._count(job, 1)
            self._views[job.id] = JobView(job, forecast, seen, self._accounts.get(job.id))
            if known is None or known.job != job:
                changed.add(job.id)
                (self._unfinished.discard if job.phase.finished else self._unfinished.add)(job.id)
        return changed

    def add_knowledge(self, forecasts: Mapping[str, Forecast], accounts: Mapping[str, Account]) -> set[str]:
        """Attach forecasts to unfinished jobs, accounts to all, also to come; return the ids of those that differ."""
        self._accounts.update(accounts)
        changed = set[str]()
        for job_id in forecasts.keys() | accounts.keys():
            known = self._views.get(job_id)
            if known is None:
                continue
            forecast = known.forecast if known.job.phase.finished else forecasts.get(job_id, known.forecast)
            account = self._accounts.get(job_id)
            if forecast != known.forecast or account != known.account:
                self._views[job_id] = replace(known, forecast=forecast, account=account)
                changed.add(job_id)
        return changed

    def forget(self, job_ids: Collection[str]) -> set[str]:
        """Remove jobs that the service does not have any more; return the ids of those that were there."""
        removed = {job_id for job_id in job_ids if job_id in self._views}
        for job_id in removed:
            self._count(self._views.pop(job_id).job, -1)
            self._unfinished.discard(job_id)
        return removed

    def _count(self, job: Job, step: int) -> None:
        self._counts[ALL] += step
        if job.phase.group is not None:
            self._counts[job.phase.group] += step
