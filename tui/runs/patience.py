"""How long a run waits before it repeats a step that met an outage, and which outages it sits out at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tui.ark.errors import ArkError
from tui.backoff import backoff
from tui.errors import ArkdeckError
from tui.runs.events import Downloading, Event, Interrupted, Uploading
from tui.runs.services import Services
from tui.storage.errors import StorageError

_FIRST_WAIT: Final = 2.0
_LONGEST_WAIT: Final = 30.0
_LONGEST_ASKED_FOR: Final = 60.0


class Patience:
    """Waits in one step for what has answered before, as long as it takes, longer and longer each time.

    What never answered may be named wrongly, and whoever named it is to know at once. A call that the service may have
    carried out all the same is not repeated either: whether to pay for it once more is the operator's to say.

    Args:
        services: whose answers count.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._failures = 0
        self._furthest: dict[tuple[str, int], int] = {}

    def hear(self, event: Event) -> Event:
        """Return an event as it is to be told, as progress never runs backwards; once bytes move, an outage is over."""
        if not isinstance(event, Uploading | Downloading):
            return event
        file = event.name if isinstance(event, Downloading) else "", event.total
        before = self._furthest.setdefault(file, event.done)
        if event.done <= before:
            return replace(event, done=before)
        self._furthest[file] = event.done
        self._failures = 0
        return event

    def interrupted_by(self, error: ArkdeckError) -> Interrupted | None:
        """Return when the step is to be repeated after an error; None where that would not help."""
        asked = self._asked_to_wait(error)
        if asked is None:
            return None
        self._failures += 1
        wait = backoff(_FIRST_WAIT, self._failures, longest=_LONGEST_WAIT)
        return Interrupted(error, max(wait, min(asked, _LONGEST_ASKED_FOR)), self._failures)

    def _asked_to_wait(self, error: ArkdeckError) -> float | None:
        """Return how many seconds the other side asks for, if at all; None for what is no outage."""
        match error:
            case StorageError(reply=reply) if reply.outage and self._services.store.answered:
                return reply.retry_after
            case ArkError() if error.retryable and not error.maybe_applied and self._services.ark.answered:
                return error.retry_after or 0.0
        return None
