"""The first steps of a run: check the input, choose where it goes, bring it there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
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
from tui.runs.plan import Plan
from tui.runs.run import Run, RunState
from tui.runs.services import Services
from tui.storage.client import ObjectInfo
from tui.storage.errors import BucketMissingError, StorageError
from tui.storage.upload import Progress, Uploaded, UploadState, upload


class InputRefusedError(WorkError):
    """The input holds errors for which the platform would refuse the whole file; nothing was sent."""


class InputChangedError(WorkError):
    """The input is not what was checked."""


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
                    advice=_("See them all:  arkdeck check {path}", path=path),
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
    same = services.journal.open_run_like(run.plan, sha256=fingerprint.sha256, but=run.id)
    if same is None:
        services.journal.advance(run.id, RunState.CHECKED, fingerprint=fingerprint)
        return
    services.journal.hold(same.id)
    plan = msgspec.structs.replace(run.plan, version=same.plan.version, name=same.plan.name)
    services.journal.advance(same.id, same.state, plan=plan)
    services.journal.drop(run.id)
    yield RunBegun(same.id, taken_up=True, state=same.state)


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
    services.journal.advance(run.id, RunState.UPLOADING, plan=plan, object_key=key)


async def upload_input(run: Run, services: Services) -> AsyncGenerator[Event, None]:
    """Bring the input to its key: nothing if it is there, a server-side copy if the content is, an upload otherwise.

    Raises:
        InputChangedError: the file's size or time is no longer what was checked.
    """
    plan, key, fingerprint = run.plan, run.object_key, _fingerprint(run)
    twin = await same_content(plan, key, fingerprint, services)
    if twin is not None and twin.key == key:
        yield UploadBegun(plan.bucket, key, fingerprint.size, "present")
    elif twin is not None:
        yield UploadBegun(plan.bucket, key, fingerprint.size, "copy")
        await services.store.copy(plan.bucket, twin.key, key)
    else:
        _require_unchanged(Path(plan.input), fingerprint)
        yield UploadBegun(plan.bucket, key, fingerprint.size, "upload")
        async with aclosing(_send(run, fingerprint, services)) as events:
            async for event in events:
                yield event
    await _make_output_folder(plan, services)
    services.journal.advance(run.id, RunState.UPLOADED)
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
                    services.journal.keep_upload(run.id, msgspec.json.encode(event))
                case Uploaded():
                    yield Uploading(fingerprint.size, fingerprint.size)


async def primary_version(model: str, services: Services) -> str:
    """Return the version that the service takes as the model's main one (UsageError when it names none)."""
    for known in await services.ark.list_models(model):
        if known.name.casefold() == model.casefold() and known.primary_version:
            return known.primary_version
    raise UsageError(
        _("the service names no primary version of the model {model}", model=model),
        advice=_("Name one:  --model {model}@VERSION", model=model),
    )


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

    def equal(info: ObjectInfo | None) -> bool:
        return info is not None and info.size == fingerprint.size and info.crc64 == fingerprint.crc64

    there = await services.store.head(plan.bucket, key)
    if equal(there):
        return there
    folder = key.rsplit("/", 1)[0] + "/"
    async for info in services.store.list(plan.bucket, folder):
        if info.key != key and equal(info):
            return info
    return None


async def _make_output_folder(plan: Plan, services: Services) -> None:
    # Tutorials ask for the folder's empty object, no reference does: made when missing, and never a reason to fail.
    with suppress(StorageError):
        if plan.output_prefix and await services.store.head(plan.bucket, plan.output_prefix) is None:
            await services.store.put(plan.bucket, plan.output_prefix, b"", metadata={})


def _fingerprint(run: Run) -> Fingerprint:
    if run.fingerprint is None:
        raise WorkError(_("run {run} lacks the fingerprint of its input", run=run.id))
    return run.fingerprint


def _require_unchanged(path: Path, fingerprint: Fingerprint) -> None:
    try:
        stat = path.stat()
    except OSError as error:
        raise InputChangedError(
            _("the input {path} cannot be read any more: {error}", path=path, error=error.strerror),
            advice=_("Nothing was lost on the service. Put the file back, or submit it anew."),
        ) from error
    if (stat.st_size, stat.st_mtime_ns) != (fingerprint.size, fingerprint.mtime_ns):
        raise InputChangedError(
            _(
                "the input changed since it was checked: {path} (size {old:,} → {new:,} bytes)",
                path=path,
                old=fingerprint.size,
                new=stat.st_size,
            ),
            advice=_("Nothing was sent. Forget this run and submit the file as it is now:  arkdeck runs"),
        )
