"""The object storage's transport: what arrives on a socket is answered, whatever it is."""

import base64
import hashlib
import http.client
import socket
import struct
import threading
import time

import pytest
from tos_caller import BUCKET, TosCaller, canonical_query, running, signed_headers, signed_url_query

from tui.localcloud.fault_spec import parse_fault
from tui.localcloud.faults import FaultPlan
from tui.localcloud.front_desk import FrontDesk
from tui.localcloud.http_messages import Source
from tui.localcloud.keys import Keys
from tui.localcloud.request_log import RequestLog

BODY = b"a body that nobody waits for" * 1000


@pytest.fixture
def service(tmp_path):
    """A service with one bucket."""
    with running(tmp_path / "objects") as started:
        yield started


@pytest.fixture
def tos(service):
    """A client of that service."""
    with TosCaller(service) as caller:
        yield caller


class Wire:
    """A bare socket to a service."""

    def __init__(self, service):
        self.host = f"127.0.0.1:{service.port}"
        self.socket = socket.create_connection(("127.0.0.1", service.port), timeout=10)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *pieces):
        for piece in pieces:
            self.socket.sendall(piece)

    def request(self, method, target, *, host=None, path=None, extra=None, **signing):
        """Send the head of a signed request; `extra` headers are not signed unless they are x-tos-*."""
        headers = signed_headers(method, host or self.host, path or target, "", extra, **signing)
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def answer(self):
        """Read one answer: its status, its headers, its body."""
        status = int(self.file.readline().split()[1])
        headers = http.client.parse_headers(self.file)
        return status, headers, self.file.read(int(headers.get("Content-Length", 0)))

    def ended(self):
        """Whether the service closed the connection."""
        return self.file.read(1) == b""


@pytest.fixture
def wire(service):
    """A bare socket to the service."""
    with Wire(service) as opened:
        yield opened


