"""How screens and dialogs tell of what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from textual.app import App

    from tui.errors import ArkdeckError

_SECONDS: Final = 20.0


def tell_error(app: App[Any], error: ArkdeckError) -> None:
    """Tell in a toast what went wrong and what helps, long enough to do that."""
    app.notify(error.in_full, severity="error", timeout=_SECONDS, markup=False)
