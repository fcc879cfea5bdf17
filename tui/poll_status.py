"""What the polling of a cloud is up to, as the top bar tells it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.errors import ArkdeckError
    from tui.runs.poller import PollEvent


@dataclass(frozen=True)
class PollStatus:
    """The state of the polls of one connection.

    Attributes:
        interval: seconds between polls, 0 for only when asked.
        paused: no poll until it is taken up again or asked for.
        asking: a poll is in flight.
        answered: when the last poll was answered; None before the first.
        failing_since: what is shown is as old as this; None while polls are answered.
        next_at: when a poll that failed is tried again, unless the operator asks before.
        cause: why the last poll failed or was refused.
        refused: the keys or a permission were refused; nothing is asked until the operator does.
        loaded: jobs known so far.
        total: jobs that the service says there are.
    """

    interval: float = 0.0
    paused: bool = False
    asking: bool = False
    answered: datetime | None = None
    failing_since: datetime | None = None
    next_at: datetime | None = None
    cause: ArkdeckError | None = None
    refused: bool = False
    loaded: int = 0
    total: int = 0

    def after(self, event: PollEvent, now: datetime) -> PollStatus:
        """Return the status once `event` has happened, which is `now`."""
        from tui.runs.poller import BoardChanged, PollBegan, PollFailed, PollRefused

        match event:
            case PollBegan():
                return replace(self, asking=True)
            case BoardChanged():
                return replace(
                    self,
                    asking=not event.complete,
                    answered=event.at,
                    failing_since=None,
                    cause=None,
                    refused=False,
                    loaded=event.loaded,
                    total=event.total,
                )
            case PollFailed():
                return replace(
                    self,
                    asking=False,
                    failing_since=event.since,
                    next_at=now + timedelta(seconds=event.next_in),
                    cause=event.cause,
                    refused=False,
                )
            case PollRefused():
                return replace(self, asking=False, refused=True, cause=event.cause)
