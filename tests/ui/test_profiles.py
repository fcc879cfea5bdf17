"""The profiles: seen, chosen, added, changed, deleted; their keys; and a file that is not understood."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.conftest import DeckOn
from tests.ui.keyrings import ACCESS_KEY, SECRET_KEY, MemoryKeyring
from tests.ui.pilot_tools import environ_of, screen_lines, screen_text, toasts, until
from tui.app import Deck
from tui.localcloud import LocalCloud
from tui.screens.confirm import ConfirmScreen
from tui.screens.jobs import JobsScreen
from tui.screens.login import LoginScreen
from tui.screens.profile_form import ProfileForm
from tui.screens.profiles import ProfilesScreen
from tui.settings.config_file import ProfileSettings, load_config
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile
from tui.widgets.one_of import OneOf


@pytest.fixture
def prod(paths: Paths, busy: LocalCloud, keyring: MemoryKeyring) -> LocalCloud:
    """The cloud of profile prod, whose keys the keyring holds; profile lab has none."""
    info = busy.info
    write(paths, "prod", info.ark_endpoint, bucket=info.bucket)
    save_profile(paths, "lab", ProfileSettings(preset="byteplus", read_only=True))
    keyring.give("prod", info.access_key, info.secret_key)
    return busy


@pytest.fixture
def silent_service() -> Iterator[str]:
    """An endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def write(paths: Paths, name: str, endpoint: str, **settings: Any) -> None:
    save_profile(paths, name, ProfileSettings(ark_endpoint=endpoint, tos_endpoint=endpoint, **settings))


def deck(pilot: Pilot[int]) -> Deck:
    assert isinstance(pilot.app, Deck)
    return pilot.app


def row(pilot: Pilot[int], name: str) -> str:
    return next((line for line in screen_lines(pilot)[2:-6] if name in line), "")


def unfolded(pilot: Pilot[int]) -> str:
    """The screen as one line, without the edges of dialogs."""
    return " ".join(screen_text(pilot).replace("│", " ").split())


async def shows(pilot: Pilot[int], *texts: str) -> None:
    await until(pilot, lambda: all(text in unfolded(pilot) for text in texts))


async def on(pilot: Pilot[int], screen: type) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, screen))


@contextlib.asynccontextmanager
async def profiles(deck_on: DeckOn, **launch: Any) -> AsyncIterator[Pilot[int]]:
    """The screen of profiles, once it knows where all keys are."""
    async with deck_on(None, **({"size": (100, 30)} | launch)) as pilot:
        await pilot.press("P")
        await on(pilot, ProfilesScreen)
        await until(pilot, lambda: pilot.app.screen._listed and "looking…" not in screen_text(pilot))
        yield pilot


async def fill(pilot: Pilot[int], **texts: str) -> None:
    for field, text in texts.items():
        pilot.app.screen.query_one(f"#{field}", Input).value = text
    await pilot.pause()


# Seeing


async def test_each_profile_is_one_line_with_what_tells_it_from_others(deck_on, prod) -> None:
    async with profiles(deck_on) as pilot:
        prod_row, lab_row = row(pilot, "prod").split(), row(pilot, "lab").split()
        assert prod_row == ["▌", "✓", "prod", "default", "cn-beijing", "default", "arkdeck-local", "RW", "keyring"]
        assert lab_row == ["lab", "ap-southeast-1", "default", "–", "read", "only", "none"]


async def test_the_one_under_the_cursor_is_told_of_below(deck_on, prod, busy: LocalCloud) -> None:
    async with profiles(deck_on) as pilot:
        await shows(pilot, busy.info.ark_endpoint, "in the system keyring", "in use")
        await pilot.press("j")
        await shows(pilot, "ark.ap-southeast-1.byteplusapi.com", "none, L enters them")


async def test_a_keyring_that_does_not_answer_is_waited_for_without_waiting(
    deck_on, prod, keyring: MemoryKeyring
) -> None:
    async with deck_on(None, size=(100, 30)) as pilot:
        keyring.answers.clear()
        await pilot.press("P")
        await shows(pilot, "looking…")
        await pilot.press("j")
        await shows(pilot, "byteplusapi.com")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        keyring.answers.set()


