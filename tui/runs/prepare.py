"""The first steps of a run: check the input, choose where it goes, bring it there."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

import msgspec

from tui.daemon import stream_from_daemon
from tui.dataset.check import CheckSummary, check_file
from tui.errors import UsageError, WorkError
from tui.fingerprint import Fingerprint
from tui.i18n import _, plural
from tui.runs.events import (
    BucketCreated,
    Event,
    InputUploaded,
    ModelChosen,
    RunBegun,
    UploadBegun,
    Uploading,
)
from tui.runs.holding import held
from tui.runs.journal import Journal
from tui.runs.plan import Plan
from tui.runs.run import Run, RunState
from tui.runs.services import Services
from tui.runs.takeover import take_over
from tui.storage.client import ObjectInfo
from tui.storage.errors import BucketMissingError, StorageError
from tui.storage.upload import Progress, Uploaded, UploadState, upload


class NoPrimaryVersionError(UsageError):
    """The service's catalogue names no primary version of a model.

    Attributes:
        model: its name as it was given.
        nearest: names of the catalogue that are like it.
    """

    def __init__(self, model: str, nearest: Sequence[str]) -> None:
        super().__init__(
            _("the service's catalogue has no primary version of a model {model}", model=model),
            advice=_("It has: {names} …  (arkdeck models)\nOr name the version:  {model}@VERSION",
                     names=", ".join(nearest), model=model),
        )  # fmt: skip
        self.model = model
        self.nearest = tuple(nearest)


class InputRefusedError(WorkError):
    """The input holds errors for which the platform would refuse the whole file; nothing was sent."""


async def read_input(plan: Plan) -> AsyncGenerator[Event, None]:
    """Read the input once and tell every issue; the last event is the check's summary, with the fingerprint.

    Raises:
        InputRefusedError: it holds errors.
    """
    path = Path(plan.input)
    async with aclosing(stream_from_daemon(lambda: check_file(path), name="check")) as found:
        async for event in found:
            yield event
            if isinstance(event, CheckSummary) and event.errors:
                raise InputRefusedError(
                    plural(
                        "{path} has {count} error; nothing was sent",
                        "{path} has {count} errors; nothing was sent",
                        event.errors,
                        path=path,
                    ),
                    advice=_("See them all:  arkdeck check {path}", path=shlex.quote(str(path))),
                )


async def check(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Check the input; its fingerprint is what all later steps hold against the file.

    Content that is on its way already, as another unfinished run, makes this run that one.
    """
    async with aclosing(read_input(run.plan)) as events:
        async for event in events:
            yield event
            if isinstance(event, CheckSummary):
                fingerprint = event.fingerprint
    going_on = await held(partial(keep_fingerprint, run, fingerprint), services)
    if going_on is not None:
        yield going_on


def keep_fingerprint(run: Run, fingerprint: Fingerprint, journal: Journal) -> RunBegun | None:
    """Write that the input is checked; return the other run that this one becomes, if its content is on its way."""
    going_on = journal.checked(run.id, fingerprint)
    if going_on.id == run.id:
        return None
    plan, kept = take_over(going_on, run.plan)
    journal.advance(going_on.id, going_on.state, plan=plan)
    return RunBegun(going_on.id, taken_up=True, state=going_on.state, kept=kept)


def still_as_checked(plan: Plan, checked: CheckSummary) -> Fingerprint | None:
    """Return the fingerprint that a check found no error in, if the input's size and time are still its; it blocks."""
    try:
        stat = Path(plan.input).stat()
    except OSError:
        return None
    known = checked.fingerprint
    same = (stat.st_size, stat.st_mtime_ns) == (known.size, known.mtime_ns)
    return known if same and not checked.errors else None


