"""The app as the screens know it: what they read of it, and what they ask it to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

DEEDS: Final = "deeds"
"""The group of the workers that change jobs: the app lets them end before it closes the cloud of the jobs."""

if TYPE_CHECKING:
    from textual.message_pump import MessagePump

    from tui.connection import Connection, ConnectionState
    from tui.creation import Creation
    from tui.launch import Launch, LocalStart
    from tui.poll_status import PollStatus
    from tui.settings.credentials import Credentials
    from tui.settings.deck_state import DeckState


class DeckApp(Protocol):
    """What `tui.app.Deck` is to the screens, which stand below it and do not import it.

    Attributes:
        launch: what it was started with.
        connection: the open cloud, if any.
        connection_state: how opening it went.
        poll_status: what its polls are up to.
        state: how the operator left the deck; `remember` changes it.
        session_keys: keys by profile that the operator gave for as long as the deck runs.
        creation: the job in the making, once there is one.
        typed_at: when the key was pressed that is worked on just now, by `time.monotonic`; None where none is.
    """

    launch: Launch
    connection: Connection | None
    connection_state: ConnectionState
    poll_status: PollStatus
    state: DeckState
    session_keys: dict[str, Credentials]
    creation: Creation | None
    typed_at: float | None

    def connect(self, profile: str | None) -> None:
        """Open a profile in the background, the one in force when None."""

    def connect_local(self, start: LocalStart) -> None:
        """Start a local cloud in the background and open it."""

    def copy(self, text: str, what: str, note: str = "") -> None:
        """Copy a text to the operator's clipboard and say so; `note` is a sentence more on it."""

    def do_app_quit(self) -> None:
        """Leave, at once or when the operator agrees."""

    async def theme_names(self) -> tuple[str, ...]:
        """Return the names of the themes that can be chosen, once their files are read."""

    def remember(self, **changes: object) -> None:
        """Change fields of `state`, and keep them for the next time."""


def deck_of(node: MessagePump) -> DeckApp:
    """Return the app that a screen or widget belongs to."""
    return cast("DeckApp", node.app)
