"""Keys that come in all at once, as on a slow line: each waits for what the one before it opens."""

from __future__ import annotations

from textual import events
from textual.keys import _character_to_key
from textual.widgets import Input

from tests.flows.deck import MODEL, write_requests
from tests.ui.pilot_tools import screen_text, until
from tui.screens.confirm import ConfirmScreen
from tui.screens.create import CreateScreen
from tui.screens.download import DownloadForm
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


async def test_a_file_and_a_model_are_given_without_a_look_at_the_screen(deck_on, cloud, home) -> None:
    write_requests(home / "good.jsonl", 5)
    async with deck_on(cloud) as pilot:
        send(pilot, f"n/good\r3\r{MODEL}\r")
        await until(pilot, lambda: pilot.app.creation is not None and pilot.app.creation.draft.model == MODEL)
        assert pilot.app.creation.draft.path == home / "good.jsonl"
        assert isinstance(pilot.app.screen, CreateScreen)


async def test_a_job_is_not_sent_before_its_review_is_there(deck_on, cloud, home) -> None:
    write_requests(home / "good.jsonl", 5)
    async with deck_on(cloud) as pilot:
        send(pilot, f"n/good\r3\r{MODEL}\r4S")
        await until(pilot, lambda: pilot.app.creation is not None and pilot.app.creation.review is not None)
        await until(pilot, lambda: not pilot.app.creation.review.awaited)
        assert not pilot.app.creation.sent
        assert not pilot.app.connection.transfers.all


async def test_keys_behind_the_download_begin_none_and_stop_no_job(deck_on, busy, home) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("3")
        send(pilot, "d\rS")
        await until(pilot, lambda: isinstance(pilot.app.screen, DownloadForm))
        await until(pilot, lambda: pilot.app.screen.query_one(Input).value.endswith("S"))
        assert not pilot.app.connection.transfers.all
