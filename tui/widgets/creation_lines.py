"""A job in the making as lines of text: its steps, its file, its review; pure functions of what is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from textual.content import Content

from tui.creation import Creation, Review, Stage, Standing
from tui.i18n import _, plural
from tui.runs.transfers import TransferState
from tui.text import human_bytes, short_path
from tui.widgets.action_keys import key_of
from tui.widgets.glyphs import Glyphs
from tui.widgets.job_facts import labelled
from tui.widgets.legend import legend
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.tabs import TabName
from tui.widgets.transfer_cells import error_lines, percent_of, transfer_facts

if TYPE_CHECKING:
    from tui.dataset.preview import FilePreview
    from tui.runs.events import Rehearsed
    from tui.runs.transfers import Transfer

_MARGIN: Final = 2
_LABEL: Final = 14
_WORDS: Final = {
    Stage.INPUT: _("Input"),
    Stage.CHECK: _("Check"),
    Stage.JOB: _("Job"),
    Stage.REVIEW: _("Review"),
    Stage.SEND: _("Send"),
}
_STYLES: Final = {
    Standing.OPEN: "$muted",
    Standing.BUSY: "$phase-running",
    Standing.DONE: "$success",
    Standing.DOUBTFUL: "$warning",
    Standing.WRONG: "bold $error",
}


def stage_tabs(creation: Creation, sent: Transfer | None, glyphs: Glyphs) -> list[TabName]:
    """Return the tabs of the steps, each with a sign of how it stands."""
    return [_tab(stage, _standing(creation, stage, sent), creation, sent, glyphs) for stage in Stage]


def _standing(creation: Creation, stage: Stage, sent: Transfer | None) -> Standing:
    if stage is not Stage.SEND or sent is None:
        return creation.standing(stage)
    match sent.state:
        case TransferState.DONE:
            return Standing.DONE
        case TransferState.FAILED | TransferState.CANCELLED:
            return Standing.WRONG
        case TransferState.PAUSED | TransferState.HELD:
            return Standing.DOUBTFUL
        case _:
            return Standing.BUSY


def _tab(stage: Stage, standing: Standing, creation: Creation, sent: Transfer | None, glyphs: Glyphs) -> TabName:
    signs = {
        Standing.OPEN: "",
        Standing.BUSY: glyphs.phase("Running"),
        Standing.DONE: glyphs.check,
        Standing.DOUBTFUL: glyphs.warning,
        Standing.WRONG: glyphs.cross,
    }
    note = signs[standing]
    if standing is Standing.BUSY and (percent := _percent(stage, creation, sent)) is not None:
        note = f"{percent}%"
    return TabName(_WORDS[stage], _WORDS[stage][0], note, _STYLES[standing])


def _percent(stage: Stage, creation: Creation, sent: Transfer | None) -> int | None:
    if stage is Stage.CHECK and creation.check is not None:
        return percent_of(creation.check.done, creation.check.total)
    if stage is Stage.SEND and sent is not None:
        return percent_of(sent.done, sent.total)
    return None


# The input


def input_lines(creation: Creation, preview: FilePreview | None, trouble: str, width: int) -> list[Content]:
    """Return what is known of the file over `width` cells: its place, its size, its first requests."""
    path = creation.draft.path
    if path is None:
        texts = [
            line((_("No file is chosen yet."), "bold")),
            Content(),
            line(
                (key_of("create.file"), "bold $accent"),
                _(" chooses the file of requests: JSON lines, each with custom_id and body."),
            ),
        ]
        return _indented(texts)
    room = width - 2 * _MARGIN
    texts = labelled(_("file"), identifier(short_path(path)).stylize("bold"), room, _LABEL)
    if trouble:
        return _indented([*texts, Content(), line((trouble, "bold $error"))])
    if preview is None:
        return _indented([*texts, Content(), line((_("reading…"), "$muted"))])
    size = line(human_bytes(preview.size), "   ", (_requests(creation, preview), "$muted"))
    texts += labelled(_("size"), size, room, _LABEL)
    if creation.draft.parent:
        texts += labelled(_("retry of"), identifier(creation.draft.parent), room, _LABEL)
    texts += [Content(), line((_("FIRST REQUESTS"), "bold $muted"))]
    for request in preview.first:
        number = line((f"{request.line:>6}  ", "$muted"))
        said = (
            line((request.wrong, "$error"))
            if request.wrong
            else line(identifier(request.custom_id or "").stylize("bold"), "  ", plain(request.text))
        )
        texts.append(line(number, said.truncate(max(1, room - number.cell_length), ellipsis=True)))
    return _indented(texts)


def _requests(creation: Creation, preview: FilePreview) -> str:
    summary = creation.check.summary if creation.check is not None else None
    if summary is not None:
        return plural("{count} request", "{count} requests", summary.requests)
    if not preview.requests:
        return ""
    about = _("about {count:,} requests") if preview.estimated else _("{count:,} requests")
    return about.format(count=preview.requests)


# The review


def review_lines(creation: Creation, command: str | None, width: int, glyphs: Glyphs) -> list[Content]:
    """Return what would happen over `width` cells, or what is missing before that can be said."""
    room = width - 2 * _MARGIN
    review = creation.review
    if review is None:
        return _indented(_missing(creation, room, glyphs))
    texts = [text for label, value in _facts(creation, review) for text in labelled(label, value, room, _LABEL)]
    texts += [Content(), *_verdict(review, room, glyphs)]
    if command is not None:
        texts += [Content(), line((_("THE SAME ON THE COMMAND LINE"), "bold $muted")), *plain(command).fold(room)]
    return _indented(texts)


def _missing(creation: Creation, width: int, glyphs: Glyphs) -> Iterator[Content]:
    yield line((_("Not ready for a review yet."), "bold"))
    yield Content()
    for stage in (Stage.INPUT, Stage.CHECK, Stage.JOB):
        standing = creation.standing(stage)
        good = standing in (Standing.DONE, Standing.DOUBTFUL)
        sign = glyphs.check if good else glyphs.dash if standing is Standing.OPEN else glyphs.cross
        if standing is Standing.BUSY:
            sign = glyphs.phase("Running")
        yield line(
            (f"{sign} ", _STYLES[standing]), f"{stage} {_WORDS[stage]}", ("   " + _why(creation, stage), "$muted")
        )
    for trouble in creation.troubles.values():
        yield from line((f"    {glyphs.cross} {trouble.message}", "$error")).fold(width)


def _why(creation: Creation, stage: Stage) -> str:
    match stage, creation.standing(stage):
        case Stage.INPUT, Standing.OPEN:
            return _("{key} chooses the file", key=key_of("create.file"))
        case Stage.CHECK, Standing.BUSY:
            return _("the file is being checked; the review follows by itself")
        case Stage.CHECK, Standing.WRONG:
            return _("the platform would refuse the whole file")
        case Stage.CHECK, Standing.OPEN:
            return _("{key} checks the file", key=key_of("create.again"))
        case Stage.JOB, Standing.OPEN:
            return _("no model is chosen")
        case _:
            return ""


def _facts(creation: Creation, review: Review) -> Iterator[tuple[str, Content]]:
    plan, found = review.plan, review.found
    summary = creation.check.summary if creation.check is not None else None
    if summary is not None:
        requests = plural("{count} request", "{count} requests", summary.requests)
        warnings = plural("{count} warning", "{count} warnings", summary.warnings) if summary.warnings else ""
        yield _("input"), line(f"{requests}, {human_bytes(summary.bytes)}", (f"   {warnings}", "$warning"))
    yield _("file"), identifier(short_path(creation.draft.path)) if creation.draft.path else Content()
    primary = _("   the primary version") if review.version_chosen else ""
    model = identifier(plan.custom_model or (f"{plan.model}@{plan.version}" if plan.version else plan.model))
    yield _("model"), line(model.stylize("bold"), (primary, "$muted"))
    yield _("name"), plain(plan.job_name)
    if plan.description:
        yield _("description"), plain(plan.description)
    yield _("window"), line(plural("{count} day", "{count} days", plan.window_days))
    yield _("project"), plain(plan.project)
    if plan.tags:
        yield _("tags"), plain("  ".join(f"{key}={value}" for key, value in plan.tags.items()))
    if plan.parent:
        yield _("retry of"), identifier(plan.parent)
    if found is not None:
        yield _("input to"), line(identifier(f"tos://{found.bucket}/{found.key}"))
        yield "", line((_how(found), "$muted"))
    yield (
        _("results to"),
        line(identifier(f"tos://{plan.bucket}/{plan.output_prefix}"), (_("the job's id"), "$muted"), "/"),
    )


def _how(found: Rehearsed) -> str:
    bucket = _("the private bucket is made first; ") if found.new_bucket else ""
    words = {
        "upload": _("the file is uploaded there"),
        "copy": _("the same content is in the store: copied there, not uploaded"),
        "present": _("the same content is there already: not uploaded again"),
    }
    return bucket + words[found.how]


def _verdict(review: Review, width: int, glyphs: Glyphs) -> list[Content]:
    found = review.found
    if review.error is not None:
        return error_lines(review.error, width, glyphs)
    if found is None:
        return [line((_("asking the service…"), "$muted"))]
    if found.existing is not None:
        job = found.existing
        taken = _("This content has a job, which would be taken; no new one is made, and nothing is paid again.")
        another = _("To pay for a second one, turn on `second job` in step 3.")
        return [
            *line((f"{glyphs.warning} {taken}", "bold $warning")).wrap(width),
            line(
                "  ", identifier(job.id), f"  {glyphs.phase(job.phase)} ", plain(str(job.phase)), "  ", plain(job.name)
            ),
            line((f"  {another}", "$muted")),
        ]
    if found.refusal is not None:
        refused = line((f"{glyphs.cross} {_('The service would refuse the job:')}", "bold $error"))
        return [refused, *error_lines(found.refusal, width, glyphs)]
    if found.unjudged:
        said = _("The service judges the job once the file is uploaded; nothing else stands against it.")
        return line((f"{glyphs.check} {said}", "bold $success")).wrap(width)
    return [line((f"{glyphs.check} {_('The service would create this job.')}", "bold $success"))]


# What comes next


def _keys(*ways: tuple[str, str]) -> Content:
    """Return actions by their ids, each with what it is good for, as all that the page asks for just now."""
    return legend(*((key_of(action_id), what) for action_id, what in ways), look="")


def next_line(creation: Creation, sent: Transfer | None, glyphs: Glyphs) -> Content:
    """Return what the operator may do next, as one line."""
    if sent is not None and creation.stage is Stage.SEND:
        return _keys(
            ("app.back", _("back")),
            ("app.transfers", _("all transfers")),
            ("create.anew", _("another job")),
        )
    go_on = ("create.next", _("go on"))
    match creation.stage, creation.standing(creation.stage):
        case Stage.INPUT, Standing.OPEN:
            return _keys(("create.file", _("choose the file")))
        case Stage.INPUT, _:
            return _keys(go_on, ("create.file", _("another file")))
        case Stage.CHECK, Standing.BUSY:
            return _keys(("create.next", _("go on meanwhile")), ("create.stop_check", _("stop the check")))
        case Stage.CHECK, Standing.WRONG:
            return _keys(
                ("create.open", _("show the line")), ("create.again", _("check again, once the file is mended"))
            )
        case Stage.JOB, Standing.OPEN:
            return _keys(("create.open", _("change the value: choose a model")))
        case Stage.JOB, _:
            return _keys(("create.open", _("change the value")), ("create.next", _("go on to the review")))
        case Stage.REVIEW, Standing.DOUBTFUL if creation.obstacle is None:
            return _keys(("create.send", _("take the job that is there: nothing is paid again")))
        case Stage.REVIEW, _ if creation.obstacle is None:
            return _keys(("create.send", _("upload the file and create the job: its answers are paid for")))
        case Stage.REVIEW, _:
            return line((f"{glyphs.dash} {creation.obstacle or ''}", "$muted"))
        case _:
            return _keys(go_on)


# On its way


def sent_lines(sent: Transfer | None, width: int, glyphs: Glyphs) -> list[Content]:
    """Return how the upload goes and what came of it, over `width` cells."""
    if sent is None:
        unsent = _("Nothing is sent yet: {key} sends it once it is reviewed.", key=key_of("create.send"))
        return _indented([line((unsent, "$muted"))])
    texts = transfer_facts(sent, width - 2 * _MARGIN, glyphs)
    match sent.state:
        case TransferState.DONE:
            what = _("was there already, and is taken") if sent.found else _("is created")
            ended = line((f"{glyphs.check} {_('The job')} ", "bold $success"), identifier(sent.job_id), f" {what}.")
            texts += [Content(), ended, _keys(("create.open", _("open it")), ("app.back", _("back")))]
        case TransferState.FAILED | TransferState.PAUSED:
            texts += [Content(), _keys(("create.again", _("go on with it")), ("app.transfers", _("all transfers")))]
        case TransferState.WAITING | TransferState.RUNNING:
            leave = _("You may leave this page: it goes on, and {key} shows it.", key=key_of("app.transfers"))
            texts += [Content(), line((leave, "$muted"))]
    return _indented(texts)


def _indented(texts: Sequence[Content] | Iterator[Content]) -> list[Content]:
    return [line(" " * _MARGIN, text) if text.plain else text for text in texts]
