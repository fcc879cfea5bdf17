"""Downloading from the deck: the folder, what will come, what stands in the way, and what is there in the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Button, Input

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import painted, reconnect, screen_lines, screen_text, toasts, until
from tui.ark.models import Job, Phase
from tui.localcloud import LocalCloud
from tui.runs.transfers import TransferState
from tui.screens.download import DownloadForm
from tui.screens.jobs import JobsScreen
from tui.screens.picker import PickerScreen
from tui.screens.results import ResultsScreen
from tui.widgets.table import VirtualTable


@pytest.fixture(autouse=True)
def _at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are proposed to go below the folder that the deck was started in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "no-home"))


def jobs_in(pilot, phase: Phase, *, failed: bool = False) -> list[Job]:
    """The jobs of a phase that have results, those with plain names first."""
    views = pilot.app.connection.poller.board.views.values()
    found = [view.job for view in views if view.job.phase == phase and bool(view.job.counts.failed) == failed]
    return sorted(found, key=lambda job: not job.name.isascii())


def choose(pilot, job: Job) -> None:
    pilot.app.screen.query_one(VirtualTable).move_to(job.id)


async def open_form(pilot, *jobs: Job) -> None:
    """Open the form for a job, or for several that are marked, and wait until it says all."""
    for job in jobs:
        choose(pilot, job)
        if len(jobs) > 1:
            await pilot.press("space")
    await pilot.press("d")
    await until(pilot, lambda: isinstance(pilot.app.screen, DownloadForm))
    await until(pilot, lambda: " free" in screen_text(pilot) or "All of it is here" in screen_text(pilot))


def type_folder(pilot, text: str) -> None:
    pilot.app.screen.query_one("#folder", Input).value = text


def trouble(pilot) -> str:
    return str(pilot.app.screen.query_one("#wrong-folder").render())


def states(pilot) -> list[TransferState]:
    return [each.state for each in pilot.app.connection.transfers.all]


def fetches(cloud: LocalCloud, job: Job) -> int:
    """How often parts of the job's results were fetched."""
    return sum(
        record.fits("tos:GetObject") and record.key.startswith(job.output.key + job.id) for record in cloud.requests
    )


async def done(pilot, count: int = 1) -> None:
    await until(pilot, lambda: states(pilot) == [TransferState.DONE] * count)


async def bring(pilot, job: Job) -> None:
    """Download a job's results to where they are proposed to go."""
    await open_form(pilot, job)
    await pilot.press("enter")
    await done(pilot)


async def test_the_results_of_a_job_come_home_verified_and_accounted_for(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED, failed=True)[0]
        await open_form(pilot, job)
        shown = screen_text(pilot)
        assert pilot.app.screen.query_one("#folder", Input).value == f"{tmp_path}/work/{job.id}"
        assert shown.count("KiB") >= 2, "results, errors"
        await pilot.press("enter")
        await done(pilot)
        folder = tmp_path / "work" / job.id
        assert {"results.jsonl", "errors.jsonl", "account.json"} <= {path.name for path in folder.iterdir()}
        (transfer,) = pilot.app.connection.transfers.all
        assert transfer.verified == "crc64"
        assert transfer.account.requests == job.counts.total
        await until(pilot, lambda: any(each.startswith(f"downloaded {job.name}") for each in toasts(pilot)))
        assert "1 download begun: t shows it" in toasts(pilot)
        await until(pilot, lambda: pilot.app.connection.poller.board.views[job.id].account is not None)


