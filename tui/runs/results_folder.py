"""A job's results, opened by its id or their folder: brought home and accounted for first, where they are not yet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from tui.ark.errors import ArkNotFoundError
from tui.ark.models import Counts, Job, Phase, read_job
from tui.daemon import in_daemon
from tui.dataset.lines import FileMissingError, open_file
from tui.dataset.results import Account
from tui.dataset.row_index import FileStamp, IndexUnusableError, RowIndex
from tui.errors import ArkdeckError, UsageError
from tui.files import UnsafeNameError, safe_name
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
from tui.runs.events import Event, Reconciled
from tui.runs.folder import ACCOUNT, INDEX, local_files, owner_of
from tui.runs.journal import Journal
from tui.runs.run import Run
from tui.runs.services import Services
from tui.text import clean

Connect = Callable[[Run | None], AbstractAsyncContextManager[Services]]
"""Opens the cloud of a job: that of its run, where the journal has one, unless the operator names another."""

_INPUT: Final = 0


class NoResultsError(UsageError):
    """What was named is neither a job nor a folder of results."""


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
    place = _find(where, journal, out)
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
    with RowIndex(place.folder / INDEX) as index:
        needed = needs_input(index.account)
    if source is None and needed:
        source = await in_daemon(partial(local_input, place.run), name="compare")
        if source is None:
            source = place.folder / FETCHED_INPUT
            async with aclosing(_fetch(place, connect, source)) as events:
                async for event in events:
                    yield event
    yield Results(place.folder, place.job, place.run, RowIndex(place.folder / INDEX, source), source)


@dataclass(frozen=True)
class _Place:
    """Where results are or will be.

    Attributes:
        accounted: the files are there, and were accounted for once.
        complete: the service need not be asked for newer ones.
    """

    folder: Path
    job: Job | None
    run: Run | None
    accounted: bool
    complete: bool


class _Report(msgspec.Struct):
    """What `account.json` tells; only its job before the account is made."""

    job: str = ""
    name: str = ""
    phase: str = ""
    service_counts: dict[str, int] = {}
    files: tuple[str, ...] = ()


def _find(where: str, journal: Journal, out: Path | None) -> _Place:
    folder = Path(where)
    if folder.is_dir() and owner_of(folder) != where:
        return _place(folder.resolve(), journal, by_id=False)
    try:
        safe_name(where)
    except UnsafeNameError:
        raise NoResultsError(_("no such folder: {folder}", folder=_shown(folder))) from None
    run = journal.run_of_job(where)
    here = (out or Path(where)).resolve()
    candidates = [out] if out else [known.plan.results_folder(where) for known in _runs_with_results(where, journal)]
    places = [_place(path.resolve(), journal, by_id=True) for path in [*candidates, here] if owner_of(path) == where]
    if places:
        return next((place for place in places if place.accounted), places[0])
    to = run.plan.results_folder(where) if run and run.plan.verb == "run" and not out else here
    return _Place(to, Job(id=where), run, accounted=False, complete=False)


def _runs_with_results(job_id: str, journal: Journal) -> list[Run]:
    """The runs that may have brought the job's results home, newest first."""
    maker = journal.run_of_job(job_id)
    return sorted(
        [*journal.collects_of(job_id), *([maker] if maker else [])], key=lambda run: run.created, reverse=True
    )


def _place(folder: Path, journal: Journal, *, by_id: bool) -> _Place:
    report = _report(folder)
    if report is None:
        if not any(reply_files(folder)):
            raise NoResultsError(
                _("{folder} holds no results", folder=_shown(folder)),
                advice=_("Name a job, or the folder that its results were collected to."),
            )
        return _Place(folder, None, None, accounted=True, complete=True)
    run = journal.run_of_job(report.job)
    counts = Counts(*(report.service_counts.get(name, 0) for name in ("total", "completed", "failed")))
    told = Job(id=report.job, name=report.name, phase=Phase(report.phase), counts=counts)
    seen = read_job(msgspec.json.decode(run.job, type=dict[str, object])) if run and run.job else None
    job = seen if seen is not None and (seen.phase, seen.counts) == (told.phase, told.counts) else told
    accounted = bool(report.phase) and all((folder / name).exists() for name in report.files)
    final = not by_id or job.phase == Phase.COMPLETED
    return _Place(folder, job, run, accounted, complete=accounted and final)


