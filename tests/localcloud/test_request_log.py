"""The request log: one record for every request, and no secret in any."""

import json
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
from ark_caller import ArkCaller, RefusedError
from tos_caller import TosCaller, signed_url_query
from tos_client import tos_client

from tui.localcloud import CloudInfo
from tui.localcloud.child import LocalCloudProcess
from tui.localcloud.faults import Fault
from tui.localcloud.keys import Keys

TOKEN = "a-token-for-tests"
TEMPORARY = Keys("AKLTTESTONLY", "not-a-secret-0123456789", TOKEN)


@pytest.fixture
def ark(cloud):
    with ArkCaller(cloud.info) as caller:
        yield caller


def test_a_call_of_ark_is_written_down(cloud, ark):
    before = datetime.now(UTC)
    job_id = ark.create("in/data.jsonl")
    (record,) = cloud.requests
    assert (record.where, record.status, record.code, record.job) == (
        "ark:CreateBatchInferenceJob",
        200,
        "",
        job_id,
    )
    assert (record.bucket, record.key) == (cloud.info.bucket, "in/data.jsonl")
    assert record.bytes_in > 100
    assert record.bytes_out > 100
    assert before <= record.time <= datetime.now(UTC)
    assert 0 < record.seconds < 5


def test_a_refusal_is_written_down_with_its_code_and_the_id_that_the_client_saw(cloud, ark):
    with pytest.raises(RefusedError):
        ark.get("bi-20240918194641-zzzzz")
    (record,) = cloud.requests
    assert (record.status, record.code, record.job) == (404, "NotFound.BatchInferenceJob", "bi-20240918194641-zzzzz")
    assert len(record.request_id) == 32


def test_every_step_of_an_upload_is_written_down(cloud):
    client = tos_client(cloud.info)
    upload = client.create_multipart_upload(cloud.info.bucket, "大.bin").upload_id
    part = client.upload_part(cloud.info.bucket, "大.bin", upload, 1, content=b"x" * 1000)
    client.complete_multipart_upload(cloud.info.bucket, "大.bin", upload, parts=[part])
    assert [(record.operation, record.key, record.part, record.bytes_in) for record in cloud.requests[:2]] == [
        ("CreateMultipartUpload", "大.bin", None, 0),
        ("UploadPart", "大.bin", 1, 1000),
    ]
    assert cloud.requests[2].where == "tos:CompleteMultipartUpload"
    assert client.get_object(cloud.info.bucket, "大.bin").read() == b"x" * 1000
    assert cloud.requests[3].bytes_out == 1000


def test_the_body_of_a_request_that_is_refused_at_once_is_counted(cloud):
    with pytest.raises(Exception, match="NoSuchBucket"):
        tos_client(cloud.info).put_object("no-such-bucket", "a", content=b"x" * 100_000)
    assert (cloud.requests[0].bytes_in, cloud.requests[0].code) == (100_000, "NoSuchBucket")


@pytest.mark.parametrize(("words", "status", "out"), [({"reset": "after"}, None, 0), ({"truncate": 7}, 200, 7)])
def test_a_fault_is_written_down_with_what_it_left(cloud, ark, words, status, out):
    cloud.fault("ark:List*Jobs", nth=2, **words)
    ark.ids()
    with pytest.raises(httpx.TransportError):
        ark.ids()
    record = cloud.requests[1]
    name, value = next(iter(words.items()))
    assert (record.status, record.bytes_out, record.fault) == (status, out, f"ark:List*Jobs:nth=2:{name}={value}")


def test_records_are_found_by_protocol_and_operation(cloud, ark):
    ark.ids()
    tos_client(cloud.info).list_buckets()
    assert [[record.fits(where) for record in cloud.requests] for where in ("ark:*", "tos:List*", "*:*")] == [
        [True, False],
        [False, True],
        [True, True],
    ]


