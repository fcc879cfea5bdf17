"""Where nobody knows how the platform behaves: each choice can be turned, and turning it shows."""

from datetime import UTC, datetime, timedelta

import pytest
from ark_caller import ArkCaller, RefusedError
from engine_bench import chat
from tos_client import tos_client

from tui.clock import FrozenClock
from tui.localcloud import Assumptions
from tui.localcloud.child import LocalCloudProcess

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
DAY = timedelta(days=1).total_seconds()


@pytest.fixture
def assuming(cloud_factory):
    """Starts a cloud with some assumptions, and returns it with a client."""
    callers = []

    def start(**choices):
        cloud = cloud_factory(clock=FrozenClock(START), assume=Assumptions(**choices))
        callers.append(ArkCaller(cloud.info))
        return cloud, callers[-1]

    yield start
    for caller in callers:
        caller.http.close()


def run(cloud, ark, key="data.jsonl", **fields):
    """Run a job of three requests, one of them refused, and return it."""
    lines = [chat(1), chat(2), chat(3, messages=[])]
    tos_client(cloud.info).put_object(cloud.info.bucket, key, content="\n".join(lines).encode())
    job_id = ark.create(key, **fields)
    cloud.advance(60)
    return ark.get(job_id)


def keys_of(cloud, job):
    found = tos_client(cloud.info).list_objects_type2(cloud.info.bucket, prefix=f"output/{job['Id']}/").contents
    return [item.key.removeprefix(f"output/{job['Id']}/") for item in found]


def refusal(call, *args, **fields):
    with pytest.raises(RefusedError) as caught:
        call(*args, **fields)
    return caught.value


@pytest.mark.parametrize(("code", "status"), [("OperationDenied.InvalidState", 403), ("Duplicate.Job", 400)])
def test_the_code_of_a_second_active_job(assuming, code, status):
    _, ark = assuming(active_job_code=code)
    job_id = ark.create()
    refused = refusal(ark.create)
    assert (refused.status, refused.code) == (status, code)
    assert job_id in refused.message


def test_the_code_of_a_dry_run_that_passes(assuming):
    _, ark = assuming(dry_run_code="DryRun")
    assert refusal(ark.create, DryRun=True).code == "DryRun"


def test_the_code_of_an_unknown_job(assuming):
    _, ark = assuming(not_found_code="NotFound.Job")
    refused = refusal(ark.get, "bi-20240918194641-zzzzz")
    assert (refused.status, refused.code) == (404, "NotFound.Job")


@pytest.mark.parametrize(("choice", "completed"), [("processed", 3), ("answered", 2)])
def test_whether_completed_counts_the_failed(assuming, choice, completed):
    cloud, ark = assuming(completed_counts=choice)
    assert run(cloud, ark)["RequestCounts"] == {"Total": 3, "Completed": completed, "Failed": 1}


@pytest.mark.parametrize("folder", ["error", "output"])
def test_where_the_error_file_lies(assuming, folder):
    cloud, ark = assuming(error_file=folder)
    job = run(cloud, ark)
    assert keys_of(cloud, job) == [f"{folder}/errors.jsonl", "output/results.jsonl"]
    assert job["ErrorFileTosLocation"]["ObjectKey"] == f"output/{job['Id']}/{folder}/errors.jsonl"


@pytest.mark.parametrize("told", [True, False])
def test_whether_the_place_of_the_error_file_is_told(assuming, told):
    cloud, ark = assuming(error_file_location=told)
    assert ("ErrorFileTosLocation" in run(cloud, ark)) is told


def test_tokens_are_told_where_they_are_assumed_to_be(assuming):
    cloud, ark = assuming(token_usage=True)
    job = run(cloud, ark)
    usage = job["TokenUsage"]
    assert usage["TotalTokens"] == usage["PromptTokens"] + usage["CompletionTokens"] > 0
    assert "TokenUsage" not in ark.list()["Items"][0]


def test_tokens_are_not_told_by_default(assuming):
    cloud, ark = assuming()
    assert "TokenUsage" not in run(cloud, ark)


