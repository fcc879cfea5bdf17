"""What the operator decides about the polls, on every screen that shows jobs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.messages import PollTold
from tui.settings.deck_settings import MIN_REFRESH, MIN_REFRESH_LOOPBACK

_INTERVALS: Final = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, math.inf)
"""What + and - step through, in seconds; the last is "only when asked", which the poller calls 0."""


class Polling(Headed):
    """A screen that can ask the service now, more often, less often, or not at all."""

    def do_jobs_refresh(self) -> None:
        """Ask the service now, also after what has long been finished."""
        connection = deck_of(self).connection
        if connection is not None:
            connection.poller.refresh(self.in_sight(), wholly=True)

    def in_sight(self) -> Sequence[str]:
        """Return the ids of the jobs that are listed on the screen just now."""
        return ()

    def do_jobs_faster(self) -> None:
        """Ask more often."""
        self._ask_every(lambda present, allowed: max((each for each in allowed if each < present), default=present))

    def do_jobs_slower(self) -> None:
        """Ask less often, and in the end only when told to."""
        self._ask_every(lambda present, allowed: min((each for each in allowed if each > present), default=present))

    def do_jobs_pause(self) -> None:
        """Stop asking, or go on."""
        deck = deck_of(self)
        if deck.connection is None:
            return
        poller = deck.connection.poller
        poller.paused = not poller.paused
        self._tell(paused=poller.paused)

    def _ask_every(self, choose: Callable[[float, Sequence[float]], float]) -> None:
        connection = deck_of(self).connection
        if connection is None:
            return
        least = MIN_REFRESH_LOOPBACK if connection.services.ark.on_loopback else MIN_REFRESH
        allowed = [seconds for seconds in _INTERVALS if seconds >= least]
        chosen = choose(connection.poller.interval or math.inf, allowed)
        connection.poller.interval = 0.0 if math.isinf(chosen) else chosen
        self._tell(interval=connection.poller.interval)

    def _tell(self, **changes: object) -> None:
        deck = deck_of(self)
        deck.poll_status = replace(deck.poll_status, **changes)  # type: ignore[arg-type]  # mypy does not know the fields
        for screen in self.app.screen_stack:
            screen.post_message(PollTold(deck.poll_status))
