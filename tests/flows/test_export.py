"""The results of a job become a table for other tools, in the input's order, as a new file or on standard output."""

from __future__ import annotations

import csv
import io
import json
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from tests.flows.deck import Deck, custom_ids, write_requests
from tui.localcloud import CloudInfo, LocalCloud
from tui.localcloud.faults import PUBLISH, Fault


@pytest.fixture
def some_fail(tmp_path: Path) -> Path:
    """Thirty requests, of which the online API refuses three."""
    path = tmp_path / "some-fail.jsonl"
    write_requests(path, 30, bad=frozenset([3, 7, 29]))
    return path


@pytest.fixture
def answers(deck: Deck, some_fail: Path, tmp_path: Path) -> Path:
    """The folder of their job."""
    folder = tmp_path / "answers"
    deck.run(some_fail, "--out", folder)
    return folder


def read_csv(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(encoding), newline=""), strict=True))


def test_every_request_is_a_line_in_the_order_of_the_input(deck: Deck, answers: Path, some_fail: Path) -> None:
    ended = deck("export", answers)
    assert ended.code == 0, ended.err
    assert [row["custom_id"] for row in ended.events] == custom_ids(some_fail)
    assert custom_ids(answers / "results.jsonl") != custom_ids(some_fail)
    failed = [row for row in ended.events if row["verdict"] == "failed"]
    assert [row["code"] for row in failed] == ["InvalidParameter"] * 3
    assert all(row["answer"] and row["prompt_tokens"] for row in ended.events if row["verdict"] == "ok")


def test_every_format_holds_the_same(deck: Deck, answers: Path, tmp_path: Path) -> None:
    columns = "custom_id,answer,completion_tokens,verdict,input:body.messages.-1.content,input:body.max_tokens"
    for suffix in ("jsonl", "csv", "parquet"):
        target = tmp_path / f"table.{suffix}"
        ended = deck("export", answers, "--to", target, "--columns", columns)
        assert (ended.code, ended.out) == (0, f"{target}\n"), ended.err
        assert stat.S_IMODE(target.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in (tmp_path / "table.jsonl").read_text("utf-8").splitlines()]
    assert lines[1]["input:body.messages.-1.content"] == "第 1 个问题：天空为什么这么蓝？"
    assert lines[1]["input:body.max_tokens"] == 256

    def as_texts(row: dict[str, object]) -> dict[str, str]:
        return {name: "" if value is None else str(value) for name, value in row.items()}

    assert read_csv(tmp_path / "table.csv") == [as_texts(row) for row in lines]
    table = pyarrow.parquet.read_table(tmp_path / "table.parquet")
    assert [as_texts(row) for row in table.to_pylist()] == [as_texts(row) for row in lines]


def test_only_some_requests_and_columns_are_exported(deck: Deck, answers: Path) -> None:
    failed = deck("export", answers, "--only", "failed", "--columns", "custom_id").events
    assert failed == [{"custom_id": f"request-{number}"} for number in (3, 7, 29)]
    assert len(deck("export", answers, "--only", "ok", "--only", "failed").events) == 30
    assert deck("export", answers, "--only", "missing", "--only", "truncated").out == ""


def test_nothing_that_is_there_is_written_over(deck: Deck, answers: Path, tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("mine")
    ended = deck("export", answers, "--to", target)
    assert (ended.code, target.read_text()) == (2, "mine")
    assert str(target) in ended.err
    own = answers / "results.jsonl"
    before = own.read_bytes()
    assert deck("export", answers, "--to", own).code == 2
    assert own.read_bytes() == before


def test_a_text_that_looks_like_a_formula_is_none_in_csv(deck: Deck, tmp_path: Path) -> None:
    file, target = tmp_path / "formulas.jsonl", tmp_path / "table.csv"
    formulas = ['=HYPERLINK("http://evil","x")', "+1", "-2+3", "@SUM(1)", "plain"]
    with file.open("w", encoding="utf-8") as lines:
        for formula in formulas:
            body = {"messages": [{"role": "user", "content": formula}], "n": -5}
            lines.write(json.dumps({"custom_id": formula, "body": body}) + "\n")
    deck.run(file, "--out", tmp_path / "out")
    columns = "custom_id,input:body.messages.0.content,input:body.n"
    assert deck("export", tmp_path / "out", "--to", target, "--columns", columns, "--bom").code == 0
    assert target.read_bytes().startswith(b'\xef\xbb\xbf"custom_id"')
    rows = read_csv(target, "utf-8-sig")
    safe = ["'" + formula for formula in formulas[:-1]] + ["plain"]
    assert [row["custom_id"] for row in rows] == safe
    assert [row["input:body.messages.0.content"] for row in rows] == safe
    assert {row["input:body.n"] for row in rows} == {"-5"}


def test_a_missing_request_has_its_line_too(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> None:
    cloud = cloud_factory(speed=0, faults=(Fault(PUBLISH, row="lost"),))
    deck, out = deck_on(cloud.info), tmp_path / "out"
    deck.run(requests_file, "--out", out)
    moved = requests_file.rename(tmp_path / "moved.jsonl")
    cloud.stop()
    rows = deck("export", out, "--input", moved).events
    assert [row["custom_id"] for row in rows] == custom_ids(moved)
    (lost,) = (row for row in rows if row["verdict"] == "missing")
    assert lost["answer"] is None
    assert lost["custom_id"] not in custom_ids(out / "results.jsonl")


@pytest.mark.parametrize(
    "wrong",
    [
        ("--to", "table.xls"),
        ("--columns", "id"),
        ("--columns", "answer,answer"),
        ("--bom",),
        ("--format", "xlsx"),
        ("--only", "good"),
    ],
)
def test_a_wrong_call_is_said_and_leaves_nothing(deck: Deck, answers: Path, wrong: tuple[str, ...]) -> None:
    before = sorted(deck.home.iterdir())
    ended = deck("export", answers, *wrong)
    assert (ended.code, ended.out) == (2, "")
    assert sorted(deck.home.iterdir()) == before


def test_without_the_parquet_library_the_extra_is_named(deck: Deck, answers: Path, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/pyarrow.py").write_text("raise ImportError('not installed')\n")
    deck.environ["PYTHONPATH"] = f"{tmp_path / 'without'}:{Path.cwd()}"
    ended = deck("export", answers, "--to", tmp_path / "table.parquet")
    assert (ended.code, "arkdeck[parquet]" in ended.err) == (2, True)
    assert not (tmp_path / "table.parquet").exists()
    assert deck("export", answers, "--to", tmp_path / "table.csv").code == 0


def test_a_reader_that_has_enough_ends_it_quietly(deck: Deck, answers: Path) -> None:
    with deck.start("export", answers) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode == 0, told


def test_an_interruption_leaves_no_half_a_table(deck: Deck, tmp_path: Path) -> None:
    results, tables, file = tmp_path / "results", tmp_path / "tables", tmp_path / "many.jsonl"
    results.mkdir()
    tables.mkdir()
    answer = {"response": {"status_code": 200, "body": {"choices": [{"message": {"content": "blue " * 100}}]}}}
    with file.open("w") as requests, (results / "results.jsonl").open("w") as answers:
        for number in range(50_000):
            requests.write(json.dumps({"custom_id": str(number), "body": {}}) + "\n")
            answers.write(json.dumps({"custom_id": str(number), **answer}) + "\n")
    with deck.start("export", results, "--input", file, "--to", tables / "table.csv") as process:
        while not list(tables.iterdir()):
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tables.iterdir()) == []
