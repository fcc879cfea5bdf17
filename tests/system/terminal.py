"""A real terminal for the tests: tmux on a socket of its own, keys typed into it, the screen read from it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

DEADLINE = 20.0
ROOT = Path(__file__).parents[2]
PYTHON = [sys.executable, "-m", "tui"]


def until(what: str, answer: Callable[[], T], *, within: float = DEADLINE) -> T:
    """Ask until the answer is true, and return it; fail after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answered := answer()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {within:g} s")
        time.sleep(0.02)
    return answered


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be fetched does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def children(pid: int) -> list[int]:
    """Return the processes that a process started, of all its threads."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


class Terminal:
    """A window of tmux in which a shell runs.

    Args:
        folder: gets the socket, a home and a place for temporary files.
        columns: of the window.
        rows: of the window.
        environ: beside PATH, HOME and a UTF-8 locale.
    """

    def __init__(self, folder: Path, *, columns: int = 80, rows: int = 24, environ: Mapping[str, str] = {}) -> None:
        if shutil.which("tmux") is None:
            pytest.fail("tmux is not installed: .ci/run installs it")
        self.home = folder / "home"
        self.temporary = folder / "temporary"
        self.home.mkdir()
        self.temporary.mkdir()
        self._socket = folder / "tmux"
        self._environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "SHELL": "/bin/sh",
            "PS1": "$ ",
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(self.temporary),
            **environ,
        }
        self.tmux(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-x",
            str(columns),
            "-y",
            str(rows),
            "-c",
            str(self.home),
            "exec bash --norc",
        )
        self.tmux("set-option", "-g", "set-clipboard", "on")

    def tmux(self, *words: str) -> str:
        """Run a command of tmux and return what it prints."""
        command = ["tmux", "-S", str(self._socket), *words]
        ended = subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=20, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def run(self, *words: str) -> None:
        """Type a command into the shell."""
        self.type(shlex.join(words))
        self.press("Enter")

    def type(self, text: str) -> None:
        """Type a text."""
        self.tmux("send-keys", "-l", text)

    def flag(self, name: str) -> str:
        """Return a variable of tmux, as in `mouse_any_flag`."""
        return self.tmux("display-message", "-p", f"#{{{name}}}").strip()

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names, as in `Enter`, `C-z`, `Down`, `j`."""
        self.tmux("send-keys", *keys)

    @property
    def text(self) -> str:
        """What the window shows, its rows without the blanks at their ends."""
        return self.tmux("capture-pane", "-p")

    def until(self, *texts: str, within: float = DEADLINE) -> str:
        """Wait until the window shows every text, and return what it shows."""
        return self._until(texts, shown=True, within=within)

    def until_gone(self, *texts: str, within: float = DEADLINE) -> str:
        """Wait until the window shows none of the texts, and return what it shows."""
        return self._until(texts, shown=False, within=within)

    def _until(self, texts: Sequence[str], *, shown: bool, within: float) -> str:
        deadline = time.monotonic() + within
        while True:
            screen = self.text
            if all((text in screen) is shown for text in texts):
                return screen
            if time.monotonic() > deadline:
                pytest.fail(f"{texts} {'never showed' if shown else 'never went'}; the window shows:\n{screen}")
            time.sleep(0.02)

    @property
    def shell(self) -> int:
        """The process of the shell."""
        return int(self.flag("pane_pid"))

    def program(self) -> int:
        """The process that the shell runs."""
        return until("the shell runs a program", lambda: children(self.shell))[0]

    def exit_code(self) -> int:
        """Ask the shell how its last program ended, once it has."""
        until("the program ended", lambda: not children(self.shell))
        self.press("C-l")
        self.type("echo ended-$?")
        self.press("Enter")
        return int(
            until("the shell told the exit code", lambda: re.search(r"^ended-(\d+)", self.text, re.MULTILINE))[1]
        )

    def close(self) -> None:
        """End the window and everything in it."""
        subprocess.run(
            ["tmux", "-S", str(self._socket), "kill-server"], env=self._environ, capture_output=True, check=False
        )
