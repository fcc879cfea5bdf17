"""What both shells do before anything else, and what keeps secrets in: `Secret` and the log formatter."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import logging
import os
import re
import sys
import urllib.parse
from collections.abc import Iterator
from typing import IO, Final, NoReturn

MASK: Final = "***"

_MIN_SECRET: Final = 8  # shorter values would mask half of every log line
# What stands between a name and its value, also in representations and JSON.
_NAMED: Final = r"(?:\\*[\"']?\s*[:=]|[\"']\s*,)\s*b?"
_PATTERNS: Final = (
    re.compile(r"\bAK(?:LT|TP)[0-9A-Za-z]{16,}"),
    re.compile(r"\bSTS2?[0-9A-Za-z+/=_-]{40,}"),
    re.compile(r"(://)[^/\s@]+(?=@)"),  # user and password of a proxy
    re.compile(rf"(?i)(authorization{_NAMED}\\*[\"']?)[^\"'\r\n]+"),  # its value has blanks and commas
    re.compile(
        rf"(?i)((?:(?:security|session)[_-]?token|signature|secret[a-z_-]*|password|passphrase){_NAMED})"
        r"(?:\\*\"[^\"]*\"|'[^']*'|[^\s\"'&,}]+)"
    ),
)
_SDK_LOGGERS: Final = ("tos", "tos.checkpoint", "tos.credential", "urllib3", "httpx", "httpcore", "asyncio")
_known_secrets: set[str] = set()


class Secret:
    """A value that shows itself to nobody but the one who calls `reveal`.

    Its text, representation and formatting are a mask, and it refuses to be pickled. Every form in which it might
    travel (plain, URL-quoted, base64) is redacted from logs and tracebacks from the moment it exists.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value
        if len(value) >= _MIN_SECRET:
            encoded = base64.b64encode(value.encode()).decode()
            quoted = {
                urllib.parse.quote(value),
                urllib.parse.quote(value, safe=""),
                urllib.parse.quote_plus(value),
            }
            _known_secrets.update({value, encoded, repr(value)[1:-1]} | quoted)

    def reveal(self) -> str:
        """Return the value itself, for signing or for a store that keeps it."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self.__value

    def __hash__(self) -> int:
        return hash(self.__value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")


def redact(text: str) -> str:
    """Return `text` with every known secret and everything that looks like one masked."""
    for secret in sorted(_known_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(lambda found: (found.group(1) if found.re.groups else "") + MASK, text)
    return text


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, without secrets and as one record that no name can forge.

    Line breaks inside a record continue as `    | `; other control characters are spelled out.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        try:
            text = super().format(record)
        except (TypeError, ValueError, KeyError) as error:
            # logging itself would print the arguments as they are
            text = f"{record.levelname} {record.name}: {record.msg!r} with {record.args!r} ({error})"
        lines = redact(text).split("\n")
        return "\n    | ".join("".join(_spelled(line)) for line in lines)


def _spelled(line: str) -> Iterator[str]:
    for char in line:
        yield char if char.isprintable() else f"\\x{ord(char):02x}"


def harden() -> None:
    """Make the process keep its files and memory to itself; call it before importing what does input or output.

    Files are made private (umask 077), no core is dumped, the process is not traceable by others (Linux), and the
    variables by which Textual would log every key are dropped.
    """
    os.umask(0o077)
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        pr_set_dumpable = 4
        with contextlib.suppress(OSError, AttributeError):  # a libc without prctl keeps the default
            ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)
    for variable in ("TEXTUAL_LOG", "TEXTUAL"):
        os.environ.pop(variable, None)


def set_up_logging(stream: IO[str] | None = None) -> None:
    """Send the warnings of the libraries to `stream` (standard error), redacted.

    The object store's SDK prints to standard output when its logger is above WARNING and to standard error when it
    has no handler (tos.md §4.1 of the project's fact sheets), so each gets ours and no other.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().handlers = [handler]
    for name in _SDK_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)
