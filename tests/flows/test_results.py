"""What became of every request, told from a job's id or a folder, with as little as is needed for the answer."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, Ended, custom_ids, write_requests
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


def rows(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.err
    return [event["custom_id"] for event in ended.events[:-1]]


def offline(deck: Deck, cloud: LocalCloud) -> None:
    """Take away the cloud and the keys."""
    cloud.stop()
    for name in ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY"):
        del deck.environ[name]


def test_the_account_of_a_folder_is_told_without_anybody_s_help(deck: Deck, cloud: LocalCloud, answers: Path) -> None:
    offline(deck, cloud)
    ended = deck("results", answers, "--json")
    assert ended.code == 1, ended.err
    expected = {"requests": 30, "ok": 27, "failed": 3, "missing": 0, "truncated": 0, "refused": 0, "empty": 0}
    assert expected.items() <= ended.summary.items()
    assert ended.summary["service_counts"] == {"total": 30, "completed": 30, "failed": 3}
    assert ended.summary["disagreements"] == []
    assert ended.summary["finish_reasons"] == {"stop": 27}
    assert ended.summary["tokens"]["completion"] > 0
    (group,) = ended.summary["errors"]
    assert (group["code"], group["count"], group["custom_id"]) == ("InvalidParameter", 3, "request-3")


def test_the_account_in_words_is_data(deck: Deck, answers: Path) -> None:
    ended = deck("results", answers)
    assert ended.code == 1
    for words in ("27 answered · 3 failed · 0 missing", "30 completed · 3 failed", "stop 27", "InvalidParameter"):
        assert words in ended.out


def test_where_all_is_answered_the_code_is_0(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    deck.run(requests_file, "--out", tmp_path / "out")
    assert deck("results", tmp_path / "out").code == 0


def test_a_completed_job_is_found_by_its_id_without_anybody_s_help(
    deck: Deck, cloud: LocalCloud, answers: Path
) -> None:
    job = json.loads((answers / "account.json").read_bytes())["job"]
    offline(deck, cloud)
    ended = deck("results", job, "--json")
    assert (ended.summary["folder"], ended.summary["ok"]) == (str(answers), 27)


def test_a_job_that_is_not_here_is_collected_first(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    deck("watch", job)
    ended = deck("results", job, "--json")
    assert (ended.code, ended.summary["ok"]) == (0, 40), ended.err
    assert ended.summary["folder"] == str(deck.home / job)
    elsewhere = deck("results", job, "--json", "--out", tmp_path / "elsewhere")
    assert elsewhere.summary["folder"] == str(tmp_path / "elsewhere")
    assert len(custom_ids(tmp_path / "elsewhere/results.jsonl")) == 40


def test_rows_are_shown_by_what_became_of_them(deck: Deck, answers: Path) -> None:
    failed = deck("results", answers, "--failed", "--json")
    assert rows(failed) == ["request-3", "request-7", "request-29"]
    first = failed.events[0]
    assert (first["verdict"], first["code"], first["answer"]) == ("failed", "InvalidParameter", None)
    assert failed.summary["shown"] == 3
    assert rows(deck("results", answers, "--failed", "--limit", 1, "--json")) == ["request-3"]
    assert rows(deck("results", answers, "--code", "InvalidParameter", "--json")) == rows(failed)
    assert rows(deck("results", answers, "--missing", "--truncated", "--refused", "--empty", "--json")) == []
    assert rows(deck("results", answers, "--grep", "Question 12:", "--json")) == ["request-12"]
    table = deck("results", answers, "--failed").out.splitlines()
    assert [line.split()[0] for line in table] == ["REQUEST", "request-3", "request-7", "request-29"]


def test_a_row_tells_where_it_lies(deck: Deck, answers: Path, some_fail: Path) -> None:
    ended = deck("results", answers, "--id", "request-5", "--json")
    row = ended.events[0]
    place, reply = row["request"], row["reply"]
    assert some_fail.read_bytes()[place["offset"] :][: place["length"]] == some_fail.read_bytes().split(b"\n")[5]
    line = (answers / reply["file"]).read_bytes()[reply["offset"] :][: reply["length"]]
    assert json.loads(line)["response"]["body"]["choices"][0]["message"]["content"] == row["answer"]
    assert row["usage"]["completion_tokens"] > 0


def test_one_request_is_shown_in_full_and_an_unknown_one_is_said(deck: Deck, answers: Path) -> None:
    ended = deck("results", answers, "--id", "request-5", "--id", "nobody")
    assert ended.code == 2
    assert "request-5  ok" in ended.out
    assert "第 5 个问题" in ended.out
    assert "nobody" in ended.err


def test_the_service_s_wrong_counters_are_named(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> None:
    deck = deck_on(cloud_factory(speed=0, faults=(Fault(PUBLISH, counts="wrong"),)).info)
    deck.run(requests_file, "--out", tmp_path / "out")
    told = deck("results", tmp_path / "out", "--json").summary["disagreements"]
    assert {"what": "failed", "service": 1, "files": 0} in told
    assert "failed: the service says 1, the files 0" in deck("results", tmp_path / "out").out


@pytest.fixture
def lost_one(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> tuple[Deck, LocalCloud, Path]:
    """A deck, its cloud and the folder of a job of which one answer is in no file."""
    cloud = cloud_factory(speed=0, faults=(Fault(PUBLISH, row="lost"),))
    deck = deck_on(cloud.info)
    assert deck.run(requests_file, "--out", tmp_path / "out").summary["missing"] == 1
    return deck, cloud, tmp_path / "out"


def missing_id(folder: Path) -> str:
    (lost,) = {f"request-{number}" for number in range(40)} - set(custom_ids(folder / "results.jsonl"))
    return lost


def test_a_missing_request_is_named_from_the_input(lost_one: tuple[Deck, LocalCloud, Path]) -> None:
    deck, cloud, folder = lost_one
    offline(deck, cloud)
    ended = deck("results", folder, "--missing", "--json")
    assert rows(ended) == [missing_id(folder)]
    assert ended.events[0]["verdict"] == "missing"
    assert ended.events[0]["reply"] is None


def test_an_input_that_was_moved_is_fetched_or_named(
    lost_one: tuple[Deck, LocalCloud, Path], requests_file: Path, tmp_path: Path
) -> None:
    deck, cloud, folder = lost_one
    moved = requests_file.rename(tmp_path / "moved.jsonl")
    assert rows(deck("results", folder, "--missing", "--json")) == [missing_id(folder)]  # from the store
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    offline(deck, cloud)
    assert deck("results", folder).code == 1  # which needs no input
    lost = deck("results", folder, "--missing")
    assert lost.code != 0
    assert str(requests_file) in lost.err
    assert "--input FILE" in lost.err
    os.utime(moved, ns=(1, 1))
    named = deck("results", folder, "--missing", "--json", "--input", moved)
    assert rows(named) == [missing_id(folder)]
    assert named.summary["input"] == str(moved)


def test_an_input_that_was_touched_is_still_the_input(
    lost_one: tuple[Deck, LocalCloud, Path], requests_file: Path
) -> None:
    deck, cloud, folder = lost_one
    offline(deck, cloud)
    os.utime(requests_file, ns=(1, 1))
    assert rows(deck("results", folder, "--missing", "--json")) == [missing_id(folder)]


def test_another_file_does_not_pass_for_the_input(
    lost_one: tuple[Deck, LocalCloud, Path], requests_file: Path, tmp_path: Path
) -> None:
    deck, _cloud, folder = lost_one
    other = tmp_path / "other.jsonl"
    data = requests_file.read_bytes()
    for content in (data.replace(b"blue", b"grey"), data + b"\n"):
        other.write_bytes(content)
        ended = deck("results", folder, "--missing", "--input", other)
        assert ended.code == 2
        assert str(other) in ended.err
    assert deck("results", folder, "--input", tmp_path / "nothing").code == 2


def test_results_that_were_changed_are_accounted_for_anew(deck: Deck, cloud: LocalCloud, answers: Path) -> None:
    offline(deck, cloud)
    lines = (answers / "results.jsonl").read_bytes().splitlines(keepends=True)
    (answers / "results.jsonl").write_bytes(b"".join(lines[:-5]))
    assert deck("results", answers, "--json").summary["missing"] == 5
    assert json.loads((answers / "account.json").read_bytes())["account"]["missing"] == 5
    assert len(rows(deck("results", answers, "--missing", "--json"))) == 5
    (answers / "index.bin").unlink()
    assert deck("results", answers, "--json").summary["missing"] == 5


def test_results_that_are_gone_are_collected_again(deck: Deck, answers: Path) -> None:
    (answers / "results.jsonl").unlink()
    ended = deck("results", answers, "--json")
    assert ended.summary["ok"] == 27, ended.err
    assert len(custom_ids(answers / "results.jsonl")) == 27


def test_a_folder_that_was_moved_is_read_where_it_is(
    deck: Deck, cloud: LocalCloud, answers: Path, tmp_path: Path
) -> None:
    offline(deck, cloud)
    moved = Path(shutil.move(answers, tmp_path / "archive"))
    assert rows(deck("results", moved, "--failed", "--json")) == ["request-3", "request-7", "request-29"]


def test_a_job_that_was_stopped_and_resumed_is_told_as_it_is_now(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], tmp_path: Path
) -> None:
    deck, out, file = deck_on(cloud_factory(speed=50).info), tmp_path / "answers", tmp_path / "many.jsonl"
    write_requests(file, 300)
    job = deck("submit", file, "--model", MODEL).out.strip()
    refused = deck("results", job)
    assert (refused.code, "arkdeck watch" in refused.err) == (2, True)
    while not deck("jobs", "--json").events[0]["completed"]:
        pass
    deck("stop", job, "--yes")
    deck("watch", job)
    part = deck("results", job, "--out", out, "--json").summary
    assert part["phase"] == "Terminated"
    assert part["missing"] > 0
    deck("resume", job)
    deck("watch", job)
    assert deck("results", out, "--json").summary["missing"] == part["missing"]  # the folder as it is
    whole = deck("results", job, "--out", out, "--json").summary
    assert (whole["phase"], whole["ok"], whole["missing"]) == ("Completed", 300, 0)


def test_files_from_elsewhere_are_accounted_for_with_their_input(
    deck: Deck, cloud: LocalCloud, answers: Path, some_fail: Path, tmp_path: Path
) -> None:
    offline(deck, cloud)
    folder = tmp_path / "downloaded"
    folder.mkdir()
    for name in ("results.jsonl", "errors.jsonl"):
        shutil.copy(answers / name, folder / name)
    refused = deck("results", folder)
    assert (refused.code, "--input" in refused.err) == (2, True)
    told = deck("results", folder, "--input", some_fail, "--json").summary
    assert (told["ok"], told["failed"], told["job"], told["service_counts"]) == (27, 3, None, None)
    assert sorted(path.name for path in folder.iterdir()) == ["errors.jsonl", "index.bin", "results.jsonl"]
    assert rows(deck("results", folder, "--failed", "--json")) == ["request-3", "request-7", "request-29"]


@pytest.mark.parametrize("where", ["nowhere/at-all", "bi-nobody", ".", "a:b"])
def test_what_is_neither_a_job_nor_results_is_said(deck: Deck, where: str) -> None:
    ended = deck("results", where)
    assert ended.code == 2, ended.err
    assert ended.out == ""
