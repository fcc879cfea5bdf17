"""Rows of results.jsonl and errors.jsonl, whoever answered (ark-openapi.md §3)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from tui.localcloud.online_rules import Refusal

_encoder: Final = msgspec.json.Encoder()


class Response(msgspec.Struct):
    """An answer; `body` is what the online API would send."""

    request_id: str
    status_code: int
    body: Any


class Error(msgspec.Struct):
    """Why there is none."""

    code: str
    type: str
    message: str


class Row(msgspec.Struct):
    """A line of either file."""

    id: str
    custom_id: str
    error: Error | None
    response: Response | None


def identity(custom_id: str, key: bytes = b"") -> bytes:
    """Return 16 bytes that follow from a request's custom_id and up to 64 bytes of `key`."""
    return hashlib.blake2b(custom_id.encode("utf-8", "surrogatepass"), digest_size=16, key=key).digest()


def answered_row(name: str, custom_id: str, response: Response) -> bytes:
    """Return the line of an answered request; `name` is its identity in hexadecimal."""
    return encode_json(Row(f"batch-{name[:16]}", custom_id, None, response)) + b"\n"


def refused_row(name: str, custom_id: str, refused: Refusal, request_id: str) -> bytes:
    """Return the line of a refused request."""
    error = Error(refused.code, refused.type, f"{refused.message} Request id: {request_id}")
    return encode_json(Row(f"batch-{name[:16]}", custom_id, error, None)) + b"\n"


def encode_json(value: Any) -> bytes:
    """Return compact JSON; a lone surrogate of the input, which UTF-8 cannot carry, stays an escape."""
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), separators=(",", ":")).encode()
