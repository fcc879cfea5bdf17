"""Where the command writes: standard output is data, standard error is narration and progress.

Every text passes `clean` here, and JSON has its escapes: names and messages from outside cannot act on the terminal.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TextIO

from tui.errors import ArkdeckError, WorkError
from tui.i18n import _
from tui.safety import redact
from tui.text import clean, json_line


class DataLostError(WorkError):
    """Standard output takes no more: a full disk, a closed descriptor."""


class OutputClosed(Exception):  # noqa: N818  # not an error: the reader has had enough
    """Nobody reads the data any more."""


def print_json(content: Mapping[str, object]) -> None:
    """Write one object as one line of data, at once; what a terminal would act on is escaped, so nothing is lost."""
    write_data(json_line(content) + "\n")
    end_data()


def print_line(text: str) -> None:
    """Write one line of data."""
    write_data(clean(text) + "\n")


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


def end_data() -> None:
    """Push out what was written as data (OutputClosed, DataLostError)."""
    with told_when_lost():
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


def write_data(text: str) -> None:
    """Write text, made harmless by the caller, as data (OutputClosed, DataLostError)."""
    with told_when_lost():
        if sys.stdout is not None:
            sys.stdout.write(_writable(text, sys.stdout))


@contextmanager
def told_when_lost() -> Iterator[None]:
    """Say what became of data that standard output did not take (OutputClosed, DataLostError)."""
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
