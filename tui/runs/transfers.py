"""The transfers in progress of one open cloud: uploads to their job, downloads to their account, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import msgspec

from tui.ark.models import Job
from tui.daemon import in_daemon
from tui.dataset.check import CheckSummary
from tui.errors import ArkdeckError, WorkError
from tui.i18n import _
from tui.runs import collect, course
from tui.runs.announcer import Announcer
from tui.runs.events import Interrupted, JobSampled, RunBegun
from tui.runs.holding import let_go
from tui.runs.journal import Journal, JournalError, RunHeldError, UnknownRunError
from tui.runs.plan import Plan
from tui.runs.run import Outcome, Run, RunState
from tui.runs.services import Services
from tui.runs.transfer import Step, Tracker, Transfer, TransferState, Way, transfer_of
from tui.runs.unfinished import as_they_are, unfinished
from tui.storage.upload import UploadState, drop_upload
from tui.text import clean

__all__ = ["JobMayExistError", "Running", "Step", "Transfer", "TransferState", "Transfers", "Way"]

_AT_ONCE: Final = 2
"""Each has three connections, which fill a link; a second one keeps a small file from waiting for a large one."""
_AT_MOST: Final = 4
"""One that waits for an outage leaves its place to another, as the outage may be of its bucket alone; not to all."""
_LOOK_INTERVALS: Final = 10
"""After so many intervals it is looked at again what other processes have made of the transfers that they hold."""
_ENDED: Final = {
    Outcome.OPEN: TransferState.DONE,  # its job exists, and somebody waits for it
    Outcome.DONE: TransferState.DONE,
    Outcome.FAILED: TransferState.FAILED,
    Outcome.FORGOTTEN: TransferState.CANCELLED,
}


class JobMayExistError(WorkError):
    """A transfer was cancelled while its job was being created: the service may have made it."""


class Running(NamedTuple):
    """How many transfers are running, by their way."""

    up: int
    down: int


class Transfers:
    """The transfers of one cloud; an async context manager.

    Entering takes up what the journal has unfinished: as PAUSED, or HELD where another live process works on it.
    Leaving stops what runs and gives the leases back, so that each can be continued, here or by `arkdeck continue`.

    Args:
        services: of the cloud.
        profile: by whose name `arkdeck continue` is to go on with downloads, if one was named.
        interval: seconds between two changes of which only the figures differ.
    """

    def __init__(self, services: Services, *, profile: str = "", interval: float = 0.5) -> None:
        self._services = services
        self._profile = profile
        self._interval = interval
        self._trackers: dict[str, Tracker] = {}
        self._waiting: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._shown: dict[str, Transfer] = {}
        self._announcer = Announcer[Transfer]()
        self._giving_up: set[asyncio.Task[None]] = set()
        self._entering = asyncio.Lock()
        self._left = False
        self._ticking: asyncio.Task[None] | None = None
        self._unexpected: Exception | None = None

    async def __aenter__(self) -> Self:
        for transfer in await self._services.journal.apart(partial(unfinished, self._services.service)):
            self._trackers[transfer.id] = Tracker(transfer, self._services.clock)
        self._shown = {transfer.id: transfer for transfer in self.all}
        self._ticking = asyncio.create_task(self._guarded(self._tick))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        ending = [*self._tasks.values(), *([self._ticking] if self._ticking else [])]
        for task in ending:
            task.cancel()
        if ending:
            await asyncio.wait(ending)
        async with self._entering:  # what was being begun waits by then
            for transfer_id in list(self._waiting):
                await self._stop_waiting(transfer_id)
        await asyncio.gather(*self._giving_up, return_exceptions=True)  # who asked for it is told
        self._announcer.end()
        if self._unexpected is not None and error is None:
            raise self._unexpected

    @property
    def all(self) -> list[Transfer]:
        """Every transfer, newest first."""
        found = [tracker.transfer for tracker in reversed(self._trackers.values())]
        return sorted(found, key=lambda transfer: transfer.began, reverse=True)

    @property
    def running(self) -> Running:
        """How many are running."""
        ways = [tracker.transfer.way for tracker in self._at_work]
        return Running(ways.count(Way.UP), ways.count(Way.DOWN))

    def get(self, transfer_id: str) -> Transfer | None:
        """Return a transfer as it stands, None if it is not (or no more) on the list."""
        tracker = self._trackers.get(transfer_id)
        return tracker.transfer if tracker else None

    async def submit(self, plan: Plan, checked: CheckSummary | None = None) -> Transfer:
        """Send a file up and create its job, in its turn; one that is on its way already is returned as it stands.

        Args:
            plan: what is asked for.
            checked: what the check of this very file said, so that it is not read again.

        Raises:
            ArkdeckError: it cannot be begun: the journal, the folder of the results.
        """
        async with self._entering:
            return await self._enqueue(course.enter(plan, self._services, checked=checked))

    async def collect(self, job: Job, folder: Path) -> Transfer:
        """Bring a job's results home to `folder` (absolute) and account for them, in its turn.

        Raises:
            JobNotFinishedError, FolderTakenError, FolderUnusableError, JournalError: it cannot be begun.
        """
        async with self._entering:
            return await self._enqueue(course.enter_collect(job, folder, self._services, profile=self._profile))

    async def pause(self, transfer_id: str) -> None:
        """Stop a transfer that waits or runs; it can be resumed, and what is finished of it is not sent again."""
        self._tracker(transfer_id)
        await self._stop(transfer_id)

    async def resume(self, transfer_id: str) -> Transfer:
        """Go on with one that is paused, failed, or was held, in its turn.

        Where no repetition mends what failed, it begins anew, as another transfer in place of this one.

        Raises:
            ArkdeckError: it cannot be begun anew.
        """
        async with self._entering:
            tracker = self._tracker(transfer_id)
            state = tracker.transfer.state
            if state.active or state in (TransferState.DONE, TransferState.CANCELLED):
                return tracker.transfer
            run = await self._services.journal.apart(lambda journal: journal.run(transfer_id))
            if run.outcome is Outcome.DONE:
                return self._conclude(tracker, run)
            if run.outcome is not Outcome.OPEN:
                return await self._begin_anew(run, tracker.transfer)
            try:
                await course.take_up(transfer_id, self._services)
            except RunHeldError as error:
                return self._change(tracker, TransferState.HELD, holder=error.holder)
            return await self._wait(tracker)

    async def cancel(self, transfer_id: str) -> None:
        """Give a transfer up: its run is forgotten, what is unfinished in store or folder is dropped, whole files stay.

        It is carried through though the caller is cancelled.

        Raises:
            RunHeldError: another process works on it.
            JournalError: it cannot be written down; the transfer is paused.
        """
        giving_up = asyncio.create_task(self._give_up(transfer_id))
        self._giving_up.add(giving_up)
        giving_up.add_done_callback(self._giving_up.discard)
        await asyncio.shield(giving_up)

    async def _give_up(self, transfer_id: str) -> None:
        async with self._entering:
            tracker = self._tracker(transfer_id)
            await self._stop(transfer_id)
            if tracker.transfer.state in (TransferState.DONE, TransferState.CANCELLED):
                return
            run = await self._services.journal.apart(partial(_forget, transfer_id), needed=True)
            doubt = _job_may_exist(tracker.transfer) if run.state is RunState.CREATING else None
            self._change(tracker, TransferState.CANCELLED, error=doubt)
        try:
            await self._drop_leftovers(run)
        except ArkdeckError as error:
            self._change(tracker, TransferState.CANCELLED, error=error)

    def clear(self, transfer_id: str) -> None:
        """Take a finished transfer off the list."""
        tracker = self._trackers.get(transfer_id)
        if tracker is not None and tracker.transfer.state.finished:
            self._remove(transfer_id)

    def changes(self) -> AsyncGenerator[Transfer, None]:
        """Tell every transfer that changes from now on; one that is cleared too, which `get` does not know any more.

        At once when its state or step does, otherwise at most once in `interval`. Ends with the holder.
        """
        return self._announcer.listen()

    # --- one after the other ------------------------------------------------------------------------------------------

    async def _enqueue(self, entering: Awaitable[RunBegun]) -> Transfer:
        """Put a run on the list as it is entered, or back on it, to wait for its turn."""
        try:
            begun = await entering
        except RunHeldError as error:
            if (ours := self.get(error.run_id)) and ours.state.active:
                return ours
            raise
        try:
            run = self._services.journal.run(begun.run_id)
            transfer = await in_daemon(partial(transfer_of, run, TransferState.WAITING), name="look")
        except BaseException:
            await let_go(begun.run_id, self._services)
            raise
        return await self._wait(Tracker(self._following(transfer), self._services.clock))

    def _following(self, transfer: Transfer) -> Transfer:
        known = self._trackers.get(transfer.id)
        return transfer.following(known.transfer) if known is not None else transfer

    async def _wait(self, tracker: Tracker) -> Transfer:
        self._trackers[tracker.transfer.id] = tracker  # it may have been cleared meanwhile
        self._waiting.append(tracker.transfer.id)
        self._change(tracker, TransferState.WAITING)
        self._start_next()
        if self._left:  # nothing starts any more
            await self._stop_waiting(tracker.transfer.id)
        return tracker.transfer

    def _start_next(self) -> None:
        while self._waiting and self._has_room and not self._left:
            tracker = self._trackers[self._waiting.pop(0)]
            task = asyncio.create_task(self._guarded(partial(self._run, tracker)))
            task.add_done_callback(partial(self._ended, tracker))
            self._tasks[tracker.transfer.id] = task
            self._change(tracker, TransferState.RUNNING)

    @property
    def _at_work(self) -> list[Tracker]:
        """What has a task; the task of one that is done and was cleared at once takes a moment longer to end."""
        return [self._trackers[transfer_id] for transfer_id in self._tasks if transfer_id in self._trackers]

    @property
    def _has_room(self) -> bool:
        moving = sum(not tracker.transfer.interrupted for tracker in self._at_work)
        return moving < _AT_ONCE and len(self._tasks) < _AT_MOST

    def _ended(self, tracker: Tracker, _task: asyncio.Task[None]) -> None:
        transfer_id = tracker.transfer.id
        self._tasks.pop(transfer_id, None)
        if tracker.transfer.state is TransferState.RUNNING and transfer_id in self._trackers:  # it was stopped
            with suppress(JournalError):  # then the lease ends with this process
                self._services.journal.let_go(transfer_id)
            self._change(tracker, TransferState.PAUSED)
        self._start_next()

    async def _run(self, tracker: Tracker) -> None:
        """Follow a transfer's flow to its end."""
        try:
            up = tracker.transfer.way is Way.UP
            flow = course.go_on(tracker.transfer.id, self._services, until_created=up)
            async with aclosing(flow) as events:
                async for event in events:
                    if isinstance(event, RunBegun):
                        self._rename(tracker, event.run_id)
                    if isinstance(event, JobSampled):  # resumed on the service meanwhile: there is nothing to move yet
                        del self._tasks[tracker.transfer.id]
                        self._remove(tracker.transfer.id)
                        return
                    tracker.hear(event)
                    self._show(tracker)
                    if isinstance(event, Interrupted):
                        self._start_next()
            self._change(tracker, TransferState.DONE)
        except RunHeldError as error:
            self._change(tracker, TransferState.HELD, holder=error.holder)
        except ArkdeckError as error:
            self._change(tracker, TransferState.FAILED, error=error)

    def _rename(self, tracker: Tracker, run_id: str) -> None:
        """Go on under the id of the run that this one has turned out to be."""
        former = tracker.transfer
        task = self._tasks.pop(former.id)
        self._remove(former.id)
        tracker.transfer = self._following(replace(former, id=run_id))
        self._trackers[run_id], self._tasks[run_id] = tracker, task

    async def _stop(self, transfer_id: str) -> None:
        """End what is at work on a transfer; its lease is given back then."""
        if transfer_id in self._waiting:
            await self._stop_waiting(transfer_id)
        elif task := self._tasks.get(transfer_id):
            task.cancel()
            await asyncio.wait([task])

    async def _stop_waiting(self, transfer_id: str) -> None:
        self._waiting.remove(transfer_id)
        with suppress(JournalError):  # then the lease ends with this process
            await let_go(transfer_id, self._services)
        self._change(self._trackers[transfer_id], TransferState.PAUSED)

    async def _begin_anew(self, run: Run, former: Transfer) -> Transfer:
        """Do once more what has ended, as another run."""
        if former.way is Way.UP:
            entering = course.enter(run.plan, self._services)
        else:
            job = course.seen_finished(run)
            entering = course.enter_collect(job, former.path, self._services, profile=run.plan.profile)
        begun = await self._enqueue(entering)
        self._remove(run.id)
        return begun

    async def _drop_leftovers(self, run: Run) -> None:
        if run.reached(RunState.COLLECTING):
            folder = run.plan.results_folder(run.job_id)
            await in_daemon(partial(collect.give_up, folder, run.job_id), name="tidy")
        elif run.upload and not run.reached(RunState.UPLOADED):
            state = msgspec.json.decode(run.upload, type=UploadState)
            await drop_upload(self._services.store, run.plan.bucket, run.object_key, state)

    # --- telling ------------------------------------------------------------------------------------------------------

    def _tracker(self, transfer_id: str) -> Tracker:
        try:
            return self._trackers[transfer_id]
        except KeyError:
            raise UnknownRunError(_("no transfer {id}", id=transfer_id)) from None

    def _change(
        self, tracker: Tracker, state: TransferState, *, error: ArkdeckError | None = None, holder: str = ""
    ) -> Transfer:
        tracker.measure()
        tracker.change(state, error=error, holder=holder)
        self._show(tracker)
        return tracker.transfer

    def _show(self, tracker: Tracker) -> None:
        """Tell a transfer if it stands otherwise than was told; figures are told by the tick."""
        transfer = tracker.transfer
        shown = self._shown.get(transfer.id)
        if shown is None or shown.standing != transfer.standing or not transfer.state.active:
            tracker.measure()
            self._tell(tracker.transfer)

    def _tell(self, transfer: Transfer) -> None:
        self._shown[transfer.id] = transfer
        self._announcer.tell(transfer)

    def _remove(self, transfer_id: str) -> None:
        tracker = self._trackers.pop(transfer_id, None)
        self._shown.pop(transfer_id, None)
        if tracker is not None:
            self._announcer.tell(tracker.transfer)

    async def _tick(self) -> None:
        """Tell the figures of what runs, and now and then look at what other processes do."""
        ticks = 0
        while True:
            await asyncio.sleep(self._interval)
            for tracker in self._at_work:
                tracker.measure()
                if tracker.transfer != self._shown.get(tracker.transfer.id):
                    self._tell(tracker.transfer)
            ticks += 1
            if ticks % _LOOK_INTERVALS == 0:
                with suppress(JournalError):  # another process keeps it; next time
                    await self._look_again()

    async def _look_again(self) -> None:
        idle = (TransferState.PAUSED, TransferState.HELD)
        looked_at = {it.transfer.id: it.transfer for it in self._trackers.values() if it.transfer.state in idle}
        if not looked_at:
            return
        found = await self._services.journal.apart(partial(as_they_are, list(looked_at)))
        for run_id, (run, transfer) in found.items():
            tracker = self._trackers.get(run_id)
            if tracker is None or tracker.transfer is not looked_at[run_id]:
                continue  # something was done with it meanwhile
            sent = transfer is None and tracker.transfer.way is Way.UP
            if run is not None and (run.outcome is not Outcome.OPEN or sent):
                self._conclude(tracker, run)
            elif transfer is None:  # it has become another run; or its job, resumed, is at work again
                self._remove(run_id)
            elif (now := transfer.following(tracker.transfer)) != tracker.transfer:
                tracker.transfer = now
                self._tell(now)

    def _conclude(self, tracker: Tracker, run: Run) -> Transfer:
        """Tell how another process has ended a run."""
        tracker.transfer = replace(tracker.transfer, job_id=run.job_id)
        error = WorkError(run.reason) if run.outcome is Outcome.FAILED else None
        return self._change(tracker, _ENDED[run.outcome], error=error)

    async def _guarded(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do a part of the holder's work; an error that nobody expected ends whoever listens, and the holder."""
        try:
            await work()
        except Exception as error:  # noqa: BLE001  # handed to who can end the program with it
            self._unexpected = error
            self._announcer.end(error)


def _forget(run_id: str, journal: Journal) -> Run:
    """Take a run off what can be continued, and return how far it had come."""
    run = journal.run(run_id)
    if run.outcome is Outcome.OPEN:
        journal.forget(run_id)
    return run


def _job_may_exist(transfer: Transfer) -> JobMayExistError:
    return JobMayExistError(
        _("the job of {file} was being created when its transfer was cancelled", file=clean(transfer.name)),
        advice=_("It may exist all the same: look at the list of jobs, and stop it there."),
    )
