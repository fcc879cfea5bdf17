"""A real HTTP forwarder between client and local cloud that breaks chosen exchanges at a chosen byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field
from typing import BinaryIO

_PIECE = 64 * 1024


@dataclass
class Fault:
    """What happens to the next `times` requests of this method whose target contains `target`, for this range if named.

    At most one of the others is set; numbers are bytes of the body after which it happens.
    """

    method: str
    target: str = ""
    range: str = ""
    times: int = 1
    cut_request: int | None = None
    stall_request: int | None = None
    cut_reply: int | None = None
    stall_reply: int | None = None
    drop_reply: bool = False
    flip_reply: int | None = None
    answer: bytes = b""
    change_header: tuple[str, str | None] | None = None


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    target: str
    headers: dict[str, str]


class _CutError(Exception):
    """The exchange ends here."""


@dataclass
class FaultyProxy:
    """Forwards requests from its own port to `port`, both on 127.0.0.1."""

    port: int
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalled = threading.Event()
        self._released = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, name="faulty-proxy", daemon=True).start()

    def close(self) -> None:
        """Stop listening and end every exchange."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for open_socket in self._sockets:
                with contextlib.suppress(OSError):
                    open_socket.shutdown(socket.SHUT_RDWR)

        self.release()

    def release(self) -> None:
        """Let what is stalled go on."""
        self._released.set()

    def count(self, method: str, target: str = "") -> int:
        """Return how many such requests arrived."""
        return sum(seen.method == method and target in seen.target for seen in self.seen)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), name="faulty-exchange", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self.port)) as server:
            with self._lock:
                self._sockets |= {client, server}
            try:
                with client.makefile("rb") as requests, server.makefile("rb") as replies:
                    while self._exchange(client, server, requests, replies):
                        pass
            except _CutError:
                pass
            finally:
                with self._lock:
                    self._sockets -= {client, server}

    def _exchange(self, client: socket.socket, server: socket.socket, requests: BinaryIO, replies: BinaryIO) -> bool:
        head, fields = _read_head(requests)
        if not head:
            return False
        method, target, _version = head[0].split(" ", 2)
        with self._lock:
            self.seen.append(Seen(method, target, fields))
            fault = self._next_fault(method, target, fields.get("range", ""))
        length = int(fields.get("content-length", 0))
        if fault.answer:
            requests.read(length)
            client.sendall(fault.answer)
            return True
        server.sendall(_encode(head))
        self._forward(requests, server, length, cut=fault.cut_request, stall=fault.stall_request)
        head, fields = _read_head(replies)
        if fault.drop_reply:
            raise _CutError
        if fault.change_header is not None:
            head = _with_header(head, *fault.change_header)
        client.sendall(_encode(head))
        length = 0 if method == "HEAD" else int(fields.get("content-length", 0))
        if fault.flip_reply is not None:
            body = bytearray(replies.read(length))
            body[fault.flip_reply] ^= 1
            client.sendall(body)
        else:
            self._forward(replies, client, length, cut=fault.cut_reply, stall=fault.stall_reply)
        return True

    def _next_fault(self, method: str, target: str, asked: str) -> Fault:
        for fault in self.faults:
            if fault.times and fault.method == method and fault.target in target and fault.range in ("", asked):
                fault.times -= 1
                return fault
        return Fault(method)

    def _forward(
        self, source: BinaryIO, sink: socket.socket, length: int, *, cut: int | None, stall: int | None
    ) -> None:
        first = min(length, *(limit for limit in (cut, stall, length) if limit is not None))
        _copy(source, sink, first)
        if cut is not None:
            raise _CutError
        if stall is not None:
            self.stalled.set()
            self._released.wait()
        _copy(source, sink, length - first)


def _copy(source: BinaryIO, sink: socket.socket, length: int) -> None:
    while length:
        piece = source.read1(min(length, _PIECE))  # type: ignore[attr-defined]
        if not piece:
            raise _CutError
        sink.sendall(piece)
        length -= len(piece)


def _read_head(source: BinaryIO) -> tuple[list[str], dict[str, str]]:
    lines: list[str] = []
    while line := source.readline().decode("latin-1").rstrip("\r\n"):
        lines.append(line)
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return lines, fields


def _encode(head: list[str]) -> bytes:
    return "".join(f"{line}\r\n" for line in [*head, ""]).encode("latin-1")


def _with_header(head: list[str], name: str, value: str | None) -> list[str]:
    kept = [line for line in head if not line.lower().startswith(f"{name}:")]
    return kept if value is None else [*kept, f"{name}: {value}"]
