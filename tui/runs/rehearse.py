"""What a submission would do, without doing it: the check, the places, and the service's own word on the job."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from tui.ark.errors import ArkError
from tui.dataset.check import CheckSummary
from tui.errors import AccessError, ServiceError
from tui.runs.create import new_job
from tui.runs.events import Event, ModelChosen, Rehearsed
from tui.runs.plan import Plan
from tui.runs.prepare import primary_version, read_input, same_content
from tui.runs.services import Services


async def rehearse(plan: Plan, services: Services) -> AsyncGenerator[Event, None]:
    """Check the input, look at the bucket, ask the service for a dry run; nothing is written anywhere.

    Raises:
        ArkdeckError: what would stop the submission, but for an answer to the dry run, which is an event.
    """
    async with aclosing(read_input(plan)) as events:
        async for event in events:
            yield event
            if isinstance(event, CheckSummary):
                fingerprint = event.fingerprint
    if plan.model and not plan.version:
        plan = msgspec.structs.replace(plan, version=await primary_version(plan.model, services))
        yield ModelChosen(plan.model, plan.version)
    await services.store.check_bucket(plan.bucket)
    key = plan.object_key(fingerprint.sha256)
    twin = await same_content(plan, key, fingerprint, services)
    how = "upload" if twin is None else "present" if twin.key == key else "copy"
    try:
        await services.ark.create_job(new_job(plan, "rehearsal", key), dry_run=True)
    except (AccessError, ServiceError):
        raise
    except ArkError as error:
        yield Rehearsed(plan.bucket, key, fingerprint.size, how, refusal=error)
    else:
        yield Rehearsed(plan.bucket, key, fingerprint.size, how, refusal=None)
