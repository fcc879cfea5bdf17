"""What keeps the deck light: the first paint waits for little, and what opens over the list repaints it once."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, painted, screen_text, toasts, until
from tui.app import Deck
from tui.launch import Launch
from tui.localcloud import LocalCloud
from tui.settings import themes
from tui.settings.paths import Paths
from tui.settings.themes import Theme, load_theme, load_themes
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar


async def test_of_the_themes_the_first_paint_waits_for_the_one_that_is_worn(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def load(file: Path) -> Theme:
        read.append(file.stem)
        return load_theme(file)

    monkeypatch.setattr(themes, "load_theme", load)
    paths.themes_folder.mkdir(parents=True)
    (paths.themes_folder / "broken.toml").write_text("dark = 1", "utf-8")
    app = Deck(Launch(paths, {}, theme="ember"))
    assert (app.theme, app.current_theme.name, read) == ("ember", "ember", ["ember"])
    async with app.run_test() as pilot:
        names = await app.theme_names()
        assert {"ember", "rice-paper"} < set(names) == set(read) - {"broken"}
        await until(pilot, lambda: any("broken.toml" in toast for toast in toasts(pilot)))


async def test_the_deck_begins_in_its_theme_and_reads_its_style_sheets_once(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: list[bool] = []
    monkeypatch.setattr(Deck, "refresh_css", lambda _self, animate=True: again.append(animate))
    app = Deck(Launch(paths, {}, theme="rice-paper"))
    async with app.run_test():
        assert app.screen.styles.background.hex.lower() == load_themes().by_name["rice-paper"].background
        assert app.has_class("-light-mode")
    assert again == []


async def test_the_first_frame_has_the_columns_of_the_list(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    frames: list[str] = []

    def display(self: Deck, screen: object, renderable: object) -> None:
        if isinstance(renderable, CompositorUpdate):
            frames.append(renderable.render_segments(self.console))

    monkeypatch.setattr(Deck, "_display", display)
    async with Deck(Launch(paths, {})).run_test():
        assert "NAME" in frames[0]


async def test_what_opens_closes_or_changes_the_colours_is_painted_when_it_is_complete(
    deck_on: DeckOn, busy: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[Screen[Any]] = []
    monkeypatch.setattr(Deck, "delay_update", lambda self: waits.append(self.screen))
    async with deck_on(busy) as pilot:
        jobs = pilot.app.screen
        assert waits == []
        await pilot.press("s")
        menu = pilot.app.screen
        await pilot.press("escape")
        assert waits == [menu, jobs]
        pilot.app.theme = "ember"
        assert waits == [menu, jobs, jobs]


async def test_the_cursor_and_what_can_be_done_to_its_job_are_painted_together(
    deck_on: DeckOn, busy: LocalCloud
) -> None:
    async with deck_on(busy, size=(120, 36)) as pilot:
        jobs = [view.job for view in pilot.app.screen._views.values()]
        finished = next(one for one, after in pairwise(jobs) if one.phase.finished and not after.phase.finished)
        pilot.app.screen.query_one(VirtualTable).move_to(finished.id)
        await pilot.pause()
        with painted(pilot) as sent:
            await pilot.press("j")
        rows = [{int(row) for row in re.findall(r"\x1b\[([0-9]+);[0-9]+H", update)} for update in sent]
        assert {36} < rows[0]  # the key bar, and rows of the list
        assert all(36 not in later for later in rows[1:])


async def test_beneath_a_dialog_nothing_is_painted_until_it_closes(
    deck_on: DeckOn, busy: LocalCloud, clock: HeldClock
) -> None:
    async with deck_on(busy) as pilot:
        jobs = pilot.app.screen
        await pilot.press("s")
        assert pilot.app.screen.styles.background.a < 1
        assert not jobs.is_current
        clock.advance(7200)
        jobs.query_one(TopBar).tick()
        await pilot.press("escape")
        await until(pilot, lambda: jobs.is_current and "2h00m ago" in screen_text(pilot))


def test_what_opens_later_is_imported_later() -> None:
    """Of the screens the list and the cover of a window that is too small are there from the start."""
    script = "import sys, tui.app; print(*sorted(name for name in sys.modules if name.startswith('tui.screens.')))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    dialogs = {"confirm", "form", "help", "job", "job_form", "login", "menu", "palette", "profiles", "text_screen"}
    assert not {f"tui.screens.{name}" for name in dialogs} & set(ended.stdout.split())
