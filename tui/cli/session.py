"""Opening what a verb works with, from profile to journal, and running it to its end."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec

import click
import msgspec

from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.errors import AccessError, ReadOnlyError
from tui.i18n import _

if TYPE_CHECKING:
    from tui.runs.journal import Journal
    from tui.runs.services import Services
    from tui.settings.credentials import Credentials
    from tui.settings.profiles import Profile, ResolvedProfile

P = ParamSpec("P")

_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class InterruptedBySignal(Exception):  # noqa: N818  # not an error: the operator's or the system's wish
    """The command was asked to end; the flows have let go of what they held."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


def profile_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb take `-p NAME`; it wins over the same option before the verb."""
    return click.option("-p", "--profile", metavar="NAME", help=_("the profile to use"))(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb print its data as JSON lines."""
    return click.option("--json", "as_json", is_flag=True, help=_("one JSON object per line"))(command)


def asynchronous(verb: Callable[P, Coroutine[Any, Any, int | None]]) -> Callable[P, int]:
    """Turn an async verb into one that click can call: run it, end it on HUP, INT and TERM, return its exit code."""

    @wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> int:
        import asyncio

        return asyncio.run(_until_signalled(verb(*args, **kwargs)))

    return call


async def _until_signalled(work: Awaitable[int | None]) -> int:
    import asyncio

    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    received: list[int] = []

    def stop(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task or ExitCode.DONE
    except asyncio.CancelledError:
        if not received:
            raise
        raise InterruptedBySignal(received[0]) from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def resolve(profile: str | None) -> ResolvedProfile:
    """Return the profile in force: `-p` after the verb, before it, the environment, the file, or the built-in one."""
    from tui.settings.paths import Paths
    from tui.settings.profiles import resolve_profile

    return resolve_profile(Paths.for_user(), profile or _profile_before_verb(), os.environ)


def _profile_before_verb() -> str | None:
    context = click.get_current_context(silent=True)
    chosen: str | None = context.find_root().params.get("profile") if context else None
    return chosen


def open_journal() -> Journal:
    """Open this machine's journal; a context manager, which closes it."""
    from tui.clock import SystemClock
    from tui.runs.journal import Journal
    from tui.settings.paths import Paths

    return Journal(Paths.for_user().data_dir, SystemClock())


class Session(msgspec.Struct, frozen=True):
    """An open profile and what the flows need."""

    profile: Profile
    named: bool
    services: Services


@contextlib.asynccontextmanager
async def session(profile: str | None, *, write: bool = False) -> AsyncIterator[Session]:
    """Open the profile's client, store and journal.

    Args:
        profile: the name given with the verb, if any.
        write: the verb changes something on the service; a read-only profile refuses.
    Raises:
        ArkdeckError: configuration, credentials or journal are not usable.
    """
    from tui.runs.services import open_services
    from tui.settings.credentials import find_credentials
    from tui.settings.paths import Paths

    resolved = resolve(profile)
    credentials = await find_credentials(resolved, os.environ)
    _introduce(resolved, credentials)
    if write and resolved.profile.read_only:
        raise ReadOnlyError(
            _("profile {name} is read only", name=resolved.profile.name),
            advice=_("It was made so by {origin}.", origin=resolved.origins["read_only"]),
        )
    async with open_services(resolved.profile, credentials, data_dir=Paths.for_user().data_dir) as services:
        try:
            yield Session(resolved.profile, resolved.named, services)
        except AccessError as error:
            error.advice = "\n".join(
                filter(None, [error.advice, _("The keys came from: {source}", source=credentials.source)])
            )
            raise


def _introduce(resolved: ResolvedProfile, credentials: Credentials) -> None:
    """Say which cloud and whose keys are meant, and what of a named profile the environment overrides."""
    profile, origins = resolved.profile, resolved.origins
    parts = [_("profile {name}", name=profile.name), resolved.where]
    parts.append(_("{key} from {source}", key=credentials.masked_key, source=credentials.source))
    say(" · ".join(parts))
    overriding = sorted(
        origin for field, origin in origins.items() if field != "name" and origin.startswith("ARKDECK_")
    )
    if resolved.named and overriding:
        say(_("{variables} override the profile", variables=", ".join(overriding)), indent=2)
    for note in credentials.notes:
        say(note, indent=2)
