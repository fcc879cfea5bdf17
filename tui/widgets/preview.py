"""The pane beside the list: what matters of the job under the cursor, without opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize

from tui.i18n import _
from tui.runs.attention import attention
from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.job_cells import Look, job_name, phase_label, progress_bar, short_duration
from tui.widgets.job_facts import address, age, expiry, own_tags, rate, time_left, tokens, window
from tui.widgets.lines import Lines
from tui.widgets.safe_text import identifier, line, paragraphs, plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tui.ark.models import Job
    from tui.runs.board import JobView

_LABELS: Final = (_("model"), _("created"), _("expires"), _("eta"), _("rate"), _("window"), _("tokens"), _("id"))
_LABEL_WIDTH: Final = max(map(len, _LABELS)) + 2
_TEXT_LIMIT: Final = 2000
_NAME_LINES: Final = 2
_ROOM_FOR_YEARS: Final = _LABEL_WIDTH + len("23h59m · 2026-11-22 14:02")


class Preview(Vertical):
    """Shows a job.

    Everything has its place, so that from one job to the next little more than the values is painted.
    """

    DEFAULT_CSS = f"""
    Preview {{
        width: 40;
        padding: 0 1 0 2;
        background: $surface;

        #preview-head {{ height: {_NAME_LINES + 6}; }}
        #preview-facts {{ height: {len(_LABELS) + 1}; }}
        #preview-labels {{ width: {_LABEL_WIDTH}; height: 100%; }}
        #preview-values {{ width: 1fr; height: 100%; }}
        #preview-texts {{ height: 1fr; }}
    }}
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  # as every widget calls it
        super().__init__(id=id)
        self._view: JobView | None = None
        self._now: datetime | None = None

    def compose(self) -> ComposeResult:
        """Lay out what a job is, its facts beside their labels, and the texts that come with it."""
        yield Lines(id="preview-head")
        with Horizontal(id="preview-facts"):
            yield Lines(id="preview-labels")
            yield Lines(id="preview-values")
        yield Lines(id="preview-texts")

    def tell(self, view: JobView | None, now: datetime) -> None:
        """Show a job as it is now; nothing when there is none."""
        self._view, self._now = view, now
        self._paint()

    def on_resize(self, _event: Resize) -> None:
        """Wrap for the new width."""
        self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        head, labels, values, texts = self.query(Lines)
        width = head.size.width
        if not width:
            return
        if self._view is None or self._now is None:
            for lines in self.query(Lines):
                lines.show()
            return
        look = Look(self._now, glyphs())
        head.show(*head_lines(self._view, width, look))
        labels.show(*(line((label, "$muted")) for label in _LABELS))
        values.show(*(_cut(value, width - _LABEL_WIDTH, look.glyphs) for value in facts(self._view, width, look)))
        texts.show(*texts_of(self._view.job, width))


def head_lines(view: JobView, width: int, look: Look) -> list[Content]:
    """Return name, phase, what has to be looked at, and how far the job is; always as many lines."""
    job, signs, now = view.job, look.glyphs, look.now
    names = job_name(job).stylize("bold").fold(width)[:_NAME_LINES]
    since = _(" for {time}", time=short_duration((now - job.phase_time).total_seconds())) if job.phase_time else ""
    found = attention(view, now)
    counts = job.counts
    done = _("{completed:,} of {total:,} done", completed=counts.completed, total=counts.total)
    failed = (_("{failed:,} failed", failed=counts.failed), "bold $error" if counts.failed else "$muted")
    nothing = Content()
    return [
        *names,
        line(phase_label(job.phase, signs), (since, "$muted")),
        line((f"{signs.warning} {found.reason}", "$warning")) if found else nothing,
        *[nothing] * (_NAME_LINES - len(names)),
        nothing,
        progress_bar(job, width, signs) if counts.total else nothing,
        line(done, (f" {signs.separator} ", "$muted"), failed) if counts.total else nothing,
    ]


def facts(view: JobView, width: int, look: Look) -> list[Content]:
    """Return what stands beside the labels, a dash where nothing is known; narrow, times do without the year."""
    job, year = view.job, width >= _ROOM_FOR_YEARS
    known = (
        plain(str(job.model), limit=256) if str(job.model) else None,
        age(job.created, look, year=year) if job.created else None,
        expiry(job, look, year=year),
        time_left(view, look),
        rate(view),
        window(job),
        tokens(view.account) if view.account else None,
        identifier(job.id),
    )
    return [line((look.glyphs.dash, "$muted")) if value is None else value for value in known]


def texts_of(job: Job, width: int) -> list[Content]:
    """Return what the platform says, what the operator wrote, and where the files are, wrapped."""
    return [part for text in _texts(job) for part in text.wrap(width)]


def _texts(job: Job) -> Iterator[Content]:
    if job.message:
        yield paragraphs(job.message, limit=_TEXT_LIMIT)
        yield Content(" ")
    for place in (job.input, job.output):
        shown = address(place)
        if shown is not None:
            yield shown
    yield from own_tags(job)
    if job.description:
        yield Content(" ")
        yield paragraphs(job.description, limit=_TEXT_LIMIT).stylize("$muted")


def _cut(value: Content, width: int, signs: Glyphs) -> Content:
    return value if value.cell_length <= width else line(value.truncate(max(0, width - 1)), signs.ellipsis)
