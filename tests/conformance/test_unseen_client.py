"""A client written from the public rules alone: plain sockets' HTTP, its own signatures, every way to address.

It imports nothing of the project and shares no line with the other callers of the tests.
"""

import hashlib
import hmac
import http.client
import json
import time
from urllib.parse import quote, urlsplit

import pytest

UNRESERVED = "-_.~"


def utc():
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def chain(secret, *steps):
    key = secret.encode()
    for step in steps:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key


def digest(data):
    return hashlib.sha256(data).hexdigest()


def encoded(parameters):
    return "&".join(f"{quote(k, safe=UNRESERVED)}={quote(v, safe=UNRESERVED)}" for k, v in sorted(parameters.items()))


class Unseen:
    """Signs and sends to both services; `tos` decides about host, path and target itself."""

    def __init__(self, info):
        self.info = info
        self.tos_port = urlsplit(info.tos_endpoint).port
        self.ark_port = urlsplit(info.ark_endpoint).port

    def authorization(self, algorithm, service, date, method, path, query, headers, payload):
        names = sorted(headers)
        lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{payload}"
        scope = [date[:8], self.info.region, service, "request"]
        text = f"{algorithm}\n{date}\n{'/'.join(scope)}\n{digest(canonical.encode())}"
        signature = hmac.new(chain(self.info.secret_key, *scope), text.encode(), hashlib.sha256).hexdigest()
        credential = f"{self.info.access_key}/{'/'.join(scope)}"
        return f"{algorithm} Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"

    def tos(self, method, host, path, body=None, *, query=None, extra=None, absolute=False, hashed=True):
        """Send to the object store what is signed for `host` and `path`."""
        date, path, query = utc(), quote(path, safe=f"{UNRESERVED}/"), encoded(query or {})
        signed = {"host": host, "x-tos-date": date}
        payload = digest(body if isinstance(body, bytes) else b"") if hashed else digest(b"")
        if hashed:
            signed["x-tos-content-sha256"] = payload
        authorization = self.authorization("TOS4-HMAC-SHA256", "tos", date, method, path, query, signed, payload)
        target = f"{path}?{query}" if query else path
        if absolute:
            target = f"http://{host}{target}"
        headers = {**signed, "authorization": authorization, **(extra or {})}
        return self.send(self.tos_port, method, target, body, headers)

    def ark(self, action, fields, *, host=None, absolute=False):
        """Send an action to the Ark OpenAPI."""
        date, body, query = utc(), json.dumps(fields).encode(), encoded({"Action": action, "Version": "2024-01-01"})
        host = host or f"127.0.0.1:{self.ark_port}"
        signed = {
            "content-type": "application/json",
            "host": host,
            "x-content-sha256": digest(body),
            "x-date": date,
        }
        authorization = self.authorization("HMAC-SHA256", "ark", date, "POST", "/", query, signed, digest(body))
        target = f"http://{host}/?{query}" if absolute else f"/?{query}"
        return self.send(self.ark_port, "POST", target, body, {**signed, "authorization": authorization})

    def send(self, port, method, target, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            chunked = body is not None and not isinstance(body, bytes)
            if chunked:
                connection.putheader("Transfer-Encoding", "chunked")
            elif body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body, encode_chunked=chunked)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One cloud for all tests: each takes a key of its own."""
    from tui.localcloud import LocalCloud

    with LocalCloud(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture
def unseen(cloud):
    """The client."""
    return Unseen(cloud.info)


def ways(unseen):
    """Yield how one can name a bucket: host, what the path begins with, whether the target is absolute."""
    bucket, port = unseen.info.bucket, unseen.tos_port
    for host in (f"127.0.0.1:{port}", f"localhost:{port}"):
        yield host, f"/{bucket}", False
        yield host, f"/{bucket}", True
    for host in (
        f"{bucket}.localhost:{port}",
        f"{bucket}.127.0.0.1:{port}",
        f"{bucket}.tos-cn-beijing.volces.com",
        f"{bucket}.tos-cn-beijing.ivolces.com",
        f"{bucket}.tos-ap-southeast-1.bytepluses.com",
        f"{bucket}.objects.example.com",
        f"{bucket.upper()}.LocalHost:{port}",
    ):
        yield host, "", False
        yield host, "", True


@pytest.mark.parametrize("key", ["plain", "a b+c%20/批量?&=#.jsonl", "//two", "dir/", "é~!*'()"])
def test_one_object_by_every_way_to_name_its_bucket(unseen, key):
    for number, (host, root, absolute) in enumerate(ways(unseen)):
        body = f"{number}".encode()
        status, headers, said = unseen.tos("PUT", host, f"{root}/{key}", body, absolute=absolute)
        assert (status, said) == (200, b""), (host, said)
        assert headers["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
        for other, other_root, other_absolute in ways(unseen):
            assert unseen.tos("GET", other, f"{other_root}/{key}", absolute=other_absolute)[::2] == (200, body)


def test_a_key_that_begins_like_the_bucket_is_no_trap(unseen):
    bucket = unseen.info.bucket
    host = f"{bucket}.localhost:{unseen.tos_port}"
    assert unseen.tos("PUT", host, f"/{bucket}/x", b"inner")[0] == 200
    path_style = f"127.0.0.1:{unseen.tos_port}"
    assert unseen.tos("GET", path_style, f"/{bucket}/{bucket}/x")[2] == b"inner"
    assert unseen.tos("GET", path_style, f"/{bucket}/x")[0] == 404


def test_the_root_of_each_host_is_what_it_names(unseen):
    bucket, port = unseen.info.bucket, unseen.tos_port
    listing = unseen.tos("GET", f"{bucket}.localhost:{port}", "/", query={"list-type": "2"})
    assert json.loads(listing[2])["Name"] == bucket
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "tos-cn-beijing.volces.com"):
        found = json.loads(unseen.tos("GET", host, "/")[2])
        assert bucket in [one["Name"] for one in found["Buckets"]]
    assert unseen.tos("HEAD", f"127.0.0.1:{port}", f"/{bucket}")[0] == 200
    assert unseen.tos("HEAD", f"127.0.0.1:{port}", f"/{bucket}/")[0] == 200


def test_another_host_than_the_signed_one_is_refused(unseen):
    bucket, port = unseen.info.bucket, unseen.tos_port
    status, _, said = unseen.tos("GET", f"{bucket}.localhost:{port}", "/a", extra={"host": f"127.0.0.1:{port}"})
    assert (status, json.loads(said)["Code"]) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("hashed", [True, False], ids=["hash declared", "hash left out"])
def test_both_rules_for_the_hash_of_the_body(unseen, hashed):
    host = f"127.0.0.1:{unseen.tos_port}"
    assert unseen.tos("PUT", host, f"/{unseen.info.bucket}/hashed", b"data", hashed=hashed)[0] == 200


def test_a_chunked_body(unseen):
    host, path = f"127.0.0.1:{unseen.tos_port}", f"/{unseen.info.bucket}/chunked"
    assert unseen.tos("PUT", host, path, iter([b"one ", b"two"]), hashed=False)[0] == 200
    assert unseen.tos("GET", host, path)[2] == b"one two"


def test_ranges_and_their_end(unseen):
    host, path = f"127.0.0.1:{unseen.tos_port}", f"/{unseen.info.bucket}/ranged"
    unseen.tos("PUT", host, path, b"0123456789")
    status, headers, said = unseen.tos("GET", host, path, extra={"Range": "bytes=2-4"})
    assert (status, headers["Content-Range"], said) == (206, "bytes 2-4/10", b"234")
    assert unseen.tos("GET", host, path, extra={"Range": "bytes=10-"})[0] == 416
    status, headers, said = unseen.tos("HEAD", host, path)
    assert (status, headers["Content-Length"], said) == (200, "10", b"")
    status, headers, said = unseen.tos("HEAD", host, f"{path}-not")
    assert (status, headers["Content-Length"], said) == (404, "0", b"")


@pytest.mark.parametrize("absolute", [False, True])
def test_the_ark_openapi_under_any_host(unseen, absolute):
    for host in (None, f"localhost:{unseen.ark_port}", "ark.cn-beijing.volcengineapi.com", "open.volcengineapi.com"):
        status, _, said = unseen.ark("ListBatchInferenceJobs", {"PageSize": 1}, host=host, absolute=absolute)
        assert (status, json.loads(said)["Result"]["PageSize"]) == (200, 1), (host, said)
