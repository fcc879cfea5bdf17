"""What the flows tell whoever listens; both shells render the same events.

The check's own (progress, issues, summary) are passed on as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tui.ark.models import Job
from tui.dataset.check import CheckProgress, CheckSummary, Issue
from tui.dataset.results import Account
from tui.errors import ArkdeckError
from tui.runs.forecast import Forecast


@dataclass(frozen=True)
class RunBegun:
    """A run has its row in the journal.

    Attributes:
        taken_up: it was there already, at `state`.
        kept: what this call asks for otherwise, and comes too late for: field → (asked for, as it is).
    """

    run_id: str
    taken_up: bool
    state: str
    kept: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelChosen:
    """No version was asked for: the model's primary one is taken."""

    model: str
    version: str


@dataclass(frozen=True)
class BucketCreated:
    """The bucket was missing, and was asked for."""

    bucket: str


@dataclass(frozen=True)
class UploadBegun:
    """The input goes to this object; `how` is `upload`, `copy` of the same content, or `present` already."""

    bucket: str
    key: str
    size: int
    how: str


@dataclass(frozen=True)
class Uploading:
    """Bytes of the input that the store has."""

    done: int
    total: int


@dataclass(frozen=True)
class InputUploaded:
    """The store holds the input, size and CRC-64 equal to the file's."""

    bucket: str
    key: str


@dataclass(frozen=True)
class Interrupted:
    """An outage stands in the way of a step; it goes on from where it was, `next_in` seconds later.

    Attributes:
        failures: how often it has failed since something last moved.
    """

    cause: ArkdeckError
    next_in: float
    failures: int


@dataclass(frozen=True)
class CreateRetried:
    """The reply to a create was lost, no job was found, and the call is made again."""

    cause: ArkdeckError


@dataclass(frozen=True)
class JobCreated:
    """The job exists. `found` when it was there already; `differences` names what is not as planned."""

    job: Job
    found: bool
    differences: Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class JobSampled:
    """A poll answered: the job, and what its counters promise."""

    job: Job
    forecast: Forecast


@dataclass(frozen=True)
class PollFailed:
    """A poll did not answer; what is known of the jobs is stale since `since`."""

    cause: ArkdeckError
    since: datetime
    next_in: float


@dataclass(frozen=True)
class JobGone:
    """The service does not have the job any more."""

    job_id: str
    cause: ArkdeckError


@dataclass(frozen=True)
class JobFinished:
    """The job is Completed, Terminated or Failed."""

    job: Job


@dataclass(frozen=True)
class FilesFound:
    """The job has these files in the store: bytes by name; the input is among them where it has to be fetched too."""

    sizes: Mapping[str, int]


@dataclass(frozen=True)
class Downloading:
    """Bytes of one result file that are on disk."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class FileCollected:
    """One result file has its final name; `verified` is `crc64` or `size`, whatever the store could tell."""

    name: str
    path: Path
    size: int
    verified: str


@dataclass(frozen=True)
class FileKept:
    """An earlier result file was renamed to make room for a newer one of the same job."""

    path: Path


@dataclass(frozen=True)
class Accounting:
    """Bytes of the input and the result files that were read for the account."""

    done: int
    total: int


@dataclass(frozen=True)
class Copying:
    """Requests that were looked at for a new file of requests or of replies, of all."""

    done: int
    total: int


@dataclass(frozen=True)
class Reconciled:
    """Every request is accounted for."""

    job: Job
    folder: Path
    account: Account


@dataclass(frozen=True)
class Rehearsed:
    """What a submission would do.

    Attributes:
        new_bucket: the bucket would be made.
        key: where the input would go.
        how: by which means (see UploadBegun).
        existing: the job that is there already for this content, and would be taken.
        refusal: the service's, to a dry run.
        unjudged: the service did not find the input, which is not there yet, and so has not judged the rest.
    """

    bucket: str
    new_bucket: bool
    key: str
    size: int
    how: str
    existing: Job | None
    refusal: ArkdeckError | None
    unjudged: bool = False


Event = (
    RunBegun
    | CheckProgress
    | Issue
    | CheckSummary
    | ModelChosen
    | BucketCreated
    | UploadBegun
    | Uploading
    | InputUploaded
    | Interrupted
    | CreateRetried
    | JobCreated
    | JobSampled
    | PollFailed
    | JobFinished
    | JobGone
    | FilesFound
    | Downloading
    | FileCollected
    | FileKept
    | Accounting
    | Copying
    | Reconciled
    | Rehearsed
)
