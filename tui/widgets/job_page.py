"""Everything that is known of one job, as the lines of its screen: pure functions of what is known and the width."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, repeat, zip_longest
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.ark.models import Phase
from tui.i18n import _
from tui.runs.attention import STALL, attention
from tui.runs.job_record import Happening, JobRecord, Standing, Step, throughput, way_of
from tui.runs.run import RunState, outcome
from tui.text import clean, human_duration
from tui.widgets.chart import chart
from tui.widgets.job_cells import Look, job_name, local_time, phase_label, progress_bar, seconds_left, short_duration
from tui.widgets.job_facts import (
    address,
    age,
    expiry,
    labelled,
    own_tags,
    rate,
    rate_text,
    time_left,
    tokens,
    window,
)
from tui.widgets.safe_text import identifier, line, paragraphs, plain
from tui.widgets.theming import phase_style

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.runs.board import JobView

WIDE: Final = 112
"""Cells from which on there are two columns."""
VERY_WIDE: Final = 168
"""Cells from which on there are three; the history is the third, and no more beneath the others."""

_MARGIN: Final = 2
_GAP: Final = 4
_LABEL: Final = 12
_TEXT_LIMIT: Final = 8192
_SPARK: Final = 48
_CHART_ROWS: Final = 4  # of the throughput, where there are columns
_MOMENT: Final = 21  # cells of a time to the second and the blanks behind it
_STEP: Final = 15  # cells of a phase and the blanks behind it

Fact = tuple[str, Content | None]


@dataclass(frozen=True)
class Known:
    """What is known of a job.

    Attributes:
        gone: the service does not have it any more.
    """

    view: JobView
    record: JobRecord = field(default_factory=JobRecord)
    gone: bool = False


def job_page(known: Known, width: int, look: Look) -> list[Content]:
    """Return the page over `width` cells: in one column, from WIDE on in two, from VERY_WIDE on in three."""
    room, happenings = width - 2 * _MARGIN, known.record.happenings
    blocks = [*_head(known, room, look), Content()]
    if width < WIDE:
        blocks += [*_left(known, room, look), *_right(known, room, look)]
        blocks += _section(_("History"), _history(happenings, room, look))
    elif width < VERY_WIDE:
        half = (room - _GAP) // 2
        blocks += _beside([_left(known, half, look, rows=_CHART_ROWS), _right(known, half, look)], half)
        blocks += _section(_("History"), _history(happenings, room, look) or _no_history())
    else:
        third = (room - 2 * _GAP) // 3
        history = _section(_("History"), _history(happenings, third, look) or _no_history())
        blocks += _beside([_left(known, third, look, rows=_CHART_ROWS), _right(known, third, look), history], third)
    while blocks and not blocks[-1].plain:
        blocks.pop()
    return [line(" " * _MARGIN, text) if text.plain else text for text in blocks]


def _beside(columns: Sequence[Sequence[Content]], width: int) -> list[Content]:
    """Return columns of `width` cells each, side by side."""
    return [
        line(*(part for text in texts[:-1] for part in (text, " " * (width + _GAP - text.cell_length))), texts[-1])
        if any(text.plain for text in texts)
        else Content()
        for texts in zip_longest(*columns, fillvalue=Content())
    ]


def _section(title: str, lines: Sequence[Content]) -> list[Content]:
    """Return lines under a heading and a blank line behind them; nothing where there are none."""
    return [line((title.upper(), "bold $muted")), *lines, Content()] if lines else []


def _facts(facts: Iterator[Fact] | Sequence[Fact], width: int) -> list[Content]:
    return [text for label, value in facts if value is not None for text in labelled(label, value, width, _LABEL)]


# The head


def _head(known: Known, width: int, look: Look) -> list[Content]:
    job, signs = known.view.job, look.glyphs
    lines = [text.stylize("bold") for text in job_name(job).fold(width)]
    since = _since(job, look)
    lines += line(phase_label(job.phase, signs), (f"  {since}", "$muted")).fold(width)
    if known.gone:
        gone = _("The service does not have this job any more; this is what was known of it.")
        lines += line((f"{signs.warning} {gone}", "bold $warning")).wrap(width)
    found = attention(known.view, look.now)
    if found is not None and not known.gone:
        lines += line((f"{signs.warning} {found.reason}", "bold $warning")).wrap(width)
    return lines


def _since(job: Job, look: Look) -> str:
    if job.phase_time is None:
        return ""
    lasted = short_duration((look.now - job.phase_time).total_seconds())
    how_long = _("{time} ago", time=lasted) if job.phase.finished else _("for {time}", time=lasted)
    since = local_time(job.phase_time, seconds=True)
    return f"{how_long} {look.glyphs.separator} {since}"


# What becomes of it


def _left(known: Known, width: int, look: Look, *, rows: int = 1) -> list[Content]:
    job = known.view.job
    message = _section(_("Message"), paragraphs(job.message, limit=_TEXT_LIMIT).wrap(width) if job.message else [])
    how_it_goes = [
        *_section(_("Progress"), _progress(known, width, look, rows)),
        *_section(_("Status"), [step.truncate(width) for step in _status(known, look)]),
    ]
    wrong = job.phase in (Phase.FAILED, Phase.TERMINATED)
    return [
        *(message + how_it_goes if wrong else how_it_goes + message),
        *_section(_("Results on this disk"), _facts(_results(known), width)),
    ]


def _progress(known: Known, width: int, look: Look, rows: int) -> list[Content]:
    job, counts = known.view.job, known.view.job.counts
    if not counts.total:
        nothing = _("nothing was counted") if job.phase.finished else _("nothing is counted yet")
        return [line((nothing, "$muted"))]
    return [progress_bar(job, width, look.glyphs), *_facts(_numbers(known, width, look, rows), width)]


def _numbers(known: Known, width: int, look: Look, rows: int) -> Iterator[Fact]:
    view, counts = known.view, known.view.job.counts
    numbers = [f"{number:,}" for number in (counts.total, counts.completed, counts.failed)]
    digits = max(map(len, numbers))
    total, completed, failed = (number.rjust(digits) for number in numbers)
    yield _("total"), line(total)
    yield _("completed"), line(completed)
    yield _("failed"), line((failed, "bold $error" if counts.failed else ""))
    yield _("rate"), rate(view)
    left = time_left(view, look)
    if left is not None:
        when = seconds_left(view, look.now) or 0.0
        late = (_(" after its expiry"), "bold $warning") if view.forecast.late else ""
        yield _("eta"), line(left, (f" {look.glyphs.separator} {_clock_time(when, look)}", "$muted"), late)
    idle = view.forecast.idle_since
    if idle is not None and look.now - idle >= STALL:
        yield _("stalled"), age(idle, look, seconds=True).stylize("$warning")
    yield from _throughput(known, width - _LABEL, look, rows)


def _clock_time(seconds: float, look: Look) -> str:
    return local_time(look.now + timedelta(seconds=seconds))


def _throughput(known: Known, width: int, look: Look, rows: int) -> Iterator[Fact]:
    """Yield how fast the job went in the last hours as `rows` of levels, and what the highest of them stands for."""
    samples, job = known.record.samples, known.view.job
    if not samples:
        return
    until = samples[-1].at if job.phase.finished else max(samples[-1].at, known.view.seen)
    rates = throughput(samples, min(_SPARK, width), until=until)
    if rates:
        span = human_duration((until - samples[0].at).total_seconds())
        drawn = (line((row, phase_style(job.phase))) for row in chart(rates, rows, look.glyphs))
        yield from zip(chain([_("throughput")], repeat("")), drawn, strict=False)
        yield _("at most"), line(rate_text(max(rates)), (_(", in the {span} shown", span=span), "$muted"))


def _status(known: Known, look: Look) -> list[Content]:
    job = known.view.job
    steps = [_step(step, known, look) for step in way_of(job, known.record.phases)]
    if job.created is not None:
        made = (_("Created").ljust(_STEP), local_time(job.created, seconds=True))
        steps.insert(0, line((look.glyphs.check, "$muted"), " ", *made))
    return steps


def _step(step: Step, known: Known, look: Look) -> Content:
    signs, name = look.glyphs, clean(step.phase, limit=40).ljust(_STEP)
    when = local_time(step.at, seconds=True) or signs.dash
    if step.standing is Standing.FUTURE:
        return line((f"{signs.separator} {name}", "$muted"))
    if step.standing is Standing.PAST:
        seen = (_("  seen"), "$muted") if step.seen else ""
        return line((signs.check, "$muted"), " ", name, (when, "" if step.at else "$muted"), seen)
    label = phase_label(step.phase, signs).stylize("bold")
    padding = " " * max(1, _STEP + 2 - label.cell_length)
    now = "" if known.view.job.phase.finished else _("  now")
    return line(label, padding, (when, "bold"), (now, "bold"))


def _results(known: Known) -> Iterator[Fact]:
    run, account = known.record.run, known.view.account
    if run is not None:
        yield _("run"), line(clean(run.id, strict=True), (f"  {run.state}", "$muted"))
        if run.reached(RunState.COLLECTED):
            yield _("folder"), identifier(str(run.plan.results_folder(known.view.job.id)))
    if account is None:
        return
    yield _("requests"), line(f"{account.requests:,}")
    yield _("answered"), line(f"{account.ok:,}")
    for label, count in (
        (_("failed"), account.failed),
        (_("missing"), account.missing),
        (_("truncated"), account.truncated),
        (_("refused"), account.refused),
        (_("duplicate"), account.duplicate),
        (_("unexpected"), account.unexpected),
        (_("unreadable"), account.unreadable),
    ):
        if count:
            yield label, line((f"{count:,}", "bold $warning"))
    yield _("tokens"), tokens(account)
    counts = known.view.job.counts
    if account.failed != counts.failed:
        yield "", line((_("the service counts {failed:,} failed", failed=counts.failed), "$warning"))


# What it is


def _right(known: Known, width: int, look: Look) -> list[Content]:
    job = known.view.job
    about = (
        (_("expires"), expiry(job, look, seconds=True)),
        (_("window"), window(job)),
        (_("updated"), age(job.updated, look, seconds=True) if job.updated else None),
        (_("model"), plain(str(job.model), limit=256) if str(job.model) else None),
        (_("project"), plain(job.project, limit=256) if job.project else None),
        *zip(chain([_("tags")], repeat("")), own_tags(job), strict=False),
    )
    places = (
        (_("input"), address(job.input)),
        (_("output"), address(job.output)),
        (_("error file"), address(job.error_file) if job.error_file else None),
    )
    ids = (
        (_("job"), identifier(job.id)),
        (_("last reply"), identifier(job.request_id) if job.request_id else None),
    )
    described = paragraphs(job.description, limit=_TEXT_LIMIT).wrap(width) if job.description else []
    return [
        *_section(_("Job"), _facts(about, width)),
        *_section(_("Description"), described),
        *_section(_("Object store"), _facts(places, width)),
        *_section(_("Ids"), _facts(ids, width)),
    ]


# What befell it


def _history(happenings: Sequence[Happening], width: int, look: Look) -> list[Content]:
    return [
        text
        for each in happenings
        for text in labelled(local_time(each.at, seconds=True), _happened(each, look), width, _MOMENT)
    ]


def _no_history() -> list[Content]:
    return [line((_("nothing was done to it from this machine"), "$muted"))]


def _happened(each: Happening, look: Look) -> Content:
    what = line((each.what, "bold"), " ", each.detail) if each.detail else line((each.what, "bold"))
    if each.error:
        became = outcome(each.error, maybe_applied=each.maybe_applied)
        return line(what, (f"  {look.glyphs.cross} {became}", "$error"))
    request = _("request {id}", id=clean(each.request_id, strict=True, limit=128)) if each.request_id else ""
    return line(what, (f"  {request}" if request else "", "$muted"))
