"""What the deck says while there is nothing to list, or nothing new to hear: it never blanks, and says what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, environ_of, painted, screen_lines, screen_text, toasts, until
from tests.ui.test_jobs_screen import refresh, table
from tui.connection import Connecting
from tui.launch import LocalStart
from tui.localcloud import ALWAYS, LocalCloud
from tui.poll_status import PollStatus
from tui.screens.jobs_empty import Emptiness, why_empty
from tui.screens.welcome import WelcomeScreen
from tui.settings.config_file import ProfileSettings
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile
from tui.widgets.glyphs import UNICODE
from tui.widgets.job_cells import short_duration
from tui.widgets.lines import changed_cells
from tui.widgets.safe_text import line
from tui.widgets.top_bar import TopBar, Whose, top_line

NOW = datetime(2026, 11, 22, 6, 2, 3, tzinfo=UTC)
PROD = Whose("prod", "cn-beijing", "default", connected=True)
LIST = "ark:ListBatchInferenceJobs"


def asked(cloud: LocalCloud) -> int:
    """How many requests the cloud has had."""
    return len(cloud.requests)


# Nothing to list


async def test_a_cloud_without_jobs_says_how_to_send_some(empty_cloud: LocalCloud, deck_on: DeckOn):
    async with deck_on(empty_cloud) as pilot:
        text = screen_text(pilot)
        assert "no jobs yet" in text
        assert "arkdeck submit FILE --model NAME" in text


async def test_the_way_to_send_some_names_the_profile_that_was_asked_for(
    empty_cloud: LocalCloud, deck_on: DeckOn, paths: Paths
):
    info = empty_cloud.info
    settings = ProfileSettings(ark_endpoint=info.ark_endpoint, tos_endpoint=info.tos_endpoint, bucket=info.bucket)
    save_profile(paths, "staging", settings)
    async with deck_on(empty_cloud, profile="staging") as pilot:
        assert "arkdeck -p staging submit FILE --model NAME" in screen_text(pilot)


async def test_an_empty_local_cloud_of_ones_own_offers_its_variables(deck_on: DeckOn):
    async with deck_on(None, local=LocalStart()) as pilot:
        await until(pilot, lambda: "c copies the variables" in screen_text(pilot))
        await pilot.press("c", "v")
        endpoint = pilot.app.connection.profile.ark_endpoint
        await until(pilot, lambda: f"export ARKDECK_ARK_ENDPOINT={endpoint}\n" in pilot.app.clipboard)


async def test_without_keys_the_deck_says_what_is_missing_and_where_to_give_it(busy: LocalCloud, deck_on: DeckOn):
    environ = {name: value for name, value in environ_of(busy.info).items() if not name.startswith("VOLCENGINE")}
    async with deck_on(busy, environ=environ, settled=False) as pilot:
        await until(pilot, lambda: isinstance(pilot.app.screen, WelcomeScreen))
        await pilot.press("escape")
        await until(pilot, lambda: "no access keys for profile default" in screen_text(pilot))
        assert "P profiles and keys" in screen_text(pilot)
        assert "not connected" in screen_lines(pilot)[0]


@pytest.mark.parametrize(
    ("empty", "connected", "said"),
    [
        (Emptiness(Connecting("prod"), PollStatus(), False, 0, "", ""), False, "connecting"),
        (Emptiness(Connecting("", local=True), PollStatus(), False, 0, "", ""), False, "starting the local cloud…"),
        (Emptiness(Connecting("prod"), PollStatus(), False, 0, "", ""), True, "loading jobs"),
        (Emptiness(Connecting("prod"), PollStatus(), True, 9, "Queued", ""), True, "no job is queued\n\n0 shows all"),
        (
            Emptiness(Connecting("prod"), PollStatus(), True, 9, "Queued", "name:x"),
            True,
            "no job matches name:x\n\nesc clears the filter",
        ),
    ],
)
def test_an_empty_list_says_why(empty: Emptiness, connected: bool, said: str):
    assert why_empty(empty, connected=connected).plain == said


async def test_before_the_first_answer_no_number_is_made_up(deck_on: DeckOn, busy: LocalCloud, clock: HeldClock):
    busy.fault(LIST, reset="before", times=ALWAYS)
    async with deck_on(busy, settled=False) as pilot:
        await until(pilot, lambda: "Running" in screen_lines(pilot)[1])
        assert "0 jobs" not in screen_text(pilot)
        assert "Running 0" not in screen_lines(pilot)[1]


# Nothing new to hear


async def test_a_service_that_does_not_answer_leaves_the_jobs_where_they_are(
    busy: LocalCloud, deck_on: DeckOn, clock: HeldClock
):
    async with deck_on(busy) as pilot:
        before = screen_lines(pilot)[2:]
        busy.fault(LIST, reset="before", times=ALWAYS)
        await pilot.press("r")
        await until(pilot, lambda: clock.advance(1) or "offline since 14:02" in screen_lines(pilot)[0])
        assert [line[:60] for line in screen_lines(pilot)[2:10]] == [line[:60] for line in before[:8]]
        busy.clear_faults()
        await refresh(pilot)
        assert "offline" not in screen_lines(pilot)[0]


async def test_refused_keys_stop_the_polls_and_lead_to_the_profiles(
    busy: LocalCloud, deck_on: DeckOn, clock: HeldClock
):
    async with deck_on(busy, settings=DeckSettings(refresh=15)) as pilot:
        busy.fault(LIST, status=403, code="AccessDenied", times=ALWAYS)
        await pilot.press("r")
        await until(pilot, lambda: "keys rejected – P profiles" in screen_lines(pilot)[0])
        before = asked(busy)
        clock.advance(3600)
        await pilot.pause(0.1)
        assert asked(busy) == before, "no storm of requests"
        assert len(toasts(pilot)) == 1
        assert "! " in screen_lines(pilot)[3], "the jobs are still there"


async def test_a_refusal_is_told_once_for_each_time_it_is_asked(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        busy.fault(LIST, status=403, code="AccessDenied", times=ALWAYS)
        for times in (1, 2):
            before = asked(busy)
            await pilot.press("r")
            await until(pilot, lambda before=before: asked(busy) > before and not pilot.app.poll_status.asking)
            assert len(toasts(pilot)) == times


async def test_a_service_that_refused_and_then_is_silent_is_offline(
    busy: LocalCloud, deck_on: DeckOn, clock: HeldClock
):
    async with deck_on(busy) as pilot:
        busy.fault(LIST, status=403, code="AccessDenied", nth=1)
        await pilot.press("r")
        await until(pilot, lambda: "keys rejected" in screen_lines(pilot)[0])
        busy.fault(LIST, reset="before", times=ALWAYS)
        await pilot.press("r")
        await until(pilot, lambda: clock.advance(1) or "offline since" in screen_lines(pilot)[0])


async def test_the_next_try_is_the_same_on_every_screen(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    async with deck_on(busy, settings=DeckSettings(refresh=15)) as pilot:
        busy.fault(LIST, reset="before", times=ALWAYS)
        await pilot.press("r")

        def left() -> float:
            return ((pilot.app.poll_status.next_at or NOW) - clock.now()).total_seconds()

        await until(pilot, lambda: clock.advance(1) or left() > 5)  # the tries come further and further apart
        clock.advance(2)
        await pilot.press("enter")
        await until(pilot, lambda: f"next try in {int(left())}s" in screen_lines(pilot)[0])


# The line at the top


def top_text(whose: Whose, status: PollStatus, width: int, later: float = 0) -> str:
    """The top line as it reads some seconds after the polls were heard of."""
    pieces = top_line(whose, status, NOW + timedelta(seconds=later), width, UNICODE)
    return "".join(piece.plain for piece in pieces)


@pytest.mark.parametrize(
    ("status", "later", "said"),
    [
        (PollStatus(), 0, "loading"),
        (PollStatus(15, answered=NOW, loaded=300, total=10_000), 0, "loading 300 of 10,000"),
        (PollStatus(15, answered=NOW, loaded=9, total=9), 3, "⟳ 15s · 3s ago"),
        (PollStatus(15, answered=NOW, loaded=9, total=9), 75, "⟳ 15s · 1m10s ago"),
        (PollStatus(0, answered=NOW, loaded=9, total=9), 3, "⟳ manual · 3s ago"),
        (PollStatus(15, paused=True, answered=NOW, loaded=9, total=9), 3, "‖ paused · as of 14:02:03"),
        (
            PollStatus(15, answered=NOW, failing_since=NOW, next_at=NOW + timedelta(seconds=20)),
            5,
            "offline since 14:02, next try in 15s",
        ),
        (
            PollStatus(15, answered=NOW, failing_since=NOW, next_at=NOW + timedelta(seconds=20)),
            30,
            "offline since 14:02, trying",
        ),
        (PollStatus(0, answered=NOW, failing_since=NOW, next_at=NOW), 5, "offline since 14:02, r tries again"),
        (PollStatus(15, answered=NOW, refused=True), 5, "keys rejected – P profiles"),
    ],
)
def test_the_top_line_tells_what_the_polls_are_up_to(status: PollStatus, later: float, said: str):
    shown = top_text(PROD, status, 100, later)
    assert said in shown
    assert len(shown) == 100


def test_what_is_older_than_two_intervals_is_shown_as_stale():
    status = PollStatus(15, answered=NOW, loaded=9, total=9)

    def styles(seconds: float) -> set[str]:
        _left, state, _time = top_line(PROD, status, NOW + timedelta(seconds=seconds), 100, UNICODE)
        return {str(span.style) for span in state.spans}

    assert "bold $stale" not in styles(29)
    assert "bold $stale" in styles(31)


@pytest.mark.parametrize(
    ("whose", "width", "begins"),
    [
        (PROD, 100, " arkdeck  prod · cn-beijing · default  RW  "),
        (PROD, 60, " arkdeck  prod · cn-beijing  RW  "),
        (PROD, 45, " arkdeck  prod  RW  "),
        (Whose("prod", "r", "p", read_only=True, connected=True), 100, " arkdeck  prod · r · p  read only"),
        (Whose("local", "cn-beijing", "p", local=True, connected=True), 100, " arkdeck  local cloud, simulated"),
        (Whose(), 100, " arkdeck  "),
    ],
)  # fmt: skip
def test_the_top_line_says_whose_jobs_these_are(whose: Whose, width: int, begins: str):
    status = PollStatus(15, answered=NOW, loaded=9, total=9)
    assert top_text(whose, status, width).startswith(begins)


# What it costs


async def test_a_tick_of_the_age_costs_few_bytes(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    async with deck_on(busy) as pilot:
        await refresh(pilot)  # by then the first jobs are painted, the scroll bar too
        clock.advance(1)
        with painted(pilot) as sent:
            pilot.app.screen.query_one(TopBar).tick()
            await pilot.pause()
        assert "1" in "".join(sent)
        assert len("".join(sent)) < 200


async def test_while_paused_nothing_is_painted(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    async with deck_on(busy) as pilot:
        await pilot.press("full_stop")
        clock.advance(40)
        with painted(pilot) as sent:
            pilot.app.screen.query_one(TopBar).tick()
            pilot.app.screen._age()
            await pilot.pause()
        assert sent == []


async def test_a_poll_that_changes_nothing_paints_nothing_but_the_top_line(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await refresh(pilot)  # the second sample of each job's counters
        with painted(pilot) as sent:
            await refresh(pilot)
        assert len("".join(sent)) < 200


async def test_a_cursor_key_costs_at_most_two_kilobytes(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(160, 45)) as pilot:
        await pilot.press("down", "down")
        with painted(pilot) as sent:
            await pilot.press("down")
        assert table(pilot).cursor_key in pilot.app.screen._views
        assert 0 < len("".join(sent)) <= 2048


@pytest.mark.parametrize(
    ("before", "after", "cells"),
    [
        (line("3s ago"), line("4s ago"), (0, 1)),
        (line("9s ago"), line("10s ago"), (0, 7)),
        (line("夜间 1"), line("夜间 2"), (5, 6)),
        (line("商品改写"), line("商品摘要"), (4, 8)),
        (line("same"), line("same"), (4, 4)),
        (line(("a", "$muted"), "b"), line(("a", "$error"), "b"), (0, 1)),
    ],
)
def test_of_a_line_only_the_cells_that_differ_are_painted(before, after, cells):
    assert changed_cells(before, after) == cells


def test_seconds_are_told_in_the_first_minute_alone():
    told = [short_duration(seconds) for seconds in (0, 59, 60, 3599, 7500, 180_000)]
    assert told == ["0s", "59s", "1m", "59m", "2h05m", "2d02h"]
