"""What tests of the screens share: a clock in their hands, conditions awaited, the screen read as an operator would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from textual._compositor import CompositorUpdate

from tui.clock import FrozenClock

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.screen import Screen

    from tui.localcloud import CloudInfo

DEADLINE = 10.0


class HeldClock(FrozenClock):
    """A clock on which whoever sleeps wakes when the test has moved it far enough, and not before."""

    async def sleep(self, seconds: float) -> None:
        wake_at = self.monotonic() + seconds
        while self.monotonic() < wake_at:  # noqa: ASYNC110  # it is moved by any thread
            await asyncio.sleep(0.005)


async def until(pilot: Pilot[Any], condition: Callable[[], object], *, within: float = DEADLINE) -> None:
    """Let the app work until the condition holds; fail, with the screen as it is, after `within` seconds."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it never came to hold; the screen shows:\n" + screen_text(pilot))
        await pilot.pause(0.01)
    await pilot.pause()


async def reconnect(pilot: Pilot[Any]) -> None:
    """Leave the profile that is open, and open it anew."""
    before = pilot.app.connection
    pilot.app.connect(None)
    await until(pilot, lambda: pilot.app.connection not in (None, before))


def screen_lines(pilot: Pilot[Any]) -> list[str]:
    """The rows of the screen on top, as the terminal shows them."""
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


def screen_text(pilot: Pilot[Any]) -> str:
    """The screen on top as one text, blanks at the ends of its rows removed."""
    return "\n".join(line.rstrip() for line in screen_lines(pilot))


def toasts(pilot: Pilot[Any]) -> list[str]:
    """What was said in toasts that are still up, oldest first."""
    return [notification.message for notification in pilot.app._notifications]


@contextmanager
def painted(pilot: Pilot[Any]) -> Iterator[list[str]]:
    """Collect what the terminal is sent while the context is open, a text for each update of the screen."""
    app, sent = pilot.app, list[str]()
    display = app._display

    def collect(screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            sent.append(renderable.render_segments(app.console))
        elif renderable is not None:
            sent.append(app.console._render_buffer(app.console.render(renderable)))
        display(screen, renderable)

    app._display = collect
    try:
        yield sent
    finally:
        del app._display


def environ_of(info: CloudInfo) -> dict[str, str]:
    """The variables by which a deck finds the cloud and its keys."""
    return {
        "ARKDECK_ARK_ENDPOINT": info.ark_endpoint,
        "ARKDECK_TOS_ENDPOINT": info.tos_endpoint,
        "ARKDECK_REGION": info.region,
        "ARKDECK_BUCKET": info.bucket,
        "VOLCENGINE_ACCESS_KEY": info.access_key,
        "VOLCENGINE_SECRET_KEY": info.secret_key,
    }
