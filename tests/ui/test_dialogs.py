"""The questions and menus: No by default, nothing by accident, and every text is data."""

from __future__ import annotations

import pytest
from textual import events

from tests.hostile import BY_THREAT, HARMFUL
from tests.ui.pilot_tools import screen_lines, screen_text, toasts, until
from tui.screens.confirm import ConfirmScreen
from tui.screens.menu import ChecklistScreen, Choice, MenuScreen

ORDERS = [
    Choice(id="name", label="name", key="n"),
    Choice(id="age", label="age", key="a", note="oldest first"),
    Choice(id="eta", label="time left", key="e", reason="no job runs"),
    Choice(id="id", label="id"),
]
COLUMNS = [Choice(id=name, label=name) for name in ("phase", "model", "age")]


@pytest.fixture
def answers() -> list[object]:
    return []


@pytest.fixture
async def deck(deck_on, empty_cloud):
    async with deck_on(empty_cloud, size=(80, 24)) as pilot:
        yield pilot


async def ask(pilot, answers: list[object], **texts) -> None:
    pilot.app.push_screen(ConfirmScreen("Stop 2 jobs?", **({"yes": "Stop"} | texts)), answers.append)
    await pilot.pause()


async def choose(pilot, answers: list[object], **options) -> None:
    pilot.app.push_screen(MenuScreen("Sort by", ORDERS, **options), answers.append)
    await pilot.pause()


async def tick(pilot, answers: list[object], *chosen: str) -> None:
    pilot.app.push_screen(ChecklistScreen("Columns", COLUMNS, chosen=chosen), answers.append)
    await pilot.pause()


# Asking


@pytest.mark.parametrize(
    ("keys", "answer"),
    [
        (["enter"], False),
        (["n"], False),
        (["escape"], False),
        (["y"], True),
        (["tab", "enter"], True),
        (["right", "enter"], True),
        (["right", "left", "enter"], False),
        (["down", "tab", "enter"], False),
    ],
)
async def test_only_a_clear_yes_goes_ahead(deck, answers, keys: list[str], answer: bool) -> None:
    await ask(deck, answers)
    await deck.press(*keys)
    assert answers == [answer]


async def test_any_other_key_says_nothing(deck, answers) -> None:
    await ask(deck, answers)
    await deck.press("S", "X", "Y", "space", "q", "j", "1", "question_mark")
    assert answers == []
    assert isinstance(deck.app.screen, ConfirmScreen)


async def test_keys_from_before_the_question_was_seen_do_not_go_ahead(deck, answers) -> None:
    deck.app.push_screen(ConfirmScreen("Stop 2 jobs?"), answers.append)
    for key in ("S", "y", "right", "enter", "y"):
        deck.app.simulate_key(key)
    await deck.pause()
    assert answers == []
    await deck.press("y")
    assert answers == [True]


async def test_keys_that_came_together_with_the_one_that_asks_do_not_go_ahead(deck_on, busy) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        for key in ("S", "right", "enter"):  # as one packet of a slow line brings them
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("n")
        await until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmScreen))
        assert "StopBatchInferenceJob" not in [record.operation for record in busy.requests]


async def test_a_click_answers(deck, answers) -> None:
    await ask(deck, answers)
    await deck.click("#yes")
    assert answers == [True]


async def test_a_click_beside_the_question_answers_nothing(deck, answers) -> None:
    await ask(deck, answers)
    await deck.click(offset=(0, 0))
    assert answers == []


async def test_what_is_touched_and_what_is_passed_over_is_listed(deck, answers) -> None:
    await ask(
        deck, answers, touches=["nightly", "weekly"], passes_over=[("old", "already finished")], consequence="Done."
    )
    text = screen_text(deck)
    for part in ("Stop 2 jobs?", "nightly", "weekly", "Passed over:", "old – already finished", "Done.", "y stop"):
        assert part in text


async def test_of_many_the_first_are_listed_and_the_rest_is_counted(deck, answers) -> None:
    await ask(deck, answers, touches=[f"job-{number:02}" for number in range(22)])
    text = screen_text(deck)
    assert "job-09" in text
    assert "job-10" not in text
    assert "and 12 more" in text


async def test_the_answers_stay_on_the_smallest_screen(deck, answers) -> None:
    await deck.resize_terminal(60, 16)
    many = [f"job-{number:02}" for number in range(40)]
    await ask(
        deck, answers, touches=many, passes_over=[(name, "already finished") for name in many], consequence="x " * 200
    )
    text = screen_text(deck)
    assert "No" in text
    assert "y stop" in text


# Choosing one


async def test_a_letter_chooses(deck, answers) -> None:
    await choose(deck, answers)
    await deck.press("a")
    assert answers == ["age"]


@pytest.mark.parametrize("keys", [["j", "j", "k", "enter"], ["down", "enter"], ["j", "j", "enter"]])
async def test_j_k_and_arrows_move_past_what_cannot_be_chosen(deck, answers, keys: list[str]) -> None:
    await choose(deck, answers)
    await deck.press(*keys)
    assert answers == [{"down": "age"}.get(keys[0], "age" if "k" in keys else "id")]


async def test_the_present_choice_is_marked_and_under_the_cursor(deck, answers) -> None:
    await choose(deck, answers, current="age")
    assert "✓ a age" in screen_text(deck)
    await deck.press("enter")
    assert answers == ["age"]


async def test_what_cannot_be_chosen_says_why_on_the_screen_and_on_its_key(deck, answers) -> None:
    await choose(deck, answers)
    assert "no job runs" in screen_text(deck)
    await deck.press("e")
    assert toasts(deck) == ["no job runs"]
    assert answers == []


async def test_a_menu_can_be_left(deck, answers) -> None:
    for key in ("escape", "q"):
        await choose(deck, answers)
        await deck.press(key)
    assert answers == [None, None]


# Choosing several


async def test_space_marks_and_enter_ends(deck, answers) -> None:
    await tick(deck, answers, "phase")
    await deck.press("j", "space", "j", "space", "space", "enter")
    assert answers == [frozenset({"phase", "model"})]


async def test_the_last_mark_can_be_taken_away(deck, answers) -> None:
    await tick(deck, answers, "phase")
    assert "✓ phase" in screen_text(deck)
    await deck.press("space")
    assert "✓ phase" not in screen_text(deck)
    await deck.press("enter")
    assert answers == [frozenset()]


async def test_leaving_a_checklist_changes_nothing(deck, answers) -> None:
    await tick(deck, answers, "phase")
    await deck.press("j", "space", "escape")
    assert answers == [None]


# Text from outside


async def test_names_in_dialogs_are_data(deck, answers) -> None:
    for threat, texts in BY_THREAT.items():
        reasons = [(text, text) for text in texts]
        await ask(deck, answers, touches=texts, passes_over=reasons, consequence=" ".join(texts)[:99])
        assert not HARMFUL & set("".join(screen_lines(deck))), threat
        await deck.press("n")
        choices = [Choice(id=str(n), label=text, note=text) for n, text in enumerate(texts)]
        deck.app.push_screen(MenuScreen(texts[0], choices), answers.append)
        await deck.pause()
        assert not HARMFUL & set("".join(screen_lines(deck))), threat
        await deck.press("escape")
    assert answers == [False, None] * len(BY_THREAT)
