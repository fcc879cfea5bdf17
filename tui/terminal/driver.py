"""Textual's driver, and what it lacks: a terminal that goes away must end the program, not hang or spin it."""

from __future__ import annotations

import select
import sys
from threading import Thread
from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message


class TerminalGone(Message):
    """The terminal hung up: nobody sees what is painted any more."""


class TerminalDriver(LinuxDriver):
    """Tells the app when the terminal hangs up, and lets what is written after that go nowhere.

    Without it a thread reading from a closed terminal takes a whole core, and the event loop waits for ever for a
    writer that has died.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._file = _Hearer(self._file)  # type: ignore[assignment]  # Textual writes and flushes, no more
        self._watch: Thread | None = None

    def start_application_mode(self) -> None:
        """Start as Textual does, and watch for the end of the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if self._watch is None and self.input_tty:
            self._watch = Thread(target=self._wait_for_hangup, name="terminal-hangup", daemon=True)
            self._watch.start()

    def run_input_thread(self) -> None:
        """Read keys until the terminal hangs up, which `TerminalGone` tells."""
        try:
            super().run_input_thread()
        except OSError:
            return

    def _wait_for_hangup(self) -> None:
        ends = select.poll()
        ends.register(self.fileno, 0)  # a hang-up is reported without being asked for
        ends.poll()
        self.send_message(TerminalGone())


class _Hearer:
    """A terminal's output that takes everything, also when the terminal is gone."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file or sys.stderr

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except OSError:
            return

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            return

    def fileno(self) -> int:
        return self._file.fileno()