def test_the_file_has_a_line_of_json_for_every_request(cloud_factory, tmp_path):
    log = tmp_path / "requests.jsonl"
    cloud = cloud_factory(log=log)
    with ArkCaller(cloud.info) as ark:
        ark.ids()
        tos_client(cloud.info).put_object(cloud.info.bucket, "a.txt", content=b"x")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(line["protocol"], line["operation"], line["status"]) for line in lines] == [
        ("ark", "ListBatchInferenceJobs", 200),
        ("tos", "PutObject", 200),
    ]
    assert datetime.now(UTC) - datetime.fromisoformat(lines[0]["time"]) < timedelta(minutes=1)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_restarted_cloud_writes_behind_what_is_there(cloud_factory, tmp_path):
    log = tmp_path / "requests.jsonl"
    for _ in range(2):
        cloud = cloud_factory(log=log)
        with ArkCaller(cloud.info) as ark:
            ark.ids()
        cloud.stop()
    assert len(log.read_bytes().splitlines()) == 2


def test_a_child_process_plays_faults_and_writes_the_log(tmp_path):
    log = tmp_path / "requests.jsonl"
    fault = Fault("ark:ListBatchInferenceJobs", status=503)
    with LocalCloudProcess(faults=(fault,), log=log) as cloud, ArkCaller(cloud.info) as ark:
        with pytest.raises(RefusedError, match="503"):
            ark.ids()
        assert ark.ids() == []
    assert [json.loads(line)["status"] for line in log.read_bytes().splitlines()] == [503, 200]


SERVE = [sys.executable, "-m", "tui", "local", "serve"]


def test_the_command_plays_faults_assumes_and_writes_the_log(tmp_path):
    log = tmp_path / "requests.jsonl"
    words = ["--json", "--log", str(log), "--fault=ark:List*Jobs:status=503", "--assume=dry-run-code=DryRun"]
    with subprocess.Popen([*SERVE, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as serving:
        info = CloudInfo(**json.loads(serving.stdout.readline()))
        with ArkCaller(info) as ark:
            for call, code in ((ark.ids, "ServiceUnavailableTemp"), (partial(ark.create, DryRun=True), "DryRun")):
                with pytest.raises(RefusedError, match=code):
                    call()
        serving.terminate()
    assert serving.returncode == 0
    assert [json.loads(line)["code"] for line in log.read_bytes().splitlines()] == ["ServiceUnavailableTemp", "DryRun"]


@pytest.mark.parametrize(
    ("word", "complaint"),
    [("--fault=tos:*:rest=after", "did you mean reset?"), ("--assume=error-file=x", "it takes error or output")],
)
def test_the_command_names_the_word_that_is_wrong(word, complaint):
    ended = subprocess.run([*SERVE, word], capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert complaint in ended.stderr


def test_no_secret_is_in_the_log(cloud_factory, tmp_path):
    log = tmp_path / "requests.jsonl"
    cloud = cloud_factory(log=log, keys=TEMPORARY)

    class Service:
        port = int(cloud.info.tos_endpoint.rpartition(":")[2])

    with TosCaller(Service, TEMPORARY) as caller:
        path = f"/{cloud.info.bucket}/a.txt"
        assert caller.call("PUT", path, b"x").status == 200
        query = signed_url_query("GET", caller.host, path, keys=TEMPORARY)
        assert caller.send("GET", f"{path}?{query}").status == 200
        assert caller.send("GET", f"{path}?{query[:-1]}").status == 400
    with ArkCaller(cloud.info) as ark:
        headers = ark.sign("Action=ListFoundationModels&Version=2024-01-01", b"{}")
        ark.http.post("/?Action=ListFoundationModels&Version=2024-01-01", content=b"{}", headers=headers)
    written = log.read_text("utf-8") + repr(cloud.requests)
    assert len(cloud.requests) == 4
    signature = headers["Authorization"].rpartition("=")[2]
    for secret in (TOKEN, TEMPORARY.secret_key, TEMPORARY.access_key, signature, query, "Signature", "Credential"):
        assert secret not in written
