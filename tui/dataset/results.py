"""The account of a job: what became of every request, told by its files and not by the service's counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from tui.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

PART_BYTES: Final = 16 * 1024 * 1024


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of the answers that count, as the service reported them in each.

    Attributes:
        prompt: sent, cached ones included.
        completion: answered, reasoning included.
        cached: of `prompt`, taken from the prefix cache.
        reasoning: of `completion`, thought and not said.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0


class ErrorGroup(msgspec.Struct, frozen=True):
    """Failed requests whose error is of one kind, and the first of them in the input; outside text as it came, but cut.

    Attributes:
        code: empty where the rows have none.
        count: how many failed so.
        custom_id: of the first.
        message: of the first.
        template: what the messages have in common, `…` for what differs; empty where there are too many different ones.
    """

    code: str
    count: int
    custom_id: str
    message: str
    template: str = ""


class Account(msgspec.Struct, frozen=True):
    """What became of every request. `ok + failed + missing == requests` always holds.

    Without superseded files, so does `ok + failed + duplicate + unexpected + unreadable ==` rows in the files.

    Attributes:
        requests: different ids in the input.
        ok: have an answer.
        failed: have an error and no answer.
        missing: have neither.
        unexpected: rows whose id is not in the input.
        duplicate: rows beyond the first of an id of the input.
        unreadable: rows that are torn, not a JSON object, or without an id.
        truncated: of `ok`, cut off by max_tokens (finish_reason length).
        refused: of `ok`, withheld (finish_reason content_filter).
        tokens: of the answers counted in `ok`.
        errors: `failed` by code and message template, most frequent first.
        empty: of `ok`, those that say nothing: no choice has text or a tool call.
        finish_reasons: of the answers counted in `ok`, most frequent first; one with several counts under each.
    """

    requests: int
    ok: int
    failed: int
    missing: int
    unexpected: int
    duplicate: int
    unreadable: int
    truncated: int
    refused: int
    tokens: Tokens
    errors: tuple[ErrorGroup, ...]
    empty: int = 0
    finish_reasons: dict[str, int] = {}


@dataclass(frozen=True)
class Sources:
    """The files of a job, or of a job and those that continued it.

    Attributes:
        input: lines that are no request with an id are passed over, the check refused them.
        replies: result and error files, in this order; one that is not there counts as empty.
        older: files that `replies` supersede, newest first; they tell of requests that have no answer in those, and
            their other rows do not count.
    """

    input: Path
    replies: Sequence[Path]
    older: Sequence[Path] = ()


@dataclass(frozen=True)
class ReconcileProgress:
    """Bytes of the files that were read, of all."""

    done: int
    total: int


class FilesChangedError(WorkError):
    """A file was written to while it was read."""


def reconcile(
    sources: Sources, index: Path, *, part_bytes: int = PART_BYTES, workers: int | None = None
) -> Generator[ReconcileProgress | Account]:
    """Join the rows of a job's files to the requests of its input by custom_id; the account comes last.

    Rows may come in any order and from either kind of file: a row is an answer when it has no error and its status
    is 2xx. The first answer of an id counts, also when there is an error row before it. What was found is written to
    `index` (see `row_index.py`); one that is there and was made of the same files is taken as it is.

    It blocks, so an interface runs it on a thread of its own. Large files are read by processes of its own, which end
    with it; closing it leaves nothing behind. Memory does not grow with the rows, but with the longest line.

    Args:
        sources: the files.
        index: where the index is kept.
        part_bytes: how much of a file is read between two events.
        workers: processes that read; as many as are worth it when omitted.

    Raises:
        UsageError: the input is missing, or a file cannot be read.
        FilesChangedError: one was written to meanwhile.
        OSError: the index cannot be written.
    """
    from tui.dataset import reconciling

    yield from reconciling.reconcile(sources, index, part_bytes, workers)
