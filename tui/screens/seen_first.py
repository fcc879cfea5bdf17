"""Dialogs that take no answer before they could be read."""

from __future__ import annotations

import math
from time import monotonic
from typing import TypeVar

from textual.screen import ModalScreen

from tui.screens.deck_app import deck_of

_Result = TypeVar("_Result")


class SeenFirst(ModalScreen[_Result]):
    """A dialog that knows of each key whether it was on the screen when that was pressed.

    On a slow line keys come in together, and those behind the one that opens the dialog were not meant for it.
    """

    _seen_at = math.inf

    def on_mount(self) -> None:
        """Note when it is on the screen."""
        self.call_after_refresh(self.app.call_later, self._be_seen)

    def _be_seen(self) -> None:
        self._seen_at = monotonic()

    @property
    def is_seen(self) -> bool:
        """Whether it is on the screen."""
        return self._seen_at < math.inf

    @property
    def was_seen(self) -> bool:
        """Whether it was when the operator pressed the key, or clicked, that is worked on just now."""
        typed_at = deck_of(self).typed_at
        return self.is_seen if typed_at is None else typed_at > self._seen_at
