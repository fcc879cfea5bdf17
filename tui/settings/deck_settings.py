"""The `[deck]` table of the configuration: how the screens look, and how often they ask."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import UNSET, UnsetType

from tui.i18n import _
from tui.settings.fields import InvalidValueError

DEFAULT_REFRESH: Final = 15.0
DEFAULT_REFRESH_LOOPBACK: Final = 2.0
MIN_REFRESH: Final = 5.0
MIN_REFRESH_LOOPBACK: Final = 1.0
MAX_REFRESH: Final = 86_400.0

Theme = Annotated[str, msgspec.Meta(description="Name of a theme.", min_length=1)]
Refresh = Annotated[
    float, msgspec.Meta(description="Seconds between polls; 0 for only when asked, services at most every 5.", ge=0)
]
Mouse = Annotated[bool, msgspec.Meta(description="Let the terminal report the mouse.")]
Ascii = Annotated[bool, msgspec.Meta(description="Draw with ASCII characters alone.")]


class DeckSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the operator decided about the screens; what is unset is remembered or has a default."""

    theme: Theme | UnsetType = UNSET
    refresh: Refresh | UnsetType = UNSET
    mouse: Mouse | UnsetType = UNSET
    ascii: Ascii | UnsetType = UNSET


def checked_refresh(seconds: float) -> float:
    """Return an interval between polls as it may stand in the file.

    Raises:
        InvalidValueError: it is neither 0 nor from 1 to 86,400.
    """
    if not (seconds == 0 or MIN_REFRESH_LOOPBACK <= seconds <= MAX_REFRESH):
        raise InvalidValueError(_("write seconds from 1 to {most}, or 0 for only when asked", most=round(MAX_REFRESH)))
    return float(seconds)


def refresh_interval(settings: DeckSettings, *, on_loopback: bool) -> float:
    """Return the seconds between polls, 0 for only when asked; a service is asked every 5 seconds at most."""
    if settings.refresh is UNSET:
        return DEFAULT_REFRESH_LOOPBACK if on_loopback else DEFAULT_REFRESH
    least = MIN_REFRESH_LOOPBACK if on_loopback else MIN_REFRESH
    return max(least, settings.refresh) if settings.refresh else 0.0
