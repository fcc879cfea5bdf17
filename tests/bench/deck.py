"""How light the deck is on a terminal: `make bench`; through a pseudo-terminal, beside bare Textual apps."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.pseudo_terminal import PseudoTerminal

ROUNDS = 15
KEYS = 120
DOWN, ESCAPE = "\x1b[B", "\x1b"
PAUSE, COMPLETED_TAB, SORT_MENU = ".", "3", "s"
WATCHED_SECONDS = 15.0
KEY_EVERY_SECONDS = 0.02
LOADED = "(manual|[0-9]+s).*ago"
DECK = (Path(sys.executable).with_name("arkdeck"), "--local")
HUGE = (*DECK, "--scene", "huge")

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
BARE = (sys.executable, "-c", BARE_TABLE)


def say(what, measured, budget):
    sys.stdout.write(f"{what:13} {measured:78} {budget}\n")
    sys.stdout.flush()


def first_paints(home):
    """Return the medians of the seconds until the deck's list and a bare table are painted, started in turn."""

    def once(words):
        with PseudoTerminal(words, environ={"HOME": home}) as terminal:
            return terminal.until("NAME")

    pairs = [(once(DECK), once((*BARE, "0"))) for _ in range(ROUNDS + 1)]
    return [
        statistics.median(seconds) for seconds in zip(*pairs[1:], strict=True)
    ]  # the first compiles and reads from disk


def keys(terminal):
    """Press the cursor key, past the end of the window too, and describe the answers."""
    answers = [terminal.press(DOWN) for _ in range(KEYS)]
    seconds = sorted(answer[0] for answer in answers)
    sizes = [answer[1] for answer in answers]
    p95, mean = seconds[int(0.95 * KEYS)], statistics.mean(sizes)
    return f"{1000 * p95:5.1f} ms p95; {statistics.median(sizes):,.0f} B median, {mean:,.0f} mean, {max(sizes):,} most"


def watched(terminal):
    """Return the bytes a second that come by themselves, and the share of a processor that is used for them."""
    cpu = terminal.cpu_seconds()
    written = len(terminal.collect(WATCHED_SECONDS))
    return f"{written / WATCHED_SECONDS:7,.0f} B/s, {100 * (terminal.cpu_seconds() - cpu) / WATCHED_SECONDS:4.1f} % CPU"


def longest_silence(terminal):
    """Hold the cursor key from the first page on until all jobs are there; return the longest wait for an answer."""
    terminal.until("loading [0-9,]+ of")
    last, longest, written = time.perf_counter(), 0.0, b""
    while not terminal.shows(LOADED, written):
        terminal.send(DOWN)
        if more := terminal.read(KEY_EVERY_SECONDS):
            now = time.perf_counter()
            longest, last = max(longest, now - last), now
            written += more
            time.sleep(KEY_EVERY_SECONDS / 2)
    return longest


def main():
    with tempfile.TemporaryDirectory() as home:
        ours, bare = first_paints(home)
        ratio = f"{1000 * ours:,.0f} ms; bare app, empty table {1000 * bare:,.0f} ms: {ours / bare:.2f} × it"
        say("first paint", ratio, "≤ 1.6 ×")

        with PseudoTerminal((*BARE, "10000"), environ={"HOME": home}) as terminal:
            terminal.until("NAME")
            terminal.settle(1.0)
            say("  DataTable", f"{keys(terminal)}; 10 000 rows, 160×45", "")
        with PseudoTerminal(HUGE, environ={"HOME": home}) as terminal:
            say(
                "loading",
                f"{1000 * longest_silence(terminal):5.1f} ms until a key is answered while jobs are read, at most",
                "< 50 ms",
            )
            terminal.settle(0.5)
            terminal.send(PAUSE)  # what is measured is the key alone
            terminal.settle(0.5)
            say("cursor key", f"{keys(terminal)}; 8 638 jobs, 160×45", "≤ 33 ms, ≤ 2 KB")
            for name, key in (("menu opened", SORT_MENU), ("menu closed", ESCAPE)):
                terminal.send(key)
                say(name, f"{len(terminal.settle(0.5)):,} B", "")
            say("paused", watched(terminal), "0 B/s")
            terminal.send(PAUSE)
            terminal.settle(0.5)
            say("polling", f"{watched(terminal)}; jobs run", "")
            terminal.send(COMPLETED_TAB)
            terminal.settle(0.5)
            say("polling", f"{watched(terminal)}; what is listed stays as it is", "≤ 1 KB/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
