"""Numbered parts of a transfer, run on a few daemon threads, each tried again when the network fails it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui.daemon import in_daemon
from tui.fingerprint import BLOCK_SIZE
from tui.storage.retry import PART_ATTEMPTS, retried

if TYPE_CHECKING:
    from tui.clock import Clock

T = TypeVar("T")

_WORKERS: Final = 3
_PROGRESS_INTERVAL: Final = 0.1


@dataclass(frozen=True)
class Progress:
    """Bytes done of all; it never runs backwards and never exceeds the total."""

    done: int
    total: int


@dataclass(frozen=True)
class Part:
    """One stretch of a file or object; numbers begin at 1, offset and size are bytes."""

    number: int
    offset: int
    size: int


@dataclass(frozen=True)
class Finished(Generic[T]):
    """A part is done, with this result."""

    part: Part
    result: T


class AbandonedError(Exception):
    """Nobody waits for the part any more; ends its thread at the next piece."""


def plan_parts(size: int) -> tuple[Part, ...]:
    """Split `size` bytes into parts of BLOCK_SIZE, the last one shorter; nothing for an empty file."""
    offsets = range(0, size, BLOCK_SIZE)
    return tuple(Part(number, offset, min(BLOCK_SIZE, size - offset)) for number, offset in enumerate(offsets, start=1))


class Meter:
    """How far each part is, told by the threads and read by the event loop.

    A part that is tried again counts from where it got to before, so the sum never runs backwards. Each entry
    is written by one thread at a time, and none is added later: no lock is needed.

    Args:
        parts: all parts of the transfer.
        shown: bytes that an earlier try of the transfer has shown; the progress stays there until this one is as far.
    """

    def __init__(self, parts: Iterable[Part], *, shown: int = 0) -> None:
        self._reached = {part.number: 0 for part in parts}
        self._total = sum(part.size for part in parts)
        self._shown = shown

    def reached(self, part: Part) -> int:
        """Return the bytes of the part that are done."""
        return self._reached[part.number]

    def reach(self, part: Part, position: int) -> None:
        """Note that `position` bytes of the part are done."""
        self._reached[part.number] = max(self._reached[part.number], position)

    def progress(self) -> Progress:
        """Return the bytes of all parts together."""
        return Progress(max(self._shown, sum(self._reached.values())), self._total)


Report = Callable[[int], None]
"""Called by a part's thread with the bytes it has done; raises AbandonedError when nobody waits any more."""


async def run_parts(
    parts: Iterable[Part], work: Callable[[Part, Report], T], meter: Meter, clock: Clock
) -> AsyncGenerator[Finished[T] | Progress]:
    """Do `work` for every part, a few at once; yield each that is finished, and the progress ten times a second.

    The first error that trying again does not cure ends the run, once the parts finished with it were yielded.
    Closing the run, cancelling its task, and an error abandon the threads at work, which end at their next report
    or at a timeout; nothing waits for them.

    Args:
        parts: what is to be done.
        work: blocks until its part is done; safe to call again for the same part.
        meter: knows all parts of the transfer.
        clock: by which a part waits before it is tried again.
    """
    loop = asyncio.get_running_loop()
    abandoned = threading.Event()
    waiting = iter(parts)
    running: dict[asyncio.Task[T], Part] = {}
    shown, shown_at = meter.progress(), loop.time()

    def report(part: Part, position: int) -> None:
        if abandoned.is_set():
            raise AbandonedError
        meter.reach(part, position)

    def start_next() -> None:
        while len(running) < _WORKERS and (part := next(waiting, None)) is not None:
            attempt = partial(
                in_daemon, partial(work, part, partial(report, part)), name=f"arkdeck-part-{part.number}", yielding=True
            )
            trying = retried(attempt, clock, attempts=PART_ATTEMPTS, progress=partial(meter.reached, part))
            running[asyncio.create_task(trying)] = part

    start_next()
    try:
        while running:
            ended, _ = await asyncio.wait(running, timeout=_PROGRESS_INTERVAL, return_when=asyncio.FIRST_COMPLETED)
            finished = {task: running.pop(task) for task in ended}
            failed = [task for task in ended if task.exception() is not None]
            if not failed:
                start_next()
            for task in ended.difference(failed):
                yield Finished(finished[task], task.result())
            for task in failed:
                task.result()
            if loop.time() - shown_at >= _PROGRESS_INTERVAL and meter.progress() != shown:
                shown, shown_at = meter.progress(), loop.time()
                yield shown
    finally:
        abandoned.set()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
