"""Why a local cloud cannot start."""

from __future__ import annotations


class CannotStartError(Exception):
    """The local cloud cannot start; the text says why, and what to change."""


class OptionError(CannotStartError, ValueError):
    """An option of the local cloud says something that it does not know; the text names the word and what fits."""
