"""The local cloud as a whole: in a thread, as a child process, restarted and killed."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ark_caller import ArkCaller, RefusedError
from engine_bench import chat
from tos_client import read, tos_client

from tui.clock import FrozenClock
from tui.localcloud import LocalCloud
from tui.localcloud.ark_api import ArkApi
from tui.localcloud.child import LocalCloudDiedError, LocalCloudProcess
from tui.localcloud.cloud import PortTakenError
from tui.localcloud.failures import OptionError
from tui.localcloud.jobs import SCHEMA_VERSION, JobStore, StoreTooNewError
from tui.localcloud.object_storage import StorageInUseError

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
SECONDS = 20


def wait_for(condition):
    """Return what `condition` returns once it is true, before the deadline."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)
    return value


def submit(ark, count):
    """Put an input of some requests, create a job on it and return its id."""
    lines = "".join(f"{chat(number)}\n" for number in range(count))
    tos_client(ark.info).put_object(ark.info.bucket, "data.jsonl", content=lines.encode())
    return ark.create()


def finished(ark, job_id):
    return wait_for(lambda: (job := ark.get(job_id))["Status"]["Phase"] == "Completed" and job)


def result_ids(info, job_id):
    rows = read(info, f"output/{job_id}/output/results.jsonl").splitlines()
    return sorted(json.loads(row)["custom_id"] for row in rows)


