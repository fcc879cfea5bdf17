"""How long the picker takes for a folder of 50 000 files, on a pseudo-terminal, beside a bare look at all of them."""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.deck_table import say
from tests.bench.pseudo_terminal import PseudoTerminal

FILES = 50_000
ROUNDS = 7
KEYS = 60
DOWN, ENTER, UP_ONE, PATH = "\x1b[B", "\r", "h", "/"
TYPED = "part-31"

PICKER = """
import os, sys
from pathlib import Path
from tui.app import Deck
from tui.launch import Launch
from tui.screens.picker import PickerScreen
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths

home, start = map(Path, sys.argv[1:])

class Picking(Deck):
    def on_ready(self):
        self.push_screen(PickerScreen(print, start=start, title="Input of the job"))

paths = Paths(home / "config.toml", home / "data", home / "state")
Picking(Launch(paths=paths, environ={}, settings=DeckSettings(refresh=0))).run()
"""


def fill(folder):
    folder.mkdir()
    for number in range(FILES):
        (folder / f"part-{number:05}.jsonl").touch()


def bare(folder):
    """Return the seconds that it takes to ask for every file's size and time, and nothing else."""
    began = time.perf_counter()
    with os.scandir(folder) as found:
        for each in found:
            each.stat()
    return time.perf_counter() - began


def shown(terminal, key, pattern):
    """Press a key; return the seconds until text like `pattern` is painted."""
    began = time.perf_counter()
    terminal.send(key)
    terminal.until(pattern)
    return time.perf_counter() - began


def p95(seconds):
    return statistics.quantiles(seconds, n=20)[-1]


def main():
    with tempfile.TemporaryDirectory() as home:
        start = Path(home, "work")
        start.mkdir()
        fill(start / "many")
        with PseudoTerminal((sys.executable, "-c", PICKER, home, start)) as terminal:
            terminal.until("many/")
            terminal.settle(0.5)
            rounds = []
            for _ in range(ROUNDS):
                rounds.append((shown(terminal, ENTER, "part-00002"), bare(start / "many")))
                terminal.settle(0.5)
                terminal.send(UP_ONE)
                terminal.settle(0.5)
            listed, looked = map(statistics.median, zip(*rounds, strict=True))
            beside = f"bare scandir and stat {1000 * looked:,.0f} ms: {listed / looked:.1f} × it"
            say(f"picker listed {1000 * listed:6.0f} ms, {FILES:,} files; {beside}   < 400 ms")
            shown(terminal, ENTER, "part-00002")
            terminal.settle(0.5)
            seconds, sizes = zip(*(terminal.press(DOWN) for _ in range(KEYS)), strict=True)
            say(f"  cursor key {1000 * p95(seconds):7.1f} ms p95; {statistics.median(sizes):,.0f} B median   < 33 ms")
            terminal.send(PATH)
            terminal.settle(0.5)
            seconds = [terminal.press(letter)[0] for letter in TYPED]
            middle, most = 1000 * statistics.median(seconds), 1000 * max(seconds)
            say(f"  letter typed {middle:5.1f} ms median, {most:,.1f} ms at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
