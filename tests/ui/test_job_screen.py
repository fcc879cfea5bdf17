"""One job on its own screen: what it tells, how it keeps up, what can be done from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from rich.cells import cell_len

from tests import hostile
from tests.ui.conftest import NOW, DeckOn
from tests.ui.pilot_tools import HeldClock, painted, reconnect, screen_lines, screen_text, toasts, until
from tui.ark.models import Counts, CustomModelRef, FoundationModelRef, Job, Location, Phase
from tui.dataset.results import Account, Tokens
from tui.glyphs import UNICODE
from tui.localcloud import LocalCloud
from tui.runs import poller
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.runs.job_record import Happening, JobRecord
from tui.runs.run import Sample
from tui.screens.confirm import ConfirmScreen
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.menu import MenuScreen
from tui.screens.messages import BoardChanged
from tui.screens.text_screen import TextScreen
from tui.widgets.job_cells import Look
from tui.widgets.job_page import Known, job_page
from tui.widgets.table import VirtualTable

JOB = Job(
    id="bi-20261122100000-abcde",
    name="nightly-eval",
    phase=Phase.RUNNING,
    phase_time=NOW - timedelta(minutes=18),
    created=NOW - timedelta(minutes=20),
    expires=NOW + timedelta(days=3),
    counts=Counts(12_000, 8_520, 12),
    model=FoundationModelRef("doubao-pro-32k", "240615"),
    input=Location("batch", "in/a.jsonl"),
    output=Location("batch", "out/"),
    window_days=3,
    request_id="20261122REQ",
)


def page(width: int = 80, known: Known | None = None, **fields) -> list[str]:
    """The page of a job that differs from JOB in these fields."""
    known = known or Known(JobView(replace(JOB, **fields), Forecast(), NOW))
    return [text.plain for text in job_page(known, width, Look(NOW, UNICODE))]


def board(pilot):
    return pilot.app.connection.poller.board.views


async def open_job(pilot, job_id: str) -> JobScreen:
    """Open a job from the list, and wait until the service was asked for it by itself."""
    pilot.app.screen.query_one(VirtualTable).move_to(job_id)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
    await until(pilot, lambda: not pilot.app.connection.poller._look_due)
    return pilot.app.screen


async def open_one(pilot, phase: Phase) -> Job:
    """Open a job in this phase."""
    job = next(view.job for view in board(pilot).values() if view.job.phase == phase)
    await open_job(pilot, job.id)
    return job


async def confirm(pilot) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.is_seen)
    await pilot.press("y")


# The page


def test_each_counter_is_its_own_number():
    lines = page()
    assert "  total       12,000" in lines
    assert "  completed    8,520" in lines
    assert "  failed          12" in lines
    assert any(text.endswith(" 71%") for text in lines)


def test_counters_that_say_more_than_all_are_a_hundred_percent():
    assert any(text.endswith(" 100%") for text in page(counts=Counts(10, 12, 3)))


def test_a_job_that_counts_nothing_yet_says_so():
    assert "  nothing is counted yet" in page(phase=Phase.QUEUED, counts=Counts())


def test_a_finished_job_that_counted_nothing_promises_no_count():
    assert "  nothing was counted" in page(phase=Phase.FAILED, counts=Counts())


def test_rate_and_end_are_told_and_that_it_comes_too_late():
    known = Known(JobView(JOB, Forecast(rate=1.2, seconds_left=2900, late=True), NOW))
    assert "  rate        1.2 a second" in page(known=known)
    assert "  eta         48m · 2026-11-22 14:50 after its expiry" in page(known=known)


def test_a_job_that_stands_still_says_since_when():
    known = Known(JobView(JOB, Forecast(idle_since=NOW - timedelta(minutes=30)), NOW))
    assert "  stalled     30m · 2026-11-22 13:32:03" in page(known=known)
    assert "  ! stalled 30m" in page(known=known)


def test_the_throughput_is_drawn_and_its_top_told():
    samples = (
        Sample(NOW - timedelta(seconds=60), "Running", 12_000, 8_400, 0),
        Sample(NOW, "Running", 12_000, 8_520, 0),
    )
    lines = page(known=Known(JobView(JOB, Forecast(), NOW), JobRecord(samples=samples)))
    assert "  throughput  " + "█" * 48 in lines
    assert "  at most     2.0 a second, in the 1m00s shown" in lines


def test_where_there_are_columns_the_throughput_is_a_chart():
    samples = tuple(
        Sample(NOW - timedelta(seconds=ago), "Running", 12_000, done, 0) for ago, done in ((120, 0), (60, 60), (0, 300))
    )
    lines = page(120, Known(JobView(JOB, Forecast(), NOW), JobRecord(samples=samples)))
    (first,) = [place for place, each in enumerate(lines) if each.startswith("  throughput")]
    rows = [each[14:54] for each in lines[first : first + 4]]  # of 40 cells: 1 a second for a half, 4 for the other
    assert [row[:10] for row in rows] == [" " * 10] * 3 + ["█" * 10]
    assert [row[-10:] for row in rows] == ["█" * 10] * 4


def test_a_very_wide_page_has_the_history_beside_and_says_where_there_is_none():
    happenings = (Happening(NOW, "stop", request_id="2026R"),)
    lines = page(200, Known(JobView(JOB, Forecast(), NOW), JobRecord(happenings=happenings)))
    (headings,) = [each for each in lines if "PROGRESS" in each]
    assert headings.split() == ["PROGRESS", "JOB", "HISTORY"]
    at = headings.index("HISTORY")
    assert lines[lines.index(headings) + 1][at:] == "2026-11-22 14:02:03  stop  request 2026R"
    for width in (120, 200):
        assert any(each.endswith("nothing was done to it from this machine") for each in page(width))


def test_of_a_failed_job_the_message_comes_before_everything_else():
    lines = page(phase=Phase.FAILED, message="line 154 is not JSON\nline 155 neither")
    assert lines.index("  MESSAGE") < lines.index("  PROGRESS")
    assert lines[lines.index("  MESSAGE") + 1 :][:2] == ["  line 154 is not JSON", "  line 155 neither"]


def test_the_files_on_this_disk_are_accounted_for_beside_what_the_service_counts():
    account = Account(100, 95, 3, 2, 0, 0, 0, 1, 0, Tokens(prompt=5_000, completion=900), ())
    lines = page(known=Known(JobView(replace(JOB, phase=Phase.COMPLETED, counts=Counts(100, 95, 5)), Forecast(), NOW,
                                     account)))  # fmt: skip
    for text in ("answered    95", "failed      3", "missing     2", "truncated   1", "the service counts 5 failed"):
        assert any(text in each for each in lines), text
    assert "  tokens      5,000 sent, 900 answered" in lines


def test_history_tells_what_was_done_and_what_was_not():
    at = NOW - timedelta(minutes=5)
    happenings = (
        Happening(at, "created"),
        Happening(at, "update", "name", error="refused"),
        Happening(at, "clone", "bi-2", error="no reply", maybe_applied=True),
        Happening(NOW, "stop", request_id="2026R"),
    )
    lines = page(known=Known(JobView(JOB, Forecast(), NOW), JobRecord(happenings=happenings)))
    assert lines[lines.index("  HISTORY") + 1 :] == [
        "  2026-11-22 13:57:03  created",
        "  2026-11-22 13:57:03  update name  ✗ not done: refused",
        "  2026-11-22 13:57:03  clone bi-2  ✗ perhaps done: no reply",
        "  2026-11-22 14:02:03  stop  request 2026R",
    ]


@pytest.mark.parametrize("width", [60, 79, 119, 199])
def test_no_line_is_wider_than_the_page(width: int):
    fields = {"name": "批量推理任务" * 30, "message": "word " * 80, "description": "无空格" * 90}
    fields |= {"tags": {"团队": "内容安全" * 20}, "input": Location("batch", "k" * 300), "request_id": "R" * 90}
    assert max(map(cell_len, page(width, **fields))) <= width


def test_a_wide_page_has_two_columns():
    assert any("PROGRESS" in text and "JOB" in text for text in page(119))
    assert not any("PROGRESS" in text and "JOB" in text for text in page(79))


@pytest.mark.parametrize("attack", hostile.ALL, ids=hostile.named)
def test_text_from_outside_changes_nothing_but_its_own_words(attack: str):
    """No control character, no style and no action comes with whatever the service and the journal say of a job."""
    job = Job(
        **dict.fromkeys(("id", "name", "description", "project", "message", "request_id"), attack),
        phase=Phase(attack),
        model=CustomModelRef(attack),
        tags={attack: attack},
        input=Location(attack, attack),
        error_file=Location(attack, attack),
        counts=Counts(9, 3),
    )
    record = JobRecord(happenings=(Happening(NOW, attack, attack, attack), Happening(NOW, attack, error=attack)))
    for width in (79, 119):
        for content in job_page(Known(JobView(job, Forecast(), NOW), record), width, Look(NOW, UNICODE)):
            assert not hostile.HARMFUL & set(content.plain)
            assert content.cell_length <= width
            assert all(str(span.style).removeprefix("bold").strip().startswith("$") for span in content.spans
                       if str(span.style) != "bold")  # fmt: skip


# Opening and leaving


async def test_enter_opens_the_job_and_escape_goes_back_to_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await pilot.press("j", "j")
        chosen = pilot.app.screen.query_one(VirtualTable).cursor_key
        await open_job(pilot, chosen)
        assert board(pilot)[chosen].job.name in screen_text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert pilot.app.screen.query_one(VirtualTable).cursor_key == chosen


async def test_the_service_is_asked_for_the_open_job_and_no_more_once_it_is_left(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_one(pilot, Phase.FAILED)
        assert [each.operation for each in busy.requests].count("GetBatchInferenceJob") == 1
        await pilot.press("escape", "r")
        await until(pilot, lambda: not pilot.app.poll_status.asking)
        assert [each.operation for each in busy.requests].count("GetBatchInferenceJob") == 1


async def test_the_error_file_is_told_that_lists_do_not_tell(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(120, 60)) as pilot:
        job = next(view.job for view in board(pilot).values()
                   if view.job.counts.failed and view.job.phase == Phase.COMPLETED)  # fmt: skip
        await open_job(pilot, job.id)
        await until(pilot, lambda: "error file" in screen_text(pilot))


async def test_keys_scroll_the_page(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await open_one(pilot, Phase.RUNNING)
        page = pilot.app.screen.page
        await pilot.press("j", "j", "k")
        assert page.scroll_offset.y == 1
        await pilot.press("G")
        assert page.scroll_offset.y == page.max_scroll_y > 0
        await pilot.press("g")
        assert page.scroll_offset.y == 0
        await pilot.press("pagedown")
        assert page.scroll_offset.y > 1


async def test_another_profile_leaves_the_job(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_one(pilot, Phase.RUNNING)
        pilot.app.connect(None)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


async def test_a_profile_that_is_chosen_on_a_screen_above_leaves_the_job_when_that_closes(
    busy: LocalCloud, deck_on: DeckOn
):
    async with deck_on(busy) as pilot:
        await open_one(pilot, Phase.RUNNING)
        await pilot.press("question_mark")
        before = pilot.app.connection
        pilot.app.connect(None)
        await until(pilot, lambda: pilot.app.connection not in (None, before))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


async def test_a_poll_of_a_cloud_that_was_left_changes_nothing_of_a_job_beneath_a_dialog(
    busy: LocalCloud, deck_on: DeckOn
):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.RUNNING)
        beneath = pilot.app.screen
        await pilot.press("question_mark")
        await reconnect(pilot)
        late = poller.BoardChanged(frozenset([job.id]), frozenset(), 1, 1, complete=True, at=NOW)
        beneath.post_message(BoardChanged(late))
        await pilot.pause()
        assert toasts(pilot) == [], "the journal of the cloud that was left is closed"


# Keeping up


async def test_while_paused_ages_stand_still(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    async with deck_on(busy) as pilot:
        await open_one(pilot, Phase.RUNNING)
        await pilot.press("full_stop")
        clock.advance(3600)
        with painted(pilot) as sent:
            pilot.app.screen._age()
            await pilot.pause()
        assert sent == []


async def test_a_pause_shows_on_the_list_too(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_one(pilot, Phase.RUNNING)
        await pilot.press("full_stop", "escape")
        await until(pilot, lambda: "paused" in screen_lines(pilot)[0])


async def test_an_unchanged_poll_paints_nothing_of_the_page(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(120, 36)) as pilot:
        await open_one(pilot, Phase.FAILED)
        before = len(busy.requests)
        with painted(pilot) as sent:
            await pilot.press("r")
            await until(pilot, lambda: len(busy.requests) > before and not pilot.app.poll_status.asking)
        assert sum(len(each) for each in sent) < 100


async def test_what_changes_on_the_service_shows(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 40)) as pilot:
        job = await open_one(pilot, Phase.RUNNING)
        busy.advance(5)
        await pilot.press("r")
        await until(pilot, lambda: board(pilot)[job.id].job.counts.completed > job.counts.completed)
        assert f"{board(pilot)[job.id].job.counts.completed:,}" in screen_text(pilot)
        await until(pilot, lambda: "throughput" in screen_text(pilot))


async def test_a_job_that_is_deleted_elsewhere_says_so_and_keeps_what_was_known(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.FAILED)
        await pilot.app.connection.services.ark.delete_job(job.id)
        await pilot.press("r")
        await until(pilot, lambda: "does not have this job any more" in screen_text(pilot))
        assert job.id in screen_text(pilot)
        await pilot.press("M")
        assert toasts(pilot)[-1] == "the service does not have it any more"
        await pilot.press("y")
        assert isinstance(pilot.app.screen, TextScreen)


# Doing


async def test_a_job_is_stopped_from_its_screen_and_its_history_says_so(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(120, 60)) as pilot:
        await open_one(pilot, Phase.RUNNING)
        await pilot.press("S")
        await confirm(pilot)
        await until(pilot, lambda: "Terminat" in screen_text(pilot) and "HISTORY" in screen_text(pilot))
        assert "stop  request 20" in screen_text(pilot)
        assert isinstance(pilot.app.screen, JobScreen)


async def test_a_refusal_is_in_the_history(busy: LocalCloud, deck_on: DeckOn):
    busy.fault("ark:StopBatchInferenceJob", status=403, code="AccessDenied")
    async with deck_on(busy, size=(120, 60)) as pilot:
        await open_one(pilot, Phase.RUNNING)
        await pilot.press("S")
        await confirm(pilot)
        await until(pilot, lambda: "not done:" in screen_text(pilot))


async def test_a_job_that_was_resumed_shows_that_it_goes_on(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.TERMINATED)
        await pilot.press("M")
        await confirm(pilot)
        await until(pilot, lambda: not board(pilot)[job.id].job.phase.finished)
        await until(pilot, lambda: f"{board(pilot)[job.id].job.phase}  for" in screen_text(pilot))


async def test_deleting_the_open_job_goes_back_to_the_list(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.FAILED)
        await pilot.press("X")
        await confirm(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await until(pilot, lambda: job.id not in board(pilot))
        assert f"deleted {job.name}" in toasts(pilot)


async def test_what_cannot_be_done_says_why(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.COMPLETED)
        await pilot.press("S", "M")
        assert toasts(pilot) == [f"{job.name}: already finished", f"{job.name}: completed: nothing is left to do"]


@pytest.mark.parametrize("key", ["S", "M", "X", "U", "N"])
async def test_nothing_is_changed_through_a_profile_that_is_read_only(busy: LocalCloud, deck_on: DeckOn, key: str):
    async with deck_on(busy, read_only=True) as pilot:
        await open_one(pilot, Phase.COMPLETED)
        await pilot.press(key)
        assert toasts(pilot) == ["profile default is read only"]
        assert isinstance(pilot.app.screen, JobScreen)


async def test_the_json_and_the_copy_menu_are_of_the_open_job(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_one(pilot, Phase.FAILED)
        await pilot.press("y")
        assert isinstance(pilot.app.screen, TextScreen)
        assert f'"Id": "{job.id}"' in screen_text(pilot)
        await pilot.press("escape", "c")
        assert isinstance(pilot.app.screen, MenuScreen)
        await pilot.press("c")
        assert pilot.app.clipboard == f"arkdeck job {job.id}"


async def test_an_unusable_journal_is_told_and_the_job_shown_all_the_same(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        pilot.app.connection.services.journal._db._connection.execute("DROP TABLE history")
        pilot.app.connection.services.journal._db._connection.execute("DROP TABLE runs")
        job = await open_one(pilot, Phase.FAILED)
        assert any("journal" in each for each in toasts(pilot))
        assert job.id in screen_lines(pilot)[1]
