"""The cloud that the deck is connected to: opened in the background, closed when another takes its place.

Nothing of this imports a client at module level: their imports cost more than the first paint, and wait for it.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tui.daemon import in_daemon
from tui.embedded import embedded_cloud, environment_of
from tui.errors import ArkdeckError
from tui.launch import Launch, LocalStart
from tui.settings.deck_settings import refresh_interval
from tui.settings.paths import Paths
from tui.settings.profiles import Profile, ResolvedProfile, resolve_profile

if TYPE_CHECKING:
    from tui.runs.poller import Poller
    from tui.runs.services import Services
    from tui.runs.transfers import Transfers
    from tui.settings.credentials import Credentials

LOCAL_NAME: Final = "local"
"""What the deck's own local cloud is called where a profile's name is shown."""


@dataclass(frozen=True)
class Connection:
    """An open cloud: what is asked, by whose keys, what keeps the jobs up to date, and what goes up and down.

    Attributes:
        variables: by which a shell beside the deck reaches its own local cloud; none where a profile is open.
        example_to: the folder for the results of the example run, which is to begin by itself.
    """

    resolved: ResolvedProfile
    credentials: Credentials
    services: Services
    poller: Poller
    transfers: Transfers
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    example_to: Path | None = None

    @property
    def local(self) -> bool:
        """Whether it is a local cloud of the deck's own, gone with it."""
        return bool(self.variables)

    @property
    def profile(self) -> Profile:
        """The settings in force."""
        return self.resolved.profile


@dataclass(frozen=True)
class Connecting:
    """A cloud is being opened; `name` is the profile's, empty while it is not known; `local` where it starts here."""

    name: str
    local: bool = False


@dataclass(frozen=True)
class Connected:
    """A cloud is open."""

    connection: Connection


@dataclass(frozen=True)
class Failed:
    """No cloud is open.

    Attributes:
        name: the profile that was asked for, or empty.
        cause: why it could not be opened.
    """

    name: str
    cause: ArkdeckError

    @property
    def keyless(self) -> bool:
        """Whether it has no keys that can be used, so that a login is what helps."""
        from tui.settings.credentials import CredentialsInvalid, CredentialsMissing

        return isinstance(self.cause, CredentialsMissing | CredentialsInvalid)


ConnectionState = Connecting | Connected | Failed


@asynccontextmanager
async def open_profile(
    launch: Launch, name: str | None, entered: Mapping[str, Credentials]
) -> AsyncIterator[Connection]:
    """Open a profile of the operator's, the one in force when `name` is None; no request is sent yet.

    Args:
        launch: what the deck was started with.
        name: the profile's.
        entered: keys by profile that serve before any other: the operator gave them to this deck alone.

    Raises:
        CredentialsMissing: it has no keys.
        ArkdeckError: configuration, keys or journal are not usable.
    """
    resolved = await in_daemon(partial(resolve_profile, launch.paths, name, launch.environ), name="profile")
    keys = entered.get(resolved.profile.name)
    async with _open(resolved, launch, launch.environ, launch.paths.data_dir, keys) as connection:
        yield connection


@asynccontextmanager
async def open_local(launch: Launch, start: LocalStart) -> AsyncIterator[Connection]:
    """Start a local cloud in a child process and open it, its journal in a temporary folder; all is gone at the end.

    Raises:
        UsageError: it cannot start, or there is no such scene.
    """
    with tempfile.TemporaryDirectory(prefix="arkdeck-") as folder:
        async with embedded_cloud(start.scene) as info:
            home, environ = Path(folder), environment_of(info)
            resolved = resolve_profile(Paths(home / "config.toml", home, home), None, environ)
            resolved = replace(resolved, profile=msgspec.structs.replace(resolved.profile, name=LOCAL_NAME))
            async with _open(resolved, launch, environ, home) as connection:
                yield replace(connection, variables=environ, example_to=start.example_to)


@asynccontextmanager
async def _open(
    resolved: ResolvedProfile,
    launch: Launch,
    environ: Mapping[str, str],
    data_dir: Path,
    entered: Credentials | None = None,
) -> AsyncIterator[Connection]:
    await in_daemon(_import_clients, name="imports")
    from tui.runs.poller import Poller
    from tui.runs.services import open_services
    from tui.runs.transfers import Transfers
    from tui.settings.credentials import find_credentials

    if launch.read_only:
        resolved = _read_only(resolved)
    credentials = entered or await find_credentials(resolved, environ)
    profile = resolved.profile
    async with (
        open_services(profile, credentials, data_dir=data_dir, clock=launch.clock) as services,
        Transfers(services, profile=profile.name if resolved.named else "") as transfers,
    ):
        interval = refresh_interval(launch.settings, on_loopback=services.ark.on_loopback)
        poller = Poller(services, profile.project, interval=interval)
        yield Connection(resolved, credentials, services, poller, transfers)


def _read_only(resolved: ResolvedProfile) -> ResolvedProfile:
    profile = msgspec.structs.replace(resolved.profile, read_only=True)
    return replace(resolved, profile=profile, origins={**resolved.origins, "read_only": "--read-only"})


def _import_clients() -> None:
    """Import what opening and the first request take, all of which is too slow for the event loop."""
    import anyio._backends._asyncio  # noqa: F401  # chosen and imported by name with the first connection
    import httpcore  # noqa: F401  # by `httpx`, with the first client

    import tui.ark.client
    import tui.runs.journal
    import tui.runs.poller
    import tui.runs.services
    import tui.runs.transfers
    import tui.settings.credentials
    import tui.storage.client  # noqa: F401
