"""Every fault of a request as clients of both protocols meet it, and what was done when it struck."""

import contextlib
import http.client
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest
import tos
from ark_caller import ArkCaller, RefusedError
from tos_caller import TosCaller
from tos_client import read, tos_client

from tests.storage.tools import MIB, credentials_of, fingerprint_of
from tui.ark.client import ArkClient
from tui.ark.errors import ArkUnreachableError
from tui.ark.models import FoundationModelRef, JobQuery, Location, NewJob
from tui.clock import FrozenClock, SystemClock
from tui.localcloud import ALWAYS
from tui.localcloud.keys import Keys
from tui.storage.client import ObjectStore
from tui.storage.upload import Uploaded, upload

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
LIST = "ark:ListBatchInferenceJobs"
CREATE = "ark:CreateBatchInferenceJob"


@pytest.fixture
def cloud(cloud_factory):
    """A cloud whose jobs stay where they are."""
    return cloud_factory(clock=FrozenClock(START))


@pytest.fixture
def ark(cloud):
    """A bare client of Ark, which tries once."""
    with ArkCaller(cloud.info) as caller:
        yield caller


@pytest.fixture
def objects(cloud):
    """A bare client of the object store, which tries once."""

    class Service:
        port = int(cloud.info.tos_endpoint.rpartition(":")[2])

    with TosCaller(Service, Keys(cloud.info.access_key, cloud.info.secret_key)) as caller:
        yield caller


@pytest.fixture
async def arkdeck(cloud):
    """The project's own client of Ark."""
    clock = SystemClock()
    async with ArkClient(cloud.info.ark_endpoint, cloud.info.region, credentials_of(cloud.info), clock=clock) as client:
        yield client


@pytest.fixture
async def store(cloud, monkeypatch):
    """The project's own client of the object store, impatient."""
    monkeypatch.setattr("tui.storage.retry._FIRST_WAIT", 0.005)
    store = ObjectStore(cloud.info.tos_endpoint, cloud.info.region, credentials_of(cloud.info))
    yield store
    await store.close()


