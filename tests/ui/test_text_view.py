import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content

from tests.ui.wire import WidgetApp
from tui.widgets.folding import fold
from tui.widgets.json_colours import json_tokens
from tui.widgets.text_view import LINE_LIMIT, TEXT_LIMIT, TextView

MESSAGE = "line 12: the request has no custom_id, " * 12
JOB = {"Id": "bi-1", "Name": "批量标注 [red]x[/]", "Counts": {"Total": 1000, "Failed": -1.5e3}, "Tags": [None, True]}


class ViewApp(WidgetApp):
    """The viewer; `shown` reads the terminal."""

    def __init__(self, **options):
        self.view = TextView()
        super().__init__(self.view, **options)

    def shown(self, y):
        return "".join(char for char, _style in self.terminal.line(y, self.size.width - 1)).rstrip()


@pytest.fixture
def numbered():
    return [f"line {number}" for number in range(1000)]


async def test_it_scrolls_through_the_lines(numbered):
    async with ViewApp().run_test(size=(40, 10)) as pilot:
        view = pilot.app.view
        view.show(numbered)
        seen = []
        for move in (view.down, view.page_down, view.up, view.page_up, view.last, view.down, view.first):
            move()
            await pilot.pause()
            seen.append(pilot.app.shown(0))
        assert seen == ["line 1", "line 10", "line 9", "line 0", "line 990", "line 990", "line 0"]


async def test_a_long_line_is_reached_sideways():
    async with ViewApp().run_test(size=(40, 10)) as pilot:
        pilot.app.view.show(["0123456789" * 10])
        for _ in range(3):
            pilot.app.view.right()
        await pilot.pause()
        assert pilot.app.shown(0).startswith("4567890")
        pilot.app.view.left()
        await pilot.pause()
        assert pilot.app.shown(0).startswith("6789")


async def test_a_character_of_two_cells_at_the_edge_is_blank_not_halved():
    async with ViewApp().run_test(size=(20, 5)) as pilot:
        pilot.app.view.show(["批" * 40])
        pilot.app.view.scroll_to(x=1, animate=False)
        await pilot.pause()
        assert pilot.app.shown(0) == " " + "批" * 9


async def test_wrapping_shows_all_of_a_message_and_breaks_between_words():
    async with ViewApp().run_test(size=(40, 30)) as pilot:
        pilot.app.view.show([MESSAGE])
        pilot.app.view.toggle_wrap()
        await pilot.pause()
        rows = [pilot.app.shown(y) for y in range(30)]
        assert " ".join(row for row in rows if row) == MESSAGE.rstrip()


async def test_the_line_at_the_top_stays_there_when_wrapping_is_turned_on_and_off(numbered):
    async with ViewApp().run_test(size=(40, 10)) as pilot:
        view = pilot.app.view
        view.show([MESSAGE, *numbered])
        view.scroll_to(y=500, animate=False)
        await pilot.pause()
        top = pilot.app.shown(0)
        for _ in range(2):
            view.toggle_wrap()
            await pilot.pause()
            assert pilot.app.shown(0) == top


async def test_wrapped_lines_follow_the_width_of_the_window():
    async with ViewApp().run_test(size=(40, 30)) as pilot:
        pilot.app.view.show([MESSAGE])
        pilot.app.view.toggle_wrap()
        await pilot.resize_terminal(60, 30)
        await pilot.pause()
        assert len(pilot.app.shown(0)) > 40


async def test_json_is_coloured_by_what_it_is():
    async with ViewApp().run_test(size=(60, 20)) as pilot:
        pilot.app.view.show(json.dumps(JOB, indent=2, ensure_ascii=False).splitlines(), json=True)
        await pilot.pause()
        colours = {
            segment.text.strip(): segment.style.color.name for line in pilot.app.view.draw() for segment in line.strip
        }
        assert len({colours['"Name"'], colours['"批量标注 [red]x[/]"'], colours["1000"], colours["{"]}) == 4
        assert colours["null"] == colours["true"]


