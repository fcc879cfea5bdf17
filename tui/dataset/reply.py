"""One row of a job's result or error file, judged: answer or failure, and of what kind.

Two readers say the same of a row. The fast one takes only what it is certain of: an answer of the usual shape, decoded
without building its text. Every other row is read as whole JSON and judged by `_judge`, which is the rule.
"""

from __future__ import annotations

import re
from enum import IntFlag
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import msgspec

from tui.dataset.json_line import BOM, LineError, LineParser
from tui.dataset.request import id_text
from tui.dataset.rules import PLATFORM_LIMITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.dataset.spans import Block

T = TypeVar("T")

MAX_TEXT: Final = 1000
"""Characters of an error's code or message, or of a finish reason, that are looked at."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_CODE: Final = 1_000_000  # a number beyond it is no code
_MAX_TOKENS: Final = 2**32  # beyond it a count is nonsense; an index keeps 32 bits of it
_QUOTE: Final = ord('"')
_DOUBTFUL: Final = frozenset(b' "\\\xc2\xe1\xe2\xe3')  # a text that starts so may be blank
_BEGINNING: Final = 50  # bytes of a text
_NOT_TEXT: Final = frozenset(["", '"', "\\"])  # nothing, or what ends a text or may stand for a blank
_NOT_DECODED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # by msgspec; LineParser has the word


class Fate(IntFlag):
    """What became of a request: one of the first three, with any of the others beside OK."""

    OK = 1
    """It has an answer."""
    FAILED = 2
    """It has an error and no answer."""
    MISSING = 4
    """It has neither."""
    TRUNCATED = 8
    """The answer was cut off by max_tokens (finish_reason `length`)."""
    REFUSED = 16
    """The answer was withheld (finish_reason `content_filter`)."""
    EMPTY = 32
    """The answer says nothing: no choice has text or a tool call."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """A row of a result or error file.

    Attributes:
        custom_id: the request's, as text (see `id_text`).
        fate: OK with what is said of the answer, or FAILED.
        reasons: different finish reasons of the answer's choices, sorted.
        tokens: prompt, completion, cached and reasoning tokens of the answer.
        code: of a failure; empty where the row has none.
        message: of a failure; outside text, cut.
    """

    custom_id: str
    fate: Fate
    reasons: tuple[str, ...] = ()
    tokens: tuple[int, int, int, int] = (0, 0, 0, 0)
    code: str = ""
    message: str = ""


class UnreadableRowError(Exception):
    """The line is torn, not a JSON object, or without an id."""


class RequestReader:
    """Reads the ids of an input's lines."""

    def __init__(self) -> None:
        self._parser = LineParser(PLATFORM_LIMITS.depth)
        self._decode = msgspec.json.Decoder(_RequestShape).decode
        self._decode_lines = msgspec.json.Decoder(_UsualRequest).decode_lines

    def read(self, line: memoryview) -> str | None:
        """Return the id of the request on a line; None when there is none to join by."""
        try:
            return id_text(self._decode(line).custom_id)
        except _NOT_DECODED:
            row = parsed(self._parser, line)
        return id_text(row.get("custom_id")) if isinstance(row, dict) else None

    def read_usual(self, block: Block) -> list[str | None]:
        """Return the id on each line, found for many at a time; None for a line of which it is not certain."""
        requests = _value_a_line(self._decode_lines, block)
        return [request.custom_id for request in requests] if requests else [None] * len(block.ends)


