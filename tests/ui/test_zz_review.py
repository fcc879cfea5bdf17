from tests.ui.conftest import *
from tests.ui.pilot_tools import until
from textual import events
from textual.app import App
from textual.widgets import Button
import time, tui.screens.confirm as C
from tui.screens.confirm import ConfirmScreen


async def test_x(deck_on, busy, monkeypatch):
    t0 = time.monotonic()

    def log(*a):
        print(f"{(time.monotonic() - t0) * 1000:.1f}", *a)

    o = ConfirmScreen._be_seen
    monkeypatch.setattr(ConfirmScreen, "_be_seen", lambda s: (log("seen"), o(s))[1])
    k = ConfirmScreen.on_key
    monkeypatch.setattr(
        ConfirmScreen, "on_key", lambda s, e: (log("on_key", e.key, (e.time - t0) * 1000, s._seen_at), k(s, e))[1]
    )
    cb = App._check_bindings

    async def chk(s, key, priority=False):
        log("check", key, priority, type(s.screen).__name__, s.focused, s.screen.is_mounted)
        r = await cb(s, key, priority)
        log("  ->", key, priority, r)
        return r

    monkeypatch.setattr(App, "_check_bindings", chk)
    async with deck_on(busy) as pilot:
        await pilot.press("2")
        log("burst")
        for key in ("S", "right", "enter"):
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        await pilot.pause(1)
