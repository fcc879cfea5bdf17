"""The line under the list: which jobs it shows, and how many of how many; the filter is typed in its place."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from tui.i18n import _, plural
from tui.runs.job_filter import FilterError, JobFilter, parse_filter
from tui.widgets.glyphs import glyphs
from tui.widgets.line_input import LineInput
from tui.widgets.lines import Lines
from tui.widgets.safe_text import line

_STEP: Final = 24  # cells by which the note's place grows: another width of it costs a layout of the line
_EXAMPLE: Final = "phase:running model:doubao age:<2d failed:>0 !nightly"
_SIGN: Final = 3
_TYPED: Final = 8  # cells that a mistake's explanation leaves to what is typed


class FilterLine(Horizontal):
    """Shows filter and counts; while `open`, the filter is an input that takes effect as it is typed.

    A word that the filter cannot understand is explained at the right, and what was understood last stays in force.
    Enter keeps the filter, and so does leaving the field, as with a click; escape brings back the one from before.
    """

    DEFAULT_CSS = """
    FilterLine {
        height: 1;
        background: $surface;

        #filter-sign { width: 3; }
        #filter-text { width: 1fr; }
        #filter-input { display: none; width: 1fr; padding: 0; border: none; background: $surface; }
        #filter-input > .input--placeholder { color: $text-disabled; }
        #filter-note { width: auto; max-width: 60%; }
        #filter-note.-mistake { max-width: 100%; }
        &.-open {
            #filter-text { display: none; }
            #filter-input { display: block; }
        }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "restore", show=False)]

    class Changed(Message):
        """Another filter is in force."""

        def __init__(self, job_filter: JobFilter) -> None:
            super().__init__()
            self.filter = job_filter

    class Closed(Message):
        """The filter is typed no longer: it was kept or restored."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._filter = self._before = parse_filter("")
        self._count = Content()
        self._mistake = ""

    def compose(self) -> ComposeResult:
        """Lay out sign, filter and counts."""
        yield Lines(id="filter-sign")
        yield Lines(id="filter-text")
        yield LineInput(id="filter-input", placeholder=_("e.g. {example}", example=_EXAMPLE))
        yield Lines(id="filter-note")

    def on_mount(self) -> None:
        """Show that there is no filter."""
        self._paint()

    @property
    def filter(self) -> JobFilter:
        """The filter in force."""
        return self._filter

    @property
    def is_open(self) -> bool:
        """Whether the filter is being typed."""
        return self.has_class("-open")

    def open(self) -> None:
        """Let the operator type."""
        typed = self.query_one("#filter-input", Input)
        self.screen.set_focus(typed)
        if self.is_open:
            return
        self._before = self._filter
        self.add_class("-open")
        with self.prevent(Input.Changed):
            typed.value = self._filter.text
        typed.cursor_position = len(typed.value)
        self._paint()

    def set_filter(self, job_filter: JobFilter) -> None:
        """Put another filter in force."""
        self._mistake = ""
        changed = job_filter.text != self._filter.text
        self._filter = job_filter
        self._paint()
        if changed:
            self.post_message(self.Changed(job_filter))

    def count(self, shown: int, total: int | None, marked: int) -> None:
        """Show how many jobs are listed, of how many (None while nobody knows), and how many are marked."""
        number = (
            ""
            if total is None
            else _("{shown:,} of {total:,}", shown=shown, total=total)
            if shown != total
            else plural("{count} job", "{count} jobs", total)
        )
        self._count = line((number, "$muted"))
        if marked:
            words = plural("{count} marked", "{count} marked", marked)
            self._count = line(self._count, (f" {glyphs().separator} ", "$muted"), (words, "bold $mark"))
        self._paint()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if not self.is_open:
            return
        try:
            self.set_filter(parse_filter(event.value))
        except FilterError as error:
            self._mistake = error.message
            self._paint()

    @on(Input.Submitted)
    def _kept(self, event: Input.Submitted) -> None:
        event.stop()
        if not self._mistake:
            self._close()

    def on_descendant_blur(self) -> None:
        """Keep the filter when the operator goes elsewhere in the deck, not to another window."""
        if self.is_open and self.app.app_focus and self.screen.focused is not self.query_one("#filter-input"):
            self._close()

    def action_restore(self) -> None:
        """Bring back the filter from before."""
        self.set_filter(self._before)
        self._close()

    def _close(self) -> None:
        self._mistake = ""
        self.remove_class("-open")
        self._paint()
        self.post_message(self.Closed())

    def _paint(self) -> None:
        if not self.is_mounted:
            return
        filtering = self.is_open or bool(self._filter.text)
        self.query_one("#filter-sign", Lines).show(line((" / ", "bold $accent" if filtering else "$muted")))
        text = (self._filter.text, "bold") if self._filter.text else (_("no filter"), "$muted")
        self.query_one("#filter-text", Lines).show(line(text))
        note = line(" ", self._count, " ")
        note = self._explained() if self._mistake else note.pad_left(-note.cell_length % _STEP)
        place = self.query_one("#filter-note", Lines)
        place.set_class(bool(self._mistake), "-mistake")
        if not place.lines or place.lines[0].cell_length != note.cell_length:
            place.styles.width = note.cell_length
        place.show(note)

    def _explained(self) -> Content:
        room = max(1, self.size.width - _SIGN - _TYPED - 1)
        said = self._mistake
        if cell_len(said) > room:
            said = set_cell_size(said, room - cell_len(glyphs().ellipsis)) + glyphs().ellipsis
        return line(" ", (said, "bold $error"))
