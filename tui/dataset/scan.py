"""One part of one file of a job, read into records: the piece of work that goes to another process."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tui.dataset.lines import open_file
from tui.dataset.message_template import message_template
from tui.dataset.reply import Fate, ReplyReader, RequestReader, UnreadableRowError
from tui.dataset.rules import PLATFORM_LIMITS
from tui.dataset.spans import SpanReader

T = TypeVar("T")
Records = NDArray[np.void]
Reasons = tuple[str, ...]
Error = tuple[str, str]

DIGEST: Final = [("hi", "<u8"), ("lo", "<u8")]
"""The two halves of an id's digest. 128 bits: among a thousand million ids two are the same by chance once in 10^20."""

REQUEST: Final = np.dtype([*DIGEST, ("offset", "<u8"), ("length", "<u4")])
"""A line of the input."""

REPLY: Final = np.dtype(
    [
        *DIGEST,
        ("offset", "<u8"),
        ("length", "<u4"),
        ("source", "<u2"),
        ("fate", "u1"),
        ("kind", "<u2"),
        ("tokens", "<u4", (4,)),
    ]
)
"""A row of a result or error file; `kind` is the number of its finish reasons if it is an answer, else of its error."""

INPUT: Final = 0
"""The number of the input among a job's files."""

_MAX_KINDS: Final = 1000
_MAX_TEMPLATE: Final = 300
_FAILED: Final = Fate.FAILED  # members of an enumeration take a while to look up
_BLAKE2: Final = hashlib.blake2b(digest_size=16)
_pack_request: Final = struct.Struct("<16sQI").pack
_pack_reply: Final = struct.Struct("<16sQIHBHIIII").pack


class Part(NamedTuple):
    """A span of a file; `source` is its number among the job's files."""

    source: int
    path: Path
    start: int
    end: int


class Scanned(NamedTuple):
    """What a part holds.

    Attributes:
        records: REQUEST or REPLY, sorted by `hi`, otherwise in the order of the file.
        reasons: the finish reasons that answers' `kind` counts from 0.
        errors: code and message template that failures' `kind` counts from 0.
        unreadable: rows that say nothing of any request.
    """

    records: Records
    reasons: tuple[Reasons, ...] = ()
    errors: tuple[Error, ...] = ()
    unreadable: int = 0


def id_digest(custom_id: str) -> bytes:
    """Return the 16 bytes that stand for an id in an index."""
    made = _BLAKE2.copy()  # quicker than a new one
    made.update(custom_id.encode("utf-8", "surrogatepass"))
    return made.digest()


def scan(part: Part) -> Scanned:
    """Read the lines that begin in a part.

    Raises:
        UsageError: the file cannot be read.
    """
    with open_file(part.path) as file:
        reader = SpanReader(file, limit=PLATFORM_LIMITS.line_bytes, inspect=part.source != INPUT)
        return _requests(reader, part) if part.source == INPUT else _replies(reader, part)


def _requests(reader: SpanReader, part: Part) -> Scanned:
    requests = RequestReader()
    found = bytearray()
    for block in reader.blocks(part.start, part.end):
        if not block.whole:
            continue
        base, view = block.base, memoryview(block.buffer)
        for known, begin, end in zip(requests.read_usual(block), block.begins, block.ends, strict=True):
            custom_id = requests.read(view[begin:end]) if known is None else known
            if custom_id is not None:
                found += _pack_request(id_digest(custom_id), base + begin, end - begin)
    return Scanned(_sorted(np.frombuffer(found, REQUEST)))


def _replies(reader: SpanReader, part: Part) -> Scanned:
    replies = ReplyReader()
    found = bytearray()
    reasons, errors = reason_kinds(), error_kinds()
    unreadable = 0
    for block in reader.blocks(part.start, part.end):
        if not block.whole:
            unreadable += 1
            continue
        base, view = block.base, memoryview(block.buffer)
        for known, begin, end in zip(replies.read_usual(block), block.begins, block.ends, strict=True):
            try:
                reply = replies.read(view[begin:end], plain=block.plain) if known is None else known
            except UnreadableRowError:
                unreadable += 1
                continue
            if reply is None:
                continue
            if reply.fate is _FAILED:
                kind = number_error(errors, (reply.code, message_template(reply.message)[:_MAX_TEMPLATE]))
            else:
                kind = reasons.number(reply.reasons)
            digest, offset = id_digest(reply.custom_id), base + begin
            found += _pack_reply(digest, offset, end - begin, part.source, reply.fate, kind, *reply.tokens)
    records = _sorted(np.frombuffer(found, REPLY))
    return Scanned(records, tuple(reasons), tuple(errors), unreadable)


class Kinds(Generic[T]):
    """Numbers what rows have in common, from 0; number 0 is what is left when there is no more room.

    Args:
        rest: what number 0 stands for.
    """

    def __init__(self, rest: T) -> None:
        self._numbers = {rest: 0}

    def number(self, kind: T, *wider: T) -> int:
        """Return the number of `kind`; once very many are known, that of the first of `wider` there is room for."""
        known = self._numbers.get(kind)
        return self._new_number(kind, *wider) if known is None else known

    def _new_number(self, *candidates: T) -> int:
        for rank, candidate in enumerate(candidates, start=1):
            known = self._numbers.get(candidate)
            if known is not None:
                return known
            if len(self._numbers) < rank * _MAX_KINDS:
                return self._numbers.setdefault(candidate, len(self._numbers))
        return 0

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)


def reason_kinds() -> Kinds[Reasons]:
    """Return the numbering of finish reasons."""
    return Kinds(())


def error_kinds() -> Kinds[Error]:
    """Return the numbering of errors."""
    return Kinds(("", ""))


def number_error(kinds: Kinds[Error], error: Error) -> int:
    """Return the number of an error; past the most that are told apart, of its code, or of no code."""
    return kinds.number(error, (error[0], ""))


def _sorted(records: Records) -> Records:
    return records.take(np.argsort(records["hi"], kind="stable"))
