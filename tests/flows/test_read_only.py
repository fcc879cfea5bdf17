"""A read-only profile looks at everything and changes nothing, whoever asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck
from tests.storage.tools import MIB, fingerprint_of
from tui.ark.models import FoundationModelRef, Job, JobQuery, Location, NewJob
from tui.errors import ReadOnlyError
from tui.localcloud import LocalCloud
from tui.runs.changes import ChangeFailed, Deed, change
from tui.runs.services import Services
from tui.storage.connection import Body
from tui.storage.upload import upload

CREATE = NewJob(
    name="eval", model=FoundationModelRef("doubao-pro-32k", "240615"), input=Location("b", "k"), output=Location("b")
)
BODY = Body(1, 0, lambda position, size: memoryview(b"a")[position : position + size])
JOB = "bi-20240101000000-aaaaa"


@pytest.fixture
async def careful(
    cloud: LocalCloud, services_on: Callable[..., AbstractAsyncContextManager[Services]]
) -> AsyncIterator[Services]:
    """Services of a read-only profile."""
    async with services_on(cloud.info, read_only=True) as services:
        yield services


@pytest.fixture
async def job(services: Services, cloud: LocalCloud) -> Job:
    """A job that somebody may change."""
    bucket = cloud.info.bucket
    await services.store.put(bucket, "in/data.jsonl", b"{}\n", metadata={})
    wanted = NewJob(
        name="nightly-eval",
        model=FoundationModelRef("doubao-pro-32k", "240615"),
        input=Location(bucket, "in/data.jsonl"),
        output=Location(bucket, "out/"),
    )
    return await services.ark.get_job((await services.ark.create_job(wanted)).job_id)


@pytest.mark.parametrize(
    ("action", "act"),
    [
        ("CreateBatchInferenceJob", lambda it: it.ark.create_job(CREATE)),
        ("StopBatchInferenceJob", lambda it: it.ark.stop_job(JOB)),
        ("ResumeBatchInferenceJob", lambda it: it.ark.resume_job(JOB)),
        ("UpdateBatchInferenceJob", lambda it: it.ark.update_job(JOB, name="other")),
        ("DeleteBatchInferenceJob", lambda it: it.ark.delete_job(JOB)),
    ],
)
async def test_a_change_of_a_job_is_refused_before_it_is_sent(
    careful: Services, cloud: LocalCloud, action: str, act: Callable[[Services], Awaitable[object]]
) -> None:
    with pytest.raises(ReadOnlyError, match=f"{action} .*read only") as caught:
        await act(careful)
    assert "ARKDECK_READ_ONLY" in caught.value.advice
    assert cloud.requests == []


@pytest.mark.parametrize(
    "act",
    [
        lambda store, bucket: store.put(bucket, "a.txt", b"a", metadata={}),
        lambda store, bucket: store.copy(bucket, "a.txt", "b.txt"),
        lambda store, bucket: store.create_bucket("another-bucket"),
        lambda store, bucket: store.call(lambda it: it.create_upload(bucket, "a.txt", {})),
        lambda store, bucket: store.call(lambda it: it.upload_part(bucket, "a.txt", "1", 1, BODY)),
        lambda store, bucket: store.call(lambda it: it.complete_upload(bucket, "a.txt", "1", {})),
        lambda store, bucket: store.call(lambda it: it.abort_upload(bucket, "a.txt", "1")),
    ],
    ids=["put", "copy", "create_bucket", "create_upload", "upload_part", "complete_upload", "abort_upload"],
)
async def test_a_change_of_the_store_is_refused_before_it_is_sent(
    careful: Services, cloud: LocalCloud, act: Callable[..., Awaitable[object]]
) -> None:
    with pytest.raises(ReadOnlyError, match="read only"):
        await act(careful.store, cloud.info.bucket)
    assert cloud.requests == []


@pytest.mark.parametrize("size", [1, 20 * MIB], ids=["whole", "in-parts"])
async def test_an_upload_is_refused_before_it_is_begun(
    careful: Services, cloud: LocalCloud, tmp_path: Path, size: int
) -> None:
    file = tmp_path / "input.jsonl"
    file.write_bytes(b"x" * size)
    sending = upload(careful.store, cloud.info.bucket, "in.jsonl", file, fingerprint_of(file), metadata={})
    with pytest.raises(ReadOnlyError):
        await anext(sending)
    assert cloud.requests == []


async def test_what_changes_nothing_is_answered(careful: Services, job: Job) -> None:
    listed = [found.id async for found in careful.ark.all_jobs(JobQuery(project=job.project))]
    assert listed == [job.id]
    assert await careful.store.head(job.input.bucket, job.input.key) is not None
    assert [info.key async for info in careful.store.list(job.input.bucket, "in/")] == ["in/data.jsonl"]


async def test_a_dry_run_changes_nothing_and_is_let_through(careful: Services, cloud: LocalCloud) -> None:
    bucket = cloud.info.bucket
    wanted = NewJob(name="eval", model=CREATE.model, input=Location(bucket, "k"), output=Location(bucket, "out/"))
    assert (await careful.ark.create_job(wanted, dry_run=True)).job_id == ""


async def test_an_operators_change_fails_like_any_other(careful: Services, job: Job) -> None:
    (result,) = [result async for result in change(Deed.STOP, [job.id], careful)]
    assert isinstance(result, ChangeFailed)
    assert isinstance(result.cause, ReadOnlyError)


@pytest.mark.parametrize("words", [("stop", "--yes"), ("delete", "--yes"), ("resume",), ("clone",)])
def test_the_command_refuses_at_once_and_says_what_made_it_so(deck: Deck, words: tuple[str, ...]) -> None:
    deck.environ["ARKDECK_READ_ONLY"] = "true"
    verb, *options = words
    ended = deck(verb, JOB, *options)
    assert ended.code == 2
    assert "profile default is read only" in ended.err
    assert "ARKDECK_READ_ONLY" in ended.err


def test_a_dry_run_of_the_command_is_let_through(deck: Deck, requests_file: Path) -> None:
    deck.environ["ARKDECK_READ_ONLY"] = "true"
    ended = deck("submit", requests_file, "--model", MODEL, "--dry-run")
    assert "read only" not in ended.err
