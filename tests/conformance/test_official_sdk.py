"""The tutorial's own sequence with the unmodified official SDKs, which know nothing of the local cloud."""

import json
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import tos
import volcenginesdkark
import volcenginesdkcore
from volcenginesdkcore.rest import ApiException

from tui.clock import FrozenClock
from tui.localcloud.keys import Keys

START = datetime(2024, 11, 11, 11, 18, 20, tzinfo=UTC)
SECONDS = 20
REQUESTS = [
    {
        "custom_id": "request-1",
        "body": {
            "messages": [{"role": "user", "content": "天空为什么这么蓝?"}],
            "max_tokens": 1000,
            "top_p": 1,
        },
    },
    {
        "custom_id": "request-2",
        "body": {
            "messages": [
                {"role": "system", "content": "You are an unhelpful assistant."},
                {"role": "user", "content": "天空为什么这么蓝?"},
            ],
            "max_tokens": 1000,
        },
    },
    {"custom_id": "request-3", "body": {"messages": [{"role": "robot", "content": "天空为什么这么蓝?"}]}},
]


class OfficialClients:
    """What an operator has who follows the tutorial: both SDKs, by their public constructors and settings."""

    def __init__(self, info, *, secret_key=None, session_token=None, region=None):
        settings = volcenginesdkcore.Configuration()
        settings.ak = info.access_key
        settings.sk = secret_key or info.secret_key
        settings.session_token = session_token
        settings.region = region or info.region
        settings.host = urlsplit(info.ark_endpoint).netloc
        settings.scheme = "http"
        settings.auto_retry = False
        client = volcenginesdkcore.ApiClient(settings)
        self.ark = volcenginesdkark.ARKApi(client)
        self.universal = volcenginesdkcore.UniversalApi(client)
        endpoint = urlsplit(info.tos_endpoint)
        self.tos = tos.TosClientV2(
            info.access_key,
            secret_key or info.secret_key,
            "http://tos-cn-beijing.volces.com",
            region or info.region,
            security_token=session_token,
            proxy_host=endpoint.hostname,
            proxy_port=endpoint.port,
            max_retry_count=0,
            dns_cache_time=0,  # its thread would outlive the test
        )
        self.bucket = info.bucket

    def put_input(self, requests=REQUESTS, key="data.jsonl"):
        lines = "".join(json.dumps(request, ensure_ascii=False) + "\n" for request in requests)
        self.tos.put_object(self.bucket, key, content=lines.encode())

    def create(self, key="data.jsonl", **changes):
        fields = {
            "name": "批量推理任务",
            "description": "这是一个批量推理任务",
            "model_reference": volcenginesdkark.ModelReferenceForCreateBatchInferenceJobInput(
                foundation_model=volcenginesdkark.FoundationModelForCreateBatchInferenceJobInput(
                    name="doubao-pro-32k", model_version="240615"
                )
            ),
            "input_file_tos_location": volcenginesdkark.InputFileTosLocationForCreateBatchInferenceJobInput(
                bucket_name=self.bucket, object_key=key
            ),
            "output_dir_tos_location": volcenginesdkark.OutputDirTosLocationForCreateBatchInferenceJobInput(
                bucket_name=self.bucket, object_key="output/"
            ),
            "project_name": "default",
            "completion_window": "1d",
            "tags": [volcenginesdkark.TagForCreateBatchInferenceJobInput(key="test_key", value="test_value")],
        }
        request = volcenginesdkark.CreateBatchInferenceJobRequest(**(fields | changes))
        return self.ark.create_batch_inference_job(request).id

    def list(self, **fields):
        return self.ark.list_batch_inference_jobs(volcenginesdkark.ListBatchInferenceJobsRequest(**fields))

    def call(self, action, **fields):
        info = volcenginesdkcore.UniversalInfo(
            method="POST",
            service="ark",
            version="2024-01-01",
            action=action,
            content_type="application/json",
        )
        return self.universal.do_call(info, fields)

    def get(self, job_id):
        return self.call("GetBatchInferenceJob", Id=job_id)

    def rows(self, key):
        return [json.loads(line) for line in self.tos.get_object(self.bucket, key).read().splitlines()]


