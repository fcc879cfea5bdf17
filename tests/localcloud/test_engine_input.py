"""What the engine makes of an input: the rules that fail a whole job, and those that refuse one request."""

import json

import pytest
from engine_bench import BUCKET, EngineBench, chat

from tui.localcloud import input_check
from tui.localcloud.jobs import Location


@pytest.fixture
def bench(tmp_path):
    """An engine as fast as it can."""
    bench = EngineBench(tmp_path)
    yield bench
    bench.close()


def message_for(bench, content):
    """The message of the failed job that had this input."""
    bench.put(content, "broken.jsonl")
    job = bench.run(None, input=Location(BUCKET, "broken.jsonl"))
    assert job.phase == "Failed"
    assert bench.results(job.id) is None
    return job.message


GOOD = chat(1).encode() + b"\n"
NOT_JSON = "批量推理任务失败,第2行非json数据"
NO_ID = "批量推理任务失败,第2行custom_id不存在"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"hello", NOT_JSON),
        (b'{"custom_id": "a", "body": {}', NOT_JSON),
        (b'{"custom_id": "a", "body": {}} {"custom_id": "b", "body": {}}', NOT_JSON),
        (b'["custom_id"]', NOT_JSON),
        (b"3", NOT_JSON),
        (b'"custom_id"', NOT_JSON),
        (b"null", NOT_JSON),
        (b'{"custom_id": "a", "body": {"x": NaN}}', NOT_JSON),
        (b'{"custom_id": "a", "body": {"x": -Infinity}}', NOT_JSON),
        (b'{"custom_id": "\xd6\xd0", "body": {}}', NOT_JSON),
        (b'{"custom_id": "a", "body": {"x": "\xff"}}', NOT_JSON),
        (b'{"custom_id": "a", "body": ' + b"[" * 60_000 + b"]" * 60_000 + b"}", NOT_JSON),
        (b"{}", NO_ID),
        (b'{"custom_id": "", "body": {}}', NO_ID),
        (b'{"custom_id": 0, "body": {}}', NO_ID),
        (b'{"custom_id": null, "body": {}}', NO_ID),
        (b'{"custom_id": [], "body": {}}', NO_ID),
        (b'{"custom_id": 7, "body": {}}', "批量推理输入文件格式错误,第2行custom_id不是string"),
        (b'{"custom_id": {"a": 1}, "body": {}}', "批量推理输入文件格式错误,第2行custom_id不是string"),
        (b'{"custom_id": "request-1", "body": {}}', "批量推理任务失败,custom_id=request-1存在重复"),
        (b'{"custom_id": "request-1", "body": 3}', "批量推理任务失败,custom_id=request-1存在重复"),
        (b'{"custom_id": "a"}', "批量推理任务失败,custom_id=a的body非json字符串"),
        (b'{"custom_id": "a", "body": "{}"}', "批量推理任务失败,custom_id=a的body非json字符串"),
        (b'{"custom_id": "\\ud800", "body": []}', "批量推理任务失败,custom_id=?的body非json字符串"),
    ],
)
def test_a_bad_line_fails_the_whole_job_with_the_platforms_words(bench, line, message):
    assert message_for(bench, GOOD + line + b"\n" + chat(2).encode() + b"\n") == message


def test_a_byte_order_mark_makes_the_first_line_no_json(bench):
    assert message_for(bench, b"\xef\xbb\xbf" + GOOD) == "批量推理任务失败,第1行非json数据"


def test_lines_are_counted_as_the_platform_does_without_the_blank_ones(bench):
    assert message_for(bench, b"\n  \n" + GOOD + b"\nbroken\n") == NOT_JSON


def test_a_bad_line_behind_many_good_ones_is_found(bench):
    lines = "\n".join(map(chat, range(5000)))
    assert message_for(bench, f"{lines}\nbroken".encode()) == "批量推理任务失败,第5001行非json数据"


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \t\r\n"])
def test_an_input_without_a_request_fails(bench, content):
    assert message_for(bench, content) == "批量推理任务失败,输入文件为空"


