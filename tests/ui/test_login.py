"""An operator enters access keys: where they go, what is said before and after, and who never sees the secret."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot
from textual.widgets import Input

from tests.ui.conftest import DeckOn
from tests.ui.keyrings import ACCESS_KEY, SECRET_KEY, MemoryKeyring
from tests.ui.pilot_tools import HeldClock, screen_text, toasts, until
from tui.app import Deck
from tui.connection import Connected
from tui.localcloud import ALWAYS, LocalCloud
from tui.screens.jobs import JobsScreen
from tui.screens.login import LoginScreen
from tui.settings.config_file import ProfileSettings
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile

TOKEN = "not-a-token-0123456789"


@pytest.fixture
def prod(paths: Paths, busy: LocalCloud) -> LocalCloud:
    """The cloud of the one profile of the file, which has no keys."""
    info = busy.info
    settings = ProfileSettings(ark_endpoint=info.ark_endpoint, tos_endpoint=info.tos_endpoint, bucket=info.bucket)
    save_profile(paths, "prod", settings)
    return busy


@contextlib.asynccontextmanager
async def asked(deck_on: DeckOn, **launch: Any) -> AsyncIterator[Pilot[int]]:
    """The deck, opened without keys, once its login says where keys can be kept."""
    async with deck_on(None, settled=False, **({"size": (80, 24)} | launch)) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))
        await until(pilot, lambda: "looking for" not in screen_text(pilot))
        yield pilot


def deck(pilot: Pilot[int]) -> Deck:
    assert isinstance(pilot.app, Deck)
    return pilot.app


def field(pilot: Pilot[int], field_id: str) -> Input:
    return pilot.app.screen.query_one(f"#{field_id}", Input)


def paste(pilot: Pilot[int], field_id: str, text: str) -> None:
    field(pilot, field_id).focus()
    field(pilot, field_id).post_message(Paste(text))


async def enter(pilot: Pilot[int], access_key: str, secret_key: str) -> None:
    paste(pilot, "access-key", access_key)
    await pilot.pause()
    paste(pilot, "secret-key", secret_key)
    await pilot.pause()


def keys_of(cloud: LocalCloud) -> tuple[str, str]:
    return cloud.info.access_key, cloud.info.secret_key


@contextlib.contextmanager
def written(pilot: Pilot[int]) -> Iterator[list[str]]:
    """What is written to the terminal while the context is open, beside what is painted."""
    driver, sent = pilot.app._driver, list[str]()
    assert driver is not None
    write = driver.write
    driver.write = lambda data: (sent.append(data), write(data))[1]  # type: ignore[method-assign]
    try:
        yield sent
    finally:
        driver.write = write  # type: ignore[method-assign]


# Who is asked


async def test_a_profile_without_keys_is_asked_for_them_with_the_reason(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        text = screen_text(pilot)
        assert "Log in to profile prod" in text
        assert "no access keys for profile prod" in text
        assert "the system keyring is ready" in text


async def test_rejected_keys_lead_to_the_login_with_the_service_s_words(
    deck_on, prod, keyring: MemoryKeyring, clock: HeldClock
) -> None:
    keyring.give("prod")
    async with asked(deck_on, size=(100, 30), settings=DeckSettings(refresh=15)) as pilot:
        assert "ListBatchInferenceJobs failed" in screen_text(pilot)
        assert toasts(pilot) == []
        asked_for = len(prod.requests)
        clock.advance(3600)
        await pilot.pause(0.1)
        assert len(prod.requests) == asked_for, "the polls have stopped"
        await enter(pilot, *keys_of(prod))
        await pilot.press("enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        assert keyring.pair("prod") == keys_of(prod)


async def test_keys_that_are_rejected_while_jobs_are_shown_open_no_dialog(deck_on, busy: LocalCloud) -> None:
    async with deck_on(busy) as pilot:
        busy.fault("ark:ListBatchInferenceJobs", status=403, code="AccessDenied", times=ALWAYS)
        await pilot.press("r")
        await until(pilot, lambda: deck(pilot).poll_status.refused)
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_who_leaves_the_login_is_not_asked_again_until_the_profile_is_opened_again(
    deck_on, prod, keyring: MemoryKeyring
) -> None:
    keyring.give("prod")
    async with asked(deck_on, settings=DeckSettings(refresh=0)) as pilot:
        await pilot.press("escape")
        before = len(prod.requests)
        await pilot.press("r")
        await until(pilot, lambda: len(prod.requests) > before and not deck(pilot).poll_status.asking)
        assert isinstance(pilot.app.screen, JobsScreen)
        deck(pilot).connect("prod")
        await until(pilot, lambda: isinstance(pilot.app.screen, LoginScreen))


# Where the keys go


async def test_keys_are_stored_in_the_keyring_and_the_jobs_appear(deck_on, prod, keyring: MemoryKeyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, *keys_of(prod))
        await pilot.press("enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        assert keyring.pair("prod") == keys_of(prod)
        assert "in the system keyring" in toasts(pilot)[0]
        assert deck(pilot).session_keys == {}


async def test_keys_can_be_used_until_the_deck_ends_and_are_stored_nowhere(
    deck_on, prod, keyring: MemoryKeyring, paths: Paths
) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, *keys_of(prod))
        field(pilot, "session-token").focus()
        await pilot.press("down", "right", "up", "enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        deck(pilot).connect("prod")
        await until(pilot, lambda: isinstance(deck(pilot).connection_state, Connected))
    assert keyring.entries == {}
    home = paths.config_file.parent
    kept = b"".join(file.read_bytes() for file in home.rglob("*") if file.is_file())
    assert keys_of(prod)[1].encode() not in kept


async def test_a_session_token_is_used_and_never_stored(deck_on, prod, keyring: MemoryKeyring) -> None:
    async with asked(deck_on) as pilot:
        paste(pilot, "session-token", f" {TOKEN}\n")
        await until(pilot, lambda: "expire, and are not stored" in screen_text(pilot))
        assert "✓ until arkdeck ends" in screen_text(pilot)
        await enter(pilot, ACCESS_KEY, SECRET_KEY)
        await pilot.press("enter")
        await until(pilot, lambda: "prod" in deck(pilot).session_keys)
        token = deck(pilot).session_keys["prod"].session_token
        assert token is not None
        assert token.reveal() == TOKEN
        assert keyring.entries == {}


async def test_without_a_keyring_the_cure_is_told_before_a_key_is_typed(deck_on, prod, no_keyring) -> None:
    async with asked(deck_on) as pilot:
        text = screen_text(pilot)
        assert field(pilot, "access-key").value == ""
        assert "dbus-run-session -- $SHELL" in text
        assert "VOLCENGINE_SECRET_KEY" in text
        assert "✓ until arkdeck ends" in text
        await enter(pilot, *keys_of(prod))
        await pilot.press("enter")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)


async def test_a_keyring_that_does_not_answer_holds_up_neither_typing_nor_leaving(
    deck_on, prod, keyring: MemoryKeyring
) -> None:
    async with asked(deck_on) as pilot:
        keyring.answers.clear()
        await enter(pilot, *keys_of(prod))
        await pilot.press("enter")
        await until(pilot, lambda: "storing…" in screen_text(pilot))
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        keyring.answers.set()
        await until(pilot, lambda: any("stored the key" in each for each in toasts(pilot)))


async def test_a_store_that_fails_leaves_what_was_typed_and_says_why(
    deck_on, prod, keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "set_password", lambda *_entry: None)
    async with asked(deck_on) as pilot:
        await enter(pilot, *keys_of(prod))
        await pilot.press("enter")
        await until(pilot, lambda: "did not keep what was stored" in screen_text(pilot))
        assert field(pilot, "secret-key").value == keys_of(prod)[1]


async def test_keys_of_the_shell_that_win_elsewhere_are_mentioned(deck_on, prod, keyring) -> None:
    environ = {"VOLC_ACCESSKEY": ACCESS_KEY, "VOLC_SECRETKEY": SECRET_KEY}
    async with asked(deck_on, environ=environ, size=(120, 36)) as pilot:
        assert "VOLC_ACCESSKEY is set: it wins wherever no profile is named" in screen_text(pilot)


# What is typed


async def test_pasted_keys_lose_the_blanks_and_line_breaks_around_them(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, f"\r\n  {ACCESS_KEY} \n", f"\t{SECRET_KEY}\n\n")
        assert field(pilot, "access-key").value == ACCESS_KEY
        assert field(pilot, "secret-key").value == SECRET_KEY


async def test_two_lines_are_no_key(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, f"{ACCESS_KEY}\n{SECRET_KEY}", "")
        assert field(pilot, "access-key").value == ""
        assert toasts(pilot) == ["that holds control characters"]


async def test_enter_goes_to_the_key_that_is_missing(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await pilot.press(*ACCESS_KEY, "enter")
        assert pilot.app.focused is field(pilot, "secret-key")


async def test_what_cannot_be_a_key_is_said_without_showing_it(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, ACCESS_KEY, "short")
        await pilot.press("enter")
        await until(pilot, lambda: "the secret key is not 8 to 128 characters long" in screen_text(pilot))
        assert "short" not in screen_text(pilot)
        assert keyring.entries == {}
        await pilot.press("x")
        assert "the secret key is not" not in screen_text(pilot)


async def test_keys_can_be_tested_before_they_are_kept(deck_on, prod, keyring: MemoryKeyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, *keys_of(prod))
        await pilot.click("#test")
        await until(pilot, lambda: "the keys work: 174 jobs in project default" in screen_text(pilot))
        await enter(pilot, "", "x")
        await pilot.click("#test")
        await until(pilot, lambda: "✗ ListBatchInferenceJobs failed" in screen_text(pilot))
        assert keyring.entries == {}


# The secret


async def test_a_secret_is_shown_as_stars_and_in_no_picture(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, ACCESS_KEY, SECRET_KEY)
        paste(pilot, "session-token", TOKEN)
        await until(pilot, lambda: "*" * len(TOKEN) in screen_text(pilot))
        picture = pilot.app.export_screenshot()
        for secret in (SECRET_KEY, TOKEN):
            assert secret not in screen_text(pilot)
            assert secret not in picture
            assert secret not in repr(pilot.app.screen) + "".join(map(repr, pilot.app.screen.query("*")))


@pytest.mark.parametrize("keys", [["ctrl+c"], ["ctrl+x"], ["ctrl+shift+a", "ctrl+c"], ["ctrl+insert"], ["super+c"]])
@pytest.mark.parametrize("secret", ["secret-key", "session-token"])
async def test_nothing_copies_a_secret(deck_on, prod, keyring, secret: str, keys: list[str]) -> None:
    async with asked(deck_on) as pilot:
        paste(pilot, secret, SECRET_KEY)
        await pilot.pause()
        field(pilot, secret).select_all()
        with written(pilot) as sent:
            await pilot.press(*keys)
        assert field(pilot, secret).value == SECRET_KEY
        assert pilot.app.clipboard == ""
        assert "\x1b]52" not in "".join(sent)
        assert SECRET_KEY not in "".join(sent)


async def test_the_mouse_selects_no_secret_either(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        paste(pilot, "secret-key", SECRET_KEY)
        await pilot.pause()
        await pilot.mouse_down("#title")
        await pilot.hover("#secret-key", offset=(10, 0))
        await pilot.mouse_up("#place")
        field(pilot, "access-key").focus()
        await pilot.press("ctrl+c")
        await pilot.click("#secret-key", times=2)
        await pilot.press("ctrl+c")
        assert "*" not in pilot.app.clipboard
        assert SECRET_KEY not in pilot.app.clipboard


async def test_the_access_key_can_be_copied(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        paste(pilot, "access-key", ACCESS_KEY)
        await pilot.pause()
        field(pilot, "access-key").select_all()
        await pilot.press("ctrl+c")
        assert pilot.app.clipboard == ACCESS_KEY


async def test_the_fields_hold_nothing_once_the_login_is_left(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, ACCESS_KEY, SECRET_KEY)
        held = [field(pilot, "access-key"), field(pilot, "secret-key")]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await until(pilot, lambda: [each.value for each in held] == ["", ""])


async def test_the_fields_hold_nothing_once_the_deck_ended(deck_on, prod, keyring) -> None:
    async with asked(deck_on) as pilot:
        await enter(pilot, ACCESS_KEY, SECRET_KEY)
        held = field(pilot, "secret-key")
    assert held.value == ""
