"""Finding jobs: filters, order and pages of ListBatchInferenceJobs."""

import itertools
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from ark_caller import ArkCaller, RefusedError
from hypothesis import given
from hypothesis import strategies as st

from tui.clock import FrozenClock
from tui.localcloud import LocalCloud
from tui.localcloud.ark_actions import BatchService
from tui.localcloud.ark_requests import ListJobs, read_fields
from tui.localcloud.engine import Engine
from tui.localcloud.jobs import Job, JobStore, Location, Model
from tui.localcloud.object_storage import ObjectStorage

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)


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
def jobs(cloud, ark):
    """Four jobs a minute apart: the first failed, the second stopped, two queued; by their names."""
    embedding = {"FoundationModel": {"Name": "doubao-embedding-large", "ModelVersion": "250515"}}
    made = {}
    made["nightly-eval"] = ark.create("1", Name="nightly-eval", Tags=[{"Key": "team", "Value": "eval"}])
    cloud.advance(60)
    made["夜间评测"] = ark.create("2", Name="夜间评测", ModelReference={"CustomModelId": "cm-1"})
    ark.call("StopBatchInferenceJob", Id=made["夜间评测"])
    cloud.advance(60)
    made["embed"] = ark.create("3", Name="embed", ModelReference=embedding)
    made["Nightly-2"] = ark.create(
        "4", Name="Nightly-2", Tags=[{"Key": "team", "Value": "data"}, {"Key": "x", "Value": "y"}]
    )
    return made


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ({}, {"nightly-eval", "夜间评测", "embed", "Nightly-2"}),
        ({"Name": "nightly"}, {"nightly-eval", "Nightly-2"}),
        ({"Name": "评测"}, {"夜间评测"}),
        ({"Phases": ["Queued"]}, {"embed", "Nightly-2"}),
        ({"Phases": ["Failed", "Terminated"]}, {"nightly-eval", "夜间评测"}),
        ({"Phases": ["Running"]}, set()),
        ({"CustomModelIds": ["cm-1", "cm-2"]}, {"夜间评测"}),
        ({"FoundationModels": [{"Name": "Doubao-embedding-large"}]}, {"embed"}),
        ({"FoundationModels": [{"Name": "doubao-pro-32k", "ModelVersions": ["240615"]}]},
         {"nightly-eval", "Nightly-2"}),
        ({"FoundationModels": [{"Name": "doubao-pro-32k", "ModelVersions": ["240828"]}]}, set()),
        ({"Name": "nightly", "Phases": ["Queued"]}, {"Nightly-2"}),
    ],
)  # fmt: skip
def test_a_filter_keeps_what_it_says(ark, jobs, wanted, names):
    assert set(ark.ids(Filter=wanted)) == {jobs[name] for name in names}


def test_jobs_are_found_by_their_ids(ark, jobs):
    wanted = [jobs["embed"], jobs["夜间评测"], "bi-20240918194641-zzzzz"]
    assert set(ark.ids(Filter={"Ids": wanted})) == set(wanted[:2])


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ([{"Key": "team"}], {"nightly-eval", "Nightly-2"}),
        ([{"Key": "team", "Values": ["eval", "ops"]}], {"nightly-eval"}),
        ([{"Key": "team", "Values": ["data"]}, {"Key": "x", "Values": ["y"]}], {"Nightly-2"}),
        ([{"Key": "team", "Values": ["eval"]}, {"Key": "x"}], set()),
        ([{"Key": "sys:ark:createdBy"}], {"nightly-eval", "夜间评测", "embed", "Nightly-2"}),
    ],
)
def test_every_tag_filter_must_hold(ark, jobs, filters, names):
    assert set(ark.ids(TagFilters=filters)) == {jobs[name] for name in names}


def test_a_list_without_a_project_is_of_the_default_one(ark, jobs):
    job_id = ark.create("unnamed.jsonl", ProjectName="default")
    assert [item["Id"] for item in ark.call("ListBatchInferenceJobs")["Items"]] == [job_id]


def test_a_list_is_of_one_project(ark, jobs):
    other = f"{ark.project}-other"
    elsewhere = ark.create(ProjectName=other)
    assert (ark.ids(ProjectName=other), elsewhere in ark.ids()) == ([elsewhere], False)


def test_the_newest_job_comes_first_unless_asked_otherwise(ark, jobs):
    oldest_first = ark.ids(SortOrder="Asc")
    assert oldest_first[:2] == [jobs["nightly-eval"], jobs["夜间评测"]]
    assert ark.ids() == oldest_first[::-1]


