"""`arkdeck results`: what became of every request of a job, and the requests themselves."""

from __future__ import annotations

import shlex
from contextlib import aclosing
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.opened import opened_results, results_options
from tui.cli.output import print_json, print_line, say, write_data
from tui.cli.session import asynchronous, json_option
from tui.cli.table import Column, print_table
from tui.i18n import _, plural
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from tui.dataset.results import Account, Tokens
    from tui.dataset.row_details import RowDetails
    from tui.runs.results_folder import Results

_ERROR_GROUPS: Final = 20
_BLOCK_ROWS: Final = 500  # of a table, aligned together
_TEXT: Final = 500  # characters of a text that are kept for a table


@click.command()
@results_options
@click.option("--failed", "words", flag_value="failed", multiple=True, help=_("show the requests that failed"))
@click.option("--missing", "words", flag_value="missing", multiple=True, help=_("those that are in no file"))
@click.option("--truncated", "words", flag_value="truncated", multiple=True, help=_("those cut off by max_tokens"))
@click.option("--refused", "words", flag_value="refused", multiple=True, help=_("those withheld by a content filter"))
@click.option("--empty", "words", flag_value="empty", multiple=True, help=_("those whose answer says nothing"))
@click.option("--code", "codes", metavar="X", multiple=True, help=_("those that failed with this error; repeatable"))
@click.option("--id", "ids", metavar="ID", multiple=True, help=_("this one, in full; repeatable"))
@click.option("--grep", "text", metavar="TEXT", default="", help=_("those with this text in their answer or error"))
@click.option("--limit", type=click.IntRange(min=1), help=_("show at most so many"))
@json_option
@asynchronous
async def results(
    where: str, *, profile: str | None, out: Path | None, input_file: Path | None, words: tuple[str, ...],
    codes: tuple[str, ...], ids: tuple[str, ...], text: str, limit: int | None, as_json: bool,
) -> int:  # fmt: skip
    """Say what became of every request of a finished job, from its files.

    The results are collected first if they are not here. With any of the options that choose requests, these are shown
    instead.

    Exit code 0 when every request has an answer, 1 when any failed or is missing; 0 when the requests asked for were
    shown, 2 when an ID is not in the input.
    """
    from tui.daemon import stream_from_daemon
    from tui.dataset.row_details import FATES
    from tui.dataset.selection import Selection

    fates = reduce(or_, (FATES[word] for word in words)) if words else None
    wanted = Selection(fates, frozenset(codes), ids, text, limit)
    async with opened_results(
        where,
        profile,
        out=out,
        input_file=input_file,
        needs_input=lambda account: bool(wanted) and wanted.needs_input(account),
    ) as opened:
        if not wanted:
            return _tell_account(opened, where, as_json=as_json)
        rows = stream_from_daemon(lambda: wanted.read(opened.index), name="rows")
        async with aclosing(rows):
            if as_json:
                await _print_as_json(opened, rows)
            elif ids:
                async for details in rows:
                    _print_whole(details)
            else:
                await _print_as_table(rows)
        return _tell_unknown(opened, ids)


def _tell_account(opened: Results, where: str, *, as_json: bool) -> int:
    account = opened.account
    if as_json:
        print_json({"summary": _summary(opened)})
    else:
        for line in _account_lines(opened):
            print_line(line)
        if account.errors:
            columns = [
                Column(_("FAILED")),
                Column(_("CODE")),
                Column(_("MESSAGE"), gives=True),
                Column(_("AS IN")),
            ]
            print_table(columns, _error_rows(account))
        if left := len(account.errors[_ERROR_GROUPS:]):
            say(
                plural(
                    "{count} more kind of error; --json tells all",
                    "{count} more kinds of errors; --json tells all",
                    left,
                )
            )
    if account.ok == account.requests:
        return ExitCode.DONE
    if account.failed:
        say(_("the failed ones:  arkdeck results {where} --failed", where=shlex.quote(where)))
    return ExitCode.WORK_FAILED


def _account_lines(opened: Results) -> Iterator[str]:
    from tui.cli.narrator import account_counts, phase_label
    from tui.runs.disagreement import disagreements

    account, job = opened.account, opened.job
    if job is not None:
        yield "  ".join(filter(None, [phase_label(job.phase), job.id, job.name]))
    yield plural("{count} request in {folder}", "{count} requests in {folder}", account.requests, folder=opened.folder)
    for line in account_counts(account):
        yield f"    {line}"
    if job is not None:
        counts = job.counts
        yield _("by the service's count: {total:,} requests · {completed:,} completed · {failed:,} failed",
                total=counts.total, completed=counts.completed, failed=counts.failed)  # fmt: skip
        for found in disagreements(counts, account):
            yield "    " + _("{what}: the service says {service:,}, the files {files:,}",
                             what=found.what, service=found.service, files=found.files)  # fmt: skip
    yield _("tokens: {tokens}", tokens=_tokens(account.tokens))
    if account.finish_reasons:
        reasons = " · ".join(f"{reason} {count:,}" for reason, count in account.finish_reasons.items())
        yield _("finish reasons: {reasons}", reasons=reasons)