def free_pair():
    """A port that is free, and so is the next."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                socket.create_server(("127.0.0.1", port + 1)).close()
            except OSError:
                continue
            return port


# in a thread


def test_a_job_runs_to_its_end_on_the_machines_clock(cloud):
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, 1000)
        job = finished(ark, job_id)
    assert job["RequestCounts"] == {"Total": 1000, "Completed": 1000, "Failed": 0}
    assert result_ids(cloud.info, job_id) == sorted(f"request-{number}" for number in range(1000))


def test_a_chosen_port_is_arks_and_the_next_is_the_object_stores(cloud_factory):
    port = free_pair()
    info = cloud_factory(port=port).info
    assert (info.ark_endpoint, info.tos_endpoint) == (f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port + 1}")


@pytest.mark.parametrize("taken", [0, 1])
def test_a_taken_port_is_named(tmp_path, taken):
    port = free_pair()
    with (
        socket.create_server(("127.0.0.1", port + taken)),
        pytest.raises(PortTakenError, match=f"port {port + taken} of 127.0.0.1 is in use"),
    ):
        LocalCloud(tmp_path, port=port).start()
    LocalCloud(tmp_path, port=port).start().stop()


def test_both_ports_are_free_after_the_end(tmp_path):
    port = free_pair()
    for _ in range(2):
        with LocalCloud(tmp_path, port=port) as cloud, ArkCaller(cloud.info) as ark:
            assert ark.ids() == []


def test_it_listens_on_loopback_alone(cloud):
    for endpoint in (cloud.info.ark_endpoint, cloud.info.tos_endpoint):
        assert endpoint.startswith("http://127.0.0.1:")


def test_keys_jobs_and_objects_are_the_same_after_a_restart(tmp_path):
    with LocalCloud(tmp_path / "data", clock=FrozenClock(START)) as cloud, ArkCaller(cloud.info) as ark:
        before = cloud.info
        job_id = submit(ark, 10)
        listed = ark.list()
    with LocalCloud(tmp_path / "data", clock=FrozenClock(START)) as cloud, ArkCaller(cloud.info) as ark:
        assert (cloud.info.access_key, cloud.info.secret_key) == (before.access_key, before.secret_key)
        assert ark.list() == listed
        cloud.advance(10)
        assert ark.phase(job_id) == "Completed"


def test_the_keys_of_one_cloud_do_not_open_another(tmp_path):
    with LocalCloud(tmp_path / "a") as one, LocalCloud(tmp_path / "b") as other:
        borrowed = replace(other.info, access_key=one.info.access_key, secret_key=one.info.secret_key)
        with ArkCaller(borrowed) as ark, pytest.raises(RefusedError, match="InvalidAccessKey"):
            ark.ids()


def test_a_temporary_cloud_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with LocalCloud() as cloud:
        assert [str(path) for path in tmp_path.iterdir()] == [cloud.info.data]
    assert list(tmp_path.iterdir()) == []


def test_two_clouds_cannot_share_a_folder(cloud_factory):
    cloud_factory()
    with pytest.raises(StorageInUseError):
        cloud_factory()


def test_a_folder_of_a_later_version_is_left_alone(tmp_path):
    store = JobStore(tmp_path / "ark.sqlite3")
    store._database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    store.close()
    with pytest.raises(StoreTooNewError):
        LocalCloud(tmp_path).start()


def test_the_data_folder_is_its_owners_alone(cloud_factory, tmp_path):
    cloud_factory()
    assert stat.S_IMODE((tmp_path / "cloud").stat().st_mode) == 0o700


@pytest.mark.parametrize("speed", [float("inf"), float("nan"), 1e-13, -1.0, 1e10])
def test_a_speed_that_is_none_is_refused_with_what_fits(tmp_path, speed):
    with pytest.raises(OptionError, match=r"it takes 0, or from 0\.001 to 1e\+09"):
        LocalCloud(tmp_path, speed=speed)


def test_only_a_frozen_clock_can_be_advanced(cloud):
    with pytest.raises(TypeError):
        cloud.advance(1)


def test_an_idle_cloud_needs_no_processor(cloud):
    before = time.process_time()
    deadline = time.monotonic() + 0.5
    wait_for(lambda: time.monotonic() > deadline)
    assert time.process_time() - before < 0.25


def test_the_secret_is_not_in_what_is_printed_of_the_cloud(cloud):
    assert cloud.info.secret_key not in f"{cloud.info!r} {cloud!r} {vars(ArkApi)!r}"


# as a child process


def test_a_child_serves_and_ends_with_its_block(tmp_path):
    with LocalCloudProcess(tmp_path / "data", speed=0, region="ap-southeast-1", seed=3) as cloud:
        info = cloud.info
        assert info.region == "ap-southeast-1"
        with ArkCaller(info) as ark:
            finished(ark, submit(ark, 50))
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(info.ark_endpoint.rpartition(":")[2])))


def test_a_childs_secret_is_neither_in_its_arguments_nor_in_its_environment(tmp_path):
    with LocalCloudProcess(tmp_path / "data") as cloud:
        pid = children_of(os.getpid())[0]
        for name in ("cmdline", "environ"):
            assert cloud.info.secret_key.encode() not in Path(f"/proc/{pid}/{name}").read_bytes()


def test_a_child_that_cannot_start_says_why(tmp_path):
    port = free_pair()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LocalCloudDiedError, match=f"port {port} of 127.0.0.1 is in use"),
    ):
        LocalCloudProcess(tmp_path, port=port).start()


def test_what_lies_in_the_working_folder_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "msgspec.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    with LocalCloudProcess() as cloud:
        assert cloud.info.bucket == "arkdeck-local"


PARENT = """
from tui.localcloud.child import LocalCloudProcess
cloud = LocalCloudProcess().start()
print(cloud.info.ark_endpoint, cloud.info.data, flush=True)
input()
"""


def test_a_child_ends_when_its_parent_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        endpoint, data = parent.stdout.readline().split()
        parent.kill()
    wait_for(lambda: not Path(data).exists())
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(endpoint.rpartition(":")[2])))


def test_a_job_survives_the_kill_of_its_cloud(tmp_path):
    with LocalCloudProcess(tmp_path / "data", speed=500) as cloud, ArkCaller(cloud.info) as ark:
        job_id = submit(ark, 1000)
        wait_for(lambda: ark.get(job_id)["RequestCounts"]["Completed"] > 50)
        os.kill(children_of(os.getpid())[0], signal.SIGKILL)
    with LocalCloudProcess(tmp_path / "data", speed=0) as cloud, ArkCaller(cloud.info) as ark:
        finished(ark, job_id)
        assert result_ids(cloud.info, job_id) == sorted(f"request-{number}" for number in range(1000))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_service_cleanly(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "tui.localcloud", "--data", str(tmp_path / "data")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    line = process.stdout.readline()
    process.send_signal(number)
    rest, complaints = process.communicate(timeout=SECONDS)
    assert (process.returncode, rest, complaints) == (0, b"", b"")
    assert list(json.loads(line)) == [
        "ark_endpoint",
        "tos_endpoint",
        "region",
        "access_key",
        "secret_key",
        "bucket",
        "data",
    ]


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
