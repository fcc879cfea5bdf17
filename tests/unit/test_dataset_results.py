"""After a job an operator learns what became of every request, from the files alone."""

from __future__ import annotations

import itertools
import json
import os
import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset.results import Account, ErrorGroup, Sources, Tokens, reconcile
from tui.errors import UsageError


def request(custom_id: object) -> dict:
    return {"custom_id": custom_id, "body": {"messages": [{"role": "user", "content": "天空为什么这么蓝?"}]}}


def answer(custom_id: object, *, reason: str = "stop", status: int = 200, text: str = "散射", **usage) -> dict:
    message = {"role": "assistant", "content": text}
    body = {"choices": [{"index": 0, "finish_reason": reason, "message": message}], "usage": usage}
    response = {"request_id": "r", "status_code": status, "body": body}
    return {"id": "x", "custom_id": custom_id, "error": None, "response": response}


def failure(custom_id: object, code: str = "AccessDenied", message: str = "no") -> dict:
    return {"id": "x", "custom_id": custom_id, "response": None, "error": {"code": code, "message": message}}


def account_of(source: Path, replies: list[Path], older: list[Path] = (), **options) -> Account:
    *_progress, account = reconcile(Sources(source, replies, older), source.with_name("index.bin"), **options)
    return account


@pytest.fixture
def job(tmp_path: Path):
    """Reconcile a job of the given input ids and rows; a row of bytes is written as it is."""

    def write(name: str, rows: list[dict | bytes]) -> Path:
        path = tmp_path / name
        lines = [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows]
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    def job(ids, results=(), errors=()) -> Account:
        return account_of(
            write("input.jsonl", [request(custom_id) for custom_id in ids]),
            [write("results.jsonl", list(results)), write("errors.jsonl", list(errors))],
        )

    return job


def counts(account: Account) -> dict[str, int]:
    names = ("ok", "failed", "missing", "unexpected", "duplicate", "unreadable", "truncated", "refused")
    return {name: getattr(account, name) for name in names if getattr(account, name)}


def test_every_request_is_accounted_for_in_any_order(job):
    account = job(["a", "b", "c", "d"], [answer("d"), answer("a")], [failure("b")])
    assert account.requests == 4
    assert counts(account) == {"ok": 2, "failed": 1, "missing": 1}


def test_a_4xx_row_without_an_error_has_failed(job):
    account = job(["a"], [answer("a", status=429)])
    assert counts(account) == {"failed": 1}
    assert account.errors == (ErrorGroup("HTTP 429", 1, "a", ""),)


def test_an_error_beside_status_200_has_failed(job):
    assert counts(job(["a"], [answer("a") | {"error": {"code": "Broken"}}])) == {"failed": 1}


@pytest.mark.parametrize(
    "row",
    [
        {"response": None, "error": None},
        {},
        {"response": {"status_code": 200}},
        {"response": {"status_code": "200", "body": {}}},
        {"response": {"body": {}}},
        {"response": {"status_code": 0, "body": {}}},
        {"response": [], "error": 7},
        {"error": [1]},
    ],
)
def test_a_row_that_holds_no_answer_has_failed(job, row):
    assert counts(job(["a"], [{"custom_id": "a"} | row])) == {"failed": 1}


def test_the_good_answer_wins_over_an_error_whichever_comes_first(job):
    account = job(["a", "b"], [failure("a"), answer("a"), answer("b")], [failure("b")])
    assert counts(account) == {"ok": 2, "duplicate": 2}
    assert account.errors == ()


def test_extra_rows_are_counted_once_each(job):
    assert counts(job(["a"], [answer("a")] * 4)) == {"ok": 1, "duplicate": 3}


def test_a_row_of_another_job_is_unexpected(job):
    assert counts(job(["a"], [answer("z"), answer("a")], [failure("z")])) == {"ok": 1, "unexpected": 2}


def test_cut_and_withheld_answers_are_part_of_the_answers(job):
    rows = [answer("a", reason="length"), answer("b", reason="content_filter"), answer("c")]
    assert counts(job(["a", "b", "c"], rows)) == {"ok": 3, "truncated": 1, "refused": 1}


def test_a_torn_last_line_is_one_unreadable_row(job):
    torn = json.dumps(answer("b")).encode()[:40]
    assert counts(job(["a", "b"], [answer("a"), torn])) == {"ok": 1, "missing": 1, "unreadable": 1}


@pytest.mark.parametrize("row", [b"{", b"[]", b"7", b"\xff", b"{}", b'{"custom_id":null}', b"[" * 60_000, b"\0"])
def test_an_unreadable_row_stops_nothing(job, row):
    assert counts(job(["a"], [row, answer("a")])) == {"ok": 1, "unreadable": 1}


