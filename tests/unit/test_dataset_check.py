"""An operator checks a file before it is sent: every fault is named, at its line, whatever the bytes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset.check import CheckProgress, CheckSummary, Issue, check_file
from tui.dataset.rules import PLATFORM_LIMITS, RULES, Limits, Severity
from tui.errors import UsageError
from tui.fingerprint import crc64

GOOD_BODY = '"body":{"messages":[{"role":"user","content":"天空为什么这么蓝?"}]}'
ERROR, WARNING = Severity.ERROR, Severity.WARNING


def good(custom_id: str) -> bytes:
    return f'{{"custom_id":"{custom_id}",{GOOD_BODY}}}'.encode()


def with_body(body: str) -> bytes:
    return f'{{"custom_id":"x","body":{body}}}'.encode()


class Checked:
    def __init__(self, path: Path, *, max_issues: int = 0, limits: Limits = PLATFORM_LIMITS) -> None:
        events = list(check_file(path, max_issues=max_issues, limits=limits))
        self.issues = [event for event in events if isinstance(event, Issue)]
        self.progress = [event for event in events if isinstance(event, CheckProgress)]
        assert isinstance(events[-1], CheckSummary)
        self.summary = events[-1]

    @property
    def faults(self) -> list[tuple[int | None, str]]:
        return [(issue.line, issue.rule) for issue in self.issues]

    def only(self) -> Issue:
        (issue,) = self.issues
        return issue


@pytest.fixture
def check(tmp_path: Path):
    def check(content: bytes, **options) -> Checked:
        path = tmp_path / "input.jsonl"
        path.write_bytes(content)
        return Checked(path, **options)

    return check


FILES = {
    "a good file": (good("a") + b"\n" + good("b") + b"\n", []),
    "no last newline": (good("a") + b"\n" + good("b"), []),
    "blank lines are skipped": (b"\n  \t\n" + good("a") + b"\n\xe3\x80\x80\n\n", []),
    "embeddings": (with_body('{"input":["text"]}'), []),
    "a tool's answer": (with_body('{"messages":[{"role":"tool","content":"1"}]}'), []),
    "separators of other systems inside a string": (
        '{"custom_id":"a","body":{"input":"1\u20282\u20293\x854\x7f"}}'.encode() + b"\n" + good("b"),
        [],
    ),
    "a surrogate pair as escapes": (with_body('{"input":"\\ud83d\\ude00"}'), []),
    "an escaped backslash before u": (with_body('{"input":"\\\\ud800"}'), []),
    "not JSON": (good("a") + b"\n\n{oops\n", [(3, "not-json", ERROR)]),
    "a torn last line": (good("a") + b'\n{"custom_id":"b","bo', [(2, "not-json", ERROR)]),
    "several objects on a line": (good("a") + b" " + good("b"), [(1, "not-json", ERROR)]),
    "a list": (b"[1]", [(1, "not-an-object", ERROR)]),
    "a number": (b"3\n" + good("a"), [(1, "not-an-object", ERROR)]),
    "a string": (b'"text"', [(1, "not-an-object", ERROR)]),
    "null": (b"null", [(1, "not-an-object", ERROR)]),
    "no custom_id": (b"{" + GOOD_BODY.encode() + b"}", [(1, "id-missing", ERROR)]),
    "an empty custom_id": (good(""), [(1, "id-missing", ERROR)]),
    "a custom_id of zero": (b'{"custom_id":0,"body":{"input":1}}', [(1, "id-missing", ERROR)]),
    "an empty list as custom_id": (b'{"custom_id":[],"body":{"input":1}}', [(1, "id-missing", ERROR)]),
    "a number as custom_id": (b'{"custom_id":5,"body":{"input":1}}', [(1, "id-not-a-string", ERROR)]),
    "a list as custom_id": (b'{"custom_id":[1],"body":{"input":1}}', [(1, "id-not-a-string", ERROR)]),
    "an object as custom_id": (b'{"custom_id":{"a":1},"body":{"input":1}}', [(1, "id-not-a-string", ERROR)]),
    "a repeated custom_id": (
        b"\n".join([good("a"), good("b"), b"", good("a"), good("a")]),
        [(4, "id-duplicate", ERROR), (5, "id-duplicate", ERROR)],
    ),
    "one custom_id as number and as string": (
        b'{"custom_id":5,"body":{"input":1}}\n{"custom_id":"5","body":{"input":1}}',
        [(1, "id-not-a-string", ERROR), (2, "id-duplicate", ERROR)],
    ),
    "no body": (b'{"custom_id":"a"}', [(1, "body-not-an-object", ERROR)]),
    "a string as body": (with_body('"text"'), [(1, "body-not-an-object", ERROR)]),
    "nothing but braces": (b"{}", [(1, "id-missing", ERROR), (1, "body-not-an-object", ERROR)]),
    "a byte order mark": (b"\xef\xbb\xbf" + good("a"), [(1, "byte-order-mark", ERROR)]),
    "a byte order mark before a bad line": (
        b"\xef\xbb\xbf{}",
        [(1, "byte-order-mark", ERROR), (1, "id-missing", ERROR), (1, "body-not-an-object", ERROR)],
    ),
    "a byte order mark in the middle of joined files": (
        good("a") + b"\n\xef\xbb\xbf" + good("a"),
        [(2, "byte-order-mark", ERROR), (2, "id-duplicate", ERROR)],
    ),
    "GBK": ('{"custom_id":"中"}'.encode("gbk") + b"\n" + good("a"), [(1, "not-utf8", ERROR)]),
    "a surrogate as bytes": (b'{"custom_id":"\xed\xa0\x80"}', [(1, "not-utf8", ERROR)]),
    "a cut character at the end": (good("a") + b"\n" + good("b")[:-3] + b"\xe4\xb8", [(2, "not-utf8", ERROR)]),
    "UTF-16 with its mark": (b"\xff\xfe" + '{"a":1}'.encode("utf-16-le"), [(1, "not-utf8", ERROR)]),
    "UTF-16 without": ('{"a":1}'.encode("utf-16-le"), [(1, "not-json", ERROR)]),
    "NUL bytes": (b"\0\0\0\n" + good("a"), [(1, "not-json", ERROR)]),
    "NaN": (with_body('{"input":NaN}'), [(1, "not-a-number", ERROR)]),
    "two kinds of infinity": (
        with_body('{"input":[Infinity,-Infinity]}'),
        [(1, "not-a-number", ERROR), (1, "not-a-number", ERROR)],
    ),
    "60 000 levels": (b"[" * 60_000 + b"]" * 60_000 + b"\n" + good("a"), [(1, "too-deep", ERROR)]),
    "60 000 levels that never close": (b'{"a":' * 60_000, [(1, "too-deep", ERROR)]),
    "one level more than 1000": (with_body('{"input":' + "[" * 999 + "]" * 999 + "}"), [(1, "too-deep", ERROR)]),
    "1000 levels": (with_body('{"input":' + "[" * 998 + "]" * 998 + "}"), []),
    "brackets in a string are no nesting": (with_body('{"input":"' + "[" * 5000 + '\\"' + "{" * 5000 + '"}'), []),
    "many brackets side by side": (with_body('{"input":[' + "[]," * 5000 + "[]]}"), []),
    "an empty file": (b"", [(None, "file-empty", ERROR)]),
    "a blank file": (b"\n \n\r\n", [(3, "crlf", WARNING), (None, "file-empty", ERROR)]),
    "neither messages nor input": (with_body('{"max_tokens":1}'), [(1, "no-messages", WARNING)]),
    "messages is null": (with_body('{"messages":null}'), [(1, "bad-messages", WARNING)]),
    "messages is empty": (with_body('{"messages":[]}'), [(1, "bad-messages", WARNING)]),
    "a message that is a string": (with_body('{"messages":["hi"]}'), [(1, "bad-messages", WARNING)]),
    "an unknown role": (with_body('{"messages":[{"role":"boss","content":"x"}]}'), [(1, "unknown-role", WARNING)]),
    "a list as role": (with_body('{"messages":[{"role":[],"content":"x"}]}'), [(1, "unknown-role", WARNING)]),
    "no role": (with_body('{"messages":[{"content":"x"}]}'), [(1, "unknown-role", WARNING)]),
    "a repeated key": (with_body('{"input":1,"input":2}'), [(1, "duplicate-key", WARNING)]),
    "a file of another service": (
        b'{"custom_id":"a","method":"POST","url":"/v1","body":{"model":"m","input":1}}',
        [(1, "model-in-body", WARNING), (1, "unused-field", WARNING), (1, "unused-field", WARNING)],
    ),
    "half a surrogate pair": (with_body('{"input":"\\uD800"}'), [(1, "lone-surrogate", WARNING)]),
    "half a surrogate pair in a key": (with_body('{"input":{"\\udc00":1}}'), [(1, "lone-surrogate", WARNING)]),
    "a temperature too high": (with_body('{"input":"x","temperature":2.1}'), [(1, "bad-parameter", WARNING)]),
    "a temperature as text": (with_body('{"input":"x","temperature":"1"}'), [(1, "bad-parameter", WARNING)]),
    "no tokens at all": (with_body('{"input":"x","max_tokens":0}'), [(1, "bad-parameter", WARNING)]),
    "half a token": (with_body('{"input":"x","max_tokens":0.5}'), [(1, "bad-parameter", WARNING)]),
    "parameters at their limits": (
        with_body('{"input":"x","temperature":0,"top_p":1.0,"presence_penalty":-2,"max_tokens":1,"dimensions":null}'),
        [],
    ),
    "a number of 5000 digits": (with_body('{"input":' + "9" * 5000 + "}"), [(1, "huge-number", WARNING)]),
    "a number of 5000 digits as id": (
        b'{"custom_id":' + b"9" * 5000 + b',"body":{"input":1}}',
        [(1, "id-not-a-string", ERROR), (1, "huge-number", WARNING)],
    ),
    "CRLF": (good("a") + b"\n" + good("b") + b"\r\n" + good("c") + b"\r\n", [(2, "crlf", WARNING)]),
    "old Mac line ends": (good("a") + b"\r" + good("b"), [(1, "not-json", ERROR)]),
    "a carriage return between tokens": (
        b'{"custom_id":"a",\r"body":{"input":1}}',
        [(1, "not-json", ERROR)],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_every_fault_is_named_at_its_line(check, name):
    content, expected = FILES[name]
    checked = check(content)
    assert [(issue.line, issue.rule, issue.severity) for issue in checked.issues] == expected


def test_the_table_of_files_breaks_every_rule_that_content_can_break():
    broken = {rule for _, expected in FILES.values() for _, rule, _ in expected}
    assert set(RULES) - broken == {"line-too-long", "file-too-large", "file-changed"}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (with_body('{"messages":[{"role":"user"},{"role":"user"},{"role":"boss"}]}'), "$.body.messages[2].role"),
        (with_body('{"input":[1,{"a":[{"b":1,"b":2}]}]}'), "$.body.input[1].a[0]"),
        (with_body('{"input":{"no plain key":{"":[NaN]}}}'), '$.body.input["no plain key"][""][0]'),
        (with_body('{"input":{"\\u001b[2J":{"a":"\\ud800"}}}'), '$.body.input["␛[2J"].a'),
        (b"[]", "$"),
    ],
)
def test_the_path_leads_to_the_place(check, line, path):
    assert check(line).only().path == path


def test_a_path_of_a_thousand_levels_is_cut(check):
    issue = check(with_body('{"input":' + '{"key":' * 900 + "NaN" + "}" * 901)).only()
    assert len(issue.path) == 300


def test_the_line_of_bad_utf8_names_the_byte_in_the_file(check):
    issue = check(good("a") + b'\n{"custom_id":"\xff"}').only()
    assert f"byte 0xFF at offset {len(good('a')) + 1 + 14}" in issue.message
    assert issue.offset == len(good("a")) + 1


def test_a_repeated_id_names_both_lines(check):
    issue = check(b"\n\n".join([good("a"), good("b"), good("a")])).only()
    assert (issue.line, issue.other_line, issue.custom_id) == (5, 1, "a")
    assert issue.offset == len(good("a")) + len(good("b")) + 4


def test_the_request_is_named_where_it_is_known(check):
    assert check(good("请求-7").replace(b"user", b"boss")).only().custom_id == "请求-7"


def test_hostile_text_does_not_reach_the_message(check):
    issue = check(with_body('{"messages":[{"role":"\\u001b]0;gotcha\\u0007' + "x" * 500 + '"}]}')).only()
    assert "\x1b" not in issue.message
    assert "\x07" not in issue.message
    assert len(issue.message) < 120


def test_an_endless_id_is_cut(check):
    assert (
        len(check(with_body('{"max_tokens":1}').replace(b'"x"', b'"' + b"x" * 100_000 + b'"')).only().custom_id) == 1024
    )


def test_an_issue_with_half_a_surrogate_pair_in_its_id_can_be_written_as_json(check):
    checked = check(b'{"custom_id":"\\ud800","body":{"input":1}}')
    shape = checked.only().as_json("in.jsonl")
    assert json.loads(json.dumps(shape, ensure_ascii=False).encode()) == {
        "file": "in.jsonl",
        "line": 1,
        "offset": 0,
        "rule": "lone-surrogate",
        "severity": "warning",
        "custom_id": "\ufffd",
        "path": "$.custom_id",
        "message": "half of a surrogate pair in the text",
    }


def test_a_repeated_id_carries_the_other_line_in_json(check):
    assert check(good("a") + b"\n" + good("a")).only().as_json("f")["other_line"] == 1


def test_totals_are_true_though_issues_are_capped(check):
    checked = check(b"\n".join([b"[]"] * 250 + [b"{}"] * 7), max_issues=100)
    assert checked.summary.counts == {"not-an-object": 250, "id-missing": 7, "body-not-an-object": 7}
    assert checked.summary.errors == 264
    assert len(checked.issues) == 114


def test_warnings_are_no_errors(check):
    summary = check(with_body("{}")).summary
    assert (summary.requests, summary.errors, summary.warnings) == (1, 0, 1)


def test_a_crlf_file_is_told_once_with_its_count(check):
    issue = check(b"\r\n".join(good(str(n)) for n in range(1, 1502))).only()
    assert issue.message == "1,500 lines end in CR LF"


def test_a_line_too_long_is_left_out_and_the_rest_is_checked(check):
    limits = Limits(line_bytes=1000)
    content = good("a") + b"\n" + b"x" * 5_000_000 + b"\n{}\n" + b" " * 1001
    assert check(content, limits=limits).faults == [
        (2, "line-too-long"),
        (3, "id-missing"),
        (3, "body-not-an-object"),
        (4, "line-too-long"),
    ]


def test_a_line_of_exactly_the_limit_is_checked(check):
    assert check(good("a"), limits=Limits(line_bytes=len(good("a")))).faults == []


def test_a_file_over_the_platforms_limit_is_refused(check):
    content = good("a") + b"\n" + good("b")
    assert check(content, limits=Limits(file_bytes=len(content))).faults == []
    assert check(content, limits=Limits(file_bytes=len(content) - 1)).faults == [(None, "file-too-large")]


def test_the_platforms_limits_are_the_documented_ones():
    assert (PLATFORM_LIMITS.file_bytes, PLATFORM_LIMITS.line_bytes, PLATFORM_LIMITS.depth) == (5 * 10**9, 2**26, 1000)


def test_the_fingerprint_is_the_files(check):
    content = b"\n".join(good(str(n)) for n in range(40_000))
    summary = check(content).summary
    assert summary.fingerprint.sha256 == hashlib.sha256(content).hexdigest()
    assert summary.fingerprint.crc64 == crc64(content)
    assert summary.bytes == summary.fingerprint.size == len(content)


def test_progress_rises_to_the_end(check):
    content = b"\n".join(good(str(n)) + b" " * 4000 for n in range(5000))
    progress = check(content).progress
    assert len(progress) >= 4
    assert [step.done for step in progress] == sorted({step.done for step in progress})
    assert progress[-1] == CheckProgress(len(content), len(content))


def test_a_file_that_grows_while_it_is_checked_is_not_trusted(tmp_path):
    path = tmp_path / "growing.jsonl"
    path.write_bytes(b"{}\n" + good("a") + b"\n")
    events = check_file(path)
    first = next(events)
    with path.open("ab") as file:
        file.write(good("b") + b"\n")
    assert isinstance(first, Issue)
    assert "file-changed" in {event.rule for event in events if isinstance(event, Issue)}


def test_a_file_that_is_emptied_between_the_passes_is_not_trusted(tmp_path):
    path = tmp_path / "shrinking.jsonl"
    path.write_bytes(b"\n".join([good("a"), good("a"), b"{}", good("b"), good("b")]))
    events = check_file(path)
    assert next(events).rule == "id-missing"
    assert next(events).rule == "body-not-an-object"
    path.write_bytes(b"[]\n" * 9)
    assert {event.rule for event in events if isinstance(event, Issue)} == {"file-changed"}


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "bad name"])
def test_what_is_no_file_is_said_by_name(tmp_path, kind):
    path = tmp_path / "that.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "bad name":
        path = tmp_path / "that\0.jsonl"
    with pytest.raises(UsageError, match=r"that.*\.jsonl|/dev/zero"):
        list(check_file(path))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reading fails")
def test_a_file_that_cannot_be_read_is_said_by_name():
    with pytest.raises(UsageError, match=r"cannot read /proc/self/mem: Input/output error"):
        list(check_file(Path("/proc/self/mem")))


def test_deep_nesting_is_quick(check):
    started = time.monotonic()
    check((b"[" * 60_000 + b"\n") * 20)
    assert time.monotonic() - started < 5


def test_the_recursion_limit_is_left_as_it_was(check):
    before = sys.getrecursionlimit()
    check(FILES["1000 levels"][0])
    assert sys.getrecursionlimit() == before


def test_deep_lines_parse_from_a_deep_stack(check):
    def under(levels: int) -> list[tuple[int | None, str]]:
        return check(FILES["1000 levels"][0]).faults if not levels else under(levels - 1)

    assert under(300) == []


FRAGMENTS = st.sampled_from(
    [
        *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\n", b"\r", b"\\", b"-", b"null", b"true", b"NaN", b"1e999"),
        *(b'"custom_id":', b'"body":', b'{"custom_id":1,', b'{"custom_id":"a","body":{"messages":[{"role":"user"}]}}'),
        *(b"\xef\xbb\xbf", b"\xff", b"\x00", b"\\ud800", "中\u2028\x85".encode(), "中文".encode("gbk")),
        *(b"9" * 4400, b"9" * 400, b"[" * 1100),
    ]
)
ANY_FILE = st.one_of(st.binary(max_size=200), st.lists(FRAGMENTS, max_size=30).map(b"".join))


@settings(max_examples=500)
@given(content=ANY_FILE, limit=st.sampled_from([3, 60, 2**28]))
def test_no_bytes_break_the_check_and_lines_are_where_they_say(tmp_path_factory, content, limit):
    path = tmp_path_factory.getbasetemp() / f"fuzz-{os.getpid()}.jsonl"
    path.write_bytes(content)
    checked = Checked(path, limits=Limits(line_bytes=limit))
    for issue in checked.issues:
        if issue.line is not None:
            assert content[: issue.offset].count(b"\n") == issue.line - 1
            assert issue.offset == 0 or content[issue.offset - 1 : issue.offset] == b"\n"
        json.dumps(issue.as_json("f"), ensure_ascii=False).encode()
    assert checked.summary.errors + checked.summary.warnings == len(checked.issues)
    assert checked.summary.fingerprint.sha256 == hashlib.sha256(content).hexdigest()
