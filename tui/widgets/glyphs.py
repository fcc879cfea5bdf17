"""The signs that the running deck draws: Unicode's, or their stand-ins under `--ascii`."""

from __future__ import annotations

from textual._context import active_app

from tui.glyphs import ASCII, UNICODE, Glyphs, glyphs_for

__all__ = ["ASCII", "UNICODE", "Glyphs", "glyphs", "glyphs_for"]


def glyphs() -> Glyphs:
    """Return the running app's `glyphs`; Unicode's where it names none or no app runs."""
    chosen: Glyphs = getattr(active_app.get(None), "glyphs", UNICODE)
    return chosen
