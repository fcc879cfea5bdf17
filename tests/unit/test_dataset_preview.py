"""A look into an input file: its first requests, whatever they are, and how many it has."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tui.dataset import preview as preview_module
from tui.dataset.preview import FilePreview, FirstRequest, preview_file
from tui.errors import UsageError


def request(custom_id: str, *messages: tuple[str, object]) -> str:
    said = [{"role": role, "content": content} for role, content in messages]
    return json.dumps({"custom_id": custom_id, "body": {"messages": said}}, ensure_ascii=False)


def look(tmp_path: Path, content: str | bytes) -> FilePreview:
    file = tmp_path / "input.jsonl"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    (*_before, last) = preview_file(file)
    assert last.complete
    return last


def only(tmp_path: Path, line: str | bytes) -> FirstRequest:
    (first,) = look(tmp_path, line).first
    return first


def test_the_first_requests_are_told_by_id_and_question(tmp_path: Path) -> None:
    lines = [request(f"r-{number}", ("system", "rules"), ("user", f"question {number}")) for number in range(40)]
    found = look(tmp_path, "\n".join(lines))
    assert found.requests == 40
    assert found.size == len("\n".join(lines))
    assert len(found.first) == 12
    assert found.first[1] == FirstRequest(2, "r-1", "question 1")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"messages": [{"role": "system", "content": "only rules"}]}, "only rules"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "see"}]}]}, "see"),
        ({"input": "embed this"}, "embed this"),
        ({"input": ["first", "second"]}, "first"),
        ({"input": [1, 2]}, ""),
        ({"messages": [5, {"role": "user", "content": None}]}, ""),
    ],
)
def test_the_question_is_found_in_every_shape_of_body(tmp_path: Path, body: object, text: str) -> None:
    assert only(tmp_path, json.dumps({"custom_id": "a", "body": body})) == FirstRequest(1, "a", text)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("{not json", "the line is not JSON"),
        (b'{"custom_id": "\xff"}', "the line is not UTF-8 text"),
        ("[" * 2000, "nested too deeply"),
        ("[1]", "the line is a list, not an object"),
        ('\ufeff{"custom_id": "a", "body": {}}', "the line starts with a byte order mark"),
        ('{"body": {"input": "x"}}', "custom_id is absent"),
        ('{"custom_id": "a"}', "body is absent"),
        (b"\x00\x01\x02", "the line is not JSON"),
        ('{"custom_id": "' + "x" * 1_100_000, "too long to be shown here"),
    ],
)
def test_a_broken_line_says_so(tmp_path: Path, line: str | bytes, wrong: str) -> None:
    assert only(tmp_path, line).wrong == wrong


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    assert len(only(tmp_path, request("a", ("user", "x" * 100_000))).text) == 2000


@pytest.mark.parametrize(
    ("content", "requests"),
    [
        (b"", 0),
        (b"\n\n \r\n", 0),
        (b"{}", 1),
        (b"{}\n", 1),
        (b"{}\n\n\n{}\r\n\r\n  \n{}", 3),
        (b"\n{}\n {}\n", 2),
    ],
)
def test_blank_lines_are_no_requests(tmp_path: Path, content: bytes, requests: int) -> None:
    assert look(tmp_path, content).requests == requests


def test_the_count_is_the_same_wherever_the_blocks_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(7)
    content = b"".join(chance.choice([b"{}\n", b"\n", b" \r\n", b'{"custom_id": 1}\n', b"\t"]) for _ in range(300))
    expected = sum(1 for line in content.split(b"\n") if line.strip())
    for size in (1, 2, 3, 5, 7, 64):
        monkeypatch.setattr(preview_module, "_BLOCK_BYTES", size)
        assert look(tmp_path, content).requests == expected


def test_a_large_file_is_estimated_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "_COUNTED_BYTES", 1024)
    monkeypatch.setattr(preview_module, "_SAMPLE_BYTES", 4096)
    lines = [request(f"r-{number}", ("user", "x" * (number % 90))) for number in range(20_000)]
    found = look(tmp_path, "\n".join(lines))
    assert found.estimated
    assert found.requests == pytest.approx(20_000, rel=0.1)


def test_a_large_file_without_lines_is_not_estimated(tmp_path: Path) -> None:
    file = tmp_path / "sparse.jsonl"
    with file.open("wb") as made:
        made.truncate(200 * 1024 * 1024)
    (*_before, last) = preview_file(file)
    assert (last.estimated, last.requests) == (True, 0)
    assert last.first == (FirstRequest(1, wrong="too long to be shown here"),)


def test_a_long_count_is_told_while_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_module, "_BLOCK_BYTES", 64)
    monkeypatch.setattr(preview_module, "_TOLD_BYTES", 640)
    file = tmp_path / "input.jsonl"
    file.write_bytes(b"{}\n" * 2000)
    counts = [each.requests for each in preview_file(file)]
    assert counts == sorted(counts)
    assert len(counts) > 5
    assert counts[-1] == 2000


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a file"):
        next(preview_file(tmp_path))
