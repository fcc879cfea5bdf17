"""What was done to jobs from this machine, as a list: newest first, what became of it, and the way to the job."""

from __future__ import annotations

from tests.hostile import ALL, HARMFUL
from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, screen_lines, screen_text, toasts, until
from tui.localcloud import LocalCloud
from tui.screens.activity import ActivityScreen
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.widgets.table import VirtualTable


async def open_activity(pilot) -> None:
    await pilot.press("@")
    await until(pilot, lambda: isinstance(pilot.app.screen, ActivityScreen) and pilot.app.screen._listed)


async def test_what_was_done_is_listed_newest_first_and_leads_to_its_job(
    busy: LocalCloud, deck_on: DeckOn, clock: HeldClock
):
    async with deck_on(busy, size=(120, 24)) as pilot:
        job = next(view.job for view in pilot.app.screen._views.values() if view.job.name.isascii())
        journal = pilot.app.connection.services.journal
        journal.record("stop", job.id, request_id="20261122140203R")
        clock.advance(60)
        journal.record("delete", "bi-gone", error="the network failed", maybe_applied=True)
        await open_activity(pilot)
        newest, oldest = screen_lines(pilot)[4:6]
        assert "2026-11-22 14:03" in newest
        assert "bi-gone" in newest
        assert "perhaps done: the network failed" in newest
        assert job.name in oldest
        assert "done" in oldest
        assert "20261122140203R" in oldest
        await pilot.press("enter")
        assert toasts(pilot) == ["the list does not have this job"]
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen) and job.id in screen_text(pilot))
        await pilot.press("escape", "escape")
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_it_says_when_there_is_nothing_and_shows_what_comes(empty_cloud: LocalCloud, deck_on: DeckOn):
    async with deck_on(empty_cloud) as pilot:
        await pilot.press("@")
        await until(pilot, lambda: "nothing was done yet" in screen_text(pilot))
        pilot.app.connection.services.journal.record("stop", "bi-1")
        await pilot.press("r")
        await until(pilot, lambda: "bi-1" in screen_text(pilot))


async def test_what_comes_from_outside_does_nothing_there(empty_cloud: LocalCloud, deck_on: DeckOn):
    async with deck_on(empty_cloud, size=(160, 45)) as pilot:
        attacks = [text for text in ALL if "\udcff" not in text]  # the journal takes no lone half
        for attack in attacks:
            pilot.app.connection.services.journal.record("stop", attack, error=attack, request_id=attack)
        await open_activity(pilot)
        assert pilot.app.is_running
        assert len(pilot.app.screen._listed) == len(attacks)
        for _page in range(2):
            assert not HARMFUL & set("".join(screen_lines(pilot)))
            await pilot.press("pagedown")
        assert pilot.app.screen.query_one(VirtualTable).cursor_key is not None
