"""The parts of large files read by several processes, small ones by this one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING, Final

import tui
from tui.dataset.scan import Part, Scanned, scan
from tui.errors import WorkError
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

_SMALL: Final = 64 * 1024 * 1024
"""Bytes that one process has read before another one has started."""

_MOST: Final = 4  # processes; each takes some 50 MB
_AHEAD: Final = 3  # parts for each process that may wait for the one before them


class WorkerDiedError(WorkError):
    """A process that read the files is gone: killed, or the machine is out of memory."""


def workers_for(size: int) -> int:
    """Return how many processes are worth starting to read `size` bytes; 0 for none but this one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if size < _SMALL or cores < 2 else min(cores, _MOST)


def scan_all(parts: Sequence[Part], workers: int) -> Generator[Scanned]:
    """Yield what each part holds, in their order; closing it ends the processes.

    Raises:
        UsageError: a file cannot be read.
        WorkerDiedError: a process ended by itself.
    """
    if not workers:
        yield from map(scan, parts)
        return
    with contextlib.ExitStack() as running:
        yield from _scan_by(parts, [running.enter_context(_worker()) for _number in range(workers)])


def _scan_by(parts: Sequence[Part], workers: list[Connection]) -> Iterator[Scanned]:
    done: dict[int, Scanned] = {}
    idle, busy = [*workers], set[Connection]()
    given = taken = 0
    try:
        while taken < len(parts):
            while idle and given < min(len(parts), taken + _AHEAD * len(workers)):
                worker = idle.pop()
                worker.send((given, parts[given]))
                busy.add(worker)
                given += 1
            ready = busy.intersection(wait(busy))
            for worker in ready:
                number, answer = worker.recv()
                if isinstance(answer, Exception):
                    raise answer
                done[number] = answer
            idle += ready
            busy -= ready
            while taken in done:
                yield done.pop(taken)
                taken += 1
    except (EOFError, ConnectionError):
        raise WorkerDiedError(
            _("a process that read the files ended before it was done"),
            advice=_("The machine may be out of memory. Nothing was changed; give the same command again."),
        ) from None


@contextlib.contextmanager
def _worker() -> Iterator[Connection]:
    ours, theirs = socket.socketpair()
    with Connection(ours.detach()) as connection, theirs:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
            # -P: whatever lies in the working folder must not be taken for a module
            [sys.executable, "-P", "-m", "tui.dataset.worker", str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            pass_fds=(theirs.fileno(),),
            start_new_session=True,  # a Ctrl-C is this process's to answer
        )
        theirs.close()
        try:
            yield connection
        finally:
            process.kill()  # it only reads
            process.wait()


def _environment() -> dict[str, str]:
    """Let the child import this very package, installed or not, and use one core."""
    paths = [str(Path(tui.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OPENBLAS_NUM_THREADS": "1"}
