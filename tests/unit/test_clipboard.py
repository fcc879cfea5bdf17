"""What is written so that the operator's own terminal takes a copy, with and without a multiplexer in between."""

from __future__ import annotations

import base64
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.terminal.clipboard import MAX_BASE64, copy_sequence, fits, inside_tmux, load_into_tmux

PLAIN = {"TERM": "xterm-256color"}
SCREEN_LONGEST = 256  # bytes of a string sequence that GNU screen takes


def copied(sequence: str) -> str:
    """Return what a terminal makes of an OSC 52 sequence."""
    encoded = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sequence)
    assert encoded, sequence
    return base64.b64decode(encoded[1], validate=True).decode()


@given(text=st.text())
def test_a_terminal_gets_the_text_whole(text: str) -> None:
    encodable = text.encode("utf-8", "replace").decode()
    assert copied(copy_sequence(text, PLAIN)) == encodable


@pytest.mark.parametrize("environ", [{"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "screen"}, {"TERM": "tmux-256color"}])
def test_tmux_gets_it_for_itself_and_wrapped_for_the_terminal_outside(environ: dict[str, str]) -> None:
    own, wrapped = copy_sequence("bi-1", environ).split("\x1bPtmux;")
    assert copied(own) == "bi-1"
    assert wrapped.endswith("\x1b\\")
    assert copied(wrapped[:-2].replace("\x1b\x1b", "\x1b")) == "bi-1"


@pytest.mark.parametrize(
    "environ",
    [
        {"TERM": "tmux-256color", "PATH": os.defpath},
        {"TMUX": "/nowhere/default,1,0", "PATH": os.defpath},
        {"TMUX": "/nowhere/default,1,0", "PATH": "/nowhere"},
    ],
)
def test_a_tmux_that_cannot_be_asked_does_not_take_the_text(environ: dict[str, str]) -> None:
    assert inside_tmux(environ)
    assert not load_into_tmux("bi-1", environ)


@pytest.mark.parametrize("environ", [{"STY": "1.pts-0", "TERM": "screen"}, {"TERM": "screen.xterm-256color"}])
def test_gnu_screen_passes_pieces_on_that_it_does_not_print(environ: dict[str, str]) -> None:
    text = "a long object key / " * 100
    pieces = re.findall(r"\x1bP(.*?)\x1b\\", copy_sequence(text, environ), re.DOTALL)
    assert max(map(len, pieces)) < SCREEN_LONGEST
    assert copied("".join(pieces)) == text
    assert "".join(f"\x1bP{piece}\x1b\\" for piece in pieces) == copy_sequence(text, environ)


def test_a_text_fits_up_to_what_terminals_take() -> None:
    most = MAX_BASE64 // 4 * 3
    assert fits("x" * most)
    assert not fits("x" * (most + 1))
    assert not fits("字" * (most // 3 + 1))