@pytest.mark.parametrize(
    "garbage",
    [
        b"HELO local\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET nowhere HTTP/1.1\r\n\r\n",
        b"GET ftp://host/ HTTP/1.1\r\n\r\n",
        b"G\x00T / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n name: folded\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \xb2\r\n\r\n",
        b"GET / HTTP/1.1\r\nname: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_garbage_is_refused_and_nobody_hears_of_it(service, capfd, garbage):
    with Wire(service) as wire:
        wire.send(garbage)
        status, _, _ = wire.answer()
        assert (status, wire.ended()) == (400, True)
    assert capfd.readouterr().err == ""


def test_a_client_that_speaks_tls_is_left_at_once(wire):
    wire.send(b"\x16\x03\x01\x02\x00\x01")
    assert wire.ended()


def test_a_head_without_end_is_answered_before_it_was_all_sent(wire):
    wire.send(b"GET / HTTP/1.1\r\nHost: a\r\nname: " + b"x" * 500_000)
    assert (wire.answer()[0], wire.ended()) == (400, True)


@pytest.mark.parametrize(
    ("header", "status"),
    [("transfer-encoding: gzip, chunked", 501), ("transfer-encoding: xchunked", 501), ("expect: a-miracle", 417)],
)
def test_what_http_allows_and_is_not_here_is_refused(wire, header, status):
    wire.send(f"PUT /{BUCKET}/a HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n".encode())
    assert (wire.answer()[0], wire.ended()) == (status, True)


@pytest.mark.parametrize("connection", ["close", "Close, TE", "te,close"])
def test_a_client_that_wants_to_leave_is_let_go(wire, connection):
    wire.request("HEAD", f"/{BUCKET}", extra={"connection": connection})
    assert (wire.answer()[0], wire.ended()) == (200, True)


def test_numbers_without_end_are_no_numbers(tos):
    many = "1" * 5000
    assert tos.call("PUT", f"/{BUCKET}/a", b"data", query={"uploadId": "x", "partNumber": many}).status == 400
    tos.call("PUT", f"/{BUCKET}/a", b"data")
    assert tos.call("GET", f"/{BUCKET}/a", headers={"range": f"bytes={many}-"}).body == b"data"
    query = signed_url_query("GET", tos.host, f"/{BUCKET}/a", expires=f"000000001{many}")
    assert tos.send("GET", f"/{BUCKET}/a?{query}").code == "AuthorizationQueryParametersError"


def test_an_idle_connection_holds_little():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname(), timeout=10)
        here, _ = listener.accept()
    with here, there:
        source = Source(here)
        held = [len(source._buffer)]
        there.sendall(b"x" * 100_000)
        source.wait()
        source.expect(100_000)
        held.append(len(source._buffer))
        left = 100_000
        while left:
            left -= len(source.read(left))
        there.sendall(b"x")
        source.wait()
        held.append(len(source._buffer))
    assert held == [16 * 1024, 512 * 1024, 16 * 1024]


@pytest.mark.parametrize("start", [b"", b"PUT /answers/a HT", b"PUT /answers/a HTTP/1.1\r\nContent-Length: 5\r\n"])
def test_a_peer_that_goes_away_leaves_nothing_behind(service, capfd, start):
    with Wire(service) as wire:
        wire.send(start)
    with TosCaller(service) as tos:
        assert tos.call("GET", f"/{BUCKET}").document["Contents"] == []
    assert capfd.readouterr().err == ""


def test_a_body_that_is_cut_becomes_no_object(service, tmp_path, capfd):
    with Wire(service) as wire:
        wire.request("PUT", f"/{BUCKET}/a", extra={"content-length": "1000"})
        wire.send(b"x" * 500)
        wire.socket.shutdown(socket.SHUT_WR)
        status, _, body = wire.answer()
        assert (status, b'"UnexpectedEOF"' in body, wire.ended()) == (400, True, True)
    with TosCaller(service) as tos:
        assert tos.call("HEAD", f"/{BUCKET}/a").status == 404
    assert list((tmp_path / "objects" / "blobs").iterdir()) == []
    assert capfd.readouterr().err == ""


def test_a_peer_that_resets_within_a_refused_body_is_on_record(tmp_path):
    log = RequestLog()
    with running(tmp_path / "objects", desk=FrontDesk("tos", FaultPlan(), log)) as service:
        with Wire(service) as wire:
            wire.send(b"PUT /answers/a HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", b"x" * 500)
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        deadline = time.monotonic() + 10
        while not log.records() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [record.code for record in log.records()] == ["AccessDenied"]


@pytest.mark.parametrize("ahead", [1e9, -1e9])
def test_the_furthest_clock_still_answers(tmp_path, ahead):
    faults = FaultPlan([parse_fault(f"tos:HeadBucket:skew={ahead}")])
    with (
        running(tmp_path / "objects", desk=FrontDesk("tos", faults, RequestLog())) as service,
        TosCaller(service) as tos,
    ):
        assert tos.call("HEAD", f"/{BUCKET}").status == 403


def test_a_refused_request_is_drained_and_the_connection_goes_on(wire):
    for _ in range(2):
        wire.request("PUT", "/nowhere-at-all/a", extra={"content-length": str(len(BODY))})
        wire.send(BODY)
        assert wire.answer()[0] == 404


def test_an_unsigned_body_is_drained_too(wire):
    wire.send(f"PUT /{BUCKET}/a HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n".encode(), BODY)
    assert wire.answer()[0] == 403
    wire.request("HEAD", f"/{BUCKET}")
    assert wire.answer()[0] == 200


def test_requests_may_be_sent_before_the_answers(wire):
    wire.request("PUT", f"/{BUCKET}/a", extra={"content-length": "5"})
    wire.send(b"hello")
    wire.request("GET", f"/{BUCKET}/a")
    assert wire.answer()[0] == 200
    assert wire.answer()[2] == b"hello"


@pytest.mark.parametrize("size", [0, 1, 5000, 2_000_000])
def test_a_chunked_body_is_put_together(wire, tos, size):
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    wire.request("PUT", f"/{BUCKET}/a", extra={"transfer-encoding": "chunked"})
    pieces = [data[start : start + 70_000] for start in range(0, size, 70_000)]
    wire.send(*(f"{len(piece):X};ext=1\r\n".encode() + piece + b"\r\n" for piece in pieces))
    wire.send(b"0\r\ntrailer: x\r\n\r\n")
    assert wire.answer()[0] == 200
    assert tos.call("GET", f"/{BUCKET}/a").body == data


@pytest.mark.parametrize(
    "chunk", [b"xyz\r\n", b"-5\r\nhello\r\n", b"\r\n", b"0x5\r\nhello\r\n", b"5\r\nhello!\r\n0\r\n\r\n"]
)
def test_a_chunk_that_is_none_is_refused(wire, chunk):
    wire.request("PUT", f"/{BUCKET}/a", extra={"transfer-encoding": "chunked"})
    wire.send(chunk)
    assert (wire.answer()[0], wire.ended()) == (400, True)


def test_a_client_that_asks_first_is_told_to_go_on(wire):
    wire.request("PUT", f"/{BUCKET}/a", extra={"content-length": "5", "expect": "100-continue"})
    assert wire.answer()[0] == 100
    wire.send(b"hello")
    assert wire.answer()[0] == 200


def test_an_absolute_target_names_the_host(wire):
    host = f"{BUCKET}.tos-cn-beijing.volces.com"
    wire.request("HEAD", f"http://{host}/", host=host, path="/")
    assert wire.answer()[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        f"{BUCKET}.tos-cn-beijing.volces.com",
        f"{BUCKET}.tos.local:1234",
        f"{BUCKET}.localhost",
        f"{BUCKET}.localhost:80",
        f"{BUCKET}.127.0.0.1:80",
        f"{BUCKET}.objects.made.up",
    ],
)
def test_a_bucket_may_be_in_the_host(wire, host):
    wire.request("HEAD", "/", host=host)
    status, headers, _ = wire.answer()
    assert (status, headers["x-tos-bucket-region"]) == (200, "cn-beijing")


