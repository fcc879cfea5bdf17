"""What the check of a file found, as rows of a table: its issues under the rule that they break."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec
from textual.content import Content

from tui.dataset.rules import RULES, Rule, Severity
from tui.i18n import _, plural
from tui.runs.input_check import FoundIssue
from tui.text import human_bytes
from tui.widgets.action_keys import key_of
from tui.widgets.glyphs import Glyphs
from tui.widgets.job_cells import bar
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.table import Column

if TYPE_CHECKING:
    from tui.runs.input_check import InputCheck

COLUMNS: Final = (
    Column("line", _("LINE"), 9, align="right", drop=1),
    Column("what", _("WHAT"), 36, grow=3),
    Column("id", _("CUSTOM_ID"), 14, grow=1, drop=2),
    Column("excerpt", _("LINE BEGINS"), 40, grow=5, drop=3),
)

_TEXT_LIMIT: Final = 512
_BAR: Final = 24  # cells
_STYLES: Final = {Severity.ERROR: "$error", Severity.WARNING: "$warning"}


class RuleRow(msgspec.Struct, frozen=True):
    """A rule that is broken, and by how many lines, as far as is known."""

    rule: Rule
    count: int


def check_rows(check: InputCheck) -> dict[str, RuleRow | FoundIssue]:
    """Return the rows by their keys: each rule, errors first, and beneath it the issues that are listed of it."""
    rows: dict[str, RuleRow | FoundIssue] = {}
    counts = check.summary.counts if check.summary else {}
    for rule_id in sorted(check.issues, key=lambda each: RULES[each].severity is Severity.WARNING):
        issues = check.issues[rule_id]
        rows[rule_id] = RuleRow(RULES[rule_id], counts.get(rule_id, len(issues)))
        rows |= {f"{rule_id} {number}": issue for number, issue in enumerate(issues)}
    return rows


def check_cells(row: RuleRow | FoundIssue, widths: Mapping[str, int], glyphs: Glyphs) -> list[Content]:
    """Return the cells of a row, for the columns in `widths`."""
    cells = _rule_cells(row, glyphs) if isinstance(row, RuleRow) else _issue_cells(row)
    return [cells.get(column, Content()) for column in widths]


def _rule_cells(row: RuleRow, glyphs: Glyphs) -> dict[str, Content]:
    rule = row.rule
    sign = glyphs.cross if rule.severity is Severity.ERROR else glyphs.warning
    count = plural("{count} place", "{count} places", row.count)
    what = line((f"{sign} {rule.title}", f"bold {_STYLES[rule.severity]}"), (f"   {rule.id}", "$muted"))
    return {"what": what, "id": line((count, _STYLES[rule.severity]))}


def _issue_cells(found: FoundIssue) -> dict[str, Content]:
    issue = found.issue
    return {
        "line": line(f"{issue.line:,}") if issue.line is not None else Content(),
        "what": line("  ", plain(issue.message, limit=_TEXT_LIMIT)),
        "id": identifier(issue.custom_id or "", limit=_TEXT_LIMIT),
        "excerpt": plain(found.excerpt, limit=_TEXT_LIMIT).stylize("$muted"),
    }


def check_state(check: InputCheck | None, glyphs: Glyphs) -> Content:
    """Return how far the check is, or what it said in all, as one line."""
    if check is None:
        return line((_("no file is chosen yet"), "$muted"))
    if check.error is not None:
        return line((f"{glyphs.cross} {check.error.message}", "bold $error"))
    if check.stopped:
        return line(
            (_("stopped"), "bold $warning"), (_("   {key} checks the file again", key=key_of("create.again")), "$muted")
        )
    if check.summary is None:
        percent = min(99, 100 * check.done // check.total) if check.total else 0
        done = _("{done} of {total}", done=human_bytes(check.done), total=human_bytes(check.total))
        found = sum(map(len, check.issues.values()))
        issues = plural("{count} issue so far", "{count} issues so far", found) if found else _("no issue so far")
        return line(_("checking "), bar(percent, _BAR, "$phase-running", glyphs), f"  {done}   ", (issues, "$muted"))
    return _told(check, glyphs)


def _told(check: InputCheck, glyphs: Glyphs) -> Content:
    summary = check.summary
    assert summary is not None
    requests = plural("{count} request", "{count} requests", summary.requests)
    size = line(f"{requests} {glyphs.separator} {human_bytes(summary.bytes)} {glyphs.separator} ")
    errors = plural("{count} error", "{count} errors", summary.errors)
    warnings = plural("{count} warning", "{count} warnings", summary.warnings)
    if summary.errors:
        both = f"{errors}, {warnings}" if summary.warnings else errors
        return line((f"{glyphs.cross} ", "bold $error"), size, (both, "bold $error"))
    if summary.warnings:
        return line((f"{glyphs.check} ", "bold $success"), size, _("no errors, "), (warnings, "$warning"))
    return line((f"{glyphs.check} ", "bold $success"), size, (_("nothing wrong"), "$success"))


def platform_words(check: InputCheck | None) -> Content:
    """Return what the platform would say of the file; nothing where it takes it."""
    said = check.summary.platform_message if check is not None and check.summary is not None else None
    if not said:
        return Content()
    return line((_("the platform would refuse it with: "), "$muted"), plain(said, limit=_TEXT_LIMIT))
