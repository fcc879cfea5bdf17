"""How fast the deck opens results and pages through them, in what memory: `make bench`; beside a bare read of the rows.

    python -m tests.bench.results [--gigabytes N] [--folder DIR]

writes an input and results of N GiB each (2 by default, in requests of half a kilobyte: some four million), accounts
for them, and opens them on the real screen.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.reconcile import say, timed, write_job
from tests.ui.pilot_tools import environ_of
from tui.app import Deck
from tui.ark.models import Counts, Job, Phase
from tui.dataset.row_glance import RowReader
from tui.dataset.row_index import RowIndex
from tui.launch import Launch
from tui.localcloud import LocalCloud
from tui.runs.board import JobView
from tui.runs.collect import account_files
from tui.runs.folder import INDEX
from tui.runs.forecast import Forecast
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths

JOB = "bi-20261122100000-bench"
PAGES = 200
JUMPS = 200
SIZE = (160, 50)


async def account(folder, source, count, failed):
    job = Job(id=JOB, name="bench", phase=Phase.COMPLETED, counts=Counts(count, count, failed))
    async for _step in account_files(job, folder, source):
        pass


def anonymous_memory():
    """Return the MB that the process has for itself; pages of files that it looked at are the system's."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


async def until(condition):
    """Let the deck work until the condition holds."""
    while not condition():  # noqa: ASYNC110  # nobody tells
        await asyncio.sleep(0.001)  # a loop without rest would take the processor from the thread that reads


async def painted(screen):
    """Wait until every row in sight is read and on the screen."""
    table = screen.table
    await until(lambda: table.keys_in_sight and all(int(key) in screen._glances for key in table.keys_in_sight))
    await until(lambda: not (table._repaint_required or screen.message_queue_size or _unpainted(screen)))


def _unpainted(screen):
    return screen._layout_required or screen._repaint_required or screen._dirty_widgets


async def each(screen, act, times):
    """Return the milliseconds until what each call of `act` leads to is painted, median and p95, and of processor."""
    seconds, processor = [], time.process_time()
    for number in range(times):
        began = time.perf_counter()
        act(number)
        await painted(screen)
        seconds.append(1000 * (time.perf_counter() - began))
        await asyncio.sleep(0.01)
    used = 1000 * (time.process_time() - processor) / times
    return statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1], used


async def measure(home):
    from tui.screens.results import ResultsScreen

    with LocalCloud() as cloud:
        paths = Paths(home / "config.toml", home / "data", home / "state")
        deck = Deck(Launch(paths=paths, environ=environ_of(cloud.info), settings=DeckSettings(refresh=0)))
        async with deck.run_test(size=SIZE) as pilot:
            while deck.poll_status.answered is None:
                await pilot.pause(0.01)
            view = JobView(Job(id=JOB, name="bench", phase=Phase.COMPLETED), Forecast(), datetime.now(UTC))
            before = anonymous_memory()
            began = time.perf_counter()
            screen = ResultsScreen(view, deck.connection)
            await deck.push_screen(screen)
            await painted(screen)
            opened = 1000 * (time.perf_counter() - began)
            after = anonymous_memory()
            table, chance = screen.table, random.Random(7)
            last = int(table._shown.key(len(table._shown) - 1))
            pages = await each(screen, lambda _number: table.page_down(), PAGES)
            jumps = await each(screen, lambda _number: table.move_to(str(chance.randrange(last))), JUMPS)
            began = time.perf_counter()
            screen.do_results_tab(1)
            await until(lambda: len(table._shown) <= last)
            await painted(screen)
            narrowed = 1000 * (time.perf_counter() - began)
            figures = {"opened": opened, "pages": pages, "jumps": jumps, "narrowed": narrowed}
            return figures | {"memory": [after - before, anonymous_memory() - before]}


def bare(folder):
    """Return the milliseconds that a window of rows takes to be read and understood, without a screen."""
    with RowIndex(folder / INDEX) as index:
        reader, chance = RowReader(index), random.Random(7)
        starts = [chance.randrange(len(index) - SIZE[1]) for _ in range(JUMPS)]
        _, seconds = timed(lambda: [reader.glances(range(start, start + SIZE[1])) for start in starts])
    return 1000 * seconds / JUMPS


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=2)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        os.chdir(options.measure)
        figures = asyncio.run(measure(options.measure))
        say(json.dumps(figures | {"bare": bare(Path(JOB)), "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        home, folder = Path(name), Path(name, JOB)
        folder.mkdir()
        sources, count, failed, _missing = write_job(folder, int(options.gigabytes * 2**30), short=True)
        source = sources.input.rename(home / "input.jsonl")
        _, seconds = timed(lambda: asyncio.run(account(folder, source, count, failed)))
        size = sum(path.stat().st_size for path in sources.replies)
        say(f"results of {count:,} requests, {size / 2**30:.1f} GiB; accounted for in {seconds:.0f} s")
        words = [sys.executable, "-m", "tests.bench.results", "--measure", home]
        figures = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        say(f"open           {figures['opened']:6.0f} ms                    budget 300")
        for title, key in (("next page", "pages"), ("any place", "jumps")):
            median, p95, used = figures[key]
            taken = f"{median:6.1f} ms median, {p95:5.1f} p95, {used:4.1f} CPU"
            say(f"{title:14} {taken}   budget 33; {figures['bare']:.1f} bare")
        say(f"those failed   {figures['narrowed']:6.0f} ms")
        opened, paged = figures["memory"]
        say(f"memory         {opened:6.0f} MB more when open, {paged:.0f} MB after {PAGES + JUMPS} windows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
