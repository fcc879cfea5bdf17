"""Content as segments of a line: harmless whatever is in it, cut and padded to an exact number of cells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.content import Content
from textual.style import Style

Align: TypeAlias = Literal["left", "right"]
Segments: TypeAlias = tuple[Segment, ...]

_HARMFUL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_JOINING: Final = re.compile("[\u200d\ufe0f]")  # makes one sign of two; terminals disagree on how wide that is
_SHOWS_ON_BLANKS: Final = ("underline", "underline2", "reverse", "strike", "overline", "frame", "encircle")


def segments(content: Content, base: Style, *, colours: bool = True) -> list[Segment]:
    """Return one line of content over the `base` style, without links, actions and control characters.

    Args:
        content: what a widget was given; text from outside came through safe_text.
        base: the style beneath.
        colours: keep the styles within the content; on a reversed row they would become grounds.
    """
    if any(span.end > len(content.plain) for span in content.spans):
        colours = False  # Textual took characters away beneath the styles; render fails on such
    parts = content.render(base, end="") if colours else [(content.plain, base)]
    return [Segment(harmless, _rich(style)) for text, style in parts if (harmless := _harmless(text))]


def fit(parts: list[Segment], width: int, *, blank: RichStyle, align: Align = "left", ellipsis: str) -> Segments:
    """Return the segments over exactly `width` cells, padded with `blank` or cut with the ellipsis.

    A character of two cells is never halved: where only one is left, it is blank.
    """
    cells = cell_length(parts)
    if cells > width:
        return tuple(_cut(parts, width, ellipsis))
    padding = [Segment(" " * (width - cells), blank)] if cells < width else []
    return (*padding, *parts) if align == "right" else (*parts, *padding)


def cell_length(parts: Iterable[Segment]) -> int:
    """Return how many cells the segments take."""
    return sum(cell_len(part.text) for part in parts)


def joined(parts: Iterable[Segment]) -> list[Segment]:
    """Return the segments with neighbours of one look made one: every change of style costs bytes on the wire.

    A blank has no colour of its own, so it goes with its neighbour where the ground is the same.
    """
    result: list[Segment] = []
    for part in parts:
        if result and (style := _common(result[-1], part)) is not None:
            result[-1] = Segment(result[-1].text + part.text, style)
        else:
            result.append(part)
    return result


def _harmless(text: str) -> str:
    return text if text.isascii() and text.isprintable() else _HARMFUL.sub("\ufffd", _JOINING.sub("", text))


def _cut(parts: list[Segment], width: int, ellipsis: str) -> Iterator[Segment]:
    room = width - cell_len(ellipsis)
    if room < 0:
        yield Segment(" " * width, parts[0].style)
        return
    for text, style, _control in parts:
        cells = cell_len(text)
        if cells > room:
            yield Segment(set_cell_size(text, room) + ellipsis, style)
            return
        yield Segment(text, style)
        room -= cells


@lru_cache(maxsize=1024)
def _rich(style: Style) -> RichStyle:
    """Return the style for a segment, the same object for the same look: to make one costs more than all the rest."""
    return style.rich_style.clear_meta_and_links()


def _common(left: Segment, right: Segment) -> RichStyle | None:
    if left.style == right.style:
        return left.style
    style = left.style if right.text.isspace() else right.style if left.text.isspace() else None
    if style is None or left.style is None or right.style is None or left.style.bgcolor != right.style.bgcolor:
        return None
    return None if _is_seen_on_blanks(left.style) or _is_seen_on_blanks(right.style) else style


@lru_cache(maxsize=1024)
def _is_seen_on_blanks(style: RichStyle) -> bool:
    return any(getattr(style, look) for look in _SHOWS_ON_BLANKS)
