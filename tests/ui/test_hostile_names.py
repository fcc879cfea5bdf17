"""Jobs whose names, descriptions, tags and messages attack the terminal change nothing but their own cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from rich.cells import cell_len

from tests import hostile
from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, screen_text, toasts, until
from tui.localcloud import LocalCloud
from tui.localcloud.jobs import QUEUED, Job, JobStore, Location, Model, new_job_id
from tui.screens.confirm import ConfirmScreen
from tui.screens.job import JobScreen
from tui.screens.job_changes import clone_form, update_form
from tui.screens.jobs import JobsScreen
from tui.widgets.table import VirtualTable

LONGEST_NAME = 200


def storable(text: str) -> bool:
    """Whether JSON and the database of the local cloud can hold it."""
    return 0 < len(text) <= LONGEST_NAME and not any("\ud800" <= char <= "\udfff" for char in text)


NAMES = [text for text in hostile.ALL if storable(text)]


@pytest.fixture
def attacked(clock: HeldClock, tmp_path: Path, cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud that says hostile things of every job, more than its own API would take."""
    data = tmp_path / "attacked"
    data.mkdir()
    store = JobStore(data / "ark.sqlite3")
    store.add_all([job_called(name, clock.now() - timedelta(minutes=number)) for number, name in enumerate(NAMES)])
    store.close()
    return cloud_factory(data=data, clock=clock)


def job_called(name: str, created: datetime) -> Job:
    """A queued job that attacks with whatever it says."""
    job_id = new_job_id(created, Random(name).choice)
    return Job(
        id=job_id,
        name=name,
        description=name,
        project="default",
        model=Model(custom_id=name),
        input=Location("arkdeck-local", f"in/{name}"),
        output=Location("arkdeck-local", f"out/{name}/"),
        window_days=1,
        tags=((name, name),),
        phase=QUEUED,
        phase_time=created,
        message=name,
        created=created,
        updated=created,
        expires=created + timedelta(days=1),
    )


def assert_harmless(pilot) -> None:
    """Every row is as wide as the screen; no character of it acts, and nothing of it can be clicked or followed."""
    width = pilot.app.size.width
    for strip in pilot.app.screen._compositor.render_strips():
        assert sum(cell_len(segment.text) for segment in strip) == width, strip.text
        assert not hostile.HARMFUL & set(strip.text)
        for segment in strip:
            assert "@click" not in (segment.style.meta if segment.style else {})
            assert segment.style is None or segment.style.link is None


def each_row(pilot) -> Iterator[str]:
    """The key of every job in the list."""
    yield from pilot.app.screen._views


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_list_shows_them_as_text(attacked: LocalCloud, deck_on: DeckOn, size: tuple[int, int]):
    async with deck_on(attacked, size=size) as pilot:
        assert len(pilot.app.screen._views) == len(NAMES)
        assert_harmless(pilot)
        await pilot.press("G")
        assert_harmless(pilot)
        await pilot.press("C")
        pilot.app.screen.dismiss(frozenset(["message", "project", "id", "phase"]))
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        assert_harmless(pilot)


async def test_the_preview_of_each_shows_it_as_text(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked) as pilot:
        for key in list(each_row(pilot)):
            pilot.app.screen.query_one(VirtualTable).move_to(key)
            await pilot.pause()
            assert_harmless(pilot)


async def test_a_click_on_them_runs_nothing(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked) as pilot:
        for row in range(1, 30, 3):
            await pilot.click(VirtualTable, offset=(8, row))
        assert pilot.app.is_running
        assert isinstance(pilot.app.screen, JobsScreen)
        assert pilot.app.focused is pilot.app.screen.query_one(VirtualTable)


async def test_the_question_and_the_toast_name_them_as_text(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked, size=(120, 60)) as pilot:
        await pilot.press("g", "v", "G", "v", "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert_harmless(pilot)
        attacked.fault("ark:StopBatchInferenceJob", status=400, code="InvalidParameter", times=3)
        while isinstance(pilot.app.screen, ConfirmScreen):
            await pilot.press("y")
        await until(pilot, lambda: len(toasts(pilot)) == 2)
        await pilot.pause()
        assert_harmless(pilot)


@pytest.mark.parametrize("key", ["c", "y", "colon", "question_mark"])
async def test_menus_json_palette_and_help_show_them_as_text(attacked: LocalCloud, deck_on: DeckOn, key: str):
    async with deck_on(attacked) as pilot:
        for row in list(each_row(pilot))[::12]:
            pilot.app.screen.query_one(VirtualTable).move_to(row)
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(pilot.app.screen, JobsScreen))
            assert_harmless(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


async def test_a_filter_typed_as_an_attack_is_a_filter(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked) as pilot:
        await pilot.press("slash", *"[@click=app.quit]", "enter")
        assert "[@click=app.quit]" in screen_text(pilot)
        assert_harmless(pilot)


async def test_a_jobs_own_screen_shows_it_as_text(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked) as pilot:
        for key in list(each_row(pilot))[::8]:
            pilot.app.screen.query_one(VirtualTable).move_to(key)
            await pilot.press("enter")
            assert isinstance(pilot.app.screen, JobScreen)
            assert_harmless(pilot)
            await pilot.press("G")
            assert_harmless(pilot)
            await pilot.press("escape")


async def test_the_forms_show_it_as_text_and_send_nothing_that_was_not_typed(attacked: LocalCloud, deck_on: DeckOn):
    async with deck_on(attacked) as pilot:
        connection = pilot.app.connection
        for key in list(each_row(pilot))[::8]:
            job = connection.poller.board.views[key].job
            for form in (update_form(job, connection), clone_form(job, connection, toasts(pilot).append)):
                pilot.app.push_screen(form)
                await pilot.pause()
                assert_harmless(pilot)
                assert form.changed == {}
                await pilot.press("escape")
