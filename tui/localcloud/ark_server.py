"""The transport of the Ark OpenAPI: uvicorn on 127.0.0.1, in a thread of this process."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Final

import uvicorn

if TYPE_CHECKING:
    from starlette.applications import Starlette

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 256
_STOP_SECONDS: Final = 1


class ArkServer:
    """Serves an application until it is stopped.

    Args:
        app: answers the requests.

    Attributes:
        port: where it listens once it was started.
    """

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self.port = 0

    def start(self, port: int = 0) -> None:
        """Listen and serve; 0 takes any free port (OSError when it is taken)."""
        self._listener = socket.create_server((HOST, port), backlog=_BACKLOG)
        # inherited by connections; without it every reply waits 40 ms for the acknowledgement of its own headers
        self._listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(
            target=self._server.run, args=([self._listener],), name="ark-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Answer the requests under way, a second at most, and end."""
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()
