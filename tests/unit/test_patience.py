"""Which outages a run sits out, and how long it waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from tui.ark.codes import error_of
from tui.ark.errors import ArkUnreachableError, Refusal
from tui.errors import ArkdeckError, WorkError
from tui.runs.events import Downloading, FilesFound, Interrupted, Uploading
from tui.runs.patience import Patience
from tui.storage.errors import ContentDamagedError, Reply, StorageServiceError, StorageUnreachableError

OUTAGE = StorageUnreachableError(Reply(transient=True, outage=True), bucket="b")


@dataclass
class Answering:
    """Services that have answered before, or not."""

    store: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(answered=True))
    ark: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(answered=True))


def unreachable(*, maybe_applied: bool) -> ArkUnreachableError:
    return ArkUnreachableError(
        "cut", advice="", action="A", host="h", port=1, retryable=True, maybe_applied=maybe_applied
    )


def wait_after(patience: Patience, error: ArkdeckError) -> float | None:
    interrupted = patience.interrupted_by(error)
    return interrupted.next_in if interrupted is not None else None


def waits(patience: Patience, error: ArkdeckError, times: int) -> list[float | None]:
    return [wait_after(patience, error) for _ in range(times)]


def test_each_wait_is_longer_up_to_half_a_minute_and_bytes_that_move_begin_anew() -> None:
    patience = Patience(Answering())
    assert patience.interrupted_by(OUTAGE) == Interrupted(OUTAGE, 2, failures=1)
    assert waits(patience, OUTAGE, 5) == [4, 8, 16, 30, 30]
    patience.hear(FilesFound({"results.jsonl": 10}))
    patience.hear(Uploading(0, 10))
    assert wait_after(patience, OUTAGE) == 30
    patience.hear(Uploading(1, 10))
    assert wait_after(patience, OUTAGE) == 2


def test_progress_never_runs_backwards() -> None:
    patience = Patience(Answering())
    told = [patience.hear(Uploading(done, 10)) for done in (0, 6, 2, 7)]
    assert told == [Uploading(0, 10), Uploading(6, 10), Uploading(6, 10), Uploading(7, 10)]
    assert patience.hear(Downloading("errors.jsonl", 1, 5)) == Downloading("errors.jsonl", 1, 5)


@pytest.mark.parametrize(
    "error",
    [
        ContentDamagedError(Reply(transient=True), bucket="b"),
        StorageServiceError(Reply(transient=True, status=501), bucket="b"),
        unreachable(maybe_applied=True),
        error_of(Refusal(action="A", status=403, code="OperationDenied")),
        WorkError("the disk is full"),
    ],
)
def test_what_is_no_outage_is_not_waited_for(error: ArkdeckError) -> None:
    assert wait_after(Patience(Answering()), error) is None


@pytest.mark.parametrize("error", [OUTAGE, unreachable(maybe_applied=False)])
def test_what_never_answered_is_not_waited_for(error: ArkdeckError) -> None:
    silent = SimpleNamespace(answered=False)
    assert wait_after(Patience(Answering(silent, silent)), error) is None
    assert wait_after(Patience(Answering()), error) == 2


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 2), (45.0, 45), (86_400.0, 60), (float("inf"), 60)])
def test_a_wait_that_is_asked_for_is_obeyed_up_to_a_minute(asked: float, waited: float) -> None:
    for error in (
        error_of(Refusal(action="A", status=429, code="FlowLimitExceeded", retry_after=asked)),
        StorageServiceError(Reply(transient=True, outage=True, status=503, retry_after=asked), bucket="b"),
    ):
        assert wait_after(Patience(Answering()), error) == waited
