"""Why a local cloud cannot start."""

from __future__ import annotations


class CannotStartError(Exception):
    """The local cloud cannot start; the text says why, and what to change."""
