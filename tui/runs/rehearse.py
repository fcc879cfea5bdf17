"""What a submission would do, without doing it: the check, the places, and the service's own word on the job."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.errors import ActiveJobError, ArkReplyError
from tui.dataset.check import CheckSummary
from tui.errors import AccessError, ServiceError
from tui.runs.course import job_of_same_call
from tui.runs.create import job_of_earlier_run, new_job
from tui.runs.events import Event, ModelChosen, Rehearsed
from tui.runs.folder import require_free
from tui.runs.plan import Plan
from tui.runs.prepare import primary_version, read_input, same_content
from tui.runs.services import Services
from tui.storage.errors import BucketMissingError

_INPUT_NOT_FOUND: Final = "InvalidParameter.TosURLInvalid"
"""What the service says of an input that it does not find, among other things (ark-openapi.md §6.2)."""


async def rehearse(
    plan: Plan, services: Services, *, checked: CheckSummary | None = None
) -> AsyncGenerator[Event, None]:
    """Check the input, look at the bucket, ask the service for a dry run; nothing is written anywhere.

    Args:
        plan: of the submission.
        services: the cloud that would get it.
        checked: what the check of this very file said, without an error, so that it is not read again.

    Raises:
        ArkdeckError: what would stop the submission, but for an answer to the dry run, which is an event.
    """
    if plan.out:
        require_free(Path(plan.out), await job_of_same_call(plan, services))
    if checked is None:
        async with aclosing(read_input(plan)) as events:
            async for event in events:
                yield event
                if isinstance(event, CheckSummary):
                    checked = event
    assert checked is not None
    fingerprint = checked.fingerprint
    if plan.model and not plan.version:
        plan = msgspec.structs.replace(plan, version=await primary_version(plan.model, services))
        yield ModelChosen(plan.model, plan.version)
    key = plan.object_key(fingerprint.sha256)
    new_bucket = await _would_make_bucket(plan, services)
    twin = None if new_bucket else await same_content(plan, key, fingerprint, services)
    how = "upload" if twin is None else "present" if twin.key == key else "copy"
    existing = await job_of_earlier_run(plan, key, services)
    refusal = None
    unjudged = False
    if existing is None:
        try:
            await services.ark.create_job(new_job(plan, "rehearsal", key), dry_run=True)
        except ActiveJobError as error:
            existing = await services.ark.get_job(error.job_id)
        except (AccessError, ServiceError):
            raise
        except ArkReplyError as error:
            unjudged = how != "present" and error.refusal.code == _INPUT_NOT_FOUND
            refusal = None if unjudged else error
    yield Rehearsed(plan.bucket, new_bucket, key, fingerprint.size, how, existing, refusal, unjudged)


async def _would_make_bucket(plan: Plan, services: Services) -> bool:
    try:
        await services.store.check_bucket(plan.bucket)
    except BucketMissingError:
        if not plan.create_bucket:
            raise
        return True
    return False
