"""What lies in a folder as the cells of rows, and what stands in place of rows: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from textual.content import Content

from tui.folders import Entry, Kind
from tui.i18n import _
from tui.text import human_bytes
from tui.widgets.job_cells import Look, local_time, short_duration
from tui.widgets.safe_text import identifier, line
from tui.widgets.table import Column

COLUMNS: Final = (
    Column("name", _("NAME"), 24, grow=1),
    Column("size", _("SIZE"), 10, align="right", drop=1),
    Column("modified", _("MODIFIED"), 16, drop=2),
    Column("age", _("AGE"), 6, align="right", drop=3),
)
_DAY: Final = 86_400  # seconds
_MANY_DAYS: Final = 10
_UNREADABLE: Final = {Kind.SPECIAL: _("not a file"), Kind.BROKEN: _("no target")}


def file_cells(entry: Entry, widths: Mapping[str, int], look: Look) -> list[Content]:
    """Return the cells of the columns in `widths`."""
    moment = modified(entry)
    cells = {
        "name": entry_name(entry),
        "size": _size(entry, look),
        "modified": line((local_time(moment), "$muted")),
        "age": line((_age((look.now - moment).total_seconds()), "$muted")) if moment else Content(),
    }
    return [cells[column] for column in widths]


def entry_name(entry: Entry) -> Content:
    """Return a name; a slash is behind that of a folder, and what cannot be read is grey."""
    name = identifier(entry.name)
    if entry.kind is Kind.FOLDER:
        return line(name, "/").stylize("bold $primary")
    return name if entry.kind is Kind.FILE else name.stylize("$muted")


def modified(entry: Entry) -> datetime | None:
    """Return when something was changed last; None where that is unknown or no date."""
    if entry.modified is None:
        return None
    try:
        return datetime.fromtimestamp(entry.modified, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _age(seconds: float) -> str:
    """Return an age, in whole days once hours tell nothing; what is dated ahead is new."""
    days = int(seconds // _DAY)
    return _("{days}d", days=days) if days >= _MANY_DAYS else short_duration(max(0.0, seconds))


def _size(entry: Entry, look: Look) -> Content:
    if entry.kind in _UNREADABLE:
        return line((_UNREADABLE[entry.kind], "$muted"))
    return line((look.glyphs.dash, "$muted")) if entry.size is None else line(human_bytes(entry.size))
