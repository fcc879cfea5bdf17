"""The journal keeps what was decided, whoever dies."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tui.clock import FrozenClock
from tui.dataset.results import Account, ErrorGroup, Tokens
from tui.fingerprint import Fingerprint
from tui.runs.forecast import forecast
from tui.runs.journal import Journal, JournalError, JournalTooNewError, RunHeldError, UnknownRunError
from tui.runs.plan import Plan, encode_plan
from tui.runs.run import Activity, Outcome, RunState, Sample

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
    journal.checked(run.id, FINGERPRINT)
    journal.advance(run.id, RunState.UPLOADING, object_key="in/k.jsonl")
    with Journal(tmp_path / "data", clock) as again:
        read = again.run(run.id)
    assert (read.plan, read.fingerprint, read.object_key) == (PLAN, FINGERPRINT, "in/k.jsonl")
    assert (read.state, read.outcome) == (RunState.UPLOADING, Outcome.OPEN)


def test_the_file_is_private(journal: Journal) -> None:
    assert [path.stat().st_mode & 0o077 for path in (journal.path.parent, journal.path)] == [0, 0]


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
    journal.checked(run.id, FINGERPRINT)
    elsewhere = msgspec.structs.replace(PLAN, input="/data/copy.jsonl")
    assert journal.open_run_like(elsewhere, sha256=FINGERPRINT.sha256).id == run.id
    assert journal.open_run_like(elsewhere, sha256=FINGERPRINT.sha256, but=run.id) is None


def test_an_ended_run_is_not_taken_up(journal: Journal) -> None:
    run = journal.plan(PLAN)
    journal.end(run.id, Outcome.DONE)
    assert journal.open_run_like(PLAN) is None
    assert journal.runs(open_only=True) == []
    assert [known.id for known in journal.runs()] == [run.id]


@pytest.fixture
def other(tmp_path: Path, clock: FrozenClock) -> Iterator[Journal]:
    """The same journal, opened by what passes for another process."""
    with Journal(tmp_path / "data", clock) as other:
        yield other


def test_a_run_held_on_another_machine_is_refused_until_its_heart_stops(
    journal: Journal, other: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = journal.plan(PLAN)
    monkeypatch.setattr("socket.gethostname", lambda: "bastion-2")
    with pytest.raises(RunHeldError, match="pid"):
        other.hold(run.id)
    clock.advance(61)
    other.hold(run.id)


def test_who_lost_a_run_cannot_change_it(
    journal: Journal, other: Journal, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = journal.plan(PLAN)
    monkeypatch.setattr("socket.gethostname", lambda: "bastion-2")
    clock.advance(61)
    other.hold(run.id)
    with pytest.raises(RunHeldError):
        journal.advance(run.id, RunState.CREATING)
    assert other.run(run.id).state is RunState.PLANNED


def test_a_living_process_of_this_machine_holds_its_run_however_long(
    journal: Journal, other: Journal, clock: FrozenClock
) -> None:
    run = journal.plan(PLAN)
    clock.advance(86_400)
    assert str(os.getpid()) in str(other.live_holder(run.id))


@pytest.mark.parametrize("changed", ["boot", "started", "pid"])
def test_a_process_that_only_looks_like_the_holder_holds_nothing(
    journal: Journal, other: Journal, changed: str, tmp_path: Path
) -> None:
    run = journal.plan(PLAN)
    holder = msgspec.to_builtins(run.holder) | {changed: 2**22 + 1 if changed == "pid" else "another"}
    with sqlite3.connect(journal.path) as database:
        database.execute("UPDATE runs SET holder = ?", (msgspec.json.encode(holder),))
    database.close()
    assert other.live_holder(run.id) is None


def test_the_same_content_makes_one_run(journal: Journal) -> None:
    first = journal.plan(PLAN)
    journal.checked(first.id, FINGERPRINT)
    journal.let_go(first.id)
    second = journal.plan(msgspec.structs.replace(PLAN, input="/data/copy.jsonl"))
    assert journal.checked(second.id, FINGERPRINT).id == first.id
    assert [run.id for run in journal.runs()] == [first.id]
    with pytest.raises(RunHeldError):
        journal.hold(first.id)


def test_two_flows_of_one_process_do_not_work_on_one_run(journal: Journal) -> None:
    first = journal.plan(PLAN)
    journal.checked(first.id, FINGERPRINT)
    with pytest.raises(RunHeldError, match=f"pid {os.getpid()}"):
        journal.hold(first.id)
    second = journal.plan(msgspec.structs.replace(PLAN, input="/data/copy.jsonl"))
    with pytest.raises(RunHeldError, match=first.id):
        journal.checked(second.id, FINGERPRINT)
    assert journal.run(second.id).state is RunState.PLANNED
    journal.let_go(first.id)
    journal.hold(first.id)


COLLECT = msgspec.structs.replace(PLAN, verb="collect", input="", out="/data/answers")


def test_a_collect_is_no_submission_of_its_job(journal: Journal, clock: FrozenClock) -> None:
    made = journal.plan(PLAN)
    journal.advance(made.id, RunState.CREATED, job_id="bi-1", object_key="in/k.jsonl")
    clock.advance(1)
    brought = journal.plan(COLLECT, job_id="bi-1", job=b'{"Id": "bi-1"}')
    journal.advance(brought.id, RunState.COLLECTING, object_key="in/k.jsonl", job_id="bi-9")
    journal.advance(brought.id, RunState.COLLECTING, job_id="bi-1")
    assert (brought.state, brought.job_id, brought.job) == (RunState.COLLECTING, "bi-1", b'{"Id": "bi-1"}')
    assert journal.run_of_job("bi-1") == journal.run(made.id)
    assert [run.id for run in journal.collects_of("bi-1")] == [brought.id]
    assert journal.earlier_job(PLAN, "in/k.jsonl") == "bi-1"
    assert journal.open_run_like(COLLECT) is None
    assert [run.id for run in journal.runs(open_only=True)] == [brought.id, made.id]


def test_a_wanted_second_run_is_not_the_first(journal: Journal) -> None:
    first = journal.plan(PLAN)
    again = msgspec.structs.replace(PLAN, nonce="1")
    assert journal.open_run_like(again) is None
    second = journal.plan(again)
    assert journal.open_run_like(msgspec.structs.replace(PLAN, nonce="2")).id == second.id
    assert journal.open_run_like(PLAN).id == first.id


OPEN_A_JOURNAL = """
import pathlib, sys
from tui.clock import SystemClock
from tui.runs.journal import Journal
Journal(pathlib.Path(sys.argv[1]), SystemClock())
"""


def test_several_processes_make_one_journal(tmp_path: Path) -> None:
    call = [sys.executable, "-c", OPEN_A_JOURNAL, str(tmp_path / "new")]
    processes = [subprocess.Popen(call) for _number in range(6)]
    assert [process.wait(timeout=30) for process in processes] == [0] * 6


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
        journal.sample_all({"bi-1": Sample(NOON, "Running", 10, completed, 0)})
    assert [sample.completed for sample in journal.samples("bi-1", since=NOON)] == [1, 2]
    assert [sample.completed for sample in journal.samples("bi-1", since=NOON + timedelta(hours=1))] == [2]


def test_a_polls_samples_are_kept_together_and_each_only_when_it_says_something(journal: Journal) -> None:
    journal.sample_all({"bi-1": Sample(NOON, "Running", 10, 1, 0), "bi-2": Sample(NOON, "Queued", 0, 0, 0)})
    journal.sample_all({"bi-1": Sample(NOON, "Running", 10, 2, 0), "bi-2": Sample(NOON, "Queued", 0, 0, 0)})
    assert [sample.completed for sample in journal.samples("bi-1", since=NOON)] == [1, 2]
    assert [sample.phase for sample in journal.samples("bi-2", since=NOON)] == ["Queued"]


def test_what_was_done_is_told_newest_first(journal: Journal, clock: FrozenClock) -> None:
    journal.record("stop", "bi-1", request_id="20261122X")
    clock.advance(5)
    journal.record("resume", "bi-2", error="refused", maybe_applied=True, detail="note")
    assert journal.activity() == [
        Activity(NOON + timedelta(seconds=5), "resume", "bi-2", "", "refused", maybe_applied=True, detail="note"),
        Activity(NOON, "stop", "bi-1", "20261122X"),
    ]


def test_what_was_done_to_one_job_is_told_by_itself_and_not_without_end(journal: Journal) -> None:
    for request_id in ("first", "second", "third"):
        journal.record("stop", "bi-1", request_id=request_id)
        journal.record("stop", "bi-2")
    assert [done.request_id for done in journal.activity("bi-1", limit=2)] == ["third", "second"]


ACCOUNT = Account(
    requests=3, ok=1, failed=1, missing=1, unexpected=0, duplicate=0, unreadable=0, truncated=0, refused=0,
    tokens=Tokens(prompt=20, completion=7), errors=(ErrorGroup("AccessDenied", 1, "q-1", "没有权限"),),
)  # fmt: skip


def test_the_last_account_of_a_job_counts(journal: Journal) -> None:
    journal.keep_account("bi-1", ACCOUNT)
    whole = msgspec.structs.replace(ACCOUNT, ok=2, missing=0)
    journal.keep_account("bi-1", whole)
    journal.keep_account("bi-2", ACCOUNT)
    assert journal.accounts() == ({"bi-1": whole, "bi-2": ACCOUNT}, 3)


def test_only_the_accounts_kept_since_an_earlier_look_are_read_again(journal: Journal) -> None:
    journal.keep_account("bi-1", ACCOUNT)
    journal.keep_account("bi-2", ACCOUNT)
    seen = journal.accounts()[1]
    assert journal.accounts(after=seen) == ({}, seen)
    whole = msgspec.structs.replace(ACCOUNT, ok=2, missing=0)
    journal.keep_account("bi-2", whole)
    assert journal.accounts(after=seen)[0] == {"bi-2": whole}


def test_a_journal_that_another_process_writes_to_is_opened_and_read_at_once(
    tmp_path: Path, journal: Journal, clock: FrozenClock
) -> None:
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Journal(tmp_path / "data", clock, patience=0) as opened:
            assert opened.accounts() == ({}, 0)


def test_of_old_samples_few_are_kept_but_no_phase_and_no_end_is_lost(journal: Journal, clock: FrozenClock) -> None:
    def sampled(minutes: float, completed: int, phase: str = "Running") -> Sample:
        return Sample(NOON + timedelta(minutes=minutes), phase, 1000, completed, 0)

    for number in range(240):  # two hours, twice a minute
        journal.sample_all({"bi-1": sampled(number / 2, number, "Queued" if number < 3 else "Running")})
    journal.sample_all({"bi-2": sampled(0, 0)})
    journal.sample_all({"bi-2": sampled(1, 1)})
    before = journal.phases("bi-1")
    clock.advance(3 * 3600 + 60 * 60)  # the last hour is recent
    journal.thin_samples()
    kept = journal.samples("bi-1", since=NOON)
    assert [sample.completed for sample in kept] == [0, 3, 20, 40, 60, 80, 100, *range(120, 240)]
    assert journal.phases("bi-1") == before
    assert [sample.completed for sample in journal.samples("bi-2", since=NOON)] == [0, 1]
    journal.thin_samples()
    assert journal.samples("bi-1", since=NOON) == kept


async def test_what_can_be_done_without_is_given_up_soon_while_another_process_keeps_the_file(
    journal: Journal,
) -> None:
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        with pytest.raises(JournalError, match="locked"):
            await journal.apart(lambda opened: opened.sample_all({"bi-1": Sample(NOON, "Running", 10, 4, 1)}))
        assert time.monotonic() - begun < 5


def test_an_account_that_says_more_than_is_known_here_is_read(journal: Journal) -> None:
    journal.keep_account("bi-1", ACCOUNT)
    told = msgspec.to_builtins(ACCOUNT) | {"price": 12}
    with sqlite3.connect(journal.path) as database:
        database.execute("UPDATE accounts SET account = ?", (msgspec.json.encode(told),))
    database.close()
    assert journal.accounts()[0] == {"bi-1": ACCOUNT}


FIRST_SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, created TEXT NOT NULL, changed TEXT NOT NULL, plan BLOB NOT NULL, input BLOB NOT NULL,
    target TEXT NOT NULL, nonce TEXT NOT NULL, version TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '', fingerprint BLOB,
    state TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'open', reason TEXT NOT NULL DEFAULT '',
    object_key TEXT NOT NULL DEFAULT '', upload BLOB, job_id TEXT NOT NULL DEFAULT '', job BLOB, holder BLOB,
    token TEXT NOT NULL DEFAULT '', beat TEXT NOT NULL DEFAULT ''
);
CREATE INDEX runs_open ON runs (target, outcome);
CREATE INDEX runs_job ON runs (job_id);
CREATE TABLE history (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE, at TEXT NOT NULL, state TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX history_run ON history (run_id);
CREATE TABLE samples (
    job_id TEXT NOT NULL, at TEXT NOT NULL, phase TEXT NOT NULL, total INTEGER NOT NULL, completed INTEGER NOT NULL,
    failed INTEGER NOT NULL
);
CREATE INDEX samples_job ON samples (job_id);
PRAGMA user_version = 1;
"""


