"""Keeping the board up to date: one request in flight, only of what can have changed, and none that nobody needs.

A poll asks after every job that is not known to be finished, and reads the list newest first until it meets nothing
new. The whole list is read at the start and again every ten minutes: that finds what was removed, resumed or renamed
elsewhere, and an operator who cannot wait for it asks for it. A poll that fails changes nothing of what is known.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tui.ark.client import JobPage
from tui.ark.errors import ArkError, ArkNotFoundError
from tui.ark.models import Job, JobQuery
from tui.ark.paging import MAX_PAGE_SIZE
from tui.backoff import backoff
from tui.errors import AccessError, ArkdeckError
from tui.runs.board import Board
from tui.runs.events import JobGone, PollFailed
from tui.runs.journal import Journal, JournalError, JournalTooNewError
from tui.runs.monitor import ask_after, chunks, sample
from tui.runs.services import Services

if TYPE_CHECKING:
    from tui.dataset.results import Account
    from tui.runs.forecast import Forecast

__all__ = ["BoardChanged", "PollBegan", "PollEvent", "PollFailed", "PollRefused", "Poller"]

WHOLE_LIST_EVERY: Final = 600.0
"""Seconds between two readings of the whole list."""

SHORT_LIST: Final = 1000
"""Jobs of a list that is read whole, ten pages of it, whenever the operator asks."""

LONGEST_BACKOFF: Final = 60.0
"""Seconds between two tries of a service that does not answer."""

_FIRST_BACKOFF: Final = 2.0
_LONGEST_ASKED_FOR: Final = 600.0  # a service that says to wait longer is not believed
_PAGES_AT_ONCE: Final = 4
_NEWS: Final = 20  # jobs of a page where few are new, if any


@dataclass(frozen=True)
class PollBegan:
    """A poll is on its way."""


@dataclass(frozen=True)
class BoardChanged:
    """The service answered; the board holds what it said.

    Attributes:
        changed: ids of the jobs that are new, or are not as they were.
        removed: ids of those that are no more.
        loaded: jobs on the board.
        total: jobs that the service says there are.
        complete: the poll is at its end; otherwise there are pages to come.
        at: when that was.
        notes: what failed beside the poll, each told once until it works again: the journal, the look at one job.
    """

    changed: frozenset[str]
    removed: frozenset[str]
    loaded: int
    total: int
    complete: bool
    at: datetime
    notes: tuple[ArkdeckError, ...] = ()


@dataclass(frozen=True)
class PollRefused:
    """The credentials or a permission were refused: nothing is asked until `Poller.refresh`."""

    cause: AccessError


PollEvent = PollBegan | BoardChanged | PollFailed | PollRefused


class Poller:
    """Keeps the board of one profile up to date for as long as its events are read.

    Args:
        services: the signing client, the journal and the clock.
        project: whose jobs; empty for the service's default.
        interval: seconds between polls; 0 polls only when asked to.
    """

    def __init__(self, services: Services, project: str, *, interval: float) -> None:
        self.board = Board()
        self._services = services
        self._project = project
        self._interval = interval
        self._paused = False
        self._looked_at: str | None = None
        self._asked = True
        self._asked_after = set[str]()
        self._asked_wholly = False
        self._look_due = False
        self._refused = False
        self._failures = 0
        self._pause = interval
        self._ended = services.clock.monotonic()
        self._whole_list_due = -math.inf
        self._answered = services.clock.now()
        self._woken = asyncio.Event()
        self._changed = set[str]()
        self._removed = set[str]()
        self._accounts_known = 0
        self._notes: list[ArkdeckError] = []
        self._noted = set[str]()

    @property
    def interval(self) -> float:
        """Seconds between polls, 0 for none unless asked; a change counts at once."""
        return self._interval

    @interval.setter
    def interval(self, seconds: float) -> None:
        self._interval = seconds
        self._woken.set()

    @property
    def paused(self) -> bool:
        """No polls unless asked; a change counts at once."""
        return self._paused

    @paused.setter
    def paused(self, paused: bool) -> None:
        self._paused = paused
        self._woken.set()

    def refresh(self, job_ids: Collection[str] = (), *, wholly: bool = False) -> None:
        """Poll now, or once more after the poll that is on its way; also after a refusal.

        Args:
            job_ids: what was just changed, or is in sight: asked after though it may be finished, which is not asked
                after otherwise.
            wholly: read the whole list if it is a SHORT_LIST.
        """
        self._asked = True
        self._asked_after.update(job_ids)
        self._asked_wholly = self._asked_wholly or wholly
        self._woken.set()

    def look_at(self, job_id: str | None) -> None:
        """Ask for this job by itself, now and with every poll: more is told of one than of many."""
        self._look_due = job_id is not None and (self._look_due or job_id != self._looked_at)
        self._looked_at = job_id
        self._woken.set()

    async def events(self) -> AsyncGenerator[PollEvent, None]:
        """Poll, and tell what comes of it, until the generator is closed."""
        while True:
            await self._until_due()
            answers = self._poll() if self._poll_is_due() else self._look()
            try:
                async with aclosing(answers):
                    async for event in answers:
                        yield event
            except AccessError as error:
                self._refused = True
                yield PollRefused(error)
            except ArkdeckError as error:
                yield self._failed(error)

    # --- when ---------------------------------------------------------------------------------------------------------

    async def _until_due(self) -> None:
        while not (self._poll_is_due() or self._look_is_due()):
            self._woken.clear()
            waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._woken.wait())}
            left = self._seconds_left()
            if left is not None:
                waits.add(asyncio.ensure_future(self._services.clock.sleep(left)))
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()

    def _poll_is_due(self) -> bool:
        return self._asked or self._seconds_left() == 0

    def _look_is_due(self) -> bool:
        return self._look_due and not self._failures and not self._refused  # else it waits for the next poll

    def _seconds_left(self) -> float | None:
        """Seconds until the next poll; None while only the operator can bring it about."""
        if self._refused or self._paused or not self._interval:
            return None
        pause = self._pause if self._failures else self._interval
        return max(0.0, self._ended + pause - self._services.clock.monotonic())

    def _failed(self, error: ArkdeckError) -> PollFailed:
        self._failures += 1
        pause = backoff(_FIRST_BACKOFF, self._failures, longest=LONGEST_BACKOFF)
        self._pause = pause * random.uniform(0.75, 1)  # noqa: S311  # spreads pollers, guards nothing
        if isinstance(error, ArkError) and error.retry_after is not None:
            self._pause = max(self._pause, min(_LONGEST_ASKED_FOR, error.retry_after))
        self._ended = self._services.clock.monotonic()
        return PollFailed(error, since=self._answered, next_in=self._seconds_left() or 0.0)

    # --- what ---------------------------------------------------------------------------------------------------------

    async def _poll(self) -> AsyncGenerator[PollEvent, None]:
        if self._asked_wholly and self.board.total <= SHORT_LIST:
            self._whole_list_due = -math.inf
        self._asked = self._asked_wholly = self._refused = False
        clock = self._services.clock
        yield PollBegan()
        watched = self.board.unfinished()
        asked_after = frozenset(self._asked_after)
        whole = clock.monotonic() >= self._whole_list_due
        if whole:
            async with aclosing(self._read_list()) as pages:
                async for event in pages:
                    yield event
        else:
            await self._ask_after(watched | asked_after)
            await self._read_news()
        self._asked_after -= asked_after
        await self._get_looked_at()
        await self._promise(watched | self.board.unfinished(), thin=whole)
        self._failures = 0
        self._ended, self._answered = clock.monotonic(), clock.now()
        yield self._told(complete=True)

    async def _look(self) -> AsyncGenerator[PollEvent, None]:
        await self._get_looked_at()
        yield self._told(complete=True)

    async def _ask_after(self, job_ids: set[str]) -> None:
        """Ask after jobs by their ids; those that the service does not know any more are removed."""
        async with aclosing(ask_after(sorted(job_ids), self._services, project=self._project)) as answers:
            async for answer in answers:
                if isinstance(answer, JobGone):
                    self._drop({answer.job_id})
                else:
                    self._take([answer])

    async def _read_news(self) -> None:
        """Read the list from its newest end until a page ends with a job that is as it is known."""
        number = 1
        while True:
            page = await self._page(number, size=_NEWS)
            self.board.total = page.total
            changed = self._take(page.items)
            if page.last or page.items[-1].id not in changed:
                return
            number += 1

    async def _read_list(self) -> AsyncGenerator[BoardChanged, None]:
        """Read the whole list, told page by page; jobs that are in it no more, nor found by their ids, are removed.

        Jobs that are removed while it is read make others slip to a page that was read before: then the next poll reads
        it again.
        """
        missing = set(self.board.views)
        met, total, shrank = set[str](), 0, False
        async with aclosing(self._pages()) as pages:
            async for page in pages:
                ids = {job.id for job in page.items}
                if not page.total and ids <= met:  # it says no total, and gives the same page again and again
                    break
                met |= ids
                shrank = shrank or page.total < total
                total = self.board.total = page.total
                self._take(page.items)
                yield self._told(complete=False)
        for some in chunks(missing - met, MAX_PAGE_SIZE):
            listed = [job async for job in self._services.ark.all_jobs(JobQuery(project=self._project, ids=some))]
            self._take(listed)
            self._drop(set(some) - {job.id for job in listed})
        self.board.complete = True
        self._whole_list_due = self._services.clock.monotonic() + (0 if shrank else WHOLE_LIST_EVERY)

    async def _pages(self) -> AsyncGenerator[JobPage, None]:
        """Yield the pages of the list, the first by itself, then four at once."""
        page = await self._page(1)
        yield page
        for numbers in chunks(range(2, math.ceil(page.total / page.size) + 1), _PAGES_AT_ONCE):
            for answer in await asyncio.gather(*map(self._page, numbers), return_exceptions=True):
                if isinstance(answer, BaseException):
                    raise answer
                page = answer
                yield page
            if page.last:
                return
        while not page.last:
            page = await self._page(page.number + 1)
            yield page

    async def _page(self, number: int, *, size: int = MAX_PAGE_SIZE) -> JobPage:
        return await self._services.ark.list_jobs(JobQuery(project=self._project), page=number, page_size=size)

    async def _get_looked_at(self) -> None:
        """Get the job that is looked at; a refusal of that alone is no reason to stop the polls."""
        self._look_due = False
        job_id = self._looked_at
        if job_id is None:
            return
        try:
            job = await self._services.ark.get_job(job_id)
        except ArkNotFoundError:
            self._drop({job_id})
            if self._looked_at == job_id:
                self._looked_at = None
        except AccessError as error:
            self._hindered("look", error)
        else:
            self._take([job])
            self._hindered("look", None)

    # --- what became of it --------------------------------------------------------------------------------------------

    def _take(self, jobs: Collection[Job]) -> set[str]:
        """Put jobs on the board; return the ids of those that are new or differ."""
        changed = self.board.take(jobs, self._services.clock.now())
        self._changed |= changed
        self._removed -= changed
        return changed

    def _drop(self, job_ids: set[str]) -> None:
        removed = self.board.forget(job_ids)
        self._removed |= removed
        self._changed -= removed

    async def _promise(self, job_ids: set[str], *, thin: bool) -> None:
        """Keep the jobs' counters in the journal, and put what it knows of jobs on the board.

        Args:
            job_ids: those that may have gone on.
            thin: have the journal drop old samples too.
        """
        views = [self.board.views[job_id] for job_id in job_ids if job_id in self.board.views]
        seen, known = [(view.job, view.seen) for view in views], self._accounts_known

        def remember(journal: Journal) -> tuple[dict[str, Forecast], tuple[dict[str, Account], int]]:
            if thin:
                journal.thin_samples()
            return sample(seen, journal), journal.accounts(after=known)

        try:
            forecasts, (accounts, self._accounts_known) = await self._services.journal.apart(remember)
        except (JournalError, JournalTooNewError) as error:
            self._hindered("journal", error)
        else:
            self._changed |= self.board.add_knowledge(forecasts, accounts)
            self._hindered("journal", None)

    def _hindered(self, what: str, by: ArkdeckError | None) -> None:
        """Note what failed beside the poll, once until it works again."""
        if by is None:
            self._noted.discard(what)
        elif what not in self._noted:
            self._noted.add(what)
            self._notes.append(by)

    def _told(self, *, complete: bool) -> BoardChanged:
        """Return what happened to the board since this was asked last."""
        told = BoardChanged(
            changed=frozenset(self._changed),
            removed=frozenset(self._removed),
            loaded=len(self.board.views),
            total=max(self.board.total, len(self.board.views)),
            complete=complete,
            at=self._answered if complete else self._services.clock.now(),
            notes=tuple(self._notes),
        )
        self._changed, self._removed, self._notes = set(), set(), []
        return told
