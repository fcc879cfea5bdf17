"""A new job on the input of another: the same work again, or by another model, without an upload."""

from __future__ import annotations

import re
import secrets
from contextlib import aclosing
from functools import partial
from typing import Final

import msgspec

from tui.ark.errors import ActiveJobError, ArkError
from tui.ark.models import FoundationModelRef, Job, ModelReference, NewJob
from tui.ark.replies import Receipt
from tui.errors import ArkdeckError, UsageError, WorkError
from tui.i18n import _
from tui.runs.changes import Changed, ChangeFailed, Deed, noted_if_cut_off, obstacle, write_down
from tui.runs.create import OUR_TAGS, create_once, job_with_tag
from tui.runs.events import CreateRetried
from tui.runs.prepare import primary_version
from tui.runs.services import Services

CLONE_TAG: Final = f"{OUR_TAGS}clone"
"""A clone carries a token of its own under this key, by which a lost create is found again."""

_PLATFORM_TAGS: Final = "sys:"
_MAX_NAME: Final = 200  # characters (ark-openapi.md §1.2)
_CLONES_NAME: Final = re.compile(r"(?P<original>.*)-clone(?:-(?P<number>[1-9][0-9]{0,3}))?", re.DOTALL)


def clone_name(name: str) -> str:
    """Return what a clone is called unless it is named: `eval-clone`, and a clone of that `eval-clone-2`."""
    found = _CLONES_NAME.fullmatch(name)
    original = found["original"] if found else name
    suffix = f"-clone-{int(found['number'] or 1) + 1}" if found else "-clone"
    return (original or "batch")[: _MAX_NAME - len(suffix)] + suffix


def new_token() -> str:
    """Return what a clone carries under CLONE_TAG and no other job does."""
    return secrets.token_hex(8)


async def clone(
    job: Job,
    services: Services,
    *,
    name: str | None = None,
    description: str | None = None,
    model: FoundationModelRef | None = None,
    window_days: int | None = None,
    dry_run: bool = False,
    token: str | None = None,
) -> Receipt:
    """Create a job on the input object of another, with its project, output folder and tags; exactly one.

    Args:
        job: the original, finished.
        services: the client, and the journal in which the attempt is written down.
        name: `clone_name` of the original's unless given.
        description: the original's unless given.
        model: the original's unless given; without a version the primary one is taken.
        window_days: the original's unless given.
        dry_run: only let the service judge it; the receipt then names no job.
        token: the clone's value of CLONE_TAG, one that no other has; a new one unless given.

    Raises:
        UsageError: the job cannot be cloned, or the model does not exist.
        ActiveJobError: a job on the same input is still active.
        ArkError: with `maybe_applied`, the job may exist all the same; the advice says how to look for it.
        JournalError: the job was created, and that could not be written down.
    """
    reason = obstacle(Deed.CLONE, job)
    if reason is not None:
        raise UsageError(_("{job} cannot be cloned: {reason}", job=job.id, reason=reason))
    token = token or new_token()
    wanted = NewJob(
        name=clone_name(job.name) if name is None else name,
        description=job.description if description is None else description,
        project=job.project,
        model=await _exact(job.model if model is None else model, services),
        input=job.input,
        output=job.output,
        window_days=job.window_days if window_days is None else window_days,
        tags={**_operators_tags(job), CLONE_TAG: token},
    )
    if dry_run:
        return await services.ark.create_job(wanted, dry_run=True)
    try:
        async with noted_if_cut_off(Deed.CLONE, job.id, services, detail=f"{CLONE_TAG}={token}"):
            receipt = await _create(wanted, token, services)
    except ArkdeckError as error:
        if isinstance(error, ArkError) and error.maybe_applied:
            error.advice = _("Look for it before you clone again:  arkdeck jobs --project {project} --tag {tag}",
                             project=job.project, tag=f"{CLONE_TAG}={token}")  # fmt: skip
        await write_down(ChangeFailed(Deed.CLONE, job.id, error), services, detail=f"{CLONE_TAG}={token}")
        raise
    try:
        await write_down(Changed(Deed.CLONE, job.id, receipt.request_id), services, detail=receipt.job_id)
    except WorkError as error:  # the id of what is to be paid for must not be lost with the note
        error.message = _("created {job}, but {trouble}", job=receipt.job_id, trouble=error.message)
        raise
    return receipt


async def _create(wanted: NewJob, token: str, services: Services) -> Receipt:
    find = partial(job_with_tag, CLONE_TAG, token, wanted.project, services)
    retried = False
    try:
        async with aclosing(create_once(wanted, find, services)) as events:
            async for event in events:
                match event:
                    case Receipt():
                        return event
                    case Job():
                        return Receipt(event.id, "")
                    case CreateRetried():
                        retried = True
    except ActiveJobError as error:  # perhaps our own, of the create whose reply was lost
        if not retried or (await services.ark.get_job(error.job_id)).tags.get(CLONE_TAG) != token:
            raise
        return Receipt(error.job_id, "")
    raise AssertionError("a create ends with a receipt, a job or an error")


async def _exact(model: ModelReference, services: Services) -> ModelReference:
    if isinstance(model, FoundationModelRef) and not model.version:
        return msgspec.structs.replace(model, version=await primary_version(model.name, services))
    return model


def _operators_tags(job: Job) -> dict[str, str]:
    return {key: value for key, value in job.tags.items() if not key.startswith((_PLATFORM_TAGS, OUR_TAGS))}