def _report(folder: Path) -> _Report | None:
    if not (folder / ACCOUNT).exists():
        return None
    with local_files(folder), suppress(msgspec.DecodeError):
        report = msgspec.json.decode((folder / ACCOUNT).read_bytes(), type=_Report)
        return report if report.job else None
    return None


async def _prepare(place: _Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
    """Bring the results home, account for them, or do nothing where an index fits what is there."""
    if place.complete and _index_fits(place.folder):
        return
    doing = _account_again(place, connect, source) if place.complete else _bring_home(place, connect, source)
    async with aclosing(doing) as events:
        async for event in events:
            yield event


async def _bring_home(place: _Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
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


async def _account_again(place: _Place, connect: Connect, source: Path | None) -> AsyncGenerator[Event, None]:
    """Account for files that are not those of the index; the service is needed only if the input is not at hand."""
    source = source or await in_daemon(partial(local_input, place.run), name="compare")
    if source is None and place.job is None:
        raise InputUnknownError(
            _("nothing tells which requests the results in {folder} belong to", folder=_shown(place.folder)),
            advice=_("Name the file of the requests with --input FILE."),
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


async def _fetch(place: _Place, connect: Connect, target: Path) -> AsyncGenerator[Event, None]:
    """Bring the input from the store, for as long as the results are open."""
    if place.job is None:
        raise _input_lost(place)
    with _naming_the_input(place):
        async with connect(place.run) as services:
            job = await services.ark.get_job(place.job.id)
            async with aclosing(fetch_input(job, target, services)) as events:
                async for event in events:
                    yield event


def _job_of(place: _Place) -> Job:
    if place.job is None:
        raise TypeError("results of no job are where they are")
    return place.job


@contextmanager
def _naming_the_input(place: _Place) -> Iterator[None]:
    """Say of a failure to bring the input from the store that it may also be named."""
    try:
        yield
    except (ArkNotFoundError, InputLostError) as error:
        raise _input_lost(place) from error
    except ArkdeckError as error:
        lost = _input_lost(place)
        error.advice = "\n".join(filter(None, [error.advice, f"{lost.message}. {lost.advice}"]))
        raise


def _input_lost(place: _Place) -> InputLostError:
    path = Path(place.run.plan.input) if place.run else None
    if path is None:
        message = _("the input that the results in {folder} belong to is not here", folder=_shown(place.folder))
    else:
        message = _("the input is not where it was, or has changed: {path}", path=_shown(path))
    return InputLostError(message, advice=_("Say where it is now:  --input FILE"))


def _require_input(run: Run | None, path: Path) -> None:
    """Make sure that a file can be the input of a run (WrongInputError)."""
    with open_file(path):
        pass
    if run is not None and run.fingerprint is not None and local_input(run, path) is None:
        raise WrongInputError(
            _("{path} is not the file that was sent", path=_shown(path)),
            advice=_("Its content has to be that of {input} when it was checked.", input=_shown(Path(run.plan.input))),
        )


def _index_fits(folder: Path) -> bool:
    """Whether there is an index of the result and error files as they are now."""
    with suppress(FileNotFoundError, FileMissingError, IndexUnusableError), RowIndex(folder / INDEX) as index:
        current, older = reply_files(folder)
        found = [FileStamp.of(path, folder) for path in [*current, *older]]
        return index.fits([index.stamps[_INPUT], *found], len(current))
    return False


def _input_at_hand(place: _Place, given: Path | None) -> Path | None:
    """Return where the input of the index lies: as named, or where it was.

    Raises:
        WrongInputError: the file that was named is another.
    """
    with RowIndex(place.folder / INDEX) as index:
        stamp, path = index.stamps[_INPUT], index.files[_INPUT]
    if given is not None:
        if FileStamp.of(given, place.folder).content != stamp.content:
            raise WrongInputError(
                _("{path} is not the input of these results", path=_shown(given)),
                advice=_("It has to be the file that was sent, byte for byte."),
            )
        return given
    with suppress(FileMissingError):
        if FileStamp.of(path, place.folder) == stamp:
            return path
    return None


def _shown(path: Path) -> str:
    return clean(str(path), strict=True)
