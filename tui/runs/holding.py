"""Leases of runs, taken and given back on a thread of their own; none is left behind by whoever is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from tui.errors import ArkdeckError
from tui.runs.events import RunBegun
from tui.runs.journal import Journal
from tui.runs.services import Services

B = TypeVar("B", bound=RunBegun | None)


async def held(write: Callable[[Journal], B], services: Services) -> B:
    """Return the run that `write` holds, if any, once it is written down; a caller who is cancelled leaves it free."""
    writing = asyncio.ensure_future(services.journal.apart(write, needed=True))
    try:
        return await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.create_task(_let_go_once_written(writing, services)))
        raise


async def _let_go_once_written(writing: asyncio.Future[B], services: Services) -> None:
    with suppress(ArkdeckError):  # then nothing is held
        if (begun := await writing) is not None:
            await let_go(begun.run_id, services)


async def let_go(run_id: str, services: Services) -> None:
    """Give the lease of a run back, if it is held."""
    await services.journal.write_apart(Journal.let_go, run_id)