def test_an_input_over_the_limit_fails(bench, monkeypatch):
    monkeypatch.setattr("tui.localcloud.job_work.MAX_INPUT_BYTES", len(GOOD) - 1)
    assert message_for(bench, GOOD) == input_check.TOO_LARGE


@pytest.mark.parametrize(
    "content",
    [
        GOOD.rstrip(b"\n"),
        GOOD.replace(b"\n", b"\r\n"),
        b"\n\n" + GOOD + b"\n",
        "\u3000\n".encode() + GOOD,
        '{"custom_id": "a\u2028b", "body": {"messages": [{"role": "user", "content": "\u2028"}]}}\n'.encode(),
        b'{"custom_id": "a", "custom_id": "b", "body": {"messages": [{"role": "user", "content": "x"}]}}\n',
    ],
)
def test_what_the_platform_tolerates_is_answered(bench, content):
    bench.put(content, "odd.jsonl")
    job = bench.run(None, input=Location(BUCKET, "odd.jsonl"))
    assert (job.phase, job.progress.succeeded) == ("Completed", 1)


def test_a_lone_surrogate_comes_back_as_it_was_sent(bench):
    line = '{"custom_id": "\\ud800", "body": {"messages": [{"role": "user", "content": "\\udc00"}]}}'
    job = bench.run([line])
    (row,) = bench.results(job.id)
    assert row["custom_id"] == "\ud800"


# requests that the online API would refuse


USER = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({}, "MissingParameter", "messages"),
        ({"prompt": "hello"}, "MissingParameter", "messages"),
        ({"messages": []}, "InvalidParameter", "messages"),
        ({"messages": "hello"}, "InvalidParameter", "messages"),
        ({"messages": None}, "InvalidParameter", "messages"),
        ({"messages": [USER, "hello"]}, "InvalidParameter", "messages[1]"),
        ({"messages": [{"content": "hello"}]}, "MissingParameter", "messages[0].role"),
        ({"messages": [{"role": "robot", "content": "hello"}]}, "InvalidParameter", "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "hello"}]}, "InvalidParameter", "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "MissingParameter", "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "InvalidParameter", "messages[0].content"),
        ({"messages": [USER], "temperature": 3}, "InvalidParameter", "temperature"),
        ({"messages": [USER], "top_p": "1"}, "InvalidParameter", "top_p"),
        ({"messages": [USER], "max_tokens": 0}, "InvalidParameter", "max_tokens"),
        ({"messages": [USER], "max_tokens": True}, "InvalidParameter", "max_tokens"),
        ({"messages": [USER], "max_tokens": 1.5}, "InvalidParameter", "max_tokens"),
        ({"input": []}, "InvalidParameter", "input"),
        ({"input": ["a", ""]}, "InvalidParameter", "input"),
        ({"input": 7}, "InvalidParameter", "input"),
        ({"input": ["a", {"type": "text", "text": "b"}]}, "InvalidParameter", "input"),
    ],
)
def test_a_request_that_the_online_api_would_refuse_becomes_an_error_row(bench, body, code, path):
    job = bench.run([json.dumps({"custom_id": "a", "body": body})])
    (row,) = bench.errors(job.id)
    assert job.phase == "Completed"
    assert (row["custom_id"], row["response"], row["error"]["code"]) == ("a", None, code)
    assert row["error"]["type"] == "BadRequest"
    assert f"`{path}`" in row["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [USER], "model": "doubao-pro-32k", "stop": ["x"], "thinking": {"type": "disabled"}},
        {"messages": [{"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "1"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
        {"messages": [USER], "temperature": 0, "top_p": 1, "max_tokens": None},
        {"input": "hello"},
        {"input": [{"type": "text", "text": "hello"}]},
    ],
)
def test_a_request_that_the_online_api_would_answer_is_answered(bench, body):
    job = bench.run([json.dumps({"custom_id": "a", "body": body})])
    assert bench.errors(job.id) is None
    assert bench.results(job.id)[0]["response"]["status_code"] == 200
