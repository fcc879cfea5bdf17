"""The check of one file as it goes: its issues under the rules that they break, and how their lines begin."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tui.dataset.check import CheckProgress, CheckSummary, Issue, check_file
from tui.dataset.lines import open_file
from tui.errors import ArkdeckError

_MAX_ISSUES: Final = 100
"""Issues of one rule that are listed."""

_EXCERPT_BYTES: Final = 256


@dataclass(frozen=True)
class FoundIssue:
    """An issue, and how its line begins; both may hold text from outside."""

    issue: Issue
    excerpt: str


@dataclass
class InputCheck:
    """The check of one file, as far as it has come.

    Attributes:
        issues: by rule, in the order in which rules were first broken; of each the first hundred.
        done: bytes that were read.
        total: bytes of the file; 0 before the first were read.
        summary: at the end.
        error: why it could not be made.
        stopped: the operator stopped it.
    """

    path: Path
    issues: dict[str, list[FoundIssue]] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    summary: CheckSummary | None = None
    error: ArkdeckError | None = None
    stopped: bool = False

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.summary is None and self.error is None and not self.stopped

    @property
    def passed(self) -> CheckSummary | None:
        """What it said, if the platform would take the file."""
        return self.summary if self.summary is not None and not self.summary.errors else None

    def take(self, event: FoundIssue | CheckProgress | CheckSummary) -> None:
        """Note what the check tells."""
        match event:
            case FoundIssue():
                self.issues.setdefault(event.issue.rule, []).append(event)
            case CheckProgress():
                self.done, self.total = event.done, event.total
            case CheckSummary():
                self.summary = event


def check_with_excerpts(path: Path) -> Iterator[FoundIssue | CheckProgress | CheckSummary]:
    """Check a file, and read how the lines of its issues begin; it blocks.

    Raises:
        UsageError: the file is missing, not a regular file, or cannot be read.
    """
    with open_file(path) as file:
        for event in check_file(path, max_issues=_MAX_ISSUES):
            if not isinstance(event, Issue):
                yield event
                continue
            begins = os.pread(file.fileno(), _EXCERPT_BYTES, event.offset) if event.offset is not None else b""
            yield FoundIssue(event, begins.partition(b"\n")[0].decode("utf-8", "replace"))
