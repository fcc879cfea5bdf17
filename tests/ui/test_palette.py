"""The palette: anything by its name, themes on trial, and names that are data."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.containers import Vertical
from textual.widgets import Input, OptionList

from tests.ui.pilot_tools import toasts, until
from tui.actions import in_scope
from tui.app import Deck
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.jobs import JobsScreen
from tui.screens.palette import Palette, _Entry, _shown


def entries(pilot) -> list[str]:
    """What the open palette lists."""
    return [str(option.prompt) for option in pilot.app.screen.query_one(OptionList).options]


async def open_with(pilot, key: str, typed: str = "") -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Palette) and entries(pilot))
    if typed:
        pilot.app.screen.query_one(Input).value = typed
        await until(pilot, lambda: entries(pilot) and all(_holds(entry, typed) for entry in entries(pilot)))


def _holds(entry: str, typed: str) -> bool:
    letters = iter(entry.casefold())
    return all(letter in letters for letter in typed)


@pytest.mark.parametrize("key", ["colon", "ctrl+p"])
async def test_every_action_of_the_screen_is_there(deck_on, empty_cloud, key: str) -> None:
    async with deck_on(empty_cloud) as pilot:
        await open_with(pilot, key)
        listed = entries(pilot)
        for action in in_scope(JobsScreen.SCOPE):
            assert action.id == "app.palette" or any(entry.startswith(f"{action.title} ") for entry in listed)


async def test_nothing_of_textual_s_own_is_there(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await open_with(pilot, "colon")
        assert not [entry for entry in entries(pilot) if "screenshot" in entry.casefold() or "Maximize" in entry]


async def test_an_entry_names_its_key_and_what_stands_in_its_way(deck_on, busy) -> None:
    async with deck_on(busy, read_only=True) as pilot:
        await open_with(pilot, "colon", "stop")
        stop = next(entry for entry in entries(pilot) if entry.startswith("Stop"))
        assert stop.split(maxsplit=2) == ["Stop", "S", "profile default is read only"]


async def test_enter_does_the_first_hit(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await open_with(pilot, "colon", "help")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))


async def test_an_action_on_a_job_asks_as_its_key_does(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        await open_with(pilot, "colon", "stop")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))


async def test_a_hit_that_cannot_be_done_says_why(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await open_with(pilot, "colon", "clear")
        await pilot.press("enter")
        await until(pilot, lambda: toasts(pilot) == ["no job is marked"])


async def test_a_phase_is_found_by_its_name(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await open_with(pilot, "colon", "terminated")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen.situation.filter == "phase:terminated")


# Profiles


async def test_a_profile_is_opened_by_its_name(deck_on, empty_cloud, paths, monkeypatch) -> None:
    paths.config_file.parent.mkdir(parents=True, exist_ok=True)
    paths.config_file.write_text('default_profile = "prod"\n[profiles.prod]\n[profiles.staging]\n', encoding="utf-8")
    asked: list[str | None] = []
    async with deck_on(empty_cloud) as pilot:
        monkeypatch.setattr(Deck, "connect", lambda _deck, name: asked.append(name))
        await open_with(pilot, "colon", "staging")
        await pilot.press("enter")
        await until(pilot, lambda: asked == ["staging"])


async def test_a_configuration_that_broke_meanwhile_is_told_and_the_actions_stay(deck_on, empty_cloud, paths) -> None:
    async with deck_on(empty_cloud) as pilot:
        paths.config_file.write_text("[profiles.[red]x\n", encoding="utf-8")
        await open_with(pilot, "colon")
        assert any("config.toml" in entry for entry in entries(pilot))
        assert any(entry.startswith("Quit") for entry in entries(pilot))


# Themes


async def test_a_theme_is_worn_on_trial_while_it_is_highlighted(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, theme="arkdeck-dark") as pilot:
        await open_with(pilot, "T", "rice-paper")
        await until(pilot, lambda: pilot.app.theme == "rice-paper")
        palette = pilot.app.screen
        panel = Color.parse(pilot.app.theme_variables["panel"])
        await until(pilot, lambda: palette.query(Vertical).first().styles.background == panel)
        assert palette.styles.background.is_transparent, "the page is seen in its colours"


async def test_leaving_takes_the_theme_off_again(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, theme="arkdeck-dark") as pilot:
        await open_with(pilot, "T", "rice-paper")
        await until(pilot, lambda: pilot.app.theme == "rice-paper")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        assert pilot.app.theme == "arkdeck-dark"


async def test_choosing_keeps_the_theme_and_remembers_it(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, theme="arkdeck-dark") as pilot:
        await open_with(pilot, "T", "rice-paper")
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.state.theme == "rice-paper")
        assert pilot.app.theme == "rice-paper"
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_an_action_after_a_trial_leaves_the_theme_as_it_was(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, theme="arkdeck-dark") as pilot:
        await open_with(pilot, "colon", "rice-paper")
        await until(pilot, lambda: pilot.app.theme == "rice-paper")
        pilot.app.screen.query_one(Input).value = "help"
        await until(pilot, lambda: entries(pilot) and entries(pilot)[0].startswith("Help"))
        assert pilot.app.theme == "arkdeck-dark"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert pilot.app.theme == "arkdeck-dark"


async def test_the_theme_that_is_worn_is_listed_first(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, theme="ember") as pilot:
        await open_with(pilot, "T")
        assert entries(pilot)[0].split() == ["theme:", "ember", "in", "use"]
        assert pilot.app.theme == "ember"


async def test_every_theme_and_no_other_is_offered(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await open_with(pilot, "T")
        assert {entry.split()[1] for entry in entries(pilot)} == set(await pilot.app.theme_names())


# Text from outside


@pytest.mark.parametrize("text", ["[red]x[/]", "a[/]b", "[@click=app.quit]q[/]"])
def test_names_and_reasons_are_data(text: str) -> None:
    entry = _Entry(text, text, print, reason=text)
    assert _shown(entry, [0, 1]).plain.split() == [text, text]
