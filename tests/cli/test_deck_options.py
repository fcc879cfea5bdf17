"""The call without a verb: the deck on a terminal, the help elsewhere, and its options where they belong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_configuration import arkdeck


def test_without_a_terminal_the_help_is_printed(tmp_path: Path) -> None:
    ended = arkdeck(tmp_path)
    assert ended.returncode == 0
    assert ended.stdout == arkdeck(tmp_path, "--help").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--local"], "the deck needs a terminal"),
        (["--scene", "busy"], "Add --local."),
        (["-p", "prod", "--local"], "Leave out -p or --local."),
        (["--ascii"], "the deck needs a terminal"),
        (["--read-only", "jobs"], "--read-only is for the deck"),
        (["--ascii", "jobs"], "--ascii is for the deck"),
        (["--no-mouse", "--local", "demo"], "--no-mouse is for the deck"),
    ],
)
def test_an_option_of_the_deck_where_no_deck_opens_is_refused(tmp_path: Path, words: list[str], told: str) -> None:
    ended = arkdeck(tmp_path, *words)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert ended.stdout == ""
