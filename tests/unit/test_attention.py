"""What an operator has to look at comes first, and says why."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ark.models import KNOWN_PHASES, Counts, Job, Phase
from tui.runs.attention import Rank, attention, needs_first
from tui.runs.board import JobView
from tui.runs.forecast import Forecast, forecast
from tui.runs.run import Sample

NOW = datetime(2026, 11, 22, 14, tzinfo=UTC)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def ahead(**time: float) -> datetime:
    return NOW + timedelta(**time)


def view(phase: str, promised: Forecast | None = None, *, failed: int = 0, **fields: object) -> JobView:
    job = {"id": "bi-1", "phase": Phase(phase), "counts": Counts(100, 50, failed), "created": ago(days=2)} | fields
    return JobView(Job(**job), promised or Forecast(), NOW)


def reason(of: JobView) -> str | None:
    found = attention(of, NOW)
    return found.reason if found else None


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (view("Failed", phase_time=ago(hours=3)), "failed 3h ago"),
        (view("Failed", phase_time=ago(seconds=5)), "failed 5s ago"),
        (view("Failed", phase_time=None, updated=ago(hours=23)), "failed 23h ago"),
        (view("Failed", phase_time=ahead(minutes=1)), "failed 0s ago"),
        (view("Failed", phase_time=ago(hours=25)), None),
        (view("Failed", phase_time=None), None),
        (view("Terminated", phase_time=ago(hours=2), expires=ago(hours=2, seconds=9)), "expired 2h ago"),
        (view("Terminated", phase_time=ago(hours=2), expires=ahead(hours=2)), None),
        (view("Terminated", phase_time=ago(hours=30), expires=ago(hours=31)), None),
        (view("Running", expires=ahead(minutes=40)), "expires in 40m"),
        (view("Queued", expires=ahead(minutes=100)), "expires in 100m"),
        (view("Initializing", expires=ahead(hours=2)), "expires in 2h"),
        (view("Paused", expires=ahead(hours=1)), "expires in 60m"),
        (view("Running", expires=ago(seconds=1)), "expires now"),
        (view("Running", expires=ahead(hours=3)), None),
        (view("Terminating", expires=ahead(minutes=1)), None),
        (view("Running", Forecast(1, 9e9, late=True), expires=ahead(hours=9)), "will miss its expiry"),
        (view("Running", Forecast(idle_since=ago(minutes=20))), "stalled 20m"),
        (view("Running", Forecast(idle_since=ago(minutes=14))), None),
        (view("Completed", phase_time=ago(hours=1), failed=1200), "1,200 failed"),
        (view("Completed", phase_time=ago(hours=1)), None),
        (view("Completed", phase_time=ago(days=3), failed=12), None),
        (view("Queued"), None),
    ],
)
def test_a_job_says_in_a_few_words_why_it_has_to_be_looked_at(of: JobView, said: str | None) -> None:
    assert reason(of) == said


def test_of_several_reasons_the_most_pressing_is_told() -> None:
    both = Forecast(1, 9e9, late=True, idle_since=ago(minutes=30))
    assert reason(view("Running", both, expires=ahead(hours=1))) == "expires in 60m"
    assert reason(view("Running", both, expires=ahead(hours=5))) == "will miss its expiry"


def test_a_running_job_stands_still_from_its_last_sample_on() -> None:
    samples = [Sample(ago(minutes=40), "Running", 100, 10, 0), Sample(ago(minutes=16), "Running", 100, 20, 1)]
    assert forecast(samples, now=NOW).idle_since == ago(minutes=16)
    assert reason(view("Running", forecast(samples, now=NOW))) == "stalled 16m"


@pytest.mark.parametrize(
    "last", [Sample(ago(hours=1), "Queued", 0, 0, 0), Sample(ago(hours=1), "Running", 100, 100, 0)]
)
def test_a_job_that_waits_or_has_nothing_left_to_do_does_not_stall(last: Sample) -> None:
    assert forecast([last], now=NOW).idle_since is None


def test_a_job_that_stands_still_gets_slower_and_slower() -> None:
    samples = [Sample(ago(minutes=9), "Running", 100, 0, 0), Sample(ago(minutes=8), "Running", 100, 60, 0)]
    assert forecast(samples, now=ago(minutes=8)).rate == 1
    assert forecast(samples, now=NOW).rate == pytest.approx(1 / 9)


def test_the_most_pressing_come_first_then_what_runs_what_waits_and_the_newest() -> None:
    in_order = [
        view("Failed", id="failed just now", phase_time=ago(minutes=1)),
        view("Failed", id="failed earlier", phase_time=ago(hours=9)),
        view("Terminated", id="expired", phase_time=ago(hours=1), expires=ago(hours=1)),
        view("Running", id="expires sooner", expires=ahead(minutes=5)),
        view("Queued", id="expires later", expires=ahead(minutes=50)),
        view("Running", Forecast(1, 9e9, late=True), id="late", expires=ahead(hours=9)),
        view("Running", Forecast(idle_since=ago(hours=5)), id="stalled longer"),
        view("Running", Forecast(idle_since=ago(hours=1)), id="stalled"),
        view("Completed", id="many errors", phase_time=ago(hours=1), failed=30),
        view("Completed", id="few errors", phase_time=ago(minutes=1), failed=2),
        view("Running", id="runs", created=ago(days=9)),
        view("Initializing", id="nearly runs", created=ago(hours=3)),
        view("Queued", id="waits", created=ago(hours=4)),
        view("Completed", id="new", created=ago(hours=1)),
        view("Failed", id="failed long ago", phase_time=ago(days=5), created=ago(days=6)),
        view("Completed", id="old", created=ago(days=7)),
        view("Completed", id="of no known time", created=None),
    ]
    mixed = random.Random(4).sample(in_order, len(in_order))
    assert [of.job.id for of in sorted(mixed, key=needs_first(NOW))] == [of.job.id for of in in_order]


times = st.none() | st.timedeltas(timedelta(days=-3), timedelta(days=3)).map(lambda delta: NOW + delta)
forecasts = st.builds(Forecast, late=st.booleans(), idle_since=times)
phases = st.sampled_from([*KNOWN_PHASES, Phase("Paused"), Phase("")])
jobs = st.builds(
    Job,
    id=st.sampled_from([f"bi-{number}" for number in range(20)]),
    phase=phases,
    phase_time=times,
    created=times,
    expires=times,
    counts=st.builds(Counts, st.just(9), st.integers(0, 9), st.integers(0, 2)),
)
boards = st.lists(st.builds(JobView, jobs, forecasts, st.just(NOW)), max_size=20, unique_by=lambda of: of.job.id)


@given(boards, st.randoms())
def test_any_jobs_have_one_order_whatever_it_was_before(board: list[JobView], chance: random.Random) -> None:
    in_order = sorted(board, key=needs_first(NOW))
    again = sorted(chance.sample(board, len(board)), key=needs_first(NOW))
    assert [of.job.id for of in again] == [of.job.id for of in in_order]


@given(boards)
def test_what_has_to_be_looked_at_is_before_what_has_not(board: list[JobView]) -> None:
    ranks = [found.rank if (found := attention(of, NOW)) else len(Rank) for of in sorted(board, key=needs_first(NOW))]
    assert ranks == sorted(ranks)
