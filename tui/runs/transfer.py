"""One transfer as it stands, and how what its flow tells changes it."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from tui.clock import Clock
from tui.dataset.check import CheckProgress, CheckSummary
from tui.dataset.results import Account
from tui.errors import ArkdeckError
from tui.fingerprint import BLOCK_SIZE
from tui.runs.collect import FETCHED_INPUT, bytes_here
from tui.runs.events import (
    Accounting,
    Downloading,
    Event,
    FileCollected,
    FilesFound,
    InputUploaded,
    Interrupted,
    JobCreated,
    Reconciled,
    UploadBegun,
    Uploading,
)
from tui.runs.run import Run, RunState
from tui.storage.upload import UploadState

_GOING_ON: Final = (CheckProgress, InputUploaded, JobCreated, Accounting, Reconciled)
"""Events by which an outage is over; a step that is tried again tells others before it fails again."""

_RATE_SECONDS: Final = 5.0
_LEAST_SECONDS: Final = 0.4
"""Of less than this a rate says nothing."""


class Way(StrEnum):
    """Whether a file goes up to become a job, or a job's results come home."""

    UP = "up"
    DOWN = "down"


class TransferState(StrEnum):
    """What is going on with a transfer.

    WAITING for its turn; RUNNING; PAUSED by the operator, or found unfinished in the journal; HELD by another live
    process, which works on it; DONE; FAILED, with its error; CANCELLED.
    """

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def active(self) -> bool:
        """Whether it goes on by itself."""
        return self in (TransferState.WAITING, TransferState.RUNNING)

    @property
    def finished(self) -> bool:
        """Whether nothing more happens by itself, and it may be cleared."""
        return self in (TransferState.DONE, TransferState.FAILED, TransferState.CANCELLED)


class Step(StrEnum):
    """What a transfer is doing, or will do first when it goes on."""

    CHECKING = "checking"
    UPLOADING = "uploading"
    CREATING = "creating"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    ACCOUNTING = "accounting"


