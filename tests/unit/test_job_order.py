"""The order of a list of jobs: what has no value comes last, equal ones newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tui.ark.models import Counts, Job, Phase
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.runs.job_order import NEEDS, ORDERS, in_order

NOW = datetime(2026, 11, 22, 6, 2, 3, tzinfo=UTC)


def view(job_id: str, *, hours_old: float = 1, left: float | None = None, **fields) -> JobView:
    usual = {"phase": Phase.RUNNING, "created": NOW - timedelta(hours=hours_old), "expires": NOW + timedelta(days=9)}
    return JobView(Job(id=job_id, **usual | fields), Forecast(seconds_left=left), NOW)


def ids(views: list[JobView], by: str, *, descending: bool = False) -> str:
    return "".join(each.job.id for each in in_order(views, by, descending=descending, now=NOW))


def test_what_needs_attention_comes_first():
    calm, expiring = view("a"), view("b", hours_old=9, expires=NOW + timedelta(minutes=5))
    assert ids([calm, expiring], NEEDS) == "ba"


@pytest.mark.parametrize(("descending", "expected"), [(False, "bac"), (True, "abc")])
def test_what_has_no_value_comes_last_whichever_way_it_goes(descending: bool, expected: str):
    views = [view("a", left=60), view("b", left=30), view("c")]
    assert ids(views, "eta", descending=descending) == expected


@pytest.mark.parametrize("descending", [False, True])
def test_equal_ones_come_newest_first(descending: bool):
    views = [view("a", hours_old=3, name="x"), view("b", hours_old=1, name="X"), view("c", hours_old=2, name="x")]
    assert ids(views, "name", descending=descending) == "bca"


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("phase", "cab"),
        ("progress", "bac"),
        ("failed", "cab"),
        ("age", "abc"),
        ("created", "cba"),
        ("expiry", "cab"),
        ("id", "abc"),
    ],
)
def test_each_property_sorts_the_smallest_first(by: str, expected: str):
    views = [
        view("a", hours_old=1, counts=Counts(10, 5, 1), expires=NOW + timedelta(days=2)),
        view("b", hours_old=2, phase=Phase.COMPLETED, counts=Counts(10, 1, 2), expires=NOW + timedelta(days=1)),
        view("c", hours_old=3, phase=Phase.QUEUED, expires=NOW + timedelta(days=1)),
    ]
    assert ids(views, by) == expected


@pytest.mark.parametrize("by", ORDERS)
def test_a_job_of_which_nothing_is_known_has_a_place_in_every_order(by: str):
    bare = JobView(Job(id="bare"), Forecast(), NOW)
    assert len(in_order([bare, view("a"), bare], by, descending=True, now=NOW)) == 3
