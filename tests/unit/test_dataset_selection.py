"""Of a job's rows those that are meant are shown, whole, whatever their replies look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tui.dataset.lines import FileMissingError
from tui.dataset.reply import Fate
from tui.dataset.results import Sources, Tokens, reconcile
from tui.dataset.row_details import DetailsReader, RowDetails
from tui.dataset.row_index import RowIndex
from tui.dataset.selection import Selection

USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 5},
}


def answer(custom_id: object, content: object, reason: str = "stop", **message: object) -> dict:
    choice = {"finish_reason": reason, "message": {"content": content, **message}}
    return {"custom_id": custom_id, "response": {"status_code": 200, "body": {"choices": [choice], "usage": USAGE}}}


def failure(custom_id: str, code: str, message: str) -> dict:
    return {"custom_id": custom_id, "error": {"code": code, "message": message}}


REPLIES = [
    answer("plain", "The sky is blue.", reasoning_content="Rayleigh"),
    answer("cut", "天空", "length"),
    answer("withheld", "", "content_filter"),
    answer("parts", [{"type": "text", "text": "one "}, {"type": "image"}, {"type": "text", "text": "two"}]),
    answer("tools", None, "tool_calls", tool_calls=[{"id": "t"}]),
    answer(17, 'He said "no"\nand left'),
    failure("limit-1", "RateLimit", "wait 5 s"),
    failure("limit-2", "RateLimit", "the sky fell " * 200),
    {"custom_id": "teapot", "response": {"status_code": 418, "body": {"error": {"message": "short and stout"}}}},
]
IDS = [str(reply["custom_id"]) for reply in REPLIES]


@pytest.fixture
def index_path(tmp_path: Path) -> Path:
    """An index of these replies in reverse, and of one request that has none."""
    source, results, path = tmp_path / "input.jsonl", tmp_path / "results.jsonl", tmp_path / "index.bin"
    source.write_text("".join(json.dumps({"custom_id": custom_id}) + "\n" for custom_id in [*IDS, "lost"]))
    results.write_text("".join(json.dumps(reply) + "\n" for reply in reversed(REPLIES)))
    list(reconcile(Sources(source, (results,)), path))
    return path


@pytest.fixture
def index(index_path):
    with RowIndex(index_path) as opened:
        yield opened


def ids(selection: Selection, index: RowIndex) -> list[str]:
    return [details.custom_id for details in selection.read(index)]


def details(index: RowIndex, custom_id: str) -> RowDetails:
    (found,) = Selection(ids=(custom_id,)).read(index)
    return found


def test_without_a_choice_all_rows_come_in_the_inputs_order(index):
    assert ids(Selection(), index) == [*IDS, "lost"]
    assert not Selection()


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(Fate.FAILED), ["limit-1", "limit-2", "teapot"]),
        (Selection(Fate.MISSING), ["lost"]),
        (Selection(Fate.TRUNCATED | Fate.REFUSED), ["cut", "withheld"]),
        (Selection(Fate.EMPTY), ["withheld"]),
        (Selection(codes=frozenset(["RateLimit"])), ["limit-1", "limit-2"]),
        (Selection(codes=frozenset(["HTTP 418", "RateLimit"])), ["limit-1", "limit-2", "teapot"]),
        (Selection(codes=frozenset(["Other"])), []),
        (Selection(Fate.MISSING, frozenset(["HTTP 418"])), ["teapot", "lost"]),
        (Selection(ids=("teapot", "nobody", "cut")), ["teapot", "cut"]),
        (Selection(Fate.FAILED, ids=("teapot", "cut")), ["teapot"]),
        (Selection(limit=2), ["plain", "cut"]),
        (Selection(text="sky"), ["plain", "limit-2"]),
        (Selection(text="天"), ["cut"]),
        (Selection(text='"no"\nand'), ["17"]),
        (Selection(text="RateLimit"), ["limit-1", "limit-2"]),
        (Selection(text="custom_id"), []),
        (Selection(text="Rayleigh"), []),
        (Selection(Fate.OK, text="sky"), ["plain"]),
    ],
)
def test_rows_are_chosen_by_what_became_of_them_by_code_id_and_text(index, selection, expected):
    assert ids(selection, index) == expected
    assert selection


def test_a_text_is_found_however_the_reply_spells_it(tmp_path):
    source, results = tmp_path / "input.jsonl", tmp_path / "results.jsonl"
    source.write_text('{"custom_id":"a"}\n{"custom_id":"b"}\n')
    replies = [json.dumps(answer("a", "天空/蓝"), ensure_ascii=False), json.dumps(answer("b", "天空/蓝"))]
    results.write_text(replies[0].replace("/", "\\/") + "\n" + replies[1] + "\n", encoding="utf-8")
    list(reconcile(Sources(source, (results,)), tmp_path / "index.bin"))
    with RowIndex(tmp_path / "index.bin") as index:
        assert ids(Selection(text="空/蓝"), index) == ["a", "b"]


def test_an_answer_is_told_whole(index):
    found = details(index, "plain")
    assert (found.verdict, found.flags, found.finish_reason) == ("ok", (), "stop")
    assert (found.answer, found.reasoning, found.code, found.message) == ("The sky is blue.", "Rayleigh", None, None)
    assert found.tokens == Tokens(9, 7, 4, 5)
    assert details(index, "cut").flags == ("truncated",)
    assert details(index, "withheld").flags == ("refused", "empty")
    assert details(index, "parts").answer == "one two"
    assert details(index, "tools").answer is None


def test_a_failure_is_told_whole(index):
    found = details(index, "limit-2")
    assert (found.verdict, found.code, found.message) == ("failed", "RateLimit", "the sky fell " * 200)
    assert (found.answer, found.tokens, found.finish_reason) == (None, None, None)
    assert (details(index, "teapot").code, details(index, "teapot").message) == ("HTTP 418", "short and stout")


def test_only_requests_without_a_reply_need_the_input(index, tmp_path):
    account = index.account
    assert Selection().needs_input(account)
    assert Selection(Fate.MISSING).needs_input(account)
    for selection in (Selection(Fate.OK | Fate.FAILED), Selection(text="sky"), Selection(ids=("lost",))):
        assert not selection.needs_input(account)
    (tmp_path / "input.jsonl").unlink()
    assert ids(Selection(Fate.OK | Fate.FAILED), index) == IDS
    assert ids(Selection(ids=("lost",)), index) == ["lost"]
    with pytest.raises(FileMissingError):
        ids(Selection(Fate.MISSING), index)


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "inf"),
        ("1" * 5000, "(a number of 5000 digits)"),
        ('"\\ud800"', "\ud800"),
        ("[" * 980 + "]" * 980, None),
    ],
)
def test_a_reply_that_only_a_patient_parser_reads_is_told_too(tmp_path, field, expected):
    source, results = tmp_path / "input.jsonl", tmp_path / "results.jsonl"
    source.write_text('{"custom_id":"a"}\n')
    line = json.dumps(answer("a", "blue"))[:-1] + f', "odd": {field}}}\n'
    results.write_text(line)
    list(reconcile(Sources(source, (results,)), tmp_path / "index.bin"))
    with RowIndex(tmp_path / "index.bin") as index:
        row = index.row(0)
        found = DetailsReader(index).read(row, index.reply(row))
        assert found.answer == "blue"
        assert expected is None or found.reply["odd"] == expected


def test_requests_are_read_when_they_are_asked_for(index):
    row = index.row(0)
    found = DetailsReader(index, requests=True).read(row, index.reply(row))
    assert found.request == {"custom_id": "plain"}
    assert DetailsReader(index).read(row, index.reply(row)).request == {}
