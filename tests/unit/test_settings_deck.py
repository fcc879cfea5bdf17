"""How the deck is set up, and how it is remembered: from the file, from the last time, or by default."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET

from tui.launch import Launch
from tui.settings.config_file import ConfigError, load_config
from tui.settings.deck_settings import DeckSettings, refresh_interval
from tui.settings.deck_state import DeckState, Remembered, load_state, save_state
from tui.settings.draft import Draft
from tui.settings.paths import Paths
from tui.settings.profiles import ProfileSettings, save_profile
from tui.settings.themes import ThemeError
from tui.typed_path import path_of_uri


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "data", tmp_path / "state")


def test_the_table_is_read(paths: Paths) -> None:
    paths.config_file.write_text('[deck]\ntheme = "ember"\nrefresh = 30\nmouse = false\nascii = true\n')
    assert load_config(paths.config_file).deck == DeckSettings(theme="ember", refresh=30.0, mouse=False, ascii=True)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("refresh = 0.5", "deck.refresh: write seconds from 1 to 86400, or 0 for only when asked"),
        ("refresh = -1", "deck.refresh: write seconds"),
        ("refresh = nan", "deck.refresh: write seconds"),
        (f"refresh = {'9' * 400}", "deck.refresh: write seconds"),
        ("refresh = true", "deck.refresh: expected a number, found true or false"),
        ('mouse = "no"', "deck.mouse: expected true or false, found text in quotes"),
        ("theme = 1", "deck.theme: expected text in quotes, found a number"),
        ('teme = "ember"', "deck.teme: unknown key"),
    ],
)
def test_what_is_wrong_in_the_table_is_named(paths: Paths, line: str, told: str) -> None:
    paths.config_file.write_text(f"[deck]\n{line}\n")
    with pytest.raises(ConfigError, match=told.replace(".", r"\.")):
        load_config(paths.config_file)


def test_writing_a_profile_keeps_the_table(paths: Paths) -> None:
    paths.config_file.write_text('[deck]\ntheme = "ember"\n')
    save_profile(paths, "prod", ProfileSettings(bucket="nightly"))
    assert load_config(paths.config_file).deck == DeckSettings(theme="ember")


@pytest.mark.parametrize(
    ("refresh", "on_loopback", "interval"),
    [
        (UNSET, False, 15.0),
        (UNSET, True, 2.0),
        (0.0, False, 0.0),
        (1.0, True, 1.0),
        (1.0, False, 5.0),
        (60.0, False, 60.0),
    ],
)
def test_a_service_is_not_asked_more_often_than_every_five_seconds(
    refresh: float, on_loopback: bool, interval: float
) -> None:
    assert refresh_interval(DeckSettings(refresh=refresh), on_loopback=on_loopback) == interval


def test_what_was_remembered_is_there_the_next_time_and_private(paths: Paths) -> None:
    state = DeckState(theme="ember", columns=("name", "phase"), sort="age", descending=True, filter="model:x")
    save_state(paths.state_dir, state)
    assert load_state(paths.state_dir) == (state, "")
    assert stat.S_IMODE((paths.state_dir / "deck.json").stat().st_mode) == 0o600


def test_the_folder_that_was_used_last_comes_first_and_the_oldest_goes() -> None:
    state = DeckState()
    for number in (*range(9), 3):
        state = DeckState(recent_folders=state.chosen_from(Path(f"/srv/{number}")))
    assert [uri[-1] for uri in state.recent_folders] == list("38765421")


def test_a_folder_of_any_name_is_a_favourite_until_it_is_none(paths: Paths) -> None:
    folder = Path(os.fsdecode(b"/srv/\xff [b]"))
    state = DeckState(favourite_folders=DeckState().favourites_with_or_without(folder))
    save_state(paths.state_dir, state)
    assert load_state(paths.state_dir) == (state, "")
    assert [path_of_uri(uri) for uri in state.favourite_folders] == [folder]
    assert state.favourites_with_or_without(folder) == ()


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"theme": 5}', b"\xff\xfe", b"[]"])
def test_a_damaged_memory_begins_fresh_and_says_so(paths: Paths, damaged: bytes) -> None:
    paths.state_dir.mkdir()
    (paths.state_dir / "deck.json").write_bytes(damaged)
    state, problem = load_state(paths.state_dir)
    assert state == DeckState()
    assert "deck.json" in problem


def test_a_key_of_a_newer_version_is_passed_over(paths: Paths) -> None:
    paths.state_dir.mkdir()
    (paths.state_dir / "deck.json").write_bytes(b'{"theme": "ember", "zoom": 3}')
    assert load_state(paths.state_dir) == (DeckState(theme="ember"), "")


def test_only_what_changed_is_written(paths: Paths) -> None:
    remembered = Remembered(paths.state_dir)
    remembered.save()
    assert not paths.state_dir.exists()
    remembered.state = DeckState(filter="phase:failed")
    remembered.save()
    assert load_state(paths.state_dir) == (DeckState(filter="phase:failed"), "")


@pytest.mark.parametrize(
    ("asked", "configured", "remembered", "first"),
    [
        ("rice-paper", "ember", "high-contrast", "rice-paper"),
        (None, "ember", "high-contrast", "ember"),
        (None, UNSET, "high-contrast", "high-contrast"),
        (None, UNSET, "one-that-was-removed", "arkdeck-dark"),
        (None, UNSET, None, "arkdeck-dark"),
    ],
)
def test_the_theme_is_the_one_asked_for_configured_or_remembered(
    paths: Paths, asked: str | None, configured: str, remembered: str | None, first: str
) -> None:
    launch = Launch(paths, {"COLORTERM": "truecolor"}, theme=asked, settings=DeckSettings(theme=configured))
    assert launch.first_theme(remembered).name == first


@pytest.mark.parametrize(("asked", "configured", "named"), [("embr", UNSET, "--theme"), (None, "embr", "config.toml")])
def test_a_theme_that_does_not_exist_is_named_with_the_nearest(
    paths: Paths, asked: str | None, configured: str, named: str
) -> None:
    launch = Launch(paths, {}, theme=asked, settings=DeckSettings(theme=configured))
    with pytest.raises(ThemeError, match=f"{named}: there is no theme embr") as refused:
        launch.first_theme(None)
    assert refused.value.advice == "Did you mean ember?"


def test_two_decks_do_not_take_what_the_other_remembers(tmp_path: Path) -> None:
    one, other = Remembered(tmp_path), Remembered(tmp_path)
    one.state = msgspec.structs.replace(
        one.state, drafts={"prod": Draft(name="a"), "test": Draft(name="b")}, filter="all"
    )
    one.save()
    other.state = msgspec.structs.replace(other.state, drafts={"dev": Draft(name="c")}, sort="name")
    other.save()
    state, _problem = load_state(tmp_path)
    assert (state.filter, state.sort) == ("all", "name")
    assert {name: draft.name for name, draft in state.drafts.items()} == {"prod": "a", "test": "b", "dev": "c"}
