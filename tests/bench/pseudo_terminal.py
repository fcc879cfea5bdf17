"""A program in a pseudo-terminal, as a benchmark sees it: what it writes, how much, and how soon after a key."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from pathlib import Path

QUIET_SECONDS = 0.15
ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\\\))")


class PseudoTerminal:
    """Runs a program on a terminal of the given size; leaving the context ends it.

    Args:
        words: the program and its arguments.
        columns: of the terminal.
        rows: of the terminal.
        environ: added to this process's environment.
    """

    def __init__(self, words, *, columns=160, rows=45, environ=None):
        self._words = [os.fspath(word) for word in words]
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self._environ = os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"} | (environ or {})
        self._environ.pop("PYTHONDONTWRITEBYTECODE", None)  # installed programs are compiled

    def __enter__(self):
        self.started = time.perf_counter()
        self._pid, self._file = pty.fork()
        if not self._pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, self._size)
            os.execvpe(self._words[0], self._words, self._environ)  # never returns
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, self._size)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while os.read(self._file, 65536):
                pass
        os.close(self._file)
        os.waitpid(self._pid, 0)

    def send(self, keys):
        os.write(self._file, keys.encode())

    def read(self, seconds):
        """Return what is written within `seconds`, as soon as there is anything; empty when there is nothing."""
        ready, _, _ = select.select([self._file], [], [], seconds)
        try:
            return os.read(self._file, 65536) if ready else b""
        except OSError as ended:
            raise SystemExit(f"{self._words[0]} has ended") from ended

    @staticmethod
    def shows(pattern, written):
        """Tell whether text like `pattern` is in what was written."""
        return re.search(pattern.encode(), ESCAPES.sub(b"", written)) is not None

    def cpu_seconds(self):
        """Return how long the program has had a processor, without its children."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def until(self, pattern, seconds=60.0):
        """Read until text like `pattern` was written; return the seconds since the start."""
        written, deadline = b"", time.perf_counter() + seconds
        while not self.shows(pattern, written):
            if time.perf_counter() > deadline:
                plain = ESCAPES.sub(b"", written)
                raise SystemExit(f"{pattern!r} never appeared: {plain[-2000:].decode(errors='replace')}")
            written += self.read(0.5)
        return time.perf_counter() - self.started

    def settle(self, quiet=QUIET_SECONDS, limit=60.0):
        """Read until nothing was written for `quiet` seconds; return what was."""
        written, deadline = b"", time.perf_counter() + limit
        while time.perf_counter() < deadline:
            more = self.read(quiet)
            if not more:
                return written
            written += more
        raise SystemExit(f"the program never became quiet: {written[-400:]!r}")

    def collect(self, seconds):
        """Return all that is written within `seconds`."""
        written, end = b"", time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            written += self.read(left)
        return written

    def press(self, key):
        """Send a key; return the seconds until the last byte of the answer, and the answer's bytes."""
        self.send(key)
        began = last = time.perf_counter()
        written = b""
        while more := self.read(QUIET_SECONDS if written else 2.0):
            written += more
            last = time.perf_counter()
        return last - began, len(written)
