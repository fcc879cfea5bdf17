"""The work of one job: its input read in blocks, each block shuffled, a row written for every request.

Rows go to files of the data folder, and to the object store only when the job ends. The job's `Progress` says how
much of those files counts, so that work taken up again after a kill neither loses nor doubles a row.
"""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, BinaryIO, Final, NoReturn

import msgspec

from tui.localcloud.input_check import (
    INPUT_CHANGED,
    MAX_INPUT_BYTES,
    TOO_LARGE,
    InputLine,
    InputRefusedError,
    check_input,
    parse_line,
)
from tui.localcloud.jobs import Job, Location, Progress
from tui.localcloud.tos_errors import NoSuchBucket

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tui.localcloud.answers import Answerer
    from tui.localcloud.model_answers import ModelAnswerer
    from tui.localcloud.object_storage import ObjectStorage

BLOCK_REQUESTS: Final = 4096
BLOCK_BYTES: Final = 8 * 1024 * 1024


def results_location(job: Job) -> Location:
    """Return where the answers of a job are put."""
    return Location(job.output.bucket, output_folder(job) + "output/results.jsonl")


def errors_location(job: Job, folder: str = "error") -> Location:
    """Return where the refused requests of a job are put (in another layout their folder is that of the results)."""
    return Location(job.output.bucket, f"{output_folder(job)}{folder}/errors.jsonl")


def output_folder(job: Job) -> str:
    """Return what the keys of a job's files begin with."""
    folder = job.output.key
    return f"{folder}{'' if not folder or folder.endswith('/') else '/'}{job.id}/"


class RowFiles:
    """The rows of a job so far, on disk beside the database."""

    def __init__(self, folder: Path, job_id: str) -> None:
        self.results = folder / f"{job_id}.results.jsonl"
        self.errors = folder / f"{job_id}.errors.jsonl"

    def remove(self) -> None:
        """Delete the files."""
        self.results.unlink(missing_ok=True)
        self.errors.unlink(missing_ok=True)


class InputCheck:
    """The reading of a job's whole input against the rules, in steps, before the job runs.

    Args:
        job: in the phase Initializing.
        storage: holds the input and the output's bucket.
        seed: for a job that has not begun; one that goes on keeps its own.

    Raises:
        TosError: the input or a bucket is missing.
        InputRefusedError: the input is too large, or not the one of which requests are done already.
    """

    def __init__(self, job: Job, storage: ObjectStorage, *, seed: int) -> None:
        if not storage.bucket_exists(job.output.bucket):
            raise NoSuchBucket
        record, self._input = storage.open(job.input.bucket, job.input.key)
        before = job.progress
        self._totals = check_input(self._input)
        if record.size > MAX_INPUT_BYTES:
            self._refuse(TOO_LARGE)
        if before.done and before.input_etag != record.etag:
            self._refuse(INPUT_CHANGED)
        self.progress = before if before.done else Progress(input_etag=record.etag, seed=seed)

    def step(self) -> bool:
        """Check some thousand lines; tell whether there is more (InputRefusedError: a line breaks a rule)."""
        total = next(self._totals, None)
        if total is None:
            self.close()
            return False
        self.progress = msgspec.structs.replace(self.progress, total=total)
        return True

    def close(self) -> None:
        """Close the input."""
        self._input.close()

    def _refuse(self, message: str) -> NoReturn:
        self.close()
        raise InputRefusedError(message)


class JobWork:
    """A running job's open files and its place in the input.

    Args:
        job: in the phase Running, its input checked.
        storage: holds the input.
        files: of this job.
        answerer: of its requests; closed with the work.
        since: when it (again) began to run.

    Raises:
        TosError: the input is gone.
        InputRefusedError: the input is not the one that was checked.
    """

    def __init__(
        self, job: Job, storage: ObjectStorage, files: RowFiles, answerer: Answerer | ModelAnswerer, *, since: datetime
    ) -> None:
        self.progress = job.progress
        self.since = since
        self.done_before = job.progress.done
        self._answerer = answerer
        with contextlib.ExitStack() as stack:
            record, source = storage.open(job.input.bucket, job.input.key)
            self._input: BinaryIO = stack.enter_context(source)
            if record.etag != self.progress.input_etag:
                raise InputRefusedError(INPUT_CHANGED)
            self._results = stack.enter_context(_open_at(files.results, self.progress.results_size))
            self._errors = stack.enter_context(_open_at(files.errors, self.progress.errors_size))
            self._input.seek(self.progress.block_offset)
            self._block = self._next_block()
            self._files = stack.pop_all()

    def close(self) -> None:
        """Close the files and give up what is under way."""
        self._answerer.close()
        with contextlib.suppress(OSError):  # rows that a full disk does not take were never counted
            self._files.close()

    def answer(self, count: int, now: datetime) -> Progress:
        """Handle up to `count` more requests, fewer when a model is not ready, and return the progress.

        What it counts is with the system.

        Raises:
            InputRefusedError: the input ends before its last request.
        """
        created = int(now.timestamp())
        while count > 0 and self.progress.done < self.progress.total:
            if self.progress.block_done >= len(self._block):
                self._advance_block()
            start = self.progress.block_done
            requests = self._block[start : start + count]
            answered = self._answerer.answer_next(requests, created)
            self._write(answered)
            count -= len(answered)
            if len(answered) < len(requests):
                break
        self._results.flush()
        self._errors.flush()
        return self.progress

    def _write(self, answered: list[tuple[bool, bytes]]) -> None:
        results = b"".join(row for ok, row in answered if ok)
        errors = b"".join(row for ok, row in answered if not ok)
        self._results.write(results)
        self._errors.write(errors)
        succeeded = sum(ok for ok, _ in answered)
        before = self.progress
        self.progress = msgspec.structs.replace(
            before,
            succeeded=before.succeeded + succeeded,
            failed=before.failed + len(answered) - succeeded,
            block_done=before.block_done + len(answered),
            results_size=before.results_size + len(results),
            errors_size=before.errors_size + len(errors),
        )

    def _advance_block(self) -> None:
        self.progress = msgspec.structs.replace(
            self.progress, block=self.progress.block + 1, block_offset=self._input.tell(), block_done=0
        )
        self._block = self._next_block()
        if not self._block:
            raise InputRefusedError(INPUT_CHANGED)

    def _next_block(self) -> list[InputLine]:
        """Read some thousand requests, in an order that follows from the seed and the block's number."""
        block: list[InputLine] = []
        size = 0
        while len(block) < BLOCK_REQUESTS and size < BLOCK_BYTES:
            line = self._input.readline()
            if not line:
                break
            size += len(line)
            request = parse_line(line)
            if request is not None:
                block.append(request)
        random.Random(f"{self.progress.seed}:{self.progress.block}").shuffle(block)  # noqa: S311  # an order, not a secret
        return block


def _open_at(path: Path, size: int) -> BinaryIO:
    """Open a file of rows for writing behind its first `size` bytes; what follows them was never counted."""
    path.touch(mode=0o600)
    file = path.open("r+b")
    file.truncate(size)
    file.seek(size)
    return file