def test_blank_lines_are_no_rows(job):
    assert counts(job(["a"], [b"", b" \r", answer("a")])) == {"ok": 1}


def test_line_separators_in_an_answer_do_not_break_its_row(job):
    assert counts(job(["a"], [answer("a", text="1\u20282\u20293\x854")])) == {"ok": 1}


def test_files_that_the_service_did_not_make_count_as_empty(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps(request("a")))
    nothing = Account(1, 0, 0, 1, 0, 0, 0, 0, 0, Tokens(), ())
    assert account_of(source, [tmp_path / "results.jsonl", tmp_path / "errors.jsonl"]) == nothing
    assert account_of(source, []) == nothing


def test_a_missing_input_is_said_by_name(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.jsonl"):
        account_of(tmp_path / "gone.jsonl", [])


def test_lines_of_the_input_that_are_no_requests_are_passed_over(tmp_path):
    source = tmp_path / "in.jsonl"
    lines = [b"\xef\xbb\xbf" + json.dumps(request("a")).encode(), b"{oops", b"", b"[1]", b"\xff", b'{"custom_id":[1]}']
    source.write_bytes(b"\n".join([*lines, json.dumps(request("a")).encode()]))
    assert account_of(source, []).requests == 1


def test_an_id_that_is_a_number_is_joined_as_text(job):
    assert counts(job([5], [answer("5")])) == {"ok": 1}


def test_tokens_are_those_of_the_answers_that_count(job):
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 15,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    rows = [answer("a", **usage), answer("a", **usage), answer("z", **usage), answer("b", prompt_tokens=1)]
    assert job(["a", "b"], rows).tokens == Tokens(prompt=11, completion=5, cached=4, reasoning=3)


@pytest.mark.parametrize("usage", [None, [], {"prompt_tokens": "7"}, {"prompt_tokens": -7}, {"prompt_tokens": 10**300}])
def test_a_nonsensical_usage_counts_nothing(job, usage):
    row = answer("a")
    row["response"]["body"]["usage"] = usage
    assert job(["a"], [row]).tokens == Tokens()


@pytest.mark.parametrize("choices", [None, {}, [None], [{"finish_reason": ["length"]}], 7])
def test_odd_choices_are_still_an_answer(job, choices):
    row = answer("a")
    row["response"]["body"]["choices"] = choices
    assert counts(job(["a"], [row])) == {"ok": 1}


def test_errors_are_grouped_by_code_most_frequent_first(job):
    rows = [failure("a", "RateLimit", "slow 2"), failure("b"), failure("c"), failure("d", "RateLimit", "slow 3")]
    groups = job("abcde", [], [*rows, failure("e")]).errors
    assert groups == (
        ErrorGroup("AccessDenied", 3, "b", "no", "no"),
        ErrorGroup("RateLimit", 2, "a", "slow 2", "slow …"),
    )


def test_the_sample_of_a_group_is_a_request_that_stayed_failed(job):
    groups = job("ab", [failure("a", message="first"), failure("b", message="second"), answer("a")]).errors
    assert groups == (ErrorGroup("AccessDenied", 1, "b", "second", "second"),)


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({"error": "plain words"}, "", "plain words"),
        ({"error": {"type": "Forbidden", "message": "m"}}, "Forbidden", "m"),
        ({"error": {"code": 7, "message": ["m"]}}, "7", ""),
        (
            {"response": {"status_code": 400, "body": {"error": {"code": "Bad", "message": "m"}}}},
            "Bad",
            "m",
        ),
        ({"response": {"status_code": 500, "body": "x"}}, "HTTP 500", ""),
        ({}, "", ""),
    ],
)
def test_code_and_message_are_found_where_they_are(job, row, code, message):
    assert job(["a"], [{"custom_id": "a"} | row]).errors == (ErrorGroup(code, 1, "a", message, message),)


def test_an_account_of_hostile_text_can_be_written_as_json(job):
    row = failure("a", "\ud800", "\udfff" * 5000)
    account = job(["a"], [json.dumps(row).encode()])
    written = msgspec.json.encode(account)
    assert len(written) < 5000
    assert msgspec.json.decode(written, type=Account) == account


def test_messages_that_differ_in_numbers_alone_are_one_group(job):
    rows = [failure(name, "Bad", f"request {number} has {number}k tokens") for number, name in enumerate("cab")]
    template = "request … has … tokens"
    assert job("abc", rows).errors == (ErrorGroup("Bad", 3, "a", "request 1 has 1k tokens", template),)


