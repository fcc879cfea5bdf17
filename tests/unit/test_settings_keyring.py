"""The keyring where there is none, and where it does not behave: over a session bus that answers what a test says."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from jeepney import HeaderFields, MessageType, Parser, new_method_return

from tui.errors import AccessError
from tui.safety import Secret
from tui.settings import keyring_store
from tui.settings.credentials import Credentials, forget_credentials, save_credentials
from tui.settings.keyring_store import KeyringUnavailableError, describe_keyring
from tui.settings.secret_service import KeyringState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

COLLECTION = "/org/freedesktop/secrets/collection/login"
READY: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "Hello": ("s", (":1.1",)),
    "AddMatch": ("", ()),
    "NameHasOwner": ("b", (True,)),
    "ReadAlias": ("o", (COLLECTION,)),
    "Get": ("v", (("b", False),)),
}


class ScriptedBus:
    """A session bus on a socket: it answers the calls that it has an answer for, and leaves the others waiting."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix:path={path}"
        self.answers = dict(READY)
        self._serials = itertools.count(1)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._peers: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for open_socket in (self._listener, *self._peers):
            open_socket.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _address = self._listener.accept()
            except OSError:
                return
            self._peers.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        greeting = b""
        while not greeting.endswith(b"\r\n"):
            greeting += peer.recv(512)
        peer.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        parser = Parser()
        begun = False
        while data := self._receive(peer):
            if not begun:
                data, begun = data.removeprefix(b"BEGIN\r\n"), True
            for message in parser.feed(data):
                answer = self.answers.get(message.header.fields[HeaderFields.member])
                if message.header.message_type is MessageType.method_call and answer:
                    reply = new_method_return(message, *answer)
                    peer.sendall(reply.serialise(serial=next(self._serials)))

    @staticmethod
    def _receive(peer: socket.socket) -> bytes:
        try:
            return peer.recv(65536)
        except OSError:
            return b""


@pytest.fixture(autouse=True)
def headless(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedBus]:
    scripted = ScriptedBus(tmp_path / "bus")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", scripted.address)
    yield scripted
    scripted.close()


@pytest.fixture
def credentials() -> Credentials:
    return Credentials("AKLTTESTONLY", Secret("not-a-secret-0123456789"), None, "entered")


async def test_without_a_session_bus_login_fails_as_an_access_error_with_a_cure(credentials: Credentials) -> None:
    with pytest.raises(AccessError) as caught:
        await save_credentials("prod", credentials)
    assert caught.value.message == (
        "this session has no D-Bus, so no system keyring (DBUS_SESSION_BUS_ADDRESS is not set)"
    )
    assert "dbus-run-session" in caught.value.advice


@pytest.mark.parametrize(
    "address", ["", "nonsense", "autolaunch:", "disabled:", "tcp:host=127.0.0.1,port=1", "unix:path=/nowhere/bus"]
)
async def test_a_bus_address_that_leads_nowhere(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
    with pytest.raises(KeyringUnavailableError) as caught:
        await forget_credentials("prod")
    assert caught.value.state is KeyringState.NO_SESSION_BUS


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ({}, KeyringState.READY),
        ({"Get": ("v", (("b", True),))}, KeyringState.LOCKED),
        ({"ReadAlias": ("o", ("/",))}, KeyringState.NO_DEFAULT_COLLECTION),
        (
            {"NameHasOwner": ("b", (False,)), "ListActivatableNames": ("as", (["org.freedesktop.secrets"],))},
            KeyringState.ACTIVATABLE,
        ),
        ({"NameHasOwner": ("b", (False,)), "ListActivatableNames": ("as", ([],))}, KeyringState.NO_PROVIDER),
    ],
)
async def test_the_doctor_tells_the_states_apart(
    bus: ScriptedBus, answers: Mapping[str, tuple[str, tuple[Any, ...]]], state: KeyringState
) -> None:
    bus.answers.update(answers)
    assert (await describe_keyring()).state is state


async def test_every_state_but_ready_has_a_cure() -> None:
    for state in KeyringState:
        error = KeyringUnavailableError(state)
        assert error.message
        assert bool(error.advice) is (state is not KeyringState.READY)


async def test_a_failure_of_the_backend_is_told_in_one_harmless_line() -> None:
    def fail() -> None:
        raise RuntimeError("broken\n\x1b]0;title\x07")

    with pytest.raises(KeyringUnavailableError) as caught:
        await keyring_store._in_time(fail)
    assert caught.value.message == "the system keyring failed (RuntimeError: broken⏎␛]0;title␇)"


async def test_calls_run_one_after_the_other() -> None:
    entered, leave = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        entered.set()
        leave.wait(5)
        order.append("first")

    waiting = asyncio.ensure_future(keyring_store._in_time(first))
    await asyncio.to_thread(entered.wait, 5)
    second = asyncio.ensure_future(keyring_store._in_time(lambda: order.append("second")))
    done, _pending = await asyncio.wait([second], timeout=0.1)
    assert not done
    leave.set()
    await asyncio.gather(waiting, second)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 3.0),
        ({"DISPLAY": ":0"}, 30.0),
        ({"WAYLAND_DISPLAY": "wayland-0"}, 30.0),
        ({"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, 3.0),
    ],
)
def test_a_dialog_gets_time_only_where_somebody_sees_it(environ: Mapping[str, str], seconds: float) -> None:
    assert keyring_store._time_limit(environ) == seconds


def test_a_backend_that_hangs_costs_the_time_limit_and_the_process_ends(bus: ScriptedBus) -> None:
    program = (
        "import asyncio, sys\n"
        "from tui.settings import keyring_store\n"
        "try:\n"
        "    asyncio.run(keyring_store.read_entry('prod'))\n"
        "except keyring_store.KeyringUnavailableError as error:\n"
        "    sys.exit(error.message)\n"
    )
    environ = {"PATH": os.environ["PATH"], "DBUS_SESSION_BUS_ADDRESS": bus.address}
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (1, "the system keyring did not answer in time\n")
    assert time.monotonic() - started >= 3.0, "the backend was never asked"


def test_the_libraries_of_the_keyring_are_imported_when_it_is_asked() -> None:
    program = (
        "import sys, tui.settings.credentials\n"
        "sys.exit(str([name for name in ('keyring', 'jeepney', 'secretstorage') if name in sys.modules]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr == "[]\n"