class ReplyReader:
    """Reads and judges the rows of result and error files."""

    def __init__(self) -> None:
        self._parser = LineParser(PLATFORM_LIMITS.depth)
        answers = msgspec.json.Decoder(_AnswerShape)
        self._decode_answer, self._decode_answers = answers.decode, answers.decode_lines
        self._decode = msgspec.json.Decoder().decode

    def read(self, line: memoryview, *, plain: bool = False) -> Reply | None:
        """Return what a line says; None when it is blank.

        Args:
            line: without its line break.
            plain: the line is known to be UTF-8 with no CR in it, for which the fast decoder does not look.

        Raises:
            UnreadableRowError: it says nothing of any request.
        """
        if plain or _is_plain(line):
            try:
                reply = _usual_reply(self._decode_answer(line))
            except _NOT_DECODED:
                reply = None
            if reply is not None:
                return reply
            row = self._whole(line)
        else:
            row = parsed(self._parser, line)
        custom_id = id_text(row.get("custom_id")) if isinstance(row, dict) else None
        if custom_id is not None and isinstance(row, dict):
            return _judge(custom_id, row)
        if _is_blank(line):
            return None
        raise UnreadableRowError

    def read_usual(self, block: Block) -> list[Reply | None]:
        """Return what each line says, found for many at a time; None for a line of which it is not certain."""
        try:
            answers = _value_a_line(self._decode_answers, block) if block.plain else []
            replies = [_usual_reply(answer) for answer in answers]
        except _NOT_DECODED:
            replies = []
        return replies or [None] * len(block.ends)

    def _whole(self, line: memoryview) -> object:
        try:
            return self._decode(line)
        except _NOT_DECODED:
            return parsed(self._parser, line)


def _value_a_line(decode_lines: Callable[[memoryview], list[T]], block: Block) -> list[T]:
    """Return the value of each line of a block; none at all where not every line is surely one of the wanted shape.

    The decoder takes a line break for any other blank. Where every line begins and ends as an object does, though, a
    value ends wherever a line does, since a `}` with a `{` behind it is within no value and a line break within no
    string. So each line has a value or several, and one if there are as many as lines.
    """
    if not block.looks_like_objects():
        return []
    try:
        values = decode_lines(memoryview(block.buffer)[block.begins[0] : block.ends[-1]])
    except _NOT_DECODED:
        return []
    return values if len(values) == len(block.ends) else []


def _is_plain(line: memoryview) -> bool:
    data = bytes(line).strip()
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\r" not in data


def _is_blank(line: memoryview) -> bool:
    return not bytes(line).decode(errors="replace").strip()


def parsed(parser: LineParser, line: memoryview) -> object:
    """Return the value of a line, None where it has none."""
    try:
        parsed = parser.parse(bytes(line).removeprefix(BOM))
    except LineError:
        return None
    return parsed.value if parsed is not None else None


class _RequestShape(msgspec.Struct, gc=False):
    custom_id: str | int | float | None = None


class _UsualRequest(msgspec.Struct, gc=False):
    custom_id: Annotated[str, msgspec.Meta(min_length=1)]


_Count = Annotated[int, msgspec.Meta(ge=0, lt=_MAX_TOKENS)]


class _CachedShape(msgspec.Struct, gc=False):
    cached_tokens: _Count = 0


class _ReasoningShape(msgspec.Struct, gc=False):
    reasoning_tokens: _Count = 0


class _UsageShape(msgspec.Struct, gc=False):
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    prompt_tokens_details: _CachedShape | None = None
    completion_tokens_details: _ReasoningShape | None = None


class _MessageShape(msgspec.Struct, gc=False):
    content: msgspec.Raw = msgspec.Raw(b"null")


class _ChoiceShape(msgspec.Struct, gc=False):
    message: _MessageShape | None = None
    finish_reason: str | None = None


class _BodyShape(msgspec.Struct, gc=False):
    choices: list[_ChoiceShape] = []
    usage: _UsageShape | None = None


class _ResponseShape(msgspec.Struct, gc=False):
    status_code: int
    body: _BodyShape


class _ErrorShape(msgspec.Struct, gc=False):
    pass


class _AnswerShape(msgspec.Struct, gc=False):
    custom_id: str
    response: _ResponseShape | None = None
    error: _ErrorShape | None = None


_FATES: Final = {
    "stop": Fate.OK,
    "length": Fate.OK | Fate.TRUNCATED,
    "content_filter": Fate.OK | Fate.REFUSED,
}
_USUAL_REASONS: Final = {reason: (fate, (reason,)) for reason, fate in _FATES.items()}


