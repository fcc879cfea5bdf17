"""The folder that results are to go to, as it is before anything is fetched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.fingerprint import crc64
from tui.runs.destination import look_at
from tui.runs.folder import FolderTakenError
from tui.storage.objects import ObjectInfo
from tui.typed_path import UnfitPathError

CONTENT = b'{"custom_id": "a"}\n'


def stored() -> ObjectInfo:
    return ObjectInfo("out/results.jsonl", len(CONTENT), "etag", crc64(CONTENT), {})


def test_a_folder_that_is_not_there_yet_is_looked_at_where_it_would_be(tmp_path: Path):
    found = look_at(tmp_path / "a" / "b", "bi-1", {"results.jsonl": stored()})
    assert found.here == frozenset()
    assert found.free > 0
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_there_and_equal_are_told_from_others(tmp_path: Path):
    (tmp_path / "account.json").write_text('{"job": "bi-1"}')
    (tmp_path / "results.jsonl").write_bytes(CONTENT)
    (tmp_path / "errors.jsonl").write_bytes(CONTENT.swapcase())
    files = {"results.jsonl": stored(), "errors.jsonl": stored()}
    assert look_at(tmp_path, "bi-1", files).here == {"results.jsonl"}


def test_the_results_of_another_job_keep_their_folder(tmp_path: Path):
    (tmp_path / "account.json").write_text('{"job": "bi-2"}')
    with pytest.raises(FolderTakenError, match="bi-2"):
        look_at(tmp_path, "bi-1", {})


def test_a_file_in_the_way_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(UnfitPathError, match="is not a folder"):
        look_at(tmp_path / "file" / "below", "bi-1", {})


def test_a_folder_that_is_closed_to_us_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "closed").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / "closed")  # root may write anywhere
    with pytest.raises(UnfitPathError, match="may not write"):
        look_at(tmp_path / "closed" / "new", "bi-1", {})
