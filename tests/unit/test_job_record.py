"""What the journal knows of one job: its way through the phases, how fast it went, and what was done to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tui.ark.models import Counts, Job, Phase
from tui.clock import FrozenClock
from tui.glyphs import ASCII, UNICODE
from tui.runs.job_record import SPAN, JobRecord, Standing, Step, read_record, throughput, way_of
from tui.runs.journal import Journal
from tui.runs.plan import Plan
from tui.runs.run import RunState, Sample
from tui.widgets.chart import chart

NOW = datetime(2026, 11, 22, 6, 2, 3, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after NOW."""
    return NOW + timedelta(minutes=minutes)


def sample(minutes: float, completed: int, phase: str = "Running") -> Sample:
    return Sample(at(minutes), phase, 1000, completed, 0)


def job(phase: str = "Running", since: datetime | None = NOW, **fields) -> Job:
    return Job(id="bi-1", phase=Phase(phase), phase_time=since, **fields)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
def journal(tmp_path: Path, clock: FrozenClock) -> Iterator[Journal]:
    with Journal(tmp_path, clock) as opened:
        yield opened


# The way


def steps(way: list[Step]) -> list[tuple[str, str]]:
    return [(str(step.phase), step.standing.value) for step in way]


def test_a_running_job_was_queued_and_initialized_and_will_be_completed() -> None:
    assert steps(way_of(job(), [])) == [
        ("Queued", "past"),
        ("Initializing", "past"),
        ("Running", "present"),
        ("Completed", "future"),
    ]


def test_what_was_seen_has_a_time_and_the_present_has_the_services() -> None:
    seen = [(at(-9), Phase.QUEUED), (at(-5), Phase.INITIALIZING), (at(-1), Phase.RUNNING)]
    way = way_of(job(since=at(-2)), seen)
    assert [(step.at, step.seen) for step in way] == [(at(-9), True), (at(-5), True), (at(-2), False), (None, False)]


def test_a_phase_that_passed_between_two_polls_is_on_the_way_without_a_time() -> None:
    way = way_of(job(since=at(-2)), [(at(-9), Phase.QUEUED), (at(-1), Phase.RUNNING)])
    assert Step(Phase.INITIALIZING, Standing.PAST) in way


def test_a_job_that_was_stopped_and_resumed_went_its_way_twice() -> None:
    seen = [(at(-9), Phase.RUNNING), (at(-5), Phase.TERMINATED), (at(-3), Phase.QUEUED), (at(-1), Phase.RUNNING)]
    assert [phase for phase, _ in steps(way_of(job(), seen))] == [
        *("Queued", "Initializing", "Running", "Terminated"),
        *("Queued", "Initializing", "Running", "Completed"),
    ]


def test_a_job_that_is_being_stopped_will_be_terminated() -> None:
    assert steps(way_of(job("Terminating", counts=Counts(9, 1)), []))[-2:] == [
        ("Terminating", "present"),
        ("Terminated", "future"),
    ]


@pytest.mark.parametrize(
    ("counts", "before"), [(Counts(), ["Queued"]), (Counts(9, 1), ["Queued", "Initializing", "Running"])]
)
def test_a_failed_job_ran_if_something_was_counted(counts: Counts, before: list[str]) -> None:
    assert [phase for phase, _ in steps(way_of(job("Failed", counts=counts), []))] == [*before, "Failed"]


def test_of_a_phase_that_nobody_knows_neither_past_nor_future_is_made_up() -> None:
    assert steps(way_of(job("Paused"), [])) == [("Paused", "present")]


def test_without_the_services_time_the_present_is_as_old_as_it_was_seen() -> None:
    present = way_of(job(since=None), [(at(-4), Phase.RUNNING)])[2]
    assert (present.at, present.seen) == (at(-4), True)


# How fast


def test_work_between_two_samples_goes_evenly() -> None:
    assert throughput([sample(0, 0), sample(2, 120)], 4, until=at(2)) == [1.0] * 4


