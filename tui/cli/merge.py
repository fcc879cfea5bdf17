"""`arkdeck merge`: one set of results over a job and its retries."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.opened import opened_results
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option, open_journal, profile_option
from tui.i18n import _, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.dataset.results import Account
    from tui.runs.merge import MergedResults
    from tui.runs.results_folder import Results


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="ID | DIR...")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help=_("a new folder; ./<first job>-merged by default"))  # fmt: skip
@click.option("--input", "input_file", type=click.Path(path_type=Path), metavar="FILE",
              help=_("the first file of requests, if it is not where it was"))  # fmt: skip
@json_option
@profile_option
@asynchronous
async def merge(
    targets: tuple[str, ...], *, profile: str | None, out: Path | None, input_file: Path | None, as_json: bool
) -> int:
    """Make one set of results of a job and its retries.

    With one run, job or folder, of all that the journal knows to be of its family; with several, of those, oldest
    first. Answers come in the order of the first input, of each request the newest; errors that remain in a file of
    their own. The account is made of what was written.

    Exit code 0 when every request has an answer, 1 when any failed or is missing.
    """
    from tui.cli.narrator import Narrator
    from tui.runs.merge import MergedResults, default_folder, generations_of, merge_results, require_new

    with open_journal() as journal:
        names = generations_of(targets, journal)
    folder = (out or default_folder(names)).absolute()
    require_new(folder)
    async with AsyncExitStack() as opened:
        generations: list[Results] = []
        for name in names:
            first = not generations
            opening = opened_results(
                name,
                profile,
                out=None,
                input_file=input_file if first else None,
                needs_input=_always if first else _never,
            )
            generations.append(await opened.enter_async_context(opening))
        with Narrator(as_json=False) as narrator:
            async with aclosing(merge_results(generations, folder)) as steps:
                async for step in steps:
                    if isinstance(step, MergedResults):
                        merged = step
                    else:
                        narrator.tell(step)
    return _conclude(merged, generations, as_json=as_json)


def _always(_account: Account) -> bool:
    return True


def _never(_account: Account) -> bool:
    return False


def _conclude(merged: MergedResults, generations: Sequence[Results], *, as_json: bool) -> int:
    from tui.cli.narrator import account_lines

    account = merged.account
    paths = {name: merged.folder / f"{name}.jsonl" for name in ("results", "errors")}
    there = {name: str(path) if path.exists() else None for name, path in paths.items()}
    counts = {
        name: getattr(account, name)
        for name in ("requests", "ok", "failed", "missing", "unexpected", "duplicate", "truncated")
    }
    if as_json:
        jobs = [results.job.id if results.job else None for results in generations]
        print_json({"summary": {"jobs": jobs, **counts, "superseded": merged.superseded, **there,
                                "account": str(merged.folder / "account.json")}})  # fmt: skip
    say(plural("{count} generation, {requests:,} requests:", "{count} generations, {requests:,} requests:",
               len(generations), requests=account.requests))  # fmt: skip
    for line in account_lines(account):
        say(line, indent=4)
    if merged.superseded:
        say(plural("{count} reply gave way to another generation's", "{count} replies gave way to another generation's",
                   merged.superseded), indent=4)  # fmt: skip
    if not as_json:
        for path in filter(None, [*there.values(), str(merged.folder / "account.json")]):
            print_line(path)
    return ExitCode.DONE if account.ok == account.requests else ExitCode.WORK_FAILED


VERBS = (merge,)