async def test_without_a_keyring_the_reason_is_told(deck_on, paths: Paths, busy: LocalCloud, no_keyring) -> None:
    write(paths, "prod", busy.info.ark_endpoint)
    async with deck_on(None, settled=False, size=(100, 30)) as pilot:
        await on(pilot, LoginScreen)
        await pilot.press("escape", "P")
        await shows(pilot, "this session has no D-Bus, so no system keyring")


async def test_keys_of_the_shell_are_known_as_such(deck_on, paths: Paths, busy: LocalCloud, no_keyring) -> None:
    async with profiles(deck_on, environ=environ_of(busy.info)) as pilot:
        assert row(pilot, "✓ default").split()[-1] == "environment"
        await pilot.press("O", "X", "*")
        assert toasts(pilot) == [
            "its keys are in the environment of your shell",
            "it is built in, and not in the configuration file",
        ]


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (200, 60)])
async def test_name_and_keys_are_on_the_screen_at_any_size(deck_on, prod, size: tuple[int, int]) -> None:
    async with profiles(deck_on, size=size) as pilot:
        assert "prod" in row(pilot, "prod")
        assert row(pilot, "prod").rstrip().endswith("keyring")


# Choosing


async def test_another_profile_shows_its_own_jobs_and_none_of_the_old(
    deck_on, prod, paths: Paths, empty_cloud: LocalCloud, keyring: MemoryKeyring
) -> None:
    info = empty_cloud.info
    write(paths, "quiet", info.ark_endpoint)
    keyring.give("quiet", info.access_key, info.secret_key)
    async with profiles(deck_on) as pilot:
        await pilot.press("G", "enter")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert pilot.app.screen._views == {}
        await shows(pilot, "no jobs yet", "All 0", "arkdeck quiet")


async def test_tab_and_filter_stay_when_the_profile_changes(
    deck_on, prod, paths: Paths, busy: LocalCloud, keyring
) -> None:
    write(paths, "twin", busy.info.ark_endpoint)
    keyring.give("twin", busy.info.access_key, busy.info.secret_key)
    async with deck_on(None, size=(100, 30)) as pilot:
        await pilot.press("5", "P")
        await on(pilot, ProfilesScreen)
        await until(pilot, lambda: pilot.app.screen._listed)
        await pilot.press("G", "enter")
        await until(pilot, lambda: deck(pilot).connection and deck(pilot).poll_status.loaded > 100)
        assert {view.job.phase for view in pilot.app.screen._views.values()} == {"Failed"}
        assert "arkdeck  twin" in screen_lines(pilot)[0]


