"""What lies in a folder: read whatever is in it, in order, and narrowed as it is typed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import hostile
from tui.folders import BY_NAME, BY_SIZE, BY_TIME, Entry, Kind, Sieve, completed, in_order, list_folder


def entries(folder: Path) -> dict[str, Entry]:
    return {entry.name: entry for batch in list_folder(folder) for entry in batch.entries}


def file(name: str, size: int = 0, modified: float = 0.0) -> Entry:
    return Entry(name, Kind.FILE, size, modified, name.casefold())


def folder(name: str, modified: float = 0.0) -> Entry:
    return Entry(name, Kind.FOLDER, None, modified, name.casefold())


def names(found: list[Entry]) -> list[str]:
    return [entry.name for entry in found]


# Reading


def test_each_is_told_for_what_it_is_and_a_link_for_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"x" * 12)
    (tmp_path / "sub").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("to-a", "a.jsonl"), ("to-sub", "sub"), ("gone", "nowhere"), ("round", "round")):
        (tmp_path / name).symlink_to(target)
    os.utime(tmp_path / "a.jsonl", (5, 5))
    found = entries(tmp_path)
    assert found["a.jsonl"] == Entry("a.jsonl", Kind.FILE, 12, 5.0, "a.jsonl")
    assert (found["to-a"].kind, found["to-a"].size) == (Kind.FILE, 12)
    assert {found["sub"].kind, found["to-sub"].kind} == {Kind.FOLDER}
    assert {found["gone"].kind, found["round"].kind} == {Kind.BROKEN}
    assert (found["pipe"].kind, found["pipe"].size) == (Kind.SPECIAL, None)


def test_names_of_any_bytes_are_listed(tmp_path: Path) -> None:
    hostile_names = [name for name in hostile.ALL if 0 < len(os.fsencode(name)) <= 255 and not {*"/\0"} & {*name}]
    raw = [b"\xff\xfe.jsonl", b"n" * 255, "批量.jsonl".encode()]
    for name in {*map(os.fsencode, hostile_names), *raw}:
        (tmp_path / os.fsdecode(name)).touch()
    assert set(entries(tmp_path)) == {*hostile_names, *map(os.fsdecode, raw)}


def test_what_vanishes_while_it_is_listed_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    scandir = os.scandir

    @contextmanager
    def vanishing(path: Path) -> Iterator[list[os.DirEntry[str]]]:
        with scandir(path) as found:
            names = list(found)
        (tmp_path / "b").unlink()
        yield names

    monkeypatch.setattr(os, "scandir", vanishing)
    assert set(entries(tmp_path)) == {"a", "c"}


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for missing in ("none", "file"):
        with pytest.raises(OSError, match=missing):
            list(list_folder(tmp_path / missing))


def test_the_last_batch_says_so(tmp_path: Path) -> None:
    assert [batch.last for batch in list_folder(tmp_path)] == [True]


# Order


MIXED = [file("b.jsonl", 5, 3.0), folder("z", 1.0), file("A.jsonl", 9, 1.0), folder("y", 2.0), file("c", 5, 2.0)]


@pytest.mark.parametrize(
    ("order", "descending", "expected"),
    [
        (BY_NAME, False, ["y", "z", "A.jsonl", "b.jsonl", "c"]),
        (BY_NAME, True, ["z", "y", "c", "b.jsonl", "A.jsonl"]),
        (BY_SIZE, True, ["y", "z", "A.jsonl", "b.jsonl", "c"]),
        (BY_SIZE, False, ["y", "z", "b.jsonl", "c", "A.jsonl"]),
        (BY_TIME, True, ["y", "z", "b.jsonl", "c", "A.jsonl"]),
    ],
)
def test_folders_come_first_and_equals_by_name(order: str, descending: bool, expected: list[str]) -> None:
    assert names(in_order(MIXED, order, descending=descending)) == expected


# What is let through


LISTED = [
    folder("sub"),
    folder(".git"),
    file("Train.jsonl"),
    file("x-train.JSONL"),
    file("notes.txt"),
    file(".h.jsonl"),
]


@pytest.mark.parametrize(
    ("sieve", "expected"),
    [
        (Sieve(suffix=".jsonl"), ["sub", "Train.jsonl", "x-train.JSONL"]),
        (Sieve(), ["sub", "Train.jsonl", "x-train.JSONL", "notes.txt"]),
        (Sieve(suffix=".jsonl", hidden=True), ["sub", ".git", "Train.jsonl", "x-train.JSONL", ".h.jsonl"]),
        (Sieve(folders_only=True), ["sub"]),
        (Sieve(suffix=".jsonl", word="TRAIN"), ["Train.jsonl", "x-train.JSONL"]),
        (Sieve(suffix=".jsonl", word="."), [".git", ".h.jsonl", "Train.jsonl", "x-train.JSONL"]),
        (Sieve(suffix=".jsonl", word="-t"), ["x-train.JSONL"]),
    ],
)
def test_what_is_listed(sieve: Sieve, expected: list[str]) -> None:
    assert names(sieve.let_through(LISTED)) == expected


# Completion


@pytest.mark.parametrize(
    ("word", "offered", "result"),
    [
        ("tr", [file("train-1.jsonl"), file("train-2.jsonl")], "train-"),
        ("train-", [file("train-1.jsonl"), file("train-2.jsonl")], "train-"),
        ("tr", [file("train.jsonl"), file("x-train.jsonl")], "train.jsonl"),
        ("su", [folder("sub")], "sub/"),
        ("TR", [file("train-1"), file("train-2")], "train-"),
        ("11", [file("批量-11.jsonl")], "批量-11.jsonl"),
        ("x", [], "x"),
        ("a", [file("ba"), file("ca")], "a"),
        ("", [file("ab"), file("ac")], "a"),
    ],
)
def test_a_word_is_completed_as_far_as_all_agree(word: str, offered: list[Entry], result: str) -> None:
    assert completed(word, offered) == result
