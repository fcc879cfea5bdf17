"""A job as the cells of a row: pure functions of the job, the width and the time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import msgspec
from rich.cells import cell_len, set_cell_size
from textual.content import Content

from tui.ark.models import Phase
from tui.i18n import _
from tui.runs.attention import SOON, attention, expired
from tui.text import clean, human_duration
from tui.widgets.glyphs import UNICODE, Glyphs
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.table import Column
from tui.widgets.theming import phase_style

if TYPE_CHECKING:
    from tui.ark.models import Counts, Job
    from tui.runs.board import JobView

_NAME_LIMIT: Final = 256
_SAID_FIRST: Final = re.compile("^批量推理任务失败[,，]\\s*")
"""How the known messages of failed jobs begin (ark-openapi.md §2): with "the job failed", as its phase says too."""
_SHORTEST_BAR: Final = 6
_UNITS: Final = "kMGT"
_LEAST: Final = (1000, 1000**2, 1000**3, 1000**4)
_WIDE: Final = 160  # cells of a window in which there is room for bars
_PERCENT: Final = 5  # cells of a percentage and the blank before it


class Look(msgspec.Struct, frozen=True):
    """What cells depend on besides the job: the time, and the signs that the terminal can show."""

    now: datetime
    glyphs: Glyphs = UNICODE


COLUMNS: Final[Mapping[str, Column]] = {
    column.id: column
    for column in (
        Column("name", "  " + _("NAME"), 18, grow=4),
        Column("phase", _("PHASE"), 14, drop=1),
        Column("progress", _("DONE"), 5, grow=2, align="right", drop=2),
        Column("failed", _("FAIL"), 4, align="right", drop=3),
        Column("model", _("MODEL"), 11, grow=2, drop=5),
        Column("age", _("AGE"), 6, align="right", drop=7),
        Column("eta", _("ETA"), 6, align="right", drop=6),
        Column("expiry", _("EXPIRY"), 6, align="right", drop=8),
        Column("tokens", _("TOKENS"), 6, align="right", drop=9),
        Column("note", _("NOTE"), 14, grow=1, drop=4),
        Column("project", _("PROJECT"), 10, grow=1, drop=10),
        Column("created", _("CREATED"), 16, drop=11),
        Column("window", _("WINDOW"), 6, align="right", drop=12),
        Column("message", _("MESSAGE"), 24, grow=4, drop=13),
        Column("id", _("ID"), 23, drop=14),
    )
}
"""Every column of the jobs table by its id, in the table's order."""

DEFAULT_COLUMNS: Final = ("name", "phase", "progress", "failed", "model", "age", "eta", "expiry", "tokens", "note")
"""What is shown, as far as there is room, until the operator chooses otherwise."""