@pytest.fixture
def big_file(tmp_path):
    """A file of three parts."""
    path = tmp_path / "input.jsonl"
    path.write_bytes(b"".join(f"{number:015d}\n".encode() for number in range(40 * MIB // 16)))
    return path


def new_job(cloud, key="in/data.jsonl"):
    folder = Location(cloud.info.bucket, "out/")
    model = FoundationModelRef("doubao-pro-32k", "240615")
    return NewJob(name="夜间评测", model=model, input=Location(cloud.info.bucket, key), output=folder)


async def send(store, info, path):
    stream = upload(store, info.bucket, "in.jsonl", path, fingerprint_of(path), metadata={}, resume=None)
    return [event async for event in stream]


def put(objects, cloud, body=b"0123456789", key="a.txt"):
    return objects.call("PUT", f"/{cloud.info.bucket}/{key}", body)


def get(objects, cloud, key="a.txt"):
    return objects.call("GET", f"/{cloud.info.bucket}/{key}")


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.005)


def statuses(cloud, where):
    return [record.status for record in cloud.requests if record.fits(where)]


# refusals


@pytest.mark.parametrize(
    ("words", "status", "code", "number"),
    [
        ({"status": 500}, 500, "InternalError", 100014),
        ({"status": 503}, 503, "ServiceUnavailableTemp", 100019),
        ({"code": "AccountFlowLimitExceeded"}, 429, "AccountFlowLimitExceeded", 100027),
        ({"code": "OperationDenied.ServiceOverdue"}, 403, "OperationDenied.ServiceOverdue", None),
        ({"status": 418, "code": "Odd"}, 418, "Odd", None),
        ({"code": "QuotaExceeded"}, 429, "QuotaExceeded", None),
    ],
)
def test_ark_refuses_as_it_was_told_and_does_nothing(cloud, ark, words, status, code, number):
    cloud.fault(CREATE, **words)
    with pytest.raises(RefusedError) as caught:
        ark.create()
    assert (caught.value.status, caught.value.code, caught.value.number) == (status, code, number)
    assert ark.ids() == []


def test_ark_can_hide_an_error_in_a_success(cloud, ark):
    cloud.fault(LIST, status=200, code="InternalError")
    with pytest.raises(RefusedError) as caught:
        ark.list()
    assert (caught.value.status, caught.value.code) == (200, "InternalError")


@pytest.mark.parametrize(
    ("words", "status", "code", "ec"),
    [
        ({"status": 503}, 503, "ServiceUnavailable", "0001-00000503"),
        ({"code": "NoSuchBucket"}, 404, "NoSuchBucket", "0006-00000001"),
        ({"code": "ExceedQPSLimit"}, 429, "ExceedQPSLimit", "0001-00000429"),
        ({"status": 403}, 403, "AccessDenied", "0001-00000403"),
    ],
)
def test_the_object_store_refuses_as_it_was_told_and_does_nothing(cloud, objects, words, status, code, ec):
    cloud.fault("tos:PutObject", **words)
    answer = put(objects, cloud)
    assert (answer.status, answer.code, answer.document["EC"]) == (status, code, ec)
    assert get(objects, cloud).code == "NoSuchKey"
    assert put(objects, cloud).status == 200


def test_a_refused_head_has_no_body(cloud, objects):
    put(objects, cloud)
    cloud.fault("tos:HeadObject", status=503)
    answer = objects.call("HEAD", f"/{cloud.info.bucket}/a.txt")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (503, b"", "0")


async def test_a_throttled_client_waits_as_long_as_it_is_told(cloud, arkdeck):
    cloud.fault(LIST, status=429, retry_after=1)
    began = time.monotonic()
    assert (await arkdeck.list_jobs(JobQuery())).total == 0
    assert time.monotonic() - began >= 1
    assert statuses(cloud, LIST) == [429, 200]


def test_the_official_client_of_the_store_waits_as_long_as_it_is_told(cloud):
    cloud.fault("tos:PutObject", status=503, retry_after=1)
    began = time.monotonic()
    tos_client(cloud.info, max_retry_count=2).put_object(cloud.info.bucket, "a.txt", content=b"x")
    assert time.monotonic() - began >= 1
    assert statuses(cloud, "tos:PutObject") == [503, 200]


# time


def test_a_delay_holds_a_call_back(cloud, ark):
    cloud.fault(LIST, delay=0.2)
    began = time.monotonic()
    ark.ids()
    assert time.monotonic() - began >= 0.2


def test_a_delay_ends_with_the_cloud(cloud, ark):
    cloud.fault(LIST, delay=3600)
    host, _, port = cloud.info.ark_endpoint.removeprefix("http://").partition(":")
    query = "Action=ListBatchInferenceJobs&Version=2024-01-01"
    waiting = http.client.HTTPConnection(host, int(port), timeout=10)
    waiting.request("POST", f"/?{query}", b"{}", ark.sign(query, b"{}"))
    wait_for(lambda: cloud._faults._fired)
    cloud.stop()
    with contextlib.closing(waiting):
        assert waiting.getresponse().status == 200


async def test_a_client_whose_clock_is_behind_sets_it_by_the_reply(cloud, arkdeck):
    cloud.fault(LIST, skew=3600, times=ALWAYS)
    assert (await arkdeck.list_jobs(JobQuery())).total == 0
    assert [(record.status, record.code) for record in cloud.requests] == [(403, "InvalidTimestamp"), (200, "")]


def test_the_reply_of_a_wrong_clock_shows_its_time(cloud, objects):
    cloud.fault("tos:GetObject", skew=-3600)
    answer = get(objects, cloud)
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")
    told = parsedate_to_datetime(answer.headers["Date"])
    assert abs(datetime.now(UTC) - timedelta(hours=1) - told) < timedelta(seconds=5)


# connections


@pytest.mark.parametrize(("when", "jobs"), [("before", 0), ("after", 1)])
def test_a_reset_leaves_no_reply_but_perhaps_a_job(cloud, ark, when, jobs):
    cloud.fault(CREATE, reset=when)
    with pytest.raises(httpx.ReadError, match="reset"):
        ark.create()
    assert len(ark.ids()) == jobs


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_a_reset_leaves_no_reply_but_perhaps_an_object(cloud, objects, when, status):
    cloud.fault("tos:PutObject", reset=when)
    with pytest.raises(ConnectionResetError):
        put(objects, cloud)
    objects.connection.close()
    assert get(objects, cloud).status == status


async def test_a_create_whose_reply_is_lost_is_not_made_twice(cloud, arkdeck):
    cloud.fault(CREATE, reset="after")
    with pytest.raises(ArkUnreachableError) as caught:
        await arkdeck.create_job(new_job(cloud))
    assert caught.value.maybe_applied
    assert len([job async for job in arkdeck.all_jobs(JobQuery())]) == 1


async def test_the_third_part_whose_reply_is_lost_is_sent_again(cloud, store, big_file):
    cloud.fault("tos:UploadPart", nth=3, reset="after")
    assert isinstance((await send(store, cloud.info, big_file))[-1], Uploaded)
    assert statuses(cloud, "tos:UploadPart").count(None) == 1
    assert read(cloud.info, "in.jsonl") == big_file.read_bytes()


def test_a_truncated_reply_ends_where_it_was_told(cloud, objects):
    put(objects, cloud)
    cloud.fault("tos:GetObject", truncate=4)
    with pytest.raises(http.client.IncompleteRead) as caught:
        get(objects, cloud)
    assert (caught.value.partial, caught.value.expected) == (b"0123", 6)
    objects.connection.close()
    assert get(objects, cloud).body == b"0123456789"


def test_a_truncated_list_is_no_list(cloud, ark):
    cloud.fault(LIST, truncate=20)
    with pytest.raises(httpx.RemoteProtocolError, match="received 20 bytes"):
        ark.list()
    assert ark.ids() == []


def test_a_stalled_reply_never_ends(cloud, objects):
    put(objects, cloud)
    cloud.fault("tos:GetObject", stall=4)
    objects.connection.timeout = 0.2
    objects.connection.close()
    with pytest.raises(TimeoutError):
        get(objects, cloud)
    objects.connection.close()
    assert get(objects, cloud).body == b"0123456789"


def test_a_stalled_reply_does_not_hold_the_cloud(cloud, ark):
    cloud.fault(LIST, stall=0)
    query = "Action=ListBatchInferenceJobs&Version=2024-01-01"
    url = f"{cloud.info.ark_endpoint}/?{query}"
    with httpx.stream("POST", url, content=b"{}", headers=ark.sign(query, b"{}")) as reply:
        assert reply.status_code == 200
        began = time.monotonic()
        cloud.stop()
        assert time.monotonic() - began < 1.5
        with pytest.raises(httpx.RemoteProtocolError):
            reply.read()


# checksums and uploads


def test_the_official_client_sees_a_wrong_checksum(cloud):
    cloud.fault("tos:PutObject", crc="wrong")
    with pytest.raises(tos.exceptions.TosClientError, match=r"(?i)crc"):
        tos_client(cloud.info).put_object(cloud.info.bucket, "a.txt", content=b"0123456789")


def test_a_wrong_checksum_is_told_of_the_right_content(cloud, objects):
    right = put(objects, cloud).headers["x-tos-hash-crc64ecma"]
    cloud.fault("tos:GetObject", crc="wrong")
    wrong, again = get(objects, cloud), get(objects, cloud)
    assert wrong.body == again.body == b"0123456789"
    assert wrong.headers["x-tos-hash-crc64ecma"] != again.headers["x-tos-hash-crc64ecma"] == right


async def test_a_part_with_a_wrong_checksum_is_sent_again(cloud, store, big_file):
    cloud.fault("tos:UploadPart", part=2, crc="wrong")
    assert isinstance((await send(store, cloud.info, big_file))[-1], Uploaded)
    assert [record.part for record in cloud.requests if record.fits("tos:UploadPart")].count(2) == 2
    assert read(cloud.info, "in.jsonl") == big_file.read_bytes()


async def test_a_forgotten_upload_is_begun_anew(cloud, store, big_file):
    cloud.fault("tos:UploadPart", nth=2, upload="forgotten")
    assert isinstance((await send(store, cloud.info, big_file))[-1], Uploaded)
    assert statuses(cloud, "tos:CreateMultipartUpload") == [200, 200]
    assert read(cloud.info, "in.jsonl") == big_file.read_bytes()


# where and when


def test_a_fault_may_be_about_one_object(cloud, objects):
    cloud.fault("tos:PutObject", key="*.csv", status=500)
    assert [put(objects, cloud, key=key).status for key in ("a.txt", "b.csv", "c.csv")] == [200, 500, 200]


def test_a_fault_may_be_about_one_job_by_its_name(cloud, ark):
    one, other = ark.create("1", Name="nightly"), ark.create("2", Name="weekly")
    cloud.fault("ark:GetBatchInferenceJob", job="week*", status=500)
    assert ark.get(one)["Id"] == one
    with pytest.raises(RefusedError, match="500"):
        ark.get(other)


def test_a_fault_may_be_about_the_input_of_a_new_job(cloud, ark):
    cloud.fault(CREATE, key="in/*", status=500)
    assert ark.create("other.jsonl")
    with pytest.raises(RefusedError, match="500"):
        ark.create("in/data.jsonl")


def test_cleared_faults_are_gone(cloud, ark):
    cloud.fault("*:*", status=500, times=ALWAYS)
    cloud.clear_faults()
    assert ark.ids() == []


def test_a_fault_does_not_open_the_cloud_to_strangers(cloud, ark):
    cloud.fault(LIST, code="InternalError")
    query = "Action=ListBatchInferenceJobs&Version=2024-01-01"
    reply = httpx.post(f"{cloud.info.ark_endpoint}/?{query}", content=b"{}", headers=ark.sign(query, b"x"))
    assert reply.json()["ResponseMetadata"]["Error"]["Code"] == "SignatureDoesNotMatch"


def test_what_is_no_request_is_refused_by_both(cloud):
    for endpoint in (cloud.info.ark_endpoint, cloud.info.tos_endpoint):
        port = int(endpoint.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
            wire.sendall(b"nonsense\r\n\r\n")
            assert wire.makefile("rb").readline().split()[1] == b"400"
