"""The help: everything that can be done here, found by typing, done by enter."""

from __future__ import annotations

from textual.widgets import Input

from tests.ui.pilot_tools import screen_lines, screen_text, toasts
from tui.actions import in_scope
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.jobs import JobsScreen
from tui.widgets.filter_line import FilterLine


def listed(pilot) -> list[str]:
    """The lines of the list, headings among them, without the search above and the details below."""
    lines = [line.rstrip(" ▁▂▃▄▅▆▇█") for line in screen_lines(pilot)]
    return [line for line in lines[3:-5] if line.strip()]


def line_of(pilot, title: str) -> str:
    return next(line for line in listed(pilot) if f" {title} " in line)


async def test_every_action_of_the_screen_is_listed_with_its_key(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, size=(120, 70)) as pilot:
        await pilot.press("question_mark")
        text = "\n".join(listed(pilot))
        for action in in_scope(JobsScreen.SCOPE):
            assert f" {action.title} " in text
        assert "S         Stop" in line_of(pilot, "Stop")
        assert ": ctrl+p  Command" in line_of(pilot, "Command")


async def test_headings_stand_over_their_groups(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, size=(120, 70)) as pilot:
        await pilot.press("question_mark")
        headings = [line.strip() for line in listed(pilot) if not line.startswith(" " * 14)]
        assert headings[:4] == ["Job", "List", "Move and mark", "arkdeck"]


async def test_typing_narrows_the_list(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("question_mark", *"mark range")
        assert [line.split() for line in listed(pilot)][1][:3] == ["v", "Mark", "range"]
        assert len(listed(pilot)) == 2


async def test_the_words_of_the_filter_are_listed_with_an_example(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, size=(120, 70)) as pilot:
        await pilot.press("question_mark")
        pilot.app.screen.query_one(Input).value = "until it expires"
        await pilot.pause()
        assert next(line.strip() for line in listed(pilot)) == "Words of the filter"
        assert "expires:<3h" in listed(pilot)[1]
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert pilot.app.screen.query_one(FilterLine).is_open


async def test_nothing_found_is_said(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("question_mark", *"zzz")
        assert "nothing like that can be done here" in screen_text(pilot)
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_what_cannot_be_done_tells_its_reason_in_place_of_its_help(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, read_only=True) as pilot:
        await pilot.press("question_mark")
        assert "profile default is read only" in line_of(pilot, "Stop")


async def test_enter_does_what_is_highlighted(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2", "question_mark", *"stop it", "enter")
        assert isinstance(pilot.app.screen, ConfirmScreen)


async def test_enter_on_what_cannot_be_done_says_why(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("3", "question_mark", *"stop it", "enter")
        assert toasts(pilot)[0].endswith(": already finished")


async def test_the_command_that_does_the_same_is_shown(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("5", "question_mark", *"shows the same")
        assert "$ arkdeck jobs --filter phase:failed" in screen_text(pilot)


async def test_arrows_move_in_the_list_while_the_search_keeps_its_text(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("question_mark", "down", "down", "down")
        assert "what is answered can be collected" in screen_text(pilot)


async def test_the_key_that_opened_the_help_closes_it(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        for key in ("question_mark", "escape", "f1"):
            await pilot.press("question_mark")
            assert isinstance(pilot.app.screen, HelpScreen)
            await pilot.press(key)
            assert isinstance(pilot.app.screen, JobsScreen)


async def test_the_operators_own_keys_are_the_ones_that_are_told(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, keymap={"job.stop": ("f7",)}) as pilot:
        await pilot.press("question_mark")
        assert "f7        Stop" in line_of(pilot, "Stop")
