"""A request and what became of it, as the cells of a row; what an account says, in lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from textual.content import Content

from tui.dataset.reply import Fate
from tui.i18n import _, plural
from tui.runs.disagreement import disagreements
from tui.text import human_bytes
from tui.widgets.glyphs import Glyphs, glyphs
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.table import Column
from tui.widgets.tabs import TabName

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.dataset.results import Account, ErrorGroup, Tokens
    from tui.dataset.row_glance import Glance


class Kind(msgspec.Struct, frozen=True):
    """Requests that something became of.

    Attributes:
        name: as an account counts them.
        fate: None for all.
        word: what a tab calls them.
        option: of `arkdeck results`, to list them.
    """

    name: str
    fate: Fate | None
    word: str
    style: str
    option: str = ""


KINDS: Final = (
    Kind("requests", None, _("All"), "bold"),
    Kind("failed", Fate.FAILED, _("Failed"), "bold $error", "--failed"),
    Kind("missing", Fate.MISSING, _("Missing"), "bold $warning", "--missing"),
    Kind("truncated", Fate.TRUNCATED, _("Truncated"), "$warning", "--truncated"),
    Kind("refused", Fate.REFUSED, _("Refused"), "$warning", "--refused"),
    Kind("empty", Fate.EMPTY, _("Empty"), "$warning", "--empty"),
    Kind("ok", Fate.OK, _("Ok"), "$success"),
)
"""By what became of them, by the number of their tab."""

COLUMNS: Final = (
    Column("number", _("#"), 5, align="right", drop=4),
    Column("id", _("REQUEST"), 14, grow=2),
    Column("outcome", _("OUTCOME"), 11),
    Column("why", _("WHY"), 12, grow=2, drop=2),
    Column("tokens", _("TOKENS"), 7, align="right", drop=3),
    Column("text", _("TEXT"), 14, grow=5, drop=1),
)
"""The table of requests."""

_NUMBER: Final = 0
_STYLES: Final = {kind.name: kind.style for kind in KINDS}
_LABEL: Final = 9
_MESSAGE: Final = 3  # lines of a group's message


def columns(requests: int) -> list[Column]:
    """Return the columns for so many requests, with room for the last one's number."""
    number = msgspec.structs.replace(COLUMNS[_NUMBER], width=max(3, len(f"{requests:,}")))
    return [number, *COLUMNS[1:]]


def kind_tabs(account: Account, signs: Glyphs) -> list[TabName]:
    """Return the tabs: how many requests there are of each kind."""
    return [
        TabName(
            kind.word,
            kind.word if kind.fate is None else outcome_sign(kind.name, signs),
            f"{(count := getattr(account, kind.name)):,}",
            kind.style if count else "$muted",
        )
        for kind in KINDS
    ]


def outcome_sign(name: str, signs: Glyphs) -> str:
    """Return the sign of what became of a request."""
    return {"ok": signs.check, "failed": signs.cross, "missing": "?"}.get(name, signs.warning)


def outcome(verdict: str, flags: tuple[str, ...], signs: Glyphs) -> Content:
    """Return what became of a request as sign and word; of an answer that has a flaw, the flaw."""
    name = flags[0] if flags else verdict
    more = f" +{len(flags) - 1}" if len(flags) > 1 else ""
    return line((f"{outcome_sign(name, signs)} {_(name)}", _STYLES[name]), (more, "$muted"))


def glance_cells(number: int, glance: Glance | None, widths: Mapping[str, int]) -> list[Content]:
    """Return the cells of a request; of one that is not read yet, its number.

    Args:
        number: its place in the input, from 0.
        glance: what was read of it.
        widths: the columns to show in their order.
    """
    cells = {"number": line((f"{number + 1:,}", "$muted"))}
    if glance is not None:
        signs = glyphs()
        unknown = line((_("not known"), "$muted"))
        cells |= {
            "id": unknown if glance.custom_id is None else identifier(glance.custom_id, limit=256),
            "outcome": outcome(glance.verdict, glance.flags, signs),
            "why": plain(glance.why, limit=256),
            "tokens": line("" if glance.tokens is None else f"{glance.tokens:,}"),
            "text": _excerpt(glance),
        }
    return [cells.get(column, Content()) for column in widths]


