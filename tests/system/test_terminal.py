"""The deck in a real terminal: it opens, obeys, goes away when told to, and leaves everything as it was."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.terminal import PYTHON, ROOT, Terminal, alive, children, until

pytestmark = pytest.mark.system

LOCAL = [*PYTHON, "--local"]
BUSY = [*LOCAL, "--scene", "busy"]
CRASHING = [PYTHON[0], str(Path(__file__).with_name("crashing_deck.py")), "--local"]
EMPTY = "no jobs yet"
FULL = 4000  # bytes that a pseudo-terminal keeps for its reader, or some more


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path)
    yield window
    window.close()


def test_the_busy_scene_fills_the_list_and_keys_move_in_it(terminal: Terminal) -> None:
    terminal.run(*BUSY)
    before = terminal.until("local cloud", "● Running")
    terminal.press("j")
    until("the cursor moved", lambda: terminal.text != before)
    terminal.press("5")
    terminal.until("✗ Failed")
    terminal.until_gone("● Running")


def test_leaving_gives_the_terminal_back_as_it_was(terminal: Terminal) -> None:
    terminal.run("stty", "-g")
    settings = terminal.until(":").splitlines()[1]
    terminal.run(*LOCAL)
    terminal.until(EMPTY)
    assert (terminal.flag("alternate_on"), terminal.flag("mouse_any_flag")) == ("1", "1")
    terminal.press("q")
    assert terminal.exit_code() == 0
    terminal.run("stty", "-g")
    terminal.until(settings)
    flags = [terminal.flag(name) for name in ("alternate_on", "mouse_any_flag", "cursor_flag", "wrap_flag")]
    assert flags == ["0", "0", "1", "1"]
    assert list(terminal.temporary.iterdir()) == []


@pytest.mark.parametrize("passes", ["external", "on"])
def test_a_copy_reaches_tmux_whatever_it_takes_from_programs(terminal: Terminal, passes: str) -> None:
    terminal.tmux("set-option", "-g", "set-clipboard", passes)
    terminal.run(*BUSY)
    terminal.until("● Running")
    terminal.press("c", "i")
    shown = terminal.until("copied the id")
    assert "tmux may keep it" not in shown
    assert terminal.tmux("show-buffer").startswith("bi-")


def test_without_the_mouse_the_terminal_keeps_it(terminal: Terminal) -> None:
    terminal.run(*LOCAL, "--no-mouse")
    terminal.until(EMPTY)
    assert terminal.flag("mouse_any_flag") == "0"


def test_the_terminals_title_is_left_alone(terminal: Terminal) -> None:
    before = terminal.flag("pane_title")
    terminal.run(*BUSY)
    terminal.until("● Running")
    assert terminal.flag("pane_title") == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_deck_and_its_cloud(terminal: Terminal, number: signal.Signals, code: int) -> None:
    terminal.run(*LOCAL)
    terminal.until(EMPTY)
    deck = terminal.program()
    (cloud,) = children(deck)
    os.kill(deck, number)
    assert terminal.exit_code() == code
    assert not alive(cloud)
    assert terminal.flag("alternate_on") == "0"
    assert list(terminal.temporary.iterdir()) == []


def test_a_signal_while_the_cloud_starts_leaves_none_behind(terminal: Terminal) -> None:
    terminal.run(*LOCAL)
    cloud = until("the cloud starts", lambda: children(terminal.program()))[0]
    os.kill(terminal.program(), signal.SIGTERM)
    assert terminal.exit_code() == 143
    until("the cloud ended", lambda: not alive(cloud))


def test_a_closed_terminal_ends_the_deck_and_its_cloud(terminal: Terminal) -> None:
    terminal.run(*BUSY)
    terminal.until("● Running")
    deck = terminal.program()
    (cloud,) = children(deck)
    terminal.close()
    until("the deck and its cloud ended", lambda: not alive(deck) and not alive(cloud), within=5)
    assert list((terminal.home / ".local/state/arkdeck").glob("crash-*")) == []


def test_a_terminal_that_stops_reading_and_then_closes_ends_the_deck(tmp_path: Path) -> None:
    controller, side = pty.openpty()
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    deck = subprocess.Popen(BUSY, cwd=ROOT, env=environ, stdin=side, stdout=side, stderr=side, start_new_session=True)
    os.close(side)
    seen = b""
    while "● Running".encode() not in seen:
        assert select.select([controller], [], [], 20)[0], seen
        seen += os.read(controller, 65536)
    for _turn in range(200):  # each repaints the list, which nobody reads
        os.write(controller, b"Gg")
    until("nothing more fits into the terminal", lambda: _unread(controller) >= FULL)
    os.close(controller)
    try:
        deck.wait(timeout=5)
    finally:
        deck.kill()
        deck.wait()


def _unread(controller: int) -> int:
    """Return how many bytes wait to be read."""
    return int.from_bytes(fcntl.ioctl(controller, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_suspending_goes_to_the_shell_and_fg_paints_the_deck_again(terminal: Terminal) -> None:
    terminal.run(*BUSY)
    terminal.until("● Running")
    terminal.press("C-z")
    terminal.until("Stopped")
    assert terminal.flag("alternate_on") == "0"
    terminal.press("C-l")
    terminal.run("fg")
    terminal.until("local cloud", "● Running", "? help")
    terminal.press("q")
    assert terminal.exit_code() == 0


def test_without_a_shell_to_go_back_to_the_deck_stays(terminal: Terminal) -> None:
    terminal.run("exec", *LOCAL)
    terminal.until(EMPTY)
    terminal.press("C-z")
    terminal.until("there is no shell to go back to")


def test_ctrl_c_tells_how_to_leave(terminal: Terminal) -> None:
    terminal.run(*LOCAL)
    terminal.until(EMPTY)
    terminal.press("C-c")
    terminal.until("press q to leave")


@pytest.mark.parametrize("key", ["F11", "F12"])
def test_a_crash_says_so_in_few_lines_and_keeps_secrets(terminal: Terminal, key: str) -> None:
    terminal.run(*CRASHING)
    terminal.until(EMPTY)
    terminal.press(key)
    screen = terminal.until("crashed, which is our mistake", "arkdeck continue")
    assert "RuntimeError: cannot go on with ***" in " ".join(screen.split())
    assert "Traceback" not in screen
    assert terminal.exit_code() == 70
    (report,) = (terminal.home / ".local/state/arkdeck").glob("crash-*.txt")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "action_crash" in text
    assert "correct-horse-battery" not in text + screen


def test_a_window_that_is_too_small_says_so_until_it_grows(terminal: Terminal) -> None:
    terminal.run(*LOCAL)
    terminal.until(EMPTY)
    terminal.tmux("resize-window", "-x", "50", "-y", "12")
    terminal.until("too small")
    terminal.until_gone(EMPTY)
    terminal.tmux("resize-window", "-x", "100", "-y", "30")
    terminal.until(EMPTY)
    terminal.until_gone("too small")


def test_what_is_copied_arrives_in_the_multiplexer(terminal: Terminal) -> None:
    terminal.run(*BUSY)
    terminal.until("● Running")
    terminal.press("c")
    terminal.until("bi-")
    terminal.press("Enter")
    terminal.until("copied")
    assert terminal.tmux("show-buffer").startswith("bi-")


def test_an_unknown_theme_is_refused_before_the_screen_changes(terminal: Terminal) -> None:
    terminal.run(*LOCAL, "--theme", "arkdeck-drak")
    terminal.until("there is no theme arkdeck-drak", "Did you mean arkdeck-dark?")
    assert terminal.exit_code() == 2


def test_the_demo_runs_the_example_in_the_deck(terminal: Terminal) -> None:
    terminal.run(*PYTHON, "demo")
    terminal.until("arkdeck-demo", "✓ Completed", "276 of 276 answered")
    (results,) = (terminal.home / "arkdeck-demo").glob("*/results.jsonl")
    terminal.press("q")
    said = terminal.until("276 of 276 answered, 0 failed, 0 missing; results in", "$ ")
    assert str(results.parent) in said.replace("\n", "")
    assert terminal.exit_code() == 0
    assert results.read_bytes().count(b"\n") == 276


def test_the_demo_that_is_left_early_says_so(terminal: Terminal) -> None:
    terminal.run(*PYTHON, "demo")
    terminal.until("NAME")
    terminal.press("q")
    terminal.until("the example was left before it ended")
    assert terminal.exit_code() == 0
