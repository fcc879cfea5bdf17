"""What keys do, in one line: beneath the fields of a dialog, behind a note, or as the next step of a page."""

from __future__ import annotations

from textual.content import Content

from tui.widgets.safe_text import line


def legend(*keys: tuple[str, str], look: str = "$muted") -> Content:
    """Return each key with a word or a few behind it; `look` is the style of the words."""
    return Content("   ").join([line((key, "bold $accent"), (f" {what}", look)) for key, what in keys])
