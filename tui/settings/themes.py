"""Themes: one TOML file each, shipped or the operator's own; what is wrong in one is named by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from tui.errors import UsageError
from tui.i18n import _
from tui.settings.shipped import shipped
from tui.text import clean

Colour = Annotated[
    str,
    msgspec.Meta(
        pattern="^(#[0-9a-fA-F]{6}|ansi_(default|(bright_)?(black|red|green|yellow|blue|magenta|cyan|white)))$"
    ),
]
Name = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]*$")]


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
        muted: text that matters less.
        cursor: the ground of the row under the cursor; the background's own where it is shown in reverse.
        cursor_text: plain text on that ground; phases, marks and muted text keep their colours there.
        mark: chosen rows.
        stale: what was true a while ago.
    """

    name: Name
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
    muted: Colour
    cursor: Colour
    cursor_text: Colour
    mark: Colour
    stale: Colour
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

_PLAIN: Final = "ansi_default"

_DERIVED: Final = {
    "muted": "secondary",
    "cursor": "panel",
    "cursor_text": "foreground",
    "mark": "accent",
    "stale": "warning",
}
"""What a file need not say, and the key whose colour it has then."""


class Themes(msgspec.Struct, frozen=True):
    """What the operator can choose from.

    Attributes:
        by_name: in order of name; one of the operator's own has replaced the shipped one of its name.
        problems: one for each of the operator's files that is not a theme.
    """

    by_name: Mapping[str, Theme]
    problems: tuple[ThemeError, ...] = ()


def load_themes(user_folder: Path | None = None) -> Themes:
    """Return the shipped themes and those of `user_folder`, which need not exist.

    Raises:
        ThemeError: a shipped file is not a theme, or the folder of the shipped ones is missing.
    """
    themes = {name: load_theme(file) for name, file in _files(_shipped_folder()).items()}
    problems: list[ThemeError] = []
    for name, file in sorted(_files(user_folder).items()):
        try:
            themes[name] = load_theme(file)
        except ThemeError as error:
            problems.append(error)
    return Themes(dict(sorted(themes.items())), tuple(problems))


def find_theme(name: str, user_folder: Path | None = None) -> Theme | None:
    """Return the theme that `load_themes` knows by that name, and read no other; None when there is none.

    Raises:
        ThemeError: the shipped file is not a theme, or the folder of the shipped ones is missing.
    """
    own = _files(user_folder).get(name)
    if own is not None:
        with suppress(ThemeError):  # it is among the problems of `load_themes`
            return load_theme(own)
    file = _files(_shipped_folder()).get(name)
    return None if file is None else load_theme(file)


def _files(folder: Path | None) -> dict[str, Path]:
    """Return the themes' files by name."""
    return {file.stem: file for file in folder.glob("*.toml")} if folder else {}


def _shipped_folder() -> Path:
    try:
        return shipped("themes")
    except FileNotFoundError as error:
        raise ThemeError(str(error), advice=_("Install arkdeck again")) from error


def load_theme(file: Path) -> Theme:
    """Read one theme; its name is the file's.

    Raises:
        ThemeError: the message names the file and the key that is missing, unknown or not a colour.
    """
    try:
        document = tomllib.loads(file.read_text("utf-8"))
        derived = {key: document[origin] for key, origin in _DERIVED.items() if origin in document}
        theme = msgspec.convert({"name": file.stem} | derived | document, Theme)
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


def without_colour(theme: Theme) -> Theme:
    """Return the theme in the terminal's two default colours alone, as NO_COLOR asks."""
    plain = {
        key: PhaseColours(**dict.fromkeys(PhaseColours.__struct_fields__, _PLAIN)) if key == "phases" else _PLAIN
        for key in Theme.__struct_fields__
        if key not in ("name", "dark")
    }
    return msgspec.structs.replace(theme, **plain)


def default_theme_name(environ: Mapping[str, str]) -> str:
    """Return the theme to begin with: the terminal's own sixteen colours where it has no more.

    Args:
        environ: COLORTERM and TERM say how many colours there are; COLORFGBG, where a terminal sets it, how light its
            ground is.
    """
    colours = environ.get("TERM", "").rpartition("-")[2]
    many = environ.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit") or colours in ("256color", "kitty")
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return f"{'arkdeck' if many else 'ansi'}-{'light' if ground in ('7', '15') else 'dark'}"


def _wrong(file: Path, reason: str) -> ThemeError:
    return ThemeError(_("{file}: {reason}", file=clean(str(file), strict=True), reason=clean(reason)))