async def test_switching_waits_for_no_service(
    deck_on, prod, paths: Paths, silent_service: str, keyring: MemoryKeyring
) -> None:
    write(paths, "dead", silent_service)
    keyring.give("dead")
    async with profiles(deck_on) as pilot:
        await pilot.press("G", "enter")
        await until(pilot, lambda: deck(pilot).poll_status.asking)
        assert "arkdeck  dead" in screen_lines(pilot)[0]
        await pilot.press("P")
        await on(pilot, ProfilesScreen)
        await until(pilot, lambda: row(pilot, "✓ dead"))
        await pilot.press("g", "enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)


async def test_the_profile_that_is_open_already_stays_open(deck_on, prod) -> None:
    async with profiles(deck_on) as pilot:
        before = deck(pilot).connection
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert deck(pilot).connection is before


async def test_a_double_click_chooses(deck_on, prod) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.click("VirtualTable", offset=(10, 2), times=2)
        await until(pilot, lambda: deck(pilot).connection_state.name == "lab")


async def test_a_profile_without_keys_leads_to_its_login(deck_on, prod) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("j", "enter")
        await shows(pilot, "Log in to profile lab", "no access keys for profile lab")


# Adding and changing


async def test_a_new_profile_is_written_and_asked_for_its_keys(deck_on, prod, paths: Paths, keyring) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("n")
        await on(pilot, ProfileForm)
        await fill(pilot, name="sea", bucket="sea-batch", output_prefix="out")
        await pilot.click("#preset", offset=(18, 0))
        await pilot.click("#read_only", offset=(22, 0))
        await pilot.click("#save")
        await shows(pilot, "Log in to profile sea")
        written = load_config(paths.config_file).profiles["sea"]
        assert written == ProfileSettings(preset="byteplus", bucket="sea-batch", output_prefix="out/", read_only=True)
        await until(pilot, lambda: "ready" in screen_text(pilot))
        await fill(pilot, **{"access-key": ACCESS_KEY, "secret-key": SECRET_KEY})
        await pilot.press("enter")
        await on(pilot, ProfilesScreen)
        await until(pilot, lambda: row(pilot, "sea").split()[-1:] == ["keyring"])
        assert row(pilot, "sea").startswith("▌")
        assert deck(pilot).connection.profile.name == "prod", "the deck stays where it was"


async def test_what_is_left_empty_follows_cloud_and_region(deck_on, prod, paths: Paths) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("n")
        await on(pilot, ProfileForm)
        await shows(pilot, "volcengine", "https://ark.cn-beijing.volcengineapi.com", "arkdeck/input/")
        pilot.app.screen.query_one("#preset", OneOf).focus()
        await pilot.press("right")
        await shows(pilot, "https://tos-ap-southeast-1.bytepluses.com")
        await fill(pilot, region="ap-east-9")
        await shows(pilot, "https://ark.ap-east-9.byteplusapi.com")
        await pilot.click("#save")
        await on(pilot, LoginScreen)
        written = load_config(paths.config_file).profiles["byteplus"]
        assert written == ProfileSettings(preset="byteplus", region="ap-east-9")


@pytest.mark.parametrize(
    ("field", "text", "rule"),
    [
        ("name", "no blanks", "a profile's name has 1 to 64 letters"),
        ("name", "prod", "there is a profile prod already"),
        ("region", "CN", "a region looks like cn-beijing"),
        ("bucket", "NO", "a bucket has 3 to 63 characters"),
        ("input_prefix", "/in", "a prefix does not begin with /"),
        ("ark_endpoint", "http://ark.example.com", "http is for this machine alone"),
    ],
)
async def test_a_value_that_breaks_a_rule_is_told_beneath_its_field_and_not_saved(
    deck_on, prod, paths: Paths, field: str, text: str, rule: str
) -> None:
    before = paths.config_file.read_bytes()
    async with profiles(deck_on) as pilot:
        await pilot.press("n")
        await on(pilot, ProfileForm)
        await fill(pilot, **{field: text})
        await shows(pilot, f"✗ {rule}")
        lines = screen_lines(pilot)
        at = next(number for number, line in enumerate(lines) if rule in line)
        assert text in lines[at - 1]
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, ProfileForm)
        assert pilot.app.focused is pilot.app.screen.query_one(f"#{field}")
    assert paths.config_file.read_bytes() == before


async def test_a_change_keeps_what_the_form_does_not_show_and_is_taken_up_at_once(
    deck_on, prod, paths: Paths, busy: LocalCloud
) -> None:
    info = busy.info
    write(paths, "prod", info.ark_endpoint, bucket=info.bucket, account_id="12", input_prefix="")
    async with profiles(deck_on) as pilot:
        before = deck(pilot).connection
        await pilot.press("e")
        await on(pilot, ProfileForm)
        await fill(pilot, project="nightly")
        await pilot.press("enter")
        await on(pilot, ProfilesScreen)
        await until(pilot, lambda: deck(pilot).connection not in (before, None))
        assert deck(pilot).connection.profile.project == "nightly"
    changed = load_config(paths.config_file).profiles["prod"]
    assert (changed.project, changed.account_id, changed.input_prefix) == ("nightly", "12", "")


async def test_a_file_with_comments_is_kept_and_the_toast_says_so(deck_on, prod, paths: Paths) -> None:
    commented = b"# ours\n" + paths.config_file.read_bytes()
    paths.config_file.write_bytes(commented)
    async with profiles(deck_on) as pilot:
        await pilot.press("j", "*")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot) == ["lab is the default now\nthe file with its comments is kept as config.toml.bak"]
        await until(pilot, lambda: "lab  default" in row(pilot, "lab"))
    assert paths.config_file.with_name("config.toml.bak").read_bytes() == commented
    assert load_config(paths.config_file).default_profile == "lab"


async def test_a_file_that_cannot_be_written_is_told_and_the_form_stays(deck_on, prod, paths: Paths) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("n")
        await on(pilot, ProfileForm)
        await fill(pilot, name="sea")
        paths.config_file.rename(paths.config_file.with_name("away"))
        paths.config_file.mkdir()
        await pilot.press("enter")
        await shows(pilot, "Is a directory")
        assert isinstance(pilot.app.screen, ProfileForm)