def test_broken_json_is_coloured_as_far_as_it_makes_sense():
    line = '{"a": "x\\"y", "b": -1.5e3, "c": nullable, "d'
    assert [(line[start:end], kind) for start, end, kind in json_tokens(line)] == [
        ('"a"', "key"),
        ('"x\\"y"', "string"),
        ('"b"', "key"),
        ("-1.5e3", "number"),
        ('"c"', "key"),
        ('"d', "string"),
    ]


async def test_a_line_of_five_megabytes_is_cut_and_a_note_says_so():
    async with ViewApp().run_test(size=(60, 10)) as pilot:
        pilot.app.view.show(["x" * 5_000_000])
        pilot.app.view.scroll_to(x=LINE_LIMIT, animate=False)
        await pilot.pause()
        assert pilot.app.shown(0).endswith(f"… {5_000_000 - LINE_LIMIT:,} more characters")


async def test_of_too_many_lines_a_note_says_how_many_more_there_are():
    async with ViewApp().run_test(size=(60, 10)) as pilot:
        pilot.app.view.show(["x" * 63] * 10_000)
        pilot.app.view.last()
        await pilot.pause()
        assert f"… {10_000 - TEXT_LIMIT // 64:,} more lines" in [pilot.app.shown(y) for y in range(10)]


async def test_the_same_lines_again_send_nothing_and_one_that_changed_little(numbered):
    async with ViewApp().run_test(size=(80, 24)) as pilot:
        pilot.app.view.show(numbered)
        await pilot.pause()
        await pilot.pause()
        pilot.app.sent()
        pilot.app.view.show(list(numbered))
        await pilot.pause()
        assert pilot.app.sent() == 0
        pilot.app.view.show([*numbered[:3], "another", *numbered[4:]])
        await pilot.pause()
        assert 0 < pilot.app.sent() < 200
        assert pilot.app.shown(3) == "another"


async def test_text_from_outside_is_shown_and_nothing_more():
    hostile = [
        "[red]x[/] [@click=app.quit]q[/]",
        "\x1b]0;x\x07\x9b31m",
        "a\tb\x00",
        "user\u202egnp.exe",
        "\udcff",
        "a\nb",
    ]
    async with ViewApp().run_test(size=(60, 10)) as pilot:
        pilot.app.view.show([*hostile, Content.from_markup("[@click=app.quit]quit[/]")])
        await pilot.pause()
        strips = [line.strip for line in pilot.app.view.draw()]
        assert strips[0].text.startswith("[red]x[/] [@click=app.quit]q[/]")
        assert not any(re.search("[\x00-\x1f\x7f-\x9f\u202e\ud800-\udfff]", strip.text) for strip in strips)
        assert not any(segment.style.meta for strip in strips for segment in strip)


texts = st.text(st.sampled_from([*"ab 批量é\u0301\u200d\ufe0f⚠👩🇨🇳"]), max_size=60)


@given(text=texts, width=st.integers(1, 30))
@settings(deadline=None)
def test_a_wrapped_line_loses_nothing_and_no_part_is_too_wide(text, width):
    parts = [text[start:end] for start, end in fold(text, width)]
    assert "".join(parts) == text
    assert all(sum(map(cell_len, part)) <= max(width, 2) for part in parts)


@given(
    lines=st.lists(texts, max_size=12),
    size=st.tuples(st.integers(3, 60), st.integers(2, 12)),
    left=st.integers(0, 40),
    wrap=st.booleans(),
)
@settings(max_examples=25, deadline=None)
async def test_every_line_is_exactly_as_wide_as_the_viewer(lines, size, left, wrap):
    async with ViewApp().run_test(size=size) as pilot:
        view = pilot.app.view
        view.show(lines, json=True)
        if wrap:
            view.toggle_wrap()
        view.scroll_to(x=left, animate=False)
        await pilot.pause()
        for line in view.draw():
            assert sum(cell_len(segment.text) for segment in line.strip) == view.sight.width
