"""The transport of both protocols: a thread per connection on 127.0.0.1, over plain sockets.

An ASGI server takes 0.5 GB/s even when it discards what it gets; this carries several times as much.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Final

from tui.localcloud.http_messages import (
    Ending,
    PeerGoneError,
    Request,
    Response,
    Source,
    read_request,
    write_response,
)
from tui.localcloud.tos_errors import TosError

if TYPE_CHECKING:
    from collections.abc import Callable

HOST: Final = "127.0.0.1"
_BACKLOG: Final = 256
_STOP_SECONDS: Final = 2.0
_ACCEPT_PAUSE: Final = 0.1
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_IGNORED_BYTES: Final = 65536
_LINGER_SECONDS: Final = 1.0
_TLS_HANDSHAKE: Final = 0x16

_logger = logging.getLogger(__name__)


class HttpServer:
    """Serves requests until it is stopped.

    Args:
        name: of its threads.
        answer: makes the response to a request; called by many threads at once.
        refuse: makes the response to what is not a request.

    Attributes:
        port: where it listens once it was started.
    """

    def __init__(
        self, name: str, answer: Callable[[Request], Response], refuse: Callable[[TosError], Response]
    ) -> None:
        self.name = name
        self._answer = answer
        self._refuse = refuse
        self._acceptor: threading.Thread | None = None
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, _Connection] = {}
        self._stopping = False
        self.port = 0

    def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1 and accept connections; 0 takes any free port (OSError when it is taken)."""
        listener = socket.create_server((HOST, port), backlog=_BACKLOG)
        self.port = int(listener.getsockname()[1])
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener,), name=f"{self.name} listener", daemon=True
        )
        self._acceptor.start()

    def stop(self) -> None:
        """Close the listener and idle connections at once, the others when they have answered or 2 s later."""
        if self._acceptor is None or self._stopping:
            return
        with self._lock:
            self._stopping = True
            connections = list(self._connections.values())
            for connection in connections:
                connection.end(only_idle=True)
        with contextlib.suppress(OSError):  # wakes the accepting thread, which sees that we stop
            socket.create_connection((HOST, self.port), timeout=1).close()
        self._acceptor.join(_STOP_SECONDS)
        deadline = time.monotonic() + _STOP_SECONDS
        for connection in connections:
            connection.thread.join(max(0.0, deadline - time.monotonic()))
        for connection in connections:
            connection.end()
            connection.thread.join(1)

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            while not self._stopping:
                try:
                    peer, _ = listener.accept()
                except OSError as error:  # too many open files: some will be closed
                    _logger.error("cannot accept a connection: %s", error)  # noqa: TRY400
                    time.sleep(_ACCEPT_PAUSE)
                else:
                    self._begin(peer)

    def _begin(self, peer: socket.socket) -> None:
        with self._lock:
            if self._stopping:
                peer.close()
                return
            connection = self._connections[peer] = _Connection(peer, self)
            connection.thread.start()

    def serve(self, connection: _Connection) -> None:
        """Answer the requests of one connection, one after another, until either side ends it."""
        peer, source = connection.peer, Source(connection.peer)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while self._may_continue(connection):
                if source.wait() == _TLS_HANDSHAKE:  # it would wait for an answer that it cannot read
                    break
                connection.busy = True
                if not self._exchange(connection, source):
                    break
        except (PeerGoneError, OSError):
            pass  # the peer's right, and not ours to report
        finally:
            with self._lock:
                del self._connections[peer]
            peer.close()

    def _may_continue(self, connection: _Connection) -> bool:
        with self._lock:
            connection.busy = False
            return not self._stopping

    def _exchange(self, connection: _Connection, source: Source) -> bool:
        """Read one request and answer it; return whether another may follow."""
        peer = connection.peer
        try:
            request = read_request(source, peer)
        except TosError as error:
            write_response(peer, "", self._refuse(error), close=True)
            self._linger(connection)
            return False
        try:
            response = self._answer(request)
        except Exception:  # whatever went wrong, the peer is not left waiting
            _logger.exception("%s failed to answer", self.name)
            response = Response(500)
        close = self._stopping or not request.keep_alive or not request.body.ended
        write_response(peer, request.method, response, close=close)
        if response.cut is not None:
            self._cut(connection, response.cut.ending)
            return False
        if not request.body.ended:
            self._linger(connection)
        return not close

    def _linger(self, connection: _Connection) -> None:
        """Let the peer read the answer: closing with bytes unread would reset the connection and take it away."""
        peer, deadline = connection.peer, time.monotonic() + _LINGER_SECONDS
        peer.shutdown(socket.SHUT_WR)
        if self._may_continue(connection):  # not busy: `stop` need not wait for it
            while (left := deadline - time.monotonic()) > 0:
                peer.settimeout(left)
                if not peer.recv(_IGNORED_BYTES):
                    break

    def _cut(self, connection: _Connection, ending: Ending) -> None:
        if ending is Ending.RESET:  # closing discards what is on its way instead of waiting for it
            connection.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        elif ending is Ending.STALL and self._may_continue(connection):  # not busy: `stop` need not wait for it
            while connection.peer.recv(_IGNORED_BYTES):
                pass


class _Connection:
    """A connection and the thread that serves it."""

    def __init__(self, peer: socket.socket, server: HttpServer) -> None:
        self.peer = peer
        self.busy = False
        self.thread = threading.Thread(target=server.serve, args=(self,), name=f"{server.name} connection", daemon=True)

    def end(self, *, only_idle: bool = False) -> None:
        """Shut the socket down, so that its thread sees the end."""
        if not (only_idle and self.busy):
            with contextlib.suppress(OSError):
                self.peer.shutdown(socket.SHUT_RDWR)
