"""The list of jobs as operators use it: find, filter, sort, mark, act, copy."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from textual.widgets import Input

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, reconnect, screen_lines, screen_text, toasts, until
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs.journal import Journal
from tui.screens.confirm import ConfirmScreen
from tui.screens.deck_app import DEEDS
from tui.screens.job import JobScreen
from tui.screens.jobs import JobsScreen
from tui.screens.menu import MenuScreen
from tui.screens.text_screen import TextScreen
from tui.settings.deck_settings import DeckSettings
from tui.widgets.filter_line import FilterLine
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines import Lines
from tui.widgets.preview import Preview
from tui.widgets.table import VirtualTable
from tui.widgets.tabs import Tabs

STOP = "ark:StopBatchInferenceJob"


def table(pilot) -> VirtualTable:
    return pilot.app.screen.query_one(VirtualTable)


def listed(pilot) -> list:
    """The jobs of the list, in its order."""
    return [view.job for view in pilot.app.screen._views.values()]


def preview(pilot) -> list[str]:
    """The lines of the pane beside the list."""
    return [each.plain for lines in pilot.app.screen.query_one(Preview).query(Lines) for each in lines.lines]


def foot(pilot) -> str:
    """The line of the filter."""
    return screen_lines(pilot)[-2]


async def type_filter(pilot, text: str) -> None:
    """Open the filter, and paste the text behind what is there."""
    await pilot.press("slash")
    pilot.app.screen.query_one(Input).insert_text_at_cursor(text)
    await pilot.pause()


# Finding


async def test_what_needs_attention_comes_first_and_says_why(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        lines = screen_lines(pilot)
        assert "! " in lines[3]
        assert "expire" in lines[3]
        assert any(each.startswith("! expire") for each in preview(pilot))


async def test_a_tab_lists_its_phase_and_counts_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        assert {str(job.phase) for job in listed(pilot)} == {"Failed"}
        assert f"5 Failed {len(listed(pilot))}" in screen_text(pilot)


async def test_a_tab_can_be_clicked(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        at = screen_lines(pilot)[1].index("Running")
        await pilot.click(Tabs, offset=(at, 0))
        assert {str(job.phase) for job in listed(pilot)} == {"Running"}


async def test_initializing_jobs_are_listed_under_queued(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("1")
        assert {str(job.phase) for job in listed(pilot)} == {"Queued", "Initializing"}


async def test_the_preview_follows_the_cursor_and_p_hides_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("down")
        second = listed(pilot)[1]
        await until(pilot, lambda: second.id in preview(pilot))
        await pilot.press("p")
        assert not pilot.app.screen.query_one(Preview).display


async def test_names_have_room_beside_the_preview(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(120, 36)) as pilot:
        title = screen_lines(pilot)[2]
        assert title.index("PHASE") - title.index("NAME") >= 20
        assert "━" not in screen_lines(pilot)[4][: title.index("NOTE")], "a bar this short tells nothing"


async def test_a_narrow_window_has_no_preview_and_p_says_so(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        assert not pilot.app.screen.query_one(Preview).display
        await pilot.press("p")
        assert toasts(pilot) == ["the preview needs a window of 100 columns"]


# Filtering


async def test_the_filter_takes_effect_as_it_is_typed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        everything = len(listed(pilot))
        await type_filter(pilot, "phase:running nightly")
        assert all("nightly" in f"{job.name}{job.description}".lower() for job in listed(pilot))
        await pilot.press("enter")
        assert pilot.app.focused is table(pilot)
        assert "phase:running nightly" in foot(pilot)
        assert f"{len(listed(pilot))} of {everything}" in foot(pilot)


async def test_a_word_that_is_not_understood_is_explained_and_the_list_stays(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "phase:running")
        before = listed(pilot)
        pilot.app.screen.query_one(Input).insert_text_at_cursor(" phse:x")
        await pilot.pause()
        assert "no word phse: – did you mean phase:?" in foot(pilot)
        assert listed(pilot) == before
        await pilot.press("enter")
        assert pilot.app.focused is not table(pilot), "it stays open until it is understood"


async def test_control_characters_do_not_get_into_the_filter(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "a\x1b]0;x\x07")
        assert pilot.app.screen.query_one(Input).value == ""
        assert toasts(pilot) == ["that holds control characters"]


async def test_escape_brings_back_the_filter_from_before(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "phase:failed")
        await pilot.press("enter")
        await type_filter(pilot, " age:<1h")
        assert pilot.app.screen.query_one(FilterLine).filter.text == "phase:failed age:<1h"
        await pilot.press("escape")
        assert pilot.app.screen.query_one(FilterLine).filter.text == "phase:failed"
        assert pilot.app.focused is table(pilot)


async def test_a_filter_that_nothing_matches_says_how_to_clear_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "zzzz")
        await pilot.press("enter")
        assert "no job matches zzzz" in screen_text(pilot)
        await pilot.press("escape")
        assert len(listed(pilot)) > 100


async def test_the_filter_stays_while_tabs_change(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "model:doubao")
        await pilot.press("enter", "3")
        assert {str(job.phase) for job in listed(pilot)} == {"Completed"}
        assert all("doubao" in str(job.model) for job in listed(pilot))


async def test_letters_go_into_the_filter_and_not_to_the_keys(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("slash", *"qSX?")
        assert pilot.app.is_running
        assert pilot.app.screen.query_one(FilterLine).filter.text == "qSX?"


async def test_a_click_in_the_list_keeps_the_filter_and_the_slash_opens_it_again(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("slash", *"nightly")
        await pilot.click(VirtualTable, offset=(10, 3))
        line = pilot.app.screen.query_one(FilterLine)
        assert (line.is_open, line.filter.text, pilot.app.focused) == (False, "nightly", table(pilot))
        assert foot(pilot).startswith(" / nightly ")
        await pilot.press("escape")
        assert foot(pilot).startswith(" / no filter")
        await pilot.press("slash", *"eval")
        assert line.filter.text == "eval"


async def test_a_click_in_the_list_closes_a_filter_of_which_nothing_was_typed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("slash")
        assert "e.g. phase:running" in foot(pilot)
        await pilot.click(VirtualTable, offset=(10, 3))
        assert foot(pilot).startswith(" / no filter")
        at = screen_lines(pilot)[-1].index("filter")
        await pilot.click(KeyBar, offset=(at, 0))
        await pilot.press(*"eval")
        assert pilot.app.screen.query_one(FilterLine).filter.text == "eval"


async def test_a_click_elsewhere_drops_the_word_that_is_not_understood(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "nightly")
        pilot.app.screen.query_one(Input).insert_text_at_cursor(" foo:bar")
        await pilot.pause()
        await pilot.click(VirtualTable, offset=(10, 3))
        assert foot(pilot).startswith(" / nightly ")
        assert "foo" not in screen_text(pilot)


async def test_at_80_columns_a_mistake_takes_the_place_of_the_count(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await type_filter(pilot, "foo:bar")
        assert "no word foo: – phase model name id tag age expires failed attention" in foot(pilot)
        assert "foo:bar" in foot(pilot)


async def test_a_phase_that_is_looked_for_as_a_name_is_said(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "terminating")
        assert "no job matches terminating" in screen_text(pilot)
        assert "try phase:terminating" in screen_text(pilot)


# Order and columns


async def test_the_columns_that_have_no_room_are_said(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await pilot.press("C")
        pilot.app.screen.dismiss(frozenset(["phase", "failed", "age", "created", "id"]))
        await until(pilot, lambda: toasts(pilot))
        titles = screen_lines(pilot)[2]
        (said,) = toasts(pilot)
        shown, _, no_room = said.partition("; no room for: ")
        assert shown.startswith("shown: name, phase")
        for column in ("phase", "fail", "age", "created", "id"):
            assert (column.upper() in titles.split()) == (column in shown) == (column not in no_room.split(", "))
        assert no_room


async def test_the_arrow_of_the_order_leaves_the_title_whole(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await pilot.press("s")
        pilot.app.screen.dismiss("failed")
        await until(pilot, lambda: "▼" in screen_lines(pilot)[2])
        assert "FAIL▼" in screen_lines(pilot)[2]


async def test_the_sort_menu_sorts_and_the_same_choice_turns_it_round(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(200, 60)) as pilot:
        for descending in (True, False):
            await pilot.press("s")
            assert isinstance(pilot.app.screen, MenuScreen)
            pilot.app.screen.dismiss("failed")
            await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
            failed = [job.counts.failed for job in listed(pilot)]
            assert failed == sorted(failed, reverse=descending)


async def test_a_click_on_a_title_sorts_by_its_column(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(200, 60)) as pilot:
        at = screen_lines(pilot)[2].index("AGE")
        await pilot.click(VirtualTable, offset=(at, 0))
        created = [job.created for job in listed(pilot)]
        assert created == sorted(created, reverse=True)


async def test_order_columns_and_filter_are_as_they_were_left_and_the_tab_is_all(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("s")
        pilot.app.screen.dismiss("name")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await pilot.press("C")
        pilot.app.screen.dismiss(frozenset(["phase", "id"]))
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await type_filter(pilot, "model:doubao")
        await pilot.press("enter")
        left = [job.id for job in listed(pilot)]
        await pilot.press("3")
    async with deck_on(busy) as pilot:
        assert [job.id for job in listed(pilot)] == left
        assert "ID" in screen_lines(pilot)[2]
        assert "DONE" not in screen_lines(pilot)[2]


# Marks and deeds


async def test_three_marked_jobs_are_stopped_once_the_operator_agrees(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "phase:running")
        await pilot.press("enter", "space", "space", "space")
        marked = table(pilot).marks
        assert "3 marked" in foot(pilot)
        await pilot.press("S")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "Stop 3 jobs?" in screen_text(pilot)
        await agree(pilot)
        await until(pilot, lambda: toasts(pilot) == ["3 jobs stopping"])
        board = pilot.app.connection.poller.board
        await until(pilot, lambda: {str(board.views[key].job.phase) for key in marked} <= {"Terminating", "Terminated"})
        assert not table(pilot).marks


async def test_the_job_under_the_cursor_is_opened_whatever_is_marked(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("space", "space", "j")
        under_it = table(pilot).cursor_key
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobScreen))
        assert pilot.app.screen.situation.jobs[0].job.id == under_it


async def test_no_is_the_answer_unless_the_operator_says_otherwise(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "phase:running")
        await pilot.press("enter", "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        assert not [record for record in busy.requests if record.operation == "StopBatchInferenceJob"]


async def test_the_question_names_what_is_passed_over_and_why(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("s")
        pilot.app.screen.dismiss("phase")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        await pilot.press("g", "space", "G", "space")
        marked = table(pilot).marks
        await pilot.press("S")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        text = screen_text(pilot)
        assert "Stop this job?" in text
        assert "already finished" in text
        assert all(job_id in text for job_id in marked), "names repeat, ids do not"


@pytest.mark.parametrize(
    ("tab", "key", "question", "consequence"),
    [
        ("5", "X", "Delete this job?", "It leaves the service's list for good; its files stay"),
        ("4", "M", "Resume this job?", "The window has passed"),
    ],
)
async def test_the_question_about_one_job_is_about_one(
    busy: LocalCloud, deck_on: DeckOn, tab: str, key: str, question: str, consequence: str
):
    async with deck_on(busy) as pilot:
        await pilot.press(tab)
        longest_ago = min(listed(pilot), key=lambda job: job.expires)
        table(pilot).move_to(longest_ago.id)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert question in screen_text(pilot)
        assert consequence in screen_text(pilot)
        assert re.search(rf"{longest_ago.id}  {longest_ago.phase}", screen_text(pilot))


async def test_what_the_service_refuses_is_told_with_reason_and_request(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await type_filter(pilot, "phase:failed")
        await pilot.press("enter", "space", "space", "X")
        busy.fault("ark:DeleteBatchInferenceJob", code="OperationDenied", status=403, nth=1)
        await agree(pilot)
        await until(pilot, lambda: len(toasts(pilot)) == 2)
        done, refused = sorted(toasts(pilot))
        assert done.startswith("deleted ")
        assert "(request " in refused


async def test_a_stop_whose_answer_is_lost_is_not_told_as_undone(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    busy.fault(STOP, reset="after", times=ALWAYS)
    async with deck_on(busy) as pilot:
        await pilot.press("2", "S")
        await agree(pilot)
        await until(pilot, lambda: clock.advance(1) or toasts(pilot))
        assert [each.title for each in pilot.app._notifications] == ["1 job perhaps changed"]


async def test_a_profile_that_is_left_cuts_off_what_is_being_done_and_says_so(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(STOP, delay=5, times=ALWAYS)
    async with deck_on(busy) as pilot:
        await pilot.press("2", "space", "space", "space", "S")
        await agree(pilot)
        await until(pilot, lambda: any(each.group == DEEDS for each in pilot.app.workers))
        await reconnect(pilot)
        await until(pilot, lambda: any(each.startswith("cut off: 3 jobs") for each in toasts(pilot)))
        (noted,) = pilot.app.connection.services.journal.activity()
        assert (noted.deed, noted.maybe_applied) == ("stop", True)


async def test_keys_are_answered_while_a_note_of_what_was_done_waits_for_another_process(
    busy: LocalCloud, deck_on: DeckOn
):
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        first, second = listed(pilot)[:2]
        journal = pilot.app.connection.services.journal
        with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await pilot.press("S")
            await agree(pilot)
            await until(pilot, lambda: any(each.operation == STOP.partition(":")[2] for each in busy.requests))
            await until(pilot, lambda: any(thread.name == "journal" for thread in threading.enumerate()))
            begun = time.monotonic()
            await pilot.press("j")
            assert table(pilot).cursor_key == second.id
            assert time.monotonic() - begun < 2
            assert (toasts(pilot), journal.activity()) == ([], [])
            other.execute("ROLLBACK")
        await until(pilot, lambda: toasts(pilot) == [f"stopping {first.name}"])
        assert [(done.deed, done.job_id) for done in journal.activity()] == [("stop", first.id)]


async def test_quitting_while_jobs_are_changed_asks_first(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(STOP, delay=2)
    async with deck_on(busy) as pilot:
        await pilot.press("2", "S")
        await agree(pilot)
        await pilot.press("q")
        await until(pilot, lambda: "Leave now?" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot)[0].startswith("stopping ")
        assert pilot.app.is_running


async def test_leaving_all_the_same_notes_what_was_cut_off(busy: LocalCloud, deck_on: DeckOn, paths, clock: HeldClock):
    busy.fault(STOP, delay=5, times=ALWAYS)
    async with deck_on(busy) as pilot:
        await pilot.press("2", "space", "space", "S")
        await agree(pilot)
        await pilot.press("q")
        await agree(pilot)
    with Journal(paths.data_dir, clock) as journal:
        (noted,) = journal.activity()
    assert (noted.error, noted.maybe_applied) == ("cut off before the reply came", True)
    assert pilot.app.crash is None


async def test_a_finished_job_cannot_be_stopped_and_the_key_says_why(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("3", "S", "S")
        assert toasts(pilot) == [f"{listed(pilot)[0].name}: already finished"]


async def test_read_only_says_so_and_changes_nothing(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, read_only=True) as pilot:
        assert "read only" in screen_lines(pilot)[0]
        await pilot.press("2", "S")
        assert toasts(pilot) == ["profile default is read only"]


async def test_marks_cursor_and_scroll_survive_a_refresh(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, size=(80, 24)) as pilot:
        await pilot.press("pagedown", "pagedown", "space", "space")
        before = (table(pilot).marks, table(pilot).cursor_key, table(pilot).scroll_offset)
        await refresh(pilot)
        assert (table(pilot).marks, table(pilot).cursor_key, table(pilot).scroll_offset) == before


# Asking


async def test_the_interval_and_the_pause_are_shown_at_the_top(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy, settings=DeckSettings(refresh=15)) as pilot:
        for key, shown in (("plus", "⟳ 10s"), ("minus", "⟳ 15s"), ("full_stop", "‖ paused"), ("full_stop", "⟳ 15s")):
            await pilot.press(key)
            await until(pilot, lambda shown=shown: shown in screen_lines(pilot)[0])


# Taking away


@pytest.mark.parametrize(
    ("letter", "expected"),
    [
        ("i", lambda job: job.id),
        ("n", lambda job: job.name),
        ("c", lambda job: f"arkdeck job {job.id}"),
        ("f", lambda job: f"tos://{job.input.bucket}/{job.input.key}"),
        ("o", lambda job: f"tos://{job.output.bucket}/{job.output.key}{job.id}/"),
    ],
)
async def test_the_copy_menu_copies(busy: LocalCloud, deck_on: DeckOn, letter: str, expected):
    async with deck_on(busy) as pilot:
        copied = []
        pilot.app.copy = lambda text, what, note: copied.append(text)
        await pilot.press("c")
        await pilot.press(letter)
        await until(pilot, lambda: copied == [expected(listed(pilot)[0])])


async def test_the_json_of_a_job_fills_the_screen_and_escape_leaves_it(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        first = listed(pilot)[0]
        await pilot.press("y")
        assert isinstance(pilot.app.screen, TextScreen)
        assert f'"Id": "{first.id}"' in screen_text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)


async def agree(pilot) -> None:
    """Answer the question with yes, once it takes an answer."""
    await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
    while isinstance(pilot.app.screen, ConfirmScreen):
        await pilot.press("y")


async def refresh(pilot) -> None:
    """Ask the service now, and wait for the answer."""
    told = pilot.app.poll_status
    await pilot.press("r")
    await until(pilot, lambda: pilot.app.poll_status is not told and not pilot.app.poll_status.asking)
