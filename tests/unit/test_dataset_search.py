"""A text looked for in all rows, and rows glanced at: the same as reading every row whole."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.generations import OUTCOMES, Generation, play, request
from tui.dataset import row_glance, search
from tui.dataset.results import Account, Sources, reconcile
from tui.dataset.row_details import DetailsReader
from tui.dataset.row_glance import RowReader
from tui.dataset.row_index import RowIndex


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Generation]:
    """Sixty requests of every outcome, some replied to twice, and replies to nobody's."""
    source = tmp_path / "input.jsonl"
    source.write_bytes(b"".join(request(f"r-{number}") + b"\n" for number in range(60)))
    done = play(tmp_path / "results", source, OUTCOMES, random.Random(3), ["stranger-1", "stranger-2"])
    with done.index:
        yield done


def found(generation: Generation, text: str) -> list[int]:
    steps = list(search.search(generation.folder / "index.bin", text))
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[-1].done == steps[-1].total
    numbers = [row.number for step in steps for row in step.found]
    assert len(set(numbers)) == len(numbers)
    return numbers


@pytest.mark.parametrize("block", [1, 100, 1024 * 1024])
@pytest.mark.parametrize("text", ["r-1", "r-17", "蓝", "\u2028", "Code", "first", "stranger", '"', "nowhere"])
def test_what_is_found_is_what_a_look_at_every_row_finds(
    played: Generation, text: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_BLOCK", block)
    reader = DetailsReader(played.index, requests=True)
    expected = set()
    for row in played.index.rows():
        details = reader.read(row, played.index.reply(row))
        if any(text in (each or "") for each in (details.custom_id, details.answer, details.code, details.message)):
            expected.add(row.number)
    assert set(found(played, text)) == expected


def test_the_request_of_that_id_is_found_first(played: Generation) -> None:
    assert found(played, "r-5")[0] == played.index.find("r-5").number
    assert len(found(played, "r-5")) == 11


@pytest.mark.parametrize("edge", [40, 200])
def test_a_glance_at_long_lines_tells_the_same_id(
    played: Generation, edge: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = RowReader(played.index).glances(range(60))
    monkeypatch.setattr(row_glance, "_SHORT", 30)
    monkeypatch.setattr(row_glance, "_EDGE", edge)
    cut = RowReader(played.index).glances(range(60))
    assert [(each.custom_id, each.verdict, each.flags, each.why) for each in cut] == [
        (each.custom_id, each.verdict, each.flags, each.why) for each in whole
    ]
    assert all(each.excerpt is None for each in cut if each.row.source)


def test_an_id_is_never_taken_from_a_text_that_looks_like_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_glance, "_SHORT", 30)
    monkeypatch.setattr(row_glance, "_EDGE", 100)
    lure = {"custom_id": "b"}
    lines = [
        json.dumps({"note": lure, "body": {"pad": "x" * 300}, "custom_id": "a", "rest": "y" * 300}),
        json.dumps({"custom_id": "b", "body": {"messages": []}}),
    ]
    source = tmp_path / "input.jsonl"
    source.write_text("\n".join(lines))
    assert any(isinstance(step, Account) for step in reconcile(Sources(source, []), tmp_path / "index.bin", workers=0))
    with RowIndex(tmp_path / "index.bin") as index:
        assert [each.custom_id for each in RowReader(index).glances([0, 1])] == ["a", "b"]


def test_a_reader_that_was_stopped_reads_nothing(played: Generation) -> None:
    reader = RowReader(played.index)
    reader.stop()
    assert reader.glances([0]) == []
    assert reader.whole(0) is None
