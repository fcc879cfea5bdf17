"""A client of the object storage for tests: signs from the fact sheet, and sends exactly the bytes it is told to."""

import contextlib
import hashlib
import hmac
import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from tui.localcloud.keys import Keys
from tui.localcloud.object_storage import ObjectStorage
from tui.localcloud.tos_api import TosService

KEYS = Keys("AKLTTESTONLY", "not-a-secret-0123456789")
REGION = "cn-beijing"
BUCKET = "answers"


@contextlib.contextmanager
def running(folder, keys=KEYS, **options):
    """A service on the objects in `folder`, with one bucket."""
    storage = ObjectStorage(folder)
    if not storage.bucket_exists(BUCKET):
        storage.create_bucket(BUCKET)
    service = TosService(storage, keys, REGION, **options)
    service.start()
    try:
        yield service
    finally:
        service.stop()
        storage.close()


def canonical_query(parameters):
    pairs = sorted(parameters.items())
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def signature(method, path, query, headers, payload_hash, date, keys=KEYS, region=REGION):
    """The signature of a request whose query is canonical and whose `headers` are those to sign."""
    names = sorted(headers)
    lines = [f"{name}:{headers[name]}" for name in names]
    canonical = "\n".join([method, path, query, *lines, "", ";".join(names), payload_hash])
    scope = f"{date[:8]}/{region}/tos/request"
    key = keys.secret_key.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"TOS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def signed_headers(
    method, host, path, query="", extra=None, *, keys=KEYS, region=REGION, at=None, hashed="UNSIGNED-PAYLOAD"
):
    """The headers that make a request valid; `hashed` None leaves the header out, as the Go and Rust clients do."""
    date = f"{at or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    headers = {"host": host, "x-tos-date": date, **(extra or {})}
    if hashed is not None:
        headers["x-tos-content-sha256"] = hashed
    if keys.session_token:
        headers["x-tos-security-token"] = keys.session_token
    signed = {name: value for name, value in headers.items() if name == "host" or name.startswith("x-tos-")}
    payload_hash = hashlib.sha256().hexdigest() if hashed is None else hashed
    made = signature(method, path, query, signed, payload_hash, date, keys, region)
    credential = f"{keys.access_key}/{date[:8]}/{region}/tos/request"
    names = ";".join(sorted(signed))
    headers["authorization"] = f"TOS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={made}"
    return headers


def signed_url_query(method, host, path, parameters=None, *, expires=3600, at=None, keys=KEYS, region=REGION):
    """The query of a pre-signed URL."""
    date = f"{at or datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    parameters = {
        **(parameters or {}),
        "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
        "X-Tos-Credential": f"{keys.access_key}/{date[:8]}/{region}/tos/request",
        "X-Tos-Date": date,
        "X-Tos-Expires": str(expires),
        "X-Tos-SignedHeaders": "host",
    }
    if keys.session_token:
        parameters["X-Tos-Security-Token"] = keys.session_token
    query = canonical_query(parameters)
    made = signature(method, path, query, {"host": host}, "UNSIGNED-PAYLOAD", date, keys, region)
    return f"{query}&X-Tos-Signature={made}"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def document(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.document["Code"]


class TosCaller:
    """Calls one service path style, over one connection."""

    def __init__(self, service, keys=KEYS):
        self.host = f"127.0.0.1:{service.port}"
        self.keys = keys
        self.connection = http.client.HTTPConnection(self.host, timeout=10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def call(self, method, path, body=None, *, query=None, headers=None, **signing):
        """Send a signed request to `/bucket/key` (plain text, encoded here) and return what came."""
        path, query = quote(path, safe="-_.~/"), canonical_query(query or {})
        headers = signed_headers(method, self.host, path, query, headers, **({"keys": self.keys} | signing))
        return self.send(method, f"{path}?{query}" if query else path, body, headers)

    def send(self, method, target, body=None, headers=None):
        """Send a request as it is."""
        self.connection.request(method, target, body, headers or {})
        response = self.connection.getresponse()
        return Answer(response.status, response.msg, response.read())