def test_a_journal_of_the_first_version_keeps_its_rows_and_learns_what_is_new(
    tmp_path: Path, clock: FrozenClock
) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as database:
        database.executescript(FIRST_SCHEMA)
        database.execute(
            "INSERT INTO runs (id, created, changed, plan, input, target, nonce, version, state, job_id)"
            " VALUES ('r-1', ?1, ?1, ?2, ?3, ?4, '', '', 'watching', 'bi-1')",
            (NOON.isoformat(), encode_plan(PLAN), os.fsencode(PLAN.input), PLAN.target),
        )
        database.execute("INSERT INTO samples VALUES ('bi-1', ?, 'Running', 10, 4, 1)", (NOON.isoformat(),))
    database.close()
    with Journal(tmp_path, clock) as journal:
        assert (journal.run("r-1").plan, journal.run("r-1").state) == (PLAN, RunState.WATCHING)
        assert journal.samples("bi-1", since=NOON) == [Sample(NOON, "Running", 10, 4, 1)]
        assert (journal.activity(), journal.accounts()[0]) == ([], {})
        journal.record("stop", "bi-1")
        journal.keep_account("bi-1", ACCOUNT)
    with Journal(tmp_path, clock) as again:
        assert [done.deed for done in again.activity("bi-1")] == ["stop"]
        assert again.accounts()[0] == {"bi-1": ACCOUNT}


