"""What every flow works with, opened by a shell and handed in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.hosts import service_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tui.ark.client import ArkClient
    from tui.clock import Clock
    from tui.runs.journal import Journal
    from tui.settings.credentials import Credentials
    from tui.settings.profiles import Profile
    from tui.storage.client import ObjectStore


@dataclass(frozen=True)
class Services:
    """Client, store, journal and time of one profile; `service` names its cloud (`hosts.service_of`)."""

    service: str
    ark: ArkClient
    store: ObjectStore
    journal: Journal
    clock: Clock


@contextlib.asynccontextmanager
async def open_services(
    profile: Profile, credentials: Credentials, *, data_dir: Path, clock: Clock | None = None
) -> AsyncIterator[Services]:
    """Open client, store and journal for a profile; nothing is sent yet.

    The clients are imported here: a shell that shows something first must not wait for them.

    Args:
        profile: where jobs run; when it is read only, client and store refuse every change.
        credentials: what signs the calls.
        data_dir: holds the journal.
        clock: the machine's unless given.

    Raises:
        UsageError: an endpoint, a proxy or a certificate of the environment cannot be used.
        JournalError: the journal cannot be opened.
    """
    from tui.ark.client import ArkClient
    from tui.clock import SystemClock
    from tui.runs.journal import Journal
    from tui.storage.client import ObjectStore

    clock = clock or SystemClock()
    where, read_only = profile.region, profile.read_only
    with Journal(data_dir, clock) as journal:
        store = ObjectStore(profile.tos_endpoint, where, credentials, clock=clock, read_only=read_only)
        ark = ArkClient(
            profile.ark_endpoint, where, credentials, clock=clock, account_id=profile.account_id, read_only=read_only
        )
        try:
            async with ark:
                yield Services(service_of(profile.ark_endpoint), ark, store, journal, clock)
        finally:
            await store.close()