def columns(ids: Sequence[str], width: int) -> list[Column]:
    """Return columns for a window of `width` cells: in a wide one names and bars get room before more columns do."""
    name, progress = COLUMNS["name"], COLUMNS["progress"]
    wide = {
        "name": msgspec.structs.replace(name, width=name.width + min(12, max(0, width - 80) // 10)),
        "progress": msgspec.structs.replace(progress, width=_PERCENT + (_SHORTEST_BAR if width >= _WIDE else 0)),
    }
    return [wide.get(each, COLUMNS[each]) for each in ids if each in COLUMNS]


def job_cells(view: JobView, widths: Mapping[str, int], look: Look) -> list[Content]:
    """Return the cells of a job.

    Args:
        view: the job and what is known of it.
        widths: the columns to show in their order, and how many cells each has.
        look: time and signs.
    """
    return [
        _note(view, width, look, times="age" in widths or "eta" in widths)
        if column == "note"
        else _CELLS[column](view, width, look)
        for column, width in widths.items()
    ]


def job_name(job: Job) -> Content:
    """Return the name of a job, its id where the name is blank."""
    if clean(job.name, limit=_NAME_LIMIT).strip():
        return plain(job.name, limit=_NAME_LIMIT)
    return line((clean(job.id, strict=True, limit=_NAME_LIMIT), "$muted"))


def phase_label(phase: str, glyphs: Glyphs) -> Content:
    """Return a phase as sign and word in its colour; one that nobody knows keeps its name."""
    word = phase or _("unknown")
    return line((f"{glyphs.phase(phase)} {clean(word, limit=40)}", phase_style(phase)))


def percent_done(counts: Counts) -> int | None:
    """Return how much of a job is processed by the service's count, rounded down; None while it has counted nothing."""
    return max(0, min(100, 100 * counts.completed // counts.total)) if counts.total > 0 else None


def progress_bar(job: Job, width: int, glyphs: Glyphs) -> Content:
    """Return a bar and a percentage that fill `width` cells; the percentage alone where a bar would tell nothing."""
    percent = percent_done(job.counts)
    if percent is None:
        return _nothing(glyphs)
    return bar(percent, width, "$muted" if job.phase.finished else phase_style(job.phase), glyphs)


def bar(percent: int, width: int, style: str, glyphs: Glyphs) -> Content:
    """Return a bar and a percentage that fill `width` cells; the percentage alone where there is no room for a bar."""
    cells = width - _PERCENT
    if cells < _SHORTEST_BAR:
        return line(f"{percent:>3}%")
    full = cells * percent // 100
    return line((glyphs.full * full, style), (glyphs.empty * (cells - full), "$scrollbar"), f"{percent:>4}%")


def local_time(moment: datetime | None, *, seconds: bool = False) -> str:
    """Return a time as the operator's clock shows it, `2026-11-22 14:02`; empty when there is none."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M") if moment else ""


def short_count(count: int) -> str:
    """Return a count in at most four cells, rounded down: 9999, `45k`, `1.2M`."""
    if count < 10_000:
        return str(count)
    unit = next((place for place, least in enumerate(_LEAST) if count < 1000 * least), len(_LEAST) - 1)
    tenths = 10 * count // _LEAST[unit]
    number = f"{tenths // 10}.{tenths % 10}" if tenths < 100 else f"{tenths // 10}"
    return f"{number}{_UNITS[unit]}"


def shortened_model(model: str, width: int, glyphs: Glyphs) -> str:
    """Return a model in `width` cells: where it does not fit, without its version, then the last parts of its name.

    Models of one family differ at the end of their names.
    """
    if cell_len(model) <= width:
        return model
    name = model.partition("@")[0]
    if cell_len(name) <= width:
        return name
    room = max(0, width - 1)
    parts = name.split("-")
    tails = ("-".join(parts[number:]) for number in range(1, len(parts)))
    tail = next((tail for tail in tails if cell_len(tail) <= room), None)
    return glyphs.ellipsis + (set_cell_size(name[::-1], room)[::-1] if tail is None else tail)


def short_duration(seconds: float) -> str:
    """Return a duration as a cell has room for it: seconds in the first minute alone, so that it seldom changes."""
    return f"{seconds // 60:.0f}m" if 60 <= seconds < 3600 else human_duration(seconds)


def seconds_left(view: JobView, now: datetime) -> float | None:
    """Return how long a job has to go at its present rate; None while unknown, and once its end is decided."""
    left = view.forecast.seconds_left
    return None if left is None or not under_way(view.job) else max(0.0, left - (now - view.seen).total_seconds())


def under_way(job: Job) -> bool:
    """Return whether a job goes on, so that it can expire: it is not finished, nor being stopped."""
    return not job.phase.finished and job.phase != Phase.TERMINATING


def _nothing(glyphs: Glyphs) -> Content:
    return Content.styled(glyphs.dash, "$muted")


def _note(view: JobView, width: int, look: Look, *, times: bool) -> Content:
    """Why a job ended without an answer, or what has to be looked at.

    Otherwise, where no column tells `times`, the one that matters in this phase.
    """
    found, job = attention(view, look.now), view.job
    style = "$warning" if found else "$muted"
    if job.phase == Phase.FAILED and (why := _SAID_FIRST.sub("", clean(job.message, limit=_NAME_LIMIT)).strip()):
        return line((why, style))
    if job.phase == Phase.TERMINATED:
        return line((_end(job, width, look.now), style))
    if found:
        return line((found.reason, style))
    left = seconds_left(view, look.now)
    if times or job.phase_time is None:
        return Content()
    since = short_duration((look.now - job.phase_time).total_seconds())
    if left is not None:
        return line(_("{time} left", time=short_duration(left)))
    return line((_("{time} ago", time=since) if job.phase.finished else _("for {time}", time=since), "$muted"))


def _end(job: Job, width: int, now: datetime) -> str:
    """How a terminated job came to its end, and when, where there is room for it."""
    how = _("expired") if expired(job) else _("stopped")
    ended = job.phase_time or job.updated
    if ended is None:
        return how
    with_age = _("{how} {time} ago", how=how, time=short_duration((now - ended).total_seconds()))
    return with_age if cell_len(with_age) <= width else how


def _name(view: JobView, width: int, look: Look) -> Content:
    """The name behind a sign that there is something to look at."""
    sign = (look.glyphs.warning, "bold $warning") if attention(view, look.now) else " "
    return line(sign, " ", job_name(view.job))


def _phase(view: JobView, width: int, look: Look) -> Content:
    return phase_label(view.job.phase, look.glyphs)


def _progress(view: JobView, width: int, look: Look) -> Content:
    return progress_bar(view.job, width, look.glyphs)


def _failed(view: JobView, width: int, look: Look) -> Content:
    counts = view.job.counts
    if not counts.total and not counts.failed:
        return _nothing(look.glyphs)
    return Content.styled(short_count(counts.failed), "$error" if counts.failed else "$muted")


def _model(view: JobView, width: int, look: Look) -> Content:
    model = clean(str(view.job.model), limit=_NAME_LIMIT)
    return line(shortened_model(model, width, look.glyphs)) if model else _nothing(look.glyphs)


def _age(view: JobView, width: int, look: Look) -> Content:
    created = view.job.created
    return Content(short_duration((look.now - created).total_seconds())) if created else _nothing(look.glyphs)


def _eta(view: JobView, width: int, look: Look) -> Content:
    left = seconds_left(view, look.now)
    if left is None:
        return _nothing(look.glyphs)
    return Content.styled(short_duration(left), "bold $warning" if view.forecast.late else "")


def _expiry(view: JobView, width: int, look: Look) -> Content:
    job = view.job
    if not under_way(job) or job.expires is None:
        return _nothing(look.glyphs)
    left = job.expires - look.now
    if left <= timedelta(0):
        return Content.styled(_("now"), "bold $error")
    pressing = left < SOON or view.forecast.late
    return Content.styled(short_duration(left.total_seconds()), "bold $warning" if pressing else "")


def _tokens(view: JobView, width: int, look: Look) -> Content:
    if view.account is None:
        return _nothing(look.glyphs)
    return Content(short_count(view.account.tokens.prompt + view.account.tokens.completion))


def _project(view: JobView, width: int, look: Look) -> Content:
    return plain(view.job.project, limit=_NAME_LIMIT)


def _created(view: JobView, width: int, look: Look) -> Content:
    return Content(local_time(view.job.created)) if view.job.created else _nothing(look.glyphs)


def _window(view: JobView, width: int, look: Look) -> Content:
    days = view.job.window_days
    return plain(f"{days}d") if days else _nothing(look.glyphs)


def _message(view: JobView, width: int, look: Look) -> Content:
    return line((clean(view.job.message, limit=_NAME_LIMIT), "$muted"))


def _id(view: JobView, width: int, look: Look) -> Content:
    return identifier(view.job.id, limit=_NAME_LIMIT)


_CELLS: Final[Mapping[str, Callable[[JobView, int, Look], Content]]] = {
    "name": _name,
    "phase": _phase,
    "progress": _progress,
    "failed": _failed,
    "model": _model,
    "age": _age,
    "eta": _eta,
    "expiry": _expiry,
    "tokens": _tokens,
    "project": _project,
    "created": _created,
    "window": _window,
    "message": _message,
    "id": _id,
}
