"""A process may die at any point of a run: `continue` makes exactly one job and the same files."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, custom_ids, read_until
from tui.localcloud import CloudInfo, LocalCloud

EVENTS = [
    "run_begun",
    "checked",
    "upload_begun",
    "input_uploaded",
    "job_created",
    "job_sampled",
    "job_finished",
    "file_collected",
]


def kill_after(deck: Deck, event: str, number: signal.Signals, *arguments: object) -> int:
    """Start a run and send it a signal when it tells the event; return its exit code."""
    with deck.start("run", *arguments, "--model", MODEL, "--json") as process:
        read_until(process, event)
        process.send_signal(number)
        process.communicate(timeout=30)
    return process.returncode


@pytest.mark.parametrize("event", EVENTS)
def test_killed_and_continued_makes_one_job(deck: Deck, requests_file: Path, tmp_path: Path, event: str) -> None:
    out = tmp_path / "answers"
    kill_after(deck, event, signal.SIGKILL, requests_file, "--out", out)
    ended = deck("continue", "--json")
    assert ended.code == 0, ended.err
    assert len(deck("jobs", "--json").events) == 1
    assert sorted(custom_ids(out / "results.jsonl")) == sorted(custom_ids(requests_file))
    assert sorted(path.name for path in out.iterdir()) == ["account.json", "index.bin", "results.jsonl"]
    assert deck("continue").err.strip().endswith("nothing to continue")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_cleanly_and_run_takes_it_up(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path,
    number: signal.Signals, code: int,
) -> None:  # fmt: skip
    deck = deck_on(cloud_factory(speed=20).info)
    assert kill_after(deck, "job_created", number, requests_file) == code
    (run,) = deck("runs", "--json").events
    assert run["outcome"] == "open"
    ended = deck.run(requests_file)
    assert ended.code == 0, ended.err
    assert {"event": "run_begun", "run": run["run"], "taken_up": True}.items() <= ended.events[0].items()
    assert len(deck("jobs", "--json").events) == 1


def test_a_run_that_a_live_process_holds_is_left_to_it(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path
) -> None:
    deck = deck_on(cloud_factory(speed=5).info)
    with deck.start("run", requests_file, "--model", MODEL, "--json") as process:
        read_until(process, "job_created")
        again = deck.run(requests_file)
        idle = deck("continue")
        process.terminate()
        process.communicate(timeout=30)
    assert again.code == 2
    assert f"pid {process.pid}" in again.err
    assert (idle.code, "nothing to continue" in idle.err) == (0, True)


def test_a_closed_pipe_ends_quietly(deck: Deck, requests_file: Path) -> None:
    with deck.start("run", requests_file, "--model", MODEL, "--json") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        _none, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err


def test_a_forgotten_run_is_not_continued(deck: Deck, requests_file: Path) -> None:
    kill_after(deck, "input_uploaded", signal.SIGKILL, requests_file)
    (run,) = deck("runs", "--json").events
    assert deck("forget", run["run"]).code == 0
    assert "nothing to continue" in deck("continue").err
