"""The operating system's keyring, without a prompt, a hang or a stack trace.

Backends are made by platform and never looked up: the library's own search honours an environment variable
and a file that can point to a store in plain text or to any code (security.md §1.1). Calls run one at a time,
on a daemon thread, within a time limit: a stuck one neither blocks the caller nor holds the exit.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from tui.daemon import in_daemon
from tui.errors import AccessError
from tui.i18n import _
from tui.safety import redact
from tui.settings.secret_service import KeyringState, probe_secret_service
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyring.backend import KeyringBackend

T = TypeVar("T")

_SERVICE: Final = "arkdeck"
_SECONDS_HEADLESS: Final = 3.0
_SECONDS_AT_A_DISPLAY: Final = 30.0
_turn = threading.Lock()  # parallel calls would open several dialogs


class KeyringUnavailableError(AccessError):
    """The keyring cannot be used now; `state` says why and `advice` what helps."""

    def __init__(self, state: KeyringState, detail: str = "") -> None:
        super().__init__(_description(state, detail), advice=_cure(state))
        self.state = state


@dataclass(frozen=True)
class KeyringReport:
    """What the doctor says of the keyring.

    Attributes:
        state: what was found.
        backend: the name of the store.
        description: the state in a sentence.
        cure: what helps; empty when it is ready.
    """

    state: KeyringState
    backend: str
    description: str
    cure: str


async def describe_keyring() -> KeyringReport:
    """Return the keyring's state, without opening a dialog or raising."""
    try:
        await _in_time(_open)
    except KeyringUnavailableError as error:
        return KeyringReport(error.state, _backend_name(), error.message, error.advice)
    return KeyringReport(KeyringState.READY, _backend_name(), _description(KeyringState.READY), "")


async def read_entry(profile: str) -> str | None:
    """Return what the keyring holds for `profile`, None when nothing (KeyringUnavailableError)."""
    return await _in_time(lambda: _open().get_password(_SERVICE, profile))


async def write_entry(profile: str, text: str) -> None:
    """Store `text` for `profile` and read it back (KeyringUnavailableError, also when it did not arrive)."""

    def write() -> None:
        backend = _open()
        backend.set_password(_SERVICE, profile, text)
        if backend.get_password(_SERVICE, profile) != text:
            raise KeyringUnavailableError(KeyringState.FAILED, _("it did not keep what was stored"))

    await _in_time(write)


async def delete_entry(profile: str) -> bool:
    """Remove the entry of `profile`; return whether there was one (KeyringUnavailableError)."""

    def delete() -> bool:
        backend = _open()
        if backend.get_password(_SERVICE, profile) is None:
            return False
        backend.delete_password(_SERVICE, profile)
        return True

    return await _in_time(delete)


async def _in_time(call: Callable[[], T]) -> T:
    """Run a call that blocks, within the limit; everything it raises becomes KeyringUnavailableError."""
    limit = _time_limit(os.environ)

    def in_turn() -> T:
        if not _turn.acquire(timeout=limit):
            raise KeyringUnavailableError(KeyringState.SILENT)
        try:
            return call()
        except KeyringUnavailableError:
            raise
        except Exception as error:  # backends raise what their platform raises
            raise _unavailable(error) from error
        finally:
            _turn.release()

    try:
        return await asyncio.wait_for(in_daemon(in_turn, name="keyring"), limit)
    except TimeoutError:
        raise KeyringUnavailableError(KeyringState.SILENT) from None


def _time_limit(environ: Mapping[str, str]) -> float:
    """Return the seconds in which the keyring must answer: few where nobody can answer its dialog."""
    at_a_display = sys.platform in ("darwin", "win32") or "DISPLAY" in environ or "WAYLAND_DISPLAY" in environ
    return _SECONDS_AT_A_DISPLAY if at_a_display and "SSH_CONNECTION" not in environ else _SECONDS_HEADLESS


def _open() -> KeyringBackend:
    """Return this platform's backend when it can be used without a dialog (KeyringUnavailableError)."""
    if sys.platform == "darwin":
        from keyring.backends import macOS

        return macOS.Keyring()
    if sys.platform == "win32":
        from keyring.backends import Windows

        return Windows.WinVaultKeyring()
    service = probe_secret_service()
    if service.state is not KeyringState.READY:
        raise KeyringUnavailableError(service.state, service.detail)
    from keyring.backends import SecretService

    backend: KeyringBackend = SecretService.Keyring()  # type: ignore[no-untyped-call]
    vars(backend)["preferred_collection"] = service.collection  # the one found unlocked, and no other
    return backend


def _unavailable(error: Exception) -> KeyringUnavailableError:
    from keyring.errors import KeyringLocked

    state = KeyringState.LOCKED if isinstance(error, KeyringLocked) else KeyringState.FAILED
    return KeyringUnavailableError(state, f"{type(error).__name__}: {error}")


def _backend_name() -> str:
    return {"darwin": "macOS Keychain", "win32": "Windows Credential Locker"}.get(sys.platform, "Secret Service")


def _description(state: KeyringState, detail: str = "") -> str:
    text = {
        KeyringState.READY: _("the system keyring is ready"),
        KeyringState.LOCKED: _("the system keyring is locked"),
        KeyringState.NO_DEFAULT_COLLECTION: _("the system keyring has no default collection"),
        KeyringState.ACTIVATABLE: _("the system keyring is installed but not running"),
        KeyringState.NO_PROVIDER: _("no system keyring is running in this session"),
        KeyringState.NO_SESSION_BUS: _("this session has no D-Bus, so no system keyring"),
        KeyringState.SILENT: _("the system keyring did not answer in time"),
        KeyringState.FAILED: _("the system keyring failed"),
    }[state]
    return f"{text} ({clean(redact(detail), limit=200)})" if detail else text


def _cure(state: KeyringState) -> str:
    """Return what an operator can do, in the shell where they are."""
    if sys.platform == "darwin":
        return _("Unlock it in this session: security unlock-keychain")
    unlock = 'printf %s "$PASSWORD" | gnome-keyring-daemon {how} --components=secrets >/dev/null'
    start = _("Start it unlocked: {command}", command=unlock.format(how="--unlock"))
    return {
        KeyringState.READY: "",
        KeyringState.LOCKED: _("Unlock it: {command}", command=unlock.format(how="--replace --unlock")),
        KeyringState.NO_DEFAULT_COLLECTION: start,
        KeyringState.ACTIVATABLE: start,
        KeyringState.NO_PROVIDER: _("Start a keyring service, say gnome-keyring. {start}", start=start),
        KeyringState.NO_SESSION_BUS: _(
            "Start a shell with D-Bus: dbus-run-session -- $SHELL (an old tmux session may name a lost one)"
        ),
        KeyringState.SILENT: _("Answer its dialog if one is open, or restart the keyring service"),
        KeyringState.FAILED: _("Restart the keyring service; arkdeck doctor asks it again"),
    }[state]
