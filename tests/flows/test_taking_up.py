"""The same call again, after something changed in between: nothing is sent twice, and nothing old passes for new."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, custom_ids, read_until, write_requests
from tui.localcloud import CloudInfo, LocalCloud


def stop_after(deck: Deck, event: str, *words: object, number: signal.Signals = signal.SIGINT) -> None:
    """Start a call and end it by a signal when it tells the event."""
    with deck.start(*words, "--json") as process:
        read_until(process, event)
        process.send_signal(number)
        process.communicate(timeout=30)


@pytest.fixture
def slow(cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck]) -> Deck:
    """A deck on a cloud that takes its time."""
    return deck_on(cloud_factory(speed=20).info)


@pytest.fixture
def slowest(cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck]) -> Deck:
    """A deck on a cloud whose jobs are at work for as long as a test takes."""
    return deck_on(cloud_factory(speed=1).info)


def jobs(deck: Deck) -> list[dict[str, object]]:
    return deck("jobs", "--json").events


def test_a_changed_file_is_another_submission(slow: Deck, requests_file: Path, tmp_path: Path) -> None:
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL)
    write_requests(requests_file, 8)
    ended = slow.run(requests_file, "--out", tmp_path / "eight")
    assert ended.code == 0, ended.err
    assert ended.summary["requests"] == 8
    assert sorted(custom_ids(tmp_path / "eight/results.jsonl")) == sorted(custom_ids(requests_file))
    assert len(jobs(slow)) == 2


def test_a_changed_file_does_not_get_the_folder_of_the_unfinished_run(
    slow: Deck, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL, "--out", out)
    (run,) = slow("runs", "--json").events
    write_requests(requests_file, 8)
    ended = slow.run(requests_file, "--out", out)
    assert ended.code == 2
    assert str(run["run"]) in ended.err
    assert len(jobs(slow)) == 1


def test_a_touched_file_is_the_same_submission(deck: Deck, requests_file: Path) -> None:
    stop_after(deck, "checked", "run", requests_file, "--model", MODEL, number=signal.SIGKILL)
    os.utime(requests_file, (0, 0))
    ended = deck.run(requests_file)
    assert ended.code == 0, ended.err
    assert ended.events[0]["taken_up"] is True
    assert len(deck("runs", "--json").events) == 1


def test_content_that_changed_before_the_upload_ends_the_run_and_the_next_begins_anew(
    deck: Deck, requests_file: Path
) -> None:
    stop_after(deck, "model_chosen", "run", requests_file, "--model", "doubao-pro-32k", number=signal.SIGKILL)
    write_requests(requests_file, 5)
    assert deck("continue").code == 1
    assert jobs(deck) == []
    ended = deck.run(requests_file)
    assert (ended.code, ended.summary["requests"]) == (0, 5)
    assert "nothing to continue" in deck("continue").err


def test_a_run_of_another_cloud_is_not_continued_here(deck: Deck, requests_file: Path) -> None:
    stop_after(deck, "upload_begun", "run", requests_file, "--model", MODEL, number=signal.SIGKILL)
    endpoints = {name: value for name, value in deck.environ.items() if name.endswith("_ENDPOINT")}
    for name in endpoints:
        del deck.environ[name]
    ended = deck("continue")
    assert ended.code == 2
    assert "loopback" in ended.err
    deck.environ |= endpoints
    assert deck("continue").code == 0


def test_again_repeated_after_an_interruption_makes_one_second_job(slow: Deck, requests_file: Path) -> None:
    slow("submit", requests_file, "--model", MODEL)
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL, "--again")
    ended = slow.run(requests_file, "--again")
    assert ended.code == 0, ended.err
    assert len(jobs(slow)) == 2


def test_a_version_asked_for_later_is_taken(deck: Deck, requests_file: Path) -> None:
    stop_after(deck, "checked", "run", requests_file, "--model", "doubao-pro-32k", number=signal.SIGKILL)
    ended = deck("run", requests_file, "--model", "doubao-pro-32k@240828", "--json")
    assert ended.code == 0, ended.err
    (job,) = jobs(deck)
    assert job["version"] == "240828"


def test_options_of_the_second_call_count_until_the_job_exists(deck: Deck, requests_file: Path) -> None:
    stop_after(deck, "input_uploaded", "run", requests_file, "--model", MODEL, "--name", "first", number=signal.SIGKILL)
    ended = deck.run(requests_file, "--name", "second", "--window", "2d")
    assert ended.code == 0, ended.err
    (job,) = jobs(deck)
    assert (job["name"], job["window"]) == ("second", "2d")


def test_options_that_come_too_late_are_named(slow: Deck, requests_file: Path) -> None:
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL, "--name", "first")
    ended = slow("run", requests_file, "--model", MODEL, "--name", "second")
    assert ended.code == 0
    assert "'second'" in ended.err
    assert "'first'" in ended.err


def test_a_refused_create_can_be_mended_by_the_next_call(deck: Deck, requests_file: Path) -> None:
    refused = deck.run(requests_file, "--name", "x" * 300)
    assert refused.code == 2, refused.err
    assert deck.run(requests_file, "--name", "short").code == 0
    assert "nothing to continue" in deck("continue").err


def test_a_job_deleted_meanwhile_ends_the_run(slow: Deck, requests_file: Path) -> None:
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL)
    (job,) = jobs(slow)
    for words in (("stop", job["id"], "--yes"), ("watch", job["id"]), ("delete", job["id"], "--yes")):
        slow(*words)
    assert slow("continue").code == 2
    assert "nothing to continue" in slow("continue").err
    assert slow.run(requests_file).code == 0


def test_a_job_resumed_meanwhile_is_watched_again(slow: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL, "--out", out)
    (job,) = jobs(slow)
    slow("stop", job["id"], "--yes")
    stop_after(slow, "job_finished", "continue", number=signal.SIGKILL)
    slow("resume", job["id"])
    ended = slow("continue", "--json")
    assert ended.code == 0, ended.err
    assert ended.summary["ok"] == 40


def test_submit_on_an_unfinished_run_tells_its_job_and_leaves_it(
    slow: Deck, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    stop_after(slow, "job_created", "run", requests_file, "--model", MODEL, "--out", out)
    (job,) = jobs(slow)
    submitted = slow("submit", requests_file, "--model", MODEL)
    assert (submitted.code, submitted.out.strip()) == (0, job["id"])
    assert slow("continue").code == 0
    assert (out / "results.jsonl").exists()


def test_all_unfinished_runs_have_their_jobs_before_the_first_is_watched(slow: Deck, tmp_path: Path) -> None:
    for number in (1, 2):
        file = tmp_path / f"{number}.jsonl"
        write_requests(file, 30 + number)
        stop_after(slow, "checked", "run", file, "--model", MODEL, number=signal.SIGKILL)
    ended = slow("continue", "--json")
    assert ended.code == 0, ended.err
    names = [event.get("event") for event in ended.events]
    assert names.count("job_created") >= 2
    assert [name for name in names if name in ("job_created", "job_finished")][:2] == ["job_created", "job_created"]


def test_continue_says_how_an_ended_run_ended(deck: Deck, tmp_path: Path) -> None:
    file = tmp_path / "some-fail.jsonl"
    write_requests(file, 5, bad=frozenset([2]))
    deck.run(file)
    (run,) = deck("runs", "--json").events
    ended = deck("continue", run["run"])
    assert ended.code == 1
    assert "has ended" in ended.err


def test_a_forgotten_run_is_not_paid_for_again(deck: Deck, requests_file: Path) -> None:
    first = deck.run(requests_file)
    (run,) = deck("runs", "--json").events
    deck("forget", run["run"])
    assert deck.run(requests_file).summary["job"] == first.summary["job"]


def test_without_a_folder_to_write_to_nothing_is_sent(deck: Deck, requests_file: Path) -> None:
    deck.home = Path("/proc")
    ended = deck.run(requests_file)
    assert ended.code == 2
    assert "/proc" in ended.err
    assert jobs(deck) == []


def test_files_of_the_operator_beside_the_results_are_left_alone(
    deck: Deck, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    out.mkdir()
    (out / "results.backup.jsonl").write_bytes(requests_file.read_bytes())
    ended = deck.run(requests_file, "--out", out)
    assert (ended.code, ended.summary["duplicate"], ended.summary["unexpected"]) == (0, 0, 0)
    (out / "results.jsonl.part").write_text("precious", encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    (other / "results.jsonl.part").write_text("precious", encoding="utf-8")
    refused = deck.run(requests_file, "--again", "--out", other)
    assert refused.code == 2
    assert (other / "results.jsonl.part").read_text(encoding="utf-8") == "precious"


@pytest.mark.parametrize("descriptor", ["stdout", "stderr"])
def test_an_output_that_takes_nothing_is_no_crash(deck: Deck, requests_file: Path, descriptor: str) -> None:
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        deck.start("run", requests_file, "--model", MODEL, "--json", **{descriptor: full}) as process,
    ):
        process.communicate(timeout=60)
    assert process.returncode == (1 if descriptor == "stdout" else 0)


def test_one_bad_job_does_not_keep_the_others_from_being_stopped(slowest: Deck, requests_file: Path) -> None:
    job = slowest("submit", requests_file, "--model", MODEL).out.strip()
    ended = slowest("stop", "bi-20240101000000-aaaaa", job, "--yes")
    assert ended.code == 2
    slowest("watch", job)
    assert jobs(slowest)[0]["phase"] == "Terminated"
