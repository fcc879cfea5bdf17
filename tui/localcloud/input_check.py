"""The rules that an input file must keep, or its whole job fails (ark-openapi.md §2.1).

As the platform's checker does, this one stops at the first fault, with the platform's words, and counts lines by
the valid ones before it, blank lines left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_INPUT_BYTES: Final = 5 * 1024**3
LINES_PER_STEP: Final = 2000

NOT_JSON: Final = "批量推理任务失败,第{line}行非json数据"
NO_CUSTOM_ID: Final = "批量推理任务失败,第{line}行custom_id不存在"
CUSTOM_ID_NOT_STRING: Final = "批量推理输入文件格式错误,第{line}行custom_id不是string"
DUPLICATE_CUSTOM_ID: Final = "批量推理任务失败,custom_id={custom_id}存在重复"
BODY_NOT_OBJECT: Final = "批量推理任务失败,custom_id={custom_id}的body非json字符串"
EMPTY_INPUT: Final = "批量推理任务失败,输入文件为空"  # assumed wording
INPUT_CHANGED: Final = "批量推理任务失败,输入文件在任务开始后发生了变化"  # assumed wording
TOO_LARGE: Final = "批量推理任务失败,输入文件超过5GB"  # assumed wording


class InputLineError(Exception):
    """A line breaks a rule: the message's template, and the custom_id where it is known."""

    def __init__(self, template: str, custom_id: str = "") -> None:
        super().__init__(template)
        self.template = template
        self.custom_id = custom_id


class InputRefusedError(Exception):
    """The input breaks a rule; the text is the platform's message."""


class InputLine(msgspec.Struct):
    """A line that keeps the rules."""

    custom_id: str
    body: dict[str, Any]


_decoder: Final = msgspec.json.Decoder(InputLine)


def parse_line(line: bytes) -> InputLine | None:
    """Return a line's request, None for a blank line.

    Raises:
        InputLineError: it breaks a rule.
    """
    try:
        parsed = _decoder.decode(line)
    except (ValueError, RecursionError):
        return _parse_carefully(line)
    if not parsed.custom_id:
        raise InputLineError(NO_CUSTOM_ID)
    return parsed


def _parse_carefully(line: bytes) -> InputLine | None:
    """Parse by the letter of the platform's checker what the fast decoder refused."""
    try:
        text = line.decode("utf-8")
        if not text.strip():
            return None
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise InputLineError(NOT_JSON) from None
    if not isinstance(value, dict):
        raise InputLineError(NOT_JSON)
    custom_id, body = value.get("custom_id"), value.get("body")
    if not custom_id:
        raise InputLineError(NO_CUSTOM_ID)
    if not isinstance(custom_id, str):
        raise InputLineError(CUSTOM_ID_NOT_STRING)
    if not isinstance(body, dict):
        raise InputLineError(BODY_NOT_OBJECT, custom_id)
    return InputLine(custom_id, body)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def check_input(stream: BinaryIO) -> Iterator[int]:
    """Read an input to its end, yielding the requests counted so far every few thousand lines and at the end.

    Memory grows with the custom_ids alone.

    Raises:
        InputRefusedError: at the first line that breaks a rule, or when there is no request at all.
    """
    seen: set[str] = set()
    for number, line in enumerate(stream, start=1):
        try:
            parsed = parse_line(line)
        except InputLineError as fault:
            template = DUPLICATE_CUSTOM_ID if fault.custom_id in seen else fault.template
            raise _refused(template, len(seen) + 1, fault.custom_id) from None
        if parsed is not None:
            if parsed.custom_id in seen:
                raise _refused(DUPLICATE_CUSTOM_ID, len(seen) + 1, parsed.custom_id)
            seen.add(parsed.custom_id)
        if number % LINES_PER_STEP == 0:
            yield len(seen)
    if not seen:
        raise InputRefusedError(EMPTY_INPUT)
    yield len(seen)


def _refused(template: str, line: int, custom_id: str) -> InputRefusedError:
    """Fill in the platform's message; a lone surrogate in the custom_id could not be sent."""
    return InputRefusedError(template.format(line=line, custom_id=custom_id.encode("utf-8", "replace").decode()))
