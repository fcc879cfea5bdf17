"""A server on loopback that answers each request by the next step of a script, and remembers what it was sent."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; `announced` is a Content-Length that is not the body's."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    announced: int | None = None


class Reset:
    """Read the whole request, then break the connection off."""


class ResetBeforeRequest:
    """Break the connection off as soon as it stands."""


class Silence:
    """Read the whole request and never answer."""


Step = Answer | Reset | ResetBeforeRequest | Silence


def result(fields: dict[str, object]) -> Answer:
    envelope = {"ResponseMetadata": {"RequestId": "2024110121253223421421"}, "Result": fields}
    return Answer(200, json.dumps(envelope).encode())


def error(status: int, code: str, message: str = "as scripted", **headers: str) -> Answer:
    metadata = {"RequestId": "20241101", "Error": {"Code": code, "Message": message}}
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"ResponseMetadata": metadata}).encode(), renamed)


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.body)


class ScriptedServer:
    """Async context manager; `endpoint` is where it listens, `requests` what it has read so far."""

    def __init__(self, script: Sequence[Step]) -> None:
        self.script = list(script)
        self.requests: list[Request] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> ScriptedServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._server.close()
        for writer in list(self._connections):
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            if isinstance(self.script[0] if self.script else None, ResetBeforeRequest):
                self.script.pop(0)
                _break_off(writer)
                return
            while await self._serve_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _serve_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        self.requests.append(await _read_request(reader))
        step = self.script.pop(0) if self.script else error(500, "ScriptHasEnded")
        match step:
            case Reset():
                _break_off(writer)
                return False
            case Silence():
                await reader.read()
                return False
            case Answer():
                length = len(step.body) if step.announced is None else step.announced
                headers = {"Content-Type": "application/json", **step.headers, "Content-Length": str(length)}
                lines = [f"HTTP/1.1 {step.status} X", *(f"{name}: {value}" for name, value in headers.items())]
                writer.write("\r\n".join([*lines, "", ""]).encode() + step.body)
                await writer.drain()
                return step.announced is None
        raise AssertionError(step)


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body)


def _break_off(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
