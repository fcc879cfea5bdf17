"""The files of a job that ends on their way into the object store: where they lie, and what faults make of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, Final

import msgspec

from tui.localcloud.faults import PUBLISH, Event, Fault, FaultPlan
from tui.localcloud.job_work import RowFiles, errors_location, results_location
from tui.localcloud.jobs import Job, Location, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tui.localcloud.assumptions import Assumptions
    from tui.localcloud.object_storage import ObjectStorage

_COPY_BYTES: Final = 1024 * 1024
_TAIL_BYTES: Final = 64 * 1024
_NO_FAULT: Final = Fault(PUBLISH)


class Publisher:
    """Puts the results and the refused requests of jobs where the platform puts them.

    Args:
        storage: takes the files.
        assume: which folder the error file lies in, and whether tokens are counted.
        faults: may change a file, its place, or the counts.
    """

    def __init__(self, storage: ObjectStorage, assume: Assumptions, faults: FaultPlan) -> None:
        self._storage = storage
        self._assume = assume
        self._faults = faults

    def publish(self, job: Job, rows: RowFiles) -> dict[str, Any]:
        """Put what `job` has so far, no file where there is no row; return what changes in the job by that.

        Raises:
            TosError: the bucket is gone, or the key is refused.
            OSError: a file cannot be read, or the disk is full.
        """
        event = Event(PUBLISH, bucket=job.input.bucket, key=job.input.key, job=job.id, name=job.name)
        fault = self._faults.due(event) or _NO_FAULT
        progress = job.progress
        if progress.results_size:
            self._put_results(rows, progress.results_size, results_location(job), fault)
        if progress.errors_size:
            for location in self._error_places(job, fault):
                with rows.errors.open("rb") as source, self._storage.writer(location.bucket, location.key) as target:
                    _copy(source, target, progress.errors_size)
        changes: dict[str, Any] = {
            "miscounted": 1 if fault.counts == "wrong" else 0,
            "has_error_file": progress.errors_size > 0,
        }
        if self._assume.token_usage:
            changes["tokens"] = _count_tokens(rows, progress.results_size)
        return changes

    def _put_results(self, rows: RowFiles, size: int, location: Location, fault: Fault) -> None:
        with rows.results.open("rb") as source, self._storage.writer(location.bucket, location.key) as target:
            last = size - _start_of_last_row(source, size)
            kept = {"lost": size - last, "torn": size - (last + 1) // 2}.get(fault.row or "", size)
            source.seek(0)
            _copy(source, target, kept)
            if fault.row == "doubled":
                source.seek(size - last)
                _copy(source, target, last)

    def _error_places(self, job: Job, fault: Fault) -> Iterable[Location]:
        named = errors_location(job, self._assume.error_file)
        other = errors_location(job, "output" if self._assume.error_file == "error" else "error")
        return {"missing": (), "moved": (other,), "both": (named, other)}.get(fault.error_file or "", (named,))


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    """Copy the next `size` bytes."""
    while size and (piece := source.read(min(size, _COPY_BYTES))):
        target.write(piece)
        size -= len(piece)


def _start_of_last_row(file: BinaryIO, size: int) -> int:
    """Return where the last row within the first `size` bytes begins."""
    position = size - 1  # the line feed that ends it
    while position > 0:
        start = max(0, position - _TAIL_BYTES)
        file.seek(start)
        found = file.read(position - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class _Body(msgspec.Struct):
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Response(msgspec.Struct):
    body: _Body


class _Row(msgspec.Struct):
    response: _Response


def _count_tokens(rows: RowFiles, size: int) -> Tokens:
    decoder = msgspec.json.Decoder(_Row)
    prompt = completion = total = 0
    if size:
        with rows.results.open("rb") as file:
            while file.tell() < size:
                usage = decoder.decode(file.readline()).response.body.usage
                prompt += usage.prompt_tokens
                completion += usage.completion_tokens
                total += usage.total_tokens
    return Tokens(prompt, completion, total)
