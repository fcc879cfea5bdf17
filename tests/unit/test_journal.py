"""The journal keeps what was decided, whoever dies."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tui.clock import FrozenClock
from tui.fingerprint import Fingerprint
from tui.runs.forecast import forecast
from tui.runs.journal import Journal, JournalError, JournalTooNewError, RunHeldError, UnknownRunError
from tui.runs.plan import Plan
from tui.runs.run import Outcome, RunState, Sample

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PLAN = Plan(
    verb="run", input="/data/train.jsonl", profile="", service="https://ark.example", bucket="b", project="default",
    input_prefix="in/", output_prefix="out/", model="m", tags={"团队": "评测"},
)  # fmt: skip
FINGERPRINT = Fingerprint(10, 1, "ab" * 32, 2**64 - 1, (2**64 - 1,))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOON)


@pytest.fixture
def journal(tmp_path: Path, clock: FrozenClock) -> Iterator[Journal]:
    with Journal(tmp_path / "data", clock) as journal:
        yield journal


def test_a_run_is_read_back_as_it_was_written(journal: Journal, tmp_path: Path, clock: FrozenClock) -> None:
    run = journal.plan(PLAN)
    journal.advance(run.id, RunState.UPLOADING, fingerprint=FINGERPRINT, object_key="in/k.jsonl")
    with Journal(tmp_path / "data", clock) as again:
        read = again.run(run.id)
    assert (read.plan, read.fingerprint, read.object_key) == (PLAN, FINGERPRINT, "in/k.jsonl")
    assert (read.state, read.outcome) == (RunState.UPLOADING, Outcome.OPEN)


def test_the_file_is_private(journal: Journal) -> None:
    assert journal.path.parent.stat().st_mode & 0o077 == 0


def test_history_tells_the_way(journal: Journal, clock: FrozenClock) -> None:
    run = journal.plan(PLAN)
    clock.advance(5)
    journal.advance(run.id, RunState.CHECKED, detail="40 requests")
    journal.end(run.id, Outcome.FAILED, "disk full")
    assert journal.history(run.id) == [
        (NOON, "planned", ""),
        (NOON + timedelta(seconds=5), "checked", "40 requests"),
        (NOON + timedelta(seconds=5), "failed", "disk full"),
    ]


@pytest.mark.parametrize(
    ("change", "found"),
    [({}, True), ({"version": "240615"}, True), ({"name": "other"}, True), ({"model": "n"}, False),
     ({"project": "p"}, False), ({"bucket": "c"}, False), ({"nonce": "1"}, False), ({"input": "/data/x.jsonl"}, False)],
)  # fmt: skip
def test_an_unfinished_run_is_found_by_file_and_target(journal: Journal, change: dict[str, str], found: bool) -> None:
    run = journal.plan(PLAN)
    like = journal.open_run_like(msgspec.structs.replace(PLAN, **change))
    assert (like is not None and like.id == run.id) is found


def test_two_versions_of_a_model_are_two_targets(journal: Journal) -> None:
    run = journal.plan(msgspec.structs.replace(PLAN, version="240615"))
    assert journal.open_run_like(msgspec.structs.replace(PLAN, version="240828")) is None
    assert journal.open_run_like(PLAN).id == run.id


def test_an_unfinished_run_is_found_by_content(journal: Journal) -> None:
    run = journal.plan(PLAN)
    journal.advance(run.id, RunState.CHECKED, fingerprint=FINGERPRINT)
    elsewhere = msgspec.structs.replace(PLAN, input="/data/copy.jsonl")
    assert journal.open_run_like(elsewhere, sha256=FINGERPRINT.sha256).id == run.id
    assert journal.open_run_like(elsewhere, sha256=FINGERPRINT.sha256, but=run.id) is None


def test_an_ended_run_is_not_taken_up(journal: Journal) -> None:
    run = journal.plan(PLAN)
    journal.end(run.id, Outcome.DONE)
    assert journal.open_run_like(PLAN) is None
    assert journal.runs(open_only=True) == []
    assert [known.id for known in journal.runs()] == [run.id]


def test_a_run_held_elsewhere_is_refused_until_its_heart_stops(
    journal: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "bastion-2")
    run = journal.plan(PLAN)
    monkeypatch.setattr("socket.gethostname", lambda: "bastion-1")
    with pytest.raises(RunHeldError, match="bastion-2"):
        journal.hold(run.id)
    clock.advance(61)
    journal.hold(run.id)


def test_a_dead_process_holds_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    run = journal.plan(PLAN)
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert "pid" in journal.live_holder(run.id)
    monkeypatch.setattr("tui.runs.journal._boot_id", lambda: "another boot")
    assert journal.live_holder(run.id) == ""


def test_an_unknown_run_is_named(journal: Journal) -> None:
    with pytest.raises(UnknownRunError, match="r-nowhere"):
        journal.run("r-nowhere")


def test_a_journal_of_a_later_version_is_left_alone(tmp_path: Path, clock: FrozenClock) -> None:
    with Journal(tmp_path, clock) as journal:
        path = journal.path
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 999")
    database.close()
    with pytest.raises(JournalTooNewError, match="999"):
        Journal(tmp_path, clock)


def test_a_file_that_is_no_journal_is_told(tmp_path: Path, clock: FrozenClock) -> None:
    (tmp_path / "journal.db").write_bytes(b"not a database, and long enough to be read as one" * 50)
    with pytest.raises(JournalError, match=r"journal\.db"):
        Journal(tmp_path, clock)


def test_a_sample_that_says_nothing_new_is_not_kept(journal: Journal) -> None:
    for completed in (1, 1, 2):
        journal.sample("bi-1", Sample(NOON, "Running", 10, completed, 0))
    assert [sample.completed for sample in journal.samples("bi-1")] == [1, 2]


def test_rate_and_time_left_come_from_the_slope() -> None:
    samples = [Sample(NOON, "Running", 100, 0, 0), Sample(NOON + timedelta(seconds=10), "Running", 100, 50, 0)]
    known = forecast(samples, now=NOON + timedelta(seconds=10), expires=NOON + timedelta(seconds=15))
    assert (known.rate, known.seconds_left, known.late) == (5, 10, True)


def test_a_job_that_does_not_move_promises_nothing() -> None:
    samples = [Sample(NOON, "Queued", 0, 0, 0)]
    assert forecast(samples, now=NOON + timedelta(hours=1)).rate is None
    assert forecast([], now=NOON).seconds_left is None
