"""Who is working on a run, so that two processes never do at once."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

_STALE_AFTER: Final = timedelta(seconds=60)
_START_FIELD: Final = 22 - 3  # of /proc/PID/stat (proc(5)), counted behind the name in brackets


class Holder(msgspec.Struct, frozen=True):
    """One process, told from any that may have its number later or on another machine.

    Attributes:
        boot: the machine's boot id, empty where there is none.
        started: clock ticks from boot to the process's start, empty where that cannot be read.
        token: chosen at random; by it the holder knows itself.
    """

    host: str
    boot: str
    pid: int
    started: str
    token: str

    def __str__(self) -> str:
        return f"{self.host} pid {self.pid}"

    def is_alive(self, beat: datetime, now: datetime) -> bool:
        """Return whether it is still at work: on this machine by its process, on another by its last sign of life."""
        if self.host != socket.gethostname():
            return abs(now - beat) < _STALE_AFTER
        return self.boot == _boot_id() and _is_running(self.pid) and self.started == _started(self.pid)


def this_process() -> Holder:
    """Return a new holder for this process."""
    pid = os.getpid()
    return Holder(socket.gethostname(), _boot_id(), pid, _started(pid), secrets.token_hex(8))


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _started(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        behind_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return behind_name.split()[_START_FIELD]
    return ""


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
