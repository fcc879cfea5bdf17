"""Keys that come in all at once, as on a slow line: each waits for what the one before it opens."""

from __future__ import annotations

from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input

from tests.ui.pilot_tools import screen_text, until
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.menu import MenuScreen
from tui.screens.palette import Palette
from tui.widgets.filter_line import FilterLine


def send(pilot, keys: str) -> None:
    """Have all keys arrive before the deck has looked at the first."""
    for character in keys:
        key = {"\r": "enter", "\x1b": "escape"}.get(character, _character_to_key(character))
        pilot.app.post_message(events.Key(key, character))


def filter_line(pilot) -> FilterLine:
    return pilot.app.screen_stack[0].query_one(FilterLine)


async def test_what_is_typed_behind_the_slash_lands_in_the_filter(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        send(pilot, "/trans")
        await until(pilot, lambda: filter_line(pilot).filter.text == "trans")
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_letters_of_commands_behind_the_slash_command_nothing(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        send(pilot, "/Xy")
        await until(pilot, lambda: filter_line(pilot).filter.text == "Xy")
        assert len(pilot.app.screen_stack) == 1
        assert not [each for each in busy.requests if each.operation == "DeleteBatchInferenceJob"]


async def test_a_filter_and_the_command_behind_it_keep_their_order(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        send(pilot, "/phase:failed\r5s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
        assert filter_line(pilot).filter.text == "phase:failed"


async def test_what_is_typed_behind_the_colon_lands_in_the_palette(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        send(pilot, ":stop")
        await until(pilot, lambda: isinstance(pilot.app.screen, Palette))
        await until(pilot, lambda: pilot.app.screen.query_one(Input).value == "stop")


async def test_what_is_typed_behind_the_question_mark_lands_in_the_help(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        send(pilot, "?mark range")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, lambda: pilot.app.screen.query_one(Input).value == "mark range")


async def test_keys_behind_a_deed_do_not_answer_its_question_and_command_nothing(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        send(pilot, "Xyr")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "Delete" in screen_text(pilot)
        assert not [each for each in busy.requests if each.operation == "DeleteBatchInferenceJob"]


async def test_keys_behind_enter_belong_to_the_job_that_it_opens(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        send(pilot, "\r\x1bs")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
        assert not any(isinstance(each, JobScreen) for each in pilot.app.screen_stack)