def phases(*names):
    return volcenginesdkark.FilterForListBatchInferenceJobsInput(phases=list(names))


def code_of(refused):
    return json.loads(refused.value.body)["ResponseMetadata"]["Error"]["Code"]


@pytest.fixture
def frozen(cloud_factory):
    """A cloud whose jobs move only when the test says so, at ten requests per second."""
    return cloud_factory(clock=FrozenClock(START), speed=10)


@pytest.fixture
def clients(frozen):
    """The official clients of that cloud."""
    return OfficialClients(frozen.info)


def test_the_tutorial_from_the_input_to_the_results(cloud):
    clients = OfficialClients(cloud.info)
    clients.put_input()
    job_id = clients.create()
    clients.list(filter=phases("Running"), project_name="default")
    deadline = time.monotonic() + SECONDS
    while (job := clients.get(job_id))["Status"]["Phase"] != "Completed":
        assert time.monotonic() < deadline, job
        time.sleep(0.01)
    results = clients.rows(f"output/{job_id}/output/results.jsonl")
    errors = clients.rows(job["ErrorFileTosLocation"]["ObjectKey"])
    assert sorted(row["custom_id"] for row in results) == ["request-1", "request-2"]
    assert [(row["custom_id"], row["error"]["code"]) for row in errors] == [("request-3", "InvalidParameter")]
    assert job["RequestCounts"] == {"Total": 3, "Completed": 3, "Failed": 1}


def test_a_running_job_is_found_by_its_phase(frozen, clients):
    clients.put_input()
    job_id = clients.create()
    frozen.advance(0.7)
    page = clients.list(filter=phases("Running"), project_name="default")
    (item,) = page.items
    assert (page.total_count, page.page_number, page.page_size) == (1, 1, 10)
    assert (item.id, item.status.phase, item.request_counts.total) == (job_id, "Running", 3)
    assert item.model_reference.foundation_model.model_version == "240615"
    assert (item.create_time, item.expire_time) == ("2024-11-11T11:18:20Z", "2024-11-12T11:18:20Z")


def test_every_filter_of_the_typed_client(frozen, clients):
    clients.put_input()
    job_id = clients.create()
    model = volcenginesdkark.FoundationModelForListBatchInferenceJobsInput(
        name="doubao-pro-32k", model_versions=["240615"]
    )
    everything = volcenginesdkark.FilterForListBatchInferenceJobsInput(
        ids=[job_id], name="批量", phases=["Queued"], foundation_models=[model]
    )
    tag = volcenginesdkark.TagFilterForListBatchInferenceJobsInput(key="test_key", values=["test_value"])
    page = clients.list(
        filter=everything,
        tag_filters=[tag],
        page_number=1,
        page_size=100,
        sort_by="UpdateTime",
        sort_order="Asc",
        project_name="default",
    )
    assert [item.id for item in page.items] == [job_id]


@pytest.fixture
def four(frozen, clients):
    """Four jobs that differ: one running, of a second project, of another model, of a custom model."""
    create, sdk = clients.create, volcenginesdkark
    clients.put_input(REQUESTS + [{**REQUESTS[0], "custom_id": f"more-{number}"} for number in range(100)])
    made = {"running": create()}
    frozen.advance(2)
    deepseek = sdk.FoundationModelForCreateBatchInferenceJobInput(name="deepseek-v3", model_version="250324")
    made["elsewhere"] = create(key="b", name="Nightly", project_name="评测", tags=[])
    made["deepseek"] = create(
        key="c",
        name="nightly-2",
        model_reference=sdk.ModelReferenceForCreateBatchInferenceJobInput(foundation_model=deepseek),
        tags=[sdk.TagForCreateBatchInferenceJobInput(key="test_key", value="other")],
    )
    made["custom"] = create(
        key="d",
        name="自定义",
        model_reference=sdk.ModelReferenceForCreateBatchInferenceJobInput(custom_model_id="cm-20240401114541-5gzd8"),
        tags=[sdk.TagForCreateBatchInferenceJobInput(key="team", value="搜索")],
    )
    return made