async def choose_place(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Settle the model's version, the bucket and the object key.

    Raises:
        UsageError: the model, or the bucket, does not exist.
    """
    plan = run.plan
    if plan.model and not plan.version:
        plan = msgspec.structs.replace(plan, version=await primary_version(plan.model, services))
        yield ModelChosen(plan.model, plan.version)
    if await _settle_bucket(plan, services):
        yield BucketCreated(plan.bucket)
    key = plan.object_key(_fingerprint(run).sha256)
    await services.journal.write_apart(Journal.advance, run.id, RunState.UPLOADING, plan=plan, object_key=key)


async def upload_input(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Bring the input to its key: nothing if it is there, a server-side copy if the content is, an upload otherwise.

    Raises:
        SourceChangedError: the file's content is no longer what was checked.
    """
    plan, key, fingerprint = run.plan, run.object_key, _fingerprint(run)
    twin = await same_content(plan, key, fingerprint, services)
    if twin is not None and twin.key == key:
        yield UploadBegun(plan.bucket, key, fingerprint.size, "present")
    elif twin is not None and _is_content(await services.store.copy(plan.bucket, twin.key, key), fingerprint):
        yield UploadBegun(plan.bucket, key, fingerprint.size, "copy")
    else:
        yield UploadBegun(plan.bucket, key, fingerprint.size, "upload")
        async with aclosing(_send(run, fingerprint, services)) as events:
            async for event in events:
                yield event
    await _make_output_folder(plan, services)
    await services.journal.write_apart(Journal.advance, run.id, RunState.UPLOADED)
    yield InputUploaded(plan.bucket, key)


async def _send(run: Run, fingerprint: Fingerprint, services: Services) -> AsyncGenerator[Event, None]:
    path = Path(run.plan.input)
    resume = msgspec.json.decode(run.upload, type=UploadState) if run.upload else None
    metadata = {"arkdeck-file": path.name}
    stream = upload(
        services.store, run.plan.bucket, run.object_key, path, fingerprint, metadata=metadata, resume=resume
    )
    async with aclosing(stream):
        async for event in stream:
            match event:
                case Progress(done=done, total=total):
                    yield Uploading(done, total)
                case UploadState():
                    await services.journal.write_apart(Journal.keep_upload, run.id, msgspec.json.encode(event))
                case Uploaded():
                    yield Uploading(fingerprint.size, fingerprint.size)


async def primary_version(model: str, services: Services) -> str:
    """Return the version that the service takes as the model's main one (NoPrimaryVersionError)."""
    names = []
    for known in await services.ark.list_models():
        if known.name.casefold() == model.casefold() and known.primary_version:
            return known.primary_version
        names.append(known.name)
    nearest = difflib.get_close_matches(model, names, n=3) or names[:3]
    raise NoPrimaryVersionError(model, nearest)


async def _settle_bucket(plan: Plan, services: Services) -> bool:
    """Make sure that the bucket is there; return whether it had to be made."""
    try:
        await services.store.check_bucket(plan.bucket)
    except BucketMissingError:
        if not plan.create_bucket:
            raise
        await services.store.create_bucket(plan.bucket)
        return True
    return False


async def same_content(plan: Plan, key: str, fingerprint: Fingerprint, services: Services) -> ObjectInfo | None:
    """Return an object with the input's content, at the key itself or made for another model beside it."""
    there = await services.store.head(plan.bucket, key)
    if _is_content(there, fingerprint):
        return there
    folder = key.rsplit("/", 1)[0] + "/"
    async for info in services.store.list(plan.bucket, folder):
        if info.key != key and _is_content(info, fingerprint):
            return info
    return None


def _is_content(info: ObjectInfo | None, fingerprint: Fingerprint) -> bool:
    return info is not None and (info.size, info.crc64) == (fingerprint.size, fingerprint.crc64)


async def _make_output_folder(plan: Plan, services: Services) -> None:
    # Tutorials ask for the folder's empty object, no reference does: made when missing, and never a reason to fail.
    with suppress(StorageError):
        if plan.output_prefix and await services.store.head(plan.bucket, plan.output_prefix) is None:
            await services.store.put(plan.bucket, plan.output_prefix, b"", metadata={})


def _fingerprint(run: Run) -> Fingerprint:
    if run.fingerprint is None:
        raise WorkError(_("run {run} lacks the fingerprint of its input", run=run.id))
    return run.fingerprint
