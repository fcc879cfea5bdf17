"""ListBatchInferenceJobs against a plain model of it, and while the jobs change under the reader."""

import itertools
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from ark_caller import ArkCaller
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.tools import credentials_of
from tui.ark.client import ArkClient
from tui.ark.models import JobQuery
from tui.clock import FrozenClock, SystemClock
from tui.localcloud import Assumptions, LocalCloud
from tui.localcloud.ark_actions import BatchService
from tui.localcloud.ark_requests import ListJobs, read_fields
from tui.localcloud.engine import Engine
from tui.localcloud.jobs import Job, JobStore, Location, Model
from tui.localcloud.object_storage import ObjectStorage

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
PHASES = ["Queued", "Running", "Completed", "Terminating", "Terminated", "Failed", "Initializing"]
NAMES = ["nightly-eval", "Nightly 2", "夜间评测", "x" * 200, "%_*?"]
MODELS = [Model(name="doubao-pro-32k", version="240615"), Model(name="Doubao-pro-32k", version="240828"),
          Model(name="deepseek-r1", version="250120"), Model(custom_id="cm-1"), Model(custom_id="cm-2")]  # fmt: skip
TAGS = [("team", "eval"), ("team", "data"), ("team", ""), ("Team", "eval"), ("x", "y")]
PROJECTS = ["default", "other"]
SECONDS = st.integers(0, 5).map(lambda seconds: START + timedelta(seconds=seconds))


@st.composite
def jobs(draw):
    """Some jobs, many of them equal in one respect or another."""
    made = []
    for number in range(draw(st.integers(0, 25))):
        created = draw(SECONDS)
        job = Job(
            id=f"bi-20240918194641-{number:05d}",
            name=draw(st.sampled_from(NAMES)),
            project=draw(st.sampled_from(PROJECTS)),
            model=draw(st.sampled_from(MODELS)),
            input=Location("b", f"{number}"),
            output=Location("b", "out/"),
            window_days=1,
            phase=draw(st.sampled_from(PHASES)),
            phase_time=START,
            message="",
            created=created,
            updated=draw(SECONDS),
            expires=START + timedelta(days=30),
            tags=tuple(draw(st.lists(st.sampled_from(TAGS), max_size=3, unique_by=lambda tag: tag[0]))),
        )
        made.append(job)
    return made


def some(values, most=3):
    return st.lists(st.sampled_from(values), max_size=most)


MODEL_FILTERS = st.fixed_dictionaries(
    {"Name": st.sampled_from(["doubao-pro-32k", "DeepSeek-R1", "unknown"])},
    optional={"ModelVersions": some(["240615", "240828", "250120"])},
)
TAG_FILTERS = st.fixed_dictionaries(
    {"Key": st.sampled_from(["team", "Team", "z"])}, optional={"Values": some(["eval", "data", ""])}
)
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "Ids": some([f"bi-20240918194641-{number:05d}" for number in range(0, 30, 3)], 8),
        "Name": st.sampled_from(["", "night", "NIGHT", "评", "%", "*", " 2"]),
        "Phases": some(PHASES[:-1]),
        "FoundationModels": st.lists(MODEL_FILTERS, max_size=2),
        "CustomModelIds": some(["cm-1", "cm-2", "cm-3"]),
    },
)
QUERIES = st.fixed_dictionaries(
    {"ProjectName": st.sampled_from(PROJECTS)},
    optional={
        "Filter": FILTERS,
        "TagFilters": st.lists(TAG_FILTERS, max_size=2),
        "SortBy": st.sampled_from(["CreateTime", "UpdateTime"]),
        "SortOrder": st.sampled_from(["Asc", "Desc"]),
    },
)


def expected(made, query):
    """The ids that a query means, in its order, in the plainest words."""
    wanted = query.get("Filter", {})

    def fits_model(job, model):
        versions = model.get("ModelVersions") or [job.model.version]
        return model["Name"].casefold() == job.model.name.casefold() and job.model.version in versions

    def has_tag(job, tag):
        return tag["Key"] in dict(job.tags) and dict(job.tags)[tag["Key"]] in (
            tag.get("Values") or [dict(job.tags)[tag["Key"]]]
        )

    found = [job for job in made if job.project == query["ProjectName"]]
    if wanted.get("Ids"):
        found = [job for job in found if job.id in wanted["Ids"]]
    if wanted.get("Name"):
        found = [job for job in found if wanted["Name"].casefold() in job.name.casefold()]
    if wanted.get("Phases"):
        found = [job for job in found if job.phase in wanted["Phases"]]
    if wanted.get("FoundationModels"):
        found = [job for job in found if any(fits_model(job, model) for model in wanted["FoundationModels"])]
    if wanted.get("CustomModelIds"):
        found = [job for job in found if job.model.custom_id in wanted["CustomModelIds"]]
    for tag in query.get("TagFilters", []):
        found = [job for job in found if has_tag(job, tag)]
    by_update = query.get("SortBy") == "UpdateTime"
    found.sort(key=lambda job: job.id)
    found.sort(key=lambda job: job.updated if by_update else job.created)
    return [job.id for job in (found if query.get("SortOrder") == "Asc" else reversed(found))]


