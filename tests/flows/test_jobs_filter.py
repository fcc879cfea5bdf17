"""`arkdeck jobs --filter` means the jobs that the same words mean in the deck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.deck import Deck
from tests.flows.past_jobs import ended, keep
from tui.clock import FrozenClock
from tui.localcloud import CloudInfo, LocalCloud


@pytest.fixture
def deck(cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], tmp_path: Path) -> Deck:
    """A deck on a cloud with four ended jobs and one that waits."""
    now = datetime.now(UTC)
    failed = {"phase": "Failed", "phase_time": now - timedelta(minutes=5), "created": now - timedelta(hours=1)}
    waiting = {"phase": "Queued", "created": now - timedelta(hours=23), "expires": now + timedelta(hours=1)}
    keep(
        tmp_path / "cloud",
        [
            ended(0, now, name="nightly eval"),
            ended(1, now, name="批量标注", tags=(("team", "search"),)),
            ended(2, now, name="nightly train"),
            ended(3, now, name="broken", **failed),
            ended(4, now, name="waiting", **waiting),
        ],
    )
    return deck_on(cloud_factory(clock=FrozenClock(now)).info)


def names(deck: Deck, *arguments: object) -> list[object]:
    called = deck("jobs", "--json", *arguments)
    assert called.code == 0, called.err
    return [job["name"] for job in called.events]


def test_words_of_the_deck_choose_the_jobs_that_are_listed(deck: Deck) -> None:
    assert names(deck, "--filter", 'name:"nightly e"') == ["nightly eval"]
    assert names(deck, "--filter", "phase:completed !nightly tag:team=search") == ["批量标注"]
    assert names(deck, "--filter", "age:<2d attention:yes") == ["broken", "waiting"]


def test_the_filter_comes_after_the_services_own_and_before_the_limit(deck: Deck) -> None:
    assert names(deck, "--name", "nightly", "--filter", "!eval") == ["nightly train"]
    assert names(deck, "--phase", "Completed", "--filter", "nightly", "--limit", 1) == ["nightly eval"]


def test_a_word_that_is_not_understood_is_told_before_anything_is_asked(deck: Deck) -> None:
    deck.environ["ARKDECK_ARK_ENDPOINT"] = "http://127.0.0.1:1"
    refused = deck("jobs", "--filter", "phase:runing")
    assert (refused.code, refused.out) == (2, "")
    assert "no phase runing – did you mean running?" in refused.err