async def test_where_results_went_is_proposed_the_next_time(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    async with deck_on(busy) as pilot:
        first, second, *_more = jobs_in(pilot, Phase.COMPLETED)
        await open_form(pilot, first)
        type_folder(pilot, f"{tmp_path}/elsewhere/{first.id}")
        await pilot.press("enter")
        await done(pilot)
        await open_form(pilot, second)
        assert pilot.app.screen.query_one("#folder", Input).value == f"{tmp_path}/elsewhere/{second.id}"


async def test_marked_jobs_get_a_folder_each_and_those_that_run_are_passed_over(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    async with deck_on(busy) as pilot:
        one, other, *_more = jobs_in(pilot, Phase.COMPLETED)
        (running, *_more) = (view.job for view in pilot.app.connection.poller.board.views.values()
                             if view.job.phase == Phase.RUNNING)  # fmt: skip
        await open_form(pilot, one, running, other)
        shown = screen_text(pilot)
        assert "Download the results of 2 jobs" in shown
        assert "its results are written when it ends" in shown
        await pilot.press("enter")
        await done(pilot, 2)
        assert {path.name for path in (tmp_path / "work").iterdir()} == {one.id, other.id}
        await until(pilot, lambda: "2 transfers are done: t shows them" in toasts(pilot))


async def test_a_job_that_runs_has_nothing_to_download(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("2", "d")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert toasts(pilot)[-1].endswith("its results are written when it ends")


async def test_a_read_only_profile_may_download(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, read_only=True) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        await pilot.press("enter")
        await done(pilot)


async def test_an_open_job_is_downloaded_with_the_same_key(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        choose(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        await pilot.press("enter")
        await open_form(pilot)
        await pilot.press("enter")
        await done(pilot)


async def test_a_folder_with_another_job_s_results_is_refused_where_it_was_typed(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "account.json").write_text('{"job": "bi-other"}')
    async with deck_on(busy) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        type_folder(pilot, f"{tmp_path}/taken")
        await until(pilot, lambda: "results of job bi-other" in trouble(pilot))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DownloadForm)
        assert states(pilot) == []
        type_folder(pilot, f"{tmp_path}/free")
        await until(pilot, lambda: not trouble(pilot))
        await pilot.press("enter")
        await done(pilot)


async def test_what_can_be_no_folder_is_told_beneath_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        type_folder(pilot, "/etc/hostname/x")
        await until(pilot, lambda: "is not a folder" in trouble(pilot))


async def test_results_that_are_here_already_are_told_and_not_fetched_again(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED)[0]
        await bring(pilot, job)
        fetched = fetches(busy, job)
        await open_form(pilot, job)
        assert "is here already" in screen_text(pilot)
        await pilot.press("enter")
        await done(pilot, 2)
        assert fetches(busy, job) == fetched > 0


async def test_nothing_is_said_to_come_before_it_is_known_what_is_here(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED)[0]
        await bring(pilot, job)
        busy.fault("tos:HeadObject", delay=0.6)
        with painted(pilot) as sent:
            await open_form(pilot, job)
        assert "All of it is here" in "".join(sent)
        assert " to come" not in "".join(sent)


async def test_a_bucket_without_permission_is_told_before_anything_is_begun(busy: LocalCloud, deck_on: DeckOn):
    busy.fault("tos:*", status=403, code="AccessDenied", times=100)
    async with deck_on(busy) as pilot:
        choose(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        await pilot.press("d")
        await until(pilot, lambda: "denies access" in screen_text(pilot))


async def test_of_a_path_longer_than_its_field_the_end_is_shown(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        type_folder(pilot, "/" + "deep/" * 40 + "end")
        await pilot.press("end")
        await until(pilot, lambda: any("folder" in row and "deep/end" in row for row in screen_lines(pilot)))


async def test_escape_leaves_without_a_trace(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    async with deck_on(busy) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert list((tmp_path / "work").iterdir()) == []


async def test_the_command_that_does_the_same_names_the_folder(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED)[0]
        await open_form(pilot, job)
        type_folder(pilot, "a folder")
        await pilot.pause()
        same = str(pilot.app.screen.query_one("#same").render())
        assert same == f"arkdeck collect {job.id} --out '{tmp_path}/work/a folder'"


async def test_a_folder_is_picked_from_those_that_are_there(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    (tmp_path / "work" / "archive").mkdir()
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED)[0]
        await open_form(pilot, job)
        pilot.app.screen.query_one("#pick", Button).press()
        await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen) and "archive" in screen_text(pilot))
        pilot.app.screen._chosen(tmp_path / "work" / "archive")
        await pilot.app.pop_screen()
        assert pilot.app.screen.query_one("#folder", Input).value == f"{tmp_path}/work/archive/{job.id}"


async def test_results_that_are_here_are_opened_from_the_form(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = jobs_in(pilot, Phase.COMPLETED)[0]
        await open_form(pilot, job)
        assert not pilot.app.screen.query_one("#open", Button).display
        await pilot.press("enter")
        await done(pilot)
        await open_form(pilot, job)
        pilot.app.screen.query_one("#open", Button).press()
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen))


@pytest.mark.parametrize("picking", [False, True])
async def test_another_cloud_closes_it_also_beneath_the_picker(busy: LocalCloud, deck_on: DeckOn, picking: bool):
    async with deck_on(busy) as pilot:
        await open_form(pilot, jobs_in(pilot, Phase.COMPLETED)[0])
        if picking:
            await pilot.click("#pick")
            await until(pilot, lambda: isinstance(pilot.app.screen, PickerScreen))
        await reconnect(pilot)
        if picking:
            await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
