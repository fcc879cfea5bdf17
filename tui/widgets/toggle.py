"""A line that is chosen or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import line


class Toggle(Widget, can_focus=True):
    """Lets one thing be chosen or not, by space and mouse.

    Args:
        label: what is chosen.
        chosen: whether it is to begin with.
    """

    DEFAULT_CSS = """
    Toggle {
        width: 1fr;
        height: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,enter", "turn", show=False)]
    ALLOW_SELECT: ClassVar[bool] = False

    @dataclass
    class Changed(Message):
        """It was chosen, or is not any more."""

        toggle: Toggle

        @property
        def control(self) -> Toggle:
            """The line that speaks."""
            return self.toggle

    def __init__(self, label: Content, *, chosen: bool, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label = label
        self._chosen = chosen

    @property
    def chosen(self) -> bool:
        """Whether it is chosen."""
        return self._chosen

    def action_turn(self) -> None:
        """Choose it, or not any more."""
        self._chosen = not self._chosen
        self.refresh()
        self.post_message(self.Changed(self))

    def on_click(self) -> None:
        """Do the same as the space."""
        self.action_turn()

    def on_focus(self) -> None:
        """Show that the keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Show that they do not."""
        self.refresh()

    def render(self) -> Content:
        """Return mark and label."""
        mark = glyphs().check if self._chosen else " "
        label = self._label.stylize("reverse") if self.has_focus else self._label
        return line(("[", "$muted"), (mark, "bold $mark"), ("] ", "$muted"), label)