def test_jobs_can_be_sorted_by_their_last_change(cloud, ark, jobs):
    cloud.advance(0.1)
    ark.call("UpdateBatchInferenceJob", Id=jobs["nightly-eval"], Name="changed")
    assert ark.ids(SortBy="UpdateTime")[0] == jobs["nightly-eval"]


def test_a_row_has_no_error_file(ark, jobs):
    row = ark.list()["Items"][0]
    assert "ErrorFileTosLocation" not in row


def test_pages_hold_ten_jobs_unless_asked_otherwise(ark):
    made = [ark.create(f"{number}") for number in range(12)]
    pages = [ark.list(PageNumber=number) for number in (1, 2, 3)]
    assert [len(page["Items"]) for page in pages] == [10, 2, 0]
    assert {item["Id"] for page in pages for item in page["Items"]} == set(made)
    assert [(page["PageNumber"], page["PageSize"], page["TotalCount"]) for page in pages] == [
        (1, 10, 12),
        (2, 10, 12),
        (3, 10, 12),
    ]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("PageNumber", 0, "InvalidParameter.PageNumber"),
        ("PageNumber", "1", "InvalidParameter.PageNumber"),
        ("PageSize", 0, "InvalidParameter.PageSize"),
        ("PageSize", 101, "InvalidParameter.PageSize"),
        ("SortBy", "Name", "InvalidParameter.SortBy"),
        ("SortOrder", "desc", "InvalidParameter.SortOrder"),
        ("Filter", [], "InvalidParameter.Filter"),
        ("Filter", {"Phases": ["Initializing"]}, "InvalidParameter.Filter.Phases"),
        ("Filter", {"Ids": "bi-1"}, "InvalidParameter.Filter.Ids"),
        ("Filter", {"FoundationModels": [{"ModelVersions": []}]}, "MissingParameter.Filter.FoundationModels.Name"),
        ("TagFilters", [{"Values": ["a"]}], "MissingParameter.TagFilters.Key"),
    ],
)
def test_a_wrong_field_is_refused_by_its_name(ark, field, value, code):
    with pytest.raises(RefusedError) as caught:
        ark.call("ListBatchInferenceJobs", **{field: value})
    assert (caught.value.status, caught.value.code) == (400, code)


# any filter against a plain model of it


PHASES = ["Queued", "Running", "Completed", "Failed"]
NAMES = ["nightly", "Nightly eval", "夜间评测", ""]
TAGS = [("team", "eval"), ("team", "data"), ("x", "y")]


def job(number, name, phase, tag):
    return Job(
        id=f"bi-{number}",
        name=name,
        project="default",
        model=Model(name="doubao-pro-32k", version="240615"),
        input=Location("bucket", "in"),
        output=Location("bucket", "out/"),
        window_days=1,
        phase=phase,
        phase_time=START,
        message="",
        created=START,
        updated=START,
        expires=START,
        tags=(tag,),
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Every combination of phase, name and tag, without the network."""
    folder = tmp_path_factory.mktemp("list")
    store, storage = JobStore(folder / "ark.sqlite3"), ObjectStorage(folder / "objects")
    clock = FrozenClock(START)
    engine = Engine(store, storage, folder / "rows", clock=clock, speed=0, seed=0)
    for number, (phase, name, tag) in enumerate(itertools.product(PHASES, NAMES, TAGS)):
        store.add(job(number, name, phase, tag))
    yield BatchService(store, engine, storage, clock, changed=lambda: None), store.all()
    store.close()
    storage.close()


@given(
    phases=st.sets(st.sampled_from(PHASES)),
    name=st.sampled_from(["", "night", "eval", "评", "nothing"]),
    values=st.none() | st.sets(st.sampled_from(["eval", "data", "ops"])),
    size=st.integers(1, 100),
)
def test_the_pages_of_any_filter_hold_each_matching_job_once(service, phases, name, values, size):
    actions, jobs = service
    tag_filters = [] if values is None else [{"Key": "team", "Values": sorted(values)}]
    expected = {
        job.id
        for job in jobs
        if (not phases or job.phase in phases)
        and name in job.name.lower()
        and (values is None or any(key == "team" and (not values or value in values) for key, value in job.tags))
    }
    found = []
    for number in itertools.count(1):
        fields = {
            "Filter": {"Phases": sorted(phases), "Name": name},
            "TagFilters": tag_filters,
            "PageSize": size,
            "PageNumber": number,
        }
        page = actions.list(read_fields(fields, ListJobs))
        assert page["TotalCount"] == len(expected)
        if not page["Items"]:
            break
        found += [item["Id"] for item in page["Items"]]
    assert (len(found), set(found)) == (len(expected), expected)
