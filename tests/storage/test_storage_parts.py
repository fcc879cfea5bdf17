"""How a transfer is cut into parts, and how its progress adds up."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.clock import FrozenClock
from tui.daemon import in_daemon
from tui.fingerprint import BLOCK_SIZE
from tui.storage.errors import Reply, StorageDeniedError, StorageServiceError
from tui.storage.parts import Finished, Meter, Part, Progress, Report, plan_parts, run_parts
from tui.storage.retry import PART_ATTEMPTS

SIZES = st.integers(0, 20 * BLOCK_SIZE) | st.integers(0, 20).map(lambda count: count * BLOCK_SIZE)


@given(SIZES)
def test_parts_cover_the_file_without_gap_or_overlap(size: int) -> None:
    position = 0
    for number, part in enumerate(plan_parts(size), start=1):
        assert (part.number, part.offset) == (number, position)
        assert 0 < part.size <= BLOCK_SIZE
        position += part.size
    assert position == size


@given(SIZES, st.lists(st.tuples(st.integers(0, 19), st.integers(0, BLOCK_SIZE))))
def test_progress_never_runs_backwards_nor_beyond_the_total(size: int, reports: list[tuple[int, int]]) -> None:
    parts = plan_parts(size)
    meter = Meter(parts)
    before = meter.progress()
    for index, position in reports:
        if index < len(parts):
            meter.reach(parts[index], min(position, parts[index].size))
        now = meter.progress()
        assert before.done <= now.done <= now.total == size
        before = now


@given(st.integers(0, 3 * BLOCK_SIZE), st.lists(st.integers(0, BLOCK_SIZE), min_size=3, max_size=3))
def test_progress_of_a_new_try_stays_until_it_is_as_far_as_the_former(shown: int, reached: list[int]) -> None:
    parts = plan_parts(3 * BLOCK_SIZE)
    meter = Meter(parts, shown=shown)
    assert meter.progress().done == shown
    for part, position in zip(parts, reached, strict=True):
        meter.reach(part, position)
    assert meter.progress().done == max(shown, sum(reached))
    assert [meter.reached(part) for part in parts] == reached


async def test_part_that_keeps_failing_ends_the_run_with_its_error(clock: FrozenClock) -> None:
    parts = plan_parts(2 * BLOCK_SIZE)
    tried: list[int] = []

    def work(part: Part, report: Report) -> None:
        if part.number == 2:
            tried.append(part.number)
            raise StorageServiceError(Reply(text="again", transient=True), bucket="bucket")

    with pytest.raises(StorageServiceError, match="again"):
        async for _ in run_parts(parts, work, Meter(parts), clock):
            pass
    assert len(tried) == PART_ATTEMPTS


async def test_part_that_gets_further_each_time_is_never_given_up(clock: FrozenClock) -> None:
    part = Part(1, 0, 3 * PART_ATTEMPTS)
    meter = Meter([part])

    def work(part: Part, report: Report) -> None:
        position = meter.reached(part) + 1
        report(position)
        if position < part.size:
            raise StorageServiceError(Reply(text="again", transient=True), bucket="bucket")

    events = [event async for event in run_parts([part], work, meter, clock)]
    assert Finished(part, None) in events
    assert meter.progress() == Progress(part.size, part.size)


async def test_hopeless_error_is_not_tried_again(clock: FrozenClock) -> None:
    part = Part(1, 0, 1)
    tried: list[int] = []

    def work(part: Part, report: Report) -> None:
        tried.append(1)
        raise StorageServiceError(Reply(text="never"), bucket="bucket")

    with pytest.raises(StorageServiceError, match="never"):
        async for _ in run_parts([part], work, Meter([part]), clock):
            pass
    assert tried == [1]


async def test_parts_that_succeed_are_told_although_another_fails_with_them(clock: FrozenClock) -> None:
    parts = plan_parts(3 * BLOCK_SIZE)
    threads: list[threading.Thread] = []
    begun, resume = threading.Barrier(len(parts) + 1), threading.Event()

    def work(part: Part, report: Report) -> int:
        threads.append(threading.current_thread())
        begun.wait(5)
        resume.wait(5)
        if part.number == 2:
            raise StorageDeniedError(Reply(text="denied"), bucket="bucket")
        return part.number

    told: list[int] = []

    async def listen() -> None:
        async for event in run_parts(parts, work, Meter(parts), clock):
            if isinstance(event, Finished):
                told.append(event.result)

    listening = asyncio.ensure_future(listen())
    await in_daemon(lambda: begun.wait(5), name="wait")
    resume.set()
    for thread in threads:
        thread.join(5)  # meanwhile the loop stands still, so that it sees all three end at once
    with pytest.raises(StorageDeniedError, match="denied"):
        await listening
    assert sorted(told) == [1, 3]


async def test_thread_of_a_closed_run_ends_at_its_next_report(clock: FrozenClock) -> None:
    part = Part(1, 0, 10)
    begun, resume, ended = threading.Event(), threading.Event(), threading.Event()

    def work(part: Part, report: Report) -> None:
        report(1)
        begun.set()
        resume.wait(5)
        try:
            report(2)
        finally:
            ended.set()

    meter = Meter([part])
    run = run_parts([part], work, meter, clock)
    async with contextlib.aclosing(run):
        assert await asyncio.wait_for(anext(run), 5) == Progress(1, 10)
    resume.set()
    assert ended.wait(5)
    assert meter.reached(part) == 1


async def test_nothing_is_told_while_nothing_moves(clock: FrozenClock) -> None:
    part = Part(1, 0, 10)
    held = threading.Event()

    def work(part: Part, report: Report) -> None:
        report(1)
        held.wait(5)

    run = run_parts([part], work, Meter([part]), clock)
    assert await asyncio.wait_for(anext(run), 5) == Progress(1, 10)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(run), 0.3)
    held.set()
