"""Scenes: a cloud with a past, whose jobs, times, counts and files agree, and which goes on."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from ark_caller import ArkCaller
from tos_client import read, tos_client

from tui.clock import FrozenClock
from tui.embedded import embedded_cloud
from tui.localcloud import LocalCloud
from tui.localcloud.assumptions import DEFAULTS
from tui.localcloud.child import LocalCloudDiedError, LocalCloudProcess
from tui.localcloud.scene_texts import HOSTILE, PROJECTS
from tui.localcloud.scenes import HUGE_JOBS, SceneError

NOW = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)


class Scene:
    """A running scene, with all its jobs as they were when it began."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.info = cloud.info
        self.jobs = everything(cloud)

    def of(self, *phases, project=None):
        return [job for job in self.jobs if job["Status"]["Phase"] in phases and project in (None, job["ProjectName"])]


def everything(cloud):
    """List the jobs of every project, page by page."""
    found = []
    for project in PROJECTS:
        with ArkCaller(cloud.info, project) as ark:
            total = ark.list(PageSize=1)["TotalCount"]
            pages = range(1, total // 100 + 2)
            found += [item for page in pages for item in ark.list(PageSize=100, PageNumber=page)["Items"]]
    return found


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """The busy scene, frozen."""
    with LocalCloud(tmp_path_factory.mktemp("busy"), clock=FrozenClock(NOW), scene="busy") as cloud:
        yield Scene(cloud)


def moment(text):
    return datetime.fromisoformat(text)


def rows(info, job, name):
    """Return the custom_ids in one of a job's files; none when there is no such file."""
    client = tos_client(info)
    key = f"{job['OutputDirTosLocation']['ObjectKey']}{job['Id']}/{name}"
    if not client.does_object_exist(info.bucket, key):
        return []
    return [json.loads(line)["custom_id"] for line in read(info, key).splitlines()]


def test_the_busy_scene_has_200_jobs_in_every_phase(busy):
    assert len({job["Id"] for job in busy.jobs}) == 200
    assert {job["Status"]["Phase"] for job in busy.jobs} == {
        *("Queued", "Initializing", "Running", "Completed", "Terminating", "Terminated", "Failed")
    }


def test_jobs_wait_where_every_place_is_taken_and_only_there(busy):
    assert len(busy.of("Running", "Initializing", project=PROJECTS[0])) == DEFAULTS.running_jobs
    assert {job["ProjectName"] for job in busy.of("Queued")} == {PROJECTS[0]}
    assert len(busy.of("Running")) > len(busy.of("Running", project=PROJECTS[0]))


def test_times_agree_with_each_other_and_with_the_id(busy):
    for job in busy.jobs:
        created, entered = moment(job["CreateTime"]), moment(job["Status"]["PhaseTime"])
        updated, expires = moment(job["UpdateTime"]), moment(job["ExpireTime"])
        assert created <= entered <= updated <= NOW
        assert expires >= created + timedelta(days=int(job["CompletionWindow"].removesuffix("d")))
        assert f"{created + timedelta(hours=8):%Y%m%d%H%M%S}" in job["Id"]
        assert job["Status"]["Phase"] in ("Completed", "Terminated", "Failed") or expires > NOW


def test_the_history_is_weeks_long_and_the_past_only(busy):
    created = sorted(moment(job["CreateTime"]) for job in busy.jobs)
    assert created[-1] - created[0] > timedelta(days=21)
    assert created[-1] < NOW


def test_some_jobs_are_about_to_expire(busy):
    left = [moment(job["ExpireTime"]) - NOW for job in busy.of("Running")]
    assert min(left) < timedelta(minutes=2)
    assert sum(one < timedelta(hours=1) for one in left) >= 5


def test_the_files_of_what_has_ended_hold_what_its_counts_say(busy):
    ended = busy.of("Completed", "Terminated")
    assert len(ended) > 100
    for job in ended:
        counts = job["RequestCounts"]
        results, errors = (rows(busy.info, job, name) for name in ("output/results.jsonl", "error/errors.jsonl"))
        assert (len(results) + len(errors), len(errors)) == (counts["Completed"], counts["Failed"])
        assert len({*results, *errors}) == counts["Completed"]
        assert counts["Completed"] <= counts["Total"]


def test_completed_jobs_are_complete_and_stopped_ones_are_not(busy):
    assert all(job["RequestCounts"]["Completed"] == job["RequestCounts"]["Total"] for job in busy.of("Completed"))
    assert all(job["RequestCounts"]["Completed"] < job["RequestCounts"]["Total"] for job in busy.of("Terminated"))


def test_failed_jobs_have_the_platforms_messages(busy):
    messages = " ".join(job["Status"]["Message"] for job in busy.of("Failed"))
    for words in ("行非json数据", "行custom_id不存在", "存在重复", "的body非json字符串", "输入文件为空", "NoSuchKey"):
        assert words in messages


def test_every_hostile_name_arrives_as_it_is(busy):
    assert {job["Name"] for job in busy.jobs} >= set(HOSTILE)


def test_models_tags_and_projects_are_several(busy):
    models = {json.dumps(job["ModelReference"]) for job in busy.jobs}
    assert len(models) > 8
    assert any("CustomModelId" in model for model in models)
    assert len({tag["Key"] for job in busy.jobs for tag in job["Tags"]}) > 3
    assert {job["ProjectName"] for job in busy.jobs} == set(PROJECTS)


def test_what_runs_goes_on_to_its_end(cloud_factory):
    cloud = cloud_factory(clock=FrozenClock(NOW), scene="busy", speed=200)
    before = Counter(job["Status"]["Phase"] for job in everything(cloud))
    with ArkCaller(cloud.info) as ark:
        (some, *_) = ark.list(Filter={"Phases": ["Running"]}, SortOrder="Asc", PageSize=1)["Items"]
        cloud.advance(5)
        counts = ark.get(some["Id"])["RequestCounts"]
        assert counts["Completed"] == some["RequestCounts"]["Completed"] + 1000
    cloud.advance(600)
    after = Counter(job["Status"]["Phase"] for job in everything(cloud))
    assert after["Completed"] > before["Completed"] + before["Queued"]
    assert after.keys() == {"Completed", "Terminated", "Failed"}


@pytest.mark.parametrize(("seed", "same"), [(0, True), (1, False)])
def test_one_seed_and_time_make_one_scene_and_another_seed_another(busy, tmp_path, seed, same):
    with LocalCloud(tmp_path, clock=FrozenClock(NOW), scene="busy", seed=seed) as cloud:
        assert (json.dumps(everything(cloud)) == json.dumps(busy.jobs)) is same


def test_the_huge_scene_has_ten_thousand_jobs_and_room_for_more(cloud_factory):
    cloud = cloud_factory(clock=FrozenClock(NOW), scene="huge")
    assert len({job["Id"] for job in everything(cloud)}) == HUGE_JOBS
    with ArkCaller(cloud.info) as ark:
        assert ark.create("more.jsonl") in ark.ids(PageSize=1)


def test_a_scene_is_refused_where_there_are_jobs_already(cloud_factory, tmp_path):
    cloud = cloud_factory()
    with ArkCaller(cloud.info) as ark:
        ark.create()
    cloud.stop()
    with pytest.raises(SceneError, match="busy fills an empty cloud"):
        cloud_factory(scene="busy")


def test_an_unknown_scene_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(SceneError, match="no scene lazy, but busy, huge"):
        LocalCloud(tmp_path, scene="lazy").start()


async def test_the_jobs_of_a_scene_in_the_deck_last_for_an_operator_to_look_at_them():
    async with embedded_cloud("busy") as info:
        with ArkCaller(info, PROJECTS[0]) as ark:
            running = ark.list(PageSize=100, Filter={"Phases": ["Running"]})["Items"]
            job = max(running, key=lambda each: each["RequestCounts"]["Total"] - each["RequestCounts"]["Completed"])
            before = now = job["RequestCounts"]["Completed"]
            while now == before:
                now = ark.get(job["Id"])["RequestCounts"]["Completed"]
    assert now - before <= 5


def test_a_child_process_plays_a_scene(tmp_path):
    with LocalCloudProcess(tmp_path / "data", scene="busy") as cloud:
        assert len(everything(cloud)) == 200
    with pytest.raises(LocalCloudDiedError, match="fills an empty cloud"):
        LocalCloudProcess(tmp_path / "data", scene="busy").start()
