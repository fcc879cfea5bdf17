"""What a transfer shows is never too much, never less than before, and slows down with its flow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tui.ark.models import Job
from tui.clock import FrozenClock
from tui.dataset.check import CheckProgress
from tui.errors import WorkError
from tui.runs.events import (
    Accounting,
    Downloading,
    FileCollected,
    FilesFound,
    InputUploaded,
    JobCreated,
    UploadBegun,
    Uploading,
)
from tui.runs.transfer import Step, Tracker, Transfer, TransferState, Way

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


def tracker(way: Way, clock: FrozenClock, **fields: object) -> Tracker:
    transfer = Transfer(
        id="r-1", way=way, state=TransferState.WAITING, step=Step.CHECKING, name="questions.jsonl",
        path=Path("/data/questions.jsonl"), began=NOON, **fields,
    )  # fmt: skip
    made = Tracker(transfer, clock)
    made.change(TransferState.RUNNING)
    return made


def shown(made: Tracker) -> tuple[int, int, float | None, float | None]:
    made.measure()
    now = made.transfer
    return now.done, now.total, now.rate, now.eta


def test_an_upload_tells_steps_bytes_and_rate(clock: FrozenClock) -> None:
    up = tracker(Way.UP, clock)
    up.hear(CheckProgress(25, 100))
    assert (up.transfer.step, up.transfer.step_share, up.transfer.total) == (Step.CHECKING, 0.25, 100)
    up.hear(UploadBegun("b", "k", 100, "upload"))
    up.hear(Uploading(0, 100))
    assert shown(up) == (0, 100, None, None)
    clock.advance(2)
    up.hear(Uploading(40, 100))
    assert shown(up) == (40, 100, 20.0, 3.0)
    up.hear(InputUploaded("b", "k"))
    up.hear(JobCreated(Job(id="bi-1"), found=False, differences={}))
    up.change(TransferState.DONE)
    assert shown(up) == (100, 100, None, None)
    assert (up.transfer.verified, up.transfer.job_id, up.transfer.found) == ("crc64", "bi-1", False)


def test_what_stands_still_has_no_rate(clock: FrozenClock) -> None:
    up = tracker(Way.UP, clock)
    up.hear(UploadBegun("b", "k", 1000, "upload"))
    up.hear(Uploading(0, 1000))
    up.measure()
    clock.advance(1)
    up.hear(Uploading(500, 1000))
    assert shown(up)[2] == 500.0
    for _second in range(8):
        clock.advance(1)
        up.measure()
    assert shown(up) == (500, 1000, None, None)


def test_going_on_neither_falls_back_nor_counts_what_was_there_as_speed(clock: FrozenClock) -> None:
    up = tracker(Way.UP, clock)
    up.hear(UploadBegun("b", "k", 100, "upload"))
    up.hear(Uploading(60, 100))
    up.measure()
    up.change(TransferState.PAUSED)
    up.change(TransferState.RUNNING)
    up.hear(UploadBegun("b", "k", 100, "upload"))
    up.hear(Uploading(48, 100))
    assert shown(up) == (60, 100, None, None)
    clock.advance(1)
    up.hear(Uploading(58, 100))
    assert shown(up) == (60, 100, 10.0, 4.0)
    up.hear(Uploading(300, 100))
    assert shown(up)[:2] == (100, 100)


def test_a_download_counts_all_its_files(clock: FrozenClock) -> None:
    down = tracker(Way.DOWN, clock)
    down.hear(FilesFound({"results.jsonl": 80, "errors.jsonl": 20}))
    down.hear(Downloading("results.jsonl", 80, 80))
    assert (down.transfer.step, shown(down)[:2]) == (Step.VERIFYING, (80, 100))
    down.hear(FileCollected("results.jsonl", Path("/x"), 80, "size"))
    down.hear(FileCollected("errors.jsonl", Path("/x"), 20, "crc64"))
    assert (down.transfer.step, shown(down)[:2]) == (Step.DOWNLOADING, (100, 100))
    assert (down.transfer.verified, down.transfer.found) == ("size", False)
    down.hear(Accounting(1, 4))
    assert (down.transfer.step, down.transfer.step_share) == (Step.ACCOUNTING, 0.25)


def test_the_input_that_has_to_be_fetched_is_one_of_the_files(clock: FrozenClock) -> None:
    down = tracker(Way.DOWN, clock)
    down.hear(FilesFound({"results.jsonl": 80, ".input.jsonl": 40}))
    down.hear(FileCollected("results.jsonl", Path("/x"), 80, "crc64"))
    assert (down.transfer.found, shown(down)[:2]) == (True, (80, 120))
    down.hear(Downloading("input of bi-1", 10, 40))
    assert (down.transfer.found, shown(down)[:2]) == (False, (90, 120))


def test_a_failure_is_kept_until_it_goes_on(clock: FrozenClock) -> None:
    up = tracker(Way.UP, clock)
    up.change(TransferState.FAILED, error=WorkError("no room"))
    assert (str(up.transfer.error), up.transfer.ended) == ("no room", NOON)
    up.change(TransferState.WAITING)
    assert (up.transfer.error, up.transfer.ended) == (None, None)


def test_bytes_of_which_nobody_knows_how_many_there_are_promise_no_end(clock: FrozenClock) -> None:
    down = tracker(Way.DOWN, clock, done=500)
    down.hear(Downloading("input of bi-1", 0, 100))
    assert shown(down) == (500, 0, None, None)
    clock.advance(2)
    down.hear(Downloading("input of bi-1", 40, 100))
    assert shown(down) == (500, 0, 20.0, None)