def test_very_many_different_messages_are_counted_by_their_code(job):
    words = ["".join(letters) for letters in itertools.product("abcdefghijkl", repeat=3)]
    ids = [str(number) for number in range(len(words))]
    groups = job(ids, [failure(*pair) for pair in zip(ids, ["Bad"] * len(ids), words, strict=True)]).errors
    assert sum(group.count for group in groups) == len(words)
    assert (groups[0].code, groups[0].template) == ("Bad", "")
    assert 500 < len(groups) < 1100


def test_finish_reasons_and_empty_answers_are_told(job):
    rows = [answer("a"), answer("b", reason="length", text=""), answer("c", reason="tool_calls"), answer("d")]
    account = job("abcd", rows)
    assert account.finish_reasons == {"stop": 2, "length": 1, "tool_calls": 1}
    assert (account.truncated, account.empty, account.ok) == (1, 1, 4)


def test_a_newer_generation_wins_and_an_older_one_fills_its_gaps(tmp_path):
    source = tmp_path / "input.jsonl"
    source.write_text("".join(json.dumps(request(name)) + "\n" for name in "abcd"))
    generations = [
        [answer("a", prompt_tokens=1), failure("b", "New")],
        [answer("a", prompt_tokens=10), answer("b", prompt_tokens=100), failure("c", "Newer"), answer("z")],
        [failure("c", "Oldest"), failure("d", "Oldest")],
    ]
    paths = [tmp_path / f"{number}.jsonl" for number in range(len(generations))]
    for path, rows in zip(paths, generations, strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    account = account_of(source, paths[:1], paths[1:])
    assert counts(account) == {"ok": 2, "failed": 2}
    assert account.tokens.prompt == 101
    assert {group.code: group.custom_id for group in account.errors} == {"Newer": "c", "Oldest": "d"}


ANSWERED, FAILED, NOTHING = "answered", "failed", "nothing"
FATES = st.lists(
    st.tuples(st.sampled_from([ANSWERED, FAILED, NOTHING]), st.integers(0, 3), st.integers(0, 3)), max_size=15
)


@settings(max_examples=300, deadline=None)
@given(fates=FATES, foreign=st.integers(0, 4), torn=st.integers(0, 3), seed=st.integers(0, 2**16))
def test_the_account_is_exact_for_every_mixture(tmp_path_factory, fates, foreign, torn, seed):
    """Each request is answered (with further answers and errors), failed (with further errors) or forgotten."""
    rows: list[bytes] = [b'{"custom_id":"0","resp'] * torn
    rows += [json.dumps(answer(f"foreign-{n % 2}")).encode() for n in range(foreign)]
    for number, (fate, more_answers, more_errors) in enumerate(fates):
        answers = 1 + more_answers if fate == ANSWERED else 0
        failures = more_errors + (fate == FAILED) if fate != NOTHING else 0
        rows += [json.dumps(answer(str(number))).encode()] * answers
        rows += [json.dumps(failure(str(number))).encode()] * failures
    chance = random.Random(seed)
    chance.shuffle(rows)
    cut = chance.randint(0, len(rows))

    folder = tmp_path_factory.getbasetemp()
    source, results, errors = (folder / f"{name}-{os.getpid()}.jsonl" for name in ("input", "results", "errors"))
    source.write_text("".join(json.dumps(request(str(number))) + "\n" for number in range(len(fates))))
    results.write_bytes(b"\n".join(rows[:cut]))
    errors.write_bytes(b"\n".join(rows[cut:]))
    account = account_of(source, [results, errors])

    had = [fate for fate, _, _ in fates]
    assert (account.requests, account.unexpected, account.unreadable) == (len(fates), foreign, torn)
    assert (account.ok, account.failed, account.missing) == tuple(map(had.count, (ANSWERED, FAILED, NOTHING)))
    assert account.ok + account.failed + account.missing == account.requests
    assert sum(group.count for group in account.errors) == account.failed
    assert account.ok + account.failed + account.duplicate + foreign + torn == len(rows)


@settings(max_examples=300, deadline=None)
@given(content=st.tuples(st.binary(max_size=100), st.binary(max_size=100), st.binary(max_size=100)))
def test_no_bytes_break_the_account(tmp_path_factory, content):
    paths = [tmp_path_factory.getbasetemp() / f"any-{os.getpid()}-{name}" for name in ("input", "results", "errors")]
    for path, data in zip(paths, content, strict=True):
        path.write_bytes(data)
    account = account_of(paths[0], paths[1:])
    assert account.ok + account.failed + account.missing == account.requests
