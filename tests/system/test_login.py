"""The deck and a real Secret Service: keys entered at the first start are found at the next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.system.test_keyring import Desktop, desktop
from tests.ui.conftest import NOW
from tests.ui.pilot_tools import HeldClock, screen_text, toasts, until
from tui.app import Deck
from tui.launch import Launch
from tui.localcloud import LocalCloud
from tui.screens.login import LoginScreen
from tui.screens.profiles import ProfilesScreen
from tui.settings.config_file import ProfileSettings
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.system

__all__ = ["desktop"]


@pytest.fixture
def cloud(cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    return cloud_factory(clock=HeldClock(NOW))


@pytest.fixture
def launch(tmp_path: Path, cloud: LocalCloud) -> Launch:
    paths = Paths(tmp_path / "config.toml", tmp_path / "data", tmp_path / "state")
    endpoint = cloud.info.ark_endpoint
    save_profile(paths, "prod", ProfileSettings(ark_endpoint=endpoint, tos_endpoint=endpoint))
    return Launch(paths, environ={}, settings=DeckSettings(refresh=0), clock=HeldClock(NOW))


async def test_keys_entered_once_open_the_profile_until_the_operator_logs_out(
    desktop: Desktop, launch: Launch, cloud: LocalCloud
) -> None:
    desktop.start_keyring()
    async with Deck(launch).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        await until(pilot, lambda: "the system keyring is ready" in screen_text(pilot))
        await pilot.press(*cloud.info.access_key, "enter", *cloud.info.secret_key, "enter")
        await until(pilot, lambda: "no jobs yet" in screen_text(pilot))
    async with Deck(launch).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no jobs yet" in screen_text(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "in the system keyring" in screen_text(pilot))
        await pilot.press("O", "y")
        await until(pilot, lambda: "forgot the keys of profile prod" in toasts(pilot))
        await until(pilot, lambda: "none, L enters them" in screen_text(pilot))
    async with Deck(launch).run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        await until(pilot, lambda: "the system keyring is ready" in screen_text(pilot))


async def test_a_keyring_that_hangs_is_given_up_while_the_deck_goes_on(desktop: Desktop, launch: Launch) -> None:
    daemon = desktop.start_keyring()
    daemon.send_signal(19)  # SIGSTOP: it owns its name and answers nothing
    async with Deck(launch).run_test(size=(80, 24)) as pilot:
        await pilot.press("P")
        started = time.monotonic()
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfilesScreen))
        await until(pilot, lambda: "looking…" in screen_text(pilot))
        assert time.monotonic() - started < 2
        await until(pilot, lambda: "did not answer in time" in screen_text(pilot), within=20)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen), within=20)
        assert "looking for the system keyring" in screen_text(pilot)
        await pilot.press(*"AKLT")
        assert "AKLT" in screen_text(pilot)
        await until(pilot, lambda: "did not answer in time" in screen_text(pilot), within=20)
