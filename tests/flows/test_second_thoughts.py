"""What an operator does next: the same again, look before paying, go on after a stop, find out what failed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.flows.deck import MODEL, Deck, custom_ids, read_until, write_requests
from tui.localcloud import CloudInfo, LocalCloud


def test_the_same_command_after_success_is_done_again_at_no_cost(
    deck: Deck, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    first, second = deck.run(requests_file, "--out", out), deck.run(requests_file, "--out", out)
    assert (second.code, second.summary["job"]) == (0, first.summary["job"])
    assert len(deck("jobs", "--json").events) == 1


def test_a_changed_file_does_not_pass_for_the_one_whose_answers_are_there(
    deck: Deck, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    deck.run(requests_file, "--out", out)
    write_requests(requests_file, 7)
    ended = deck.run(requests_file, "--out", out)
    assert ended.code == 2
    assert len(custom_ids(out / "results.jsonl")) == 40


def test_a_dry_run_tells_of_the_job_that_would_be_taken(deck: Deck, requests_file: Path) -> None:
    job = deck.run(requests_file).summary["job"]
    rehearsed = deck("run", requests_file, "--model", MODEL, "--dry-run", "--json")
    assert (rehearsed.code, rehearsed.events[-1]["job"]) == (0, job)


def test_a_dry_run_waits_for_the_input_that_is_not_there_yet(
    cloud: LocalCloud, deck: Deck, requests_file: Path
) -> None:
    cloud.fault("ark:CreateBatchInferenceJob", code="InvalidParameter.TosURLInvalid")
    rehearsed = deck("submit", requests_file, "--model", MODEL, "--dry-run", "--json")
    assert (rehearsed.code, rehearsed.events[-1]["unjudged"], rehearsed.events[-1]["refusal"]) == (0, True, None)


def test_a_dry_run_tells_of_an_active_job_that_another_machine_made(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> None:
    cloud = cloud_factory(speed=1)
    job = deck_on(cloud.info)("submit", requests_file, "--model", MODEL).out.strip()
    (tmp_path / "elsewhere").mkdir()
    elsewhere = Deck(tmp_path / "elsewhere", cloud.info)
    rehearsed = elsewhere("submit", requests_file, "--model", MODEL, "--dry-run", "--json")
    assert (rehearsed.code, rehearsed.events[-1]["job"]) == (0, job)


def test_after_a_stop_the_way_on_is_told_and_leads_to_every_answer(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> None:
    slow, out = cloud_factory(speed=1), tmp_path / "answers"
    deck = deck_on(slow.info)
    with deck.start("run", requests_file, "--model", MODEL, "--out", out) as process:
        while not (listed := deck("jobs", "--json").events) or not listed[0]["completed"]:
            assert process.poll() is None
        job = listed[0]["id"]
        deck("stop", job, "--yes")
        _out, told = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"arkdeck resume {job}" in told
    slow.stop()
    deck = deck_on(cloud_factory(speed=0).info)
    assert deck("resume", job).code == 0
    assert deck("watch", job).code == 0
    ended = deck.run(requests_file, "--out", out)
    assert (ended.code, ended.summary["ok"], ended.summary["duplicate"]) == (0, 40, 0)


def test_what_failed_is_told_by_code_with_a_sample(deck: Deck, tmp_path: Path) -> None:
    file = tmp_path / "some-fail.jsonl"
    write_requests(file, 9, bad=frozenset([3, 4]))
    ended = deck("run", file, "--model", MODEL)
    assert "2 × InvalidParameter" in ended.err


def test_an_unknown_model_is_answered_with_those_that_are_like_it(deck: Deck, requests_file: Path) -> None:
    ended = deck("run", requests_file, "--model", "doubao-pro-23k")
    assert ended.code == 2
    assert "doubao-pro-32k" in ended.err
    listed = {model["name"]: model["primary_version"] for model in deck("models", "--json").events}
    assert listed["doubao-pro-32k"] == "240615"


def test_a_phase_nobody_knows_is_named(deck: Deck) -> None:
    ended = deck("jobs", "--phase", "Runing")
    assert ended.code == 0
    assert "Running" in ended.err


def test_a_named_profile_says_what_the_environment_overrides(deck: Deck) -> None:
    config = deck.home / ".config/arkdeck/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('[profiles.prod]\nbucket = "real-bucket"\n', encoding="utf-8")
    ended = deck("-p", "prod", "jobs")
    assert "ARKDECK_BUCKET" in ended.err
    assert "127.0.0.1" in ended.err


def test_check_goes_on_after_a_file_that_is_not_there(deck: Deck, requests_file: Path) -> None:
    ended = deck("check", "nowhere.jsonl", requests_file, "--json")
    assert ended.code == 2
    assert json.loads(ended.out.splitlines()[-1])["summary"]["requests"] == 40


def test_a_report_on_a_full_disk_is_no_crash(deck: Deck) -> None:
    (deck.home / "bad.jsonl").write_text("not json\n" * 5, encoding="utf-8")
    (deck.home / "full").symlink_to("/dev/full")
    ended = deck("check", "bad.jsonl", "--report", "full")
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err


def test_a_claim_that_was_cut_short_does_not_close_the_folder(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers"
    out.mkdir()
    (out / "account.json.part").write_bytes(b"")
    assert deck.run(requests_file, "--out", out).code == 0


def test_continue_tells_who_works_on_what_it_passes_over(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path
) -> None:
    deck = deck_on(cloud_factory(speed=5).info)
    with deck.start("run", requests_file, "--model", MODEL, "--json") as process:
        read_until(process, "job_created")
        told = deck("continue").err
        process.terminate()
        process.communicate(timeout=30)
    assert f"pid {process.pid}" in told
