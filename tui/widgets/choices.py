"""A list of options whose highlighted one stands out in every theme."""

from __future__ import annotations

from typing import Final

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual.strip import Strip
from textual.style import Style
from textual.widgets import OptionList

_PLAIN: Final = RichStyle(color="default", bgcolor="default")


class Choices(OptionList):
    """Textual's list, in which the highlighted option can also be in reverse: one bar, whatever colours the option has.

    The terminal's own colours need it: nobody knows which of them can be read on which. Textual's list passes over
    `text-style: reverse`.
    """

    DEFAULT_CSS = """
    Choices > .option-list--option-highlighted, Choices:focus > .option-list--option-highlighted {
        text-style: $cursor-style;
    }
    """

    def get_visual_style(self, *component_classes: str, partial: bool = False) -> Style:
        """Return the style of a part, in reverse where the style sheet says so."""
        style = super().get_visual_style(*component_classes, partial=partial)
        if any(self.get_component_styles(name).text_style.reverse for name in component_classes):
            return style + Style(reverse=True)
        return style

    def render_line(self, y: int) -> Strip:
        """Return a line; what is in reverse is so in the two default colours."""
        strip = super().render_line(y)
        if not any(style and style.reverse for _text, style, _control in strip):
            return strip
        return Strip([Segment(text, style + _PLAIN if style else _PLAIN) for text, style, _control in strip])
