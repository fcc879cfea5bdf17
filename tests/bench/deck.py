"""How light the deck is on a terminal: `make bench`; through a pseudo-terminal, beside a bare Textual app."""

import statistics
import sys
import tempfile
from pathlib import Path

from tests.bench.pseudo_terminal import PseudoTerminal

ROUNDS = 7
KEYS = 60
DOWN, UP = "\x1b[B", "\x1b[A"
WATCHED_SECONDS = 30.0
DECK = (sys.executable, "-m", "tui")

BARE_TABLE = """
import sys
from textual.app import App
from textual.widgets import DataTable

class Bare(App):
    CSS = "DataTable { height: 1fr; }"
    def compose(self):
        yield DataTable(cursor_type="row")
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns(*(f"{name:<16}" for name in ("NAME", "PHASE", "PROGRESS", "FAIL", "MODEL", "AGE", "ETA")))
        for number in range(int(sys.argv[1])):
            table.add_row(f"job {number}", "Running", "55 %", "12", "doubao-pro-32k", "2h05m", "48m")

Bare().run()
"""


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def first_paint(words, home):
    def once():
        with PseudoTerminal(words, environ={"HOME": home}) as terminal:
            return terminal.until("NAME")

    return statistics.median(once() for _ in range(ROUNDS))


def keys(terminal):
    """Press cursor keys and return the 95th percentile of the seconds, and the median and largest bytes of an answer."""
    answers = [terminal.press(UP if number % 4 == 3 else DOWN) for number in range(KEYS)]
    seconds = sorted(answer[0] for answer in answers)
    sizes = sorted(answer[1] for answer in answers)
    return seconds[int(0.95 * len(seconds))], statistics.median(sizes), sizes[-1]


def main():
    with tempfile.TemporaryDirectory() as home:
        bare_words = (sys.executable, "-c", BARE_TABLE)
        ours, bare = first_paint((*DECK, "--local"), home), first_paint((*bare_words, "0"), home)
        say(
            f"first paint  {1000 * ours:5,.0f} ms    bare app, empty table {1000 * bare:5,.0f} ms   {ours / bare:4.2f} × it"
        )

        with PseudoTerminal((*bare_words, "10000"), environ={"HOME": home}) as terminal:
            terminal.until("NAME")
            terminal.settle(1.0)
            bare_seconds, bare_median, bare_most = keys(terminal)
        with PseudoTerminal((*DECK, "--local", "--scene", "huge"), environ={"HOME": home}) as terminal:
            terminal.until("manual|[0-9]s ago")
            terminal.settle(0.9)
            terminal.send(".")  # pause: what is measured is the key alone
            terminal.settle(1.5)
            seconds, median, most = keys(terminal)
            paused = len(terminal.collect(WATCHED_SECONDS))
            terminal.send(".")
            terminal.settle(0.5)
            polled = len(terminal.collect(WATCHED_SECONDS))
        say(f"cursor key   {1000 * seconds:5.1f} ms p95, {median:,.0f} B, at most {most:,} B; 10 000 jobs, 160×45")
        say(
            f"  DataTable  {1000 * bare_seconds:5.1f} ms p95, {bare_median:,.0f} B, at most {bare_most:,} B; 10 000 rows"
        )
        say(
            f"polling      {polled / WATCHED_SECONDS:5,.0f} B/s while jobs run; paused {paused / WATCHED_SECONDS:,.0f} B/s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
