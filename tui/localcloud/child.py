"""The local cloud in a process of its own, which cannot outlive this one."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self

import msgspec

import tui
from tui.localcloud.cloud import CloudInfo
from tui.localcloud.failures import CannotStartError
from tui.localcloud.options import CloudOptions

if TYPE_CHECKING:
    from types import TracebackType

_STOP_SECONDS: Final = 10


class LocalCloudDiedError(CannotStartError):
    """The child process ended before it served; the text is the last line of its complaint."""


class LocalCloudProcess:
    """A local cloud as a child process: `with LocalCloudProcess() as cloud: cloud.info`.

    The child ends when its standard input closes, so also when this process is killed. Keys travel over the pipe alone.

    Args:
        data: as of LocalCloud.
        options: as of LocalCloud.
    """

    def __init__(self, data: Path | None = None, **options: Any) -> None:
        self._arguments = CloudOptions(data=data, **options).arguments()
        self._running = contextlib.ExitStack()
        self._info: CloudInfo | None = None

    @property
    def info(self) -> CloudInfo:
        """How to reach the cloud (RuntimeError unless it runs)."""
        if self._info is None:
            raise RuntimeError("the local cloud is not running")
        return self._info

    def start(self) -> Self:
        """Start the process and return when both services accept connections (LocalCloudDiedError)."""
        with contextlib.ExitStack() as starting:
            complaints = starting.enter_context(tempfile.TemporaryFile())
            process = subprocess.Popen(  # noqa: S603  # our own interpreter and options
                # -P: whatever lies in the working folder must not be taken for a module
                [sys.executable, "-P", "-m", "tui.localcloud", *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=_environment(),
                start_new_session=True,  # a Ctrl-C is this process's to answer, with the cloud still there
            )
            starting.callback(_end, process)
            line = process.stdout.readline() if process.stdout else b""
            if not line.endswith(b"\n"):
                process.wait()
                raise LocalCloudDiedError(_last_line(complaints))
            self._info = msgspec.json.decode(line, type=CloudInfo)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Close the child's standard input and wait for its end."""
        self._info = None
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _environment() -> dict[str, str]:
    """Let the child import this very package, installed or not."""
    paths = [str(Path(tui.__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "the local cloud ended without a word"