@pytest.mark.parametrize(("choice", "count"), [("default", 1), ("all", 2)])
def test_what_a_list_without_a_project_is_about(assuming, choice, count):
    _, ark = assuming(list_without_project=choice)
    ark.create("1")
    ark.create("2", ProjectName="other")
    assert ark.call("ListBatchInferenceJobs")["TotalCount"] == count
    assert ark.call("ListBatchInferenceJobs", ProjectName="other")["TotalCount"] == 1


def test_an_active_job_can_be_deleted_where_that_is_assumed(assuming):
    cloud, ark = assuming(delete_active=True)
    lines = "\n".join(chat(number) for number in range(1000)).encode()
    tos_client(cloud.info).put_object(cloud.info.bucket, "data.jsonl", content=lines)
    queued = ark.create("other.jsonl")
    running = ark.create()
    cloud.advance(0.61)
    assert ark.phase(running) == "Running"
    for job_id in (queued, running):
        ark.call("DeleteBatchInferenceJob", Id=job_id)
    cloud.advance(60)
    assert ark.ids() == []
    assert list((cloud._options.data / "rows").iterdir()) == []
    assert run(cloud, ark)["Status"]["Phase"] == "Completed"


def test_an_active_job_cannot_be_deleted_by_default(assuming):
    _, ark = assuming()
    assert refusal(ark.call, "DeleteBatchInferenceJob", Id=ark.create()).code == "OperationDenied.UnsupportedPhase"


@pytest.mark.parametrize(("choice", "left"), [(False, 2), (True, 0)])
def test_whether_a_deleted_job_takes_its_files_along(assuming, choice, left):
    cloud, ark = assuming(delete_outputs=choice)
    job, other = run(cloud, ark), run(cloud, ark, "other.jsonl")
    ark.call("DeleteBatchInferenceJob", Id=job["Id"])
    assert (len(keys_of(cloud, job)), len(keys_of(cloud, other))) == (left, 2)


@pytest.mark.parametrize(("choice", "days"), [("anew", 3), ("kept", 2)])
def test_whether_resume_begins_the_window_anew(assuming, choice, days):
    cloud, ark = assuming(resume_window=choice)
    job_id = ark.create(CompletionWindow="2d")
    cloud.advance(DAY)
    assert ark.phase(job_id) == "Failed"
    ark.call("ResumeBatchInferenceJob", Id=job_id)
    expires = datetime.fromisoformat(ark.get(job_id)["ExpireTime"])
    assert expires == START + timedelta(days=days)


def test_the_quota_of_running_jobs(assuming):
    cloud, ark = assuming(running_jobs=2)
    lines = "\n".join(chat(number) for number in range(1000)).encode()
    for key in "abc":
        tos_client(cloud.info).put_object(cloud.info.bucket, key, content=lines)
        ark.create(key)
    cloud.advance(1)
    phases = [item["Status"]["Phase"] for item in ark.list(SortOrder="Asc")["Items"]]
    assert sorted(phases) == ["Queued", "Running", "Running"]


@pytest.mark.parametrize("name", ["a b", "夜间/评测", "名😀", "x" * 201])
def test_names_can_be_held_to_the_rule_of_the_console(assuming, name):
    _, ark = assuming(console_names=True)
    assert refusal(ark.create, Name=name).code == "InvalidParameter.Name"
    job_id = ark.create(Name="夜间评测-03_a")
    assert refusal(ark.call, "UpdateBatchInferenceJob", Id=job_id, Name=name).code == "InvalidParameter.Name"


@pytest.mark.parametrize(("choice", "text"), [("1d", "3d"), ("1 days", "3 days")])
def test_how_a_window_reads(assuming, choice, text):
    _, ark = assuming(window_format=choice)
    assert ark.get(ark.create(CompletionWindow="3d"))["CompletionWindow"] == text


def test_a_child_process_assumes_what_it_is_told():
    with LocalCloudProcess(assume=Assumptions(dry_run_code="DryRun")) as cloud, ArkCaller(cloud.info) as ark:
        assert refusal(ark.create, DryRun=True).code == "DryRun"
