"""A real Secret Service (gnome-keyring) on a private bus for each test. Without the two daemons these tests fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from jeepney import message_bus
from jeepney.io.blocking import open_dbus_connection

from tui.safety import Secret
from tui.settings import keyring_store
from tui.settings.credentials import (
    Credentials,
    CredentialsMissing,
    find_credentials,
    forget_credentials,
    save_credentials,
)
from tui.settings.keyring_store import KeyringUnavailableError, describe_keyring
from tui.settings.paths import Paths
from tui.settings.profiles import ResolvedProfile, resolve_profile
from tui.settings.secret_service import KeyringState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.system

ACCESS_KEY = "AKLTTESTONLY"
SECRET_KEY = "not-a-secret-0123456789"
PASSWORD = "ring"

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir={folder}</listen><auth>EXTERNAL</auth>{services}
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy></busconfig>"""
ACTIVATION = "[D-BUS Service]\nName=org.freedesktop.secrets\nExec=/bin/false\n"


class Desktop:
    """A user's session: a home, a bus, and keyring daemons on it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._runtime = folder / "run"
        self._services = folder / "services"
        for made in (self.home, self._runtime, self._services):
            made.mkdir(mode=0o700)
        self._config = folder / "bus.xml"
        self._started: list[subprocess.Popen[bytes]] = []
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "XDG_RUNTIME_DIR": str(self._runtime)}

    def start_bus(self, *, activatable: bool = False) -> None:
        services = f"<servicedir>{self._services}</servicedir>" if activatable else ""
        (self._services / "secrets.service").write_text(ACTIVATION)
        self._config.write_text(BUS.format(folder=self._runtime, services=services))
        command = ["dbus-daemon", f"--config-file={self._config}", "--print-address=1", "--nofork", "--nopidfile"]
        bus = self._start(command, stdout=subprocess.PIPE)
        assert bus.stdout
        self.environ["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().decode().strip()

    def start_keyring(self, *, unlocked: bool = True) -> subprocess.Popen[bytes]:
        command = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
        daemon = self._start(
            [*command, "--unlock"] if unlocked else command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert daemon.stdin
        if unlocked:
            daemon.stdin.write(PASSWORD.encode())
        daemon.stdin.close()
        self._wait_for_owner(present=True)
        return daemon

    def stop(self, daemon: subprocess.Popen[bytes]) -> None:
        daemon.kill()
        daemon.wait()
        self._wait_for_owner(present=False)

    def close(self) -> None:
        for process in reversed(self._started):
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def _start(self, command: list[str], **pipes: int) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(command, env=self.environ, stderr=subprocess.DEVNULL, **pipes)
        self._started.append(process)
        return process

    def _wait_for_owner(self, *, present: bool) -> None:
        deadline = time.monotonic() + 10
        with closing(open_dbus_connection(self.environ["DBUS_SESSION_BUS_ADDRESS"])) as connection:
            question = message_bus.NameHasOwner("org.freedesktop.secrets")
            while connection.send_and_get_reply(question, timeout=5).body[0] != present:
                assert time.monotonic() < deadline, "the keyring daemon did not come or go"


@pytest.fixture
def desktop(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    session = Desktop(tmp_path_factory.mktemp("d"))
    try:
        session.start_bus()
        _enter(session, monkeypatch)
        yield session
    finally:
        session.close()


def _enter(session: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process one of the session's, as over SSH: no display."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in session.environ.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(ACCESS_KEY, Secret(SECRET_KEY), None, "entered")


@pytest.fixture
def resolved(tmp_path: Path) -> ResolvedProfile:
    return resolve_profile(Paths(tmp_path / "config.toml", tmp_path, tmp_path), None, {})


async def test_keys_stored_at_login_are_found_by_the_next_command(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.start_keyring()
    await save_credentials("default", credentials)
    found = await find_credentials(resolved, {})
    assert (found.access_key, found.secret_key.reveal(), found.session_token) == (ACCESS_KEY, SECRET_KEY, None)


async def test_login_again_replaces_the_keys(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.start_keyring()
    await save_credentials("default", credentials)
    await save_credentials("default", Credentials(ACCESS_KEY, Secret("not-a-secret-either"), None, "entered"))
    assert (await find_credentials(resolved, {})).secret_key.reveal() == "not-a-secret-either"


async def test_each_profile_has_its_own_keys(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.start_keyring()
    await save_credentials("other", credentials)
    with pytest.raises(CredentialsMissing):
        await find_credentials(resolved, {})


async def test_keys_survive_a_restart_of_the_daemon(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    desktop.start_keyring()
    assert (await find_credentials(resolved, {})).secret_key.reveal() == SECRET_KEY


async def test_the_disk_holds_no_key_in_clear(desktop: Desktop, credentials: Credentials) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    files = [path for path in desktop.home.rglob("*") if path.is_file()]
    assert any(path.name == "login.keyring" for path in files)
    stored = b"".join(path.read_bytes() for path in files)
    assert SECRET_KEY.encode() not in stored
    assert ACCESS_KEY.encode() not in stored


async def test_logout_removes_the_keys_and_says_whether_there_were_any(
    desktop: Desktop, credentials: Credentials
) -> None:
    desktop.start_keyring()
    await save_credentials("default", credentials)
    assert await forget_credentials("default") is True
    assert await forget_credentials("default") is False


async def test_a_ready_keyring_needs_no_cure(desktop: Desktop) -> None:
    desktop.start_keyring()
    report = await describe_keyring()
    assert (report.state, report.backend, report.cure) == (KeyringState.READY, "Secret Service", "")


async def test_a_locked_keyring_is_an_error_that_says_how_to_unlock_it(
    desktop: Desktop, credentials: Credentials
) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    desktop.start_keyring(unlocked=False)
    started = time.monotonic()
    with pytest.raises(KeyringUnavailableError) as caught:
        await save_credentials("default", credentials)
    assert caught.value.state is KeyringState.LOCKED
    assert "gnome-keyring-daemon --replace --unlock" in caught.value.advice
    assert time.monotonic() - started < 2, "it waited for a dialog"


async def test_a_locked_keyring_is_not_asked_even_where_a_dialog_could_open(
    desktop: Desktop, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    desktop.environ["DISPLAY"] = ":987"
    desktop.start_keyring(unlocked=False)
    monkeypatch.setenv("DISPLAY", ":987")
    assert (await describe_keyring()).state is KeyringState.LOCKED


async def test_the_environment_serves_a_named_profile_while_the_keyring_is_locked(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    desktop.start_keyring(unlocked=False)
    named = ResolvedProfile(resolved.profile, named=True, origins=resolved.origins)
    environ = {"VOLCENGINE_ACCESS_KEY": "AKLTFROMTHESHELL", "VOLCENGINE_SECRET_KEY": "not-a-secret-shell"}
    found = await find_credentials(named, environ)
    assert found.access_key == "AKLTFROMTHESHELL"
    assert "locked" in found.notes[0]


async def test_a_named_profile_s_keys_win_over_the_environment(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile
) -> None:
    desktop.start_keyring()
    await save_credentials("default", credentials)
    named = ResolvedProfile(resolved.profile, named=True, origins=resolved.origins)
    environ = {"VOLCENGINE_ACCESS_KEY": "AKLTFROMTHESHELL", "VOLCENGINE_SECRET_KEY": "not-a-secret-shell"}
    found = await find_credentials(named, environ)
    assert found.access_key == ACCESS_KEY
    assert "VOLCENGINE_ACCESS_KEY" in found.notes[0]


async def test_a_daemon_that_never_had_a_collection(desktop: Desktop) -> None:
    desktop.start_keyring(unlocked=False)
    assert (await describe_keyring()).state is KeyringState.NO_DEFAULT_COLLECTION


async def test_a_session_without_a_keyring_service(desktop: Desktop) -> None:
    report = await describe_keyring()
    assert report.state is KeyringState.NO_PROVIDER
    assert "gnome-keyring-daemon" in report.cure


async def test_a_service_that_could_be_started_is_not_started_by_asking(
    desktop: Desktop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "second").mkdir()
    second = Desktop(tmp_path / "second")
    try:
        second.start_bus(activatable=True)
        _enter(second, monkeypatch)
        assert (await describe_keyring()).state is KeyringState.ACTIVATABLE
    finally:
        second.close()


async def test_a_service_that_dies_between_two_calls(desktop: Desktop, credentials: Credentials) -> None:
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    with pytest.raises(KeyringUnavailableError) as caught:
        await save_credentials("default", credentials)
    assert caught.value.state is KeyringState.NO_PROVIDER


async def test_a_service_that_hangs_is_given_up(
    desktop: Desktop, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = await _daemon_that_holds(desktop, credentials)
    daemon.send_signal(19)  # SIGSTOP: it owns its name and answers nothing
    assert (await describe_keyring()).state is KeyringState.SILENT


async def test_a_variable_that_names_another_backend_changes_nothing(
    desktop: Desktop, credentials: Credentials, resolved: ResolvedProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("KEYRING_PROPERTY_PREFERRED_COLLECTION", "/org/freedesktop/secrets/collection/session")
    desktop.stop(await _daemon_that_holds(desktop, credentials))
    desktop.start_keyring()
    assert (await find_credentials(resolved, {})).access_key == ACCESS_KEY


def test_a_stuck_call_does_not_hold_the_exit(desktop: Desktop, credentials: Credentials) -> None:
    daemon = desktop.start_keyring()
    program = (
        "import asyncio, os, signal, sys\n"
        "from tui.settings import keyring_store\n"
        "def stop_then_ask():\n"
        "    backend = keyring_store._open()\n"
        f"    os.kill({daemon.pid}, signal.SIGSTOP)\n"
        "    return backend.get_password('arkdeck', 'default')\n"
        "try:\n"
        "    asyncio.run(keyring_store._in_time(stop_then_ask))\n"
        "except keyring_store.KeyringUnavailableError as error:\n"
        "    sys.exit(str(error.state))\n"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], env=desktop.environ, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.stderr.strip() == "silent"
    assert time.monotonic() - started < keyring_store._SECONDS_HEADLESS + 2
    os.kill(daemon.pid, 18)  # SIGCONT, so that it can be ended


async def _daemon_that_holds(desktop: Desktop, credentials: Credentials) -> subprocess.Popen[bytes]:
    daemon = desktop.start_keyring()
    await save_credentials("default", credentials)
    return daemon
