"""The page that makes a job, by keyboard alone: from a file on the disk to a job in the list."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, write_requests
from tests.hostile import HARMFUL
from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import reconnect, screen_text, toasts, until
from tests.ui.scenes import typed
from tui import creation as creation_module
from tui.localcloud import LocalCloud
from tui.runs.input_check import InputCheck, check_with_excerpts
from tui.runs.submission import bare_plan
from tui.runs.transfers import TransferState
from tui.screens.confirm import ConfirmScreen
from tui.screens.create import CreateScreen, open_create
from tui.screens.field import FieldScreen
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.messages import CreationChanged
from tui.screens.palette import Palette
from tui.screens.picker import PickerScreen
from tui.screens.text_screen import TextScreen
from tui.widgets.path_line import PathInput
from tui.widgets.table import VirtualTable

SIZE = (100, 30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.jsonl"
    write_requests(path, 40)
    return path


def on(pilot, screen: type) -> bool:
    return isinstance(pilot.app.screen, screen)


async def choose(pilot, path: Path) -> None:
    """Choose a file in the picker, which is open, by typing its path; wait until it is checked."""
    await until(pilot, lambda: on(pilot, PickerScreen))
    await pilot.press("slash")
    pilot.app.screen.query_one(PathInput).value = str(path)
    await pilot.press("enter")
    await until(pilot, lambda: on(pilot, CreateScreen))
    await until(pilot, lambda: pilot.app.creation.check is not None and not pilot.app.creation.check.running)


async def begin(pilot, path: Path) -> None:
    await pilot.press("n")
    await choose(pilot, path)


async def give(pilot, field: str, text: str) -> None:
    """Type the value of a field of the third step."""
    await pilot.press("3")
    pilot.app.screen.query_one("#fields", VirtualTable).move_to(field)
    await pilot.press("enter")
    await until(pilot, lambda: on(pilot, FieldScreen))
    await pilot.press(*typed(text), "enter")
    await until(pilot, lambda: on(pilot, CreateScreen))


async def review(pilot) -> None:
    await pilot.press("4")
    await until(pilot, lambda: pilot.app.creation.review is not None and not pilot.app.creation.review.awaited)


async def make_ready(pilot, path: Path) -> None:
    """Put a job of a file together, up to its review."""
    await begin(pilot, path)
    await give(pilot, "model", MODEL)
    await review(pilot)


async def test_from_a_file_to_a_job_in_the_list(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        assert "40 requests" in screen_text(pilot)
        await give(pilot, "model", MODEL)
        await give(pilot, "name", "夜间")
        await review(pilot)
        assert "The service would create this job." in screen_text(pilot)
        await pilot.press("S")
        await until(pilot, lambda: "The job" in screen_text(pilot) and "is created" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: on(pilot, JobsScreen) and "夜间" in screen_text(pilot))
        (view,) = pilot.app.connection.poller.board.views.values()
        assert pilot.app.screen.query_one(VirtualTable).cursor_key == view.job.id
        assert (view.job.name, str(view.job.model)) == ("夜间", MODEL)


async def test_the_job_that_was_made_is_opened_from_the_page(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await make_ready(pilot, file)
        await pilot.press("S")
        transfers = pilot.app.connection.transfers
        await until(pilot, lambda: transfers.all and transfers.all[0].state is TransferState.DONE)
        job_id = transfers.all[0].job_id
        await until(pilot, lambda: job_id in pilot.app.connection.poller.board.views)
        await pilot.press("enter")
        await until(pilot, lambda: on(pilot, JobScreen) and job_id in screen_text(pilot))


async def test_a_file_with_errors_is_not_sent_and_its_lines_can_be_seen(
    cloud: LocalCloud, deck_on: DeckOn, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"custom_id": "a", "body": {"messages": []}}\n{"custom_id": "b", "body": ["not", "it"]}\n')
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, broken)
        shown = screen_text(pilot)
        assert "1 error, 1 warning" in shown
        assert "body-not-an-object" in shown
        await pilot.press("enter")
        await until(pilot, lambda: on(pilot, TextScreen))
        assert '["not", "it"]' in screen_text(pilot)
        assert "broken.jsonl:2" in screen_text(pilot)
        await pilot.press("escape", "S")
        assert any("the file is not in order" in toast for toast in toasts(pilot))
        assert not pilot.app.connection.transfers.all


@pytest.mark.parametrize(("moved", "under_it"), [(0, "body-not-an-object"), (1, "bad-messages 0")])
async def test_the_gravest_rule_comes_under_a_cursor_that_was_not_moved(
    cloud: LocalCloud, deck_on: DeckOn, tmp_path: Path, moved: int, under_it: str
) -> None:
    broken, path = InputCheck(tmp_path / "broken.jsonl"), tmp_path / "broken.jsonl"
    path.write_text('{"custom_id": "a", "body": {"messages": []}}\n{"custom_id": "b", "body": ["not", "it"]}\n')
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, path)
        issues = pilot.app.screen.query_one("#issues", VirtualTable)
        issues.show([])
        pilot.app.creation.check = broken
        for event in check_with_excerpts(path):
            broken.take(event)
            pilot.app.screen.post_message(CreationChanged())
            await pilot.pause()
            if list(broken.issues) == ["bad-messages"]:
                await pilot.press(*["down"] * moved)
        assert issues.cursor_key == under_it


async def test_a_draft_survives_leaving_the_page_and_a_restart(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        await give(pilot, "model", MODEL)
        await pilot.press("escape", "n")
        await until(pilot, lambda: on(pilot, CreateScreen))
        assert MODEL in screen_text(pilot)
    async with deck_on(cloud, size=SIZE) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: on(pilot, CreateScreen) and pilot.app.creation.check is not None)
        await pilot.press("3")
        await until(pilot, lambda: MODEL in screen_text(pilot))


async def test_the_end_of_a_check_is_told_elsewhere(
    cloud: LocalCloud, deck_on: DeckOn, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    real = creation_module.check_with_excerpts

    def held(path: Path) -> Iterator[object]:
        may_end.wait(10)
        yield from real(path)

    monkeypatch.setattr(creation_module, "check_with_excerpts", held)
    async with deck_on(cloud, size=SIZE) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: on(pilot, PickerScreen))
        pilot.app.screen.query_one(PathInput).value = str(file)
        await pilot.press("slash", "enter")
        await until(pilot, lambda: on(pilot, CreateScreen) and "checking" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: on(pilot, JobsScreen))
        may_end.set()
        await until(pilot, lambda: toasts(pilot))
        (told,) = toasts(pilot)
        assert told.startswith("train.jsonl\n✓ 40 requests")
        assert told.endswith("n goes on with it")


async def test_what_was_sent_leaves_the_page_free_for_another_job(
    cloud: LocalCloud, deck_on: DeckOn, file: Path
) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await make_ready(pilot, file)
        await pilot.press("S", "escape", "n")
        await until(pilot, lambda: on(pilot, PickerScreen))
        assert pilot.app.creation.draft.path is None


async def test_what_was_sent_can_still_be_looked_at(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await make_ready(pilot, file)
        await pilot.press("S")
        await until(pilot, lambda: "is created" in screen_text(pilot))
        for step, shown in (("1", "FIRST REQUESTS"), ("3", MODEL), ("4", "40 requests")):
            await pilot.press(step)
            await until(pilot, lambda shown=shown: shown in screen_text(pilot))
        await pilot.press("S")
        await until(pilot, lambda: any("it is on its way, or sent" in toast for toast in toasts(pilot)))
        assert len(pilot.app.connection.transfers.all) == 1


async def test_what_failed_to_be_sent_keeps_what_was_typed(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    cloud.fault("tos:PutObject", status=403, code="AccessDenied")
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        await give(pilot, "model", MODEL)
        await give(pilot, "tags", "team=search")
        await review(pilot)
        await pilot.press("S")
        await until(pilot, lambda: "denies access" in screen_text(pilot))
        await pilot.press("escape", "n")
        await until(pilot, lambda: "denies access" in screen_text(pilot))
        await pilot.press("4")
        await until(pilot, lambda: "it was sent and failed: see Send" in screen_text(pilot))
        await give(pilot, "name", "again")
        await review(pilot)
        assert "team=search" in screen_text(pilot)
        await pilot.press("S")
        await until(pilot, lambda: "is created" in screen_text(pilot))


async def test_what_helps_stands_in_lines_of_its_own(cloud: LocalCloud, deck_on: DeckOn, file: Path) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        await give(pilot, "model", "doubao-none")
        await review(pilot)
        shown = screen_text(pilot)
        assert "has no primary version of a model doubao-none" in shown
        assert any(each.strip().startswith("Or name the version:") for each in shown.splitlines())
        await pilot.press("enter")
        assert not any("S sends the job" in toast for toast in toasts(pilot))


async def test_content_that_has_a_job_is_not_paid_for_again_unless_that_is_wanted(
    cloud: LocalCloud, deck_on: DeckOn, file: Path
) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        for _time in range(2):
            await begin(pilot, file)
            await give(pilot, "model", MODEL)
            await review(pilot)
            if _time == 0:
                await pilot.press("S")
                await until(pilot, lambda: "is created" in screen_text(pilot))
                await pilot.press("escape")
        assert "would be taken" in screen_text(pilot)
        assert "S take the job that is there" in screen_text(pilot)
        await pilot.press("3")
        pilot.app.screen.query_one("#fields", VirtualTable).move_to("nonce")
        await pilot.press("enter")
        await review(pilot)
        assert "The service would create this job." in screen_text(pilot)
        assert "--again" in screen_text(pilot)


async def test_a_plan_takes_the_place_of_a_draft_only_when_that_is_wanted(
    cloud: LocalCloud, deck_on: DeckOn, file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "retry-1.jsonl"
    write_requests(other, 3)
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        await pilot.press("escape")
        connection = pilot.app.connection
        plan = bare_plan(other, connection.profile, "", named=False, folder=tmp_path)
        for key, path in (("n", file), ("y", other)):
            open_create(pilot.app, plan)
            await until(pilot, lambda: on(pilot, ConfirmScreen))
            await pilot.press(key)
            await pilot.pause()
            assert pilot.app.creation.draft.path == path
        await until(pilot, lambda: on(pilot, CreateScreen) and "3 requests" in screen_text(pilot))


async def test_a_check_can_be_stopped_and_made_again(cloud: LocalCloud, deck_on: DeckOn, tmp_path: Path) -> None:
    large = tmp_path / "large.jsonl"
    write_requests(large, 120_000)
    async with deck_on(cloud, size=SIZE) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: on(pilot, PickerScreen))
        await pilot.press("escape")
        pilot.app.screen._chosen(large)
        await pilot.press("x")
        await until(pilot, lambda: "stopped" in screen_text(pilot))
        assert pilot.app.creation.check.stopped
        await pilot.press("r")
        await until(pilot, lambda: "120,000 requests" in screen_text(pilot), within=30)


async def test_a_profile_for_reading_only_makes_no_job(cloud: LocalCloud, deck_on: DeckOn) -> None:
    async with deck_on(cloud, size=SIZE, read_only=True) as pilot:
        await pilot.press("n")
        assert on(pilot, JobsScreen)
        assert any("is read only" in toast for toast in toasts(pilot))


async def test_a_file_name_is_data(cloud: LocalCloud, deck_on: DeckOn, tmp_path: Path) -> None:
    name = "[@click=app.quit]q[] \x1b]0;x\x07 中文 \u202e.jsonl"
    path = tmp_path / name
    write_requests(path, 2)
    async with deck_on(cloud, size=SIZE) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: on(pilot, PickerScreen))
        await pilot.press("escape")
        pilot.app.screen._chosen(path)
        await until(pilot, lambda: pilot.app.creation.check is not None and not pilot.app.creation.check.running)
        for step in "123":
            await pilot.press(step)
            assert not HARMFUL & set(screen_text(pilot).replace("\n", ""))
        await pilot.press("1")
        assert "[@click=app.quit]q[]" in "".join(screen_text(pilot).split())


async def test_what_is_chosen_in_the_palette_for_a_page_that_is_closed_does_nothing(
    cloud: LocalCloud, deck_on: DeckOn, file: Path
) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await begin(pilot, file)
        await pilot.press("colon", *"down")
        await until(pilot, lambda: on(pilot, Palette) and "Down" in screen_text(pilot))
        await reconnect(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: on(pilot, JobsScreen))


async def test_a_file_that_was_changed_meanwhile_is_checked_again_before_it_is_sent(
    cloud: LocalCloud, deck_on: DeckOn, file: Path
) -> None:
    async with deck_on(cloud, size=SIZE) as pilot:
        await make_ready(pilot, file)
        write_requests(file, 41)
        await pilot.press("S")
        await until(pilot, lambda: any("changed since it was checked" in told for told in toasts(pilot)))
        assert "r checks the file" in screen_text(pilot)
        assert pilot.app.connection.transfers.all == []
        await pilot.press("2", "r")
        await until(pilot, lambda: "41 requests" in screen_text(pilot))
        await review(pilot)
        await pilot.press("S")
        await until(pilot, lambda: pilot.app.creation.sent)
