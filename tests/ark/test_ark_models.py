"""Whatever the service says of a job can be shown, and what we ask of it is what the documents say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ark.models import (
    Counts,
    CustomModelRef,
    FoundationModelRef,
    Job,
    JobQuery,
    Location,
    NewJob,
    Phase,
    Sort,
    parse_model,
    parse_time,
    parse_window,
    read_foundation_model,
    read_job,
    read_model_version,
)
from tui.errors import UsageError

DOCUMENTED = {
    "Id": "bi-20240918194641-r2nwq",
    "Name": "批量推理任务",
    "Description": "这是一个批量推理任务",
    "ProjectName": "default",
    "InputFileTosLocation": {"BucketName": "demo-bucket-test", "ObjectKey": "data.jsonl"},
    "OutputDirTosLocation": {"BucketName": "demo-bucket-test", "ObjectKey": "output/"},
    "ErrorFileTosLocation": {"BucketName": "demo-bucket-test", "ObjectKey": "output/bi/error/errors.jsonl"},
    "CompletionWindow": "1d",
    "Status": {"Phase": "Completed", "PhaseTime": "2024-09-18T12:00:00Z", "Message": "批量推理任务已完成"},
    "ModelReference": {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240615"}},
    "RequestCounts": {"Total": 10, "Completed": 9, "Failed": 1},
    "TokenUsage": {"Whatever": [1, 2]},
    "Tags": [{"Key": "sys:ark:createdBy", "Value": "IAMUser/1/name"}, {"Key": "部门", "Value": "评测"}],
    "CreateTime": "2024-09-18T11:46:41Z",
    "UpdateTime": "2024-09-18T12:00:00.5Z",
    "ExpireTime": "2024-09-19T11:46:41Z",
}


def test_a_documented_job_is_read_whole():
    assert read_job(DOCUMENTED) == Job(
        id="bi-20240918194641-r2nwq",
        name="批量推理任务",
        description="这是一个批量推理任务",
        project="default",
        phase=Phase.COMPLETED,
        phase_time=datetime(2024, 9, 18, 12, tzinfo=UTC),
        message="批量推理任务已完成",
        input=Location("demo-bucket-test", "data.jsonl"),
        output=Location("demo-bucket-test", "output/"),
        error_file=Location("demo-bucket-test", "output/bi/error/errors.jsonl"),
        window_days=1,
        model=FoundationModelRef("doubao-pro-32k", "240615"),
        counts=Counts(10, 9, 1),
        tags={"sys:ark:createdBy": "IAMUser/1/name", "部门": "评测"},
        created=datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC),
        updated=datetime(2024, 9, 18, 12, 0, 0, 500_000, tzinfo=UTC),
        expires=datetime(2024, 9, 19, 11, 46, 41, tzinfo=UTC),
    )


def test_what_the_model_does_not_know_stays_in_the_raw_object():
    assert msgspec.json.decode(read_job(DOCUMENTED).raw) == DOCUMENTED


def test_a_job_of_which_nothing_is_told_has_defaults():
    assert read_job({}) == Job(id="")


def test_null_is_as_good_as_absent():
    assert read_job(dict.fromkeys(DOCUMENTED)) == Job(id="")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Status", {"Phase": None, "PhaseTime": None, "Message": None}),
        ("ModelReference", {"FoundationModel": None, "CustomModelId": None}),
        ("RequestCounts", {"Total": None}),
        ("Tags", [None]),
        ("ErrorFileTosLocation", {"BucketName": "", "ObjectKey": ""}),
        ("CreateTime", ""),
        ("CreateTime", "soon"),
        ("CompletionWindow", "for ever"),
    ],
)
def test_an_empty_or_unreadable_part_is_as_good_as_absent(field, value):
    assert read_job({field: value}) == Job(id="")


def test_a_value_of_a_wrong_type_is_named():
    with pytest.raises(msgspec.ValidationError, match=r"\$\.Name"):
        read_job({"Name": ["a", "list"]})


def test_a_custom_model_is_told_apart():
    assert read_job({"ModelReference": {"CustomModelId": "cm-1"}}).model == CustomModelRef("cm-1")


def test_the_raw_object_does_not_clutter_the_representation():
    assert "TokenUsage" not in repr(read_job(DOCUMENTED))


@pytest.mark.parametrize("word", ["Queued", "Initializing", "Running", "Terminating", "Paused?", "completed", ""])
def test_a_phase_that_is_not_an_end_is_not_finished(word):
    assert not read_job({"Status": {"Phase": word}}).phase.finished


@pytest.mark.parametrize("word", ["Completed", "Terminated", "Failed"])
def test_the_three_ends_are_finished(word):
    assert read_job({"Status": {"Phase": word}}).phase.finished


def test_an_unknown_phase_is_kept_as_it_is():
    assert read_job({"Status": {"Phase": "Paused?"}}).phase == "Paused?"


@pytest.mark.parametrize(
    ("phase", "group"),
    [
        (Phase.QUEUED, Phase.QUEUED),
        (Phase.INITIALIZING, Phase.QUEUED),
        (Phase.RUNNING, Phase.RUNNING),
        (Phase.COMPLETED, Phase.COMPLETED),
        (Phase.TERMINATING, Phase.TERMINATED),
        (Phase.TERMINATED, Phase.TERMINATED),
        (Phase.FAILED, Phase.FAILED),
        (Phase("Paused?"), None),
    ],
)
def test_every_phase_is_counted_under_its_group(phase, group):
    assert phase.group == group


def test_only_waiting_and_working_jobs_are_active():
    active = [phase for phase in ("Queued", "Initializing", "Running", "Terminating", "Paused?") if Phase(phase).active]
    assert active == ["Queued", "Initializing", "Running"]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-09-18T11:46:41Z", datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)),
        ("2024-09-18T11:46:41.123456789Z", datetime(2024, 9, 18, 11, 46, 41, 123456, tzinfo=UTC)),
        ("2024-09-18T19:46:41+08:00", datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)),
        ("2024-09-18 11:46:41", datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+08:00", None),
        ("2024-13-45T11:46:41Z", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_times_are_utc_or_none(text, time):
    assert parse_time(text) == time


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=8)))).filter(lambda time: time.year > 1))
def test_a_time_survives_being_written_and_read(time):
    assert parse_time(time.isoformat()) == time


@pytest.mark.parametrize(
    ("text", "days"),
    [("1d", 1), ("28d", 28), ("28 days", 28), (" 1 day ", 1), ("", None), ("d", None), ("1h", None), ("-1d", None)],
)
def test_a_window_is_read_in_both_spellings(text, days):
    assert parse_window(text) == days


@pytest.mark.parametrize(
    ("text", "model"),
    [
        ("doubao-pro-32k", FoundationModelRef("doubao-pro-32k")),
        ("doubao-pro-32k@240615", FoundationModelRef("doubao-pro-32k", "240615")),
    ],
)
def test_a_model_is_read_as_operators_write_it(text, model):
    assert parse_model(text) == model
    assert str(model) == text


@pytest.mark.parametrize("text", ["", "@240615", "doubao@", "a@b@c", "a b", "a@b c"])
def test_what_is_not_a_model_is_refused(text):
    with pytest.raises(UsageError, match="not a model"):
        parse_model(text)


def new_job(**fields) -> NewJob:
    basics = {
        "name": "批量推理任务",
        "model": FoundationModelRef("doubao-pro-32k", "240615"),
        "input": Location("bucket", "data.jsonl"),
        "output": Location("bucket", "output/"),
    }
    return NewJob(**{**basics, **fields})


def test_a_new_job_sends_the_documented_fields():
    job = new_job(description="d", project="p", window_days=1, tags={"k": "v", "empty": ""})
    assert job.body() == {
        "Name": "批量推理任务",
        "Description": "d",
        "ProjectName": "p",
        "ModelReference": {"FoundationModel": {"Name": "doubao-pro-32k", "ModelVersion": "240615"}},
        "InputFileTosLocation": {"BucketName": "bucket", "ObjectKey": "data.jsonl"},
        "OutputDirTosLocation": {"BucketName": "bucket", "ObjectKey": "output/"},
        "CompletionWindow": "1d",
        "Tags": [{"Key": "k", "Value": "v"}, {"Key": "empty", "Value": ""}],
    }


def test_a_new_job_leaves_out_what_was_not_chosen():
    assert sorted(new_job().body()) == ["InputFileTosLocation", "ModelReference", "Name", "OutputDirTosLocation"]


def test_a_custom_model_is_sent_by_its_id():
    assert new_job(model=CustomModelRef("cm-1")).body()["ModelReference"] == {"CustomModelId": "cm-1"}


def test_a_query_for_everything_asks_for_the_order_alone():
    assert JobQuery().body() == {"SortBy": "CreateTime", "SortOrder": "Desc"}


def test_a_query_sends_the_documented_filters():
    query = JobQuery(
        ids=["bi-1"],
        name="夜",
        phases=[Phase.RUNNING],
        models=[FoundationModelRef("a", "1"), FoundationModelRef("a", "2"), FoundationModelRef("b")],
        custom_models=["cm-1"],
        tags={"k": ["v", "w"]},
        project="p",
        sort=Sort.OLDEST,
    )
    assert query.body() == {
        "Filter": {
            "Ids": ["bi-1"],
            "Name": "夜",
            "Phases": ["Running"],
            "FoundationModels": [{"Name": "a", "ModelVersions": ["1", "2"]}, {"Name": "b"}],
            "CustomModelIds": ["cm-1"],
        },
        "TagFilters": [{"Key": "k", "Values": ["v", "w"]}],
        "ProjectName": "p",
        "SortBy": "CreateTime",
        "SortOrder": "Asc",
    }


def test_a_model_of_the_catalogue_is_read():
    model = read_foundation_model({"Name": "doubao-pro-32k", "PrimaryVersion": "240615", "VendorName": None, "New": {}})
    assert (model.name, model.primary_version, model.vendor_name) == ("doubao-pro-32k", "240615", "")


def test_a_models_version_is_read():
    version = read_model_version(
        {"ModelVersion": "240615", "Status": "Retiring", "PublishTime": "2024-06-15T00:00:00Z"}
    )
    assert (version.version, version.status, version.published) == (
        "240615",
        "Retiring",
        datetime(2024, 6, 15, tzinfo=UTC),
    )
