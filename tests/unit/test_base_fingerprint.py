"""The identity of a file's content does not depend on how its bytes arrive."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui import fingerprint
from tui.fingerprint import Fingerprint, Fingerprinter, crc64, crc64_of_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "BLOCK_SIZE", 8)


def fingerprint_of(file: Path, *pieces: bytes) -> Fingerprint:
    file.write_bytes(b"".join(pieces))
    maker = Fingerprinter()
    for piece in pieces:
        maker.update(piece)
    return maker.finish(file.stat())


def test_the_checksum_is_the_store_s() -> None:
    assert crc64(b"123456789") == 0x995DC9BBDF1939FA


@given(st.binary(), st.binary())
def test_a_checksum_goes_on_where_the_last_ended(first: bytes, second: bytes) -> None:
    assert crc64(second, crc64(first)) == crc64(first + second)


def test_a_fingerprint_holds_what_identifies_the_file(tmp_path: Path) -> None:
    data = b"0123456789abcdefXY"
    made = fingerprint_of(tmp_path / "file", data)
    assert made.size == len(data)
    assert made.sha256 == hashlib.sha256(data).hexdigest()
    assert made.crc64 == crc64(data)
    assert made.blocks == (crc64(data[:8]), crc64(data[8:16]), crc64(data[16:]))
    assert made.mtime_ns == (tmp_path / "file").stat().st_mtime_ns


@pytest.mark.parametrize(
    "pieces",
    [
        (b"0123456789abcdefXY",),
        (b"01234567", b"89abcdef", b"XY"),
        (b"0", b"123456789abcdefX", b"", b"Y"),
        tuple(bytes([byte]) for byte in b"0123456789abcdefXY"),
    ],
)
def test_the_pieces_do_not_matter(tmp_path: Path, pieces: tuple[bytes, ...]) -> None:
    whole = fingerprint_of(tmp_path / "file", b"".join(pieces))
    assert fingerprint_of(tmp_path / "file", *pieces).blocks == whole.blocks
    assert fingerprint_of(tmp_path / "file", *pieces).sha256 == whole.sha256


def test_an_empty_file_has_no_blocks(tmp_path: Path) -> None:
    made = fingerprint_of(tmp_path / "file")
    assert (made.size, made.crc64, made.blocks) == (0, 0, ())


def test_a_file_that_fills_its_last_block_has_no_empty_one(tmp_path: Path) -> None:
    assert len(fingerprint_of(tmp_path / "file", b"0123456789abcdef").blocks) == 2


def test_the_checksum_of_what_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "_READ_SIZE", 7)
    (tmp_path / "file").write_bytes(b"0123456789abcdefXY")
    assert crc64_of_file(tmp_path / "file") == crc64(b"0123456789abcdefXY")
