"""The line of the jobs' filter, and of how many jobs there are."""

from __future__ import annotations

from typing import Final

from textual.message import Message

from tui.i18n import _, plural
from tui.runs.job_filter import FilterError, JobFilter, parse_filter
from tui.widgets.glyphs import glyphs
from tui.widgets.safe_text import line
from tui.widgets.typed_line import TypedLine

_EXAMPLE: Final = "phase:running model:doubao age:<2d failed:>0 !nightly"


class FilterLine(TypedLine):
    """Shows filter and counts; while `open`, the filter takes effect as it is typed.

    A word that the filter cannot understand is explained at the right, and what was understood last stays in force.
    Enter keeps the filter, and so does leaving the field, as with a click; escape brings back the one from before.
    """

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, job_filter: JobFilter) -> None:
            super().__init__()
            self.filter = job_filter

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(_("no filter"), _("e.g. {example}", example=_EXAMPLE), id=id)
        self._filter = self._before = parse_filter("")

    @property
    def filter(self) -> JobFilter:
        """The filter in force."""
        return self._filter

    @property
    def text(self) -> str:
        """The filter in force, as it is written."""
        return self._filter.text

    def set_filter(self, job_filter: JobFilter) -> None:
        """Put another filter in force."""
        changed = job_filter.text != self._filter.text
        self._filter = job_filter
        self.paint()
        if changed:
            self.post_message(self.Changed(job_filter))

    def begun(self) -> None:
        """Remember the filter."""
        self._before = self._filter

    def typed(self, text: str) -> str:
        """Put what can be understood in force."""
        try:
            self.set_filter(parse_filter(text))
        except FilterError as error:
            return error.message
        return ""

    def restored(self) -> None:
        """Bring back the filter from before."""
        self.set_filter(self._before)

    def count(self, shown: int, total: int | None, marked: int) -> None:
        """Show how many jobs are listed, of how many (None while nobody knows), and how many are marked."""
        number = (
            ""
            if total is None
            else _("{shown:,} of {total:,}", shown=shown, total=total)
            if shown != total
            else plural("{count} job", "{count} jobs", total)
        )
        note = line((number, "$muted"))
        if marked:
            words = plural("{count} marked", "{count} marked", marked)
            note = line(note, (f" {glyphs().separator} ", "$muted"), (words, "bold $mark"))
        self.note(note)