def only(**fields):
    return {"filter": volcenginesdkark.FilterForListBatchInferenceJobsInput(**fields)}


def of_model(name, *versions):
    return volcenginesdkark.FoundationModelForListBatchInferenceJobsInput(name=name, model_versions=list(versions))


def tagged(key, *values):
    return volcenginesdkark.TagFilterForListBatchInferenceJobsInput(key=key, values=list(values))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"running", "deepseek", "custom"}),
        ({"project_name": "评测"}, {"elsewhere"}),
        (only(name="nightly"), {"deepseek"}),
        (only(name="任务"), {"running"}),
        (only(phases=["Running"]), {"running"}),
        (only(phases=["Running", "Queued"]), {"running", "deepseek", "custom"}),
        (only(phases=["Completed", "Terminating", "Terminated", "Failed"]), set()),
        (only(foundation_models=[of_model("doubao-pro-32k")]), {"running"}),
        (only(foundation_models=[of_model("doubao-pro-32k", "240615", "240828")]), {"running"}),
        (only(foundation_models=[of_model("doubao-pro-32k", "240828")]), set()),
        (only(foundation_models=[of_model("doubao-pro-32k"), of_model("deepseek-v3")]), {"running", "deepseek"}),
        (only(custom_model_ids=["cm-20240401114541-5gzd8"]), {"custom"}),
        (only(custom_model_ids=["cm-20240401114541-xxxxx"]), set()),
        ({"tag_filters": [tagged("test_key")]}, {"running", "deepseek"}),
        ({"tag_filters": [tagged("test_key", "test_value", "x")]}, {"running"}),
        ({"tag_filters": [tagged("team", "搜索")]}, {"custom"}),
        ({"tag_filters": [tagged("team"), tagged("test_key")]}, set()),
        ({"tag_filters": [tagged("test_key")], **only(phases=["Queued"])}, {"deepseek"}),
    ],
)
def test_a_filter_of_the_typed_client_keeps_what_it_names(clients, four, fields, expected):
    found = clients.list(**fields)
    names = {job_id: name for name, job_id in four.items()}
    assert {names[item.id] for item in found.items or []} == expected
    assert found.total_count == len(expected)


def test_jobs_are_found_by_their_ids(clients, four):
    assert [item.id for item in clients.list(**only(ids=[four["custom"], "bi-unknown"])).items] == [four["custom"]]


@pytest.mark.parametrize("field", ["CreateTime", "UpdateTime"])
def test_jobs_are_sorted_and_paged(clients, four, field):
    def ids(**fields):
        return [item.id for item in clients.list(sort_by=field, **fields).items or []]

    ascending = ids(sort_order="Asc")
    assert set(ascending) == set(four.values()) - {four["elsewhere"]}
    assert ids(sort_order="Desc") == ascending[::-1]
    assert [ids(sort_order="Asc", page_number=page, page_size=1) for page in (1, 2, 3, 4)] == [
        *([one] for one in ascending),
        [],
    ]


def test_stop_resume_update_and_delete_by_the_universal_call(frozen, clients):
    clients.put_input()
    job_id = clients.create()
    clients.call("UpdateBatchInferenceJob", Id=job_id, Name="夜间评测", Description="改名")
    frozen.advance(0.7)
    clients.call("StopBatchInferenceJob", Id=job_id)
    frozen.advance(1)
    assert clients.get(job_id)["Status"]["Phase"] == "Terminated"
    assert clients.call("ResumeBatchInferenceJob", Id=job_id)["Id"] == job_id
    frozen.advance(10)
    job = clients.get(job_id)
    assert (job["Name"], job["Description"], job["Status"]["Phase"]) == ("夜间评测", "改名", "Completed")
    clients.call("DeleteBatchInferenceJob", Id=job_id)
    with pytest.raises(ApiException) as refused:
        clients.get(job_id)
    assert refused.value.status == 404


