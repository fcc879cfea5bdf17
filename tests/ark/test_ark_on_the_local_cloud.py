"""The client and the local cloud, written apart from each other, agree on the whole life of a job."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tui.ark.client import ArkClient
from tui.ark.errors import ActiveJobError, ArkAccessError, ArkNotFoundError, ArkUsageError
from tui.ark.models import FoundationModelRef, JobQuery, Location, NewJob, Phase
from tui.clock import FrozenClock, SystemClock
from tui.errors import AccessError
from tui.localcloud import CloudInfo, LocalCloud
from tui.localcloud.keys import Keys
from tui.safety import Secret
from tui.settings.credentials import Credentials

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
RESTING = timedelta(minutes=5).total_seconds()


@pytest.fixture
def cloud(cloud_factory) -> LocalCloud:
    """A cloud whose jobs go on only when the test says so."""
    return cloud_factory(clock=FrozenClock(START))


def keys_of(info: CloudInfo, *, secret_key: str = "", session_token: str = "") -> Credentials:
    token = Secret(session_token) if session_token else None
    return Credentials(info.access_key, Secret(secret_key or info.secret_key), token, "the local cloud")


def client_of(info: CloudInfo, credentials: Credentials, *, region: str = "") -> ArkClient:
    return ArkClient(info.ark_endpoint, region or info.region, credentials, clock=SystemClock())


@pytest.fixture
async def ark(cloud) -> AsyncIterator[ArkClient]:
    async with client_of(cloud.info, keys_of(cloud.info)) as client:
        yield client


def new_job(cloud: LocalCloud, name: str = "夜间评测-03", *, key: str = "in/data.jsonl", **fields) -> NewJob:
    return NewJob(
        name=name,
        model=FoundationModelRef("doubao-pro-32k", "240615"),
        input=Location(cloud.info.bucket, key),
        output=Location(cloud.info.bucket, "out/"),
        **fields,
    )


async def names(ark: ArkClient, query: JobQuery) -> list[str]:
    return [job.name async for job in ark.all_jobs(query)]


async def test_a_created_job_is_read_back_as_it_was_asked_for(cloud, ark):
    wanted = new_job(cloud, description="第一次", window_days=3, tags={"部门": "评测", "arkdeck:run": "r1"})
    job = await ark.get_job((await ark.create_job(wanted)).job_id)
    assert (job.name, job.description, job.model, job.input, job.output, job.window_days) == (
        wanted.name,
        wanted.description,
        wanted.model,
        wanted.input,
        wanted.output,
        3,
    )
    assert wanted.tags.items() <= job.tags.items()
    assert (job.phase, job.created, job.expires) == (Phase.QUEUED, START, START + timedelta(days=3))


async def test_a_job_names_the_request_that_described_it(cloud, ark):
    created = (await ark.create_job(new_job(cloud))).job_id
    alone = await ark.get_job(created)
    (listed,) = (await ark.list_jobs(JobQuery())).items
    assert [alone.request_id, listed.request_id] == [record.request_id for record in cloud.requests[-2:]]
    assert alone == listed


async def test_a_job_lives_from_create_to_delete(cloud, ark):
    job_id = (await ark.create_job(new_job(cloud))).job_id
    await ark.stop_job(job_id)
    assert (await ark.get_job(job_id)).phase == Phase.TERMINATING
    cloud.advance(RESTING)
    assert (await ark.get_job(job_id)).phase == Phase.TERMINATED
    await ark.resume_job(job_id)
    assert (await ark.get_job(job_id)).phase == Phase.QUEUED
    await ark.update_job(job_id, name="renamed", description="改名")
    renamed = await ark.get_job(job_id)
    assert (renamed.name, renamed.description) == ("renamed", "改名")
    await ark.stop_job(job_id)
    cloud.advance(RESTING)
    await ark.delete_job(job_id)
    with pytest.raises(ArkNotFoundError):
        await ark.get_job(job_id)


async def test_jobs_are_listed_newest_first(cloud, ark):
    for number in range(3):
        await ark.create_job(new_job(cloud, f"job-{number}", key=f"{number}.jsonl"))
        cloud.advance(1)
    assert await names(ark, JobQuery(project="default")) == ["job-2", "job-1", "job-0"]


async def test_a_page_tells_how_many_jobs_there_are(cloud, ark):
    for number in range(3):
        await ark.create_job(new_job(cloud, f"job-{number}", key=f"{number}.jsonl"))
    page = await ark.list_jobs(JobQuery(), page=2, page_size=2)
    assert (len(page.items), page.total, page.last) == (1, 3, True)


@pytest.mark.parametrize(
    "query",
    [
        JobQuery(name="夜"),
        JobQuery(tags={"team": ["eval"]}),
        JobQuery(models=[FoundationModelRef("doubao-pro-32k")], name="评测"),
        JobQuery(phases=[Phase.QUEUED], tags={"team": ["eval", "other"]}),
    ],
    ids=["name", "tag", "model", "phase"],
)
async def test_the_list_is_filtered_by_the_service(cloud, ark, query):
    await ark.create_job(new_job(cloud, tags={"team": "eval"}))
    await ark.create_job(new_job(cloud, "nightly", key="other.jsonl"))
    assert await names(ark, query) == ["夜间评测-03"]


async def test_jobs_are_found_by_their_ids(cloud, ark):
    wanted = (await ark.create_job(new_job(cloud, "wanted"))).job_id
    await ark.create_job(new_job(cloud, "other", key="other.jsonl"))
    assert await names(ark, JobQuery(ids=[wanted])) == ["wanted"]


async def test_a_second_job_on_an_active_input_gives_the_first_ones_id(cloud, ark):
    first = (await ark.create_job(new_job(cloud))).job_id
    with pytest.raises(ActiveJobError) as caught:
        await ark.create_job(new_job(cloud))
    assert caught.value.job_id == first


async def test_a_dry_run_creates_nothing(cloud, ark):
    receipt = await ark.create_job(new_job(cloud), dry_run=True)
    assert (receipt.job_id, await names(ark, JobQuery())) == ("", [])


async def test_a_dry_run_finds_a_model_that_is_not_there(cloud, ark):
    wanted = new_job(cloud)
    unknown = NewJob(
        name=wanted.name, model=FoundationModelRef("no-such-model", "1"), input=wanted.input, output=wanted.output
    )
    with pytest.raises(ArkUsageError, match="no-such-model"):
        await ark.create_job(unknown, dry_run=True)


async def test_an_unknown_job_is_not_found(ark):
    with pytest.raises(ArkNotFoundError, match="bi-20240918194641-zzzzz"):
        await ark.get_job("bi-20240918194641-zzzzz")


async def test_a_job_that_ended_cannot_be_stopped(cloud, ark):
    job_id = (await ark.create_job(new_job(cloud))).job_id
    await ark.stop_job(job_id)
    cloud.advance(RESTING)
    with pytest.raises(ArkUsageError) as caught:
        await ark.stop_job(job_id)
    assert caught.value.code == "OperationDenied.UnsupportedPhase"


async def test_models_name_their_primary_version(ark):
    primary = {model.name: model.primary_version for model in await ark.list_models("doubao-pro-32k")}
    assert primary["doubao-pro-32k"] == "240615"


async def test_all_models_are_listed_once(ark):
    found = [model.name for model in await ark.list_models()]
    assert len(found) == len(set(found)) > 5


async def test_a_models_versions_are_listed(ark):
    versions = [version.version for version in await ark.list_model_versions("doubao-pro-32k")]
    assert "240615" in versions


async def test_an_unknown_model_has_no_versions(ark):
    with pytest.raises(ArkNotFoundError):
        await ark.list_model_versions("no-such-model")


async def test_a_wrong_secret_is_a_matter_of_access(cloud):
    async with client_of(cloud.info, keys_of(cloud.info, secret_key="not-a-secret-0123456789")) as client:
        with pytest.raises(AccessError) as caught:
            await client.list_jobs(JobQuery())
    assert caught.value.code == "SignatureDoesNotMatch"


async def test_an_unknown_key_is_a_matter_of_access(cloud, credentials):
    async with client_of(cloud.info, credentials) as client:
        with pytest.raises(ArkAccessError) as caught:
            await client.list_jobs(JobQuery())
    assert caught.value.code == "InvalidAccessKey"


async def test_another_region_is_a_matter_of_access(cloud):
    async with client_of(cloud.info, keys_of(cloud.info), region="ap-southeast-1") as client:
        with pytest.raises(ArkAccessError):
            await client.list_jobs(JobQuery())


async def test_a_wrong_clock_still_creates_one_job(cloud):
    late = FrozenClock(SystemClock().now() - timedelta(hours=3))
    info = cloud.info
    async with ArkClient(info.ark_endpoint, info.region, keys_of(info), clock=late) as client:
        await client.create_job(new_job(cloud, "once"))
        assert await names(client, JobQuery()) == ["once"]


TEMPORARY = Keys("AKTPTESTONLY", "not-a-secret-0123456789", "token-of-the-test")


async def test_temporary_keys_are_taken_with_their_token(cloud_factory):
    info = cloud_factory(keys=TEMPORARY).info
    async with client_of(info, keys_of(info, session_token="token-of-the-test")) as client:
        assert await names(client, JobQuery()) == []


async def test_temporary_keys_without_their_token_are_a_matter_of_access(cloud_factory):
    info = cloud_factory(keys=TEMPORARY).info
    async with client_of(info, keys_of(info)) as client:
        with pytest.raises(ArkAccessError):
            await client.list_jobs(JobQuery())


async def test_the_account_id_is_signed_too(cloud):
    info = cloud.info
    client = ArkClient(info.ark_endpoint, info.region, keys_of(info), clock=SystemClock(), account_id="2100000001")
    async with client:
        assert await names(client, JobQuery()) == []