def test_time_without_work_after_the_last_sample_shows() -> None:
    assert throughput([sample(0, 0), sample(1, 60)], 2, until=at(2)) == [1.0, 0.0]


def test_counters_that_were_set_back_are_no_work() -> None:
    assert throughput([sample(0, 60), sample(1, 0), sample(2, 60)], 2, until=at(2)) == [0.0, 1.0]


@pytest.mark.parametrize("samples", [[], [sample(0, 5)], [sample(0, 5), sample(0, 9)]])
def test_one_moment_tells_no_speed(samples: list[Sample]) -> None:
    assert throughput(samples, 8, until=at(0)) == []


def test_a_chart_goes_from_nothing_to_the_highest() -> None:
    assert chart([0, 0.1, 7, 14], 1, UNICODE) == ["▁▂▅█"]
    assert chart([0, 0.1, 7, 14], 1, ASCII) == [".:+@"]


@pytest.mark.parametrize(("values", "drawn"), [([], ""), ([0, 0], "▁▁"), ([3, 3], "██"), ([0.1 + 0.2] * 2, "██")])
def test_a_chart_of_nothing_and_of_one_speed_is_flat(values: list[float], drawn: str) -> None:
    assert chart(values, 1, UNICODE) == [drawn]


# What the journal holds


def test_the_record_holds_each_change_of_phase_once(journal: Journal) -> None:
    for each in (sample(-9, 0, "Queued"), sample(-8, 0), sample(-7, 5), sample(-6, 5, "Terminated"), sample(-5, 5)):
        journal.sample_all({"bi-1": each})
    journal.sample_all({"bi-2": sample(-4, 0, "Queued")})
    record = read_record(job(), journal, now=NOW)
    assert record.phases == (
        *((at(-9), "Queued"), (at(-8), "Running")),
        *((at(-6), "Terminated"), (at(-5), "Running")),
    )


def test_only_new_samples_are_read_again_and_old_ones_let_go(journal: Journal) -> None:
    journal.sample_all({"bi-1": sample(0, 1)})
    journal.sample_all({"bi-1": sample(1, 2)})
    first = read_record(job(), journal, now=at(1))
    journal.sample_all({"bi-1": sample(2, 3)})
    assert [each.completed for each in read_record(job(), journal, now=at(2), known=first).samples] == [1, 2, 3]
    later = at(1) + SPAN
    assert [each.completed for each in read_record(job(), journal, now=later, known=first).samples] == [2, 3]


def test_the_samples_of_a_finished_job_reach_back_from_its_end(journal: Journal) -> None:
    journal.sample_all({"bi-1": sample(0, 1)})
    journal.sample_all({"bi-1": sample(5, 9, "Completed")})
    record = read_record(job("Completed", since=at(5)), journal, now=at(5) + 2 * SPAN)
    assert [each.completed for each in record.samples] == [1, 9]


def test_run_and_deeds_are_one_history_in_the_order_of_time(journal: Journal, clock: FrozenClock) -> None:
    run = journal.plan(Plan(verb="run", input="/in.jsonl", profile="", service="s", bucket="b", project="p",
                            input_prefix="", output_prefix=""))  # fmt: skip
    clock.advance(60)
    journal.record("stop", "bi-1", error="refused")
    clock.advance(60)
    journal.advance(run.id, RunState.CREATED, job_id="bi-1")
    clock.advance(60)
    journal.record("stop", "bi-1", request_id="2026R")
    record = read_record(job(), journal, now=clock.now())
    assert [(each.what, each.error, each.request_id) for each in record.happenings] == [
        ("planned", "", ""),
        ("stop", "refused", ""),
        ("created", "", ""),
        ("stop", "", "2026R"),
    ]
    assert record.run is not None
    assert record.run.id == run.id


def test_of_a_job_that_the_journal_does_not_know_the_record_is_empty(journal: Journal) -> None:
    assert read_record(job(), journal, now=NOW) == JobRecord()
