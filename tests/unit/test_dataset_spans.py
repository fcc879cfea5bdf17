"""A file may be read in any spans: each line comes once, with its place."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset import spans
from tui.dataset.spans import SpanReader

LINES = st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"", b"a", "天空".encode(), b"x\r"])), max_size=20)


class Trickle(io.RawIOBase):
    """A file that gives a few bytes at a time, as a pipe or a network disk may."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = io.BytesIO(data)
        self._most = most

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._data.seek(offset, whence)

    def readinto(self, buffer) -> int:
        return self._data.readinto(memoryview(buffer)[: self._most])


@pytest.fixture
def small_buffer(monkeypatch):
    monkeypatch.setattr(spans, "_BUFFER", 16)
    monkeypatch.setattr(spans, "_AHEAD", 4)


@pytest.mark.usefixtures("small_buffer")
@settings(max_examples=400)
@given(data=LINES.map(b"\n".join), span=st.integers(1, 40), most=st.integers(1, 50), limit=st.sampled_from([5, 20, 99]))
def test_every_line_comes_once_whatever_the_spans(data, span, most, limit):
    reader = SpanReader(Trickle(data, most), limit=limit, inspect=True)
    found = []
    for start in range(0, len(data), span):
        for block in reader.blocks(start, min(start + span, len(data))):
            for begin, end in zip(block.begins, block.ends, strict=True):
                text = bytes(block.buffer[begin:end]) if block.whole else None
                if block.plain and text is not None:
                    assert "\r" not in text.decode()
                if text != b"":
                    found.append((block.base + begin, text))
    expected, offset = [], 0
    for line in data.split(b"\n"):
        if line:
            expected.append((offset, line if len(line) <= limit else None))
        offset += len(line) + 1
    assert found == expected


def test_a_line_far_longer_than_the_buffer_is_read_whole():
    data = b"short\n" + b"x" * 1_000_000 + b"\nlast"
    reader = SpanReader(io.BytesIO(data), limit=2_000_000, inspect=True)
    lengths = [
        end - begin
        for block in reader.blocks(0, len(data))
        for begin, end in zip(block.begins, block.ends, strict=True)
    ]
    assert lengths == [5, 1_000_000, 4]
