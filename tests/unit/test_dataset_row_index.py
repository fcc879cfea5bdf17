"""From the index every request is found, in the input and in the answers, as long as the files are what they were."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tui.dataset import workers
from tui.dataset.lines import FileMissingError
from tui.dataset.reply import Fate
from tui.dataset.results import Account, FilesChangedError, ReconcileProgress, Sources, reconcile
from tui.dataset.row_index import IndexUnusableError, RowIndex
from tui.dataset.workers import WorkerDiedError
from tui.errors import UsageError

COUNT = 3000


def answer(number: int, reason: str = "stop") -> dict:
    choice = {"finish_reason": reason, "message": {"content": f"answer {number} 蓝"}}
    body = {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    return {"custom_id": f"r-{number}", "response": {"status_code": 200, "body": body}}


def failure(number: int) -> dict:
    return {"custom_id": f"r-{number}", "error": {"code": f"Code{number % 2}", "message": "no"}}


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """A job of which every 10th request failed, every 10th was cut short and every 1000th was forgotten."""
    numbers = range(COUNT)
    source = write(tmp_path / "input.jsonl", [{"custom_id": f"r-{number}", "body": {}} for number in numbers])
    answers = [answer(n, "length" if n % 10 == 2 else "stop") for n in reversed(numbers) if n % 10 != 1 and n % 1000]
    failures = [failure(number) for number in numbers if number % 10 == 1]
    return Sources(source, (write(tmp_path / "results.jsonl", answers), write(tmp_path / "errors.jsonl", failures)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.bin"


def made(sources: Sources, path: Path, **options) -> Account:
    *_steps, account = reconcile(sources, path, **options)
    return account


def test_a_request_is_found_by_its_id(sources, path):
    made(sources, path)
    with RowIndex(path) as index:
        row = index.find("r-77")
        assert (row.number, row.fate) == (77, Fate.OK)
        assert json.loads(index.request(row)) == {"custom_id": "r-77", "body": {}}
        assert json.loads(index.reply(row)) == answer(77)
        assert index.find("r-3000") is None
        assert index.reply(index.find("r-1000")) is None


def test_rows_come_in_the_inputs_order_by_what_became_of_them(sources, path):
    account = made(sources, path)
    with RowIndex(path) as index:
        assert len(index) == COUNT
        assert index.account == account
        failed = list(index.rows(Fate.FAILED))
        assert [row.number for row in failed] == list(range(1, COUNT, 10))
        left = Fate.FAILED | Fate.MISSING | Fate.TRUNCATED
        assert index.numbers(left).tolist() == [n for n in range(COUNT) if n % 10 in (1, 2) or not n % 1000]
        code = [kind for kind, (code, _template) in enumerate(index.errors) if code == "Code1"]
        assert {row.number for row in index.rows(Fate.FAILED, code)} == set(range(1, COUNT, 10))
        assert not list(index.rows(Fate.FAILED, []))
        truncated = index.row(12)
        assert index.reasons[truncated.kind] == ("length",)
        with pytest.raises(IndexError):
            index.row(COUNT)


def test_the_index_is_private_and_nothing_else_is_left(sources, path):
    made(sources, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {file.name for file in path.parent.iterdir()} == {
        "input.jsonl",
        "results.jsonl",
        "errors.jsonl",
        "index.bin",
    }


def test_an_index_of_the_same_files_is_taken_as_it_is(sources, path):
    first = made(sources, path)
    before = path.stat()
    assert list(reconcile(sources, path)) == [first]
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_it_is_made_again_when_a_file_changed_though_neither_size_nor_time_did(sources, path):
    assert made(sources, path).failed == COUNT // 10
    results, state = sources.replies[0], sources.replies[0].stat()
    results.write_bytes(results.read_bytes().replace(b": 200", b": 429"))
    os.utime(results, ns=(state.st_atime_ns, state.st_mtime_ns))
    with RowIndex(path) as index, pytest.raises(IndexUnusableError, match=r"results\.jsonl"):
        index.reply(index.find("r-77"))
    assert made(sources, path).ok == 0


def test_it_is_made_again_for_other_files(sources, path):
    made(sources, path)
    assert made(Sources(sources.input, sources.replies[:1]), path).failed == 0
    assert made(Sources(sources.input, sources.replies[:1], sources.replies[1:]), path).failed == COUNT // 10


@pytest.mark.parametrize("keep", [0, 5, 1000, -1, -20])
def test_a_damaged_index_is_refused_and_made_again(sources, path, keep):
    account = made(sources, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(IndexUnusableError):
        RowIndex(path)
    assert made(sources, path) == account


def test_an_index_of_another_version_is_refused(sources, path):
    made(sources, path)
    data = bytearray(path.read_bytes())
    data[15] += 1
    path.write_bytes(data)
    with pytest.raises(IndexUnusableError, match="version"):
        RowIndex(path)


def test_answers_are_read_where_the_input_is_gone(sources, path):
    made(sources, path)
    sources.input.unlink()
    with RowIndex(path) as index:
        row = index.find("r-77")
        assert json.loads(index.reply(row)) == answer(77)
        with pytest.raises(FileMissingError):
            index.request(row)


def test_the_input_may_lie_elsewhere(sources, path, tmp_path):
    (tmp_path / "out").mkdir()
    elsewhere = tmp_path / "out" / "index.bin"
    made(sources, elsewhere)
    with RowIndex(elsewhere) as index:
        assert json.loads(index.request(index.row(5)))["custom_id"] == "r-5"


def test_several_processes_find_the_same_as_one(sources, path):
    alone, together = made(sources, path, workers=0), path.with_name("other.bin")
    assert made(sources, together, part_bytes=5000, workers=2) == alone
    with RowIndex(path) as one, RowIndex(together) as other:
        assert list(one.rows()) == list(other.rows())


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The processes that were started."""
    found = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            found.append(self)

    monkeypatch.setattr(workers.subprocess, "Popen", Noted)
    return found


def test_closing_it_half_way_leaves_nothing_behind(sources, path, started):
    running = reconcile(sources, path, part_bytes=5000, workers=2)
    assert isinstance(next(running), ReconcileProgress)
    running.close()
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)
    assert {file.name for file in path.parent.iterdir()} == {"input.jsonl", "results.jsonl", "errors.jsonl"}


def test_a_process_that_is_killed_is_an_error_and_no_hang(sources, path, started):
    running = reconcile(sources, path, part_bytes=2000, workers=2)
    next(running)
    for process in started:
        process.kill()
    with pytest.raises(WorkerDiedError):
        list(running)
    assert not path.exists()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_goes_while_it_is_read_is_said_by_name(sources, path, workers):
    running = reconcile(sources, path, part_bytes=5000, workers=workers)
    next(running)
    sources.replies[1].unlink()
    with pytest.raises(UsageError, match=r"errors\.jsonl"):
        list(running)
    assert not path.exists()


def test_a_file_that_changes_while_it_is_read_gives_no_account(sources, path):
    running = reconcile(sources, path, part_bytes=5000, workers=0)
    next(running)
    with sources.input.open("ab") as file:
        file.write(b'{"custom_id":"late"}\n')
    with pytest.raises(FilesChangedError, match=r"input\.jsonl"):
        list(running)
    assert not path.exists()
