"""Batch jobs as the local cloud keeps them: frozen records, written through to SQLite."""

from __future__ import annotations

import secrets
import sqlite3
import string
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.localcloud.failures import CannotStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SCHEMA_VERSION: Final = 1
CHINA_TIME: Final = timezone(timedelta(hours=8))
_ID_ALPHABET: Final = string.ascii_lowercase + string.digits

QUEUED: Final = "Queued"
INITIALIZING: Final = "Initializing"
RUNNING: Final = "Running"
COMPLETED: Final = "Completed"
TERMINATING: Final = "Terminating"
TERMINATED: Final = "Terminated"
FAILED: Final = "Failed"
ACTIVE_PHASES: Final = frozenset([QUEUED, INITIALIZING, RUNNING, TERMINATING])
FINAL_PHASES: Final = frozenset([COMPLETED, TERMINATED, FAILED])


class Location(msgspec.Struct, frozen=True):
    """An object, or a folder of them, in the object store."""

    bucket: str
    key: str


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a foundation model, or a custom model by its id."""

    name: str = ""
    version: str = ""
    custom_id: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job's work is, so that it goes on at the same request after a stop, a resume or a kill.

    Attributes:
        input_etag: the input object's, when it was checked.
        seed: of the answers and their order.
        total: requests in the input.
        succeeded: requests answered.
        failed: requests refused.
        block: number of the block of requests under way.
        block_offset: where that block begins in the input, in bytes.
        block_done: requests of that block that are done.
        results_size: bytes of the results file that belong to done requests.
        errors_size: bytes of the errors file that belong to done requests.
    """

    input_etag: str = ""
    seed: int = 0
    total: int = 0
    succeeded: int = 0
    failed: int = 0
    block: int = 0
    block_offset: int = 0
    block_done: int = 0
    results_size: int = 0
    errors_size: int = 0

    @property
    def done(self) -> int:
        """Requests that need no more work."""
        return self.succeeded + self.failed


class Tokens(msgspec.Struct, frozen=True):
    """What the answered requests of a job used."""

    prompt: int
    completion: int
    total: int


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One batch inference job; times are aware UTC.

    `miscounted` requests more are told as failed than did: a fault. `has_error_file`: refused requests were published,
    when it ended last or before it was resumed.
    """

    id: str
    name: str
    project: str
    model: Model
    input: Location
    output: Location
    window_days: int
    phase: str
    phase_time: datetime
    message: str
    created: datetime
    updated: datetime
    expires: datetime
    description: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    progress: Progress = Progress()
    tokens: Tokens | None = None
    miscounted: int = 0
    has_error_file: bool = False

    @property
    def active(self) -> bool:
        """Whether the job still holds its input against a second one."""
        return self.phase in ACTIVE_PHASES


class StoreTooNewError(CannotStartError):
    """The data folder was written by a later version of the local cloud."""


def new_job_id(now: datetime, choose: Callable[[str], str] = secrets.choice) -> str:
    """Return an id like the platform's: `bi-20241111191820-tfjbg`, stamped in China's time.

    Args:
        now: when the job is created.
        choose: takes one of some characters.
    """
    suffix = "".join(choose(_ID_ALPHABET) for _ in range(5))
    return f"bi-{now.astimezone(CHINA_TIME):%Y%m%d%H%M%S}-{suffix}"


class JobStore:
    """Every job of a data folder: read from memory, written through to SQLite. Safe to share between threads.

    `lock` is held over a decision that reads jobs and then changes them.

    Args:
        path: the database file.

    Raises:
        StoreTooNewError: its schema is later than this code.
    """

    def __init__(self, path: Path) -> None:
        self.lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._prepare(path)
        rows = self._database.execute("SELECT record FROM jobs ORDER BY rowid")
        self._jobs = {job.id: job for job in (msgspec.json.decode(record, type=Job) for (record,) in rows)}
        self._active = {job.id for job in self._jobs.values() if job.active}

    def _prepare(self, path: Path) -> None:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            self._database.close()
            raise StoreTooNewError(f"{path} has schema {version}, this version reads up to {SCHEMA_VERSION}")
        self._database.executescript(
            f"""
            BEGIN;
            CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, record BLOB NOT NULL);
            CREATE TABLE IF NOT EXISTS submissions (project TEXT NOT NULL, at REAL NOT NULL);
            CREATE INDEX IF NOT EXISTS submissions_by_project ON submissions (project, at);
            PRAGMA user_version = {SCHEMA_VERSION};
            COMMIT;
            """
        )

    def close(self) -> None:
        """Close the database."""
        with self.lock:
            self._database.close()

    def add(self, job: Job) -> None:
        """Keep a new job and count it as a submission of its project."""
        self.add_all([job])

    def add_all(self, jobs: Sequence[Job]) -> None:
        """Keep new jobs, all or none, and count each as a submission of its project."""
        with self.lock, self._database:
            self._database.execute("BEGIN")
            for job in jobs:
                self._write(job)
                submission = (job.project, job.created.timestamp())
                self._database.execute("INSERT INTO submissions VALUES (?, ?)", submission)
        for job in jobs:
            self._keep(job)

    def revise(self, job_id: str, **changes: Any) -> Job:
        """Change fields of a job and return it as it is now (KeyError: no such job)."""
        with self.lock:
            job = msgspec.structs.replace(self._jobs[job_id], **changes)
            self._write(job)
            self._keep(job)
            return job

    def remark(self, job_id: str, message: str) -> None:
        """Tell `message` of a job until its next change is written: a disk that is full takes no words."""
        with self.lock:
            if job_id in self._jobs:
                self._jobs[job_id] = msgspec.structs.replace(self._jobs[job_id], message=message)

    def _write(self, job: Job) -> None:
        self._database.execute(
            "INSERT INTO jobs VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            (job.id, msgspec.json.encode(job)),
        )

    def _keep(self, job: Job) -> None:
        with self.lock:
            self._jobs[job.id] = job
            (self._active.add if job.active else self._active.discard)(job.id)

    def remove(self, job_id: str) -> None:
        """Forget a job (KeyError: no such job); it stays counted as a submission."""
        with self.lock:
            self._database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))
            del self._jobs[job_id]
            self._active.discard(job_id)

    def get(self, job_id: str) -> Job | None:
        """Return a job, None for an unknown id."""
        with self.lock:
            return self._jobs.get(job_id)

    def all(self) -> list[Job]:
        """Return every job, oldest first."""
        with self.lock:
            return list(self._jobs.values())

    def active(self) -> list[Job]:
        """Return the jobs in a phase that is not final, oldest first."""
        with self.lock:
            return sorted((self._jobs[job_id] for job_id in self._active), key=by_creation)

    def submissions(self, project: str, *, since: datetime) -> int:
        """Return how many jobs a project submitted since then, deleted ones included."""
        with self.lock:
            query = "SELECT count(*) FROM submissions WHERE project = ? AND at > ?"
            (count,) = self._database.execute(query, (project, since.timestamp())).fetchone()
            return int(count)


def by_creation(job: Job) -> tuple[datetime, str]:
    """Order jobs by creation, ids deciding between equals."""
    return job.created, job.id