@pytest.mark.parametrize(
    "host", ["tos-cn-beijing.volces.com", "tos.local", "localhost:80", "127.0.0.1", "[::1]:80", "sim.local"]
)
def test_a_bare_endpoint_is_about_all_buckets(wire, host):
    wire.request("GET", "/", host=host)
    assert b'"Buckets"' in wire.answer()[2]


def test_an_error_to_a_head_has_no_body(wire):
    wire.request("HEAD", f"/{BUCKET}/nothing")
    status, headers, _ = wire.answer()
    assert (status, headers["Content-Length"], headers["x-tos-ec"]) == (404, "0", "0017-00000003")
    assert headers["x-tos-request-id"]


def test_an_empty_object_is_sent_at_once(tos):
    tos.call("PUT", f"/{BUCKET}/a", b"")
    begun = time.monotonic()
    assert tos.call("GET", f"/{BUCKET}/a").body == b""
    assert time.monotonic() - begun < 0.15  # a head that waits for its body is held back for 200 ms


def test_an_old_client_is_answered_and_left(wire):
    query = signed_url_query("GET", "localhost", f"/{BUCKET}")
    wire.send(f"GET /{BUCKET}?{query} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    assert (wire.answer()[0], wire.ended()) == (200, True)


def test_a_signed_body_must_be_that_body(tos):
    digest = hashlib.sha256(b"this").hexdigest()
    assert tos.call("PUT", f"/{BUCKET}/a", b"that", hashed=digest).code == "ContentSHA256Mismatch"
    assert tos.call("HEAD", f"/{BUCKET}/a").status == 404
    assert tos.call("PUT", f"/{BUCKET}/a", b"this", hashed=digest).status == 200


@pytest.mark.parametrize(("promised", "code"), [(b"that", "BadDigest"), (None, "InvalidDigest")])
def test_a_promised_md5_must_hold(tos, promised, code):
    digest = base64.b64encode(hashlib.md5(promised).digest()).decode() if promised else "bm9uZQ=="
    assert tos.call("PUT", f"/{BUCKET}/a", b"this", headers={"content-md5": digest}).code == code
    assert tos.call("HEAD", f"/{BUCKET}/a").status == 404


def test_a_wrong_secret_is_refused_with_everything_a_ticket_needs(tos):
    answer = tos.call("GET", f"/{BUCKET}/a", keys=Keys(tos.keys.access_key, "wrong"))
    assert (answer.status, answer.code, answer.document["EC"]) == (
        403,
        "SignatureDoesNotMatch",
        answer.headers["x-tos-ec"],
    )
    assert answer.document["RequestId"] == answer.headers["x-tos-request-id"]
    assert answer.document["Resource"] == f"/{BUCKET}/a"


def test_a_signed_url_needs_no_headers(tos):
    tos.call("PUT", f"/{BUCKET}/a b", b"data")
    query = signed_url_query("GET", tos.host, f"/{BUCKET}/a%20b", {"response-content-type": "text/csv"})
    answer = tos.send("GET", f"/{BUCKET}/a%20b?{query}")
    assert (answer.body, answer.headers["Content-Type"]) == (b"data", "text/csv")


@pytest.mark.parametrize("query", [{"acl": ""}, {"tagging": ""}, {"append": "", "offset": "0"}, {"versionId": "1"}])
def test_what_is_not_here_is_not_mistaken_for_a_put(tos, query):
    assert tos.call("PUT", f"/{BUCKET}/a", b"data", query=query).code == "UnImplemented"
    assert tos.call("HEAD", f"/{BUCKET}/a").status == 404


def test_nothing_here_becomes_public(tos):
    answer = tos.call("PUT", f"/{BUCKET}/a", b"data", headers={"x-tos-acl": "public-read"})
    assert answer.code == "UnImplemented"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-tos-tagging", "a=b"),
        ("x-tos-server-side-encryption", "AES256"),
        ("x-tos-server-side-encryption-customer-key-md5", "x"),
        ("x-tos-callback", "x"),
        ("x-tos-callback-var", "x"),
        ("x-tos-grant-read", "id=1"),
        ("x-tos-object-expires", "1"),
        ("x-tos-acl", "bucket-owner-full-control"),
        ("x-tos-storage-class", "IA"),
    ],
)
def test_a_header_that_asks_for_what_is_not_here_is_not_dropped(tos, name, value):
    answer = tos.call("PUT", f"/{BUCKET}/a", b"data", headers={name: value})
    assert (answer.status, answer.code, name in answer.document["Message"]) == (501, "UnImplemented", True)
    assert tos.call("HEAD", f"/{BUCKET}/a").status == 404


