"""What the deck tells every screen that is open, also those below others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from tui.connection import ConnectionState
    from tui.poll_status import PollStatus
    from tui.runs import poller
    from tui.runs.transfers import Transfer


class BoardChanged(Message, bubble=False):
    """Jobs appeared, changed or went: `event` says which."""

    def __init__(self, event: poller.BoardChanged) -> None:
        super().__init__()
        self.event = event


class PollTold(Message, bubble=False):
    """The polls' status is another; it comes before the BoardChanged of the same poll."""

    def __init__(self, status: PollStatus) -> None:
        super().__init__()
        self.status = status


class ConnectionChanged(Message, bubble=False):
    """Another cloud is being opened, is open, or could not be opened."""

    def __init__(self, state: ConnectionState) -> None:
        super().__init__()
        self.state = state


class TransfersChanged(Message, bubble=False):
    """A transfer began, changed, or was taken off the list; with `figures_only` it went on as it did."""

    def __init__(self, transfer: Transfer, *, figures_only: bool) -> None:
        super().__init__()
        self.transfer = transfer
        self.figures_only = figures_only


class JobMade(Message, bubble=False):
    """The operator made a job: the list goes to it once the board has it."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id


class CreationChanged(Message, bubble=False):
    """The job in the making is another, or more is known of it."""
