"""Time that can be injected: the machine's clock, and one that stands still until it is told to move."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the flows, the client and the local cloud's engine ask about time."""

    def now(self) -> datetime:
        """Return the time of day as an aware UTC datetime."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, for durations and rates."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait without holding the event loop."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time of day as an aware UTC datetime."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait without holding the event loop."""
        await asyncio.sleep(seconds)


class FrozenClock:
    """A clock that moves only by `advance`, or by somebody sleeping on it; safe to share between threads.

    Args:
        start: an aware datetime.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._elapsed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        """Return the time of day as an aware UTC datetime."""
        return self._start.astimezone(UTC) + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Return the seconds that this clock was moved since it was made."""
        with self._lock:
            return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Move the clock by `seconds` and let other tasks run."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by `seconds` (ValueError when negative)."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        with self._lock:
            self._elapsed += seconds
