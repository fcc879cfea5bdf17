"""The dialog for one value: typed, completed from what there is, refused where it is wrong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.widgets import Input

from tests.ui.pilot_tools import screen_text, until
from tui.errors import ServiceError
from tui.screens.field import Candidate, Completion, FieldScreen
from tui.widgets.choices import Choices

MODELS = {"": ["fast@", "slow@", "slow-but-good@"], "slow@": ["slow@1", "slow@2"], "best@": ["best@7"]}
HOSTILE = "[red]x[/] [@click=app.quit]q[/]\x1b]0;x\x07"


@pytest.fixture
def returned() -> list[str | None]:
    return []


@pytest.fixture
async def deck(deck_on, empty_cloud):
    async with deck_on(empty_cloud, size=(80, 24)) as pilot:
        yield pilot


async def ask(pilot, returned: list[str | None], value: str = "", completion: Completion | None = None) -> None:
    dialog = FieldScreen(
        "Model", value, check=lambda text: None if text else "no model is chosen", completion=completion
    )
    pilot.app.push_screen(dialog, returned.append)
    await pilot.pause()


async def under(stem: str) -> Sequence[Candidate]:
    return [Candidate(text, more=text.endswith("@")) for text in MODELS.get(stem, [])]


LISTED = Completion(under, lambda text: text[: text.rfind("@") + 1])


def listed(pilot) -> list[str]:
    return [str(option.prompt).strip() for option in pilot.app.screen.query_one(Choices).options]


def typed(pilot) -> str:
    return pilot.app.screen.query_one(Input).value


async def test_a_value_is_typed_freely(deck, returned) -> None:
    await ask(deck, returned, "old")
    await deck.press("-", "2", "enter")
    assert returned == ["old-2"]


async def test_a_part_that_fits_one_alone_means_that_one_and_tab_offers_its_versions(deck, returned) -> None:
    async def with_primary_versions(stem: str) -> Sequence[Candidate]:
        return (
            [Candidate("best@7")]
            if stem
            else [Candidate("a-first", closer="a-first@"), Candidate("best", closer="best@")]
        )

    completion = Completion(with_primary_versions, lambda text: text[: text.rfind("@") + 1])
    await ask(deck, returned, completion=completion)
    await until(deck, lambda: listed(deck))
    await deck.press("b", "e", "s", "enter")
    assert returned == ["best"]
    await ask(deck, returned, completion=completion)
    await until(deck, lambda: listed(deck))
    await deck.press("b", "e", "s", "t", "tab")
    await until(deck, lambda: listed(deck) == ["best@7"])
    await deck.press("down", "enter")
    assert returned == ["best", "best@7"]


async def test_escape_leaves_the_value_as_it_was(deck, returned) -> None:
    await ask(deck, returned, "old")
    await deck.press("x", "escape")
    assert returned == [None]


async def test_a_wrong_value_says_why_and_stays(deck, returned) -> None:
    await ask(deck, returned, "")
    await deck.press("enter")
    assert "no model is chosen" in screen_text(deck)
    await deck.press("m")
    assert "no model is chosen" not in screen_text(deck)
    await deck.press("enter")
    assert returned == ["m"]


async def test_what_is_typed_narrows_what_is_listed(deck, returned) -> None:
    await ask(deck, returned, "", LISTED)
    await until(deck, lambda: listed(deck) == MODELS[""])
    await deck.press(*"low")
    assert listed(deck) == ["slow@", "slow-but-good@"]


async def test_a_candidate_leads_on_to_others_and_the_last_one_is_taken(deck, returned) -> None:
    await ask(deck, returned, "", LISTED)
    await until(deck, lambda: listed(deck))
    await deck.press("s", "down", "enter")
    assert typed(deck) == "fast@"  # the first that has an s
    await deck.press("backspace", "backspace", "backspace", "backspace", "backspace", "s", "l", "o", "w", "tab")
    assert typed(deck) == "slow@"
    await until(deck, lambda: listed(deck) == MODELS["slow@"])
    await deck.press("up", "enter")
    assert returned == ["slow@2"]


async def test_what_cannot_be_listed_can_still_be_typed(deck, returned) -> None:
    async def fails(_stem: str) -> Sequence[Candidate]:
        raise ServiceError("nobody answers")

    await ask(deck, returned, "", Completion(fails))
    await until(deck, lambda: "cannot list them: nobody answers" in screen_text(deck))
    await deck.press("m", "enter")
    assert returned == ["m"]


async def test_texts_from_outside_are_shown_as_they_are(deck, returned) -> None:
    async def hostile(_stem: str) -> Sequence[Candidate]:
        return [Candidate(HOSTILE, HOSTILE)]

    await ask(deck, returned, "", Completion(hostile))
    await until(deck, lambda: listed(deck))
    assert "[red]x[/]" in screen_text(deck)
    assert "\x1b" not in screen_text(deck)
