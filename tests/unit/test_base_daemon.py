"""Blocking calls that neither hold the event loop nor the exit."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from tui.daemon import in_daemon, stream_from_daemon

if TYPE_CHECKING:
    from collections.abc import Iterator


async def test_the_result_comes_back() -> None:
    assert await in_daemon(lambda: 6 * 7, name="multiply") == 42


async def test_nothing_comes_back_as_nothing() -> None:
    assert await in_daemon(lambda: None, name="nothing") is None


async def test_the_call_runs_on_a_daemon_thread_of_that_name() -> None:
    thread = await in_daemon(threading.current_thread, name="keyring")
    assert (thread.name, thread.daemon) == ("keyring", True)


async def test_an_error_comes_back_as_it_is() -> None:
    def fail() -> None:
        raise LookupError("not here")

    with pytest.raises(LookupError, match="not here"):
        await in_daemon(fail, name="fail")


async def test_the_end_of_an_iterator_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(in_daemon(lambda: next(iter(())), name="next"), 5)


async def test_an_abandoned_call_s_result_is_dropped() -> None:
    release, finished = threading.Event(), threading.Event()

    def call() -> None:
        release.wait(5)
        finished.set()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_daemon(call, name="slow"), 0.01)
    release.set()
    assert await asyncio.to_thread(finished.wait, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
async def test_long_work_lets_the_event_loop_go_first_and_nobody_else_s() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    own = niceness()
    assert await in_daemon(niceness, name="short") == own
    assert await in_daemon(niceness, name="long", yielding=True) > own
    assert [each > own async for each in stream_from_daemon(lambda: iter([niceness()]), name="stream")] == [True]
    assert niceness() == own


@pytest.mark.parametrize(
    "wait",
    [
        "await asyncio.wait_for(in_daemon(threading.Event().wait, name='stuck'), 0.01)",
        "await asyncio.wait_for(anext(stream_from_daemon(stuck, name='stuck')), 0.01)",
    ],
)
def test_a_stuck_call_does_not_hold_the_exit(wait: str) -> None:
    program = (
        "import asyncio, threading\n"
        "from tui.daemon import in_daemon, stream_from_daemon\n"
        "def stuck():\n"
        "    yield threading.Event().wait()\n"
        "async def main():\n"
        f"    {wait}\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=10, check=False)
    assert done.stderr.strip().endswith("TimeoutError")


async def test_a_stream_yields_every_item_in_order() -> None:
    assert [item async for item in stream_from_daemon(lambda: iter(range(1000)), name="count")] == list(range(1000))


async def test_a_stream_ends_with_the_iterator_s_error_after_its_items() -> None:
    def two_then_fail() -> Iterator[int]:
        yield from (1, 2)
        raise LookupError("no third")

    stream = stream_from_daemon(two_then_fail, name="two")
    assert [await anext(stream), await anext(stream)] == [1, 2]
    with pytest.raises(LookupError, match="no third"):
        await anext(stream)


async def test_a_stream_that_is_left_ends_the_iterator() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    stream = stream_from_daemon(endless, name="endless")
    await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]
    assert await asyncio.to_thread(closed.wait, 5)


async def test_an_unread_stream_stays_a_few_items_ahead() -> None:
    made: list[int] = []

    def count() -> Iterator[int]:
        for number in range(10_000):
            made.append(number)
            yield number

    stream = stream_from_daemon(count, name="count")
    for _item in range(10):
        await anext(stream)
    assert len(made) <= 10 + 64 + 1
    await stream.aclose()  # type: ignore[attr-defined]
