"""Paths as they are typed and pasted, and what stands against taking one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.folders import Kind
from tui.typed_path import (
    UnfitPathError,
    check_readable,
    check_writable,
    first_folder,
    kind_at,
    parted,
    pasted_path,
    path_of_uri,
    typed_path,
)

BASE = Path("/srv/batches")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a.jsonl", "/srv/batches/a.jsonl"),
        ("/data//x/", "/data/x"),
        ("//data/x", "/data/x"),
        ("..", "/srv"),
        ("../other/./b", "/srv/other/b"),
        ("../../../..", "/"),
        ("~name/x", "/srv/batches/~name/x"),
        ("a b", "/srv/batches/a b"),
    ],
)
def test_a_text_means_a_path_in_the_folder(text: str, path: str) -> None:
    assert typed_path(text, BASE) == Path(path)


def test_a_tilde_is_home(home: Path) -> None:
    assert typed_path("~", BASE) == home
    assert typed_path("~/x.jsonl", BASE) == home / "x.jsonl"
    assert parted("~", BASE) == (home, "")
    assert parted("~/sub/x", BASE) == (home / "sub", "x")


@pytest.mark.parametrize(
    ("text", "folder", "word"),
    [
        ("", "/srv/batches", ""),
        ("tr", "/srv/batches", "tr"),
        ("sub/", "/srv/batches/sub", ""),
        ("sub/tr", "/srv/batches/sub", "tr"),
        ("..", "/srv", ""),
        ("../.", "/srv", ""),
        ("/", "/", ""),
        ("/da", "/", "da"),
    ],
)
def test_a_text_is_parted_behind_its_last_slash(text: str, folder: str, word: str) -> None:
    assert parted(text, BASE) == (Path(folder), word)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("  /data/a.jsonl \n", "/data/a.jsonl"),
        ("'/data/my file.jsonl'", "/data/my file.jsonl"),
        ('"/data/my file.jsonl"', "/data/my file.jsonl"),
        ("/data/my\\ file.jsonl", "/data/my file.jsonl"),
        ("/data/my file.jsonl", "/data/my file.jsonl"),
        ("file:///data/my%20file.jsonl", "/data/my file.jsonl"),
        ("file://localhost/data/%E6%89%B9.jsonl", "/data/批.jsonl"),
        ("file://elsewhere/data/a", "file://elsewhere/data/a"),
        ("/data/a.jsonl\n/data/b.jsonl\n", "/data/a.jsonl"),
        ("'never closed", "'never closed"),
        ("", ""),
    ],
)
def test_a_pasted_path_is_taken_as_shells_and_file_managers_write_it(text: str, path: str) -> None:
    assert pasted_path(text) == path


@pytest.mark.parametrize("name", ["a b%.jsonl", "批量.jsonl", os.fsdecode(b"\xff.jsonl"), "a\nb", "?#"])
def test_a_path_comes_back_from_its_uri(name: str) -> None:
    assert path_of_uri((BASE / name).as_uri()) == BASE / name


def test_a_file_is_taken_when_it_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    (tmp_path / "link").symlink_to("a.jsonl")
    check_readable(tmp_path / "a.jsonl")
    check_readable(tmp_path / "link")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "there is no file"),
        ("file/below", "there is no file"),
        ("sub", "is a folder"),
        ("gone", "leads nowhere"),
        ("pipe", "is not a regular file"),
        ("round", "its links lead round in a circle"),
        ("n" * 300, "the name is too long"),
        ("nul\0", "null"),
    ],
)
def test_what_cannot_be_taken_as_a_file_says_why_at_once(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "round").symlink_to("round")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnfitPathError, match=said):
        check_readable(tmp_path / name)


def test_a_folder_may_be_there_or_be_made_later(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert check_writable(tmp_path)
    assert not check_writable(tmp_path / "new" / "below")
    for taken in ("file", "file/below"):
        with pytest.raises(UnfitPathError, match="file is not a folder"):
            check_writable(tmp_path / taken)


def test_a_folder_where_nobody_may_write_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)  # root may write anywhere
    for folder in (tmp_path, tmp_path / "new" / "below"):
        with pytest.raises(UnfitPathError, match="you may not write into"):
            check_writable(folder)


def test_the_first_folder_is_the_one_asked_for_or_what_is_left_of_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    assert first_folder(tmp_path, []) == (tmp_path, "")
    assert first_folder(tmp_path / "a.jsonl", []) == (tmp_path, "a.jsonl")
    assert first_folder(tmp_path / "gone" / "deeper", []) == (tmp_path, "deeper")


def test_otherwise_it_is_the_last_one_that_is_still_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").mkdir()
    assert first_folder(None, [tmp_path / "gone", tmp_path / "kept"]) == (tmp_path / "kept", "")
    assert first_folder(None, [tmp_path / "gone"]) == (tmp_path, "")


def test_a_working_folder_that_is_gone_does_no_harm(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert first_folder(None, [])[0] in (home, Path("/"))


def test_what_is_not_there_is_nothing(tmp_path: Path) -> None:
    assert kind_at(tmp_path / "none") is None
    assert kind_at(tmp_path) is Kind.FOLDER
