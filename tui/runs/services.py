"""What every flow works with, opened by a shell and handed in."""

from __future__ import annotations

from dataclasses import dataclass

from tui.ark.client import ArkClient
from tui.clock import Clock
from tui.runs.journal import Journal
from tui.storage.client import ObjectStore


@dataclass(frozen=True)
class Services:
    """Client, store, journal and time of one profile; `service` names its cloud (`hosts.service_of`)."""

    service: str
    ark: ArkClient
    store: ObjectStore
    journal: Journal
    clock: Clock