def test_a_bad_line_fails_the_job_with_the_tutorials_words(frozen, clients):
    clients.put_input([*REQUESTS, REQUESTS[0]])
    job_id = clients.create()
    frozen.advance(1)
    status = clients.get(job_id)["Status"]
    assert (status["Phase"], status["Message"]) == ("Failed", "批量推理任务失败,custom_id=request-1存在重复")


def test_a_second_active_job_is_refused_with_the_id_of_the_first(clients):
    job_id = clients.create()
    with pytest.raises(ApiException) as refused:
        clients.create()
    assert job_id in refused.value.body


def test_models_and_versions_by_the_universal_call(clients):
    models = clients.call("ListFoundationModels", PageSize=100)["Items"]
    versions = clients.call("ListFoundationModelVersions", FoundationModelName="doubao-pro-32k")["Items"]
    assert "doubao-pro-32k" in [model["Name"] for model in models]
    assert "240615" in [version["ModelVersion"] for version in versions]


# refusals on both protocols


def test_a_wrong_secret_is_refused_by_both(frozen):
    clients = OfficialClients(frozen.info, secret_key="not-a-secret-0123456789")
    with pytest.raises(ApiException) as ark_refused:
        clients.list()
    with pytest.raises(tos.exceptions.TosServerError) as tos_refused:
        clients.put_input()
    assert (ark_refused.value.status, code_of(ark_refused)) == (401, "SignatureDoesNotMatch")
    assert (tos_refused.value.status_code, tos_refused.value.code) == (403, "SignatureDoesNotMatch")


def test_another_region_is_refused(frozen):
    with pytest.raises(ApiException) as refused:
        OfficialClients(frozen.info, region="cn-guangzhou").list()
    assert (refused.value.status, code_of(refused)) == (400, "InvalidCredential")


def test_an_old_date_is_refused(clients, monkeypatch):
    class Yesterday(datetime):
        @classmethod
        def utcnow(cls):
            return datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)

    monkeypatch.setattr("volcenginesdkcore.signv4.datetime", SimpleNamespace(datetime=Yesterday))
    with pytest.raises(ApiException) as refused:
        clients.list()
    assert (refused.value.status, code_of(refused)) == (403, "InvalidTimestamp")


def test_temporary_keys_work_with_their_token_and_not_without(cloud_factory):
    keys = Keys("AKLTTESTONLY", "not-a-secret-0123456789", "STS-TESTONLY")
    info = cloud_factory(keys=keys, clock=FrozenClock(START)).info
    with_token = OfficialClients(info, session_token="STS-TESTONLY")
    with_token.put_input()
    assert with_token.list().total_count == 0
    without = OfficialClients(info)
    with pytest.raises(ApiException) as ark_refused:
        without.list()
    with pytest.raises(tos.exceptions.TosServerError) as tos_refused:
        without.put_input()
    assert (ark_refused.value.status, code_of(ark_refused)) == (401, "InvalidSecretToken")
    assert (tos_refused.value.status_code, tos_refused.value.code) == (403, "InvalidSecurityToken")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"completion_window": "29d"}, "InvalidParameter.CompletionWindow"),
        ({"name": "n" * 201}, "InvalidParameter.Name"),
        ({"model_reference": None}, "MissingParameter.ModelReference"),
        ({"dry_run": True}, "DryRunOperation"),
    ],
)
def test_the_typed_client_gets_the_platforms_codes(clients, changes, code):
    with pytest.raises(ApiException) as refused:
        clients.create(**changes)
    assert (refused.value.status, code_of(refused)) == (400, code)
