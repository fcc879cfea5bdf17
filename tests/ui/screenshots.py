"""Makes the pictures of the README anew: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.ui.pilot_tools import HeldClock
from tests.ui.scenes import NOW, SCREENSHOTS, Scene, pictured, play
from tui.localcloud import CloudInfo, LocalCloud
from tui.settings.paths import Paths

FOLDER = Path(__file__).parents[2] / "screenshots"


async def picture(scene: Scene, info: CloudInfo, paths: Paths) -> str:
    """Return the SVG of a scene."""
    deck = pictured(info, paths, scene.theme)
    async with deck.run_test(size=scene.size) as pilot:
        await play(pilot, scene.keys)
        return deck.export_screenshot(title="arkdeck") + "\n"


def main() -> int:
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    with tempfile.TemporaryDirectory() as folder, LocalCloud(clock=HeldClock(NOW), scene="busy") as cloud:
        for scene in SCREENSHOTS:
            home = Path(folder, scene.name)
            svg = asyncio.run(picture(scene, cloud.info, Paths(home / "config.toml", home / "data", home / "state")))
            (FOLDER / f"{scene.name}.svg").write_text(svg, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