async def test_what_was_typed_is_not_lost_to_one_key(deck_on, prod) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("n", "s", "e", "a", "escape")
        await on(pilot, ConfirmScreen)
        await pilot.press("escape")
        assert pilot.app.screen.query_one("#name", Input).value == "sea"
        await pilot.press("escape", "y")
        await on(pilot, ProfilesScreen)


async def test_the_first_of_two_profiles_is_the_default_one(paths: Paths) -> None:
    for name in ("prod", "lab", "more"):
        save_profile(paths, name, ProfileSettings())
    assert load_config(paths.config_file).default_profile == "prod"


# Deleting, and keys


async def test_deleting_asks_says_where_and_leaves_the_keys(deck_on, prod, paths: Paths, keyring) -> None:
    keyring.give("lab")
    async with profiles(deck_on) as pilot:
        await pilot.press("j", "X")
        await shows(pilot, "Delete profile lab?", "Its jobs and objects stay")
        await pilot.press("enter")
        assert "lab" in load_config(paths.config_file).profiles
        await pilot.press("X", "y")
        await shows(pilot, "Forget its keys too?")
        await pilot.press("enter")
        await until(pilot, lambda: not row(pilot, "lab"))
    assert list(load_config(paths.config_file).profiles) == ["prod"]
    assert keyring.pair("lab")


async def test_the_keys_of_a_deleted_profile_are_forgotten_where_that_is_wanted(
    deck_on, prod, paths: Paths, keyring: MemoryKeyring
) -> None:
    keyring.give("lab")
    async with profiles(deck_on) as pilot:
        await pilot.press("j", "X", "y")
        await shows(pilot, "Forget its keys too?")
        await pilot.press("y")
        await until(pilot, lambda: keyring.pair("lab") is None)
        await until(pilot, lambda: "forgot the keys of profile lab" in toasts(pilot))


async def test_logging_out_forgets_the_keys_and_closes_what_they_opened(deck_on, prod, keyring: MemoryKeyring) -> None:
    async with profiles(deck_on) as pilot:
        await pilot.press("O", "enter")
        assert keyring.pair("prod")
        await pilot.press("O", "y")
        await until(pilot, lambda: keyring.pair("prod") is None)
        await until(pilot, lambda: "not connected" in screen_lines(pilot)[0])
        await until(pilot, lambda: row(pilot, "prod").split()[-1] == "none")
        assert isinstance(pilot.app.screen, ProfilesScreen)


async def test_new_keys_for_the_open_profile_are_used_at_once(
    deck_on, prod, busy: LocalCloud, keyring: MemoryKeyring
) -> None:
    async with profiles(deck_on) as pilot:
        before = deck(pilot).connection
        await pilot.press("L")
        await on(pilot, LoginScreen)
        await until(pilot, lambda: "ready" in screen_text(pilot))
        await fill(pilot, **{"access-key": busy.info.access_key, "secret-key": busy.info.secret_key})
        await pilot.press("enter")
        await until(pilot, lambda: deck(pilot).connection not in (before, None))


# A file that is not understood


async def test_a_broken_file_is_shown_with_its_key_and_never_written(deck_on, prod, paths: Paths) -> None:
    good = paths.config_file.read_text()
    async with profiles(deck_on) as pilot:
        broken = good + '\n[profiles.x]\nbuckets = "b"\n'
        paths.config_file.write_text(broken)
        await pilot.press("r")
        await shows(pilot, "config.toml: profiles.x.buckets: unknown key", "Did you mean bucket?")
        await pilot.press("n", "e", "X", "*", "enter")
        assert isinstance(pilot.app.screen, ProfilesScreen)
        assert all("profiles.x.buckets: unknown key" in told for told in toasts(pilot))
        assert paths.config_file.read_text() == broken
        paths.config_file.write_text(good)
        await pilot.press("r")
        await until(pilot, lambda: row(pilot, "prod"))


async def test_names_from_the_file_are_text(deck_on, prod, paths: Paths) -> None:
    save_profile(paths, "lab", ProfileSettings(project="[@click=app.quit]x[/] [red]y[/]"))
    async with profiles(deck_on, size=(200, 30)) as pilot:
        await shows(pilot, "[@click=app.quit]x[/] [red]y…")
        await pilot.press("j")
        await shows(pilot, "[@click=app.quit]x[/] [red]y[/]")
        await pilot.click("#told", offset=(60, 0))
        assert pilot.app.is_running
