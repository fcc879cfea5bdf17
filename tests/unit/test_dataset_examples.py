"""The examples are what their README says: one file to run, one to see faults in."""

from __future__ import annotations

import json
from pathlib import Path

from tui.dataset.check import CheckSummary, Issue, check_file

EXAMPLES = Path(__file__).parents[2] / "examples"


def requests() -> list[dict]:
    return [json.loads(line) for line in (EXAMPLES / "requests.jsonl").read_bytes().split(b"\n") if line]


def test_every_example_request_passes_the_check_without_a_warning():
    *others, summary = check_file(EXAMPLES / "requests.jsonl")
    assert [event for event in others if isinstance(event, Issue)] == []
    assert isinstance(summary, CheckSummary)
    assert summary.requests >= 240


def test_a_good_part_of_the_requests_has_several_turns():
    turns = [sum(message["role"] == "user" for message in row["body"]["messages"]) for row in requests()]
    assert sum(count > 1 for count in turns) / len(turns) > 0.15


def test_every_request_ends_with_the_user_and_limits_its_answer():
    for row in requests():
        assert row["body"]["messages"][-1]["role"] == "user"
        assert row["body"]["max_tokens"] > 0


def test_requests_are_distinct_and_in_both_languages():
    texts = [row["body"]["messages"][-1]["content"] for row in requests()]
    chinese = [any("\u4e00" <= char <= "\u9fff" for char in text) for text in texts]
    assert len(set(texts)) == len(texts)
    assert 0.3 < sum(chinese) / len(chinese) < 0.7


def test_the_broken_example_has_its_faults_where_the_readme_says():
    issues = [event for event in check_file(EXAMPLES / "broken.jsonl") if isinstance(event, Issue)]
    assert {issue.line for issue in issues} == set(range(1, 17)) - {1, 8}
    assert [issue.rule for issue in issues if issue.line == 16] == ["not-utf8"]
