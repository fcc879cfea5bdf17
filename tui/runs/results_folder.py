"""A job's results, opened by its id or their folder: brought home and accounted for first, where they are not yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Job
from tui.daemon import in_daemon
from tui.dataset.lines import FileMissingError, open_file
from tui.dataset.results import Account
from tui.dataset.row_index import FileStamp, IndexUnusableError, RowIndex
from tui.errors import ArkdeckError, UsageError
from tui.i18n import _
from tui.runs.collect import (
    FETCHED_INPUT,
    InputLostError,
    account,
    account_files,
    collect,
    fetch_input,
    local_input,
    reply_files,
)
from tui.runs.events import Accounting, Event, Reconciled
from tui.runs.folder import INDEX
from tui.runs.journal import Journal
from tui.runs.results_place import Place, find_place, shown
from tui.runs.run import Run
from tui.runs.services import Services

Connect = Callable[[Run | None], AbstractAsyncContextManager[Services]]
"""Opens the cloud of a job: that of its run, where the journal has one, unless the operator names another."""

_INPUT: Final = 0


class NotHereError(UsageError):
    """The job's results are not on this machine."""


class InputUnknownError(UsageError):
    """The results belong to no job known here, and nobody said which requests they answer."""


class WrongInputError(UsageError):
    """The file that was named is not the input that the results belong to."""


@dataclass(frozen=True)
class Results:
    """Results that are accounted for, open for reading; a context manager, which closes the index.

    Attributes:
        folder: holds the files.
        job: as last seen. What `account.json` tells fills the id, the name, the phase and the counts only; None for
            files that belong to no job known here.
        run: the newest of the journal that made the job or attached to it.
        index: of every row.
        input: where the input lies; None when it is not at hand.
    """

    folder: Path
    job: Job | None
    run: Run | None
    index: RowIndex
    input: Path | None

    @property
    def index_path(self) -> Path:
        """Where the index lies, for whoever opens it once more."""
        return self.folder / INDEX

    @property
    def account(self) -> Account:
        """What became of every request."""
        return self.index.account

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.index.__exit__(kind, error, trace)
        if self.input == self.folder / FETCHED_INPUT:
            self.input.unlink(missing_ok=True)


async def open_results(
    where: str,
    journal: Journal,
    connect: Connect,
    *,
    out: Path | None = None,
    input_file: Path | None = None,
    needs_input: Callable[[Account], bool] = lambda _account: False,
) -> AsyncGenerator[Event | Results, None]:
    """Open the results of a job, or those in a folder; the events of what has to be done first, and last the Results.

    Of a folder whose files are those that it was accounted for, nothing but the index is read, and nobody is asked. A
    job's id asks the service, unless the job is known to be completed.

    Args:
        where: a job's id, or a folder that `run` or `collect` made, or one that holds `results.jsonl`, `errors.jsonl`.
        journal: knows the folders and inputs of this machine's runs.
        connect: opens the job's cloud; entered only when the service is needed.
        out: where the results of a job go that are not here yet; `./<job id>` when omitted.
        input_file: the input, where it lies now.
        needs_input: whether the input has to be at hand, given the account.

    Raises:
        NoResultsError: there are none under this name.
        WrongInputError: `input_file` is not the input.
        InputUnknownError: the files belong to no job, and have no index.
        InputLostError: the input is needed, and nowhere to be found.
        JobNotFinishedError: the job is still at work.
    """
    place = find_place(where, journal, out)
    if input_file is not None:
        await in_daemon(partial(_require_input, place.run, input_file), name="compare")
    preparing = _prepare(place, connect, input_file)
    async with aclosing(preparing) as events:
        async for event in events:
            if isinstance(event, Reconciled):
                place = replace(place, job=event.job)
            else:
                yield event
    source = _input_at_hand(place, input_file)
    opened = Results(place.folder, place.job, place.run, RowIndex(place.folder / INDEX, source), source)
    if source is None and needs_input(opened.account):
        with opened:
            async with aclosing(bring_input(opened, connect)) as steps:
                async for step in steps:
                    yield step
    else:
        yield opened


def are_here(job_id: str, journal: Journal) -> bool:
    """Return whether the results of a job are on this machine, so that `open_here` opens them."""
    return find_place(job_id, journal, None).whole


async def open_here(job: Job, journal: Journal) -> AsyncGenerator[Accounting | Results, None]:
    """Open the results of a job that are on this machine, without asking anybody; the Results come last.

    They may be older than the job, where it was resumed since.

    Args:
        job: finished, as the service described it last.
        journal: read and written on a thread of its own.

    Raises:
        NotHereError: they were never collected, or not wholly.
        InputLostError: they have to be accounted for, and the input is not at hand.
    """
    place = await journal.apart(lambda own: find_place(job.id, own, None))
    if not place.whole:
        raise NotHereError(_("its results are not here yet"))
    if not place.accounted:
        place = replace(place, job=job)
    if not await in_daemon(partial(_index_fits, place.folder), name="index"):
        source = await in_daemon(partial(local_input, place.run), name="compare")
        if source is None:
            raise _input_lost(place)
        async with aclosing(account_files(place.job, place.folder, source)) as steps:
            async for step in steps:
                if isinstance(step, Account):
                    await journal.write_apart(Journal.keep_account, job.id, step)
                else:
                    yield step
    yield await in_daemon(partial(_open, place, None), name="index")


