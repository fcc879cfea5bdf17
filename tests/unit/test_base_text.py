"""Text from outside is shown as text: the attacks that a terminal or a reader could fall for."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import clean, human_bytes, human_duration, short_path


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;ZQ==\x1b\\", "␛]52;c;ZQ==␛\\"),
        ("\x1b]0;t\x07", "␛]0;t␇"),
        ("\x1bPtmux;\x1b\x1b]0;t\x07\x1b\\", "␛Ptmux;␛␛]0;t␇␛\\"),
        ("\x9b31m", "\ufffd31m"),
        ("\x1b[6n", "␛[6n"),
        ("\x1b[?1049l", "␛[?1049l"),
        ("a\x00b\x08c\x7fd", "a␀b␈c␡d"),
        ("[red]x[/]", "[red]x[/]"),
        ("a[/]b", "a[/]b"),
        ("[@click=app.quit]X[/]", "[@click=app.quit]X[/]"),
        ("user\u202egnp.exe", "user\\u{202e}gnp.exe"),
        ("a\u2066b\u2069", "a\\u{2066}b\\u{2069}"),
        ("x\U000e0041", "x"),
        ("\u3164\u2800", ""),
        ("soft\u00adhyphen\ufeff", "softhyphen"),
        ("lone\udcff", "lone\ufffd"),
        ("private\ue000", "private\ufffd"),
        ("a\tb", "a b"),
        ("a\nb\r\nc\rd", "a⏎b⏎c⏎d"),
        ("a\u2028b\u2029c\x85d\x0be", "a⏎b⏎c⏎d⏎e"),
        ("批量标注 é — ✓", "批量标注 é — ✓"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_a_line_of_text(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("adm\u200bin", "adm\\u{200b}in"),
        ("adm\u200din", "adm\\u{200d}in"),
        ("\u3164", "\\u{3164}"),
        ("x\U000e0041", "x\\u{e0041}"),
        ("x\U000e0100", "x\\u{e0100}"),
    ],
)
def test_an_identifier_hides_nothing(hostile: str, shown: str) -> None:
    assert clean(hostile, strict=True) == shown


def test_lines_are_kept_where_there_is_room_for_them() -> None:
    assert clean("a\r\nb\n\tc\u2028d", multiline=True) == "a\nb\n    c\nd"


def test_a_cut_is_marked() -> None:
    assert clean("L" * 1_000_000, limit=10) == "L" * 10 + "…"
    assert clean("L" * 10, limit=10) == "L" * 10


@pytest.mark.parametrize("between", ["", "\u200b", "\u200d", "\u00ad", "\u3164", "\u2800", "\u115f"])
def test_marks_do_not_pile_up_whatever_hides_between_them(between: str) -> None:
    cleaned = clean("e" + ("\u0301" * 4 + between) * 30)
    assert cleaned.count("\u0301") == 4


def test_each_letter_has_its_own_marks() -> None:
    assert clean("ế" * 10) == "ế" * 10
    assert clean("e\u0302\u0301" * 10) == "e\u0302\u0301" * 10


@given(st.text(st.characters()), st.booleans(), st.booleans())
def test_nothing_that_a_terminal_acts_on_is_ever_left(text: str, multiline: bool, strict: bool) -> None:
    for char in clean(text, multiline=multiline, strict=strict):
        assert (char == "\n" and multiline) or unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp")


@given(st.text(st.characters()), st.booleans())
def test_cleaning_twice_changes_nothing(text: str, multiline: bool) -> None:
    once = clean(text, multiline=multiline)
    assert clean(once, multiline=multiline) == once


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert clean(text, strict=True) == text


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**4, "1.0 TiB"),
        (2048 * 1024**4, "2048.0 TiB"),
    ],
)
def test_sizes(count: float, shown: str) -> None:
    assert human_bytes(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0s"),
        (0.4, "0s"),
        (59.6, "1m00s"),
        (200, "3m20s"),
        (3599.9, "1h00m"),
        (7500, "2h05m"),
        (86399.9, "1d00h"),
        (525_600, "6d02h"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert human_duration(seconds) == shown


def test_a_joiner_with_nothing_to_join_is_dropped_since_libraries_that_measure_text_fail_on_it() -> None:
    assert clean("\u200d\u200d👩 \u200da") == "👩 a"
    assert clean("👩\u200d👧") == "👩\u200d👧"
    assert clean("می\u200cخواهم") == "می\u200cخواهم"


def test_a_path_below_home_is_shown_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert short_path(tmp_path / "deep" / "file") == "~/deep/file"
    assert short_path(Path("/elsewhere/file")) == "/elsewhere/file"
