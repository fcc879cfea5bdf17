"""All that the files tell of one request: its reply read as a whole, for tables, exports and the screens."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.dataset.json_line import HugeNumber, LineParser, NotANumber
from tui.dataset.reply import Fate, RequestReader, error_of, parsed, tokens_of
from tui.dataset.request import id_text
from tui.dataset.results import Tokens
from tui.dataset.rules import PLATFORM_LIMITS
from tui.i18n import _

if TYPE_CHECKING:
    from tui.dataset.row_index import Row, RowIndex

VERDICTS: Final = {"ok": Fate.OK, "failed": Fate.FAILED, "missing": Fate.MISSING}
"""What became of a request, as an account counts it."""

FLAGS: Final = {"truncated": Fate.TRUNCATED, "refused": Fate.REFUSED, "empty": Fate.EMPTY}
"""What is said of some answers beside that they are there."""

FATES: Final = VERDICTS | FLAGS
"""Every word for what became of a request."""


@dataclass(frozen=True)
class RowDetails:
    """A request and what became of it; texts from outside as they came, whole.

    Attributes:
        row: of the index.
        custom_id: of the request, as text.
        verdict: one of VERDICTS.
        flags: of FLAGS.
        code: of a failure; empty where it has none.
        message: of a failure.
        answer: what the first choice says; None where it has no text.
        reasoning: what the first choice thought; None where it is not told.
        finish_reason: of the choices, different ones divided by commas.
        tokens: of an answer.
        request: the input's JSON object; empty unless it was asked for.
        reply: the JSON object of the reply that counts; empty without one.
    """

    row: Row
    custom_id: str
    verdict: str
    flags: tuple[str, ...]
    code: str | None
    message: str | None
    answer: str | None
    reasoning: str | None
    finish_reason: str | None
    tokens: Tokens | None
    request: Mapping[str, object]
    reply: Mapping[str, object]


class DetailsReader:
    """Reads rows of an index whole.

    Args:
        index: open.
        requests: read the requests as well.
    """

    def __init__(self, index: RowIndex, *, requests: bool = False) -> None:
        self._index = index
        self._requests = requests
        self._parser = LineParser(PLATFORM_LIMITS.depth)
        self._decode = msgspec.json.Decoder().decode
        self._custom_id = RequestReader().read

    def read(self, row: Row, line: bytes | None, custom_id: str | None = None) -> RowDetails:
        """Return what the files tell of a row.

        Args:
            row: of the index.
            line: the reply that counts for it.
            custom_id: of the request, where it is known.

        Raises:
            FileMissingError, IndexUnusableError: the input is gone or has changed, and has to be read: for the id of a
                request that is missing, or because requests were asked for.
        """
        index = self._index
        reply = self._object(line) if line is not None else {}
        custom_id = custom_id or id_text(reply.get("custom_id"))
        request_line = index.request(row) if self._requests or custom_id is None else b""
        custom_id = custom_id or self._id_on(request_line)
        failed, answered = bool(row.fate & Fate.FAILED), bool(row.fate & Fate.OK)
        code, message = error_of(reply) if failed else (None, None)
        body = _mapping(_mapping(reply.get("response")).get("body")) if answered else {}
        said = _mapping(_first(body.get("choices")).get("message"))
        return RowDetails(
            row=row,
            custom_id=custom_id,
            verdict=verdict_of(row.fate),
            flags=flags_of(row.fate),
            code=code,
            message=message,
            answer=_text(said.get("content")),
            reasoning=_text(said.get("reasoning_content")),
            finish_reason=",".join(index.reasons[row.kind]) or None if answered else None,
            tokens=Tokens(*tokens_of(body.get("usage"))) if answered else None,
            request=self._object(request_line) if self._requests else {},
            reply=reply,
        )

    def id_of_request(self, row: Row) -> str:
        """Return the id of a request as its own line tells it, which is read whole.

        Raises:
            FileMissingError, IndexUnusableError: the input is gone or has changed.
        """
        return self._id_on(self._index.request(row))

    def _id_on(self, line: bytes) -> str:
        return self._custom_id(memoryview(line)) or ""

    def _object(self, line: bytes) -> Mapping[str, object]:
        try:
            value = self._decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = _plain(parsed(self._parser, memoryview(line)))
        return _mapping(value)


def verdict_of(fate: Fate) -> str:
    """Return what became of a request: one of VERDICTS."""
    return next(name for name, each in VERDICTS.items() if fate & each)


def flags_of(fate: Fate) -> tuple[str, ...]:
    """Return what else is said of its answer: of FLAGS."""
    return tuple(name for name, each in FLAGS.items() if fate & each)


def _plain(value: object) -> object:
    """Return a value with nothing in it that JSON cannot say: numbers beyond it become text.

    It may be nested deeper than calls can be.
    """
    whole = [value]
    left: list[Any] = [whole]
    while left:
        outer = left.pop()
        for key, inner in list(outer.items() if isinstance(outer, dict) else enumerate(outer)):
            match inner:
                case dict() | list():
                    left.append(inner)
                case NotANumber():
                    outer[key] = inner.written
                case HugeNumber():
                    outer[key] = _("(a number of {count} digits)", count=inner.digits)
                case float() if not math.isfinite(inner):
                    outer[key] = str(inner)
    return whole[0]


def _text(content: object) -> str | None:
    """Return the text of a message's content, which may come in parts."""
    if isinstance(content, list):
        texts = [text for part in content if isinstance(text := _mapping(part).get("text"), str)]
        return "".join(texts) if texts else None
    return content if isinstance(content, str) else None


def _first(choices: object) -> Mapping[str, object]:
    return _mapping(choices[0]) if isinstance(choices, list) and choices else {}


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
