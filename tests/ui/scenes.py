"""The deck as pictures show it: on a clock that stands still, with nothing in it that differs from time to time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from tests.ui.pilot_tools import HeldClock, environ_of, until
from tui.app import Deck
from tui.launch import Launch
from tui.screens.jobs import JobsScreen
from tui.settings.deck_settings import DeckSettings
from tui.widgets.preview import Preview

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.localcloud import CloudInfo
    from tui.settings.paths import Paths

NOW: Final = datetime(2026, 11, 22, 6, 2, 3, tzinfo=UTC)

_FONTS: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_BLANKS_FIRST: Final = re.compile(r'x="([0-9.]+)"( y="[0-9.]+") textLength="([0-9.]+)"([^>]*>)((?:&#160;)+)')
_REQUEST_ID: Final = re.compile(r"\b(?:20[0-9]{12}[0-9A-F]{18}|[0-9a-f]{32})\b")
_PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)[0-9]{5}")
_DIGEST: Final = re.compile(r"\bterminal-[0-9]+-")  # of the picture, in the names of its styles
_CELL: Final = 12.2  # width of a cell in the pictures that Rich draws


def typed(text: str) -> tuple[str, ...]:
    """Return the keys that type a text."""
    names = {" ": "space", ":": "colon", ">": "greater_than_sign", "/": "slash", "?": "question_mark"}
    return tuple(names.get(char, char) for char in text)


class PicturedDeck(Deck):
    """The deck, whose pictures are the same each time.

    They need no font from elsewhere and no viewer that keeps blanks at the start of a text; every request has the same
    id, and every cloud the same port.
    """

    def export_screenshot(self, **options: Any) -> str:
        svg = _FONTS.sub("", super().export_screenshot(**options))
        svg = _REQUEST_ID.sub(lambda found: f"{NOW:%Y%m%d%H%M%S}".ljust(len(found[0]), "0"), svg)
        svg = _PORT.sub("48001", svg)
        return _BLANKS_FIRST.sub(_without_blanks, _DIGEST.sub("terminal-", svg))


def _without_blanks(text: re.Match[str]) -> str:
    x, y, length, rest, blanks = text.groups()
    skipped = len(blanks) // len("&#160;") * _CELL
    return f'x="{round(float(x) + skipped, 1):g}"{y} textLength="{round(float(length) - skipped, 1):g}"{rest}'


def pictured(info: CloudInfo, paths: Paths, theme: str) -> PicturedDeck:
    """Return a deck on a cloud, at NOW, that polls only when asked to."""
    settings = DeckSettings(refresh=0)
    return PicturedDeck(
        Launch(paths=paths, environ=environ_of(info), settings=settings, theme=theme, clock=HeldClock(NOW))
    )


async def play(pilot: Pilot[Any], keys: Iterable[str] = ()) -> None:
    """Wait for the jobs, then press the keys, each when the preview shows the job that the one before led to."""
    deck = pilot.app
    assert isinstance(deck, Deck)
    await until(pilot, lambda: deck.poll_status.answered is not None and not deck.poll_status.asking)
    for key in keys:
        await until(pilot, lambda: _preview_follows(deck))
        await pilot.press(key)
    await until(pilot, lambda: _preview_follows(deck) and not deck.poll_status.asking)


def _preview_follows(deck: Deck) -> bool:
    """Whether the preview, if there is one, shows the job under the cursor."""
    jobs = deck.screen
    if not isinstance(jobs, JobsScreen):
        return True
    return jobs.query_one(Preview)._view is jobs._views.get(jobs.table.cursor_key or "")
