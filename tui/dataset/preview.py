"""A look into an input file before it is checked: its first requests, and how many there are.

Only the first lines are read as requests; the others are counted, and those of a large file estimated by samples. What
is wrong with the file as a whole only the check says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, Final

from tui.dataset import rules
from tui.dataset.json_line import BOM, LineError, LineParser, NotUtf8Error, TooDeepError
from tui.dataset.lines import Line, LineSplitter, open_file
from tui.dataset.request import faults, shown_id
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST: Final = 12  # requests
_LINE_BYTES: Final = 1024 * 1024  # a longer line is not read as a request; pictures make long ones
_BLOCK_BYTES: Final = 1024 * 1024
_BLOCKS_FOR_FIRST: Final = 16  # that are read to find the first requests
_COUNTED_BYTES: Final = 128 * 1024 * 1024  # of a larger file the requests are estimated
_TOLD_BYTES: Final = 16 * _BLOCK_BYTES
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 256 * 1024
_TEXT_LIMIT: Final = 2000
_BLANK_LINE_SIGNS: Final = (b"\n\n", b"\n\r", b"\n ", b"\n\t")


@dataclass(frozen=True)
class FirstRequest:
    """One of the first requests; texts come from outside.

    Attributes:
        line: physical line from 1.
        custom_id: None where there is none.
        text: of the first message of the user, or else of the first message, cut.
        wrong: what the check will object to first; empty when nothing stands out.
    """

    line: int
    custom_id: str | None = None
    text: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class FilePreview:
    """What is known of a file so far.

    Attributes:
        size: in bytes.
        first: the first requests.
        requests: lines that are not blank, as far as they were counted.
        estimated: `requests` is an estimate, by samples of the file; 0 where its lines are too long for one.
        complete: nothing more will be known.
    """

    size: int
    first: tuple[FirstRequest, ...]
    requests: int = 0
    estimated: bool = False
    complete: bool = False


def preview_file(path: Path) -> Iterator[FilePreview]:
    """Yield the first requests of a file, and then how many it has, ever more of them until all are counted; it blocks.

    Raises:
        UsageError: it is not a regular file or cannot be read.
    """
    with open_file(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        known = FilePreview(size, tuple(_first_requests(file)))
        yield known
        if size > _COUNTED_BYTES:
            yield replace(known, requests=_estimate(file, size), estimated=True, complete=True)
            return
        file.seek(0)
        counter, told = _Counter(), 0
        while block := file.read(_BLOCK_BYTES):
            counter.feed(block)
            if file.tell() - told >= _TOLD_BYTES:
                told = file.tell()
                yield replace(known, requests=counter.requests)
        yield replace(known, requests=counter.requests, complete=True)


class _Counter:
    """Counts the lines that are not blank, of bytes in any pieces."""

    def __init__(self) -> None:
        self._ended = 0
        self._begun = False

    @property
    def requests(self) -> int:
        return self._ended + self._begun

    def feed(self, block: bytes) -> None:
        """Take the next bytes; lines are parted only where one may be blank."""
        first, last = block.find(b"\n"), block.rfind(b"\n")
        if first < 0:
            self._begun = self._begun or bool(block.strip())
            return
        self._ended += self._begun or bool(block[:first].strip())
        inner = block[first : last + 1]
        if any(sign in inner for sign in _BLANK_LINE_SIGNS):
            self._ended += sum(1 for line in inner.split(b"\n") if line.strip())
        else:
            self._ended += inner.count(b"\n") - 1
        self._begun = bool(block[last + 1 :].strip())


def _estimate(file: BinaryIO, size: int) -> int:
    """Return about how many requests a file has, by samples from all over it."""
    lines = read = 0
    for number in range(_SAMPLES):
        file.seek((size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
        sample = file.read(_SAMPLE_BYTES)
        lines += sample.count(b"\n")
        read += len(sample)
    return round(size * lines / read) if read else 0


def _first_requests(file: BinaryIO) -> Iterator[FirstRequest]:
    parser = LineParser(rules.PLATFORM_LIMITS.depth)
    found = 0
    for line in _first_lines(file):
        request = _request(line, parser)
        if request is not None:
            yield request
            found += 1
        if found == _FIRST:
            return


def _first_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield lines until so much is read that no more of them are worth it."""
    splitter = LineSplitter(_LINE_BYTES)
    for _number in range(_BLOCKS_FOR_FIRST):
        block = file.read(_BLOCK_BYTES)
        if not block:
            yield from splitter.finish()
            return
        yield from splitter.feed(block)
    yield from (line for line in splitter.finish() if not line.whole)


def _request(line: Line, parser: LineParser) -> FirstRequest | None:
    """Return what a line says as a request; None when it is blank."""
    if not line.whole:
        return FirstRequest(line.number, wrong=_("too long to be shown here"))
    if line.data.startswith(BOM):
        return FirstRequest(line.number, wrong=rules.BYTE_ORDER_MARK.title)
    try:
        parsed = parser.parse(line.data)
    except LineError as error:
        return FirstRequest(line.number, wrong=_broken(error).title)
    if parsed is None:
        return None
    value, fault = parsed.value, next(faults(parsed.value), None)
    wrong = fault.message if fault is not None and fault.rule.severity is rules.Severity.ERROR else ""
    if not isinstance(value, dict):
        return FirstRequest(line.number, wrong=wrong)
    return FirstRequest(line.number, shown_id(value.get("custom_id")), _said(value.get("body"))[:_TEXT_LIMIT], wrong)


def _broken(error: LineError) -> rules.Rule:
    match error:
        case NotUtf8Error():
            return rules.NOT_UTF8
        case TooDeepError():
            return rules.TOO_DEEP
        case _:
            return rules.NOT_JSON


def _said(body: object) -> str:
    """Return the text that a request asks about."""
    if not isinstance(body, dict):
        return ""
    messages = body.get("messages")
    if not isinstance(messages, list):
        return _text(body.get("input"))
    said = [message for message in messages if isinstance(message, dict)]
    asked = [message for message in said if message.get("role") == "user"]
    return next((_text(message.get("content")) for message in asked or said), "")


def _text(content: object) -> str:
    """Return a content as text: a string, or the first text of several parts."""
    if isinstance(content, str):
        return content
    for part in content if isinstance(content, list) else ():
        text = part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str):
            return text
    return ""
