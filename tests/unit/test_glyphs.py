"""Signs: one cell each, in Unicode and in ASCII, and the set that a terminal can show."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from tui.glyphs import ASCII, UNICODE, Glyphs, glyphs_for

PHASES = ("Queued", "Initializing", "Running", "Completed", "Terminating", "Terminated", "Failed")

both_sets = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])


def signs(glyphs: Glyphs) -> list[str]:
    """Every sign of a set, the levels one by one."""
    values = [getattr(glyphs, name) for name in Glyphs.__struct_fields__]
    return [sign for value in values for sign in (value.values() if isinstance(value, dict) else value)]


@both_sets
def test_every_sign_is_one_cell(glyphs: Glyphs) -> None:
    assert [sign for sign in signs(glyphs) if cell_len(sign) != 1 or len(sign) != 1] == []


@both_sets
def test_every_phase_has_a_sign_of_its_own(glyphs: Glyphs) -> None:
    assert len({glyphs.phase(phase) for phase in PHASES}) == len(PHASES)
    assert glyphs.phase("Paused") == glyphs.phase("") == "?"


@both_sets
def test_signs_side_by_side_are_told_apart(glyphs: Glyphs) -> None:
    assert glyphs.full != glyphs.empty
    assert glyphs.mark != glyphs.cursor
    assert glyphs.ascending != glyphs.descending
    assert len(set(glyphs.levels)) == len(glyphs.levels) == 8


def test_ascii_is_ascii() -> None:
    assert "".join(signs(ASCII)).isascii()


def test_no_sign_is_one_that_terminals_draw_as_an_emoji() -> None:
    assert not {"\ufe0f", "⏸", "✔", "✖", "⚠", "▶"} & set(signs(UNICODE))


@pytest.mark.parametrize(
    ("term", "encoding", "glyphs"),
    [
        ("xterm-256color", "UTF-8", UNICODE),
        ("screen-256color", "utf8", UNICODE),
        ("", "UTF-8", UNICODE),
        ("linux", "UTF-8", ASCII),
        ("dumb", "UTF-8", ASCII),
        ("xterm-256color", "ANSI_X3.4-1968", ASCII),
        ("xterm-256color", "GBK", ASCII),
        ("xterm-256color", "ISO-8859-1", ASCII),
    ],
)
def test_the_set_that_a_terminal_can_show(term: str, encoding: str, glyphs: Glyphs) -> None:
    assert glyphs_for({"TERM": term}, encoding) is glyphs
