"""How far a step is: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from tui.cli.output import say
from tui.i18n import _
from tui.text import clean, human_bytes, human_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_SECONDS: Final = 5.0


class ProgressLine:
    """Progress of one step after the other: a bar on a terminal, a plain line now and then elsewhere.

    Args:
        shown: False keeps quiet, for a caller that asked for JSON.
    """

    def __init__(self, *, shown: bool = True) -> None:
        self._shown = shown
        self._on_terminal = sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._label = ""
        self._last_line = 0.0
        self._began = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def show(self, label: str, done: int, total: int, *, unit: str = "bytes", note: str = "") -> None:
        """Show how far the step `label` is; another label ends the step before it."""
        if not self._shown or total <= 0:
            return
        if label != self._label:
            self.end()
            self._label, self._began, self._last_line = label, time.monotonic(), time.monotonic()
        if self._on_terminal:
            self._draw(label, done, total, unit, note)
        elif time.monotonic() - self._last_line >= _LINE_EVERY_SECONDS:
            self._last_line = time.monotonic()
            say(f"  {label}: {100 * done // total} %  {self._amount(done, total, unit)} {note}".rstrip())

    def end(self) -> None:
        """Take the bar away, leaving the lines around it."""
        if self._bars is not None:
            self._bars.stop()
        self._bars = self._task = None
        self._label = ""

    def _draw(self, label: str, done: int, total: int, unit: str, note: str) -> None:
        if self._bars is None:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            self._bars = Progress(
                TextColumn("  {task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f} %", markup=False),
                TextColumn("{task.fields[amount]}", markup=False),
                console=Console(file=sys.stderr, highlight=False),
                transient=True,
                refresh_per_second=2,
            )
            self._task = self._bars.add_task(clean(label), total=total, amount="")
            self._bars.start()
        if self._task is not None:
            amount = f"{self._amount(done, total, unit)} {note}".rstrip()
            self._bars.update(self._task, completed=done, total=total, amount=amount)

    def _amount(self, done: int, total: int, unit: str) -> str:
        if unit != "bytes":
            return _("{done:,} of {total:,} {unit}", done=done, total=total, unit=unit)
        seconds = time.monotonic() - self._began
        amount = f"{human_bytes(done)} / {human_bytes(total)}"
        if seconds < 1 or not done:
            return amount
        rate = done / seconds
        return f"{amount}  {human_bytes(rate)}/s  {human_duration((total - done) / rate)}"
