"""Where arkdeck keeps its files."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tui.settings.paths import Paths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform != "linux", reason="the variables are Linux's")
def test_the_xdg_variables_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    paths = Paths.for_user()
    assert paths.config_file == tmp_path / "config" / "arkdeck" / "config.toml"
    assert paths.data_dir == tmp_path / "data" / "arkdeck"
    assert paths.state_dir == tmp_path / "state" / "arkdeck"


@pytest.mark.skipif(sys.platform != "linux", reason="the places are Linux's")
def test_without_them_the_home_folder_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CONFIG", "DATA", "STATE"):
        monkeypatch.delenv(f"XDG_{kind}_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Paths.for_user().config_file == tmp_path / ".config" / "arkdeck" / "config.toml"
    assert Paths.for_user().data_dir == tmp_path / ".local" / "share" / "arkdeck"


def test_naming_the_places_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    Paths.for_user()
    assert list(tmp_path.iterdir()) == []
