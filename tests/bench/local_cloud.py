"""How fast the local cloud is: `make bench`. Ratios are to a bare peer in the same run, as machines differ.

Objects: put and get of 512 MiB over plain sockets, against a loop that writes and reads a file with the same blocks.
Engine: rows per second of one job at full speed, against encoding as many rows of the same size.
Scenes: seconds to fill them.
"""

import hashlib
import hmac
import json
import os
import socket
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tui.clock import FrozenClock
from tui.localcloud import LocalCloud

MIB = 1024 * 1024
SIZE = 512 * MIB
BLOCK = MIB
ROUNDS = 3
REQUESTS = 50_000


def timed(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def report(what, seconds, bare, amount, unit):
    say(f"{what:10} {amount / min(seconds):10,.0f} {unit}   {min(bare) / min(seconds):5.2f} of a bare peer")


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def signed_head(info, method, key, length):
    """Return the head of a signed request to the object store, path style."""
    date, host = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}", urlsplit(info.tos_endpoint).netloc
    path, payload = f"/{info.bucket}/{key}", "UNSIGNED-PAYLOAD"
    names = "host;x-tos-content-sha256;x-tos-date"
    lines = f"host:{host}\nx-tos-content-sha256:{payload}\nx-tos-date:{date}\n"
    canonical = f"{method}\n{path}\n\n{lines}\n{names}\n{payload}"
    scope = f"{date[:8]}/{info.region}/tos/request"
    secret = info.secret_key.encode()
    for step in scope.split("/"):
        secret = hmac.digest(secret, step.encode(), "sha256")
    text = f"TOS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.digest(secret, text.encode(), "sha256").hex()
    credential = f"{info.access_key}/{scope}"
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nx-tos-date: {date}\r\nx-tos-content-sha256: {payload}\r\n"
        f"Authorization: TOS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}\r\n"
        f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    ).encode()


def exchange(info, method, key, length=0):
    """Send a request with a body of zeros and receive the answer, keeping nothing of it."""
    block, buffer = memoryview(bytes(BLOCK)), bytearray(BLOCK)
    with socket.create_connection(("127.0.0.1", urlsplit(info.tos_endpoint).port)) as peer:
        peer.sendall(signed_head(info, method, key, length))
        for _ in range(length // BLOCK):
            peer.sendall(block)
        received = peer.recv_into(buffer)
        if not buffer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the object store refused: {bytes(buffer[:received])!r}")
        while count := peer.recv_into(buffer):
            received += count
        return received


def write_file(path):
    block = bytes(BLOCK)
    with path.open("wb", buffering=0) as file:
        for _ in range(SIZE // BLOCK):
            file.write(block)


def read_file(path):
    buffer = bytearray(BLOCK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def measure_objects(folder):
    times = {name: [] for name in ("put", "get", "write", "read")}
    with LocalCloud(folder / "objects") as cloud:
        for _ in range(ROUNDS):
            times["write"].append(timed(lambda: write_file(folder / "bare")))
            times["put"].append(timed(lambda: exchange(cloud.info, "PUT", "big", SIZE)))
            times["read"].append(timed(lambda: read_file(folder / "bare")))
            times["get"].append(timed(lambda: exchange(cloud.info, "GET", "big")))
    report("put", times["put"], times["write"], SIZE / 1e6, "MB/s  ")
    report("get", times["get"], times["read"], SIZE / 1e6, "MB/s  ")


def measure_engine(folder):
    from tui.localcloud.engine import Engine
    from tui.localcloud.jobs import Job, JobStore, Location, Model
    from tui.localcloud.object_storage import ObjectStorage

    clock = FrozenClock(datetime(2024, 9, 18, tzinfo=UTC))
    storage, jobs = ObjectStorage(folder / "store"), JobStore(folder / "jobs.sqlite3")
    storage.create_bucket("bench")
    with storage.writer("bench", "input") as target:
        for number in range(REQUESTS):
            body = {"messages": [{"role": "user", "content": f"Why is the sky blue? {number}"}]}
            target.write(json.dumps({"custom_id": f"request-{number}", "body": body}).encode() + b"\n")
    now = clock.now()
    jobs.add(
        Job(
            id="bi-1",
            name="bench",
            project="default",
            model=Model(name="doubao-pro-32k", version="240615"),
            input=Location("bench", "input"),
            output=Location("bench", "output/"),
            window_days=1,
            phase="Queued",
            phase_time=now,
            message="",
            created=now,
            updated=now,
            expires=now.replace(year=2025),
        )
    )
    engine = Engine(jobs, storage, folder / "rows", clock=clock, speed=0, seed=0)
    seconds = timed(lambda: engine.advance(clock, 0))
    _, results = storage.open("bench", "output/bi-1/output/results.jsonl")
    with results:
        rows = [json.loads(line) for line in results]
    bare = timed(lambda: [json.dumps(row).encode() for row in rows])
    report("engine", [seconds], [bare], len(rows), "rows/s")
    storage.close()
    jobs.close()


def measure_scenes(folder):
    for scene in ("busy", "huge"):
        cloud = LocalCloud(folder / scene, scene=scene, clock=FrozenClock(datetime(2024, 9, 18, tzinfo=UTC)))
        seconds = timed(cloud.start)
        cloud.stop()
        say(f"{scene:10} {seconds:10.2f} s to fill")


def main():
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # warm memory: the disk is not measured
    with tempfile.TemporaryDirectory(dir=place) as folder:
        measure_objects(Path(folder))
        measure_engine(Path(folder))
        measure_scenes(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
