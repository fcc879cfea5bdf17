"""Texts in dialogs that change while somebody types."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


def say(place: Static, words: Content) -> None:
    """Show a text; what stands there already is not painted again, what takes as many rows lays nothing out anew."""
    shown, width = place.content, place.content_size.width
    if not isinstance(shown, Content):
        place.update(words)
    elif not shown.is_same(words):
        same_rows = width > 0 and len(shown.wrap(width)) == len(words.wrap(width))
        place.update(words, layout=not same_rows)
