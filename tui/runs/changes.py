"""What an operator does to jobs, the same for both shells: each attempt is written to the journal's activity."""

from __future__ import annotations

import asyncio
import contextlib
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from tui.ark.errors import ArkError, ArkReplyError, KeyRefusedError
from tui.ark.models import Job, Phase
from tui.errors import AccessError, ArkdeckError, WorkError
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from tui.ark.replies import Receipt
    from tui.runs.services import Services


class Deed(StrEnum):
    """What can be done to a job."""

    STOP = "stop"
    RESUME = "resume"
    DELETE = "delete"
    UPDATE = "update"
    CLONE = "clone"


class NotTriedError(AccessError):
    """A change was not sent, since the key had just been refused for another one."""


class Changed(msgspec.Struct, frozen=True):
    """The service has done it."""

    deed: Deed
    job_id: str
    request_id: str


class ChangeFailed(msgspec.Struct, frozen=True):
    """The service has not done it, as far as is known (`ArkError.maybe_applied`)."""

    deed: Deed
    job_id: str
    cause: ArkdeckError


def obstacle(deed: Deed, job: Job) -> str | None:
    """Return why the deed cannot be done to the job as it was seen last; None when nothing is known against it.

    Of a phase that nobody knows, only the service can say what it admits.
    """
    match deed:
        case Deed.STOP if job.phase.finished:
            return _("already finished")
        case Deed.STOP if job.phase == Phase.TERMINATING:
            return _("being stopped already")
        case Deed.RESUME if job.phase == Phase.COMPLETED:
            return _("completed: nothing is left to do")
        case Deed.RESUME | Deed.DELETE if job.phase == Phase.TERMINATING:
            return _("still being stopped")
        case Deed.RESUME | Deed.DELETE if job.phase.active:
            return _("not finished yet")
        case Deed.CLONE if not (job.input.bucket and job.input.key and job.output.bucket):
            return _("the service does not say where its files are")
        case Deed.CLONE if not str(job.model):
            return _("the service does not name its model")
        case Deed.CLONE if job.phase.active:
            return _("still active: the service takes one job on an input at a time")
        case _:
            return None


async def change(
    deed: Deed,
    job_ids: Iterable[str],
    services: Services,
    *,
    name: str | None = None,
    description: str | None = None,
) -> AsyncGenerator[Changed | ChangeFailed, None]:
    """Do the same to each job, whatever becomes of the others, and tell what became of each.

    Once the key is refused nothing more is sent: the jobs that are left fail with NotTriedError.

    Args:
        deed: any but CLONE, which makes a job of its own (`clone.clone`).
        job_ids: the jobs, one after the other.
        services: the client, and the journal in which each attempt is written down.
        name: of an update; None leaves it as it is.
        description: likewise.

    Raises:
        JournalError: something could not be written down; raised when all is done.
    """
    calls: Mapping[Deed, Callable[[str], Awaitable[Receipt]]] = {
        Deed.STOP: services.ark.stop_job,
        Deed.RESUME: services.ark.resume_job,
        Deed.DELETE: services.ark.delete_job,
        Deed.UPDATE: partial(services.ark.update_job, name=name, description=description),
    }
    texts = {"name": name, "description": description}
    detail = ", ".join(field for field, text in texts.items() if text is not None)
    unwritten: ArkdeckError | None = None
    waiting = iter(job_ids)
    for job_id in waiting:
        result: Changed | ChangeFailed
        try:
            async with noted_if_cut_off(deed, job_id, services, detail=detail):
                receipt = await calls[deed](job_id)
        except ArkdeckError as error:
            result = ChangeFailed(deed, job_id, error)
        else:
            result = Changed(deed, job_id, receipt.request_id)
        try:
            await write_down(result, services, detail=detail)
        except WorkError as error:  # what is left to do matters more than the note of what is done
            unwritten = error
        yield result
        if isinstance(result, ChangeFailed) and isinstance(result.cause, KeyRefusedError):
            break
    for job_id in waiting:
        yield ChangeFailed(deed, job_id, NotTriedError(_("{job} was not tried: the key is refused", job=job_id)))
    if unwritten is not None:
        raise unwritten


@contextlib.asynccontextmanager
async def noted_if_cut_off(deed: Deed, job_id: str, services: Services, *, detail: str) -> AsyncIterator[None]:
    """Write down that nobody knows what became of a change whose task is cancelled while it waits for the reply."""
    try:
        yield
    except asyncio.CancelledError:
        cut_off = _("cut off before the reply came")
        with contextlib.suppress(WorkError):  # nothing more may be done, also where this cannot be written down
            await _record(services, deed, job_id, error=cut_off, maybe_applied=True, detail=detail)
        raise


async def write_down(result: Changed | ChangeFailed, services: Services, *, detail: str) -> None:
    """Write what became of a change to the journal's activity (JournalError)."""
    match result:
        case Changed(deed, job_id, request_id):
            await _record(services, deed, job_id, request_id=request_id, detail=detail)
        case ChangeFailed(deed, job_id, cause):
            await _record(
                services,
                deed,
                job_id,
                request_id=cause.request_id if isinstance(cause, ArkReplyError) else "",
                error=cause.message,
                maybe_applied=isinstance(cause, ArkError) and cause.maybe_applied,
                detail=detail,
            )


async def _record(services: Services, deed: Deed, job_id: str, **noted: Any) -> None:
    """Write a row of the activity, and wait for it: another process may keep the journal locked for a while."""
    await services.journal.apart(lambda journal: journal.record(deed, job_id, **noted), needed=True)
