"""Results opened from this machine alone: what was accounted for at once, what was only collected after an account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.result_files import JOB_ID, USUAL, write_results
from tui.clock import SystemClock
from tui.fingerprint import Fingerprint, crc64_of_file
from tui.runs.collect import InputLostError
from tui.runs.events import Accounting
from tui.runs.folder import ACCOUNT, INDEX
from tui.runs.journal import Journal
from tui.runs.plan import Plan
from tui.runs.results_folder import NotHereError, Results, are_here, open_here
from tui.runs.run import RunState


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "data", SystemClock()) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    return folder


def collected(journal: Journal, home: Path, state: RunState = RunState.COLLECTED) -> None:
    """Write down a run whose files came to `home`."""
    plan = Plan(
        verb="run", input=str(home / "requests.jsonl"), profile="", service="s", bucket="b", project="p",
        input_prefix="", output_prefix="", model="m", folder=str(home),
    )  # fmt: skip
    source = Path(plan.input)
    stat = source.stat()
    run = journal.plan(plan)
    journal.checked(run.id, Fingerprint(stat.st_size, stat.st_mtime_ns, "0" * 64, crc64_of_file(source), ()))
    journal.advance(run.id, state, job_id=JOB_ID)


async def steps(job, journal: Journal) -> tuple[list[Accounting], Results]:
    events: list[Accounting] = []
    async for step in open_here(job, journal):
        if isinstance(step, Results):
            return events, step
        events.append(step)
    raise AssertionError("no results")


async def test_what_was_accounted_for_is_opened_by_its_index(journal: Journal, home: Path) -> None:
    job = await write_results(home, USUAL)
    collected(journal, home)
    assert are_here(JOB_ID, journal)
    events, results = await steps(job, journal)
    with results:
        assert not events
        assert (results.account.requests, results.input) == (47, home / "requests.jsonl")


@pytest.mark.parametrize("lost", [[INDEX], [INDEX, ACCOUNT]])
async def test_what_was_only_collected_is_accounted_for_first(journal: Journal, home: Path, lost: list[str]) -> None:
    job = await write_results(home, USUAL)
    collected(journal, home)
    for name in lost:
        (home / JOB_ID / name).unlink()
    events, results = await steps(job, journal)
    with results:
        assert events[-1].done == events[-1].total
        assert results.account.failed == 4
    assert journal.accounts()[0][JOB_ID].failed == 4
    events, results = await steps(job, journal)
    with results:
        assert not events


async def test_what_is_still_on_its_way_is_not_here(journal: Journal, home: Path) -> None:
    job = await write_results(home, USUAL)
    for name in (INDEX, ACCOUNT):
        (home / JOB_ID / name).unlink()
    collected(journal, home, RunState.COLLECTING)
    assert not are_here(JOB_ID, journal)
    with pytest.raises(NotHereError):
        await steps(job, journal)


async def test_an_account_needs_the_input(journal: Journal, home: Path) -> None:
    job = await write_results(home, USUAL)
    collected(journal, home)
    (home / JOB_ID / INDEX).unlink()
    (home / "requests.jsonl").unlink()
    with pytest.raises(InputLostError):
        await steps(job, journal)
