"""How long the deck's table takes for 100 000 rows, beside Textual's DataTable with a tenth of them in the same run."""

import asyncio
import statistics
import sys
import time

from textual.app import App
from textual.content import Content
from textual.widgets import DataTable

from tui.settings.themes import load_themes
from tui.widgets.table import Column, VirtualTable
from tui.widgets.theming import textual_theme

ROWS = 100_000
PEER_ROWS = 10_000  # with 100 000 it blocks for more than ten seconds
MOVES = 100
COLUMNS = [
    Column(name, name.upper(), 10, grow=1) for name in ("name", "phase", "progress", "failed", "model", "age", "eta")
]


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Bare(App):
    """An app without a widget."""

    def __init__(self):
        super().__init__()
        theme = textual_theme(load_themes().by_name["arkdeck-dark"])
        self.register_theme(theme)
        self.theme = theme.name


def cells(key, widths):
    return [Content(f"{key} {column}") for column in widths]


async def timed(pilot, act):
    """Return the seconds until what `act` changed is painted."""
    began = time.perf_counter()
    await act()
    await pilot.pause()
    return time.perf_counter() - began


async def measure_ours(pilot):
    keys = [f"job-{number}" for number in range(ROWS)]
    table = VirtualTable(COLUMNS, cells, empty=Content("empty"))

    async def mount():
        await pilot.app.mount(table)
        table.show(keys)

    async def sort():
        table.show(sorted(keys, reverse=True))

    async def narrow():
        table.show([key for key in keys if "7" in key])

    async def move():
        table.down()

    return await figures(pilot, mount, sort, narrow, move)


async def measure_peer(pilot):
    keys = [f"job-{number}" for number in range(PEER_ROWS)]
    table = DataTable(cursor_type="row")
    widths = dict.fromkeys((column.id for column in COLUMNS), 20)

    async def mount():
        await pilot.app.mount(table)
        table.add_columns(*(column.title for column in COLUMNS))
        table.add_rows([str(cell) for cell in cells(key, widths)] for key in keys)

    async def sort():
        table.sort(reverse=True)

    async def narrow():
        table.clear()
        table.add_rows([str(cell) for cell in cells(key, widths)] for key in keys if "7" in key)

    async def move():
        table.action_cursor_down()

    return await figures(pilot, mount, sort, narrow, move)


async def figures(pilot, mount, sort, narrow, move):
    mounted, ordered = await timed(pilot, mount), await timed(pilot, sort)
    moves = [await timed(pilot, move) for _ in range(MOVES)]
    return mounted, ordered, await timed(pilot, narrow), statistics.quantiles(moves, n=20)[-1]


async def run(measure):
    async with Bare().run_test(size=(160, 45)) as pilot:
        return await measure(pilot)


def main():
    ours, peer = asyncio.run(run(measure_ours)), asyncio.run(run(measure_peer))
    labels = ("mount", "sort", "filter", "move p95")
    for label, mine, theirs in zip(labels, ours, peer, strict=True):
        say(
            f"table {label:9}{1000 * mine:6.0f} ms, {ROWS:,} rows   "
            f"DataTable {1000 * theirs:6,.0f} ms, {PEER_ROWS:,} rows   {mine / theirs:5.2f} × it"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
