"""Transfers in the deck: seen, paused, resumed, tried again, given up, left, and found again."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.flows.deck import MODEL, write_requests
from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, environ_of, painted, screen_lines, screen_text, toasts, until
from tui.ark.models import Job, Phase
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs.plan import Plan
from tui.runs.transfers import Transfer, TransferState
from tui.screens.confirm import ConfirmScreen
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.messages import TransfersChanged
from tui.screens.results import ResultsScreen
from tui.screens.transfers import TransfersScreen
from tui.settings.config_file import ProfileSettings
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar

GET = "tos:GetObject"
STALLED = 600.0
"""Seconds until a reply comes for which no test waits."""


def transfers_of(pilot: Pilot[int]):
    return pilot.app.connection.transfers


def only(pilot: Pilot[int]) -> Transfer:
    (transfer,) = transfers_of(pilot).all
    return transfer


async def reached(pilot: Pilot[int], state: TransferState) -> None:
    await until(pilot, lambda: only(pilot).state is state)


def finished_job(pilot: Pilot[int]) -> Job:
    """A completed job with a plain name."""
    views = pilot.app.connection.poller.board.views.values()
    return next(view.job for view in views if view.job.phase == Phase.COMPLETED and view.job.name.isascii())


async def begin(pilot: Pilot[int], folder: Path, *, shown: bool = True) -> Job:
    """Begin the download of a job to `folder`, and show the transfers."""
    job = finished_job(pilot)
    await transfers_of(pilot).collect(job, folder)
    if shown:
        await pilot.press("t")
        assert isinstance(pilot.app.screen, TransfersScreen)
    return job


async def answer(pilot: Pilot[int], key: str) -> None:
    """Answer the question that is up, once it is seen."""
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.is_seen)
    await pilot.press(key)


async def at_rest(pilot: Pilot[int]) -> None:
    """Wait until nothing is painted any more."""
    sent = ["not looked yet"]
    while sent:
        with painted(pilot) as sent:
            await pilot.pause(0.05)


def upload_plan(pilot: Pilot[int], cloud: LocalCloud, file: Path) -> Plan:
    model, version = MODEL.split("@")
    return Plan(
        verb="submit", input=str(file), profile="", service=pilot.app.connection.services.service,
        bucket=cloud.info.bucket, project="default", input_prefix="in/", output_prefix="out/", model=model,
        version=version, folder=str(file.parent),
    )  # fmt: skip


# From the beginning to the end


async def test_a_download_is_shown_to_its_end(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    async with deck_on(busy) as pilot:
        job = await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.DONE)
        await until(pilot, lambda: "CRC-64 verified" in screen_text(pilot))
        shown = screen_text(pilot)
        assert job.name in shown
        assert "✓ done" in shown
        assert "100%" in shown
        assert f"{job.counts.total - job.counts.failed:,} answered" in shown
        assert str(tmp_path / "results") in shown
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen))
        assert not any("downloaded" in each for each in toasts(pilot)), "the screen shows it"


async def test_an_upload_makes_a_job_that_the_list_goes_to(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    file = tmp_path / "requests.jsonl"
    write_requests(file, 20)
    async with deck_on(busy) as pilot:
        jobs = pilot.app.screen
        await transfers_of(pilot).submit(upload_plan(pilot, busy, file))
        await reached(pilot, TransferState.DONE)
        job_id = only(pilot).job_id
        await until(pilot, lambda: jobs.query_one(VirtualTable).cursor_key == job_id)
        assert f"requests.jsonl is sent: job {job_id}" in toasts(pilot)
        await pilot.press("t", "enter")
        assert isinstance(pilot.app.screen, JobScreen)
        assert job_id in screen_text(pilot)


# Paused, resumed, given up


async def test_a_download_is_paused_and_goes_on_where_it_was(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    busy.fault(GET, delay=STALLED, times=ALWAYS)
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.RUNNING)
        await pilot.press("p")
        await reached(pilot, TransferState.PAUSED)
        await until(pilot, lambda: "‖ paused" in screen_text(pilot))
        busy.clear_faults()
        await pilot.press("r")
        await reached(pilot, TransferState.DONE)


async def test_what_is_given_up_asks_first_and_can_be_cleared(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    busy.fault(GET, delay=STALLED)
    async with deck_on(busy) as pilot:
        job = await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.RUNNING)
        await pilot.press("X")
        assert f"Give up the download of {job.name}?" in screen_text(pilot)
        await answer(pilot, "n")
        assert only(pilot).state is TransferState.RUNNING
        await pilot.press("X")
        await answer(pilot, "y")
        await reached(pilot, TransferState.CANCELLED)
        await until(pilot, lambda: "cancelled" in screen_text(pilot))
        await pilot.press("C")
        assert transfers_of(pilot).all == []
        assert "Nothing goes up, and nothing comes down." in screen_text(pilot)


async def test_what_failed_is_not_cleared_until_it_is_given_up(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    busy.fault(GET, status=403, code="AccessDenied")
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.FAILED)
        await until(pilot, lambda: "✗ failed" in screen_text(pilot))
        await pilot.press("C")
        assert only(pilot).state is TransferState.FAILED
        assert toasts(pilot)[-1] == "no transfer is done or given up"
        await pilot.press("X")
        await answer(pilot, "y")
        await reached(pilot, TransferState.CANCELLED)
        await pilot.press("C")
        assert transfers_of(pilot).all == []


async def test_what_cannot_be_done_says_why(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    async with deck_on(busy) as pilot:
        await pilot.press("t", "p")
        await begin(pilot, tmp_path / "results", shown=False)
        await reached(pilot, TransferState.DONE)
        await until(pilot, lambda: "✓ done" in screen_text(pilot))
        await pilot.press("p", "r", "X")
        assert toasts(pilot)[-4:] == ["there is no transfer", "it is finished", "it neither failed nor is paused"]


# What goes wrong


@pytest.mark.parametrize(
    ("faults", "said", "helps"),
    [
        ([{"status": 403, "code": "AccessDenied"}], "denies access", "Ask for the permission"),
        ([{"status": 404, "code": "NoSuchKey"}], "there is no object", "It may have been deleted"),
    ],
    ids=["no permission", "vanished"],
)
async def test_a_failure_says_what_happened_and_what_helps_and_can_be_tried_again(
    busy: LocalCloud,
    deck_on: DeckOn,
    tmp_path: Path,
    clock: HeldClock,
    faults: list[dict[str, object]],
    said: str,
    helps: str,
):
    for fault in faults:
        busy.fault(GET, **fault)
    async with deck_on(busy) as pilot:
        job = await begin(pilot, tmp_path / "results", shown=False)
        await until(pilot, lambda: clock.advance(1) or only(pilot).state is TransferState.FAILED)  # it is tried again
        await until(pilot, lambda: any(each.startswith(f"download of {job.name} failed") for each in toasts(pilot)))
        await pilot.press("t")
        await until(pilot, lambda: "✗ failed" in screen_text(pilot))
        assert said in screen_text(pilot)
        assert helps in screen_text(pilot)
        assert not (tmp_path / "results" / "results.jsonl").exists()
        busy.clear_faults()
        await pilot.press("r")
        await reached(pilot, TransferState.DONE)


async def test_a_network_that_is_cut_is_waited_for(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path, clock: HeldClock):
    busy.fault(GET, truncate=1000)
    busy.fault(GET, reset="before", times=ALWAYS)
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results")
        await until(pilot, lambda: clock.advance(1) or "! stalled" in screen_text(pilot))
        shown = screen_text(pilot)
        assert "could not be reached" in shown
        assert "it goes on by itself" in shown
        assert "Check the network" in shown
        assert "!1" in screen_lines(pilot)[0]
        busy.clear_faults()
        await until(pilot, lambda: clock.advance(1) or only(pilot).state is TransferState.DONE)
        assert not any("failed" in each for each in toasts(pilot))


async def test_an_error_can_be_copied_with_what_helps(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    busy.fault(GET, status=403, code="AccessDenied", times=1000)
    async with deck_on(busy) as pilot:
        job = await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.FAILED)
        await until(pilot, lambda: "✗ failed" in screen_text(pilot))
        await pilot.press("c", "e")
        assert "denies access" in pilot.app.clipboard
        assert "Ask for the permission" in pilot.app.clipboard
        await pilot.press("c", "p")
        assert pilot.app.clipboard == str(tmp_path / "results")
        await pilot.press("c", "c")
        assert pilot.app.clipboard == f"arkdeck collect {job.id} --out {tmp_path}/results"


# Leaving


async def test_quitting_asks_while_transfers_run_and_stays_unless_told_otherwise(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    busy.fault(GET, delay=STALLED, times=10)
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results", shown=False)
        await reached(pilot, TransferState.RUNNING)
        await pilot.press("q")
        assert "A transfer runs. Leave it?" in screen_text(pilot)
        assert "arkdeck continue" in screen_text(pilot)
        await answer(pilot, "enter")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert only(pilot).state is TransferState.RUNNING
        await pilot.resize_terminal(50, 14)  # too small for anything but the question
        await pilot.press("q")
        await until(pilot, lambda: "A transfer runs." in screen_text(pilot))
        await answer(pilot, "y")
        await until(pilot, lambda: not pilot.app.is_running)
    assert pilot.app.return_code == 0
    busy.clear_faults()
    async with deck_on(busy) as pilot:
        await until(pilot, lambda: "1 transfer is not finished: t shows it" in toasts(pilot))
        await pilot.press("t")
        assert "‖ paused" in screen_text(pilot)
        await pilot.press("p")
        await reached(pilot, TransferState.DONE)


async def test_a_terminal_that_hangs_up_leaves_the_transfers_to_be_continued(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    busy.fault(GET, delay=STALLED)
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results", shown=False)
        await reached(pilot, TransferState.RUNNING)
        os.kill(os.getpid(), signal.SIGHUP)
        await until(pilot, lambda: not pilot.app.is_running)
    assert pilot.app.return_code == 129
    async with deck_on(busy) as pilot:
        assert only(pilot).state is TransferState.PAUSED


async def test_another_profile_is_opened_once_the_transfers_may_stop(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path, paths: Paths
):
    endpoints = {"ark_endpoint": busy.info.ark_endpoint, "tos_endpoint": busy.info.tos_endpoint}
    for name in ("one", "two"):
        save_profile(paths, name, ProfileSettings(preset="local", bucket=busy.info.bucket, **endpoints))
    busy.fault(GET, delay=STALLED)
    keys = {name: value for name, value in environ_of(busy.info).items() if name.startswith("VOLCENGINE")}
    async with deck_on(None, environ=keys, profile="one", settled=False) as pilot:
        await until(pilot, lambda: pilot.app.poll_status.loaded > 100 and not pilot.app.poll_status.asking)
        await begin(pilot, tmp_path / "results", shown=False)
        await reached(pilot, TransferState.RUNNING)
        for key in ("n", "y"):
            await pilot.press("P")
            await until(pilot, lambda: "two" in screen_text(pilot))
            pilot.app.screen.query_one(VirtualTable).move_to("two")
            await pilot.press("enter")
            await answer(pilot, key)
            expected = {"n": "one", "y": "two"}[key]
            await until(pilot, lambda: pilot.app.connection and pilot.app.connection.profile.name == expected)  # noqa: B023


# What it costs


async def test_the_top_bar_of_every_screen_sums_up_what_goes_on(busy: LocalCloud, deck_on: DeckOn, tmp_path: Path):
    busy.fault(GET, delay=STALLED)
    async with deck_on(busy) as pilot:
        assert "↓" not in screen_lines(pilot)[0]
        await begin(pilot, tmp_path / "results", shown=False)
        await until(pilot, lambda: "↓1" in screen_lines(pilot)[0])
        await pilot.press("enter")
        assert "↓1" in screen_lines(pilot)[0]
        await transfers_of(pilot).pause(only(pilot).id)
        await until(pilot, lambda: "‖1" in screen_lines(pilot)[0])
        await transfers_of(pilot).cancel(only(pilot).id)
        await until(pilot, lambda: "‖1" not in screen_lines(pilot)[0])


async def test_figures_are_painted_twice_a_second_and_only_where_they_differ(
    busy: LocalCloud, deck_on: DeckOn, tmp_path: Path
):
    busy.fault(GET, delay=STALLED)
    async with deck_on(busy) as pilot:
        await begin(pilot, tmp_path / "results")
        await reached(pilot, TransferState.RUNNING)
        await until(pilot, lambda: "● running" in screen_text(pilot))
        await at_rest(pilot)
        tracker = transfers_of(pilot)._trackers[only(pilot).id]

        def go_on(done: int) -> None:
            tracker.transfer = replace(tracker.transfer, done=done, total=60_000, rate=5e6)
            for screen in pilot.app.screen_stack:
                screen.post_message(TransfersChanged(tracker.transfer, figures_only=True))

        for done in (6_000, 6_600):  # by the second one, what was laid out anew is painted
            go_on(done)
            await until(pilot, lambda: f"{done // 600}%" in "".join(screen_lines(pilot)[4:]))  # noqa: B023
            pilot.app.screen.query_one(TopBar)._take_up_transfers()
            await at_rest(pilot)
        with painted(pilot) as sent:
            for done in range(6_600, 9_000, 100):
                go_on(done)
                await pilot.pause()
            await until(pilot, lambda: "14%" in screen_text(pilot))
        assert len(sent) <= 4, "once in half a second: the row, what is told of it, the top bar"
        assert len("".join(sent)) < 1200
