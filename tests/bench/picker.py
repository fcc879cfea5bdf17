"""How long the picker takes for a folder of 50 000 files, beside a bare look at all of them in the same run."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.deck_table import say, timed
from tui.app import Deck
from tui.launch import Launch
from tui.screens.picker import PickerScreen
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths

FILES = 50_000
KEYS = 60
ROUNDS = 5
TYPED = "part-31"


def fill(folder):
    for number in range(FILES):
        (folder / f"part-{number:05}.jsonl").touch()


def bare(folder):
    """Return the seconds that it takes to ask for every file's size and time, and nothing else."""
    began = time.perf_counter()
    with os.scandir(folder) as found:
        for each in found:
            each.stat()
    return time.perf_counter() - began


async def opened(pilot, folder):
    """Push the picker; return the seconds until it is painted, and until all files are."""
    began = time.perf_counter()
    screen = PickerScreen(lambda _path: None, start=folder, title="Input of the job")
    seen = asyncio.Event()
    await pilot.app.push_screen(screen)
    screen.call_after_refresh(seen.set)
    await seen.wait()
    painted = time.perf_counter() - began
    while not screen.listing.complete or len(screen.shown) < FILES:  # noqa: ASYNC110  # the picker tells nobody
        await asyncio.sleep(0.001)
    await pilot.pause()
    return painted, time.perf_counter() - began


def p95(seconds):
    return statistics.quantiles(seconds, n=20)[-1]


async def measure(home, folder):
    paths = Paths(home / "config.toml", home / "data", home / "state")
    deck = Deck(Launch(paths=paths, environ={}, settings=DeckSettings(refresh=0)))
    async with deck.run_test(size=(160, 45)) as pilot:
        rounds = []
        for _ in range(ROUNDS):
            rounds.append((*await opened(pilot, folder), bare(folder)))
            await pilot.press("escape")
        painted, listed, looked = map(statistics.median, zip(*rounds, strict=True))
        say(f"picker painted {1000 * painted:6.0f} ms")
        say(
            f"picker listed  {1000 * listed:6.0f} ms, {FILES:,} files   bare scandir {1000 * looked:6.0f} ms   < 400 ms"
        )
        await opened(pilot, folder)
        screen = pilot.app.screen

        async def move():
            screen.do_move_down()

        async def type_letter():
            screen.path_line.type_out(TYPED[: len(screen.path_line.text) + 1])

        moves = [await timed(pilot, move) for _ in range(KEYS)]
        say(f"cursor key p95 {1000 * p95(moves):6.1f} ms   < 33 ms")
        letters = [await timed(pilot, type_letter) for _ in TYPED]
        say(f"letter typed   {1000 * max(letters):6.1f} ms at most, {len(screen.shown):,} left")
    return 0


def main():
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        fill(Path(folder))
        return asyncio.run(measure(Path(home), Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
