"""The embedded local cloud: Ark OpenAPI and object store on two loopback ports, with an engine behind."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tui.clock import Clock, FrozenClock, SystemClock
from tui.files import private_folder
from tui.localcloud.ark_actions import BatchService
from tui.localcloud.ark_api import ArkApi
from tui.localcloud.engine import Engine, EngineThread
from tui.localcloud.failures import CannotStartError
from tui.localcloud.fault_spec import check_fault
from tui.localcloud.faults import Fault, FaultPlan
from tui.localcloud.front_desk import FrontDesk
from tui.localcloud.http_server import HOST
from tui.localcloud.jobs import JobStore
from tui.localcloud.keys import Keys, load_keys
from tui.localcloud.object_storage import ObjectStorage
from tui.localcloud.options import CloudOptions
from tui.localcloud.request_log import RequestLog, RequestRecord
from tui.localcloud.scene_past import Past
from tui.localcloud.scenes import play
from tui.localcloud.tos_api import TosService

if TYPE_CHECKING:
    from types import TracebackType

    from tui.localcloud.model_endpoint import ModelEndpoint

BUCKET: Final = "arkdeck-local"


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
        clock: of the engine; a FrozenClock stands still but for `advance`. Signatures go by the wall's clock.
        keys: to sign with instead of the data folder's own, such as temporary ones with a session token.
        options: the other fields of CloudOptions, such as `speed=0`.

    Raises:
        OptionError: a fault can never happen, or the speed is none.
    """

    def __init__(
        self, data: Path | None = None, *, clock: Clock | None = None, keys: Keys | None = None, **options: Any
    ) -> None:
        self._options = CloudOptions(data=data, **options)
        for fault in self._options.faults:
            check_fault(fault)
        self._clock = clock or SystemClock()
        self._keys = keys
        self._running = contextlib.ExitStack()
        self._faults = FaultPlan(self._options.faults)
        self._log = RequestLog()
        self._engine: Engine | None = None
        self._info: CloudInfo | None = None

    @property
    def info(self) -> CloudInfo:
        """How to reach the cloud (RuntimeError unless it runs)."""
        if self._info is None:
            raise RuntimeError("the local cloud is not running")
        return self._info

    @property
    def requests(self) -> list[RequestRecord]:
        """What was asked of the running or stopped cloud and what became of it, the last 100 000 requests."""
        return self._log.records()

    def fault(self, where: str, **words: Any) -> None:
        """Have one more fault from now on, as the fields of a Fault: `fault("tos:UploadPart", nth=3, reset="after")`.

        Raises:
            OptionError: nothing of the cloud can ever meet it, or it does nothing.
        """
        fault = Fault(where, **words)
        check_fault(fault)
        self._faults.add(fault)

    def clear_faults(self) -> None:
        """Have no faults from now on, those of the options included."""
        self._faults.clear()

    def start(self) -> Self:
        """Start both services and return when both accept connections.

        Raises:
            PortTakenError: a port is in use.
            StorageInUseError: another cloud has the data folder.
            StoreTooNewError: a later version wrote the data folder.
            SceneError: there is no such scene, or the data folder has jobs.
            ModelUrlError: the model is not on this machine.
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
        options = self._options
        data = options.data
        if data is None:
            data = Path(tempfile.mkdtemp(prefix="arkdeck-local-"))
            stack.callback(shutil.rmtree, data)
        private_folder(data)
        keys = self._keys or load_keys(data)
        storage = ObjectStorage(data / "objects")
        stack.callback(storage.close)
        if not storage.bucket_exists(BUCKET):
            storage.create_bucket(BUCKET)
        self._log = RequestLog(options.log)
        stack.callback(self._log.close)
        service = self._batch_service(stack, data, storage)
        ark = ArkApi(service, keys, options.region, FrontDesk("ark", self._faults, self._log))
        tos = TosService(storage, keys, options.region, FrontDesk("tos", self._faults, self._log))
        for server, port in ((ark, options.port), (tos, options.port and options.port + 1)):
            _start(server, port)
            stack.callback(server.stop)
        self._faults.begin()
        stack.callback(self._faults.end)
        return CloudInfo(
            ark_endpoint=f"http://{HOST}:{ark.port}",
            tos_endpoint=f"http://{HOST}:{tos.port}",
            region=options.region,
            access_key=keys.access_key,
            secret_key=keys.secret_key,
            bucket=BUCKET,
            data=str(data),
        )

    def _batch_service(self, stack: contextlib.ExitStack, data: Path, storage: ObjectStorage) -> BatchService:
        options = self._options
        jobs = JobStore(data / "ark.sqlite3")
        stack.callback(jobs.close)
        if options.scene:
            past = Past(
                jobs,
                storage,
                data / "rows",
                bucket=BUCKET,
                now=self._clock.now(),
                seed=options.seed,
                assume=options.assume,
            )
            play(options.scene, past)
        model = _model_endpoint(options.model_url) if options.model_url else None
        if model is not None:
            stack.callback(model.close)
        engine = Engine(
            jobs,
            storage,
            data / "rows",
            clock=self._clock,
            speed=options.speed,
            seed=options.seed,
            assume=options.assume,
            faults=self._faults,
            model=model,
        )
        stack.callback(engine.close)
        self._engine = engine
        thread = EngineThread(engine, self._clock)
        if not isinstance(self._clock, FrozenClock):
            thread.start()
            stack.callback(thread.stop)
        return BatchService(jobs, engine, storage, self._clock, changed=thread.wake, assume=options.assume)


def _model_endpoint(url: str) -> ModelEndpoint:
    from tui.localcloud.model_endpoint import ModelEndpoint  # its library takes 0.15 s to import

    return ModelEndpoint(url)


def _start(server: ArkApi | TosService, port: int) -> None:
    try:
        server.start(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(error.errno, f"port {port} of {HOST} is in use: take another, or 0 for any") from error
