"""Time that a test holds in its hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tui.clock import Clock, FrozenClock, SystemClock

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def test_a_frozen_clock_stands_still() -> None:
    clock = FrozenClock(NOON)
    assert (clock.now(), clock.now(), clock.monotonic()) == (NOON, NOON, 0.0)


def test_a_frozen_clock_moves_when_told() -> None:
    clock = FrozenClock(NOON)
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (NOON + timedelta(seconds=90), 90.0)


def test_no_clock_runs_backwards() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FrozenClock(NOON).advance(-1)


def test_a_frozen_clock_tells_utc_wherever_it_was_set() -> None:
    clock = FrozenClock(datetime(2026, 1, 1, 20, 0, tzinfo=timezone(timedelta(hours=8))))
    assert clock.now() == NOON
    assert clock.now().tzinfo is UTC


async def test_who_sleeps_on_a_frozen_clock_moves_it_at_once() -> None:
    clock = FrozenClock(NOON)
    await asyncio.wait_for(clock.sleep(86_400), 1)
    assert clock.now() == NOON + timedelta(days=1)


async def test_sleeping_lets_other_tasks_run() -> None:
    ran = asyncio.ensure_future(asyncio.sleep(0, "ran"))
    await FrozenClock(NOON).sleep(1)
    await FrozenClock(NOON).sleep(1)
    assert ran.done()


@pytest.mark.parametrize("clock", [SystemClock(), FrozenClock(NOON)])
def test_every_clock_tells_aware_utc(clock: Clock) -> None:
    assert clock.now().utcoffset() == timedelta(0)


def test_the_machine_s_clock_goes_on() -> None:
    clock = SystemClock()
    before, wall = clock.monotonic(), clock.now()
    assert clock.monotonic() >= before
    assert abs(datetime.now(UTC) - wall) < timedelta(minutes=1)
