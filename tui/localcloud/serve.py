"""Serving until told to end: what `arkdeck local serve` and the child process of `demo` both do."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tui.localcloud.cloud import CloudInfo, LocalCloud

_READ_BYTES: Final = 4096


def serve(cloud: LocalCloud, *, announce: Callable[[CloudInfo], None], until_stdin_closes: bool = False) -> int:
    """Run `cloud` until SIGINT or SIGTERM and return the exit code 0; to be called by the main thread.

    Args:
        cloud: not started yet; what its `start` raises comes out of here.
        announce: called once, when both services accept connections.
        until_stdin_closes: end also when standard input does, so that a child never outlives its parent.
    """
    ended = threading.Event()
    with _signals_set(ended), cloud:
        announce(cloud.info)
        if until_stdin_closes:
            threading.Thread(target=_wait_for_stdin, args=(ended,), name="stdin", daemon=True).start()
        ended.wait()
    return 0


@contextlib.contextmanager
def _signals_set(ended: threading.Event) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: ended.set())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _wait_for_stdin(ended: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), _READ_BYTES):  # past the buffer, whose lock would be held at exit
        pass
    ended.set()
