"""The themes of arkdeck as Textual takes them, and the names of the styles that our widgets use.

Style sheets and `Content` name the same variables: `$phase-running` and its like, `$muted`, `$mark`, `$stale`; and
for the row under the cursor `$cursor-ground`, `$cursor-text` and `$cursor-style`. theming.tcss lays the house's manner
over Textual's own widgets.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual.color import Color
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.theme import Theme as TextualTheme

from tui.settings.themes import PhaseColours, Theme

_PHASE_STYLES: Final = {name.capitalize(): f"$phase-{name}" for name in PhaseColours.__struct_fields__}


class WholeCells(ScrollBarRender):
    """A scroll bar without blocks at its ends: ASCII draws it, and less of it is painted again."""

    VERTICAL_BARS: ClassVar = [" "]
    HORIZONTAL_BARS: ClassVar = [" "]


ScrollBar.renderer = WholeCells  # the way that Textual offers; it counts for every scroll bar


def phase_style(phase: str) -> str:
    """Return the style of a phase for `Content`, as in `$phase-running`; muted for one that nobody knows."""
    return _PHASE_STYLES.get(phase, "$muted")


def textual_theme(theme: Theme) -> TextualTheme:
    """Return the theme as Textual takes it, with every variable that our style sheets and its own widgets name."""
    return TextualTheme(
        name=theme.name,
        primary=theme.primary,
        secondary=theme.secondary,
        accent=theme.accent,
        success=theme.success,
        warning=theme.warning,
        error=theme.error,
        foreground=theme.foreground,
        background=theme.background,
        surface=theme.surface,
        panel=theme.panel,
        dark=theme.dark,
        ansi=theme.ansi,
        variables=_ours(theme) | _shared(theme) | (_of_the_terminal(theme) if theme.ansi else _of_its_own(theme)),
    )


def _ours(theme: Theme) -> dict[str, str]:
    phases = {f"phase-{name}": getattr(theme.phases, name) for name in PhaseColours.__struct_fields__}
    return phases | {
        "muted": theme.muted,
        "mark": theme.mark,
        "stale": theme.stale,
        "cursor-ground": theme.cursor,
        "cursor-text": theme.cursor_text,
        "cursor-style": "bold" if _has_ground(theme) else "bold reverse",
    }


def _has_ground(theme: Theme) -> bool:
    """Whether the row under the cursor has a ground of its own."""
    return theme.cursor != theme.background


def _shared(theme: Theme) -> dict[str, str]:
    """Textual's names for what we have: one cursor in every list, roles that are as readable as they were tested."""
    roles = ("primary", "secondary", "accent", "success", "warning", "error")
    return {f"text-{role}": getattr(theme, role) for role in roles} | {
        "block-cursor-background": theme.cursor,
        "block-cursor-foreground": theme.cursor_text,
        "block-cursor-text-style": "bold" if _has_ground(theme) else "bold underline",  # an OptionList knows no reverse
        "block-cursor-blurred-background": theme.panel,
        "block-cursor-blurred-foreground": theme.foreground,
        "block-cursor-blurred-text-style": "bold",
        "block-hover-background": theme.panel,
        "border": theme.primary,
        "footer-background": theme.panel,
        "footer-foreground": theme.foreground,
        "footer-key-foreground": theme.accent,
        "footer-description-foreground": theme.muted,
        "scrollbar-background": theme.background,
        "scrollbar-background-hover": theme.background,
        "scrollbar-background-active": theme.background,
        "scrollbar-corner-color": theme.background,
        "scrollbar-active": theme.primary,
        "text-muted": theme.muted,
    }


def _of_its_own(theme: Theme) -> dict[str, str]:
    """What is mixed of the theme's colours."""
    background, muted = Color.parse(theme.background), Color.parse(theme.muted)
    return {
        "border-blurred": theme.panel,
        "scrollbar": background.blend(muted, 0.35).hex6,
        "scrollbar-hover": background.blend(muted, 0.6).hex6,
        "text-disabled": background.blend(muted, 0.75).hex6,
        "input-selection-background": theme.cursor,
        "input-selection-foreground": theme.cursor_text,
        "screen-selection-background": theme.cursor,
        "screen-selection-foreground": theme.cursor_text,
    }


def _of_the_terminal(theme: Theme) -> dict[str, str]:
    """What cannot be mixed of colours that only the terminal knows."""
    return {
        "ansi-background": theme.panel,
        "ansi-foreground": theme.foreground,
        "border-blurred": theme.muted,
        "panel": theme.panel,
        "surface": theme.surface,
        "scrollbar": "ansi_bright_black",
        "scrollbar-hover": theme.muted,
        "text": theme.foreground,
        "text-disabled": theme.muted,
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_cyan",
        "screen-selection-foreground": "ansi_black",
    }
