"""A row is judged by error and status together, and the fast reader says what the patient one says."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tui.dataset.message_template import message_template
from tui.dataset.reply import Fate, Reply, ReplyReader, RequestReader, UnreadableRowError
from tui.dataset.spans import Block, SpanReader

ANSWER = {
    "id": "x",
    "custom_id": "a",
    "error": None,
    "response": {
        "request_id": "r",
        "status_code": 200,
        "body": {
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "蓝"}}],
            "usage": {
                "prompt_tokens": 3,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
        },
    },
}
PLACES = [
    ("custom_id",),
    ("error",),
    ("response",),
    ("response", "status_code"),
    ("response", "body"),
    ("response", "body", "choices"),
    ("response", "body", "choices", 0),
    ("response", "body", "choices", 0, "finish_reason"),
    ("response", "body", "choices", 0, "message"),
    ("response", "body", "choices", 0, "message", "content"),
    ("response", "body", "usage"),
    ("response", "body", "usage", "prompt_tokens"),
    ("response", "body", "usage", "prompt_tokens_details"),
    ("response", "body", "usage", "prompt_tokens_details", "cached_tokens"),
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 600),
    st.sampled_from([2**32 - 1, 2**32, 10**30, 1.5, 200.0, float("nan"), float("inf")]),
    st.sampled_from(["", " ", "\u3000\n", "a", "length", "content_filter", "\ud800", "é", "\ufeff", "\\", '"']),
    st.sampled_from([[], {}, [None], [{}], {"code": "Bad", "message": "m"}, {"error": {"code": 7}}]),
)


class PatientReader(ReplyReader):
    """Reads every row by the one parser that has the word."""

    def __init__(self) -> None:
        super().__init__()
        self._decode_answer = self._decode = self._refuse

    def _refuse(self, line):
        raise msgspec.DecodeError


def said(reader: ReplyReader, line: bytes) -> Reply | str | None:
    try:
        return reader.read(memoryview(line))
    except UnreadableRowError:
        return "unreadable"


def changed(row: object, place: tuple[str | int, ...], value: object) -> object:
    if not place:
        return value
    copy = row.copy()
    copy[place[0]] = changed(copy[place[0]], place[1:], value)
    return copy


@settings(max_examples=800)
@given(place=st.sampled_from(PLACES), value=VALUES, ascii_only=st.booleans(), cut=st.integers(0, 3))
def test_the_fast_reader_says_what_the_patient_one_says(place, value, ascii_only, cut):
    text = json.dumps(changed(ANSWER, place, value), ensure_ascii=ascii_only)
    line = text[: len(text) - cut].encode("utf-8", "surrogatepass")
    assert said(ReplyReader(), line) == said(PatientReader(), line)


@settings(max_examples=500)
@given(
    at=st.floats(0, 1),
    bytes_=st.sampled_from(
        [b"\xff", b"\r", b"\n", b"\0", b'"', b"\\", b",", b"}", b'"custom_id":"b",', b"\xe2\x80\xa8"]
    ),
)
def test_the_fast_reader_says_the_same_of_a_damaged_row(at, bytes_):
    line = json.dumps(ANSWER, ensure_ascii=False).encode()
    place = int(at * len(line))
    line = line[:place] + bytes_ + line[place:]
    assert said(ReplyReader(), line) == said(PatientReader(), line)


ROWS = st.builds(
    lambda place, value: json.dumps(changed(ANSWER, place, value), ensure_ascii=False).encode("utf-8", "surrogatepass"),
    st.sampled_from(PLACES),
    VALUES,
)
BREAKS = [
    (b", ", b",\n"),
    (b"}, ", b"}\n,"),
    (b'": {', b'":\n{'),
    (b'"role', b'"r}\n{le'),
    (b"}}", b"}\n}"),
    (b"}}", b"}\n{}"),
    (b"{", b"{ "),
]
LINES = st.lists(
    st.one_of(
        st.just(json.dumps(ANSWER).encode()),
        ROWS,
        st.builds(lambda row, broken: row.replace(*broken), ROWS, st.sampled_from(BREAKS)),
        st.sampled_from([b"", b" ", b"\t", b"{}", b'{"custom_id":"a"} {"custom_id":"b"}', b'{"custom_id":"c"', b"7"]),
        st.just(json.dumps(ANSWER).encode() * 2),
    ),
    min_size=1,
    max_size=5,
)


def blocks_of(data: bytes) -> Iterator[Block]:
    return SpanReader(io.BytesIO(data), limit=10**6, inspect=True).blocks(0, len(data))


@settings(max_examples=400, deadline=None)
@given(rows=LINES, ended=st.booleans())
@example(rows=[b'{"custom_id":"a","x":\n{}}', b'{"custom_id":"b"}{"custom_id":"c"}'], ended=True)
@example(rows=[b'{"custom_id":"a","x":{}\n,"y":{}}', b'{"custom_id":"b"}{"custom_id":"c"}'], ended=True)
def test_many_lines_read_at_once_say_what_each_of_them_says(rows, ended):
    for block in blocks_of(b"\n".join(rows) + (b"\n" if ended else b"")):
        lines = [bytes(block.buffer[begin:end]) for begin, end in zip(block.begins, block.ends, strict=True)]
        for known, line in zip(RequestReader().read_usual(block), lines, strict=True):
            assert known in (None, RequestReader().read(memoryview(line)))
        for known, line in zip(ReplyReader().read_usual(block), lines, strict=True):
            assert known in (None, said(PatientReader(), line))


def test_usual_lines_are_read_at_once():
    failed = ANSWER | {"response": None, "error": {"code": "Bad"}}
    (block,) = blocks_of(b"".join(json.dumps(row).encode() + b"\n" for row in (ANSWER, failed, ANSWER)))
    answer = Reply("a", Fate.OK, ("stop",), (3, 2, 1, 1))
    assert ReplyReader().read_usual(block) == [answer, None, answer]
    assert RequestReader().read_usual(block) == ["a", "a", "a"]


def test_a_usual_answer_is_read_whole():
    line = json.dumps(ANSWER).encode()
    assert said(ReplyReader(), line) == Reply("a", Fate.OK, ("stop",), (3, 2, 1, 1))


@pytest.mark.parametrize(
    ("message", "empty"),
    [
        ({"content": ""}, True),
        ({"content": None}, True),
        ({}, True),
        ({"content": " \u3000\n"}, True),
        ({"content": "", "reasoning_content": "thought, never said"}, True),
        ({"content": "0"}, False),
        ({"content": None, "tool_calls": [{"id": "t"}]}, False),
        ({"content": [{"type": "text", "text": "x"}]}, False),
    ],
)
def test_an_answer_that_says_nothing_is_empty(message, empty):
    row = changed(ANSWER, ("response", "body", "choices", 0, "message"), message)
    reply = said(ReplyReader(), json.dumps(row).encode())
    assert (Fate.EMPTY in reply.fate, Fate.OK in reply.fate) == (empty, True)


def test_vectors_are_an_answer_too():
    row = changed(ANSWER, ("response", "body"), {"data": [{"embedding": [0.5]}], "usage": {"prompt_tokens": 3}})
    assert said(ReplyReader(), json.dumps(row).encode()) == Reply("a", Fate.OK, (), (3, 0, 0, 0))


def test_every_choice_is_looked_at():
    choices = [{"finish_reason": reason, "message": {"content": "x"}} for reason in ("stop", "length", "stop")]
    row = changed(ANSWER, ("response", "body", "choices"), choices)
    reply = said(ReplyReader(), json.dumps(row).encode())
    assert (reply.fate, reply.reasons) == (Fate.OK | Fate.TRUNCATED, ("length", "stop"))


@pytest.mark.parametrize(
    ("line", "custom_id"),
    [
        (b'{"custom_id":"a","body":{}}', "a"),
        (b'{"custom_id":5}', "5"),
        (b'{"custom_id":5.0}', "5"),
        (b'{"custom_id":true}', "1"),
        (b'{"custom_id":"a","custom_id":"b"}', "b"),
        (b'{"custom\\u005fid":"a"}', "a"),
        (b'\xef\xbb\xbf{"custom_id":"a"}', "a"),
        (b'{"custom_id":"a","body":{"x":NaN}}', "a"),
        (b'{"body":{"custom_id":"inner"},"custom_id":"a"}\r', "a"),
        (b'{"body":{"custom_id":"inner"}}', None),
        (b'{"custom_id":""}', None),
        (b'{"custom_id":"a"', None),
        (b'["custom_id"]', None),
        (b"  ", None),
    ],
)
def test_the_id_of_a_request_is_what_the_check_takes_it_for(line, custom_id):
    assert RequestReader().read(memoryview(line)) == custom_id


@pytest.mark.parametrize(
    ("message", "template"),
    [
        ('Request 0217-a1 has 5120 tokens, "max_tokens" is 512', 'Request … has … tokens, "…" is …'),
        ("it can't be done: the model doesn't know 'doubao'", "it can't be done: the model doesn't know '…'"),
        ("job bi-20240918194641-r2nwq ended at 12:30:05.", "job … ended at …."),
        ("第361行非json数据,custom_id=request-7存在重复", "第…行非json数据,custom_id=…存在重复"),
        ("模型“doubao”不存在", "模型“…”不存在"),
        ("see https://example.com/a?b=c for more", "see … for more"),
        ("unmatched \" and ' stay", "unmatched \" and ' stay"),
        ("", ""),
    ],
)
def test_a_template_is_the_message_without_what_varies(message, template):
    assert message_template(message) == template
    assert message_template(template) == template
