"""The application as far as keys are concerned: each is done with before the next one is looked at."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from textual import events
from textual.app import App

from tui.screens.deck_screen import ASKED

if TYPE_CHECKING:
    from textual.dom import DOMNode
    from textual.worker import Worker


class KeysInTurn(App[int]):
    """Hands out keys and pastes one by one.

    Textual sends each key to what has the focus when it comes in. On a slow line several come in at once, so what is
    typed behind `/` would go to the list as commands, before the first of them has moved the focus. Here they wait
    until a key, and the field, the screen or the dialog that it opens, are there.

    Attributes:
        typed_at: when the key was pressed that is worked on just now, by `time.monotonic`; None where none is.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.typed_at: float | None = None
        self._typed: asyncio.Queue[events.Key | events.Paste] = asyncio.Queue()
        self._screen_changed = asyncio.Event()

    def on_mount(self) -> None:
        """Begin to hand out what is typed."""
        self.screen_change_signal.subscribe(self, lambda _screen: self._screen_changed.set(), immediate=True)
        self.run_worker(self._hand_out(), group="keys")

    async def on_event(self, event: events.Event) -> None:
        """Keep keys until it is their turn."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._typed.put_nowait(event)
        else:
            await super().on_event(event)

    async def _hand_out(self) -> None:
        while True:
            self.typed_at = None
            event = await self._typed.get()
            self.typed_at = event.time
            asked_before = self._asked()
            self._screen_changed.clear()
            begun_at = self.focused or self.screen
            await super().on_event(event)
            await _settled(begun_at)
            await self._answered_or_seen(self._asked() - asked_before)
            settled: DOMNode | None = None
            while settled is not (self.focused or self.screen):  # what the key opened, and what that gives the focus
                settled = self.focused or self.screen
                await _settled(settled)

    def _asked(self) -> set[Worker[object]]:
        return {worker for worker in self.workers if worker.group == ASKED and not worker.is_finished}

    async def _answered_or_seen(self, asked: set[Worker[object]]) -> None:
        """Wait until an action is done, or has put up the dialog that it waits for."""
        tasks = {worker._task for worker in asked if worker._task is not None}  # noqa: SLF001  # `wait` raises
        if tasks:
            changed = asyncio.create_task(self._screen_changed.wait())
            await asyncio.wait({changed, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            changed.cancel()


async def _settled(node: DOMNode) -> None:
    """Wait until a widget and all above it have worked through what was sent to them, a key that bubbles among it."""
    for each in node.ancestors_with_self:
        through: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if each.call_later(_come_through, through):
            task = each._task  # noqa: SLF001  # a widget that is closed meanwhile never comes through
            await asyncio.wait({through, task} if task else {through}, return_when=asyncio.FIRST_COMPLETED)


def _come_through(through: asyncio.Future[None]) -> None:
    if not through.done():
        through.set_result(None)
