"""Rows as the screens read them: glances for a list, read with little however long the lines are, and whole ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final

from tui.dataset.lines import FileMissingError
from tui.dataset.reply import Fate
from tui.dataset.row_details import DetailsReader, flags_of, verdict_of
from tui.dataset.row_index import IndexUnusableError
from tui.dataset.scan import INPUT
from tui.errors import ArkdeckError

if TYPE_CHECKING:
    from tui.dataset.row_details import RowDetails
    from tui.dataset.row_index import Row, RowIndex

EXCERPT: Final = 400
"""Characters of an answer or a message that are kept."""

_SHORT: Final = 64 * 1024  # bytes of a line that is read whole
_EDGE: Final = 4 * 1024  # bytes at either end of a longer one
_ID: Final = re.compile(rb'"custom_id"\s*:\s*("(?:[^"\\]|\\.)*"|-?[0-9]+)')


@dataclass(frozen=True)
class Glance:
    """A request and what became of it, in short; texts from outside as they came, but cut.

    Attributes:
        row: of the index.
        custom_id: of the request, as text; None where it cannot be read.
        verdict: one of VERDICTS.
        flags: of FLAGS.
        why: the code of a failure, the finish reasons of an answer; empty where it has none.
        tokens: that an answer took; None where that is not known.
        excerpt: the beginning of the answer or of the failure's message; None of a reply too long for a glance.
    """

    row: Row
    custom_id: str | None
    verdict: str
    flags: tuple[str, ...]
    why: str
    tokens: int | None
    excerpt: str | None


@dataclass(frozen=True)
class WholeRow:
    """A request with its lines.

    Attributes:
        details: what they tell; without the id and the request, where there is no input.
        request: the line that was sent; None where it cannot be read.
        reply: the line of the reply that counts; None without one.
        no_input: why the input cannot be read.
    """

    details: RowDetails
    request: bytes | None
    reply: bytes | None
    no_input: ArkdeckError | None = None


class RowReader:
    """Reads rows of an open index, from any thread; who stops it waits for what is being read.

    Args:
        index: stays open until the reader is stopped.
    """

    def __init__(self, index: RowIndex) -> None:
        self._index = index
        self._details = DetailsReader(index)
        self._with_requests = DetailsReader(index, requests=True)
        self._lock = Lock()
        self._stopped = False

    def stop(self) -> None:
        """Read nothing more."""
        with self._lock:
            self._stopped = True

    def glances(self, numbers: Sequence[int]) -> list[Glance]:
        """Return glances at rows by their places in the input; none once the reader is stopped.

        Raises:
            FileMissingError, IndexUnusableError: a reply's file is gone or has changed. Where the input is, ids of
                requests without a reply are not known.
        """
        with self._lock:
            return [] if self._stopped else [self._glance(self._index.row(number)) for number in numbers]

    def whole(self, number: int) -> WholeRow | None:
        """Return all that the files tell of a row; None once the reader is stopped.

        Raises:
            FileMissingError, IndexUnusableError: a reply's file is gone or has changed.
        """
        with self._lock:
            if self._stopped:
                return None
            row = self._index.row(number)
            reply = self._index.reply(row)
            try:
                details = self._with_requests.read(row, reply)
                return WholeRow(details, self._index.request(row), reply)
            except (FileMissingError, IndexUnusableError) as error:
                custom_id = None if reply is not None else ""
                details = self._details.read(row, reply, custom_id)
                return WholeRow(details, None, reply, no_input=error)

    def _glance(self, row: Row) -> Glance:
        if row.reply_length > _SHORT:
            return self._long(row)
        line = self._index.reply(row)
        if line is None:
            return Glance(row, self._id_of_request(row), verdict_of(row.fate), flags_of(row.fate), "", None, "")
        details = self._details.read(row, line)
        tokens, text = details.tokens, details.message if row.fate & Fate.FAILED else details.answer
        return Glance(
            row,
            details.custom_id,
            details.verdict,
            details.flags,
            details.code or details.finish_reason or "",
            tokens.prompt + tokens.completion if tokens else None,
            (text or "")[:EXCERPT],
        )

    def _long(self, row: Row) -> Glance:
        """Return what index and edges tell of a row whose reply is too long to be read for a list."""
        custom_id = self._id_at_the_edges(row, row.source, row.reply_offset, row.reply_length)
        if custom_id is None:
            custom_id = self._details.read(row, self._index.reply(row)).custom_id
        failed = row.fate & Fate.FAILED
        why = self._index.errors[row.kind][0] if failed else ",".join(self._index.reasons[row.kind])
        return Glance(row, custom_id, verdict_of(row.fate), flags_of(row.fate), why, None, None)

    def _id_of_request(self, row: Row) -> str | None:
        try:
            if row.length > _SHORT:
                found = self._id_at_the_edges(row, INPUT, row.offset, row.length)
                if found is not None:
                    return found
            return self._details.id_of_request(row)
        except (FileMissingError, IndexUnusableError):
            return None

    def _id_at_the_edges(self, row: Row, source: int, offset: int, length: int) -> str | None:
        """Return the id that stands near an end of a line, if it is this row's and no other text that looks like it."""
        for start in (0, length - _EDGE):
            for custom_id in _ids(self._index.line(source, offset + start, _EDGE)):
                if self._index.find(custom_id) == row:
                    return custom_id
        return None


def _ids(part: bytes) -> Iterator[str]:
    for found in _ID.finditer(part):
        try:
            yield str(json.loads(found[1]))
        except ValueError:  # not UTF-8, or no escape of JSON
            continue
