"""What was done to a job as the cells of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.i18n import _
from tui.runs.run import outcome
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import job_name, local_time
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.table import Column

if TYPE_CHECKING:
    from tui.runs.board import JobView
    from tui.runs.run import Activity

COLUMNS: Final = (
    Column("at", _("WHEN"), 19),
    Column("deed", _("DEED"), 7),
    Column("job", _("JOB"), 18, grow=2),
    Column("outcome", _("OUTCOME"), 22, grow=4),
    Column("request", _("REQUEST"), 12, grow=2, drop=1),
)


def activity_cells(done: Activity, view: JobView | None, widths: Mapping[str, int]) -> list[Content]:
    """Return the cells of the columns in `widths`; `view` is the job, where it is known, for its name."""
    signs, became = glyphs(), outcome(done.error, maybe_applied=done.maybe_applied)
    if done.error:
        sign, look = (signs.warning, "$warning") if done.maybe_applied else (signs.cross, "$error")
        told = line((f"{sign} {became}", look))
    else:
        told = line((signs.check, "$success"), f" {became}", (f"  {done.detail}" if done.detail else "", "$muted"))
    cells = {
        "at": line((local_time(done.at, seconds=True), "$muted")),
        "deed": plain(done.deed).stylize("bold"),
        "job": job_name(view.job) if view is not None else identifier(done.job_id),
        "outcome": told,
        "request": identifier(done.request_id or signs.dash).stylize("$muted"),
    }
    return [cells[column] for column in widths]
