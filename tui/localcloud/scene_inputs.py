"""The input files of the scenes: questions that are answered or refused, and files that fail their jobs."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.localcloud.scene_texts import HOSTILE, QUESTIONS

if TYPE_CHECKING:
    from tui.localcloud.object_storage import ObjectStorage

_MAX_TOKENS: Final = 48
_REFUSED_EVERY: Final = 17


class InputKind(Enum):
    """What is in an input file; the last ones fail their job, MISSING by not being there."""

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
            target.writelines(_line(kind, number, requests) + b"\n" for number in range(requests))


def _line(kind: InputKind, number: int, requests: int) -> bytes:
    question = QUESTIONS[number % len(QUESTIONS)]
    line: dict[str, Any] = {"custom_id": f"request-{number:06d}", "body": _chat(question)}
    if kind is InputKind.EMBEDDINGS:
        line["body"] = {"input": [question], "dimensions": 16}
    elif kind is InputKind.HOSTILE:
        hostile = HOSTILE[number % len(HOSTILE)]
        line = {"custom_id": f"{hostile}{number}", "body": _chat(hostile)}
    elif kind is InputKind.ALL_REFUSED or (kind is InputKind.SOME_REFUSED and number % _REFUSED_EVERY == 0):
        line["body"]["messages"][0]["role"] = "robot"
    elif kind is InputKind.EMPTY:
        return b""
    elif number == requests * 2 // 3:
        return _with_fault(kind, line)
    return msgspec.json.encode(line)


def _with_fault(kind: InputKind, line: dict[str, Any]) -> bytes:
    """Break the rule that the kind is named after."""
    if kind is InputKind.NO_CUSTOM_ID:
        del line["custom_id"]
    elif kind is InputKind.DUPLICATE:
        line["custom_id"] = "request-000000"
    elif kind is InputKind.BODY_NOT_OBJECT:
        line["body"] = "why is the sky blue?"
    whole = msgspec.json.encode(line)
    return whole[:-1] if kind is InputKind.NOT_JSON else whole


def _chat(question: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], "max_tokens": _MAX_TOKENS}
