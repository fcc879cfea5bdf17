"""`arkdeck check`: everything that is wrong with a file, before anything is sent."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import DataLostError, explain, print_json, print_line, say
from tui.cli.progress import ProgressLine
from tui.cli.session import json_option
from tui.cli.table import Column, print_table
from tui.errors import UsageError
from tui.i18n import _, plural
from tui.text import clean, human_bytes

if TYPE_CHECKING:
    from tui.dataset.check import CheckSummary, Issue


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="FILE...")
@json_option
@click.option("--max-issues", type=click.IntRange(min=0), default=100, show_default=True,
              help=_("issues told per rule and file; 0 for all"))  # fmt: skip
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=_("write every line of --json there as well"),
)
@click.option("--rules", "list_rules", is_flag=True, help=_("list the rules and end"))
def check(files: tuple[Path, ...], *, as_json: bool, max_issues: int, report: Path | None, list_rules: bool) -> int:
    """Tell everything that is wrong with files of requests.

    Every issue is told with its line; nothing is sent.

    Exit code 1 when a file holds an error, for which the platform would refuse it whole; warnings alone give 0.
    """
    if list_rules:
        return _print_rules(as_json=as_json)
    if not files:
        raise UsageError(_("no file to check"), advice=_("arkdeck check FILE..."))
    code = ExitCode.DONE
    with ExitStack() as leaving:
        copy = leaving.enter_context(_open_report(report)) if report else None
        for path in files:
            code = max(code, _checked(path, max_issues=max_issues, as_json=as_json, copy=copy))
    return code


def _checked(path: Path, *, max_issues: int, as_json: bool, copy: IO[str] | None) -> ExitCode:
    """Check one file; one that cannot be read does not keep the others from being checked."""
    try:
        summary = _check_one(path, max_issues=max_issues, as_json=as_json, copy=copy)
    except UsageError as error:
        explain(error)
        return ExitCode.USAGE
    return ExitCode.WORK_FAILED if summary.errors else ExitCode.DONE


def _check_one(path: Path, *, max_issues: int, as_json: bool, copy: IO[str] | None) -> CheckSummary:
    from tui.dataset.check import CheckProgress, CheckSummary, Issue, check_file

    with ProgressLine(shown=not as_json) as progress:
        for found in check_file(path, max_issues=max_issues):
            match found:
                case CheckProgress(done=done, total=total):
                    progress.show(_("checking"), done, total)
                case Issue():
                    progress.end()
                    _tell(found.as_json(str(path)), copy, as_json=as_json, text=_issue_text(path, found))
                case CheckSummary():
                    summary = found
    _tell(_summary_fields(path, summary), copy, as_json=as_json, text="")
    if not as_json:
        _print_summary(path, summary, max_issues)
    return summary


def _summary_fields(path: Path, summary: CheckSummary) -> dict[str, object]:
    return {
        "summary": {
            "file": str(path),
            "requests": summary.requests,
            "errors": summary.errors,
            "warnings": summary.warnings,
            "bytes": summary.bytes,
            "seconds": round(summary.seconds, 3),
        }
    }


def _issue_text(path: Path, issue: Issue) -> str:
    where = f"{path}:{issue.line}" if issue.line else str(path)
    return f"{where}: {issue.severity}: {issue.message}  [{issue.rule}]"


def _tell(fields: dict[str, object], copy: IO[str] | None, *, as_json: bool, text: str) -> None:
    if as_json:
        print_json(fields)
    elif text:
        print_line(text)
    if copy is not None:
        import json

        copy.write(json.dumps(fields, ensure_ascii=False) + "\n")


def _print_summary(path: Path, summary: CheckSummary, max_issues: int) -> None:
    told = {rule: count for rule, count in summary.counts.items() if max_issues and count > max_issues}
    for rule, count in told.items():
        say(
            _(
                "{path}: {rule}: {count:,} in all, the first {shown:,} told",
                path=path,
                rule=rule,
                count=count,
                shown=max_issues,
            )
        )
    if summary.counts.get("not-utf8", 0) > 1:
        say(
            _(
                "{path}: not UTF-8; if it is GBK:  iconv -f GBK -t UTF-8 {quoted}",
                path=path,
                quoted=shlex.quote(str(path)),
            )
        )
    size = human_bytes(summary.bytes)
    errors = plural("{count} error", "{count} errors", summary.errors)
    warnings = plural("{count} warning", "{count} warnings", summary.warnings)
    requests = plural("{count} request", "{count} requests", summary.requests)
    say(f"{path}: {requests}, {size}: {errors}, {warnings}")
    if summary.platform_message:
        say(
            _("the platform would refuse it with: {message}", message=clean(summary.platform_message)),
            indent=2,
        )


@contextmanager
def _open_report(path: Path) -> Iterator[IO[str]]:
    try:
        file = path.open("x", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(
            _("cannot write the report {path}: {error}", path=path, error=error.strerror),
            advice=_("Name a file that does not exist yet, in a folder that can be written."),
        ) from error
    try:
        with file:
            yield file
    except OSError as error:
        raise DataLostError(_("the report {path} is not whole: {error}", path=path, error=error.strerror)) from error


def _print_rules(*, as_json: bool) -> int:
    from tui.dataset.rules import RULES

    if as_json:
        for rule in RULES.values():
            print_json(
                {
                    "rule": rule.id,
                    "severity": str(rule.severity),
                    "title": rule.title,
                    "platform": rule.platform,
                }
            )
    else:
        columns = [Column(_("RULE")), Column(_("SEVERITY")), Column(_("WHAT"), gives=True)]
        print_table(
            [*columns, Column(_("THE PLATFORM SAYS"), gives=True)],
            ([rule.id, str(rule.severity), rule.title, rule.platform or ""] for rule in RULES.values()),
        )
    return ExitCode.DONE


VERBS = (check,)
