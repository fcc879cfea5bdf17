"""From a file to an account of every request, by the real command on the local cloud."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, custom_ids, write_requests


def test_every_request_is_answered_and_accounted_for(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    ended = deck.run(requests_file, "--out", out)
    assert ended.code == 0, ended.err
    assert sorted(custom_ids(out / "results.jsonl")) == sorted(custom_ids(requests_file))
    assert sorted(path.name for path in out.iterdir()) == ["account.json", "index.bin", "results.jsonl"]
    expected = {"phase": "Completed", "requests": 40, "ok": 40, "failed": 0, "missing": 0, "unexpected": 0}
    assert expected.items() <= ended.summary.items()
    assert ended.summary["results"] == str(out / "results.jsonl")
    assert ended.summary["errors"] is None


def test_requests_that_fail_are_told_and_end_with_1(deck: Deck, tmp_path: Path) -> None:
    file, out = tmp_path / "some-fail.jsonl", tmp_path / "answers"
    write_requests(file, 30, bad=frozenset([3, 7, 29]))
    ended = deck.run(file, "--out", out)
    assert ended.code == 1, ended.err
    assert {"ok": 27, "failed": 3, "missing": 0}.items() <= ended.summary.items()
    assert sorted(custom_ids(out / "errors.jsonl")) == ["request-29", "request-3", "request-7"]
    both = custom_ids(out / "results.jsonl") + custom_ids(out / "errors.jsonl")
    assert sorted(both) == sorted(custom_ids(file))


def test_without_json_the_paths_are_the_data_and_the_rest_is_narration(deck: Deck, requests_file: Path) -> None:
    ended = deck("run", requests_file, "--model", MODEL, "--out", "answers")
    folder = deck.home / "answers"
    assert ended.code == 0, ended.err
    assert ended.out.splitlines() == [str(folder / "results.jsonl"), str(folder / "account.json")]
    assert "40 answered" in ended.err


def test_results_go_to_a_folder_named_after_the_job(deck: Deck, requests_file: Path) -> None:
    ended = deck.run(requests_file)
    assert (deck.home / ended.summary["job"] / "results.jsonl").exists()


def test_the_primary_version_is_taken_and_told(deck: Deck, requests_file: Path) -> None:
    ended = deck("run", requests_file, "--model", "doubao-pro-32k", "--json")
    assert {"event": "model_chosen", "model": "doubao-pro-32k", "version": "240615"} in ended.events


def test_a_bad_file_is_refused_before_anything_is_sent(deck: Deck, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text('{"custom_id":"a","body":{"messages":[]}}\nnot json\n', encoding="utf-8")
    ended = deck.run(file)
    assert ended.code == 1
    assert "nothing was sent" in ended.err
    assert [event["line"] for event in ended.events if event.get("severity") == "error"] == [2]
    assert deck("jobs", "--json").out == ""


def test_a_folder_of_another_job_is_refused_before_upload(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    assert deck.run(requests_file, "--out", out).code == 0
    before = (out / "results.jsonl").read_bytes()
    other = tmp_path / "other.jsonl"
    write_requests(other, 5)
    ended = deck.run(other, "--out", out)
    assert ended.code == 2
    assert str(out) in ended.err
    assert (out / "results.jsonl").read_bytes() == before
    assert len(deck("jobs", "--json").events) == 1


def test_the_same_content_is_not_paid_for_twice(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    first = deck.run(requests_file, "--out", tmp_path / "first")
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(requests_file.read_bytes())
    second = deck.run(copy, "--out", tmp_path / "second")
    assert second.code == 0, second.err
    assert second.summary["job"] == first.summary["job"]
    assert [event["how"] for event in second.events if event.get("event") == "upload_begun"] == ["present"]
    assert (tmp_path / "second/results.jsonl").read_bytes() == (tmp_path / "first/results.jsonl").read_bytes()


def test_again_makes_a_second_job(deck: Deck, requests_file: Path) -> None:
    first, second = deck.run(requests_file), deck.run(requests_file, "--again")
    assert first.summary["job"] != second.summary["job"]
    assert [event["how"] for event in second.events if event.get("event") == "upload_begun"] == ["copy"]


def test_submit_prints_the_job_and_run_takes_it_up(deck: Deck, requests_file: Path) -> None:
    submitted = deck("submit", requests_file, "--model", MODEL)
    assert submitted.code == 0, submitted.err
    job = submitted.out.strip()
    ended = deck.run(requests_file)
    assert ended.summary["job"] == job
    assert ended.code == 0


def test_a_dry_run_changes_nothing(deck: Deck, requests_file: Path) -> None:
    ended = deck("run", requests_file, "--model", MODEL, "--dry-run", "--json")
    assert ended.code == 0, ended.err
    assert ended.events[-1]["event"] == "rehearsed"
    assert deck("jobs", "--json").out == ""
    assert deck("runs", "--json").out == ""


def test_a_missing_bucket_is_made_only_when_asked(deck: Deck, requests_file: Path) -> None:
    refused = deck.run(requests_file, "--bucket", "not-there-yet")
    assert refused.code == 2
    assert "not-there-yet" in refused.err
    made = deck.run(requests_file, "--bucket", "not-there-yet", "--create-bucket")
    assert made.code == 0, made.err
    assert {"event": "bucket_created", "bucket": "not-there-yet"} in made.events


def test_tags_name_window_and_description_reach_the_job(deck: Deck, requests_file: Path) -> None:
    deck("submit", requests_file, "--model", MODEL, "--name", "夜间评测", "--window", "3d", "--tag", "team=eval",
         "--description", "every night")  # fmt: skip
    (job,) = deck("jobs", "--json").events
    assert (job["name"], job["window"], job["description"]) == ("夜间评测", "3d", "every night")
    assert job["tags"]["team"] == "eval"


def test_collect_accounts_for_a_job_without_its_input_at_hand(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    ended = deck.run(requests_file)
    requests_file.unlink()
    out = tmp_path / "elsewhere"
    collected = deck("collect", ended.summary["job"], "--out", out, "--json")
    assert collected.code == 0, collected.err
    assert collected.summary["ok"] == 40
    assert sorted(path.name for path in out.iterdir()) == ["account.json", "index.bin", "results.jsonl"]


def test_collect_again_changes_nothing(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    ended = deck.run(requests_file, "--out", out)
    before = (out / "results.jsonl").stat()
    again = deck("collect", ended.summary["job"], "--out", out)
    assert again.code == 0, again.err
    after = (out / "results.jsonl").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_account_stands_beside_the_services_counters(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    ended = deck.run(requests_file, "--out", out)
    account = json.loads((out / "account.json").read_bytes())
    assert account["job"] == ended.summary["job"]
    assert account["service_counts"]["total"] == 40
    assert account["account"]["ok"] == 40


@pytest.mark.parametrize("window", ["0d", "29d", "1w", "d", "-1d"])
def test_a_window_outside_1_to_28_days_is_a_usage_error(deck: Deck, requests_file: Path, window: str) -> None:
    ended = deck("submit", requests_file, "--model", MODEL, "--window", window)
    assert ended.code == 2
    assert window in ended.err
