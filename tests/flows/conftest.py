"""Fixtures of the flows: a deck on a cloud of its own, and a file of requests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.deck import Deck, write_requests
from tui.localcloud import CloudInfo, LocalCloud


@pytest.fixture
def deck_on(tmp_path: Path) -> Callable[[CloudInfo], Deck]:
    """Make a deck for a cloud."""

    def make(info: CloudInfo) -> Deck:
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        return Deck(home, info)

    return make


@pytest.fixture
def deck(cloud: LocalCloud, deck_on: Callable[[CloudInfo], Deck]) -> Deck:
    """A deck on a cloud of its own, in an empty home."""
    return deck_on(cloud.info)


@pytest.fixture
def requests_file(tmp_path: Path) -> Path:
    """Forty good requests, in Chinese and English."""
    path = tmp_path / "requests.jsonl"
    write_requests(path, 40)
    return path
