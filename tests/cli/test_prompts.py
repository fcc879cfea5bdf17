"""Questions on a real terminal: no by default, and Ctrl-C ends them."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

CTRL_C = b"\x03"


def _own_the_terminal() -> None:
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # makes it the terminal of the session
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the tests run in the background of a shell


class Terminal:
    """A command on a pseudo-terminal."""

    def __init__(self, home: Path, *words: str) -> None:
        self._controller, side = pty.openpty()
        environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        command = [sys.executable, "-m", "tui", *words]
        self.process = subprocess.Popen(
            command, cwd=home, env=environ, stdin=side, stdout=side, stderr=side, start_new_session=True,
            preexec_fn=_own_the_terminal,
        )  # fmt: skip
        os.close(side)
        self._seen = b""

    def until(self, text: str) -> str:
        """Read until the text shows."""
        deadline = time.monotonic() + 20
        while text.encode() not in self._seen:
            if not select.select([self._controller], [], [], deadline - time.monotonic())[0]:
                pytest.fail(f"{text!r} never showed: {self._seen!r}")
            self._seen += os.read(self._controller, 4096)
        return self._seen.decode()

    def type(self, keys: bytes) -> None:
        os.write(self._controller, keys)

    def type_until_ended(self, keys: bytes) -> int:
        """Type the keys, again if they came in the moment before the command listened, and return its exit code."""
        for _try in range(40):
            self.type(keys)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=0.5)
                break
        return self.end()

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        try:
            return self.process.wait(timeout=20)
        finally:
            os.close(self._controller)


@pytest.mark.parametrize(
    ("words", "question"),
    [(("stop", "bi-20240101000000-aaaaa"), "[y/N]"), (("delete", "bi-1"), "[y/N]")],
)
def test_ctrl_c_ends_a_question(tmp_path: Path, words: tuple[str, ...], question: str) -> None:
    terminal = Terminal(tmp_path, *words)
    terminal.until(question)
    assert terminal.type_until_ended(CTRL_C) == 130


def test_enter_means_no(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "delete", "bi-1")
    terminal.until("[y/N]")
    terminal.type(b"\r")
    assert "nothing was changed" in terminal.until("nothing was changed")
    assert terminal.end() == 1


def test_nobody_types_keys_that_cannot_be_kept(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "login")
    assert "access key" not in terminal.until("Without one, set VOLCENGINE_ACCESS_KEY")
    assert terminal.end() == 4
