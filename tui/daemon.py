"""Blocking calls on daemon threads of our own.

Threads of an executor are joined when the interpreter exits, so one stuck call would hold the exit for ever
(security.md §1.3 of the project's fact sheets, measured). A daemon thread dies with the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Final, TypeVar

T = TypeVar("T")

_ITEMS_AHEAD: Final = 64
_YIELDING: Final = 10  # nice value; a thread that moves bytes all the time otherwise keeps the event loop waiting


def in_daemon(call: Callable[[], T], *, name: str, yielding: bool = False) -> asyncio.Future[T]:
    """Run `call` on a daemon thread and return a future of its result for the running event loop.

    Cancelling the future abandons the call: the thread goes on until the call returns, and its result is dropped.

    Args:
        call: what blocks.
        name: the thread's name, for a debugger.
        yielding: it is long work: the event loop, and whoever waits for an answer to a key, goes first.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T admits it

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        if yielding:
            _yield_to_others()
        try:
            result = call()
        except StopIteration as raised:  # a future cannot carry it
            error = RuntimeError(f"{name}: the call raised StopIteration")
            error.__cause__ = raised
        except BaseException as raised:  # noqa: BLE001  # handed to whoever awaits the future
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


async def stream_from_daemon(make: Callable[[], Iterator[T]], *, name: str) -> AsyncGenerator[T, None]:
    """Run a blocking iterator on a daemon thread and yield its items; the thread stays at most a few items ahead.

    It yields the processor to other threads, as do the processes that it starts.
    Closing the stream, or cancelling the task that reads it, ends the iterator at its next item without waiting for it.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[tuple[T | None, BaseException | None]] = asyncio.Queue()
    room = threading.Semaphore(_ITEMS_AHEAD)
    closed = threading.Event()
    ended = StopAsyncIteration()

    def hand_over(item: T | None, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            loop.call_soon_threadsafe(items.put_nowait, (item, error))

    def run() -> None:
        _yield_to_others()
        try:
            for item in make():
                room.acquire()
                if closed.is_set():
                    return
                hand_over(item, None)
        except BaseException as raised:  # noqa: BLE001  # handed to the reader
            hand_over(None, raised)
        else:
            hand_over(None, ended)

    threading.Thread(target=run, name=name, daemon=True).start()
    try:
        while True:
            item, error = await items.get()
            if error is ended:
                return
            if error is not None:
                raise error
            room.release()
            yield item  # type: ignore[misc]  # None only where T admits it
    finally:
        closed.set()
        room.release()


def _yield_to_others() -> None:
    """Have the calling thread run after the others of this process, where threads have priorities of their own."""
    if sys.platform == "linux":
        present = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, max(present, _YIELDING))  # 0 is the thread, not the process
