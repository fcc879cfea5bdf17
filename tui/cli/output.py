"""Where the command writes: standard output is data, standard error is narration and progress.

Every text passes `clean` here, and JSON has its escapes: names and messages from outside cannot act on the terminal.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TextIO

from tui.errors import ArkdeckError, WorkError
from tui.i18n import _
from tui.safety import redact
from tui.text import clean, human_bytes, human_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_EVERY_SECONDS: Final = 5.0
_CELL: Final = 200  # characters of a cell that are ever shown
_NARROWEST: Final = 8
_ACTED_ON: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


class DataLostError(WorkError):
    """Standard output takes no more: a full disk, a closed descriptor."""


class OutputClosed(Exception):  # noqa: N818  # not an error: the reader has had enough
    """Nobody reads the data any more."""


def print_json(content: Mapping[str, object]) -> None:
    """Write one object as one line of data, at once; what a terminal would act on is escaped, so nothing is lost."""
    text = json.dumps(content, ensure_ascii=False)
    _write(_ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    end_data()


def print_line(text: str) -> None:
    """Write one line of data."""
    _write(clean(text) + "\n")


def say(text: str, *, indent: int = 0) -> None:
    """Narrate one line on standard error, without secrets; when nobody can hear it the work goes on."""
    line = _writable(_wrapped(redact(clean(text)), indent) + "\n", sys.stderr)
    with suppress(OSError, ValueError, AttributeError):  # closed, full, or never opened
        sys.stderr.write(line)
        sys.stderr.flush()


def _wrapped(text: str, indent: int) -> str:
    """The line, broken between words where a terminal would break it anywhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        return " " * indent + text
    wrapper = textwrap.TextWrapper(
        shutil.get_terminal_size().columns,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )
    return wrapper.fill(text)


def explain(error: ArkdeckError, *, subject: str = "arkdeck") -> None:
    """Tell an error: what happened, and what to do in lines of its own."""
    say(f"{subject}: {error.message}")
    for line in filter(None, error.advice.split("\n")):
        say(line, indent=2)


@dataclass(frozen=True)
class Column:
    """One column of a table; `gives` width away where a terminal is narrow, and is left out before others are cut."""

    heading: str
    gives: bool = False


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
    """Write rows as aligned columns: fitted to a terminal, whole when the output goes elsewhere."""
    from rich.cells import cell_len, set_cell_size

    table = [[column.heading for column in columns], *([clean(cell, limit=_CELL) for cell in row] for row in rows)]
    widths = [max(cell_len(row[place]) for row in table) for place in range(len(columns))]
    if sys.stdout is not None and sys.stdout.isatty():
        widths = _fitted(widths, columns, shutil.get_terminal_size().columns)
    for row in table:
        cells = [_cut(cell, width) for cell, width in zip(row, widths, strict=True) if width]
        padded = [set_cell_size(cell, width) for cell, width in zip(cells, filter(None, widths), strict=True)]
        _write("  ".join(padded).rstrip() + "\n")


def _fitted(widths: list[int], columns: Sequence[Column], room: int) -> list[int]:
    """The widths that fit: columns that give shrink, the widest first, and the last of them go when all are small."""
    widths = list(widths)
    givers = [place for place, column in enumerate(columns) if column.gives]
    while sum(widths) + 2 * (sum(map(bool, widths)) - 1) > room and givers:
        widest = max(givers, key=lambda place: widths[place])
        if widths[widest] > _NARROWEST:
            widths[widest] -= 1
        else:
            widths[givers.pop()] = 0
    return widths


def _cut(text: str, width: int) -> str:
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def end_data() -> None:
    """Push out what was written as data (OutputClosed, DataLostError)."""
    with _told_when_lost():
        if sys.stdout is not None:
            sys.stdout.flush()


def drop_unwritable() -> None:
    """Drop what an output did not take, which the interpreter would try again, and fail, at its exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _write(text: str) -> None:
    with _told_when_lost():
        if sys.stdout is not None:
            sys.stdout.write(_writable(text, sys.stdout))


@contextmanager
def _told_when_lost() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise OutputClosed from None
    except (OSError, ValueError) as error:
        raise DataLostError(_("cannot write to standard output: {error}", error=error)) from error


def _writable(text: str, stream: TextIO | None) -> str:
    """The text in what the stream can take: a C locale must not end the command."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


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
