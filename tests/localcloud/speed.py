"""How fast the local cloud is on this machine: `python -m tests.localcloud.speed`."""

import hashlib
import hmac
import http.client
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from tui.localcloud import LocalCloud

MIB = 1024 * 1024
SIZE = 512 * MIB
REQUESTS = 100_000


def signed_url(info, method, key):
    """A URL that needs no further signature, so that the client's own work is nothing."""
    host, date = info.tos_endpoint.removeprefix("http://"), f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"{date[:8]}/{info.region}/tos/request"
    path = f"/{info.bucket}/{key}"
    query = "&".join(
        f"{name}={quote(value, safe='')}"
        for name, value in sorted(
            {
                "X-Tos-Algorithm": "TOS4-HMAC-SHA256",
                "X-Tos-Credential": f"{info.access_key}/{scope}",
                "X-Tos-Date": date,
                "X-Tos-Expires": "3600",
                "X-Tos-SignedHeaders": "host",
            }.items()
        )
    )
    canonical = f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    secret = info.secret_key.encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    text = f"TOS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return f"{path}?{query}&X-Tos-Signature={hmac.digest(secret, text.encode(), 'sha256').hex()}"


def connect(info):
    connection = http.client.HTTPConnection(info.tos_endpoint.removeprefix("http://"), timeout=60, blocksize=MIB)
    connection.connect()
    return connection


def put(info, path):
    connection = connect(info)
    with path.open("rb") as file:
        connection.request("PUT", signed_url(info, "PUT", "big"), file, {"Content-Length": str(SIZE)})
        assert connection.getresponse().read() == b""


def get(info):
    connection = connect(info)
    connection.request("GET", signed_url(info, "GET", "big"))
    response, buffer, total = connection.getresponse(), bytearray(MIB), 0
    while count := response.readinto(buffer):
        total += count
    assert total == SIZE


def run_job(cloud):
    """Time a job of many requests from its creation to its end."""
    from tests.localcloud.ark_caller import ArkCaller

    lines = (json.dumps({"custom_id": f"{n}", "body": {"messages": [{"role": "user", "content": f"question {n}"}]}})
             for n in range(REQUESTS))  # fmt: skip
    body = "\n".join(lines).encode()
    connection = connect(cloud.info)
    connection.request("PUT", signed_url(cloud.info, "PUT", "data.jsonl"), body)
    connection.getresponse().read()
    with ArkCaller(cloud.info) as ark:
        began = time.monotonic()
        job_id = ark.create()
        while ark.phase(job_id) != "Completed":
            time.sleep(0.02)
        return time.monotonic() - began


def best(action, *arguments):
    """The shortest of three times."""
    times = []
    for _ in range(3):
        began = time.monotonic()
        action(*arguments)
        times.append(time.monotonic() - began)
    return min(times)


def main():
    with tempfile.TemporaryDirectory() as folder, LocalCloud(speed=0) as cloud:
        source = Path(folder) / "big"
        with source.open("wb") as file:
            for number in range(SIZE // MIB):
                file.write(number.to_bytes(4, "big") * (MIB // 4))
        lines = [
            f"put 512 MiB   {SIZE / best(put, cloud.info, source) / 1e6:7.0f} MB/s",
            f"get 512 MiB   {SIZE / best(get, cloud.info) / 1e6:7.0f} MB/s",
            f"run a job     {REQUESTS / run_job(cloud):7.0f} requests/s, checked, answered and published",
        ]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
