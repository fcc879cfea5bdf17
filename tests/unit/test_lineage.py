"""Which job is the retry of which, also where several runs lead to one job, and in a journal of an earlier version."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from tui.clock import FrozenClock
from tui.fingerprint import Fingerprint
from tui.runs import schema
from tui.runs.journal import Journal, UnknownRunError
from tui.runs.lineage import NoJobYetError, ancestors, by_family, family, generation, job_named
from tui.runs.plan import Plan
from tui.runs.run import Run, RunState
from tui.runs.takeover import take_over

PLAN = Plan(
    verb="submit", input="/data/a.jsonl", profile="", service="https://ark.example", bucket="b", project="default",
    input_prefix="in/", output_prefix="out/", model="m",
)  # fmt: skip
FINGERPRINT = Fingerprint(10, 1, "ab" * 32, 1, (1,))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(datetime(2026, 11, 22, 12, tzinfo=UTC))


@pytest.fixture
def journal(tmp_path: Path, clock: FrozenClock) -> Iterator[Journal]:
    with Journal(tmp_path / "data", clock) as journal:
        yield journal


def made(journal: Journal, clock: FrozenClock, job: str, parent: str = "") -> Run:
    """A run that made or found the job, a second after the one before."""
    clock.advance(1)
    run = journal.plan(msgspec.structs.replace(PLAN, parent=parent))
    return journal.advance(run.id, RunState.CREATED, job_id=job) if job else run


def test_a_family_is_found_from_every_member_oldest_first(journal: Journal, clock: FrozenClock) -> None:
    made(journal, clock, "bi-1")
    made(journal, clock, "bi-other")
    made(journal, clock, "bi-2", "bi-1")
    made(journal, clock, "bi-3", "bi-2")
    made(journal, clock, "bi-2b", "bi-1")
    made(journal, clock, "bi-2", "bi-1")  # the same retry given again
    made(journal, clock, "", "bi-3")  # not sent yet
    for member in ("bi-1", "bi-2", "bi-3", "bi-2b"):
        assert family(journal, member) == ["bi-1", "bi-2", "bi-3", "bi-2b"]
    assert family(journal, "bi-other") == ["bi-other"]
    assert (ancestors(journal, "bi-3"), generation(journal, "bi-3")) == (["bi-2", "bi-1"], 3)


def test_a_first_job_of_another_machine_heads_its_family(journal: Journal, clock: FrozenClock) -> None:
    child = made(journal, clock, "bi-2", "bi-elsewhere")
    assert family(journal, "bi-elsewhere") == ["bi-elsewhere", "bi-2"]
    assert by_family([child], journal) == [(2, child)]


def test_runs_are_listed_newest_first_with_their_retries_under_them(journal: Journal, clock: FrozenClock) -> None:
    old = made(journal, clock, "bi-1")
    new = made(journal, clock, "bi-9")
    retry = made(journal, clock, "bi-2", "bi-1")
    third = made(journal, clock, "", "bi-2")
    second_retry = made(journal, clock, "bi-2b", "bi-1")
    listed = [(number, run.id) for number, run in by_family(journal.runs(), journal)]
    assert listed == [(1, new.id), (1, old.id), (2, retry.id), (3, third.id), (2, second_retry.id)]


def test_a_run_that_only_found_a_retrys_job_is_of_its_generation(journal: Journal, clock: FrozenClock) -> None:
    made(journal, clock, "bi-1")
    made(journal, clock, "bi-2", "bi-1")
    by_hand = made(journal, clock, "bi-2")
    assert (2, by_hand.id) in [(number, run.id) for number, run in by_family(journal.runs(), journal)]


def test_a_retry_of_the_same_content_is_not_the_run_that_it_retries(journal: Journal, clock: FrozenClock) -> None:
    parent = made(journal, clock, "bi-1")
    assert journal.open_run_like(PLAN) == journal.run(parent.id)
    assert journal.open_run_like(msgspec.structs.replace(PLAN, parent="bi-1")) is None
    child = journal.plan(msgspec.structs.replace(PLAN, parent="bi-1"))
    found = journal.open_run_like(msgspec.structs.replace(PLAN, parent="bi-1"))
    assert found is not None
    assert found.id == child.id


def test_a_run_by_hand_is_known_as_a_retry_from_the_moment_that_is_said(journal: Journal, clock: FrozenClock) -> None:
    made(journal, clock, "bi-1")
    by_hand = made(journal, clock, "bi-2")
    plan, _late = take_over(by_hand, msgspec.structs.replace(PLAN, parent="bi-1"))
    journal.advance(by_hand.id, by_hand.state, plan=plan)
    assert [run.id for run in journal.retries_of("bi-1")] == [by_hand.id]
    again, _late = take_over(journal.run(by_hand.id), PLAN)
    assert again.parent == "bi-1"


def test_a_job_is_named_by_its_run(journal: Journal, clock: FrozenClock) -> None:
    run, waiting = made(journal, clock, "bi-1"), made(journal, clock, "")
    assert [job_named(name, journal) for name in ("bi-7", run.id)] == ["bi-7", "bi-1"]
    with pytest.raises(NoJobYetError, match=waiting.id):
        job_named(waiting.id, journal)
    with pytest.raises(UnknownRunError):
        job_named("r-20260101000000-aaaaaa", journal)


def test_a_journal_from_before_there_were_retries_is_read(
    tmp_path: Path, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = schema.MIGRATIONS
    before = next(number for number, step in enumerate(steps) if any("parent" in statement for statement in step))
    folder = tmp_path / "old"
    folder.mkdir()
    monkeypatch.setattr(schema, "MIGRATIONS", steps[:before])
    database = sqlite3.connect(folder / "journal.db", isolation_level=None)
    schema.migrate(database)
    columns = "id, created, changed, plan, input, target, nonce, version, state, job_id"
    words = {"input_prefix": "", "output_prefix": "", "profile": "", "service": "s", "bucket": "b", "project": "p"}
    plan = msgspec.json.encode({"verb": "run", "input": "/a", **words})
    now = clock.now().isoformat()
    values = ("r-1", now, now, plan, b"/a", "t", "", "", "created", "bi-1")
    database.execute(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    database.close()
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with Journal(folder, clock) as journal:
        assert [run.plan.parent for run in journal.runs()] == [""]
        assert family(journal, "bi-1") == ["bi-1"]
