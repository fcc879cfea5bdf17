"""What the deck is started with: decided by the command line before anything of the screens is imported."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import UNSET

from tui.clock import Clock, SystemClock
from tui.i18n import _
from tui.settings.config_file import nearest
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.settings.themes import Theme, ThemeError, default_theme_name, find_theme, load_themes
from tui.text import clean


class LocalStart(msgspec.Struct, frozen=True):
    """The deck runs on a local cloud of its own.

    Attributes:
        scene: what fills the cloud first; nothing when None.
        example_to: the folder for the results of the example run, which begins by itself; no run when None.
    """

    scene: str | None = None
    example_to: Path | None = None


class Launch(msgspec.Struct, frozen=True):
    """One start of the deck.

    Attributes:
        paths: the operator's places.
        environ: the process environment, for profile and keys.
        profile: the one asked for with `-p`.
        local: begin on a local cloud instead of a profile.
        read_only: refuse whatever changes jobs or objects, whatever the profile says.
        theme: asked for by name; the remembered or configured one when None.
        ascii: draw with ASCII alone.
        settings: the `[deck]` table of the configuration.
        keymap: the operator's own keys by action, checked (`tui.settings.keymap`).
        clock: of ages, polls and the journal.
    """

    paths: Paths
    environ: Mapping[str, str]
    profile: str | None = None
    local: LocalStart | None = None
    read_only: bool = False
    theme: str | None = None
    ascii: bool = False
    settings: DeckSettings = msgspec.field(default_factory=DeckSettings)
    keymap: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    clock: Clock = msgspec.field(default_factory=SystemClock)

    def first_theme(self, remembered: str | None) -> Theme:
        """Return the theme to begin with: asked for, configured, remembered while it exists, or fit for the terminal.

        Raises:
            ThemeError: there is no theme of the name that was asked for or configured, or the shipped ones are broken.
        """
        folder = self.paths.themes_folder
        configured = None if self.settings.theme is UNSET else self.settings.theme
        for name, asked_by in ((self.theme, "--theme"), (configured, self.paths.config_file.name)):
            if name is None:
                continue
            if (theme := find_theme(name, folder)) is None:
                known = load_themes(folder).by_name
                shown = clean(name, strict=True, limit=80)
                raise ThemeError(
                    _("{by}: there is no theme {name}", by=asked_by, name=shown), advice=nearest(name, known)
                )
            return theme
        for name in filter(None, (remembered, default_theme_name(self.environ))):
            if (theme := find_theme(name, folder)) is not None:
                return theme
        raise ThemeError(_("this installation lacks themes"), advice=_("Install arkdeck again"))