def test_rate_and_time_left_come_from_the_slope() -> None:
    samples = [Sample(NOON, "Running", 100, 0, 0), Sample(NOON + timedelta(seconds=10), "Running", 100, 50, 0)]
    known = forecast(samples, now=NOON + timedelta(seconds=10), expires=NOON + timedelta(seconds=15))
    assert (known.rate, known.seconds_left, known.late) == (5, 10, True)


def test_a_job_that_does_not_move_promises_nothing() -> None:
    samples = [Sample(NOON, "Queued", 0, 0, 0)]
    assert forecast(samples, now=NOON + timedelta(hours=1)).rate is None
    assert forecast([], now=NOON).seconds_left is None


def test_a_full_disk_is_named_and_room_mends_it(journal: Journal) -> None:
    connection = journal._db._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (most,) = connection.execute("PRAGMA max_page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    large = msgspec.structs.replace(PLAN, description="x" * 100_000)
    with pytest.raises(JournalError, match="full"):
        journal.plan(large)
    connection.execute(f"PRAGMA max_page_count = {most}")
    assert journal.plan(large).plan == large
    assert len(journal.runs()) == 1


def test_a_commit_that_fails_leaves_nothing_half_done(journal: Journal) -> None:
    connection = journal._db._connection

    def refer_to_nothing() -> None:
        with journal._db.transaction():
            connection.execute("PRAGMA defer_foreign_keys = ON")  # so that the commit alone finds it
            connection.execute("INSERT INTO history VALUES ('r-none', '', '', '')")

    with pytest.raises(JournalError):
        refer_to_nothing()
    assert journal.plan(PLAN).state is RunState.PLANNED


async def test_two_threads_never_hold_one_run(journal: Journal) -> None:
    run = journal.plan(PLAN)
    journal.let_go(run.id)
    holding = [journal.write_apart(Journal.hold, run.id) for _thread in range(8)]
    ended = await asyncio.gather(*holding, return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["NoneType", *["RunHeldError"] * 7]
    await journal.write_apart(Journal.let_go, run.id)
    journal.hold(run.id)
