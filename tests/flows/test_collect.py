"""Bringing a job's results home is a run: it can be continued, is never begun twice, and is no submission."""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, custom_ids, read_until, write_requests
from tests.flows.submissions import finished_job, plan_for, summary_of
from tui.dataset.check import CheckProgress, CheckSummary
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs import course
from tui.runs.events import FilesFound, JobCreated, RunBegun
from tui.runs.results_folder import Results, open_results
from tui.runs.services import Services


@pytest.fixture
def job(deck: Deck, requests_file: Path) -> str:
    """A completed job that was submitted from here."""
    job_id = deck("submit", requests_file, "--model", MODEL).out.strip()
    assert deck("watch", job_id).code == 0
    return job_id


def break_off(deck: Deck, event: str, number: signal.Signals, *words: object) -> str:
    """End a collect by a signal when it tells the event; return what it said."""
    with deck.start("collect", *words, "--json") as process:
        read_until(process, event)
        process.send_signal(number)
        _out, err = process.communicate(timeout=30)
    return err


@pytest.mark.parametrize("event", ["run_begun", "file_collected"])
def test_a_killed_collect_is_continued(deck: Deck, job: str, requests_file: Path, tmp_path: Path, event: str) -> None:
    out = tmp_path / "answers"
    break_off(deck, event, signal.SIGKILL, job, "--out", out)
    ended = deck("continue", "--json")
    assert ended.code == 0, ended.err
    assert ended.summary["ok"] == 40
    assert "job_created" not in [told.get("event") for told in ended.events]
    assert sorted(custom_ids(out / "results.jsonl")) == sorted(custom_ids(requests_file))
    assert sorted(path.name for path in out.iterdir()) == ["account.json", "index.bin", "results.jsonl"]
    assert "nothing to continue" in deck("continue").err


def test_a_collect_is_continued_where_nothing_may_be_changed(deck: Deck, job: str, tmp_path: Path) -> None:
    break_off(deck, "run_begun", signal.SIGKILL, job, "--out", tmp_path / "answers")
    config = deck.home / ".config/arkdeck/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("[profiles.default]\nread_only = true\n", encoding="utf-8")
    ended = deck("continue", "--json")
    assert (ended.code, ended.summary["ok"]) == (0, 40), ended.err


def test_the_same_collect_again_is_the_same_run(deck: Deck, cloud: LocalCloud, job: str, tmp_path: Path) -> None:
    cloud.fault("tos:GetObject", key="*results.jsonl", times=ALWAYS, delay=600)
    err = break_off(deck, "files_found", signal.SIGINT, job, "--out", tmp_path / "answers")
    cloud.clear_faults()
    (brought, _made) = deck("runs", "--json").events
    assert (brought["verb"], brought["state"], brought["job"], brought["input"]) == ("collect", "collecting", job, None)
    assert f"arkdeck continue {brought['run']}" in err
    listed = deck("runs").out
    assert "answers" in listed
    ended = deck("collect", job, "--out", tmp_path / "answers", "--json")
    assert (ended.code, ended.summary["run"]) == (0, brought["run"])
    elsewhere = deck("collect", job, "--out", tmp_path / "elsewhere", "--json")
    assert elsewhere.summary["run"] != brought["run"]


def test_a_forgotten_collect_is_not_continued(deck: Deck, job: str, tmp_path: Path) -> None:
    break_off(deck, "run_begun", signal.SIGKILL, job, "--out", tmp_path / "answers")
    (brought, _made) = deck("runs", "--json").events
    assert deck("forget", brought["run"]).code == 0
    assert "nothing to continue" in deck("continue").err


def test_a_collect_is_not_taken_for_the_run_that_made_the_job(
    deck: Deck, job: str, requests_file: Path, tmp_path: Path
) -> None:
    deck("collect", job, "--out", tmp_path / "answers")
    break_off(deck, "run_begun", signal.SIGKILL, job, "--out", tmp_path / "others")
    again = deck.run(requests_file)
    assert (again.code, again.summary["job"]) == (0, job)
    results = deck("results", job, "--json")
    assert results.summary["input"] == str(requests_file)
    assert len(deck("jobs", "--json").events) == 1


def test_a_folder_that_a_collect_has_begun_to_fill_is_not_given_to_another(
    deck: Deck, job: str, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    break_off(deck, "run_begun", signal.SIGKILL, job, "--out", out)
    refused = deck.run(requests_file, "--again", "--out", out)
    assert refused.code == 2
    assert "kept for the unfinished run" in refused.err


async def events_of(flow: object) -> list[object]:
    return [event async for event in flow]


async def test_results_are_found_where_they_were_brought(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await finished_job(services, cloud, requests_file)
    for name in ("first", "second"):
        await events_of(course.begin_collect(job, tmp_path / name, services))
    unfinished = course.begin_collect(job, tmp_path / "third", services)
    async for event in unfinished:
        if isinstance(event, FilesFound):
            break
    await unfinished.aclose()
    *_, opened = await events_of(open_results(job.id, services.journal, lambda _run: nullcontext(services)))
    assert isinstance(opened, Results)
    with opened:
        assert opened.folder == tmp_path / "second"


async def test_a_file_that_was_just_checked_is_not_read_again(
    services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    checked = summary_of(requests_file)
    events = await events_of(course.begin(plan_for(requests_file, services, cloud), services, checked=checked))
    assert not [event for event in events if isinstance(event, CheckProgress | CheckSummary)]
    assert isinstance(events[-1], JobCreated)


@pytest.mark.parametrize("what", ["touched", "changed"])
async def test_a_file_that_is_not_as_it_was_checked_is_checked_again(
    services: Services, cloud: LocalCloud, requests_file: Path, what: str
) -> None:
    checked = summary_of(requests_file)
    if what == "changed":
        write_requests(requests_file, 7)
    os.utime(requests_file, (0, 0))
    events = await events_of(course.begin(plan_for(requests_file, services, cloud), services, checked=checked))
    assert [event for event in events if isinstance(event, CheckSummary)]
    assert isinstance(events[-1], JobCreated)


async def test_content_on_its_way_is_taken_up_without_reading_it(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    flow = course.begin(plan_for(requests_file, services, cloud), services, checked=summary_of(requests_file))
    begun = await anext(flow)
    await flow.aclose()
    copy = Path(shutil.copyfile(requests_file, tmp_path / "copy.jsonl"))
    events = await events_of(course.begin(plan_for(copy, services, cloud), services, checked=summary_of(copy)))
    assert isinstance(begun, RunBegun)
    assert isinstance(events[0], RunBegun)
    assert (events[0].run_id, events[0].taken_up) == (begun.run_id, True)
    assert [run.id for run in services.journal.runs()] == [begun.run_id]
