"""A real SSH server of one's own, for the tests."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.system.terminal import until


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
