"""The batch engine: takes jobs through their phases on its own clock and answers requests at a chosen speed.

`tick` does what is due at the clock's time and says whether more is due already; `next_due` says when something
will be. A thread makes a service of the two on the machine's clock; `advance` plays them on a frozen one.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from tui.files import private_folder
from tui.localcloud import jobs as phases
from tui.localcloud.answers import Answerer
from tui.localcloud.assumptions import DEFAULTS, Assumptions
from tui.localcloud.disk import DISK_FULL, is_disk_full
from tui.localcloud.faults import FaultPlan
from tui.localcloud.input_check import InputRefusedError
from tui.localcloud.job_work import InputCheck, JobWork, RowFiles
from tui.localcloud.model_answers import ModelAnswerer
from tui.localcloud.publishing import Publisher
from tui.localcloud.tos_errors import TosError

if TYPE_CHECKING:
    from pathlib import Path

    from tui.clock import Clock, FrozenClock
    from tui.localcloud.jobs import Job, JobStore
    from tui.localcloud.model_endpoint import ModelEndpoint
    from tui.localcloud.object_storage import ObjectStorage

PHASE_SECONDS: Final = 0.3
REQUESTS_PER_STEP: Final = 2000
PROGRESS_SECONDS: Final = 0.05
ROOM_SECONDS: Final = 1.0
FAULT_SECONDS: Final = 1.0
_CLOCK_STEP: Final = 1e-6  # seconds, the finest that a datetime tells apart

MESSAGES: Final[dict[str, str]] = {
    phases.QUEUED: "批量推理任务排队中",
    phases.INITIALIZING: "批量推理任务初始化中",
    phases.RUNNING: "批量推理任务运行中",
    phases.COMPLETED: "批量推理任务已完成",
    phases.TERMINATING: "批量推理任务终止中",
    phases.TERMINATED: "批量推理任务已终止",
}
EXPIRED: Final = "批量推理任务已到期,终止中"
_log: Final = logging.getLogger(__name__)


class Engine:
    """Runs the jobs of a store.

    Args:
        jobs: the jobs; the API adds and stops them while the engine runs.
        storage: inputs and results.
        folder: for the rows of unfinished jobs.
        clock: of phases, rates and expiry.
        speed: requests per second of each job; 0 for as fast as it can.
        seed: of answers and their order, for jobs that have not begun.
        assume: how the platform does what is not known.
        faults: what goes wrong when a job's files are published.
        model: answers the requests, in its own time and not before `speed` allows it; simulated answers when None.
    """

    def __init__(
        self,
        jobs: JobStore,
        storage: ObjectStorage,
        folder: Path,
        *,
        clock: Clock,
        speed: float,
        seed: int,
        assume: Assumptions = DEFAULTS,
        faults: FaultPlan | None = None,
        model: ModelEndpoint | None = None,
    ) -> None:
        self._jobs = jobs
        self._storage = storage
        self._publisher = Publisher(storage, assume, faults or FaultPlan())
        self._running_at_once = assume.running_jobs
        self._folder = private_folder(folder)
        self._clock = clock
        self._speed = speed
        self._seed = seed
        self._model = model
        self._phase_time = timedelta(seconds=PHASE_SECONDS if speed else 0)
        self._running_jobs: Counter[str] = Counter()
        self._checks: dict[str, InputCheck] = {}
        self._work: dict[str, JobWork] = {}
        self._waits: dict[str, datetime] = {}  # until when jobs wait, for room on the disk above all
        self._steps = {
            phases.QUEUED: self._queued,
            phases.INITIALIZING: self._initializing,
            phases.RUNNING: self._running,
            phases.TERMINATING: self._terminating,
        }
        self._sweep()

    def tick(self) -> bool:
        """Do one step of every job that has something due; return whether another tick now would do more."""
        now = self._clock.now()
        active = self._count_places()
        for gone in {*self._checks, *self._work} - {job.id for job in active}:  # deleted while they ran
            self._drop(gone)
            self.forget(gone)
        moved = [self._step(job, now) for job in active]
        return any(moved)

    def next_due(self) -> datetime | None:
        """Return when the next phase ends if nobody interferes, None when no job is active."""
        dues = (self._due_unless_faulty(job) for job in self._count_places())
        return min((due for due in dues if due is not None), default=None)

    def advance(self, clock: FrozenClock, seconds: float) -> None:
        """Move the engine's clock by `seconds`, stopping wherever something is due, and do all of it."""
        end = clock.now() + timedelta(seconds=seconds)
        self._settle()
        while (due := self.next_due()) is not None and due <= end:
            clock.advance(max((due - clock.now()).total_seconds(), _CLOCK_STEP))
            self._settle()
        clock.advance(max((end - clock.now()).total_seconds(), 0))
        self._settle()

    def _settle(self) -> None:
        while self.tick():
            pass

    def close(self) -> None:
        """Close the files of active jobs; an engine that takes them up again goes on from there."""
        for job_id in {*self._checks, *self._work}:
            self._drop(job_id)

    def forget(self, job_id: str) -> None:
        """Delete the rows that are kept of a finished job; its objects stay."""
        RowFiles(self._folder, job_id).remove()

    def _sweep(self) -> None:
        """Delete the rows that nobody will need, which a kill left behind."""
        for path in self._folder.iterdir():
            job = self._jobs.get(path.name.partition(".")[0])
            if job is None or job.phase == phases.COMPLETED:
                path.unlink()

    def _due_unless_faulty(self, job: Job) -> datetime | None:
        try:
            return self._due(job)
        except Exception as fault:  # noqa: BLE001  # one job must not take the others with it
            now = self._clock.now()
            self._fail_by_fault(job, now, fault)
            return now

    def _due(self, job: Job) -> datetime:
        if job.id in self._waits:
            return self._waits[job.id]
        if job.phase == phases.TERMINATING:
            return job.phase_time + self._phase_time
        if job.phase == phases.QUEUED and not self._has_place(job.project):
            return job.expires
        work = self._work.get(job.id)
        if work is not None and self._model is not None:
            return job.expires
        ends = self._end_of(work) if work else job.phase_time + self._phase_time
        return min(ends, job.expires)

    def _end_of(self, work: JobWork) -> datetime:
        if not self._speed:
            return work.since
        remaining = work.progress.total - work.done_before
        return work.since + timedelta(seconds=remaining / self._speed, microseconds=1)

    def _count_places(self) -> list[Job]:
        """Count the running jobs of every project, and return all active ones."""
        active = self._jobs.active()
        running = (phases.INITIALIZING, phases.RUNNING)
        self._running_jobs = Counter(job.project for job in active if job.phase in running)
        return active

    def _has_place(self, project: str) -> bool:
        return self._running_jobs[project] < self._running_at_once

    # one step of one job; each returns whether the job moved

    def _step(self, job: Job, now: datetime) -> bool:
        if now < self._waits.get(job.id, now):
            return False
        try:
            moved = self._attempt(job, now)
        except Exception as fault:  # noqa: BLE001  # one job must not take the others with it
            if is_disk_full(fault):
                self._wait_for_room(job, now)
            else:
                self._set_aside(job, now, fault)
            return False
        self._waits.pop(job.id, None)
        return moved

    def _attempt(self, job: Job, now: datetime) -> bool:
        try:
            return self._steps[job.phase](job, now)
        except InputRefusedError as refused:
            return self._fail(job, now, str(refused))
        except TosError as refused:
            return self._fail(job, now, f"批量推理任务失败,{refused.code}: {refused.message}")
        except Exception as fault:  # one job must not take the others with it
            if is_disk_full(fault):
                raise
            return self._fail_by_fault(job, now, fault)

    def _fail_by_fault(self, job: Job, now: datetime, fault: Exception) -> bool:
        if self._jobs.get(job.id) is None:  # deleted meanwhile
            return False
        _log.error("job %s met a fault of the local cloud", job.id, exc_info=fault)
        told = str(fault).encode("utf-8", "replace").decode()  # a lone surrogate could not be written down
        return self._fail(job, now, f"批量推理任务失败,InternalServiceError: {told}")

    def _set_aside(self, job: Job, now: datetime, fault: Exception) -> None:
        """Let a job that cannot even be failed go on later from what was last written of it."""
        if job.id not in self._waits:
            _log.error("job %s met a fault of the local cloud and waits", job.id, exc_info=fault)
        self._waits[job.id] = now + timedelta(seconds=FAULT_SECONDS)
        self._drop(job.id)

    def _wait_for_room(self, job: Job, now: datetime) -> None:
        """Let a job go on from what was last written of it, some time later."""
        if job.id not in self._waits:
            _log.error("job %s waits: %s", job.id, DISK_FULL)
        self._drop(job.id)
        self._waits[job.id] = now + timedelta(seconds=ROOM_SECONDS)
        self._jobs.remark(job.id, f"{MESSAGES[job.phase]},{DISK_FULL}")

    def _queued(self, job: Job, now: datetime) -> bool:
        if now >= job.expires:
            return self._enter(job, phases.TERMINATING, now, message=EXPIRED)
        if now < job.phase_time + self._phase_time or not self._has_place(job.project):
            return False
        self._running_jobs[job.project] += 1
        return self._enter(job, phases.INITIALIZING, now)

    def _initializing(self, job: Job, now: datetime) -> bool:
        if now >= job.expires:
            return self._enter(job, phases.TERMINATING, now, message=EXPIRED)
        if now < job.phase_time + self._phase_time:
            return False
        check = self._checks.get(job.id)
        if check is None:
            check = self._checks[job.id] = InputCheck(job, self._storage, seed=self._seed)
        if check.step():
            return True
        del self._checks[job.id]
        return self._enter(job, phases.RUNNING, now, progress=check.progress)

    def _running(self, job: Job, now: datetime) -> bool:
        work = self._work.get(job.id)
        if work is None:
            files = RowFiles(self._folder, job.id)
            work = self._work[job.id] = JobWork(job, self._storage, files, self._answerer(job), since=now)
        count = min(self._requests_due(work, min(now, job.expires)), REQUESTS_PER_STEP)
        too_late = self._model is not None and now >= job.expires  # it may never be ready
        if count and not too_late and self._answer(job, work, count, now):
            return True
        if work.progress.done < work.progress.total:
            return now >= job.expires and self._enter(job, phases.TERMINATING, now, message=EXPIRED)
        if self._enter(job, phases.COMPLETED, now, **self._publish(job)):
            self.forget(job.id)
        return True

    def _answer(self, job: Job, work: JobWork, count: int, now: datetime) -> bool:
        """Handle up to `count` requests; return whether any was ready."""
        before = work.progress.done
        progress = work.answer(count, now)
        if progress.done == before:
            return False
        self._jobs.revise(job.id, progress=progress, message=MESSAGES[phases.RUNNING], updated=now)
        return True

    def _answerer(self, job: Job) -> Answerer | ModelAnswerer:
        if self._model is not None:
            return ModelAnswerer(self._model, job.model)
        return Answerer(job.model, job.progress.seed)

    def _terminating(self, job: Job, now: datetime) -> bool:
        if now < job.phase_time + self._phase_time:
            return False
        return self._enter(job, phases.TERMINATED, now, **self._publish(job))

    def _requests_due(self, work: JobWork, now: datetime) -> int:
        left = work.progress.total - work.progress.done
        if not self._speed:
            return left
        due = work.done_before + math.floor((now - work.since).total_seconds() * self._speed + 1e-6)
        return max(0, min(left, due - work.progress.done))

    def _publish(self, job: Job) -> dict[str, Any]:
        self._drop(job.id)
        return self._publisher.publish(job, RowFiles(self._folder, job.id))

    def _fail(self, job: Job, now: datetime, message: str) -> bool:
        self._drop(job.id)
        return self._enter(job, phases.FAILED, now, message=message)

    def _drop(self, job_id: str) -> None:
        """Close what is open for a job."""
        for opened in (self._checks.pop(job_id, None), self._work.pop(job_id, None)):
            if opened is not None:
                opened.close()

    def _enter(self, job: Job, phase: str, now: datetime, *, message: str = "", **changes: Any) -> bool:
        """Move a job into a phase; not when the API moved it meanwhile: then the next tick sees to it."""
        with self._jobs.lock:
            current = self._jobs.get(job.id)
            if current is None or current.phase != job.phase:
                return False
            enter_phase(self._jobs, current, phase, now, message=message, **changes)
            return True


