"""The first start: a way in by keys, a way in without any, and the way out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from tests.ui.conftest import DeckOn
from tests.ui.keyrings import MemoryKeyring
from tests.ui.pilot_tools import screen_lines, screen_text, until
from tui.app import Deck
from tui.localcloud import LocalCloud
from tui.screens.jobs import JobsScreen
from tui.screens.login import LoginScreen
from tui.screens.profile_form import ProfileForm
from tui.screens.too_small import TooSmallScreen
from tui.screens.welcome import WelcomeScreen
from tui.settings.config_file import load_config
from tui.settings.paths import Paths


def deck(pilot: Pilot[int]) -> Deck:
    assert isinstance(pilot.app, Deck)
    return pilot.app


@contextlib.asynccontextmanager
async def first_start(deck_on: DeckOn, **launch: Any) -> AsyncIterator[Pilot[int]]:
    async with deck_on(None, settled=False, **({"size": (80, 24)} | launch)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, WelcomeScreen))
        yield pilot


async def test_the_first_start_offers_two_ways_in_and_one_out(deck_on, no_keyring) -> None:
    async with first_start(deck_on) as pilot:
        text = screen_text(pilot)
        assert [way in text for way in ("l  Log in", "t  Try the local cloud", "q  Quit")] == [True] * 3
        assert "? help" in screen_lines(pilot)[-1]


async def test_it_fits_the_smallest_window(deck_on, no_keyring) -> None:
    async with first_start(deck_on, size=(60, 16)) as pilot:
        text = screen_text(pilot)
        assert "arkdeck" in screen_lines(pilot)[1]
        assert "q  Quit" in text


async def test_a_window_that_was_too_small_shows_it_once_it_grows(deck_on, no_keyring) -> None:
    async with deck_on(None, settled=False, size=(50, 10)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, TooSmallScreen))
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: isinstance(pilot.app.screen, WelcomeScreen))


async def test_a_profile_and_keys_lead_to_the_jobs(
    deck_on, busy: LocalCloud, keyring: MemoryKeyring, paths: Paths
) -> None:
    info = busy.info
    async with first_start(deck_on) as pilot:
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfileForm))
        for field, text in (("ark_endpoint", info.ark_endpoint), ("tos_endpoint", info.tos_endpoint), ("name", "prod")):
            pilot.app.screen.query_one(f"#{field}", Input).value = text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        await until(pilot, lambda: "the system keyring is ready" in screen_text(pilot))
        await pilot.press(*info.access_key, "enter")
        pilot.app.screen.query_one("#secret-key", Input).value = info.secret_key
        await pilot.press("enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        assert isinstance(pilot.app.screen, JobsScreen)
        assert screen_lines(pilot)[0].startswith(" arkdeck  prod ")
    assert keyring.pair("prod") == (info.access_key, info.secret_key)
    assert load_config(paths.config_file).profiles["prod"].ark_endpoint == info.ark_endpoint


async def test_who_leaves_before_the_keys_goes_on_there_and_not_at_the_profile(deck_on, keyring) -> None:
    async with first_start(deck_on) as pilot:
        await pilot.press("l")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfileForm))
        await pilot.press("enter")
        await until(pilot, lambda: "Log in to profile volcengine" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, WelcomeScreen))
        await pilot.press("l")
        await until(pilot, lambda: "Log in to profile volcengine" in screen_text(pilot))


async def test_the_local_cloud_opens_with_jobs_and_asks_for_no_keys(deck_on, no_keyring, paths: Paths) -> None:
    async with first_start(deck_on) as pilot:
        await pilot.press("j", "enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100, within=30)
        assert isinstance(pilot.app.screen, JobsScreen)
        assert "local cloud, simulated" in screen_lines(pilot)[0]
        assert not paths.config_file.exists()


async def test_a_click_takes_a_way(deck_on, no_keyring) -> None:
    async with first_start(deck_on) as pilot:
        await pilot.click(OptionList, offset=(6, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, ProfileForm))


@pytest.mark.parametrize("keys", [["q"], ["end", "enter"]])
async def test_it_can_be_quit(deck_on, no_keyring, keys: list[str]) -> None:
    async with first_start(deck_on) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: pilot.app.return_code == 0)


async def test_escape_leads_to_the_empty_list_and_p_to_the_profiles(deck_on, no_keyring) -> None:
    async with first_start(deck_on) as pilot:
        await pilot.press("escape")
        await until(pilot, lambda: "no access keys for profile default" in screen_text(pilot))
        await pilot.press("P")
        await until(pilot, lambda: "✓ default" in screen_text(pilot))


async def test_a_preset_that_was_asked_for_needs_keys_and_no_welcome(deck_on, no_keyring) -> None:
    async with deck_on(None, settled=False, profile="byteplus") as pilot:
        await until(pilot, lambda: "Log in to profile byteplus" in screen_text(pilot))
