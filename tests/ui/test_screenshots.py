"""The pictures of the README show the deck as it is."""

from __future__ import annotations

import pytest

from tests.ui.screenshots import FOLDER, SCREENSHOTS, Scene, picture
from tui.localcloud import LocalCloud
from tui.settings.paths import Paths


@pytest.mark.parametrize("scene", SCREENSHOTS, ids=lambda scene: scene.name)
async def test_the_picture_is_up_to_date(
    scene: Scene, busy: LocalCloud, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = paths.config_file.parent
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    shown = (FOLDER / f"{scene.name}.svg").read_text("utf-8")
    assert await picture(scene, busy, home) == shown, "make screenshots, and look at what changed"
