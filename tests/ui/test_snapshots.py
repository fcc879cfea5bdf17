"""How the screens look, at three sizes and in three themes; `make snapshots` accepts what they look like now."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.ui import plays
from tests.ui.pilot_tools import HeldClock, screen_text, until
from tests.ui.result_files import USUAL, rows_read, write_results
from tests.ui.scenes import NOW, PicturedDeck, pictured, play, typed
from tui.launch import Launch
from tui.localcloud import LocalCloud
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.screens.picker import PickerScreen
from tui.screens.request import RequestScreen
from tui.screens.results import ResultsScreen
from tui.screens.retry_form import RetryForm
from tui.screens.welcome import WelcomeScreen
from tui.settings.deck_settings import DeckSettings
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


@pytest.fixture
def files(paths: Paths) -> Path:
    """A folder with inputs, some of which are odd."""
    folder = paths.config_file.parent / "batches"
    asked = [
        "Which of these two answers is better? Answer with A or B.",
        "把下面的段落翻译成英文:批量推理适合离线任务。",
    ]
    lines = [
        json.dumps({"custom_id": f"r-{n:04}", "body": {"messages": [{"role": "user", "content": asked[n % 2]}]}})
        for n in range(40)
    ]
    content = {
        "nightly-evaluation.jsonl": "\n".join(lines),
        "批量标注-11.jsonl": lines[0],
        "broken.jsonl": "{not json\n" + lines[1],
        f"{'a-long-name-' * 12}.jsonl": "",
        "notes.txt": "",
    }
    (folder / "results").mkdir(parents=True)
    for name, text in content.items():
        (folder / name).write_text(text)
    (folder / "gone.jsonl").symlink_to("nowhere")
    for number, each in enumerate([folder / "results", *(folder / name for name in content)]):
        os.utime(each, (moment := NOW.timestamp() - 10_000 * 3**number, moment))
    return folder


PICKERS = {
    "picker": ("j", "j", "j", "j"),
    "picker-typed": (*typed("/broken"),),
    "picker-folder": (*typed("/out"),),
}


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("picker", PICKERS)
def test_picker(
    picker: str, size: tuple[int, int], files: Path, paths: Paths, snap_compare: Callable[..., bool]
) -> None:
    async def pick(pilot: Pilot[int]) -> None:
        screen = PickerScreen(lambda _path: None, folders="folder" in picker, start=files, title="Input of the new job")
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.listing.complete)
        await pilot.press(*PICKERS[picker])
        await until(pilot, lambda: "folder" in picker or "request" in screen_text(pilot))

    launch = Launch(paths=paths, environ={}, theme=THEMES[0], settings=DeckSettings(refresh=0), clock=HeldClock(NOW))
    assert snap_compare(PicturedDeck(launch), terminal_size=size, run_before=pick)


MAKING = {
    "check": plays.make("broken.jsonl", "2"),
    "job": plays.make("nightly-evaluation.jsonl", "3"),
    "model": plays.make("nightly-evaluation.jsonl", "3", "enter", model=""),
    "review": plays.make("nightly-evaluation.jsonl", "4"),
}


@pytest.mark.parametrize("size", SIZES, ids=named)
@pytest.mark.parametrize("step", MAKING)
def test_making_a_job(
    step: str, size: tuple[int, int], busy: LocalCloud, paths: Paths, snap_compare: Callable[..., bool]
) -> None:
    run_before = partial(MAKING[step], cloud=busy, home=paths.config_file.parent)
    assert snap_compare(pictured(busy.info, paths, THEMES[0]), terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("size", SIZES, ids=named)
def test_transfers(size: tuple[int, int], busy: LocalCloud, paths: Paths, snap_compare: Callable[..., bool]) -> None:
    run_before = partial(plays.transfer, cloud=busy, home=paths.config_file.parent)
    assert snap_compare(pictured(busy.info, paths, THEMES[0]), terminal_size=size, run_before=run_before)


@pytest.mark.parametrize("keys", [("3", "d"), ("3", "space", "space", "space", "d")], ids=["one", "several"])
@pytest.mark.parametrize("size", SIZES, ids=named)
def test_download(
    size: tuple[int, int],
    keys: tuple[str, ...],
    busy: LocalCloud,
    paths: Paths,
    snap_compare: Callable[..., bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = paths.config_file.parent
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    run_before = partial(plays.download(*keys), cloud=busy, home=home)
    assert snap_compare(pictured(busy.info, paths, THEMES[0]), terminal_size=size, run_before=run_before)


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
    deck = PicturedDeck(Launch(paths=paths, environ={}, theme=THEMES[0]))

    async def greeted(pilot) -> None:
        await until(pilot, lambda: isinstance(pilot.app.screen, WelcomeScreen))

    assert snap_compare(deck, terminal_size=size, run_before=greeted)
