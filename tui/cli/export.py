"""`arkdeck export`: the results as a table for other tools."""

from __future__ import annotations

import sys
from contextlib import aclosing, nullcontext
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.opened import opened_results, results_options
from tui.cli.output import print_line, say, told_when_lost
from tui.cli.session import asynchronous
from tui.errors import UsageError
from tui.i18n import _, plural

if TYPE_CHECKING:
    from tui.dataset.tables import Format
    from tui.runs.export import Export
    from tui.runs.results_folder import Results

_FORMATS: Final = ("jsonl", "csv", "parquet")
_FATES: Final = ("ok", "failed", "missing", "truncated", "refused", "empty")
_STDOUT: Final = 1


@click.command()
@results_options
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="FILE", help=_("a new file; standard output by default, or as -")
)
@click.option("--format", "format_name", type=click.Choice(_FORMATS), help=_("by the file's suffix unless given"))
@click.option("--columns", metavar="NAME,...", help=_("what stands in the table, see above"))
@click.option("--only", "words", type=click.Choice(_FATES), multiple=True, help=_("only these requests; repeatable"))
@click.option("--bom", is_flag=True, help=_("begin CSV with a byte order mark, for Excel"))
@asynchronous
async def export(
    where: str, *, profile: str | None, out: Path | None, input_file: Path | None, to: Path | None,
    format_name: str | None, columns: str | None, words: tuple[str, ...], bom: bool,
) -> int:  # fmt: skip
    """Write the results of a job as a table: JSON lines, CSV or Parquet, in the order of the input.

    Columns: custom_id, verdict (ok, failed, missing), flags (truncated, refused, empty), answer, reasoning,
    finish_reason, code, message, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens; and fields by their
    path, of the request as in input:body.messages.0.content, of its reply as in reply:response.body.model.

    In CSV, a text that a spreadsheet would take for a formula begins with an apostrophe.
    """
    from tui.dataset.columns import DEFAULT, parse_columns
    from tui.dataset.row_details import FATES
    from tui.dataset.tables import Format
    from tui.runs.export import Export

    target = _target(to)
    format_ = _format(format_name, target)
    if bom and format_ is not Format.CSV:
        raise UsageError(_("a byte order mark belongs to CSV alone"), advice=_("Leave out --bom, or say --format csv."))
    shown = target is None and sys.stdout is not None and sys.stdout.isatty()
    if shown and format_ is Format.PARQUET:
        raise UsageError(_("Parquet is not for a terminal"), advice=_("Name a file with --to FILE."))
    fates = reduce(or_, (FATES[word] for word in words)) if words else None
    wanted = Export(format_, parse_columns(columns or DEFAULT), fates, bom=bom, shown=shown)
    async with opened_results(where, profile, out=out, input_file=input_file, needs_input=wanted.needs_input) as opened:
        await _write(opened, wanted, target)
    return ExitCode.DONE


async def _write(opened: Results, wanted: Export, target: Path | None) -> None:
    from tui.cli.progress import ProgressLine
    from tui.runs.export import Exporting, export

    told = told_when_lost() if target is None else nullcontext()
    with ProgressLine(shown=not wanted.shown) as progress, told:
        async with aclosing(export(opened.index, wanted, _STDOUT if target is None else target)) as steps:
            async for step in steps:
                if isinstance(step, Exporting):
                    progress.show(_("exporting"), step.done, step.total, unit=_("requests"))
                    continue
                progress.end()
                say(plural("{count} row", "{count} rows", step.rows))
                if step.path is not None:
                    print_line(str(step.path))


def _target(to: Path | None) -> Path | None:
    return None if to is None or str(to) == "-" else to.absolute()


def _format(name: str | None, target: Path | None) -> Format:
    from tui.dataset.tables import Format

    suffix = target.suffix.removeprefix(".").lower() if target else Format.JSONL
    if name is None and suffix not in _FORMATS:
        raise UsageError(
            _("the suffix of {path} names no format", path=target),
            advice=_("Say --format jsonl, csv or parquet, or end the name in one of them."),
        )
    return Format(name or suffix)


VERBS = (export,)
