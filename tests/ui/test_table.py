import random

import pytest
from rich.text import Text
from textual.content import Content

from tests.ui.pilot_tools import until
from tests.ui.table_app import COLUMNS, Jobs, TableApp, assert_painted, settled
from tests.ui.wire import WidgetApp
from tui.widgets.glyphs import ASCII
from tui.widgets.table import VirtualTable


@pytest.fixture
def jobs():
    return Jobs()


# What is drawn, and what is sent


async def test_of_100_000_rows_only_those_in_sight_are_asked_for():
    jobs = Jobs(100_000)
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert set(jobs.asked) == set(jobs.keys[:23])


async def test_moving_the_cursor_draws_two_rows_and_asks_for_none(jobs):
    async with TableApp(jobs).run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        pilot.app.table.down()
        await pilot.pause()
        assert not jobs.asked
        assert 0 < pilot.app.sent() <= 2048
        assert pilot.app.cursor_line() == 2


async def test_scrolling_asks_only_for_the_rows_that_come_into_sight(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.move_to("job-22")
        await settled(pilot)
        pilot.app.table.down()
        await pilot.pause()
        assert jobs.asked == {f"job-{number}": 1 for number in range(23, 35)}


async def test_walking_down_a_long_list_sends_little_for_each_key_scrolls_included(jobs):
    async with TableApp(jobs).run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        for _key in range(88):
            pilot.app.table.down()
            await pilot.pause()
        assert pilot.app.sent() <= 88 * 1024


async def test_a_poll_that_changed_nothing_sends_nothing(jobs):
    async with TableApp(jobs).run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        pilot.app.table.show(jobs.keys)
        pilot.app.table.touch(jobs.keys)
        await pilot.pause()
        assert pilot.app.sent() == 0


async def test_what_changed_since_is_seen_when_the_rows_are_shown_again(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        jobs.done["job-5"] = 7
        pilot.app.table.show(jobs.keys)
        await pilot.pause()
        assert "7%" in pilot.app.shown(6)
        assert 0 < pilot.app.sent() < 400


async def test_a_row_out_of_sight_that_changed_sends_nothing_until_it_is_seen(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.last()
        pilot.app.table.first()
        await settled(pilot)
        jobs.done["job-499"] = 7
        pilot.app.table.touch(["job-499"])
        await pilot.pause()
        assert pilot.app.sent() == 0
        pilot.app.table.last()
        await pilot.pause()
        assert "7%" in pilot.app.shown(23)


async def test_a_cell_that_changed_is_sent_without_what_is_right_of_it(jobs):
    async with TableApp(jobs).run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        jobs.done["job-5"] = 7
        pilot.app.table.touch(["job-5"])
        await pilot.pause()
        assert 0 < pilot.app.sent() < 400
        assert "7%" in pilot.app.shown(6)


async def test_the_focus_coming_and_going_repaints_no_row(jobs):
    async with TableApp(jobs).run_test(size=(160, 45)) as pilot:
        await settled(pilot)
        pilot.app.set_focus(None)
        await pilot.pause()
        assert pilot.app.sent() < 3000  # the scrollbar


async def test_another_theme_repaints_every_row_in_its_colours(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        pilot.app.theme = "arkdeck-light"
        await settled(pilot)
        assert_painted(pilot.app)


# The cursor


async def test_the_cursor_stays_on_its_job_when_the_order_changes(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.move_to("job-100")
        await settled(pilot)
        line = pilot.app.cursor_line()
        pilot.app.table.show(jobs.keys[::-1])
        await pilot.pause()
        assert pilot.app.table.cursor_key == "job-100"
        assert pilot.app.cursor_line() == line
        assert "job-100" in pilot.app.shown(line)
        assert not pilot.app.told


async def test_rows_that_come_above_do_not_move_what_the_operator_looks_at(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.move_to("job-100")
        await settled(pilot)
        before = [pilot.app.shown(y) for y in range(24)]
        pilot.app.table.show(["new-1", "new-2", *jobs.keys])
        await pilot.pause()
        assert [pilot.app.shown(y) for y in range(24)] == before


async def test_at_the_top_new_rows_come_into_sight(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        pilot.app.table.show(["new-1", *jobs.keys])
        await pilot.pause()
        assert "new-1" in pilot.app.shown(1)
        assert pilot.app.table.cursor_key == "job-0"
        assert pilot.app.cursor_line() == 2


async def test_the_view_stays_where_it_was_scrolled_to_when_the_cursor_is_elsewhere(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.scroll_to(y=200, animate=False)
        await settled(pilot)
        assert "job-200" in pilot.app.shown(1)
        pilot.app.table.show(["new-1", *jobs.keys])
        await pilot.pause()
        assert "job-200" in pilot.app.shown(1)


async def test_when_the_job_under_the_cursor_goes_the_next_one_takes_its_place(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.move_to("job-7")
        await settled(pilot)
        pilot.app.table.show([key for key in jobs.keys if key != "job-7"])
        await pilot.pause()
        assert pilot.app.table.cursor_key == "job-8"
        assert [message.key for message in pilot.app.told] == ["job-8"]


async def test_at_the_end_the_one_before_takes_its_place(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.last()
        pilot.app.table.show(jobs.keys[:-3])
        assert pilot.app.table.cursor_key == "job-496"


async def test_an_emptied_table_says_so_and_one_that_fills_again_begins_at_its_first_row(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.move_to("job-100")
        await settled(pilot)
        pilot.app.table.show([])
        await pilot.pause()
        assert any("Press n." in pilot.app.shown(y) for y in range(24))
        pilot.app.table.show(jobs.keys)
        await pilot.pause()
        assert [message.key for message in pilot.app.told] == [None, "job-0"]
        assert pilot.app.cursor_line() == 1


async def test_pages_and_ends(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        table = pilot.app.table
        reached = []
        for move in (
            table.page_down,
            table.page_down,
            table.page_up,
            table.last,
            table.down,
            table.first,
            table.up,
        ):
            move()
            reached.append(table.cursor_key)
        assert reached == ["job-22", "job-44", "job-22", "job-499", "job-499", "job-0", "job-0"]


async def test_the_cursor_stays_in_sight_in_a_smaller_window(jobs):
    async with TableApp(jobs).run_test(size=(80, 45)) as pilot:
        pilot.app.table.move_to("job-40")
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: pilot.app.table.sight.height == 20)
        assert "job-40" in pilot.app.shown(pilot.app.cursor_line())


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_in_the_terminals_own_colours_the_cursor_row_is_reversed(jobs, theme):
    async with TableApp(jobs, theme=theme).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        (style,) = {segment.style for segment in pilot.app.table.draw()[1].strip}
        assert style.reverse


async def test_without_colour_the_cursor_row_is_reversed(jobs, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert all(segment.style.reverse for segment in pilot.app.table.draw()[1].strip)


async def test_cursor_and_mark_are_seen_in_ascii_too(jobs):
    async with TableApp(jobs, glyphs=ASCII).run_test(size=(80, 24)) as pilot:
        pilot.app.table.mark()
        pilot.app.table.up()
        pilot.app.table.set_sort("name")
        await pilot.pause()
        assert pilot.app.shown(0).startswith("   NAME^")
        assert pilot.app.shown(1).startswith("|* job-0")


# Marks


async def test_marking_goes_on_to_the_next_row_and_tells(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        pilot.app.table.mark()
        pilot.app.table.mark()
        await pilot.pause()
        assert pilot.app.table.marks == {"job-0", "job-1"}
        assert pilot.app.table.cursor_key == "job-2"
        assert pilot.app.shown(1).startswith(" ◆ job-0")
        assert [message.marks for message in pilot.app.told if isinstance(message, VirtualTable.MarksChanged)] == [
            {"job-0"},
            {"job-0", "job-1"},
        ]


async def test_marking_a_marked_row_takes_its_mark_away(jobs):
    async with TableApp(jobs).run_test() as pilot:
        pilot.app.table.mark()
        pilot.app.table.up()
        pilot.app.table.mark()
        assert pilot.app.table.marks == frozenset()


async def test_a_range_reaches_from_the_last_mark_to_the_cursor_in_the_order_of_now(jobs):
    async with TableApp(jobs).run_test() as pilot:
        table = pilot.app.table
        table.move_to("job-3")
        table.mark()
        table.show(jobs.keys[::-1])
        table.move_to("job-1")
        table.mark_range()
        assert table.marks == {"job-3", "job-2", "job-1"}


async def test_marks_of_rows_that_went_are_dropped_and_told(jobs):
    async with TableApp(jobs).run_test() as pilot:
        pilot.app.table.last()
        pilot.app.table.mark()
        pilot.app.table.first()
        pilot.app.table.mark_range()
        await settled(pilot)
        pilot.app.table.show(jobs.keys[:2])
        await pilot.pause()
        assert pilot.app.table.marks == {"job-0", "job-1"}
        assert [message.marks for message in pilot.app.told] == [{"job-0", "job-1"}]
        pilot.app.table.clear_marks()
        assert pilot.app.table.marks == frozenset()


# The mouse


async def test_a_click_moves_the_cursor_and_a_second_opens(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click(VirtualTable, offset=(10, 5))
        assert pilot.app.table.cursor_key == "job-4"
        await pilot.double_click(VirtualTable, offset=(10, 5))
        assert [message.key for message in pilot.app.told if isinstance(message, VirtualTable.Opened)] == ["job-4"]


async def test_a_click_in_the_gutter_marks(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await pilot.click(VirtualTable, offset=(1, 5))
        assert pilot.app.table.marks == {"job-4"}


async def test_a_click_on_the_scrollbar_or_below_the_rows_marks_and_moves_nothing():
    async with TableApp(Jobs(3)).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click(VirtualTable, offset=(79, 2))
        await pilot.click(VirtualTable, offset=(10, 9))
        assert pilot.app.table.marks == frozenset()
        assert pilot.app.table.cursor_key == "job-0"


async def test_a_click_on_a_title_names_its_column(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        await pilot.click(VirtualTable, offset=(pilot.app.shown(0).index("PHASE"), 0))
        assert [message.column_id for message in pilot.app.told] == ["phase"]


async def test_the_wheel_scrolls_and_leaves_the_cursor(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        pilot.app.table.scroll_down(animate=False)
        await pilot.pause()
        assert "job-1" in pilot.app.shown(1)
        assert pilot.app.table.cursor_key == "job-0"


# Cells


async def test_rich_text_is_shown_as_it_is():
    table = VirtualTable(COLUMNS, lambda _key, widths: [Text("[red]x[/]", style="bold")] * len(widths), empty=Content())
    async with WidgetApp(table).run_test(size=(80, 24)) as pilot:
        table.show(["a"])
        await pilot.pause()
        assert table.draw()[1].strip.text.count("[red]x[/]") >= 2


async def test_other_columns_are_shown_at_once(jobs):
    async with TableApp(jobs).run_test(size=(80, 24)) as pilot:
        pilot.app.table.set_columns([COLUMNS[1], COLUMNS[0]])
        await pilot.pause()
        assert pilot.app.shown(0).split() == ["PHASE", "NAME"]
        assert_painted(pilot.app)


async def test_rows_that_are_shown_before_the_table_is_mounted_are_there_at_once(jobs):
    table = VirtualTable(COLUMNS, jobs.cells, empty=Content())
    table.show(jobs.keys)
    table.last()
    async with WidgetApp(table).run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "job-499" in table.draw()[23].strip.text


async def test_two_rows_of_one_key_are_refused(jobs):
    with pytest.raises(ValueError, match="twice"):
        TableApp(jobs).table.show(["a", "a"])


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_cursor_and_marks_keep_to_their_keys_and_the_screen_is_right(seed):
    chance = random.Random(seed)
    jobs = Jobs(60)
    async with TableApp(jobs).run_test(size=(chance.randint(30, 110), chance.randint(3, 30))) as pilot:
        table, keys = pilot.app.table, list(jobs.keys)
        for step in range(25):
            cursor, marks = table.cursor_key, table.marks
            match chance.choice(["show", "show", "touch", "move", "mark", "scroll", "sort"]):
                case "show":
                    keys = [key for key in keys if chance.random() < 0.9] + [f"new-{step}-{chance.random()}"]
                    chance.shuffle(keys) if chance.random() < 0.3 else None
                    table.show(keys)
                    assert table.cursor_key == cursor if cursor in keys else table.cursor_key in keys
                    assert table.marks == marks & set(keys)
                case "touch":
                    some = chance.sample(keys, min(5, len(keys)))
                    jobs.done.update(some)
                    table.touch(some)
                    assert (table.cursor_key, table.marks) == (cursor, marks)
                case "move":
                    chance.choice([table.up, table.down, table.page_down, table.page_up, table.last])()
                case "mark":
                    chance.choice([table.mark, table.mark, table.mark_range, table.clear_marks])()
                case "scroll":
                    table.scroll_to(y=chance.randint(0, 60), animate=False)
                    assert (table.cursor_key, table.marks) == (cursor, marks)
                case "sort":
                    table.set_sort(chance.choice(["name", "age", None]), descending=chance.random() < 0.5)
            if chance.random() < 0.5:
                await pilot.pause()
                assert_painted(pilot.app)
