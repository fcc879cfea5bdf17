"""What a local cloud survives: kills at bad moments, leftovers of them, and a disk without room."""

import json
import os
import resource
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from ark_caller import ArkCaller, RefusedError
from engine_bench import EngineBench, chat
from tos_caller import signed_headers
from tos_client import read, tos_client

from tui.localcloud import LocalCloud
from tui.localcloud.child import LocalCloudProcess
from tui.localcloud.disk import DISK_FULL
from tui.localcloud.input_check import INPUT_CHANGED
from tui.localcloud.keys import Keys

PART = b"0123456789abcdef" * (5 * 1024 * 1024 // 16)
REQUESTS = 3000


def wait_for(condition):
    """Return what `condition` returns once it is true, before the deadline."""
    deadline = time.monotonic() + 20
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)
    return value


def child():
    """The process id of the cloud that this test started."""
    pid = os.getpid()
    (found,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return int(found)


def put_input(info, key="data.jsonl"):
    content = "".join(f"{chat(number)}\n" for number in range(REQUESTS)).encode()
    tos_client(info).put_object(info.bucket, key, content=content)


def result_ids(info, job_id):
    rows = read(info, f"output/{job_id}/output/results.jsonl").splitlines()
    return sorted(json.loads(row)["custom_id"] for row in rows)


def wait_for_more(ark, job_id, count):
    """Return the completed requests once they are more than `count`."""
    return wait_for(lambda: (now := ark.get(job_id)["RequestCounts"]["Completed"]) > count and now)


ALL_IDS = sorted(f"request-{number}" for number in range(REQUESTS))


@contextmanager
def a_body_that_never_ends(info, path, query):
    """Send the head and half of the body of a signed upload."""
    port = int(info.tos_endpoint.rpartition(":")[2])
    host = f"127.0.0.1:{port}"
    headers = signed_headers("PUT", host, path, query, keys=Keys(info.access_key, info.secret_key))
    lines = [f"PUT {path}?{query} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall("\r\n".join([*lines, f"Content-Length: {len(PART)}", "", ""]).encode() + PART[: len(PART) // 2])
        yield


# kills


def test_an_upload_goes_on_after_its_cloud_was_killed_within_a_part(tmp_path):
    key = "in.bin"
    with LocalCloudProcess(tmp_path / "data") as cloud:
        client, bucket = tos_client(cloud.info), cloud.info.bucket
        upload = client.create_multipart_upload(bucket, key).upload_id
        first = client.upload_part(bucket, key, upload, 1, content=PART)
        query = f"partNumber=2&uploadId={upload}"
        with a_body_that_never_ends(cloud.info, f"/{bucket}/{key}", query):
            wait_for(lambda: len(list((tmp_path / "data" / "objects" / "blobs").iterdir())) == 2)
            os.kill(child(), signal.SIGKILL)
    with LocalCloudProcess(tmp_path / "data") as cloud:
        client = tos_client(cloud.info)
        assert [(part.part_number, part.etag) for part in client.list_parts(bucket, key, upload).parts] == [
            (1, first.etag)
        ]
        assert len(list((tmp_path / "data" / "objects" / "blobs").iterdir())) == 1
        second = client.upload_part(bucket, key, upload, 2, content=b"the end")
        client.complete_multipart_upload(bucket, key, upload, parts=[first, second])
        assert read(cloud.info, key) == PART + b"the end"


def test_a_job_and_its_neighbours_are_the_same_after_every_kill(tmp_path):
    data = tmp_path / "data"
    with LocalCloudProcess(data, speed=1500) as cloud, ArkCaller(cloud.info) as ark:
        put_input(cloud.info)
        job_id = ark.create()
        ended = ark.create("missing.jsonl")
        wait_for(lambda: ark.phase(ended) == "Failed")
        before = ark.get(ended)
        wait_for_more(ark, job_id, 100)
        os.kill(child(), signal.SIGKILL)
    done = 0
    for _ in range(2):
        with LocalCloudProcess(data, speed=1500) as cloud, ArkCaller(cloud.info) as ark:
            assert ark.get(ended) == before
            counts = ark.get(job_id)["RequestCounts"]
            assert counts["Completed"] >= done
            done = wait_for_more(ark, job_id, counts["Completed"] + 200)
            os.kill(child(), signal.SIGKILL)
    with LocalCloudProcess(data, speed=0) as cloud, ArkCaller(cloud.info) as ark:
        wait_for(lambda: ark.phase(job_id) == "Completed")
        assert result_ids(cloud.info, job_id) == ALL_IDS
        assert sorted(ark.ids()) == sorted([job_id, ended])
        assert wait_for(lambda: not list((data / "rows").iterdir()))


def test_rows_that_a_kill_left_of_completed_and_deleted_jobs_are_removed(tmp_path):
    bench = EngineBench(tmp_path, speed=10)
    completed = bench.submit([chat(1)])
    bench.advance(60)
    stopped = bench.submit([chat(number) for number in range(100)])
    bench.advance(2)
    bench.stop(stopped)
    bench.advance(2)
    rows = tmp_path / "rows"
    for job_id in (completed, "bi-20240918194641-zzzzz"):
        (rows / f"{job_id}.results.jsonl").write_bytes(b"{}\n")
    bench.restart()
    assert {path.name.partition(".")[0] for path in rows.iterdir()} == {stopped}
    bench.resume(stopped)
    bench.advance(60)
    assert len(bench.results(stopped)) == 100
    bench.close()


# another input


@pytest.mark.parametrize("change", ["shorter", "longer", "deleted"])
def test_a_job_whose_input_changed_fails_after_a_restart_and_its_neighbour_goes_on(tmp_path, change):
    data = tmp_path / "data"
    with LocalCloud(data, speed=1500) as cloud, ArkCaller(cloud.info) as ark:
        put_input(cloud.info)
        put_input(cloud.info, "other.jsonl")
        job_id, neighbour = ark.create(), ark.create("other.jsonl")
        wait_for_more(ark, job_id, 100)
        client, bucket = tos_client(cloud.info), cloud.info.bucket
        if change == "deleted":
            client.delete_object(bucket, "data.jsonl")
        else:
            count = {"shorter": 10, "longer": 2 * REQUESTS}[change]
            content = "".join(f"{chat(-number)}\n" for number in range(count)).encode()
            client.put_object(bucket, "data.jsonl", content=content)
    with LocalCloud(data, speed=0) as cloud, ArkCaller(cloud.info) as ark:
        wait_for(lambda: ark.phase(neighbour) == "Completed")
        wait_for(lambda: ark.phase(job_id) == "Failed")
        message = ark.get(job_id)["Status"]["Message"]
        assert ("NoSuchKey" in message) if change == "deleted" else (message == INPUT_CHANGED)
        assert result_ids(cloud.info, neighbour) == ALL_IDS
    assert not any(thread.name == "local cloud engine" for thread in threading.enumerate())


# no room


@contextmanager
def no_room(pid):
    """No file of the process can grow, as on a disk that is full."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.fixture
def process(tmp_path):
    with LocalCloudProcess(tmp_path / "data", speed=2000) as cloud:
        yield cloud


def test_an_object_that_finds_no_room_is_refused_and_leaves_nothing(process, tmp_path):
    client, bucket = tos_client(process.info), process.info.bucket
    client.put_object(bucket, "before.txt", content=b"before")
    with no_room(child()):
        with pytest.raises(Exception, match=DISK_FULL) as refused:
            client.put_object(bucket, "a.txt", content=PART)
        assert (refused.value.status_code, refused.value.code) == (507, "InternalError")
        assert read(process.info, "before.txt") == b"before"
    assert len(list((tmp_path / "data" / "objects" / "blobs").iterdir())) == 1
    client.put_object(bucket, "a.txt", content=PART)
    assert read(process.info, "a.txt") == PART


def test_a_job_that_cannot_be_written_down_is_refused(process):
    with ArkCaller(process.info) as ark:
        with no_room(child()):
            with pytest.raises(RefusedError, match=DISK_FULL) as refused:
                ark.create()
            assert (refused.value.status, refused.value.code) == (500, "InternalError")
            assert ark.ids() == []
        assert ark.ids() == []
        assert ark.create() in ark.ids()


def test_a_running_job_waits_for_room_and_loses_nothing(process):
    with ArkCaller(process.info) as ark:
        put_input(process.info)
        job_id = ark.create()
        wait_for_more(ark, job_id, 100)
        with no_room(child()):
            status = wait_for(lambda: DISK_FULL in (status := ark.get(job_id)["Status"])["Message"] and status)
            assert status["Phase"] == "Running"
        wait_for(lambda: ark.phase(job_id) == "Completed")
        assert DISK_FULL not in ark.get(job_id)["Status"]["Message"]
        assert result_ids(process.info, job_id) == ALL_IDS


def test_a_cloud_killed_without_room_goes_on_when_there_is_some(process, tmp_path):
    with ArkCaller(process.info) as ark:
        put_input(process.info)
        job_id = ark.create()
        wait_for_more(ark, job_id, 100)
        with no_room(pid := child()):
            wait_for(lambda: DISK_FULL in ark.get(job_id)["Status"]["Message"])
            os.kill(pid, signal.SIGKILL)
            process.stop()
    with LocalCloudProcess(tmp_path / "data", speed=0) as cloud, ArkCaller(cloud.info) as ark:
        wait_for(lambda: ark.phase(job_id) == "Completed")
        assert result_ids(cloud.info, job_id) == ALL_IDS
