"""How the screens look, at three sizes and in three themes; `make snapshots` accepts what they look like now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui.pilot_tools import screen_text, until
from tests.ui.result_files import USUAL, rows_read, write_results
from tests.ui.scenes import NOW, pictured, play, typed
from tui.localcloud import LocalCloud
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.screens.request import RequestScreen
from tui.screens.results import ResultsScreen
from tui.screens.retry_form import RetryForm
from tui.settings.paths import Paths

SIZES = [(80, 24), (120, 36), (160, 50)]
THEMES = ["arkdeck-dark", "arkdeck-light", "ansi-dark"]


@pytest.fixture(autouse=True)
def _at_home(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths are shown from the operator's home."""
    monkeypatch.setenv("HOME", str(paths.config_file.parent))


SCREENS = {
    "jobs": (),
    "job": ("2", "enter"),
}
OTHER_SCREENS = {
    "jobs-filtered": (*typed("/phase:failed"), "enter"),
    "jobs-none-match": (*typed("/nothing like it"), "enter"),
    "jobs-marked-and-stopped": ("2", "space", "space", "space", "S"),
    "job-json": ("2", "y"),
    "job-form": ("2", "U"),
    "columns": ("C",),
    "help": ("question_mark",),
    "palette": ("colon",),
    "profiles": ("P",),
}


RESULTS = {
    "all": (),
    "failed": ("1",),
    "errors": ("e",),
    "request": ("G", "up", "up", "up", "up", "up", "up", "enter"),
    "retry": ("R",),
}


def named(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("screen", SCREENS)
def test_screen(
    screen: str,
    size: tuple[int, int],
    theme: str,
    busy: LocalCloud,
    paths: Paths,
    snap_compare: Callable[..., bool],
) -> None:
    deck = pictured(busy.info, paths, theme)
    assert snap_compare(deck, terminal_size=size, run_before=partial(play, keys=SCREENS[screen]))


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("screen", OTHER_SCREENS)
def test_other_screen(
    screen: str, size: tuple[int, int], busy: LocalCloud, paths: Paths, snap_compare: Callable[..., bool]
) -> None:
    deck = pictured(busy.info, paths, THEMES[0])
    assert snap_compare(deck, terminal_size=size, run_before=partial(play, keys=OTHER_SCREENS[screen]))


@pytest.mark.parametrize("theme", THEMES[:2])
@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("screen", RESULTS)
def test_results(
    screen: str,
    size: tuple[int, int],
    theme: str,
    empty_cloud: LocalCloud,
    paths: Paths,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    snap_compare: Callable[..., bool],
) -> None:
    monkeypatch.setenv("HOME", str(home))
    deck = pictured(empty_cloud.info, paths, theme)
    assert snap_compare(deck, terminal_size=size, run_before=partial(play_results, home=home, keys=RESULTS[screen]))


async def play_results(pilot: Pilot[Any], home: Path, keys: Sequence[str]) -> None:
    """Show the results of a job, then press the keys."""
    await play(pilot)
    job = await write_results(home, USUAL)
    pilot.app.push_screen(ResultsScreen(JobView(job, Forecast(), NOW), pilot.app.connection))
    await until(pilot, lambda: rows_read(pilot))
    for key in keys:
        await pilot.press(key)
        await until(pilot, lambda: not isinstance(pilot.app.screen, RequestScreen) or pilot.app.screen._whole)
    await until(pilot, lambda: not isinstance(pilot.app.screen, RetryForm) or "left: " in screen_text(pilot))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=named)
def test_no_jobs_yet(
    size: tuple[int, int], empty_cloud: LocalCloud, paths: Paths, snap_compare: Callable[..., bool]
) -> None:
    assert snap_compare(pictured(empty_cloud.info, paths, THEMES[0]), terminal_size=size, run_before=play)


@pytest.mark.parametrize("size", SIZES, ids=named)
def test_no_profile_yet(size: tuple[int, int], tmp_path: Path, paths: Paths, snap_compare: Callable[..., bool]) -> None:
    from tests.ui.scenes import PicturedDeck
    from tui.launch import Launch

    deck = PicturedDeck(Launch(paths=paths, environ={}, theme=THEMES[0]))
    assert snap_compare(deck, terminal_size=size)
