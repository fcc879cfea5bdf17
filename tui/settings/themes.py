"""Themes: one TOML file each, shipped inside the wheel; what is wrong in one is named by file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Final

import msgspec

from tui.errors import UsageError
from tui.i18n import _
from tui.settings.shipped import shipped
from tui.text import clean

Colour = Annotated[
    str,
    msgspec.Meta(pattern="^(#[0-9a-f]{6}|ansi_(default|(bright_)?(black|red|green|yellow|blue|magenta|cyan|white)))$"),
]


class ThemeError(UsageError):
    """A theme's file is wrong, or the themes are not where they should be."""


class PhaseColours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One colour for each phase of a job."""

    queued: Colour
    initializing: Colour
    running: Colour
    completed: Colour
    terminating: Colour
    terminated: Colour
    failed: Colour


class Theme(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the screens are painted with.

    Colours are all `#rrggbb`, or all the terminal's own (`ansi_red`): a mixture is unreadable on some screens.

    Attributes:
        name: the file's name without its suffix.
        dark: light text on a dark ground.
    """

    name: str
    dark: bool
    primary: Colour
    secondary: Colour
    accent: Colour
    success: Colour
    warning: Colour
    error: Colour
    foreground: Colour
    background: Colour
    surface: Colour
    panel: Colour
    phases: PhaseColours

    @property
    def ansi(self) -> bool:
        """Whether the colours are the terminal's own."""
        return self.background.startswith("ansi_")

    def colours(self) -> dict[str, str]:
        """Return every colour by its key in the file, as in `phases.running`."""
        own = {key: value for key, value in msgspec.structs.asdict(self).items() if key not in _NOT_COLOURS}
        phases = msgspec.structs.asdict(self.phases)
        return own | {f"phases.{phase}": colour for phase, colour in phases.items()}


_NOT_COLOURS: Final = ("name", "dark", "phases")


def load_themes() -> dict[str, Theme]:
    """Return the shipped themes by name, in order of name.

    Raises:
        ThemeError: a file is not a theme, or the folder is missing.
    """
    try:
        folder = shipped("themes")
    except FileNotFoundError as error:
        raise ThemeError(str(error), advice=_("Install arkdeck again")) from error
    return {file.stem: load_theme(file) for file in sorted(folder.glob("*.toml"))}


def load_theme(file: Path) -> Theme:
    """Read one theme; its name is the file's.

    Raises:
        ThemeError: the message names the file and the key that is missing, unknown or not a colour.
    """
    try:
        document = tomllib.loads(file.read_text("utf-8"))
        theme = msgspec.convert({"name": file.stem} | document, Theme)
    except OSError as error:
        raise _wrong(file, str(error.strerror)) from error
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise _wrong(file, str(error)) from error
    if theme.name != file.stem:
        raise _wrong(file, _("name: a theme has the name of its file"))
    for key, colour in theme.colours().items():
        if colour.startswith("ansi_") != theme.ansi:
            raise _wrong(file, _("{key}: #rrggbb and ansi colours do not go together", key=key))
    return theme


def _wrong(file: Path, reason: str) -> ThemeError:
    return ThemeError(_("{file}: {reason}", file=clean(str(file), strict=True), reason=clean(reason)))
