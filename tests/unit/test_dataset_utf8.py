"""What is told of many bytes at once is what a decoder says of them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset import utf8
from tui.dataset.utf8 import is_utf8

TEXTS = st.text(st.sampled_from("a\n\x7fé\u07ff天蓝\ud7ff\ue000\ufffd\uffff😀\U0010ffff한ก"), max_size=30)
DAMAGE = st.sampled_from(
    [b"", b"", b"\x80", b"\xbf", b"\xc0", b"\xc3", b"\xe5\xa4", b"\xed\xa0\x80", b"\xf0\x9f", b"\xff"]
)


def decodes(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(utf8, "_PIECE", 7)


@pytest.mark.usefixtures("small_pieces")
@settings(max_examples=600)
@given(before=TEXTS, damage=DAMAGE, after=TEXTS, ends=st.booleans(), start=st.integers(0, 3))
def test_any_bytes_are_judged_as_by_a_decoder(before, damage, after, ends, start):
    data = before.encode() + damage + after.encode()
    data = b"row" + data + b"\n" if ends else data
    assert is_utf8(bytearray(data), start, len(data)) == decodes(data[start:])


def test_every_lead_byte_is_judged_by_what_follows():
    borders = [b"", *(bytes([byte]) for byte in (0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xE5, 0xFF))]
    rests = (b"", b"\x80", b"\xbf\x80", b"\x80\xbf\x80")
    for lead, second, rest in itertools.product(range(0x80, 0x100), borders, rests):
        data = b"row" + bytes([lead]) + second + rest + b"\n"
        assert is_utf8(data, 0, len(data)) == decodes(data), data
