"""Makes the pictures of the README anew: `make screenshots`; with --check it only says which are out of date."""

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


async def picture(scene: Scene, info: CloudInfo, home: Path) -> str:
    """Return the SVG of a scene."""
    deck = pictured(info, Paths(home / "config.toml", home / "data", home / "state"), scene.theme)
    async with deck.run_test(size=scene.size) as pilot:
        await play(pilot, scene.keys)
        return deck.export_screenshot(title="arkdeck") + "\n"


def main() -> int:
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    changed = []
    with tempfile.TemporaryDirectory() as folder, LocalCloud(clock=HeldClock(NOW), scene="busy") as cloud:
        for scene in SCREENSHOTS:
            svg = asyncio.run(picture(scene, cloud.info, Path(folder, scene.name)))
            file = FOLDER / f"{scene.name}.svg"
            if not file.exists() or file.read_text("utf-8") != svg:
                changed.append(scene.name)
                if "--check" not in sys.argv:
                    file.write_text(svg, "utf-8")
    told = "out of date, make screenshots" if "--check" in sys.argv else "written"
    sys.stdout.writelines(f"screenshots/{name}.svg: {told}\n" for name in changed)
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
