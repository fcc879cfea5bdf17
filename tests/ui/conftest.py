"""Fixtures of the screens: the busy scene of a local cloud on a clock that stands still, and the real deck on it."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.keyrings import MemoryKeyring
from tests.ui.pilot_tools import HeldClock, environ_of, until
from tests.ui.scenes import NOW
from tui.app import Deck
from tui.launch import Launch
from tui.localcloud import CloudInfo, LocalCloud
from tui.settings import keyring_store
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths

DeckOn = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture(autouse=True)
def _local_time() -> Iterator[None]:
    """Times of day are shown as in Beijing, wherever the tests run."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def clock() -> HeldClock:
    """The time of the cloud's engine and of the deck."""
    return HeldClock(NOW)


@pytest.fixture(scope="session")
def busy_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the busy scene at NOW, played once."""
    folder = tmp_path_factory.mktemp("busy")
    with LocalCloud(folder, clock=HeldClock(NOW), scene="busy"):
        return folder


@pytest.fixture
def busy(busy_data: Path, tmp_path: Path, clock: HeldClock, cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud of one's own with the 200 jobs of the busy scene."""
    return cloud_factory(data=shutil.copytree(busy_data, tmp_path / "busy"), clock=clock)


@pytest.fixture
def empty_cloud(clock: HeldClock, cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud without a job, on the same clock."""
    return cloud_factory(clock=clock)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """The operator's places, empty."""
    home = tmp_path / "home"
    return Paths(home / "config.toml", home / "data", home / "state")


@pytest.fixture
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session without a system keyring."""
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    """The session's system keyring, empty."""
    backend = MemoryKeyring()
    monkeypatch.setattr(keyring_store, "_open", lambda: backend)
    return backend


@pytest.fixture
def deck_on(clock: HeldClock, paths: Paths) -> DeckOn:
    """Run the real deck: `async with deck_on(cloud, size=(120, 36)) as pilot`.

    It polls only when asked to, and stands on the jobs screen with every job loaded, unless `settled=False`. Further
    words are fields of `Launch`, as in `read_only=True`.
    """

    @asynccontextmanager
    async def run(
        cloud: LocalCloud | CloudInfo | None, *, size: tuple[int, int] = (120, 36), settled: bool = True, **launch: Any
    ) -> AsyncIterator[Pilot[int]]:
        info = cloud.info if isinstance(cloud, LocalCloud) else cloud
        options = {"environ": environ_of(info) if info else {}, "settings": DeckSettings(refresh=0)} | launch
        deck = Deck(Launch(paths=paths, clock=clock, **options))
        async with deck.run_test(size=size) as pilot:
            if settled:
                await until(pilot, lambda: deck.poll_status.answered is not None and not deck.poll_status.asking)
            yield pilot
            if deck.return_code is None:  # else `run_test` would take the widgets away from workers at work
                deck.exit(0)
            await until(pilot, lambda: not deck.is_running)

    return run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the deck is started in."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
