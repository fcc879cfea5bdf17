"""Fixtures of the flows: a deck on a cloud of its own, and a file of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.deck import Deck, write_requests
from tui.clock import FrozenClock
from tui.localcloud import CloudInfo, LocalCloud
from tui.runs.services import Services, open_services
from tui.safety import Secret
from tui.settings.credentials import Credentials
from tui.settings.profiles import Profile


@pytest.fixture
def deck_on(tmp_path: Path) -> Callable[[CloudInfo], Deck]:
    """Make a deck for a cloud."""

    def make(info: CloudInfo) -> Deck:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return Deck(home, info)

    return make


@pytest.fixture
def deck(cloud: LocalCloud, deck_on: Callable[[CloudInfo], Deck]) -> Deck:
    """A deck on a cloud of its own, in an empty home."""
    return deck_on(cloud.info)


@pytest.fixture
def requests_file(tmp_path: Path) -> Path:
    """Forty good requests, in Chinese and English."""
    path = tmp_path / "requests.jsonl"
    write_requests(path, 40)
    return path


@pytest.fixture
def services_on(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Services]]:
    """Open the flows' services on a cloud, waits without waiting: `services_on(info, read_only=True)`."""

    def open_on(info: CloudInfo, *, read_only: bool = False) -> AbstractAsyncContextManager[Services]:
        profile = Profile(
            name="test",
            ark_endpoint=info.ark_endpoint,
            tos_endpoint=info.tos_endpoint,
            region=info.region,
            bucket=info.bucket,
            project="default",
            input_prefix="in/",
            output_prefix="out/",
            account_id="",
            read_only=read_only,
        )
        keys = Credentials(info.access_key, Secret(info.secret_key), None, "the local cloud")
        return open_services(profile, keys, data_dir=tmp_path / "data", clock=FrozenClock(datetime.now(UTC)))

    return open_on


@pytest.fixture
async def services(
    cloud: LocalCloud, services_on: Callable[..., AbstractAsyncContextManager[Services]]
) -> AsyncIterator[Services]:
    """The flows' services on the cloud of the test."""
    async with services_on(cloud.info) as services:
        yield services