@pytest.mark.parametrize(
    ("name", "other", "kept"),
    [
        ("x-tos-storage-class", "IA", "STANDARD"),
        ("x-tos-az-redundancy", "multi-az", "single-az"),
        ("x-tos-project-name", "evaluation", "default"),
        ("x-tos-bucket-type", "hns", "fns"),
    ],
)
def test_a_bucket_of_another_kind_is_refused(tos, name, other, kept):
    assert tos.call("PUT", "/more", headers={name: other}).status == 501
    assert tos.call("HEAD", "/more").status == 404
    assert tos.call("PUT", "/more", headers={name: kept}).status == 200


def test_buckets_of_another_project_are_not_made_up(tos):
    assert tos.call("GET", "/", headers={"x-tos-project-name": "evaluation"}).code == "UnImplemented"
    assert tos.call("GET", "/", headers={"x-tos-project-name": "default"}).status == 200


def test_a_folder_is_not_deleted_as_if_it_were_an_object(tos):
    tos.call("PUT", f"/{BUCKET}/folder/a", b"data")
    assert tos.call("DELETE", f"/{BUCKET}/folder/", query={"recursive": "true"}).code == "UnImplemented"
    assert tos.call("DELETE", f"/{BUCKET}/folder/", query={"recursive": "false"}).status == 204


@pytest.mark.parametrize("path", ["folder", "folder/"])
def test_the_status_of_a_folder_is_told_from_that_of_an_object(tos, path):
    tos.call("PUT", f"/{BUCKET}/folder/a", b"data")
    document = tos.call("GET", f"/{BUCKET}/{path}", query={"stat": ""}).document
    assert (document["Key"], document["Size"]) == ("folder/", 0)
    assert tos.call("GET", f"/{BUCKET}/folder/a", query={"stat": ""}).document["Size"] == 4
    assert tos.call("GET", f"/{BUCKET}/fold", query={"stat": ""}).code == "NoSuchKey"


def test_a_method_that_means_nothing_is_refused(tos):
    assert tos.call("PATCH", f"/{BUCKET}/a").code == "MethodNotAllowed"


def test_it_listens_on_one_address_of_this_machine(service):
    with pytest.raises(OSError, match=r"refused|unreachable|assign"):
        socket.create_connection(("127.0.0.2", service.port), timeout=5)


def test_stopping_ends_idle_connections(service, wire):
    wire.request("HEAD", f"/{BUCKET}")
    assert wire.answer()[0] == 200
    service.stop()
    assert wire.ended()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.port))


def test_stopping_lets_a_request_end(service, wire):
    wire.request("PUT", f"/{BUCKET}/a", extra={"content-length": "5", "expect": "100-continue"})
    assert wire.answer()[0] == 100
    stopping = threading.Thread(target=service.stop)
    stopping.start()
    wire.send(b"hello")
    status, headers, _ = wire.answer()
    assert (status, headers["Connection"], wire.ended()) == (200, "close", True)
    stopping.join(10)


def test_many_connections_are_served_at_once(service):
    wires = [Wire(service) for _ in range(50)]
    for number, wire in enumerate(wires):
        wire.request("PUT", f"/{BUCKET}/{number}", extra={"content-length": "2"})
    for wire in reversed(wires):
        wire.send(b"ok")
        with wire:
            assert wire.answer()[0] == 200


def test_a_query_is_decoded_as_it_was_signed(tos):
    tos.call("PUT", f"/{BUCKET}/中 +/a", b"")
    query = canonical_query({"prefix": "中 +/"})
    headers = signed_headers("GET", tos.host, f"/{BUCKET}", query)
    answer = tos.send("GET", f"/{BUCKET}?{query.replace('%20', '+')}", headers=headers)
    assert [entry["Key"] for entry in answer.document["Contents"]] == ["中 +/a"]