def _usual_reply(row: _AnswerShape) -> Reply | None:
    """Return what a row of the usual shape says: one choice with text; None where more than that is in doubt."""
    response = row.response
    if response is None or row.error is not None or not row.custom_id or not 200 <= response.status_code < 300:
        return None
    body = response.body
    usage = body.usage
    if len(body.choices) != 1 or usage is None:
        return None
    (choice,) = body.choices
    message, reason = choice.message, choice.finish_reason
    if message is None or reason not in _USUAL_REASONS or not _has_text(message.content):
        return None
    fate, reasons = _USUAL_REASONS[reason]
    cached, reasoning = usage.prompt_tokens_details, usage.completion_tokens_details
    tokens = (
        usage.prompt_tokens,
        usage.completion_tokens,
        cached.cached_tokens if cached is not None else 0,
        reasoning.reasoning_tokens if reasoning is not None else 0,
    )
    return Reply(row.custom_id, fate, reasons, tokens)


def _has_text(content: msgspec.Raw) -> bool:
    """Whether a message's content is a text that is not blank, without building the text where it can be seen."""
    data = memoryview(content)
    return data[0] == _QUOTE and (
        data[1] not in _DOUBTFUL or _begins_with_text(data) or bool(str(msgspec.json.decode(data)).strip())
    )


def _begins_with_text(data: memoryview) -> bool:
    return str(data[1:_BEGINNING], "utf-8", "ignore").lstrip()[:1] not in _NOT_TEXT


def _judge(custom_id: str, row: dict[str, object]) -> Reply:
    """Say what a row means, by its error and its status together."""
    response = row.get("response")
    status, body = _get(response, "status_code"), _get(response, "body")
    if row.get("error") or not _is_success(status) or not isinstance(body, dict):
        code, message = error_of(row)
        return Reply(custom_id, Fate.FAILED, code=kept(code), message=kept(message))
    choices = _list(body.get("choices"))
    found = {reason for choice in choices if isinstance(reason := _get(choice, "finish_reason"), str)}
    reasons = tuple(sorted({kept(reason) for reason in found}))
    fate = Fate.OK
    for reason in reasons:
        fate |= _FATES.get(reason, Fate.OK)
    if not any(_says_something(_get(choice, "message")) for choice in choices) and not _list(body.get("data")):
        fate |= Fate.EMPTY
    return Reply(custom_id, fate, reasons, tokens_of(body.get("usage")))


def _says_something(message: object) -> bool:
    content = _get(message, "content")
    text = content.strip() if isinstance(content, str) else content
    return bool(text or _get(message, "tool_calls"))


def _is_success(status: object) -> bool:
    return isinstance(status, int) and 200 <= status < 300


def error_of(row: Mapping[str, object]) -> tuple[str, str]:
    """Return code and message of a failure, from the row's error or, where that is empty, from its response."""
    response = row.get("response")
    error = row.get("error") or _get(_get(response, "body"), "error")
    code = _get(error, "code") or _get(error, "type")
    status = _get(response, "status_code")
    if not code and isinstance(status, int) and abs(status) < _MAX_CODE and not _is_success(status):
        code = f"HTTP {status}"
    message = error if isinstance(error, str) else _get(error, "message")
    told = isinstance(code, str) or (isinstance(code, int) and abs(code) < _MAX_CODE)
    return str(code) if code and told else "", message if isinstance(message, str) else ""


def tokens_of(usage: object) -> tuple[int, int, int, int]:
    """Return prompt, completion, cached and reasoning tokens of an answer; 0 for what is not told, or is nonsense."""
    return (
        _count(_get(usage, "prompt_tokens")),
        _count(_get(usage, "completion_tokens")),
        _count(_get(_get(usage, "prompt_tokens_details"), "cached_tokens")),
        _count(_get(_get(usage, "completion_tokens_details"), "reasoning_tokens")),
    )


def _count(value: object) -> int:
    return int(value) if isinstance(value, int) and 0 < value < _MAX_TOKENS else 0


def kept(text: str) -> str:
    """Return outside text cut, and without halves of surrogate pairs, which no JSON encoder writes."""
    return _SURROGATE.sub("\ufffd", text[:MAX_TEXT])


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
