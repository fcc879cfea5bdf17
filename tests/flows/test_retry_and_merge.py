"""What a job has left is sent again, and the answers of all generations become one set, on the local cloud."""

from __future__ import annotations

import os
import pty
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, Ended, custom_ids, write_requests
from tui.clock import FrozenClock
from tui.localcloud import CloudInfo, LocalCloud

BAD = frozenset([3, 7, 29])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Thirty requests, of which the service refuses three for what they ask of max_tokens."""
    path = tmp_path / "some-fail.jsonl"
    write_requests(path, 30)
    lines = path.read_bytes().split(b"\n")
    for number in BAD:
        lines[number] = lines[number].replace(b'"max_tokens": 256', b'"max_tokens":  0')
    path.write_bytes(b"\n".join(lines))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below, but for those of the cloud and of the journal."""
    files = [path for path in folder.rglob("*") if path.is_file() and not {"cloud", ".local"} & set(path.parts)]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def submitted(ended: Ended) -> str:
    """The job of a `retry --submit`."""
    assert ended.code == 0, ended.err
    return ended.out.strip()


def jobs(deck: Deck) -> list[str]:
    return [job["id"] for job in deck("jobs", "--json").events]


def test_what_failed_is_written_as_it_was_sent(deck: Deck, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    first = deck.run(file, "--out", out)
    before = contents(tmp_path)
    ended = deck("retry", first.summary["job"])
    assert ended.code == 0, ended.err
    assert ended.out == f"{out}/retry-1.jsonl\n"
    sent = file.read_bytes().splitlines(keepends=True)
    assert (out / "retry-1.jsonl").read_bytes() == b"".join(sent[number] for number in sorted(BAD))
    assert stat.S_IMODE((out / "retry-1.jsonl").stat().st_mode) == 0o600
    assert "3 requests are left: 3 failed" in ended.err
    assert "3 of them failed for a reason that sending again will not change: InvalidParameter" in ended.err
    assert before.items() <= contents(tmp_path).items()


def test_the_same_call_again_leads_to_the_same_file(deck: Deck, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    deck.run(file, "--out", out)
    deck("retry", out)
    again = deck("retry", out, "--json")
    assert {"file": f"{out}/retry-1.jsonl", "found": True, "failed": 3}.items() <= again.events[0].items()
    changed = deck("retry", out, "--set", "max_tokens=512", "--json")
    assert {"file": f"{out}/retry-2.jsonl", "found": False, "requests": 3}.items() <= changed.events[0].items()


@pytest.mark.parametrize("place", ["input", "something else"])
def test_no_file_is_written_over(deck: Deck, file: Path, tmp_path: Path, place: str) -> None:
    out = tmp_path / "answers"
    deck.run(file, "--out", out)
    target = file if place == "input" else tmp_path / "precious.jsonl"
    if place != "input":
        target.write_text("precious\n")
    before = contents(tmp_path)
    ended = deck("retry", out, "--to", target)
    assert ended.code == 2
    assert str(target) in ended.err
    assert before == contents(tmp_path)


def test_a_change_that_has_no_place_writes_nothing(deck: Deck, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    deck.run(file, "--out", out)
    before = contents(tmp_path)
    ended = deck("retry", out, "--set", "messages.role=user")
    assert ended.code == 1
    assert "body.messages is not an object" in ended.err
    assert before == contents(tmp_path)


def test_nothing_left_is_said_and_no_file_made(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    deck.run(requests_file, "--out", out)
    before = contents(tmp_path)
    ended = deck("retry", out, "--submit")
    assert (ended.code, ended.out) == (0, "")
    assert "nothing is left of 40 requests" in ended.err
    assert before == contents(tmp_path)
    assert len(jobs(deck)) == 1


def test_what_failed_succeeds_in_the_second_generation_and_is_merged(deck: Deck, file: Path, tmp_path: Path) -> None:
    first = deck.run(file, "--out", tmp_path / "answers", "--window", "3d", "--name", "评测", "--tag", "team=eval")
    parent = first.summary["job"]
    child = submitted(deck("retry", parent, "--set", "max_tokens=256", "--submit"))
    deck("watch", child)
    before = contents(tmp_path / "answers")
    ended = deck("merge", parent, "--json")
    assert ended.code == 0, ended.err
    merged = deck.home / f"{parent}-merged"
    assert custom_ids(merged / "results.jsonl") == custom_ids(file)
    assert sorted(path.name for path in merged.iterdir()) == ["account.json", "index.bin", "results.jsonl"]
    assert {"jobs": [parent, child], "requests": 30, "ok": 30, "superseded": 3}.items() <= ended.summary.items()
    rows = {line for folder in (tmp_path / "answers", deck.home / child)
            for line in (folder / "results.jsonl").read_bytes().splitlines()}  # fmt: skip
    assert set((merged / "results.jsonl").read_bytes().splitlines()) == rows
    assert contents(tmp_path / "answers") == before
    found = {job["id"]: job for job in deck("jobs", "--json").events}
    for field in ("model", "version", "project", "window", "output"):
        assert found[child][field] == found[parent][field]
    assert (found[child]["name"], found[child]["tags"]["team"]) == ("评测-retry-1", "eval")


def test_runs_and_job_show_the_lineage(deck: Deck, file: Path, requests_file: Path) -> None:
    parent = deck.run(file).summary["job"]
    deck.run(requests_file)
    child = submitted(deck("retry", parent, "--submit"))
    runs = deck("runs", "--json").events
    places = [run["job"] for run in runs]
    assert places.index(child) == places.index(parent) + 1
    by_job = {run["job"]: run for run in runs}
    assert {"parent": parent, "generation": 2}.items() <= by_job[child].items()
    assert {"parent": None, "generation": 1}.items() <= by_job[parent].items()
    assert deck("job", parent, "--json").events[0]["retries"] == [child]
    assert {"parent": parent, "generation": 2, "retries": []}.items() <= deck("job", child, "--json").events[0].items()


def test_a_retry_given_again_is_the_same_job(deck: Deck, file: Path) -> None:
    parent = deck.run(file).summary["job"]
    child = submitted(deck("retry", parent, "--submit"))
    assert submitted(deck("retry", parent, "--submit")) == child
    deck("watch", child)
    assert submitted(deck("retry", parent, "--submit")) == child
    assert sorted(jobs(deck)) == sorted([parent, child])


def test_a_create_whose_reply_is_lost_makes_one_retry(deck: Deck, cloud: LocalCloud, file: Path) -> None:
    parent = deck.run(file).summary["job"]
    cloud.fault("ark:CreateBatchInferenceJob", reset="after")
    child = submitted(deck("retry", parent, "--submit"))
    assert sorted(jobs(deck)) == sorted([parent, child])


def test_a_retry_that_was_cut_off_is_continued_as_a_retry(deck: Deck, cloud: LocalCloud, file: Path) -> None:
    parent = deck.run(file).summary["job"]
    cloud.fault("ark:CreateBatchInferenceJob", status=403, code="AccessDenied")
    assert deck("retry", parent, "--submit").code == 4
    assert deck("continue").code == 0
    (child,) = deck("job", parent, "--json").events[0]["retries"]
    assert submitted(deck("retry", parent, "--submit")) == child
    assert sorted(jobs(deck)) == sorted([parent, child])


def test_a_retry_that_was_run_by_hand_is_not_paid_for_again(deck: Deck, file: Path) -> None:
    parent = deck.run(file).summary["job"]
    path = deck("retry", parent).out.strip()
    by_hand = deck.run(Path(path)).summary["job"]
    assert submitted(deck("retry", parent, "--submit")) == by_hand
    assert sorted(jobs(deck)) == sorted([parent, by_hand])
    assert deck("job", by_hand, "--json").events[0]["parent"] == parent


def test_the_same_remainder_is_sent_again_in_the_next_generation(deck: Deck, tmp_path: Path) -> None:
    file = tmp_path / "all-fail.jsonl"
    write_requests(file, 4, bad=frozenset(range(4)))
    first = deck.run(file).summary["job"]
    second = submitted(deck("retry", first, "--submit"))
    deck("watch", second)
    third = submitted(deck("retry", second, "--submit"))
    assert len({first, second, third}) == 3
    assert submitted(deck("retry", second, "--submit")) == third
    deck("watch", third)
    assert next(run["generation"] for run in deck("runs", "--json").events if run["job"] == third) == 3
    ended = deck("merge", second, "--json", "--out", tmp_path / "all")
    assert ended.code == 1
    assert {
        "jobs": [first, second, third],
        "requests": 4,
        "failed": 4,
        "superseded": 8,
    }.items() <= ended.summary.items()
    assert custom_ids(tmp_path / "all" / "errors.jsonl") == custom_ids(file)
    newest = set((deck.home / third / "errors.jsonl").read_bytes().splitlines())
    assert set((tmp_path / "all" / "errors.jsonl").read_bytes().splitlines()) == newest


def test_rows_that_the_service_lost_are_retried_until_nothing_is_left(
    deck: Deck, cloud: LocalCloud, file: Path, tmp_path: Path
) -> None:
    cloud.fault("engine:Publish", row="lost")
    out = tmp_path / "answers"
    parent = deck.run(file, "--out", out).summary["job"]
    cloud.fault("engine:Publish", row="torn")
    second = submitted(deck("retry", parent, "--set", "max_tokens=64", "--submit"))
    deck("watch", second)
    third = submitted(deck("retry", second, "--submit"))
    deck("watch", third)
    ended = deck("merge", out, "--json", "--out", tmp_path / "merged")
    assert ended.code == 0, ended.err
    assert custom_ids(tmp_path / "merged" / "results.jsonl") == custom_ids(file)
    assert deck("retry", tmp_path / "merged").out == ""


def test_a_merged_set_is_retried_as_a_child_of_its_newest_job(deck: Deck, file: Path, tmp_path: Path) -> None:
    first = deck.run(file).summary["job"]
    second = submitted(deck("retry", first, "--submit"))
    deck("watch", second)
    merged = tmp_path / "merged"
    assert deck("merge", first, "--out", merged).code == 1
    third = submitted(deck("retry", merged, "--set", "max_tokens=256", "--submit"))
    deck("watch", third)
    ended = deck("merge", merged, "--out", tmp_path / "again", "--json")
    assert ended.code == 0, ended.err
    assert ended.summary["jobs"] == [first, second, third]


def test_folders_that_are_named_are_merged_as_named(deck: Deck, file: Path, tmp_path: Path) -> None:
    deck.run(file, "--out", tmp_path / "old")
    again = tmp_path / "again.jsonl"
    again.write_bytes(file.read_bytes().replace(b'"max_tokens":  0', b'"max_tokens":256'))
    deck.run(again, "--out", tmp_path / "new")
    ended = deck("merge", tmp_path / "old", tmp_path / "new", "--out", tmp_path / "merged")
    assert ended.code == 0, ended.err
    merged = tmp_path / "merged"
    assert ended.out.splitlines() == [f"{merged}/results.jsonl", f"{merged}/account.json"]
    assert custom_ids(merged / "results.jsonl") == custom_ids(file)


@pytest.mark.parametrize("there", ["file", "folder with a file", "results"])
def test_a_merge_writes_over_nothing(deck: Deck, file: Path, tmp_path: Path, there: str) -> None:
    out = tmp_path / "answers"
    deck.run(file, "--out", out)
    target = out if there == "results" else tmp_path / "taken"
    if there == "file":
        target.write_text("mine")
    elif there != "results":
        target.mkdir()
        (target / "mine").write_text("mine")
    before = contents(tmp_path)
    ended = deck("merge", out, "--out", target)
    assert ended.code == 2
    assert str(target) in ended.err
    assert before == contents(tmp_path)


@dataclass
class Stopped:
    """A job of a hundred requests that was stopped half way, and its results."""

    deck: Deck
    cloud: LocalCloud
    file: Path
    job: str
    out: Path


@pytest.fixture
def frozen_cloud(cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud in which time passes only when it is told to."""
    return cloud_factory(speed=10, clock=FrozenClock(datetime(2026, 11, 22, 12, tzinfo=UTC)))


@pytest.fixture
def stopped(frozen_cloud: LocalCloud, deck_on: Callable[[CloudInfo], Deck], tmp_path: Path) -> Stopped:
    deck, file, out = deck_on(frozen_cloud.info), tmp_path / "hundred.jsonl", tmp_path / "answers"
    write_requests(file, 100)
    job = deck("submit", file, "--model", MODEL).out.strip()
    while not deck("job", job, "--json").events[0]["completed"]:
        frozen_cloud.advance(1)
    assert deck("stop", job, "--yes").code == 0
    frozen_cloud.advance(60)
    collected = deck("collect", job, "--out", out, "--json").summary
    assert (collected["phase"], collected["missing"] > 0, collected["ok"] > 0) == ("Terminated", True, True)
    return Stopped(deck, frozen_cloud, file, job, out)


def left_of(file: Path, out: Path) -> bytes:
    """The lines of the input whose ids are not in the results."""
    answered = set(custom_ids(out / "results.jsonl"))
    lines = zip(custom_ids(file), file.read_bytes().splitlines(keepends=True), strict=True)
    return b"".join(line for custom_id, line in lines if custom_id not in answered)


def test_where_the_platform_can_go_on_itself_that_is_told(stopped: Stopped) -> None:
    ended = stopped.deck("retry", stopped.out)
    assert ended.code == 0, ended.err
    assert f"arkdeck resume {stopped.job}" in ended.err
    assert (stopped.out / "retry-1.jsonl").read_bytes() == left_of(stopped.file, stopped.out)
    assert stopped.deck("job", stopped.job, "--json").events[0]["phase"] == "Terminated"


@pytest.mark.parametrize("words", [("--set", "max_tokens=9"), ("--only", "truncated", "--only", "failed")])
def test_it_is_not_told_where_it_would_not_do(stopped: Stopped, words: tuple[str, ...]) -> None:
    ended = stopped.deck("retry", stopped.out, *words)
    assert ended.code == 0, ended.err
    assert "arkdeck resume" not in ended.err


def test_it_is_not_told_without_the_input_in_the_store(stopped: Stopped) -> None:
    stopped.cloud.fault("tos:HeadObject", status=404, code="NoSuchKey", times=9)
    ended = stopped.deck("retry", stopped.out)
    assert ended.out == f"{stopped.out}/retry-1.jsonl\n", ended.err
    assert "arkdeck resume" not in ended.err


def test_without_the_service_the_file_is_written_all_the_same(stopped: Stopped) -> None:
    stopped.cloud.stop()
    ended = stopped.deck("retry", stopped.out)
    assert (ended.code, ended.out) == (0, f"{stopped.out}/retry-1.jsonl\n")
    assert "cannot ask" in ended.err


@pytest.mark.parametrize(("typed", "phase"), [("resume", "Queued"), ("file", "Terminated")])
def test_somebody_at_the_terminal_is_asked(stopped: Stopped, typed: str, phase: str) -> None:
    keyboard, side = pty.openpty()
    os.write(keyboard, f"{typed}\n".encode())
    with stopped.deck.start("retry", stopped.out, stdin=side) as process:
        out, err = process.communicate(timeout=60)
    os.close(side)
    os.close(keyboard)
    assert process.returncode == 0, err
    assert "resume the job, or write the file?" in err
    assert (out != "") is (stopped.out / "retry-1.jsonl").exists() is (typed == "file")
    assert stopped.deck("job", stopped.job, "--json").events[0]["phase"] == phase


def test_a_job_of_another_machine_is_retried_as_the_service_describes_it(stopped: Stopped, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    other = Deck(home, stopped.cloud.info)
    child = submitted(other("retry", stopped.job, "--submit", "--window", "2d"))
    stopped.cloud.advance(600)
    ended = other("merge", stopped.job, "--json")
    assert (ended.code, ended.summary["jobs"]) == (0, [stopped.job, child]), ended.err
    assert custom_ids(home / f"{stopped.job}-merged" / "results.jsonl") == custom_ids(stopped.file)
    made = {job["id"]: job for job in other("jobs", "--json").events}
    assert (made[child]["model"], made[child]["version"]) == (made[stopped.job]["model"], "240615")
    assert made[child]["window"] == "2d"


def test_a_merge_waits_for_no_job_that_is_at_work(stopped: Stopped, tmp_path: Path) -> None:
    child = submitted(stopped.deck("retry", stopped.job, "--submit"))
    ended = stopped.deck("merge", stopped.job, "--out", tmp_path / "merged")
    assert (ended.code, f"arkdeck watch {child}" in ended.err) == (2, True)
    assert not (tmp_path / "merged").exists()


def test_a_reason_that_no_request_has_is_told_with_those_there_are(deck: Deck, file: Path, tmp_path: Path) -> None:
    deck.run(file, "--out", tmp_path / "answers")
    ended = deck("retry", tmp_path / "answers", "--only", "code=Nope", "--only", "missing")
    assert (ended.code, ended.out) == (0, "")
    assert "no request is left for the reasons asked for: missing, code=Nope" in ended.err
    assert "requests failed with InvalidParameter" in ended.err


def test_a_rehearsal_sends_nothing(deck: Deck, file: Path) -> None:
    parent = deck.run(file).summary["job"]
    ended = deck("retry", parent, "--submit", "--dry-run", "--json")
    assert ended.code == 0, ended.err
    told = [event["event"] for event in ended.events]
    assert [name for name in told if name not in ("checking", "issue")] == ["remainder", "checked", "rehearsed"]
    assert jobs(deck) == [parent]


def test_options_of_sending_want_to_send(deck: Deck) -> None:
    ended = deck("retry", "bi-20240101000000-aaaaa", "--model", MODEL, "--tag", "a=b")
    assert ended.code == 2
    assert "--model, --tag" in ended.err


def test_a_word_that_is_no_reason_is_answered_with_those_that_are(deck: Deck) -> None:
    ended = deck("retry", "bi-20240101000000-aaaaa", "--only", "broken")
    assert ended.code == 2
    assert "failed, missing, truncated, refused, empty" in ended.err


def test_a_file_that_cannot_be_written_leaves_nothing(deck: Deck, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    deck.run(file, "--out", out)
    before = contents(tmp_path)
    ended = deck("retry", out, "--to", tmp_path / "nowhere" / ("x" * 300))
    assert ended.code != 0
    assert contents(tmp_path) == before
