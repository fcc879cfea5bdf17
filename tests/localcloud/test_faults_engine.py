"""Faults where the engine publishes a job's files: what lies in the store, and what the service says of it."""

import json
from datetime import UTC, datetime

import pytest
from ark_caller import ArkCaller
from engine_bench import chat
from tos_client import read, tos_client

from tui.clock import FrozenClock

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
GOOD, BAD = 20, 3


@pytest.fixture
def cloud(cloud_factory):
    return cloud_factory(clock=FrozenClock(START), speed=0)


@pytest.fixture
def run(cloud):
    """Runs a job of 20 requests that are answered and 3 that are refused, and returns it."""

    def run(name="nightly"):
        lines = [chat(number) for number in range(GOOD)] + [chat(GOOD + number, messages=[]) for number in range(BAD)]
        tos_client(cloud.info).put_object(cloud.info.bucket, f"{name}.jsonl", content="\n".join(lines).encode())
        with ArkCaller(cloud.info) as ark:
            job_id = ark.create(f"{name}.jsonl", Name=name)
            cloud.advance(1)
            return ark.get(job_id)

    return run


def files_of(cloud, job):
    prefix = f"output/{job['Id']}/"
    listed = tos_client(cloud.info).list_objects_type2(cloud.info.bucket, prefix=prefix).contents
    return {item.key.removeprefix(prefix): read(cloud.info, item.key) for item in listed}


def results_of(cloud, job):
    return files_of(cloud, job)["output/results.jsonl"]


def test_without_a_fault_all_is_where_the_job_says(cloud, run):
    job = run()
    files = files_of(cloud, job)
    assert sorted(files) == ["error/errors.jsonl", "output/results.jsonl"]
    assert job["ErrorFileTosLocation"]["ObjectKey"] == f"output/{job['Id']}/error/errors.jsonl"
    assert job["RequestCounts"] == {"Total": 23, "Completed": 23, "Failed": BAD}


@pytest.mark.parametrize(
    ("error_file", "there"),
    [
        ("missing", ["output/results.jsonl"]),
        ("moved", ["output/errors.jsonl", "output/results.jsonl"]),
        ("both", ["error/errors.jsonl", "output/errors.jsonl", "output/results.jsonl"]),
    ],
)
def test_the_error_file_is_not_where_the_job_says(cloud, run, error_file, there):
    cloud.fault("engine:Publish", error_file=error_file)
    job = run()
    files = files_of(cloud, job)
    assert sorted(files) == there
    assert job["ErrorFileTosLocation"]["ObjectKey"].endswith("/error/errors.jsonl")
    for name in there[:-1]:
        assert len(files[name].splitlines()) == BAD


def test_counts_disagree_with_the_files_in_every_answer(cloud, run):
    cloud.fault("engine:Publish", counts="wrong")
    job = run()
    assert job["RequestCounts"] == {"Total": 23, "Completed": 23, "Failed": BAD + 1}
    with ArkCaller(cloud.info) as ark:
        assert ark.list()["Items"][0]["RequestCounts"] == job["RequestCounts"]
    assert len(results_of(cloud, job).splitlines()) == GOOD


def test_the_last_row_is_lost(cloud, run):
    cloud.fault("engine:Publish", row="lost")
    rows = [json.loads(row) for row in results_of(cloud, run()).splitlines()]
    assert len({row["custom_id"] for row in rows}) == len(rows) == GOOD - 1


def test_the_last_row_is_doubled(cloud, run):
    cloud.fault("engine:Publish", row="doubled")
    rows = results_of(cloud, run()).splitlines()
    assert len(rows) == GOOD + 1
    assert rows[-1] == rows[-2]


def test_the_last_row_is_torn(cloud, run):
    whole = results_of(cloud, run("whole")).splitlines(keepends=True)
    cloud.fault("engine:Publish", row="torn")
    torn = results_of(cloud, run("torn")).splitlines(keepends=True)
    assert len(torn) == GOOD
    assert not torn[-1].endswith(b"\n")
    assert 0 < len(torn[-1]) < len(whole[-1])
    with pytest.raises(ValueError, match=r"."):
        json.loads(torn[-1])


def test_a_fault_may_be_about_one_job_alone(cloud, run):
    cloud.fault("engine:Publish", job="week*", row="lost")
    assert len(results_of(cloud, run("nightly")).splitlines()) == GOOD
    assert len(results_of(cloud, run("weekly")).splitlines()) == GOOD - 1