def _excerpt(glance: Glance) -> Content:
    if glance.excerpt is None:
        return line((_("({size}, too long for a list)", size=human_bytes(glance.row.reply_length)), "$muted"))
    return plain(" ".join(glance.excerpt.split()))


def account_lines(account: Account, job: Job | None) -> list[Content]:
    """Return what the tabs do not tell of an account: other rows, the service's count, tokens, finish reasons."""
    facts = [
        (_("also"), _others(account)),
        *([(_("service"), _service(account, job))] if job is not None else []),
        (_("tokens"), line(*_tokens(account.tokens))),
        (_("finish"), _finish(account)),
    ]
    return [line((f" {label.ljust(_LABEL)}", "$muted"), value) for label, value in facts]


def _others(account: Account) -> Content:
    counts = (
        (account.unexpected, _("unexpected")), (account.duplicate, _("duplicate")),
        (account.unreadable, _("unreadable")),
    )  # fmt: skip
    rows = _joined([line((f"{count:,} {word}", "bold $warning" if count else "$muted")) for count, word in counts])
    return line(rows, (_(" rows in the files"), "$muted"))


def _service(account: Account, job: Job) -> Content:
    counts, signs = job.counts, glyphs()
    told = _("{total:,} requests, {completed:,} completed, {failed:,} failed",
             total=counts.total, completed=counts.completed, failed=counts.failed)  # fmt: skip
    found = disagreements(counts, account)
    if not found:
        return line(told, (f"  {signs.check} ", "$success"), (_("the files agree"), "$muted"))
    differs = ", ".join(_("{what} {files:,}", what=each.what, files=each.files) for each in found)
    return line(
        told, (f"  {signs.warning} ", "bold $warning"), (_("by the files: {differs}", differs=differs), "$warning")
    )


def _tokens(tokens: Tokens) -> Iterator[str | tuple[str, str]]:
    yield _("{count:,} sent", count=tokens.prompt)
    yield _(", {count:,} of them cached", count=tokens.cached), "$muted"
    yield _(" {dot} {count:,} answered", dot=glyphs().separator, count=tokens.completion)
    yield _(", {count:,} reasoning", count=tokens.reasoning), "$muted"


def _finish(account: Account) -> Content:
    if not account.finish_reasons:
        return line((_("no answer"), "$muted"))
    return _joined([plain(f"{reason} {count:,}", limit=80) for reason, count in account.finish_reasons.items()])


def _joined(parts: list[Content]) -> Content:
    separator = line((f" {glyphs().separator} ", "$muted"))
    return separator.join(parts)


def group_code(group: ErrorGroup) -> str:
    """Return the code of an error group; outside text."""
    return group.code or _("no code")


def group_message(group: ErrorGroup) -> str:
    """Return what the messages of an error group say; outside text."""
    return group.template or group.message or _("no message")


def group_lines(account: Account, width: int, height: int) -> list[Content]:
    """Return the commonest error groups in a block of this size, and how many more there are."""
    groups = account.errors
    digits = max((len(f"{group.count:,}") for group in groups), default=0)
    lines = [line((_("ERRORS"), "bold $muted"), ("   e ", "bold $accent"), (_("narrow to one"), "$muted"))]
    for place, group in enumerate(groups):
        code = line((group_code(group), "bold"))
        message = plain(group_message(group), limit=400).fold(max(1, width - digits - 2))[:_MESSAGE]
        block = [Content(), line((f"{group.count:,}".rjust(digits), "bold $error"), "  ", code)]
        block += [line(" " * (digits + 2), part.stylize("$muted")) for part in message]
        if len(lines) + len(block) + 2 > height:
            left = len(groups) - place
            more = plural("and {count} more kind", "and {count} more kinds", left)
            return [*lines, Content(), line((more, "$muted"))]
        lines += block
    return lines