def enter_phase(jobs: JobStore, job: Job, phase: str, now: datetime, *, message: str = "", **changes: Any) -> Job:
    """Write a job's new phase with its time and message, and return the job as it is now."""
    return jobs.revise(job.id, phase=phase, phase_time=now, message=message or MESSAGES[phase], updated=now, **changes)


class EngineThread:
    """Drives an engine on the machine's clock; asleep while no job is active."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._woken = threading.Event()
        self._stopping = False
        self._reported = ""
        self._thread = threading.Thread(target=self._run, name="local cloud engine", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Say that a job was added or changed."""
        self._woken.set()

    def stop(self) -> None:
        """End after the step under way."""
        self._stopping = True
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                pause = self._turn()
            except Exception as fault:  # noqa: BLE001  # the jobs must not stand still unseen
                self._report(fault)
                pause = FAULT_SECONDS
            self._woken.wait(pause)

    def _turn(self) -> float | None:
        """Do what is due; return for how many seconds nothing more is, None for until a job is added or changed."""
        if self._engine.tick():
            return 0
        due = self._engine.next_due()
        if due is None:
            return None
        return min((due - self._clock.now()).total_seconds(), PROGRESS_SECONDS)

    def _report(self, fault: Exception) -> None:
        """Write a fault down, once however often it comes in a row."""
        if self._reported != repr(fault):
            self._reported = repr(fault)
            _log.error("the engine of the local cloud met a fault and goes on", exc_info=fault)
