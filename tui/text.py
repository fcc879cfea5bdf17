"""Text from outside made harmless, and numbers made readable.

Job names, messages, file names and model output stay raw in the models and pass `clean` on their way to a screen, a
log or a title: control characters would act on the terminal, bidirectional marks would reorder what is read
(security.md §5 of the project's fact sheets has the attacks this was tried against).
"""

from __future__ import annotations

import json
import re
import shlex
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_LINE_BREAKS: Final = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS: Final = frozenset("\u200c\u200d")  # emoji and Persian need them, after a sign to join
_BLANKS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u17b4\u17b5")
_MAX_MARKS: Final = 4  # combining marks on one letter; more is meant to overflow the line
_CONTROL_PICTURES: Final = 0x2400
_ACTED_ON: Final = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def clean(text: str, *, multiline: bool = False, strict: bool = False, limit: int = 4096) -> str:
    r"""Return `text` with nothing left in it that a terminal would act on.

    Args:
        text: anything.
        multiline: keep line breaks; otherwise they become `⏎`.
        strict: for identifiers, keys and file names: what is invisible is spelled out as `\u{...}`.
        limit: characters kept; `…` marks a cut.
    """
    kept: list[str] = []
    marks = 0
    for char in text[:limit].replace("\r\n", "\n"):
        if " " <= char <= "~":
            kept.append(char)
            marks = 0
            continue
        category = unicodedata.category(char)
        shown = _harmless(char, category, multiline=multiline, strict=strict)
        if shown in _JOINERS and (not kept or kept[-1][-1:] in _JOINERS or kept[-1].isascii()):
            continue
        if category in ("Mn", "Me"):
            marks += 1
        elif shown and category != "Cf":  # what is invisible between marks does not begin a new letter
            marks = 0
        if marks <= _MAX_MARKS or category not in ("Mn", "Me"):
            kept.append(shown)
    return "".join(kept) + ("…" if len(text) > limit else "")


def _harmless(char: str, category: str, *, multiline: bool, strict: bool) -> str:
    if char in _LINE_BREAKS:
        return "\n" if multiline else "⏎"
    if char == "\t":
        return "    " if multiline else " "
    if char == "\x7f":
        return "␡"
    if char < " ":
        return chr(_CONTROL_PICTURES + ord(char))
    if category in ("Cc", "Cs", "Co", "Cn"):
        return "\ufffd"
    if char in _JOINERS and not strict:
        return char
    invisible = category == "Cf" or char in _BLANKS or "\U000e0100" <= char <= "\U000e01ef"
    if not invisible:
        return char
    return f"\\u{{{ord(char):x}}}" if strict or char in _BIDI else ""


def json_line(content: Mapping[str, object]) -> str:
    """Return an object as one line of JSON; what a terminal would act on is escaped, so that nothing is lost."""
    text = json.dumps(content, ensure_ascii=False)
    return _ACTED_ON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def human_bytes(count: float) -> str:
    """Return a size as operators read it: `999 B`, `1.2 MiB`, `5.0 GiB`."""
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1023.95:
            return f"{count:.1f} {unit}"
    return f"{count / 1024:.1f} TiB"


def human_duration(seconds: float) -> str:
    """Return a duration in its two largest units: `4s`, `3m20s`, `2h05m`, `6d02h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def short_path(path: Path) -> str:
    """Return a path as operators write it: `~` for their home."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):  # it lies elsewhere, or nobody knows where home is
        return str(path)


def path_in_shell(path: Path) -> str:
    """Return a path as a shell takes it, the operator's home as `~`."""
    home, slash, rest = short_path(path).partition("~/")
    return f"~/{shlex.quote(rest)}" if slash and not home else shlex.quote(str(path))
