"""The Ark client: the seven batch actions and the model catalogue, as typed calls.

Reads are repeated when they fail for a passing reason; a create never is, since each one may cost money; the
other changes are repeated only when the first try certainly did nothing (`tui.ark.transport.Repeat`).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, Self, TypeAlias, TypeVar

import msgspec

from tui.ark.errors import ActiveJobError, ArkReplyError, Refusal
from tui.ark.models import (
    FoundationModel,
    Job,
    JobQuery,
    ModelVersion,
    NewJob,
    read_foundation_model,
    read_job,
    read_model_version,
)
from tui.ark.paging import MAX_PAGE_SIZE, Page, read_page, walk
from tui.ark.replies import Receipt
from tui.ark.transport import Call, Repeat, Transport
from tui.errors import ReadOnlyError
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from tui.ark.replies import Reply
    from tui.clock import Clock
    from tui.settings.credentials import Credentials

T = TypeVar("T")
JobPage: TypeAlias = Page[Job]

_JOB_ID: Final = re.compile(r"(?<![0-9A-Za-z-])bi-[0-9]{14}-[a-z0-9]{5}(?![0-9A-Za-z])")
_DRY_RUN_PASSED: Final = "validated by a dryrun operation"


class ArkClient:
    """Calls the Ark API of one profile; an async context manager that holds one pool of connections.

    Every call raises `UsageError`, `AccessError` or `ServiceError` by whose turn it is, all of them
    `ArkError`.

    Args:
        endpoint: `https://host[:port]`.
        region: the region that the endpoint belongs to.
        credentials: what signs the calls.
        clock: for the signature's time, and for waiting between repetitions.
        account_id: sent as X-Account-Id unless empty.
        read_only: refuse every change (ReadOnlyError) before it is sent; a dry run changes nothing.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        credentials: Credentials,
        *,
        clock: Clock,
        account_id: str = "",
        read_only: bool = False,
    ) -> None:
        self._read_only = read_only
        self._transport = Transport(endpoint, region, credentials, clock=clock, account_id=account_id)

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._transport.close()

    @property
    def on_loopback(self) -> bool:
        """Whether the service is this machine's own, which may be asked more often."""
        return self._transport.on_loopback

    @property
    def answered(self) -> bool:
        """Whether the service has answered, once at least."""
        return self._transport.answered

    async def create_job(self, job: NewJob, *, dry_run: bool = False) -> Receipt:
        """Create a job, sent once whatever happens; only a signature refused for its time is made anew.

        Args:
            job: what to create.
            dry_run: only let the service judge it; the receipt then names no job.

        Raises:
            ActiveJobError: a job on the same input is still active.
            ArkError: with `maybe_applied`, the job may exist all the same.
        """
        body = {**job.body(), "DryRun": True} if dry_run else job.body()
        call = Call("CreateBatchInferenceJob", body, repeat=Repeat.NEVER, subject=job.name)
        if not dry_run:
            self._require_writable(call)
        try:
            reply = await self._transport.send(call)
        except ArkReplyError as error:
            if dry_run and _says_dry_run_passed(error.refusal):
                return Receipt("", error.request_id)
            active = _active_job_id(error.refusal, body)
            if active is None:
                raise
            raise ActiveJobError(error.refusal, active) from error
        return Receipt("" if dry_run else reply.read(_id_of), reply.request_id)

    async def get_job(self, job_id: str) -> Job:
        """Return a job with all that the service tells (ArkNotFoundError when there is none)."""
        reply = await self._transport.send(Call("GetBatchInferenceJob", {"Id": job_id}, subject=job_id))
        return reply.read(partial(_read_identified_job, request_id=reply.request_id))

    async def list_jobs(self, query: JobQuery, *, page: int = 1, page_size: int = MAX_PAGE_SIZE) -> JobPage:
        """Return one page of the jobs that match; pages count from 1 and hold at most MAX_PAGE_SIZE."""
        reply = await self._send_list("ListBatchInferenceJobs", query.body(), page, page_size)
        return _page_of(reply, partial(read_job, request_id=reply.request_id), page, page_size)

    def all_jobs(self, query: JobQuery) -> AsyncGenerator[Job, None]:
        """Yield every job that matches once, even when the list changes on the way."""

        async def page(number: int) -> JobPage:
            return await self.list_jobs(query, page=number)

        return walk(page, key=lambda job: job.id)

    async def update_job(self, job_id: str, *, name: str | None = None, description: str | None = None) -> Receipt:
        """Change a job's name, its description, or both; None leaves as it is."""
        wanted = {"Name": name, "Description": description}
        changed = {field: value for field, value in wanted.items() if value is not None}
        return await self._change("UpdateBatchInferenceJob", job_id, changed)

    async def stop_job(self, job_id: str) -> Receipt:
        """Stop a job; the results of its finished requests are kept."""
        return await self._change("StopBatchInferenceJob", job_id)

    async def resume_job(self, job_id: str) -> Receipt:
        """Let a stopped or failed job go on with the requests that it has not finished."""
        # the documents show the id in the query, an official SDK sends it in the body: both are satisfied
        return await self._change("ResumeBatchInferenceJob", job_id, query=(("Id", job_id),))

    async def delete_job(self, job_id: str) -> Receipt:
        """Remove a job that is finished; its files are the object store's matter."""
        return await self._change("DeleteBatchInferenceJob", job_id)

    async def list_models(self, name: str = "") -> list[FoundationModel]:
        """Return the platform's models whose name contains `name`; not all of them take batch jobs."""
        body: dict[str, object] = {"Filter": {"Name": name}} if name else {}

        async def page(number: int) -> Page[FoundationModel]:
            reply = await self._send_list("ListFoundationModels", body, number)
            return _page_of(reply, read_foundation_model, number)

        return [model async for model in walk(page, key=lambda model: model.name)]

    async def list_model_versions(self, model: str) -> list[ModelVersion]:
        """Return the versions of the model of that name (ArkNotFoundError when there is none)."""
        body: dict[str, object] = {"FoundationModelName": model}

        async def page(number: int) -> Page[ModelVersion]:
            reply = await self._send_list("ListFoundationModelVersions", body, number)
            return _page_of(reply, read_model_version, number)

        return [version async for version in walk(page, key=lambda version: version.version)]

    async def _change(
        self,
        action: str,
        job_id: str,
        fields: Mapping[str, object] | None = None,
        *,
        query: tuple[tuple[str, str], ...] = (),
    ) -> Receipt:
        body = {"Id": job_id, **(fields or {})}
        call = Call(action, body, repeat=Repeat.IF_NOT_APPLIED, subject=job_id, query=query)
        self._require_writable(call)
        reply = await self._transport.send(call)
        return Receipt(job_id, reply.request_id)

    def _require_writable(self, call: Call) -> None:
        if self._read_only:
            subject = clean(call.subject, strict=True, limit=100)
            raise ReadOnlyError(
                _("{action} {subject} was not sent: the profile is read only", action=call.action, subject=subject),
                advice=_("Its setting read_only, or ARKDECK_READ_ONLY, made it so."),
            )

    async def _send_list(
        self, action: str, body: Mapping[str, object], number: int, size: int = MAX_PAGE_SIZE
    ) -> Reply:
        return await self._transport.send(Call(action, {**body, "PageNumber": number, "PageSize": size}))


def _page_of(
    reply: Reply, read: Callable[[Mapping[str, object]], T], number: int, size: int = MAX_PAGE_SIZE
) -> Page[T]:
    return reply.read(lambda result: read_page(result, read, number=number, size=size))


def _id_of(result: Mapping[str, object]) -> str:
    job_id = result.get("Id")
    if not isinstance(job_id, str) or not job_id:
        raise msgspec.ValidationError("no job id - at `$.Result.Id`")
    return job_id


def _read_identified_job(result: Mapping[str, object], request_id: str) -> Job:
    _id_of(result)
    return read_job(result, request_id)


def _says_dry_run_passed(refusal: Refusal) -> bool:
    return refusal.code.startswith("DryRun") or _DRY_RUN_PASSED in refusal.message.lower()


def _active_job_id(refusal: Refusal, body: Mapping[str, object]) -> str | None:
    """Return the id of the active job that the refusal names.

    The code of this refusal is not documented, but the id in its message is (ark-openapi.md §1.2). An id that
    we sent ourselves, in a name or a tag, is only quoted back.
    """
    sent = msgspec.json.encode(body).decode()
    return next((job_id for job_id in _JOB_ID.findall(refusal.message) if job_id not in sent), None)
