"""The embedded local cloud: Ark OpenAPI and object store on two loopback ports, with an engine behind."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tui.clock import Clock, FrozenClock, SystemClock
from tui.files import private_folder
from tui.localcloud.ark_actions import BatchService
from tui.localcloud.engine import Engine, EngineThread
from tui.localcloud.failures import CannotStartError
from tui.localcloud.jobs import JobStore
from tui.localcloud.keys import Keys, load_keys
from tui.localcloud.object_storage import ObjectStorage

if TYPE_CHECKING:  # the servers' libraries take 0.2 s to import, which the parent of a child process need not pay
    from types import TracebackType

    from tui.localcloud.ark_server import ArkServer
    from tui.localcloud.tos_api import TosService

HOST: Final = "127.0.0.1"
BUCKET: Final = "arkdeck-local"
DEFAULT_REGION: Final = "cn-beijing"
DEFAULT_SPEED: Final = 200.0


class PortTakenError(CannotStartError, OSError):
    """Something else listens where the local cloud should."""


@dataclass(frozen=True)
class CloudInfo:
    """What a client needs to know of a running local cloud.

    Attributes:
        ark_endpoint: `http://127.0.0.1:PORT` of the Ark OpenAPI.
        tos_endpoint: the same of the object store.
        region: of both signatures.
        access_key: for both.
        secret_key: for both.
        bucket: exists already.
        data: the folder with everything, for another start.
    """

    ark_endpoint: str
    tos_endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    data: str

    def as_dict(self) -> dict[str, str]:
        """Return the fields by name, secret included, for the one line that a child process prints."""
        return asdict(self)


class LocalCloud:
    """A cloud of one's own, inside this process; `with LocalCloud() as cloud: cloud.info`.

    Args:
        data: keeps jobs, objects and keys across restarts; a temporary folder, gone at the end, when None.
        port: of the Ark OpenAPI, the object store taking the next one; 0 for any two.
        region: that clients must sign for.
        speed: requests per second of each job; 0 for as fast as it can.
        seed: of answers and their order.
        clock: of the engine; a FrozenClock stands still but for `advance`. Signatures go by the wall's clock.
        keys: to sign with instead of the data folder's own, such as temporary ones with a session token.
    """

    def __init__(
        self,
        data: Path | None = None,
        *,
        port: int = 0,
        region: str = DEFAULT_REGION,
        speed: float = DEFAULT_SPEED,
        seed: int = 0,
        clock: Clock | None = None,
        keys: Keys | None = None,
    ) -> None:
        self._data = data
        self._port = port
        self._region = region
        self._speed = speed
        self._seed = seed
        self._clock = clock or SystemClock()
        self._keys = keys
        self._running = contextlib.ExitStack()
        self._engine: Engine | None = None
        self._info: CloudInfo | None = None

    @property
    def info(self) -> CloudInfo:
        """How to reach the cloud (RuntimeError unless it runs)."""
        if self._info is None:
            raise RuntimeError("the local cloud is not running")
        return self._info

    def start(self) -> Self:
        """Start both services and return when both accept connections.

        Raises:
            PortTakenError: a port is in use.
            StorageInUseError: another cloud has the data folder.
            StoreTooNewError: a later version wrote the data folder.
            OSError: the data folder cannot be made or written.
        """
        with contextlib.ExitStack() as starting:
            self._info = self._start(starting)
            self._running = starting.pop_all()
        return self

    def stop(self) -> None:
        """Stop both services; jobs under way go on when a cloud starts on the same data."""
        self._info = None
        self._engine = None
        self._running.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def advance(self, seconds: float) -> None:
        """Move the engine's FrozenClock by `seconds` and do all that is due on the way (TypeError: another clock)."""
        clock = self._clock
        if not isinstance(clock, FrozenClock) or self._engine is None:
            raise TypeError("only a running cloud on a FrozenClock can be advanced")
        self._engine.advance(clock, seconds)

    def _start(self, stack: contextlib.ExitStack) -> CloudInfo:
        data = self._data
        if data is None:
            data = Path(tempfile.mkdtemp(prefix="arkdeck-local-"))
            stack.callback(shutil.rmtree, data)
        private_folder(data)
        keys = self._keys or load_keys(data)
        storage = ObjectStorage(data / "objects")
        stack.callback(storage.close)
        if not storage.bucket_exists(BUCKET):
            storage.create_bucket(BUCKET)
        ark = self._ark_server(stack, data, storage, keys)
        tos = self._tos_server(storage, keys)
        for server, port in ((ark, self._port), (tos, self._port and self._port + 1)):
            _start(server, port)
            stack.callback(server.stop)
        return CloudInfo(
            ark_endpoint=f"http://{HOST}:{ark.port}",
            tos_endpoint=f"http://{HOST}:{tos.port}",
            region=self._region,
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            bucket=BUCKET,
            data=str(data),
        )

    def _ark_server(self, stack: contextlib.ExitStack, data: Path, storage: ObjectStorage, keys: Keys) -> ArkServer:
        from tui.localcloud.ark_api import ArkApi
        from tui.localcloud.ark_server import ArkServer

        jobs = JobStore(data / "ark.sqlite3")
        stack.callback(jobs.close)
        engine = Engine(jobs, storage, data / "rows", clock=self._clock, speed=self._speed, seed=self._seed)
        stack.callback(engine.close)
        self._engine = engine
        thread = EngineThread(engine, self._clock)
        if not isinstance(self._clock, FrozenClock):
            thread.start()
            stack.callback(thread.stop)
        service = BatchService(jobs, engine, self._clock, changed=thread.wake)
        return ArkServer(ArkApi(service, keys, self._region).app)

    def _tos_server(self, storage: ObjectStorage, keys: Keys) -> TosService:
        from tui.localcloud.tos_api import TosService

        return TosService(storage, keys, self._region)


def _start(server: ArkServer | TosService, port: int) -> None:
    try:
        server.start(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(error.errno, f"port {port} of {HOST} is in use: take another, or 0 for any") from error
