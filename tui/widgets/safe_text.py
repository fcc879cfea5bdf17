"""The one door for text to the screen: what passes here is data, whatever it says.

Textual reads markup in a plain `str`: a job named `[@click=app.quit]` would become a button, one named `a[/]b` an error
that ends the program. Nothing but the `Content` made here (or Rich's `Text`) is given to a widget;
tests/unit/test_text_sinks.py holds every source file to it.
"""

from __future__ import annotations

from typing import TypeAlias

from textual.content import Content
from textual.style import Style

from tui.text import clean

Part: TypeAlias = str | Content | tuple[str, str | Style]


def plain(text: str, *, limit: int = 4096) -> Content:
    """Return `text` on one line, harmless; of more than `limit` characters the rest is cut."""
    return Content(clean(text, limit=limit))


def identifier(text: str, *, limit: int = 1024) -> Content:
    r"""Return an id, an object key or a file name on one line; what is invisible in it is spelled out as `\u{...}`."""
    return Content(clean(text, strict=True, limit=limit))


def paragraphs(text: str, *, limit: int = 65_536) -> Content:
    """Return `text` with its line breaks, harmless; of more than `limit` characters the rest is cut."""
    return Content(clean(text, multiline=True, limit=limit))


def line(*parts: Part) -> Content:
    """Return one line of several parts, each harmless.

    Args:
        parts: a text; a text with a style of ours (`"$muted"`, `"bold $phase-failed"`); or what came through this door.
    """
    return Content.assemble(*(_part(part) for part in parts))


def _part(part: Part) -> Content:
    if isinstance(part, Content):
        return part
    if isinstance(part, str):
        return plain(part)
    text, style = part
    return Content.styled(clean(text), style)
