"""Rows that are known by number: millions in a table, of which none is held."""

from __future__ import annotations

import time

import numpy as np
import pytest
from textual.content import Content

from tests.ui.wire import WidgetApp
from tui.widgets.table import Column, VirtualTable
from tui.widgets.table_rows import ListedRows, NumberedRows

MILLIONS = 5_000_000


class NumbersApp(WidgetApp):
    """A table of numbers; what was asked for is kept."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.table = VirtualTable([Column("number", "NUMBER", 12)], self.cells, empty=Content("none"), markable=False)
        super().__init__(self.table)

    def cells(self, key, widths):
        self.asked.append(key)
        return [Content(key)]


def numbered(*numbers: int) -> NumberedRows:
    return NumberedRows(np.array(numbers, np.uint32))


def test_a_number_is_found_at_its_place() -> None:
    rows = numbered(3, 5, 8)
    assert [rows.key(place) for place in range(len(rows))] == ["3", "5", "8"]
    assert [rows.place(str(number)) for number in (3, 4, 8, 9)] == [0, None, 2, None]


@pytest.mark.parametrize(
    ("before", "place", "after", "here"),
    [
        ((3, 5, 8), 1, (5, 8), 0),
        ((3, 5, 8), 1, (1, 4, 6), 2),
        ((3, 5, 8), 2, (1, 4), 1),
        ((3, 5, 8), 2, (), None),
        ((), 0, (1,), None),
    ],
)
def test_one_goes_on_at_the_number_or_at_the_next(before, place, after, here) -> None:
    found = numbered(*after).after(numbered(*before), place)
    assert found == (None if here is None else (place, here))


def test_listed_rows_go_on_at_the_nearest_that_is_left() -> None:
    assert ListedRows("ab").after(ListedRows("axyb"), 1) == (0, 0)
    assert ListedRows("ab").after(ListedRows("axb"), 1) == (2, 1)
    assert ListedRows("cd").after(ListedRows("ab"), 1) is None


async def test_of_millions_only_those_in_sight_are_asked_for_and_the_end_is_near() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 20)) as pilot:
        began = time.perf_counter()
        app.table.show_rows(NumberedRows(range(MILLIONS)))
        app.table.last()
        await pilot.pause()
        assert time.perf_counter() - began < 2
        assert app.table.cursor_key == str(MILLIONS - 1)
        assert len(set(app.asked)) <= 40


async def test_another_choice_of_rows_keeps_to_the_place_in_the_input() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.show_rows(NumberedRows(range(MILLIONS)))
        app.table.move_to("1000000")
        app.table.show_rows(NumberedRows(np.arange(5, MILLIONS, 10, dtype=np.uint32)))
        assert app.table.cursor_key == "1000005"
        app.table.show_rows(NumberedRows(range(MILLIONS)))
        assert app.table.cursor_key == "1000005"
        app.table.show_rows(numbered())
        assert app.table.cursor_key is None
        await pilot.pause()


async def test_where_nothing_can_be_marked_a_click_beside_a_row_marks_none() -> None:
    app = NumbersApp()
    async with app.run_test(size=(40, 20)) as pilot:
        app.table.show_rows(NumberedRows(range(9)))
        await pilot.click(VirtualTable, offset=(1, 3))
        assert app.table.cursor_key == "2"
        assert not app.table.marks
