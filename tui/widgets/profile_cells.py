"""What is shown of a profile: its line in the list, and the facts below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from textual.content import Content

from tui.i18n import _
from tui.settings.profile_list import KeysFrom, ListedProfile
from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import identifier, line
from tui.widgets.table import Column

COLUMNS: Final = (
    Column("name", _("  NAME"), 18, grow=3),
    Column("region", _("REGION"), 14),
    Column("project", _("PROJECT"), 10, grow=1, drop=3),
    Column("bucket", _("BUCKET"), 12, grow=2, drop=2),
    Column("access", _("ACCESS"), 9, drop=1),
    Column("keys", _("KEYS"), 12),
)
_LABEL_WIDTH: Final = 10


def profile_cells(
    listed: ListedProfile, keys: KeysFrom | None, widths: Mapping[str, int], *, in_force: bool
) -> list[Content]:
    """Return the cells of the columns in `widths`; `keys` is None while they are looked for."""
    profile = listed.profile
    mark = line((f"{glyphs().check} " if in_force else "  ", "bold $mark"))
    default = (_("  default"), "$muted") if listed.default and listed.in_file else ""
    cells = {
        "name": line(mark, identifier(listed.name).stylize("bold" if in_force else ""), default),
        "region": identifier(profile.region),
        "project": identifier(profile.project),
        "bucket": identifier(profile.bucket or glyphs().dash),
        "access": line((_("read only"), "$warning")) if profile.read_only else line((_("RW"), "$muted")),
        "keys": line((_(keys), "$warning" if keys is KeysFrom.NONE else "")) if keys else _looking(),
    }
    return [cells[column] for column in widths]


def profile_facts(listed: ListedProfile, keys: KeysFrom | None, *, no_keyring: str) -> list[Content]:
    """Return where a profile works and where its keys are.

    Args:
        listed: the profile.
        keys: None while they are looked for.
        no_keyring: why the keyring could not be asked; empty when it could.
    """
    profile, separator = listed.profile, f" {glyphs().separator} "
    bucket = profile.bucket or _("no bucket")
    return [
        _fact(_("service"), line(identifier(profile.ark_endpoint), separator, identifier(profile.project))),
        _fact(_("objects"), line(identifier(profile.tos_endpoint), separator, identifier(bucket))),
        _fact(_("keys"), _where_keys_are(keys, no_keyring)),
    ]


def _where_keys_are(keys: KeysFrom | None, no_keyring: str) -> Content:
    match keys:
        case None:
            return _looking()
        case KeysFrom.SESSION:
            return line(_("entered, and known until arkdeck ends"))
        case KeysFrom.KEYRING:
            return line(_("in the system keyring"))
        case KeysFrom.ENVIRONMENT:
            return line(_("in the environment of your shell"))
        case KeysFrom.NONE:
            return line((_("none"), "$warning"), f", {no_keyring}" if no_keyring else _(", L enters them"))


def _looking() -> Content:
    return line((_("looking…"), "$muted"))


def _fact(label: str, value: Content) -> Content:
    return line((label.ljust(_LABEL_WIDTH), "$muted"), value)
