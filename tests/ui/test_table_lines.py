import re

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.content import Content
from textual.style import Style

from tests.ui.table_app import COLUMNS
from tui.widgets.glyphs import ASCII, UNICODE
from tui.widgets.table import Column
from tui.widgets.table_layout import GUTTER, arrange
from tui.widgets.table_lines import Look, Painter


def widths(columns, width):
    return arrange(tuple(columns), width).widths


# Widths


def test_what_is_left_over_goes_to_the_columns_that_grow():
    assert widths(COLUMNS, 75) == {"name": 27, "phase": 10, "done": 6, "model": 15, "age": 6}


def test_a_cell_belongs_to_the_column_it_is_in_and_a_gap_to_the_one_before_it():
    layout = arrange(COLUMNS, 75)
    found = [layout.column_at(x) for x in (0, 2, 3, 31, 32, 74, 75)]
    assert [column and column.id for column in found] == [None, None, "name", "name", "phase", "age", "age"]
    assert layout.column_at(77) is None


def test_columns_that_matter_least_go_first():
    assert list(widths(COLUMNS, 54)) == ["name", "phase", "done", "age"]
    assert list(widths(COLUMNS, 40)) == ["name", "phase", "done"]
    assert list(widths(COLUMNS, 32)) == ["name", "phase"]


def test_of_columns_that_matter_equally_the_last_goes_first():
    equals = [Column(name, name, 10) for name in "abc"]
    assert list(widths(equals, 30)) == ["a", "b"]


def test_the_last_column_is_narrowed_rather_than_lost():
    assert widths(COLUMNS, 9) == {"name": 6}


column_sets = st.lists(
    st.builds(
        Column,
        id=st.uuids().map(str),
        title=st.text(max_size=12).map(lambda title: "".join(filter(str.isprintable, title))),
        width=st.integers(1, 30),
        grow=st.integers(0, 3),
        align=st.sampled_from(["left", "right"]),
        drop=st.integers(0, 4),
    ),
    max_size=9,
).map(tuple)
any_text = st.text(
    st.sampled_from([*"ab 批量，é\u0301\u200d\ufe0f⚠👩👧🇨🇳…\t\n\x1b\x07\x9b\u202e\u2028\udcff"]), max_size=40
)


def painter(columns, width, glyphs=UNICODE, cursor=None):
    plain = Style.parse("white on black", {})
    return Painter(arrange(columns, width), Look(plain, cursor or plain, *[plain] * 5), glyphs)


@given(
    columns=column_sets,
    width=st.integers(1, 200),
    texts=st.lists(any_text, min_size=9, max_size=9),
    glyphs=st.sampled_from([UNICODE, ASCII]),
)
@settings(max_examples=300, deadline=None)
def test_every_line_is_exactly_as_wide_as_the_table(columns, width, texts, glyphs):
    draw = painter(columns, width, glyphs)
    cells = [Content(text) for text in texts[: len(draw.layout.places)]]
    sort = columns[0].id if columns else None
    lines = [
        draw.header(sort, descending=True),
        draw.row(cells, cursor=True, marked=True),
        draw.row(cells, cursor=False, marked=False),
        *draw.empty(Content("\n".join(texts)), 7),
    ]
    for line in lines:
        assert sum(cell_len(segment.text) for segment in line.strip) == line.strip.cell_length == width


@given(texts=st.lists(any_text, min_size=5, max_size=5))
@settings(deadline=None)
def test_nothing_that_acts_on_a_terminal_leaves_a_cell(texts):
    line = painter(COLUMNS, 75).row([Content(text) for text in texts], cursor=False, marked=False)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\ud800-\udfff]", line.strip.text)


def test_a_wide_character_is_never_halved():
    line = painter((Column("name", "NAME", 6),), GUTTER + 6).row([Content("批量标注任务")], cursor=False, marked=False)
    assert line.strip.text == "   批量 …"


def test_links_and_actions_in_content_are_dead():
    name = Content.from_markup("[@click=app.quit]quit[/] [link='http://evil.example']here[/link]")
    line = painter((Column("name", "NAME", 20),), 30).row([name], cursor=False, marked=False)
    assert all(not segment.style.meta and segment.style.link is None for segment in line.strip)
