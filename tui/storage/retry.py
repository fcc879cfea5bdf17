"""One way to try again: a few times, longer and longer apart, and only what may succeed the next time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final, TypeVar

from tui.backoff import backoff
from tui.storage.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tui.clock import Clock

T = TypeVar("T")

CALL_ATTEMPTS: Final = 3
PART_ATTEMPTS: Final = 5

_FIRST_WAIT: Final = 0.3
_LONGEST_WAIT: Final = 20.0


async def retried(
    attempt: Callable[[], Awaitable[T]], clock: Clock, *, attempts: int, progress: Callable[[], int] = lambda: 0
) -> T:
    """Return what `attempt` returns, repeating it after errors that may pass.

    Args:
        attempt: starts the work anew each time it is called.
        clock: by which it waits.
        attempts: how often it is tried without getting further.
        progress: how far the work is; an attempt that got further does not count.

    Raises:
        StorageError: the last one.
    """
    failures = 0
    while True:
        before = progress()
        try:
            return await attempt()
        except StorageError as error:
            failures = 1 if progress() > before else failures + 1
            if not error.transient or failures >= attempts:
                raise
            wait = backoff(_FIRST_WAIT, failures, longest=_LONGEST_WAIT)
            wait *= random.uniform(0.5, 1)  # noqa: S311  # spreads retries of many, hides nothing
            await clock.sleep(max(error.reply.retry_after, wait))
