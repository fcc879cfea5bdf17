"""What an operator does before a picture is taken: a job in the making, transfers, results."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from tests.ui.pilot_tools import screen_text, until
from tests.ui.scenes import NOW, play
from tui.ark.models import Job, Phase
from tui.creation import Creation, Stage
from tui.localcloud import LocalCloud
from tui.runs import destination
from tui.screens.confirm import ConfirmScreen
from tui.screens.create import CreateScreen
from tui.screens.field import FieldScreen
from tui.screens.picker import PickerScreen
from tui.screens.request import RequestScreen
from tui.screens.results import ResultsScreen
from tui.screens.retry_form import RetryForm
from tui.widgets.choices import Choices
from tui.widgets.table import VirtualTable

Play = Callable[[Pilot[Any], LocalCloud, Path], Awaitable[None]]
"""Given a deck on a cloud, and the operator's home."""

EXAMPLES = Path(__file__).parents[2] / "examples"
MODEL = "doubao-pro-32k"


def write_inputs(home: Path) -> Path:
    """Make a folder with inputs, as an operator has one; return it."""
    folder = home / "batches"
    folder.mkdir(parents=True)
    asked = [
        "Which of these two answers is better? Answer with A or B.",
        "把下面的段落翻译成英文：批量推理适合离线任务。",
    ]
    lines = [
        json.dumps(
            {"custom_id": f"r-{n:05}", "body": {"messages": [{"role": "user", "content": asked[n % 2]}]}},
            ensure_ascii=False,
        )
        for n in range(2000)
    ]
    (folder / "nightly-evaluation.jsonl").write_text("\n".join(lines), "utf-8")
    (folder / "批量标注-11.jsonl").write_text("\n".join(lines[:240]), "utf-8")
    shutil.copyfile(EXAMPLES / "broken.jsonl", folder / "broken.jsonl")
    for number, path in enumerate(sorted(folder.iterdir())):
        moment = NOW.timestamp() - 10_000 * 3**number
        os.utime(path, (moment, moment))
    return folder


def on(pilot: Pilot[Any], screen: type) -> bool:
    """Tell whether a screen of this kind is on top."""
    return isinstance(pilot.app.screen, screen)


async def pick(pilot: Pilot[Any], cloud: LocalCloud, home: Path) -> None:
    """Begin a job, and look for its file."""
    folder = write_inputs(home)
    await play(pilot)
    await pilot.press("n")
    await until(pilot, lambda: on(pilot, PickerScreen))
    pilot.app.pop_screen()
    await until(pilot, lambda: on(pilot, CreateScreen))
    screen = PickerScreen(
        pilot.app.screen._chosen, start=folder / "nightly-evaluation.jsonl", title="The file of requests"
    )
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: "2,000 requests" in screen_text(pilot))


def make(file: str, *keys: str, model: str = MODEL) -> Play:
    """Return how a job of a file is put together, up to where the keys lead."""

    async def put_together(pilot: Pilot[Any], cloud: LocalCloud, home: Path) -> None:
        await pick(pilot, cloud, home)
        pilot.app.pop_screen()
        await until(pilot, lambda: on(pilot, CreateScreen))
        pilot.app.screen._chosen(home / "batches" / file)
        pilot.app.creation.change(model=model)
        await until(pilot, lambda: (check := pilot.app.creation.check) is not None and not check.running)
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: _review_is_told(pilot.app.creation))
        await until(pilot, lambda: not on(pilot, FieldScreen) or pilot.app.screen.query_one(Choices).options)
        await pilot.pause()

    return put_together


def _review_is_told(creation: Creation) -> bool:
    return creation.stage is not Stage.REVIEW or (creation.review is not None and not creation.review.awaited)


def completed(pilot: Pilot[Any]) -> list[Job]:
    """Return the jobs whose results can be fetched, those with failures first."""
    jobs = [view.job for view in pilot.app.connection.poller.board.views.values()]
    done = [job for job in jobs if job.phase == Phase.COMPLETED]
    return sorted(done, key=lambda job: (not job.counts.failed, not job.name.isascii(), job.id))


async def fetch(pilot: Pilot[Any], job: Job, home: Path) -> None:
    """Bring the results of a job home."""
    transfers = pilot.app.connection.transfers
    transfer = await transfers.collect(job, home / "results" / job.id)
    await until(pilot, lambda: transfers.get(transfer.id).state.finished, within=30)


async def transfer(pilot: Pilot[Any], cloud: LocalCloud, home: Path) -> None:
    """Bring the results of one job home, fail with those of another, pause a third; look at them."""
    await play(pilot)
    transfers = pilot.app.connection.transfers
    for job, fault in zip(
        completed(pilot), ({}, {"status": 403, "code": "AccessDenied"}, {"delay": 600}), strict=False
    ):
        if fault:
            cloud.fault("tos:GetObject", **fault)
        if "delay" in fault:
            await transfers.pause((await transfers.collect(job, home / "results" / job.id)).id)
        else:
            await fetch(pilot, job, home)
    await pilot.press("t", "j")
    await until(pilot, lambda: "denies access" in screen_text(pilot))
    pilot.app.clear_notifications()
    await pilot.pause()


def download(*keys: str) -> Play:
    """Return how the form is opened before results come home, to a disk that has 62 GiB free."""

    async def ask(pilot: Pilot[Any], cloud: LocalCloud, home: Path) -> None:
        with patch.object(destination.shutil, "disk_usage", lambda _path: SimpleNamespace(free=62 * 1024**3)):
            await play(pilot, keys)
            await until(pilot, lambda: " free" in screen_text(pilot))

    return ask


def results(*keys: str) -> Play:
    """Return how the results of a job are opened that has failures, up to where the keys lead."""

    async def open_results(pilot: Pilot[Any], cloud: LocalCloud, home: Path) -> None:
        await play(pilot)
        job = completed(pilot)[0]
        await fetch(pilot, job, home)
        pilot.app.clear_notifications()
        pilot.app.screen.query_one(VirtualTable).move_to(job.id)
        await pilot.press("e")
        await until(pilot, lambda: on(pilot, ResultsScreen) and "✗ failed" in screen_text(pilot))
        await pilot.press("i")
        await until(pilot, lambda: on(pilot, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: on(pilot, ResultsScreen) and pilot.app.screen.results.input is not None)
        pilot.app.clear_notifications()
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: not on(pilot, RequestScreen) or pilot.app.screen._whole)
        await until(pilot, lambda: not on(pilot, RetryForm) or "left: " in screen_text(pilot))
        await pilot.pause()

    return open_results
