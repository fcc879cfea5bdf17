"""The local cloud that the deck and the demo run on: a child process, reached like any profile's cloud."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.daemon import in_daemon
from tui.errors import UsageError
from tui.i18n import _

if TYPE_CHECKING:
    from tui.localcloud import CloudInfo
    from tui.localcloud.child import LocalCloudProcess

_SCENE_SPEED: Final = 1.0
"""Requests per second of each job of a scene: those that run when it opens still do an hour later."""


@asynccontextmanager
async def embedded_cloud(scene: str | None = None) -> AsyncIterator[CloudInfo]:
    """Run a local cloud in a child process while the context is open.

    A context that is cancelled while the cloud starts does not wait for it; the cloud ends as soon as it has started.

    Args:
        scene: what fills it first; nothing when None.

    Raises:
        UsageError: it cannot start, or there is no such scene.
    """
    starting = in_daemon(lambda: _started(scene), name="local-cloud")
    try:
        with start_explained():
            cloud = await asyncio.shield(starting)
        yield cloud.info
    finally:
        if not starting.done():
            starting.add_done_callback(_stop_late)
        elif not starting.cancelled() and starting.exception() is None:
            await in_daemon(starting.result().stop, name="local-cloud")


@contextmanager
def start_explained(log: Path | None = None) -> Iterator[None]:
    """Turn what keeps a local cloud from starting into a UsageError that says why, and which option to change.

    Args:
        log: the `--log` file, if one was asked for.
    """
    from tui.localcloud.failures import CannotStartError, OptionError

    try:
        yield
    except OptionError as error:
        raise UsageError(str(error), advice=_("docs/local-cloud.md lists what the options can say.")) from error
    except (CannotStartError, OSError) as error:
        raise UsageError(
            _("the local cloud cannot start: {error}", error=_reason(error)), advice=_start_advice(error, log)
        ) from error


def environment_of(info: CloudInfo) -> dict[str, str]:
    """Return the variables by which arkdeck finds the cloud."""
    return {
        "ARKDECK_ARK_ENDPOINT": info.ark_endpoint,
        "ARKDECK_TOS_ENDPOINT": info.tos_endpoint,
        "ARKDECK_REGION": info.region,
        "ARKDECK_BUCKET": info.bucket,
        "VOLCENGINE_ACCESS_KEY": info.access_key,
        "VOLCENGINE_SECRET_KEY": info.secret_key,
    }


def export_lines(variables: Mapping[str, str]) -> list[str]:
    """Return the lines that give a shell the variables."""
    return [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]


def _started(scene: str | None) -> LocalCloudProcess:
    from tui.localcloud.child import LocalCloudProcess

    cloud = LocalCloudProcess(scene=scene, speed=_SCENE_SPEED) if scene else LocalCloudProcess()
    return cloud.start()


def _stop_late(starting: asyncio.Future[LocalCloudProcess]) -> None:
    if not starting.cancelled() and starting.exception() is None:
        in_daemon(starting.result().stop, name="local-cloud")


def _reason(error: Exception) -> str:
    """What went wrong, without the number that the system has for it, and without what a child has said before it."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error).removeprefix("the local cloud cannot start: ")
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


def _start_advice(error: Exception, log: Path | None) -> str:
    from tui.localcloud.child import LocalCloudDiedError

    if isinstance(error, LocalCloudDiedError):  # it has neither option
        return ""
    if isinstance(error, OSError) and not error.filename:
        return _("Choose another --port.")
    if isinstance(error, OSError) and log is not None and str(error.filename) == str(log):
        return _("Choose another --log.")
    return _("Choose another --data.")
