"""Where the service's counters and the files of a job do not tell the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.ark.models import Counts
    from tui.dataset.results import Account


@dataclass(frozen=True)
class Disagreement:
    """One number that differs.

    Attributes:
        what: `requests`, `completed` or `failed`.
        service: by the service's counters.
        files: by the files.
    """

    what: str
    service: int
    files: int


def disagreements(counts: Counts, account: Account) -> list[Disagreement]:
    """Return what the service counted otherwise than the files tell.

    Whether its `completed` includes failures is not documented: either is agreement.
    """
    completed = account.ok + account.failed if counts.completed == account.ok + account.failed else account.ok
    told = {
        "requests": (counts.total, account.requests),
        "completed": (counts.completed, completed),
        "failed": (counts.failed, account.failed),
    }
    return [Disagreement(what, *pair) for what, pair in told.items() if pair[0] != pair[1]]
