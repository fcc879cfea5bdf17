"""The input files of the scenes: questions that are answered or refused, and files that fail their jobs."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.localcloud.scene_texts import HOSTILE, QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.localcloud.object_storage import ObjectStorage

_MAX_TOKENS: Final = 48
_REFUSED_EVERY: Final = 17


class InputKind(Enum):
    """What is in an input file."""

    CHAT = auto()
    SOME_REFUSED = auto()
    ALL_REFUSED = auto()
    EMBEDDINGS = auto()
    HOSTILE = auto()
    NOT_JSON = auto()
    NO_CUSTOM_ID = auto()
    DUPLICATE = auto()
    BODY_NOT_OBJECT = auto()
    EMPTY = auto()
    MISSING = auto()


class SceneInputs:
    """Puts inputs into the object store; equal ones share their bytes.

    Args:
        storage: where they go.
        bucket: exists already.
    """

    def __init__(self, storage: ObjectStorage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._made: dict[tuple[InputKind, int], str] = {}

    def put(self, key: str, kind: InputKind, requests: int) -> None:
        """Make the object `key` of so many requests; of the kind MISSING nothing is made."""
        if kind is InputKind.MISSING:
            return
        before = self._made.setdefault((kind, requests), key)
        if before != key:
            self._storage.copy((self._bucket, before), (self._bucket, key))
            return
        with self._storage.writer(self._bucket, key) as target:
            target.writelines(_line(kind, number, requests) for number in range(requests))


def _line(kind: InputKind, number: int, requests: int) -> bytes:
    make = _CHANGES.get(kind)
    line: dict[str, Any] = {"custom_id": f"request-{number:06d}", "body": _chat(QUESTIONS[number % len(QUESTIONS)])}
    if make is not None:
        line = make(line, number, requests)
    return msgspec.json.encode(line) + b"\n" if line else b"\n"
