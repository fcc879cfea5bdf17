"""The Ark OpenAPI over real sockets: the gateway, the seven batch actions and the catalogue."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from ark_caller import ArkCaller, RefusedError

from tui.clock import FrozenClock
from tui.localcloud import LocalCloud
from tui.localcloud.assumptions import Assumptions
from tui.localcloud.keys import Keys

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
LIST = "Action=ListBatchInferenceJobs&Version=2024-01-01"


@pytest.fixture(scope="module")
def cloud():
    """A cloud whose jobs stay where they are until a test moves the clock."""
    with LocalCloud(clock=FrozenClock(START)) as cloud:
        yield cloud


@pytest.fixture
def ark(cloud):
    """A client of that cloud, in a project of its own."""
    with ArkCaller(cloud.info, project=f"project-{uuid4().hex}") as caller:
        yield caller


@pytest.fixture
def fresh(cloud_factory):
    """A client of a cloud where nothing has happened yet."""
    with ArkCaller(cloud_factory(clock=FrozenClock(START)).info) as caller:
        yield caller


def refusal(call, *args, **fields):
    with pytest.raises(RefusedError) as caught:
        call(*args, **fields)
    return caught.value


def ended(cloud, ark, *args, **fields):
    """Create a job on an input that is missing and let it fail."""
    job_id = ark.create(*args, **fields)
    cloud.advance(1)
    return job_id


# the gateway


def test_a_reply_names_the_request(ark):
    response = ark.http.post(f"/?{LIST}", content=b"{}", headers=ark.sign(LIST, b"{}"))
    metadata = response.json()["ResponseMetadata"]
    assert re.fullmatch(r"20\d{12}[0-9A-F]{18,20}", metadata.pop("RequestId"))
    assert metadata == {
        "Action": "ListBatchInferenceJobs",
        "Version": "2024-01-01",
        "Service": "ark",
        "Region": "cn-beijing",
    }


@pytest.mark.parametrize("query", ["", "Version=2024-01-01", "Action=ListBatchInferenceJobs"])
def test_action_and_version_must_stand_in_the_query(ark, query):
    fault = refusal(ark.send, query, b'{"Action": "ListBatchInferenceJobs", "Version": "2024-01-01"}')
    assert (fault.status, fault.code, fault.number) == (400, "MissingParameter", 100002)


@pytest.mark.parametrize(
    "query", ["Action=FlyToTheMoon&Version=2024-01-01", "Action=ListBatchInferenceJobs&Version=2020-01-01"]
)
def test_an_unknown_action_or_version_is_refused(ark, query):
    fault = refusal(ark.send, query)
    assert (fault.status, fault.code, fault.number) == (404, "InvalidActionOrVersion", 100008)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_allowed(ark, method):
    error = ark.http.request(method, f"/?{LIST}").json()["ResponseMetadata"]["Error"]
    assert (error["Code"], error["CodeN"]) == ("MethodNotAllowed", 100020)


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"secret_key": "not-a-secret-0123456789"}, 401, "SignatureDoesNotMatch"),
        ({"late": timedelta(minutes=16)}, 403, "InvalidTimestamp"),
        ({"late": timedelta(minutes=-16)}, 403, "InvalidTimestamp"),
    ],
)
def test_a_request_that_is_not_signed_properly_is_refused(ark, how, status, code):
    signing = {name: value for name, value in how.items() if name != "late"}
    headers = ark.sign(LIST, b"{}", at=datetime.now(UTC) - how.get("late", timedelta()), **signing)
    response = ark.http.post(f"/?{LIST}", content=b"{}", headers=headers)
    assert (response.status_code, response.json()["ResponseMetadata"]["Error"]["Code"]) == (status, code)


def test_a_changed_body_is_refused(ark):
    response = ark.http.post(f"/?{LIST}", content=b"{ }", headers=ark.sign(LIST, b"{}"))
    assert response.json()["ResponseMetadata"]["Error"]["Code"] == "SignatureDoesNotMatch"


def test_an_unsigned_request_is_refused(ark):
    response = ark.http.post(f"/?{LIST}", content=b"{}")
    assert response.status_code == 401
    assert response.json()["ResponseMetadata"]["Error"]["Code"] == "MissingAuthenticationToken"


def test_temporary_keys_are_refused_without_their_token(cloud_factory):
    cloud = cloud_factory(keys=Keys("AKLTTESTONLY", "not-a-secret-0123456789", "STS-TESTONLY"))
    with ArkCaller(cloud.info) as caller:
        fault = refusal(caller.ids)
        caller.http.headers["X-Security-Token"] = "STS-TESTONLY"
        assert (fault.status, fault.code, fault.number, caller.ids()) == (401, "InvalidSecretToken", 100026, [])


def test_the_signature_is_judged_before_the_fields(ark):
    query = "Action=CreateBatchInferenceJob&Version=2024-01-01"
    headers = ark.sign(query, b"{}", secret_key="not-a-secret-0123456789")
    response = ark.http.post(f"/?{query}", content=b"{}", headers=headers)
    assert response.json()["ResponseMetadata"]["Error"]["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize("body", [b"hello", b"[1]", b"[" * 60_000, b'{"Name": "\xff"}', b'{"Name": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(ark, body):
    fault = refusal(ark.send, LIST, body)
    assert (fault.status, fault.code) == (400, "InvalidParameter")


def test_a_body_that_is_nested_deeply_is_refused_without_a_trace(ark, caplog):
    fault = refusal(ark.send, LIST, b'{"Filter": ' + b"[" * 600 + b"]" * 600 + b"}")
    assert (fault.status, fault.code.partition(".")[0], caplog.text) == (400, "InvalidParameter", "")


def test_a_body_that_is_too_large_is_refused_in_arks_words(ark):
    fault = refusal(ark.send, LIST, b" " * (4 * 1024 * 1024 + 1))
    assert (fault.status, fault.code) == (400, "InvalidParameter")
    assert fault.message == "The request body is larger than 4194304 bytes."


# Create


def test_a_new_job_is_queued_under_an_id_like_the_platforms(fresh):
    job_id = fresh.create()
    assert re.fullmatch(r"bi-20240918194641-[a-z0-9]{5}", job_id)
    assert fresh.phase(job_id) == "Queued"


def test_a_job_is_shown_as_it_was_asked_for(fresh):
    job = fresh.get(
        fresh.create(
            Name="批量推理任务",
            Description="这是一个批量推理任务",
            CompletionWindow="1d",
            Tags=[{"Key": "test_key", "Value": "test_value"}],
        )
    )
    job.pop("Id")
    assert job == {
        "Name": "批量推理任务",
        "Description": "这是一个批量推理任务",
        "ProjectName": "default",
        "ModelReference": {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240615"}},
        "InputFileTosLocation": {"BucketName": "arkdeck-local", "ObjectKey": "data.jsonl"},
        "OutputDirTosLocation": {"BucketName": "arkdeck-local", "ObjectKey": "output/"},
        "CompletionWindow": "1d",
        "Status": {"Phase": "Queued", "PhaseTime": "2024-09-18T11:46:41Z", "Message": "批量推理任务排队中"},
        "RequestCounts": {"Total": 0, "Completed": 0, "Failed": 0},
        "Tags": [
            {"Key": "test_key", "Value": "test_value"},
            {"Key": "sys:ark:createdBy", "Value": "IAMUser/0/arkdeck-local"},
        ],
        "CreateTime": "2024-09-18T11:46:41Z",
        "UpdateTime": "2024-09-18T11:46:41Z",
        "ExpireTime": "2024-09-19T11:46:41Z",
    }


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("Name", None, "MissingParameter.Name"),
        ("Name", "", "InvalidParameter.Name"),
        ("Name", "n" * 201, "InvalidParameter.Name"),
        ("Name", 7, "InvalidParameter.Name"),
        ("Description", "d" * 301, "InvalidParameter.Description"),
        ("ProjectName", "", "InvalidParameter.ProjectName"),
        ("ModelReference", None, "MissingParameter.ModelReference"),
        ("ModelReference", {}, "MissingParameter.ModelReference"),
        ("ModelReference", {"FoundationModel": {"Name": "doubao-pro-32k"}},
         "MissingParameter.ModelReference.FoundationModel.ModelVersion"),
        ("ModelReference", {"FoundationModel": {"Name": "no-such-model", "ModelVersion": "240615"}},
         "InvalidEndpointOrModel.NotFound"),
        ("ModelReference", {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240616"}},
         "InvalidEndpointOrModel.NotFound"),
        ("ModelReference", {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240615"},
                            "CustomModelId": "cm-20240401114541-5gzd8"}, "InvalidParameter.ModelReference"),
        ("InputFileTosLocation", None, "MissingParameter.InputFileTosLocation"),
        ("InputFileTosLocation", "tos://bucket/key", "InvalidParameter.InputFileTosLocation"),
        ("InputFileTosLocation", {"BucketName": "arkdeck-local"}, "InvalidParameter.TosURLInvalid"),
        ("InputFileTosLocation", {"BucketName": "No_Bucket", "ObjectKey": "k"}, "InvalidParameter.TosURLInvalid"),
        ("OutputDirTosLocation", None, "MissingParameter.OutputDirTosLocation"),
        ("OutputDirTosLocation", {"ObjectKey": "output/"}, "InvalidParameter.TosURLInvalid"),
        ("CompletionWindow", "0d", "InvalidParameter.CompletionWindow"),
        ("CompletionWindow", "29d", "InvalidParameter.CompletionWindow"),
        ("CompletionWindow", "1h", "InvalidParameter.CompletionWindow"),
        ("CompletionWindow", 1, "InvalidParameter.CompletionWindow"),
        ("Tags", [{"Key": "a"}, {"Key": "a"}], "Duplicate.Tags.Key"),
        ("Tags", [{"Value": "a"}], "MissingParameter.Tags.Key"),
        ("Tags", {"a": "b"}, "InvalidParameter.Tags"),
        ("DryRun", "yes", "InvalidParameter.DryRun"),
        ("Name", " \u3000 ", "InvalidParameter.Name"),
        ("Name", "night\x1b[31mly", "InvalidParameter.Name"),
        ("Tags", [{"Key": "sys:ark:createdBy", "Value": "somebody"}], "InvalidParameter.Tags.Key"),
        ("InputFileTosLocation", {"BucketName": "arkdeck-local", "ObjectKey": "键" * 342},
         "InvalidParameter.TosURLInvalid"),
        ("OutputDirTosLocation", {"BucketName": "arkdeck-local", "ObjectKey": "k" * 980 + "/"},
         "InvalidParameter.TosURLInvalid"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_refused_by_its_name(ark, field, value, code):
    fault = refusal(ark.create, **{field: value})
    assert (fault.code, fault.number) == (code, None)
    assert fault.status == (404 if code.endswith("NotFound") else 400)
    assert ark.ids() == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("CompletionWindow", "29d", "it must be from 1d to 28d."),
        ("CompletionWindow", 1, "it must be a string."),
        ("Name", "n" * 201, "its length must be at most 200."),
        ("DryRun", "yes", "it must be true or false."),
    ],
)
def test_a_refusal_says_what_a_field_must_be(ark, field, value, told):
    assert refusal(ark.create, **{field: value}).message == f"The parameter {field} is not valid: {told}"


def test_the_longest_output_folder_still_gets_its_results(cloud, ark):
    folder = "k" * (1024 - len("bi-20240918194641-abcde/output/results.jsonl") - 1)
    assert ark.create(OutputDirTosLocation={"BucketName": "arkdeck-local", "ObjectKey": folder})
    too_long = {"BucketName": "arkdeck-local", "ObjectKey": f"{folder}k"}
    assert refusal(ark.create, OutputDirTosLocation=too_long).code == "InvalidParameter.TosURLInvalid"


@pytest.mark.parametrize("name", [" ", "a\nb"])
def test_a_job_is_not_renamed_to_what_it_could_not_be_called(ark, name):
    job_id = ark.create()
    assert refusal(ark.call, "UpdateBatchInferenceJob", Id=job_id, Name=name).code == "InvalidParameter.Name"


@pytest.mark.parametrize("window", ["1d", "28d"])
def test_the_window_is_one_to_twenty_eight_days(ark, window):
    assert ark.get(ark.create(CompletionWindow=window))["CompletionWindow"] == window


@pytest.mark.parametrize(
    "model",
    [
        {"FoundationModel": {"Name": "Doubao-pro-32k", "ModelVersion": "240615"}},
        {"CustomModelId": "cm-20240401114541-5gzd8"},
    ],
)
def test_a_model_is_taken_as_it_was_written(ark, model):
    assert ark.get(ark.create(ModelReference=model))["ModelReference"] == model


def test_fields_that_the_platform_does_not_know_are_left_alone(ark):
    assert ark.create(Action="CreateBatchInferenceJob", Version="2024-01-01")


def test_a_second_active_job_on_one_input_is_refused_with_the_id_of_the_first(ark):
    first = ark.create()
    fault = refusal(ark.create, Name="another")
    assert (fault.status, fault.code) == (403, "OperationDenied.InvalidState")
    assert first in fault.message


def test_another_project_or_key_is_outside_the_guard(ark):
    ark.create()
    assert ark.create(ProjectName=f"{ark.project}-other")
    assert ark.create("other.jsonl")


def test_a_finished_job_frees_its_input(cloud, ark):
    ended(cloud, ark)
    assert ark.create()


def test_a_dry_run_that_passes_is_told_as_an_error_and_makes_no_job(ark):
    fault = refusal(ark.create, DryRun=True)
    assert (fault.status, fault.code) == (400, "DryRunOperation")
    assert fault.message == "The request is validated by a dryrun operation."
    assert ark.ids() == []


def test_a_dry_run_that_does_not_pass_is_told_why(ark):
    ark.create()
    assert refusal(ark.create, DryRun=True).code == "OperationDenied.InvalidState"


def test_a_project_submits_only_so_many_jobs_in_seven_days(cloud_factory):
    cloud = cloud_factory(clock=FrozenClock(START), assume=Assumptions(weekly_jobs=2))
    with ArkCaller(cloud.info) as ark:
        for key in ("one.jsonl", "two.jsonl"):
            job_id = ended(cloud, ark, key)
            ark.call("DeleteBatchInferenceJob", Id=job_id)
        fault = refusal(ark.create)
        assert (fault.status, fault.code) == (429, "QuotaExceeded")
        assert ark.create(ProjectName=f"{ark.project}-other")
        cloud.advance(timedelta(days=7).total_seconds())
        assert ark.create()


# Get, Update, Stop, Resume, Delete


@pytest.mark.parametrize("verb", ["Get", "Update", "Stop", "Resume", "Delete"])
def test_an_unknown_job_is_not_found(ark, verb):
    fault = refusal(ark.call, f"{verb}BatchInferenceJob", Id="bi-20240918194641-zzzzz")
    assert (fault.status, fault.code) == (404, "NotFound.BatchInferenceJob")


@pytest.mark.parametrize("verb", ["Get", "Update", "Stop", "Resume", "Delete"])
def test_a_job_must_be_named(ark, verb):
    assert refusal(ark.call, f"{verb}BatchInferenceJob").code == "MissingParameter.Id"


def test_name_and_description_can_be_changed_each_by_itself(ark):
    job_id = ark.create(Description="before")
    ark.call("UpdateBatchInferenceJob", Id=job_id, Name="评测-02")
    job = ark.get(job_id)
    assert (job["Name"], job["Description"]) == ("评测-02", "before")
    ark.call("UpdateBatchInferenceJob", Id=job_id, Description="")
    job = ark.get(job_id)
    assert (job["Name"], job["Description"]) == ("评测-02", "")


def test_the_window_cannot_be_changed(ark):
    job_id = ark.create(CompletionWindow="1d")
    ark.call("UpdateBatchInferenceJob", Id=job_id, CompletionWindow="2d")
    assert ark.get(job_id)["CompletionWindow"] == "1d"


def test_stop_goes_by_terminating_to_terminated(cloud, ark):
    job_id = ark.create()
    assert ark.call("StopBatchInferenceJob", Id=job_id) == {}
    assert ark.phase(job_id) == "Terminating"
    cloud.advance(1)
    assert ark.phase(job_id) == "Terminated"


@pytest.mark.parametrize("where", ["body", "query"])
def test_resume_takes_the_id_in_body_or_query(cloud, ark, where):
    job_id = ended(cloud, ark)
    if where == "query":
        result = ark.send(f"Action=ResumeBatchInferenceJob&Id={job_id}&Version=2024-01-01", b"{}")
    else:
        result = ark.call("ResumeBatchInferenceJob", Id=job_id)
    assert (result, ark.phase(job_id)) == ({"Id": job_id}, "Queued")


def test_a_dry_run_of_resume_resumes_nothing(cloud, ark):
    job_id = ended(cloud, ark)
    assert refusal(ark.call, "ResumeBatchInferenceJob", Id=job_id, DryRun=True).code == "DryRunOperation"
    assert ark.phase(job_id) == "Failed"


def test_a_resumed_job_has_its_whole_window_again(cloud, ark):
    job_id = ended(cloud, ark, CompletionWindow="1d")
    cloud.advance(timedelta(days=30).total_seconds())
    ark.call("ResumeBatchInferenceJob", Id=job_id)
    cloud.advance(0.1)
    assert ark.phase(job_id) == "Queued"


def test_a_job_cannot_be_resumed_while_another_holds_its_input(cloud, ark):
    job_id = ended(cloud, ark)
    other = ark.create()
    assert other in refusal(ark.call, "ResumeBatchInferenceJob", Id=job_id).message


def test_delete_forgets_a_finished_job(cloud, ark):
    job_id = ended(cloud, ark)
    assert ark.call("DeleteBatchInferenceJob", Id=job_id) == {}
    assert refusal(ark.get, job_id).status == 404


@pytest.mark.parametrize(
    ("verb", "phase"),
    [("Resume", "Queued"), ("Delete", "Queued"), ("Stop", "Terminating"), ("Resume", "Terminating"),
     ("Delete", "Terminating"), ("Stop", "Failed"), ("Stop", "Terminated")],
)  # fmt: skip
def test_a_verb_in_the_wrong_phase_is_refused(cloud, ark, verb, phase):
    job_id = ark.create()
    if phase.startswith("Terminat"):
        ark.call("StopBatchInferenceJob", Id=job_id)
    if phase in ("Failed", "Terminated"):
        cloud.advance(1)
    assert ark.phase(job_id) == phase
    fault = refusal(ark.call, f"{verb}BatchInferenceJob", Id=job_id)
    assert (fault.status, fault.code) == (403, "OperationDenied.UnsupportedPhase")
    assert phase in fault.message


@pytest.mark.parametrize("verb", ["Update", "Stop", "Delete"])
def test_a_dry_run_changes_nothing(cloud, ark, verb):
    job_id = ended(cloud, ark) if verb == "Delete" else ark.create()
    before = ark.get(job_id)
    assert refusal(ark.call, f"{verb}BatchInferenceJob", Id=job_id, DryRun=True).code == "DryRunOperation"
    assert ark.get(job_id) == before


# the catalogue


def test_the_tutorials_model_is_in_the_catalogue_with_its_version(ark):
    models = ark.call("ListFoundationModels", PageSize=100)["Items"]
    (model,) = [model for model in models if model["Name"] == "doubao-pro-32k"]
    assert model["PrimaryVersion"] == "240615"
    versions = ark.call("ListFoundationModelVersions", FoundationModelName="Doubao-pro-32k")["Items"]
    assert "240615" in [version["ModelVersion"] for version in versions]


def test_models_are_filtered_by_name_and_paged(ark):
    page = ark.call("ListFoundationModels", Filter={"Name": "DeepSeek"}, PageSize=1, PageNumber=2)
    assert (len(page["Items"]), page["TotalCount"], page["PageNumber"]) == (1, 2, 2)
    assert ark.call("ListFoundationModels", Filter={"Names": ["deepseek-v3"]})["TotalCount"] == 1


def test_versions_are_filtered_by_status(ark):
    versions = ark.call(
        "ListFoundationModelVersions", FoundationModelName="doubao-lite-32k", Filter={"Statuses": ["Retiring"]}
    )
    assert [version["ModelVersion"] for version in versions["Items"]] == ["240428"]


def test_an_unknown_model_has_no_versions(ark):
    fault = refusal(ark.call, "ListFoundationModelVersions", FoundationModelName="no-such-model")
    assert (fault.status, fault.code) == (404, "InvalidEndpointOrModel.NotFound")


def test_every_model_of_the_catalogue_can_be_used_in_its_primary_version(ark):
    for model in ark.call("ListFoundationModels", PageSize=100)["Items"]:
        reference = {"FoundationModel": {"Name": model["Name"], "ModelVersion": model["PrimaryVersion"]}}
        assert ark.create(f"{model['Name']}.jsonl", ModelReference=reference)


def test_a_reply_is_json_in_utf8(fresh):
    fresh.create(Name="批量推理任务")
    response = fresh.http.post(f"/?{LIST}", content=b"{}", headers=fresh.sign(LIST, b"{}"))
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert json.loads(response.content)["Result"]["Items"][0]["Name"] == "批量推理任务"
