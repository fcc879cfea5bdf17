"""The results that a verb works on, by a job's id or a folder; brought home first where they are not here yet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli.session import open_journal, profile_option, session
from tui.i18n import _

if TYPE_CHECKING:
    from tui.dataset.results import Account
    from tui.runs.results_folder import Results
    from tui.runs.run import Run
    from tui.runs.services import Services


def results_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a verb take results: `where` (a job's id or a folder), `out`, `input_file` and `profile`."""
    options: list[Callable[[Callable[..., Any]], Callable[..., Any]]] = [
        click.argument("where", metavar="ID|DIR"),
        click.option(
            "--out",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help=_("results of a job that are not here yet go there; ./<job id> by default"),
        ),
        click.option(
            "--input",
            "input_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help=_("the file of the requests, if it is not where it was"),
        ),
        profile_option,
    ]
    return reduce(lambda decorated, option: option(decorated), reversed(options), command)


@contextlib.asynccontextmanager
async def opened_results(
    where: str,
    profile: str | None,
    *,
    out: Path | None,
    input_file: Path | None,
    needs_input: Callable[[Account], bool] = lambda _account: False,
) -> AsyncIterator[Results]:
    """Open results for a verb, telling on standard error what is done for it; keys are asked for only when needed.

    Args:
        where: a job's id or a folder.
        profile: the name given with the verb, if any; otherwise the run's own.
        out: where a job's results go that are not here yet.
        input_file: where the input lies now.
        needs_input: whether the input has to be at hand, given the account.
    """
    from tui.cli.narrator import Narrator
    from tui.runs.results_folder import Results, open_results

    @contextlib.asynccontextmanager
    async def connect(run: Run | None) -> AsyncIterator[Services]:
        async with session(profile or (run.plan.profile if run else "") or None) as opened:
            yield opened.services

    with open_journal() as journal, contextlib.ExitStack() as opened:
        results: Results | None = None
        with Narrator(as_json=False) as narrator:
            stream = open_results(where, journal, connect, out=out, input_file=input_file, needs_input=needs_input)
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, Results):
                        results = opened.enter_context(event)
                    else:
                        narrator.tell(event)
        if results is None:
            raise RuntimeError("the flow ended without results")
        yield results
