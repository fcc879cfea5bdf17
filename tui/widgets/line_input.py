"""Fields for one line of text: harmless ones, and ones that keep a secret to themselves."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from rich.text import Text
from textual import events
from textual.selection import Selection
from textual.widgets import Input

from tui.i18n import _

_HARMLESS: Final = r"[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]*"
_TAKEN: Final = re.compile(_HARMLESS)


def harmless_part(text: str) -> str:
    """Return the beginning of a text that a field takes: up to the first character that would act on a terminal."""
    found = _TAKEN.match(text)
    return found[0] if found else ""


class LineInput(Input):
    """Takes no character that would act on a terminal; its cursor does not blink, as each blink costs bytes."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(value, restrict=_HARMLESS, select_on_focus=False, compact=True, **options)
        self.cursor_blink = False

    def restricted(self) -> None:
        """Say why a text was not taken."""
        self.app.notify(_("that holds control characters"), severity="warning", markup=False)


class PastingInput(LineInput):
    """Takes what is pasted as a whole, however many lines of a terminal's clipboard it is."""

    def action_paste(self) -> None:
        """Paste what was copied in the deck."""
        self.take(self.app.clipboard)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.take(event.text)

    def take(self, text: str) -> None:
        """Put in what was pasted, without the blanks and line breaks that came along."""
        self.replace(text.strip(), *self.selection)


class KeyInput(PastingInput):
    """Takes an access key, typed or pasted.

    Args:
        secret: show a star for each character, and let nothing be copied out.
        options: of the field.
    """

    ALLOW_SELECT: ClassVar[bool] = False

    def __init__(self, *, secret: bool, **options: Any) -> None:
        super().__init__(password=secret, **options)

    @property
    def _value(self) -> Text:
        """What is shown; Textual's own sign for what is hidden is not in ASCII."""
        if self.password:
            return Text("*" * len(self.value), no_wrap=True, overflow="ignore", end="")
        return super()._value

    def forget(self) -> None:
        """Hold nothing any more, without a word to anybody."""
        self.set_reactive(Input.value, "")
        self.set_reactive(Input.selection, type(self.selection).cursor(0))

    def on_unmount(self) -> None:
        """Hold nothing once the screen is left."""
        self.forget()

    @property
    def selected_text(self) -> str:
        """What would be copied: nothing of a secret."""
        return "" if self.password else super().selected_text

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Give nothing to a selection of the screen."""
        return None

    def action_copy(self) -> None:
        """Copy, unless it is a secret."""
        self._keep() if self.password else super().action_copy()

    def action_cut(self) -> None:
        """Cut, unless it is a secret."""
        self._keep() if self.password else super().action_cut()

    def _keep(self) -> None:
        self.app.notify(_("what is hidden is not copied"), markup=False)
