"""The transfers in progress of one open cloud: uploads to their job, downloads to their account, a few at a time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from tui.ark.models import Job
from tui.dataset.check import CheckSummary
from tui.dataset.results import Account
from tui.errors import ArkdeckError
from tui.runs.plan import Plan
from tui.runs.services import Services


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


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """One transfer as it stands.

    Attributes:
        id: its run's.
        name: the input file's name, or the job's (text from outside).
        path: the input file, or the folder of the results.
        job_id: empty until the job is known.
        done: bytes of all its files that are there; never more than `total` where that is known, never fewer than before.
        total: bytes of all its files; 0 while that is not known.
        step_share: how much of a step that moves no file is done (checking, accounting), 0 to 1; None for the others.
        rate: bytes a second over the last seconds, None while nothing moves.
        eta: seconds until the bytes are there at that rate.
        verified: how the files were compared, `crc64` or `size` (where the store tells no checksum); empty until then.
        error: why it failed; of a cancelled one, what is not as it should be all the same.
        account: what became of every request, when a download is done.
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


class Running(NamedTuple):
    """How many transfers are running, by their way."""

    up: int
    down: int


class Transfers:
    """The transfers of one cloud; an async context manager.

    Entering takes up what the journal has unfinished: as PAUSED, or HELD where another live process works on it. Leaving
    stops what runs and gives the leases back, so that each can be continued, here or by `arkdeck continue`.

    Args:
        services: of the cloud.
        interval: seconds between two changes of which only the figures differ.
    """

    def __init__(self, services: Services, *, interval: float = 0.5) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def all(self) -> list[Transfer]:
        """Every transfer, newest first."""

    @property
    def running(self) -> Running:
        """How many are running."""

    def get(self, transfer_id: str) -> Transfer | None:
        """Return a transfer as it stands, None if it is not (or no more) on the list."""

    async def submit(self, plan: Plan, checked: CheckSummary | None = None) -> Transfer:
        """Send a file up and create its job, in its turn.

        Args:
            plan: what is asked for.
            checked: what the check of this very file said, so that it is not read again.

        Raises:
            ArkdeckError: it cannot be begun: the journal, the folder of the results.
        """

    async def collect(self, job: Job, folder: Path) -> Transfer:
        """Bring a job's results home to `folder` (absolute) and account for them, in its turn.

        Raises:
            JobNotFinishedError, FolderTakenError, FolderUnusableError, JournalError: it cannot be begun.
        """

    async def pause(self, transfer_id: str) -> None:
        """Stop a transfer that waits or runs; it can be resumed, and what is finished of it is not sent again."""

    async def resume(self, transfer_id: str) -> Transfer:
        """Go on with one that is paused, failed, or was held, in its turn.

        Where no repetition mends what failed, it begins anew, as another transfer in place of this one.
        """

    async def cancel(self, transfer_id: str) -> None:
        """Give a transfer up: its run is forgotten, an unfinished upload or part file is dropped, finished files stay."""

    def clear(self, transfer_id: str) -> None:
        """Take a finished transfer off the list."""

    def changes(self) -> AsyncGenerator[Transfer, None]:
        """Tell every transfer that changes from now on; one that is cleared too, which `get` does not know any more.

        At once when its state or step does, otherwise at most once in `interval`. Ends with the holder.
        """
