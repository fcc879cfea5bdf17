"""What stands in the way of going through folders and choosing what lies in them."""

from __future__ import annotations

from tui.folders import Kind
from tui.i18n import _
from tui.situations import Situation


def no_folder(situation: Situation) -> str | None:
    """Object while no folder is listed."""
    return None if situation.picking is not None else _("the folder is still being looked for")


def no_entry(situation: Situation) -> str | None:
    """Object where nothing of a folder is under the cursor."""
    picking = situation.picking
    return None if picking is not None and picking.entry is not None else _("nothing is listed here")


def nothing_to_choose(situation: Situation) -> str | None:
    """Object where what is shown or under the cursor is not what is wanted."""
    picking = situation.picking
    if picking is None:
        return _("nothing is listed here")
    if picking.folders:
        return None
    if picking.entry is not None and picking.entry.kind is Kind.FOLDER:
        return _("a file is wanted here, and this is a folder")
    return no_entry(situation)


def at_the_top(situation: Situation) -> str | None:
    """Object in the folder that has none above it."""
    picking = situation.picking
    above = picking is not None and picking.folder != picking.folder.parent
    return None if above else _("there is no folder above")


def folders_alone(situation: Situation) -> str | None:
    """Object where files are not listed."""
    return _("a folder is wanted, so files are not listed") if situation.picking and situation.picking.folders else None