@contextmanager
def service_of(folder, made):
    """The actions on a store with these jobs, without the network."""
    store, storage = JobStore(folder / "ark.sqlite3"), ObjectStorage(folder / "objects")
    clock = FrozenClock(START)
    engine = Engine(store, storage, folder / "rows", clock=clock, speed=0, seed=0)
    for job in made:
        store.add(job)
    try:
        yield BatchService(store, engine, storage, clock, changed=lambda: None)
    finally:
        engine.close()
        store.close()
        storage.close()


def ask(service, query, **paging):
    return service.list(read_fields(query | paging, ListJobs))


@settings(max_examples=60, deadline=None)
@given(made=jobs(), queries=st.lists(QUERIES, min_size=1, max_size=12), size=st.integers(1, 7))
def test_a_list_holds_what_the_query_means_page_by_page(tmp_path_factory, made, queries, size):
    with service_of(tmp_path_factory.mktemp("list"), made) as service:
        for query in queries:
            ids = expected(made, query)
            listed = []
            for number in itertools.count(1):
                page = ask(service, query, PageNumber=number, PageSize=size)
                assert (page["TotalCount"], page["PageNumber"], page["PageSize"]) == (len(ids), number, size)
                listed += [item["Id"] for item in page["Items"]]
                if number * size >= page["TotalCount"]:
                    break
            assert listed == ids


# ten thousand jobs

OPENED = START + timedelta(hours=3)
MANY = Assumptions(weekly_jobs=1_000_000)


def job_of(number, created, phase="Completed"):
    return Job(
        id=f"bi-20240918194641-{number:05d}",
        name=f"job {number}",
        project="default",
        model=MODELS[0],
        input=Location("arkdeck-local", f"{number}"),
        output=Location("arkdeck-local", "out/"),
        window_days=1,
        phase=phase,
        phase_time=OPENED + timedelta(seconds=number // 500),
        message="",
        created=created,
        updated=created,
        expires=created + timedelta(days=1),
    )


@pytest.fixture
def full(tmp_path):
    """A cloud with ten thousand jobs, two of three finished, the others about to."""
    store = JobStore(tmp_path / "ark.sqlite3")
    store._database.execute("PRAGMA synchronous = OFF")
    for number in range(10_000):
        store.add(job_of(number, START + timedelta(seconds=number // 4), "Terminating" if number % 3 else "Completed"))
    store.close()
    with LocalCloud(tmp_path, clock=FrozenClock(OPENED), assume=MANY) as cloud:
        yield cloud


def pages(ark, **fields):
    for number in itertools.count(1):
        page = ark.list(PageNumber=number, PageSize=100, **fields)
        yield [item["Id"] for item in page["Items"]]
        if number * 100 >= page["TotalCount"]:
            return


@contextmanager
def disturbed(cloud):
    """Create jobs, and let others finish, all the while; yields the ids of the new ones, in order."""
    stop = threading.Event()
    made = []

    def disturb():
        with ArkCaller(cloud.info) as ark:
            while not stop.is_set():
                made.append(ark.create(f"new-{len(made)}.jsonl"))
                cloud.advance(1)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        yield made
    finally:
        stop.set()
        disturber.join()


BEFORE = [f"bi-20240918194641-{number:05d}" for number in range(10_000)]


def test_ten_thousand_jobs_are_listed_once_each_while_others_are_created_and_finish(full):
    with ArkCaller(full.info) as ark:
        with disturbed(full) as made:
            listed = list(itertools.chain.from_iterable(pages(ark, SortOrder="Asc")))
        assert listed[:10_000] == BEFORE
        assert listed[10_000:] == made[: len(listed) - 10_000]
        assert made
        assert list(itertools.chain.from_iterable(pages(ark))) == [*reversed(made), *reversed(BEFORE)]
        assert ark.list(Filter={"Phases": ["Terminated"]})["TotalCount"] > 0


async def test_the_projects_client_loses_and_repeats_none_of_them_newest_first(full):
    info = full.info
    async with ArkClient(info.ark_endpoint, info.region, credentials_of(info), clock=SystemClock()) as client:
        with disturbed(full) as made:
            listed = [job.id async for job in client.all_jobs(JobQuery(project="default"))]
    assert len(listed) == len(set(listed))
    assert set(BEFORE) <= set(listed) <= {*BEFORE, *made}
