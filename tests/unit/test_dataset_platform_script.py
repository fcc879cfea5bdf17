"""What the platform would say of a file, held against the script that it publishes, written out here as the oracle."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset.check import CheckSummary, check_file


class RefusedError(Exception):
    pass


def published_script(name: Path) -> int:
    with name.open(encoding="utf-8") as file:
        total = 0
        seen = set()
        for line in file:
            if line.strip() == "":
                continue
            try:
                request = json.loads(line)
            except json.decoder.JSONDecodeError:
                raise RefusedError(f"批量推理任务失败,第{total + 1}行非json数据") from None
            if not request.get("custom_id"):
                raise RefusedError(f"批量推理任务失败,第{total + 1}行custom_id不存在")
            if request.get("custom_id") in seen:
                raise RefusedError(f"批量推理任务失败,custom_id={request.get('custom_id', '')}存在重复")
            seen.add(request.get("custom_id"))
            if not isinstance(request.get("body", ""), dict):
                raise RefusedError(f"批量推理任务失败,custom_id={request.get('custom_id', '')}的body非json字符串")
            total += 1
        return total


def platform_message(path: Path) -> str | None:
    *_, summary = check_file(path)
    assert isinstance(summary, CheckSummary)
    return summary.platform_message


GOOD = '{"custom_id":"a","body":{"messages":[]}}'


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([GOOD], None),
        ([GOOD, "", "  ", "{oops"], "批量推理任务失败,第2行非json数据"),
        ([GOOD, '{"body":{}}'], "批量推理任务失败,第2行custom_id不存在"),
        ([GOOD, GOOD], "批量推理任务失败,custom_id=a存在重复"),
        ([GOOD, '{"custom_id":"b"}'], "批量推理任务失败,custom_id=b的body非json字符串"),
        ([GOOD, "[1]", "{oops"], None),
        (["\ufeff" + GOOD], "批量推理任务失败,第1行非json数据"),
    ],
)
def test_the_platforms_words_are_known(tmp_path, lines, message):
    path = tmp_path / "in.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    assert platform_message(path) == message


IDS = [
    '"a"',
    '"b"',
    '"5"',
    "5",
    "5.0",
    "1",
    "true",
    '"1"',
    '"{id}"',
    "0",
    "null",
    "[]",
    "[1]",
    "NaN",
    "Infinity",
    '"\\ud800"',
]
BODIES = ["{}", '{"messages":[]}', '"text"', "null", "[]", "9" * 4301]
LINES = st.one_of(
    st.builds('{{"custom_id":{},"body":{}}}'.format, st.sampled_from(IDS), st.sampled_from(BODIES)),
    st.builds('{{"custom_id":"{}","body":{{}}}}'.format, st.integers(0, 30)),
    st.sampled_from(
        [
            *("", " ", "\u3000", "\x1c", "{oops", "[1]", "3", GOOD + GOOD, "\ufeff" + GOOD, "\ufeff", "\x0c{}"),
            *("\r" + GOOD + "\r", '{"custom_id":"c"}', '{"custom_id":"d",\r"body":{}}'),
            *("[" * 100_000, '{"custom_id":"e\u2028","body":{}}'),
        ]
    ),
)


@settings(max_examples=500)
@given(lines=st.lists(LINES, max_size=12), end=st.sampled_from(["\n", "\r\n"]))
def test_the_check_says_what_the_published_script_says(tmp_path_factory, lines, end):
    path = tmp_path_factory.getbasetemp() / f"script-{os.getpid()}.jsonl"
    path.write_bytes(end.join(lines).encode())
    try:
        published_script(path)
        expected = None
    except RefusedError as refused:
        expected = str(refused)
    except (AttributeError, TypeError, ValueError, RecursionError):  # it dies without a word
        expected = None
    assert platform_message(path) == expected
