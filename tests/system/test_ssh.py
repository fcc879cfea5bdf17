"""The deck over SSH: a real server on this machine's loopback, and the terminals that operators come from."""

from __future__ import annotations

import os
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.ssh_server import Server
from tests.system.terminal import PYTHON, ROOT, Terminal, alive, children, until

pytestmark = pytest.mark.system


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path)
    yield window
    window.close()


@pytest.fixture
def deck(terminal: Terminal, tmp_path: Path) -> Path:
    """What the operator calls on the server."""
    script = tmp_path / "deck"
    home = f"export HOME={shlex.quote(str(terminal.home))} PYTHONPATH={shlex.quote(str(ROOT))} LANG=C.UTF-8"
    script.write_text(f"#!/bin/sh\n{home}\nexec {shlex.join([*PYTHON, '--local', '--scene', 'busy'])}\n")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize(
    ("term", "running"),
    [("xterm-256color", "● Running"), ("screen-256color", "● Running"), ("linux", "> Running")],
)
def test_the_deck_is_used_over_ssh(terminal: Terminal, server: Server, deck: Path, term: str, running: str) -> None:
    terminal.run(*server.login(deck, term))
    terminal.until("local cloud", running)
    terminal.press("5")
    terminal.until_gone(running)
    terminal.press("q")
    assert terminal.exit_code() == 0
    assert (terminal.flag("alternate_on"), terminal.flag("mouse_any_flag")) == ("0", "0")


def test_what_is_copied_on_the_server_arrives_at_the_operators_side(
    terminal: Terminal, server: Server, deck: Path
) -> None:
    terminal.run(*server.login(deck, "xterm-256color"))
    terminal.until("● Running")
    terminal.press("c")
    terminal.until("the id")
    terminal.press("Enter")
    terminal.until("copied")
    assert terminal.tmux("show-buffer").startswith("bi-")


def test_a_lost_connection_ends_the_deck_on_the_server(terminal: Terminal, server: Server, deck: Path) -> None:
    terminal.run(*server.login(deck, "xterm-256color"))
    terminal.until("● Running")
    far_end = descendants(server.process.pid)
    decks = [pid for pid in far_end if b"tui\0--local" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    clouds = [pid for pid in far_end if b"tui.localcloud" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert (len(decks), len(clouds)) == (1, 1)
    os.kill(terminal.program(), signal.SIGKILL)
    until("deck and cloud ended", lambda: not any(map(alive, [*decks, *clouds])), within=5)


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that they started."""
    return [each for child in children(pid) for each in (child, *descendants(child))]
