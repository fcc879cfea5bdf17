"""Keys: what they do, why they do not, where they are shown; all of it by the registry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from textual import events
from textual.geometry import Region

import tui.screens
from tests.ui.pilot_tools import screen_lines, screen_text, toasts, until
from tui.actions import Action, Scope, in_scope
from tui.app import Deck
from tui.screens.confirm import ConfirmScreen
from tui.screens.deck_screen import DeckScreen
from tui.screens.help import HelpScreen
from tui.screens.picker import PickerScreen
from tui.widgets.key_bar import KeyBar
from tui.widgets.key_hints import KeyHint
from tui.widgets.key_panel import KeyPanel

HINTS = [KeyHint(f"some.{word}", word[0], word, able=True) for word in ("alpha", "beta", "gamma", "delta", "help")]


def screens() -> list[type[DeckScreen]]:
    """Every kind of screen that can be opened: the ones that nothing else derives from."""
    for module in pkgutil.iter_modules(tui.screens.__path__, "tui.screens."):
        importlib.import_module(module.name)
    return sorted(set(_leaves(DeckScreen)), key=lambda each: each.__name__)


def _leaves(kind: type[DeckScreen]) -> Iterator[type[DeckScreen]]:
    below = kind.__subclasses__()
    if not below:
        yield kind
    for each in below:
        yield from _leaves(each)


def called() -> list[tuple[type[DeckScreen], Action]]:
    return [(screen, action) for screen in screens() for action in in_scope(screen.SCOPE)]


def bar_text(pilot) -> str:
    return screen_lines(pilot)[-1].rstrip()


def hint(pilot, title: str) -> KeyHint:
    return next(each for each in pilot.app.screen.query_one(KeyBar)._hints if each.title == title)


# Doing


@pytest.mark.parametrize(("screen", "action"), called(), ids=lambda each: getattr(each, "id", None) or each.__name__)
def test_every_action_is_done_by_its_screen_or_the_app(screen: type[DeckScreen], action: Action) -> None:
    assert callable(getattr(screen, action.handler, None) or getattr(Deck, action.handler, None))


def test_the_jobs_screen_is_among_the_screens() -> None:
    assert Scope.JOBS in {screen.SCOPE for screen in screens()}


async def test_a_key_does_its_action(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        assert {view.job.phase for view in pilot.app.screen._views.values()} == {"Failed"}


async def test_a_key_that_cannot_act_says_why(deck_on, busy) -> None:
    async with deck_on(busy, read_only=True) as pilot:
        await pilot.press("S")
        assert toasts(pilot) == ["profile default is read only"]
        assert not isinstance(pilot.app.screen, ConfirmScreen)


async def test_without_a_job_the_reason_is_told(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("c")
        assert toasts(pilot) == ["no job is selected"]


async def test_a_dialog_takes_all_keys_for_itself(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("question_mark")
        await pilot.press("q", "S", "5")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert pilot.app.is_running


async def test_a_key_that_is_held_down_asks_once_and_changes_nothing(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        for key in ("S", "S", "S", "y"):
            pilot.app.simulate_key(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert len(pilot.app.screen_stack) == 2


# Other keys


async def test_the_operators_own_key_takes_the_place_of_the_registrys(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, keymap={"app.help": ("h", "f9")}) as pilot:
        await pilot.press("question_mark")
        assert not isinstance(pilot.app.screen, HelpScreen)
        await pilot.press("f9")
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_two_actions_with_swapped_keys_both_work(deck_on, busy) -> None:
    async with deck_on(busy, keymap={"jobs.tab_5": ("2",), "jobs.tab_2": ("5",)}) as pilot:
        await pilot.press("2")
        assert "phase:failed" in pilot.app.screen.situation.filter
        await pilot.press("5")
        assert "phase:running" in pilot.app.screen.situation.filter


async def test_the_key_bar_shows_the_operators_own_keys(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, keymap={"app.help": ("f9",)}) as pilot:
        assert bar_text(pilot).endswith("f9 help")


# The key bar


async def test_texts_name_the_operators_own_keys(deck_on, empty_cloud) -> None:
    keymap = {"job.create": ("f6",), "app.back": ("f7",), "create.file": ("f8",), "app.quit": ("Q",)}
    async with deck_on(empty_cloud, keymap=keymap) as pilot:
        assert "f6 makes one of a file of requests" in screen_text(pilot)
        await pilot.press("ctrl+c")
        assert toasts(pilot)[-1] == "press Q to leave arkdeck; the jobs go on"
        await pilot.press("f6")
        await until(pilot, lambda: "f7 back" in screen_text(pilot) and isinstance(pilot.app.screen, PickerScreen))
        await pilot.press("f7")
        await until(pilot, lambda: "f8 chooses the file" in screen_text(pilot))


async def test_the_help_key_is_on_the_screen_at_any_width(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        for width in (60, 80, 100, 200):
            await pilot.resize_terminal(width, 24)
            assert bar_text(pilot).endswith("? help")
            assert bar_text(pilot).startswith(" enter open  n new  d download")


async def test_a_key_is_grey_while_something_stands_in_its_way(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        assert (hint(pilot, "stop").able, hint(pilot, "delete").able) == (True, False)
        await pilot.press("3")
        assert (hint(pilot, "stop").able, hint(pilot, "delete").able) == (False, True)


async def test_keys_that_a_field_of_text_takes_are_grey_while_it_is_typed_in(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        assert hint(pilot, "sort").able
        await pilot.press("slash")
        assert not hint(pilot, "sort").able
        assert (hint(pilot, "command").able, hint(pilot, "command").key) == (True, "ctrl+p")
        await pilot.press("escape")
        assert (hint(pilot, "sort").able, hint(pilot, "command").key) == (True, ":")


async def test_a_click_on_a_key_is_the_key(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        column = bar_text(pilot).index("help")
        await pilot.click(KeyBar, offset=(column, 0))
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_a_click_beside_the_keys_does_nothing(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        await pilot.click(KeyBar, offset=(119, 0))
        assert len(pilot.app.screen_stack) == 1


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Region, ...]]:
    """The regions that the key bar asks to paint."""
    asked: list[tuple[Region, ...]] = []
    monkeypatch.setattr(KeyBar, "refresh", lambda self, *regions, **_options: asked.append(regions) or self)
    return asked


async def test_only_the_key_that_changed_is_painted_again(deck_on, empty_cloud, painted) -> None:
    async with deck_on(empty_cloud) as pilot:
        bar = pilot.app.screen.query_one(KeyBar)
        bar.show(HINTS)
        painted.clear()
        bar.show(HINTS)
        assert painted == []
        bar.show([HINTS[0], KeyHint("some.beta", "b", "beta", able=False), *HINTS[2:]])
        assert painted == [(Region(10, 0, 6, 1),)]  # " a alpha  b beta"


async def test_keys_that_change_together_are_painted_in_one_go(deck_on, empty_cloud, painted) -> None:
    async with deck_on(empty_cloud) as pilot:
        bar = pilot.app.screen.query_one(KeyBar)
        bar.show(HINTS)
        painted.clear()
        bar.show([*(KeyHint(hint.action_id, hint.key, hint.title, able=False) for hint in HINTS[:2]), *HINTS[2:]])
        assert painted == [(Region(1, 0, 15, 1),)]


async def test_what_does_not_fit_is_left_out_from_the_end(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud) as pilot:
        bar = pilot.app.screen.query_one(KeyBar)
        await pilot.resize_terminal(60, 24)
        bar.show([*HINTS[:3], KeyHint("some.wide", "w", "wide" * 8, able=True), HINTS[-1]])
        await pilot.pause()
        assert bar_text(pilot) == " a alpha  b beta  g gamma  h help"


# The key panel


async def test_the_panel_of_keys_comes_and_goes_and_leaves_the_key_bar_alone(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        bar = bar_text(pilot)
        await pilot.press("f1")
        assert "pgdn" in screen_text(pilot)
        assert bar_text(pilot) == bar
        await pilot.press("f1")
        assert not pilot.app.screen.query_one(KeyPanel).display
        for _press in range(3):  # faster than a widget comes and goes
            pilot.app.post_message(events.Key("f1", None))
        await until(pilot, lambda: pilot.app.screen.query_one(KeyPanel).display)


async def test_the_panel_follows_what_can_be_done(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("f1", "2")
        await until(pilot, lambda: pilot.app.screen.query(KeyPanel))

        def able() -> bool:
            lines = pilot.app.screen.query_one(KeyPanel)._lines
            return next(each.able for each in lines if isinstance(each, KeyHint) and each.action_id == "job.stop")

        assert able()
        await pilot.press("3")
        assert not able()


async def test_a_click_in_the_panel_is_the_key(deck_on, empty_cloud) -> None:
    async with deck_on(empty_cloud, size=(120, 60)) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: "help" in "".join(screen_lines(pilot)[:-1]))
        row = next(y for y, line in enumerate(screen_lines(pilot)[:-1]) if line.rstrip().endswith("help"))
        await pilot.click(KeyPanel, offset=(10, row))
        assert isinstance(pilot.app.screen, HelpScreen)


# Commands


async def test_the_list_is_copied_as_a_command(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        await pilot.app.screen.action_act("app.copy_command")
        assert pilot.app.clipboard == "arkdeck jobs --filter phase:failed"