def _open(place: Place, given: Path | None) -> Results:
    source = _input_at_hand(place, given)
    return Results(place.folder, place.job, place.run, RowIndex(place.folder / INDEX, source), source)


async def bring_input(results: Results, connect: Connect) -> AsyncGenerator[Event | Results, None]:
    """Bring the input of results to this machine; the events of that, and last the same Results with their input.

    Both have to be closed; the input stays as long as the latter are open.

    Raises:
        InputLostError: it is nowhere to be found.
    """
    place = Place(results.folder, results.job, results.run, accounted=True, complete=True)
    source = await in_daemon(partial(local_input, place.run), name="compare")
    if source is None:
        source = place.folder / FETCHED_INPUT
        async with aclosing(_fetch(place, connect, source)) as events:
            async for event in events:
                yield event
    yield replace(results, index=RowIndex(place.folder / INDEX, source), input=source)


async def _prepare(place: Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
    """Bring the results home, account for them, or do nothing where an index fits what is there."""
    if place.complete and _index_fits(place.folder):
        return
    doing = _account_again(place, connect, source) if place.complete else _bring_home(place, connect, source)
    async with aclosing(doing) as events:
        async for event in events:
            yield event


async def _bring_home(place: Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
    """Collect the job as it is now and account for it; a job that the service has forgotten stays as it is here."""
    async with connect(place.run) as services:
        job = _job_of(place)
        try:
            job = await services.ark.get_job(job.id)
        except ArkNotFoundError:
            if not place.accounted:
                raise
        else:
            async with aclosing(collect(job, place.folder, services)) as events:
                async for event in events:
                    yield event
        async with aclosing(account(job, place.folder, services, source=source)) as events:
            async for event in events:
                yield event


async def _account_again(place: Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
    """Account for files that are not those of the index; the service is needed only if the input is not at hand."""
    source = source or await in_daemon(partial(local_input, place.run), name="compare")
    if source is None and place.job is None:
        raise InputUnknownError(
            _("nothing tells which requests the results in {folder} belong to", folder=shown(place.folder)),
            advice=_("Name the file of the requests (--input FILE)."),
        )
    if source is None:
        with _naming_the_input(place):
            async with connect(place.run) as services:
                job = await services.ark.get_job(_job_of(place).id)
                async with aclosing(account(job, place.folder, services)) as events:
                    async for event in events:
                        yield event
        return
    async with aclosing(account_files(place.job, place.folder, source)) as steps:
        async for step in steps:
            if not isinstance(step, Account):
                yield step


async def _fetch(place: Place, connect: Connect, target: Path) -> AsyncGenerator[Event, None]:
    """Bring the input from the store, for as long as the results are open."""
    if place.job is None:
        raise _input_lost(place)
    with _naming_the_input(place):
        async with connect(place.run) as services:
            job = await services.ark.get_job(place.job.id)
            async with aclosing(fetch_input(job, target, services)) as events:
                async for event in events:
                    yield event


def _job_of(place: Place) -> Job:
    if place.job is None:
        raise TypeError("results of no job are where they are")
    return place.job


@contextmanager
def _naming_the_input(place: Place) -> Iterator[None]:
    """Say of a failure to bring the input from the store that it may also be named."""
    try:
        yield
    except (ArkNotFoundError, InputLostError) as error:
        raise _input_lost(place) from error
    except ArkdeckError as error:
        lost = _input_lost(place)
        error.advice = "\n".join(filter(None, [error.advice, f"{lost.message}. {lost.advice}"]))
        raise


def _input_lost(place: Place) -> InputLostError:
    path = Path(place.run.plan.input) if place.run else None
    if path is None:
        message = _("the input that the results in {folder} belong to is not here", folder=shown(place.folder))
    else:
        message = _("the input is not where it was, or has changed: {path}", path=shown(path))
    return InputLostError(message, advice=_("Say where it is now (--input FILE)."))


def _require_input(run: Run | None, path: Path) -> None:
    """Make sure that a file can be the input of a run (WrongInputError)."""
    with open_file(path):
        pass
    if run is not None and run.fingerprint is not None and local_input(run, path) is None:
        raise WrongInputError(
            _("{path} is not the file that was sent", path=shown(path)),
            advice=_("Its content has to be that of {input} when it was checked.", input=shown(Path(run.plan.input))),
        )


def _index_fits(folder: Path) -> bool:
    """Whether there is an index of the result and error files as they are now."""
    with suppress(FileNotFoundError, FileMissingError, IndexUnusableError), RowIndex(folder / INDEX) as index:
        current, older = reply_files(folder)
        found = [FileStamp.of(path, folder) for path in [*current, *older]]
        return index.fits([index.stamps[_INPUT], *found], len(current))
    return False


def _input_at_hand(place: Place, given: Path | None) -> Path | None:
    """Return where the input of the index lies: as named, or where it was.

    Raises:
        WrongInputError: the file that was named is another.
    """
    with RowIndex(place.folder / INDEX) as index:
        stamp, path = index.stamps[_INPUT], index.files[_INPUT]
    if given is not None:
        if FileStamp.of(given, place.folder).content != stamp.content:
            raise WrongInputError(
                _("{path} is not the input of these results", path=shown(given)),
                advice=_("It has to be the file that was sent, byte for byte."),
            )
        return given
    with suppress(FileMissingError):
        if FileStamp.of(path, place.folder) == stamp:
            return path
    return None