def _tokens(tokens: Tokens) -> str:
    return _(
        "{prompt:,} sent, {cached:,} of them cached · {completion:,} answered, {reasoning:,} of them reasoning",
        prompt=tokens.prompt,
        cached=tokens.cached,
        completion=tokens.completion,
        reasoning=tokens.reasoning,
    )


def _error_rows(account: Account) -> Iterator[list[str]]:
    for group in account.errors[:_ERROR_GROUPS]:
        message = group.template or group.message or _("no message")
        yield [f"{group.count:,}", group.code or _("no code"), message, group.custom_id]


def _summary(opened: Results) -> dict[str, object]:
    import msgspec

    from tui.runs.disagreement import disagreements

    account, job = opened.account, opened.job
    counts = job.counts if job else None
    return {
        "job": job.id if job else None,
        "phase": job.phase if job else None,
        "folder": str(opened.folder),
        "input": str(opened.input) if opened.input else None,
        **msgspec.to_builtins(account),
        "service_counts": {"total": counts.total, "completed": counts.completed, "failed": counts.failed}
        if counts
        else None,
        "disagreements": [
            {"what": found.what, "service": found.service, "files": found.files}
            for found in (disagreements(counts, account) if counts else ())
        ],
    }


async def _print_as_table(rows: AsyncIterator[RowDetails]) -> None:
    columns = [Column(_("REQUEST")), Column(_("RESULT")), Column(_("WHY"), gives=True), Column(_("TEXT"), gives=True)]
    block: list[list[str]] = []
    headed = True
    async for details in rows:
        block.append(_row(details))
        if len(block) == _BLOCK_ROWS:
            print_table(columns, block, headed=headed)
            block, headed = [], False
    if block or headed:
        print_table(columns, block, headed=headed)


async def _print_as_json(opened: Results, rows: AsyncIterator[RowDetails]) -> None:
    shown = 0
    files = opened.index.files
    async for details in rows:
        print_json(_row_fields(details, files))
        shown += 1
    print_json({"summary": {**_summary(opened), "shown": shown}})


def _row_fields(details: RowDetails, files: tuple[Path, ...]) -> dict[str, object]:
    row, tokens = details.row, details.tokens
    usage = tokens and {
        "prompt_tokens": tokens.prompt,
        "completion_tokens": tokens.completion,
        "cached_tokens": tokens.cached,
        "reasoning_tokens": tokens.reasoning,
    }
    return {
        "custom_id": details.custom_id,
        "verdict": details.verdict,
        "flags": list(details.flags),
        "code": details.code,
        "message": details.message,
        "answer": details.answer,
        "reasoning": details.reasoning,
        "finish_reason": details.finish_reason,
        "usage": usage,
        "request": {"number": row.number, "offset": row.offset, "length": row.length},
        "reply": {"file": files[row.source].name, "offset": row.reply_offset, "length": row.reply_length}
        if row.source
        else None,
    }


def _row(details: RowDetails) -> list[str]:
    result = " ".join([details.verdict, *details.flags])
    text = details.answer if details.message is None else details.message
    return [details.custom_id, result, details.code or details.finish_reason or "", (text or "")[:_TEXT]]


def _print_whole(details: RowDetails) -> None:
    """Show one request on lines of its own, its texts uncut."""
    print_line(f"{details.custom_id}  {' '.join([details.verdict, *details.flags])}")
    for label, value in ((_("error"), details.code), (_("finish reason"), details.finish_reason)):
        if value:
            print_line(f"    {label}: {value}")
    if details.tokens:
        print_line("    " + _("tokens: {tokens}", tokens=_tokens(details.tokens)))
    for text in filter(None, (details.message, details.reasoning, details.answer)):
        write_data("\n" + clean(text, multiline=True, limit=len(text)) + "\n")
    print_line("")


def _tell_unknown(opened: Results, ids: Iterable[str]) -> int:
    unknown = [custom_id for custom_id in ids if opened.index.find(custom_id) is None]
    for custom_id in unknown:
        say(_("no request {id} in the input", id=custom_id))
    return ExitCode.USAGE if unknown else ExitCode.DONE


VERBS = (results,)
