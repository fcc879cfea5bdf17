"""The deck over SSH: a real server on this machine's loopback, and the terminals that operators come from."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.terminal import PYTHON, ROOT, Terminal, alive, children, until

pytestmark = pytest.mark.system


def program(name: str) -> str:
    """Return the path of a program of OpenSSH."""
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        pytest.fail(f"{name} is not installed: .ci/run installs it")
    return path


class Server:
    """An SSH server of one's own on a free port, which lets one key in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key, self._host_key = folder / "key", folder / "host_key"
        for file in (self._key, self._host_key):
            subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1\nPort {self._port}\nHostKey {self._host_key}\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {self._key}.pub\nStrictModes no\nPermitRootLogin yes\nPrintMotd no\n"
        )
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._log = (folder / "sshd.log").open("wb")
        self.process = subprocess.Popen([program("sshd"), "-D", "-e", "-f", config], stderr=self._log)
        until("the server listens", self._listens)

    def _listens(self) -> bool:
        assert self.process.poll() is None, (self._folder / "sshd.log").read_text()
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0

    def login(self, command: Path, term: str) -> list[str]:
        """Return the words that run a command on a terminal of the server."""
        known = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={self._folder / 'known_hosts'}"]
        options = ["-tt", "-q", "-F", os.devnull, "-i", str(self._key), "-p", str(self._port), *known]
        return ["env", f"TERM={term}", program("ssh"), *options, f"{getpass.getuser()}@127.0.0.1", str(command)]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path)
    yield running
    running.close()


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
