"""Makes the pictures of the README anew: `make screenshots`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.ui import plays
from tests.ui.pilot_tools import HeldClock
from tests.ui.scenes import NOW, pictured, play, typed
from tui.localcloud import LocalCloud
from tui.settings.paths import Paths

FOLDER = Path(__file__).parents[2] / "screenshots"


@dataclass(frozen=True)
class Scene:
    """One picture.

    Attributes:
        keys: what is pressed once the jobs are there.
        play: what is done instead, where keys do not suffice.
        size: columns and rows.
    """

    name: str
    keys: tuple[str, ...] = ()
    play: plays.Play | None = None
    size: tuple[int, int] = (120, 36)
    theme: str = "arkdeck-dark"


SCREENSHOTS: Final = (
    Scene("jobs-dark"),
    Scene("jobs-light", theme="arkdeck-light"),
    Scene("jobs-80x24", size=(80, 24)),
    Scene("preview", ("j", "j", "j", "space", "j", "space"), size=(160, 45)),
    Scene("filter", typed("/phase:running failed:>0"), size=(100, 30)),
    Scene("job", ("1", "2", "enter"), size=(120, 36)),
    Scene("help", ("question_mark",), size=(100, 36)),
    Scene("palette", typed(":stop"), size=(100, 30)),
    Scene("picker", play=plays.pick, size=(110, 26)),
    Scene("check", play=plays.make("broken.jsonl", "2"), size=(110, 26)),
    Scene("model", play=plays.make("nightly-evaluation.jsonl", "3", "enter", model=""), size=(110, 26)),
    Scene("review", play=plays.make("nightly-evaluation.jsonl", "4"), size=(110, 26)),
    Scene("transfers", play=plays.transfer, size=(120, 26)),
    Scene("download", play=plays.download("3", "d"), size=(110, 26)),
    Scene("results", play=plays.results(), size=(120, 36)),
    Scene("request", play=plays.results("1", "enter"), size=(120, 30)),
    Scene("retry", play=plays.results("R"), size=(110, 30)),
)
"""The pictures of the README, in `screenshots/`."""


async def picture(scene: Scene, cloud: LocalCloud, home: Path) -> str:
    """Return the SVG of a scene; `home` is empty, and where HOME points."""
    deck = pictured(cloud.info, Paths(home / "config.toml", home / "data", home / "state"), scene.theme)
    async with deck.run_test(size=scene.size) as pilot:
        if scene.play is not None:
            await scene.play(pilot, cloud, home)
        else:
            await play(pilot, scene.keys)
        return deck.export_screenshot(title="arkdeck") + "\n"


def main() -> int:
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    for scene in SCREENSHOTS:
        with tempfile.TemporaryDirectory() as folder, LocalCloud(clock=HeldClock(NOW), scene="busy") as cloud:
            os.environ["HOME"] = folder
            os.chdir(folder)
            svg = asyncio.run(picture(scene, cloud, Path(folder)))
            (FOLDER / f"{scene.name}.svg").write_text(svg, "utf-8")
            os.chdir("/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