_FIRST_STEPS: Final = {
    RunState.PLANNED: Step.CHECKING,
    RunState.CHECKED: Step.UPLOADING,
    RunState.UPLOADING: Step.UPLOADING,
    RunState.UPLOADED: Step.CREATING,
    RunState.CREATING: Step.CREATING,
    RunState.COLLECTING: Step.DOWNLOADING,
    RunState.COLLECTED: Step.ACCOUNTING,
}


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One transfer as it stands.

    Attributes:
        id: its run's.
        name: the input file's name, or the job's (text from outside).
        path: the input file, or the folder of the results.
        job_id: empty until the job is known.
        done: bytes of its files that are there; never over `total` where that is known, never fewer than before.
        total: bytes of all its files; 0 while that is not known.
        step_share: how much of a step that moves no file is done (checking, accounting), 0 to 1; None for the others.
        rate: bytes a second over the last seconds, None while nothing moves.
        eta: seconds until the bytes are there at that rate, None where it or the total is not known.
        verified: how the files were compared, `crc64` or `size` (where the store tells no checksum); empty until then.
        error: why it failed; while it runs, the outage that it waits for to pass; of a cancelled one, what is not as
            it should be all the same.
        account: what became of every request, of a download that ended here.
        found: nothing had to be made: the content was in the store, the job existed, the files were here.
        holder: the other process that works on it, while it is HELD.
    """

    id: str
    way: Way
    state: TransferState
    step: Step
    name: str
    path: Path
    began: datetime
    job_id: str = ""
    done: int = 0
    total: int = 0
    step_share: float | None = None
    rate: float | None = None
    eta: float | None = None
    verified: str = ""
    error: ArkdeckError | None = None
    account: Account | None = None
    found: bool = False
    holder: str = ""
    ended: datetime | None = None

    @property
    def standing(self) -> tuple[TransferState, Step, ArkdeckError | None]:
        """What is told at once when it changes."""
        return self.state, self.step, self.error

    @property
    def interrupted(self) -> bool:
        """Whether it waits for an outage to pass, and goes on by itself."""
        return self.state is TransferState.RUNNING and self.error is not None

    def following(self, before: Transfer) -> Transfer:
        """Return this one, which was read from the journal, with what was shown `before` and is not written down."""
        total = self.total or before.total
        done = max(self.done, before.done)
        return replace(self, total=total, done=min(done, total) if total else done)


def is_transfer(run: Run) -> bool:
    """Return whether a run of the journal moves files next, rather than wait for its job."""
    return run.state in _FIRST_STEPS


def transfer_of(run: Run, state: TransferState, *, holder: str = "") -> Transfer:
    """Return an unfinished run of the journal as a transfer; it blocks, as it looks into the folder of the results.

    One that waits for its job has been sent up.
    """
    up = not run.reached(RunState.COLLECTING)
    total = run.fingerprint.size if up and run.fingerprint else 0
    path = Path(run.plan.input) if up else run.plan.results_folder(run.job_id)
    return Transfer(
        id=run.id,
        way=Way.UP if up else Way.DOWN,
        state=state,
        step=_FIRST_STEPS.get(run.state, Step.CREATING),
        name=path.name if up else run.plan.job_name,
        path=path,
        began=run.created,
        job_id=run.job_id,
        done=_bytes_sent(run, total) if up else _bytes_brought(path),
        total=total,
        holder=holder,
    )


def _bytes_brought(folder: Path) -> int:
    with suppress(OSError):  # going on will tell what is wrong with it
        return bytes_here(folder)
    return 0


def _bytes_sent(run: Run, total: int) -> int:
    if run.reached(RunState.UPLOADED):
        return total
    sent = len(msgspec.json.decode(run.upload, type=UploadState).parts) if run.upload else 0
    return min(sent * BLOCK_SIZE, total)


class Tracker:
    """A transfer that changes by what its flow tells.

    Args:
        transfer: as it stands.
        clock: by which the rate is measured.

    Attributes:
        transfer: as it stands, with the figures of the last `measure`.
    """

    def __init__(self, transfer: Transfer, clock: Clock) -> None:
        self.transfer = transfer
        self._clock = clock
        self._begin()

    def _begin(self) -> None:
        self._sizes: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._was_there = 0
        self._samples = deque[tuple[float, int]]()

    def change(self, state: TransferState, *, error: ArkdeckError | None = None, holder: str = "") -> None:
        """Enter a state; with RUNNING its flow begins to tell."""
        if state is TransferState.RUNNING:
            self._begin()
        now = self.transfer
        whole = now.total or now.done
        self.transfer = replace(
            now,
            state=state,
            error=error,
            holder=holder,
            done=whole if state is TransferState.DONE else now.done,
            total=whole if state is TransferState.DONE else now.total,
            rate=None,
            eta=None,
            step_share=None,
            ended=self._clock.now() if state.finished else None,
        )

    def hear(self, event: Event) -> None:
        """Take in what the flow tells."""
        now, before = self.transfer, dict(self._reached)
        self._take_in(event, now)
        moved = any(done > before.get(name, done) for name, done in self._reached.items())
        if moved or isinstance(event, _GOING_ON):
            self.transfer = replace(self.transfer, error=None)

    def _take_in(self, event: Event, now: Transfer) -> None:
        match event:
            case Interrupted(cause=error):
                self._samples.clear()
                self.transfer = replace(now, error=error, rate=None, eta=None)
            case CheckProgress(done=done, total=total):
                self.transfer = replace(now, step=Step.CHECKING, step_share=_share(done, total), total=total)
            case CheckSummary(bytes=size):
                self.transfer = replace(now, step_share=None, total=size)
            case UploadBegun(size=size, how=how):
                self._sizes = {now.name: size}
                found = how != "upload"
                self._step(Step.UPLOADING, found=found)
                if found:
                    self._reach(now.name, size)
            case Uploading(done=done):
                self._reach(now.name, done)
            case InputUploaded():
                self._reach(now.name, now.total)
                self._step(Step.CREATING, verified="crc64")
            case JobCreated(job=job, found=found):
                self._step(Step.CREATING, job_id=job.id, found=now.found or found)
            case FilesFound(sizes=sizes):
                self._sizes = dict(sizes)
                self._step(Step.DOWNLOADING, found=True, verified="")
            case Downloading(name=name, done=done, total=total):
                self._reach(name if name in self._sizes else FETCHED_INPUT, done)
                self._step(Step.VERIFYING if done == total else Step.DOWNLOADING, found=False)
            case FileCollected(name=name, size=size, verified=verified):
                self._reach(name, size)
                self._step(Step.DOWNLOADING, verified="size" if now.verified == "size" else verified)
            case Accounting(done=done, total=total):
                self._step(Step.ACCOUNTING, step_share=_share(done, total))
            case Reconciled(account=account):
                self._step(Step.ACCOUNTING, account=account)
            case _:
                pass  # of what has no place in a transfer

    def measure(self) -> None:
        """Bring the figures up to date."""
        now = self.transfer
        if now.state is not TransferState.RUNNING:
            return
        here = sum(self._reached.values())
        done = max(now.done, min(here, now.total)) if now.total else now.done
        rate = self._rate(here - self._was_there)
        eta = (now.total - done) / rate if rate and now.total else None
        self.transfer = replace(now, done=min(done, now.total) if now.total else done, rate=rate, eta=eta)

    def _rate(self, moved: int) -> float | None:
        at = self._clock.monotonic()
        self._samples.append((at, moved))
        while len(self._samples) > 2 and at - self._samples[1][0] >= _RATE_SECONDS:
            self._samples.popleft()
        began, moved_then = self._samples[0]
        if at - began < _LEAST_SECONDS or moved == moved_then:
            return None
        return (moved - moved_then) / (at - began)

    def _reach(self, name: str, done: int) -> None:
        """Note how much of a file is there; what was there when it was first heard of has not moved now."""
        if name not in self._reached:
            self._was_there += done
        self._reached[name] = max(done, self._reached.get(name, 0))

    def _step(self, step: Step, *, step_share: float | None = None, **changes: Any) -> None:
        total = sum(self._sizes.values()) or self.transfer.total
        self.transfer = replace(self.transfer, step=step, step_share=step_share, total=total, **changes)


def _share(done: int, total: int) -> float:
    return done / total if total else 1.0
