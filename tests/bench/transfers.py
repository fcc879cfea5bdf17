"""How fast the transfers are: `make bench`. Ours against the SDK's own, in turns, on one local cloud.

512 MiB up and down, CRC-64 verified on both sides, objects in memory; seconds of processor time are this process's.
"""

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import tos

from tui.fingerprint import Fingerprinter
from tui.localcloud.child import LocalCloudProcess
from tui.safety import Secret
from tui.settings.credentials import Credentials
from tui.storage.client import ObjectStore
from tui.storage.download import download
from tui.storage.upload import upload

MIB = 1024 * 1024
SIZE = 512 * MIB
ROUNDS = 3


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def fingerprint_of(path):
    maker = Fingerprinter()
    with path.open("rb") as file:
        while data := file.read(MIB):
            maker.update(data)
    return maker.finish(path.stat())


class Moment:
    """Time on the wall and on the processor."""

    def __init__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def __sub__(self, earlier):
        return self.wall - earlier.wall, self.cpu - earlier.cpu


async def ours(info, source, fingerprint, folder):
    store = ObjectStore(info.tos_endpoint, info.region, Credentials(info.access_key, Secret(info.secret_key), None, ""))
    began = Moment()
    async for _event in upload(store, info.bucket, "ours", source, fingerprint, metadata={}):
        pass
    sent = Moment()
    found = await store.head(info.bucket, "ours")
    async for _event in download(store, info.bucket, found, folder, "ours"):
        pass
    received = Moment()
    await store.close()
    (folder / "ours").unlink()
    return sent - began, received - sent


def sdk(info, source, folder):
    port = int(info.tos_endpoint.rsplit(":", 1)[1])
    client = tos.TosClientV2(
        info.access_key, info.secret_key, "http://tos.local", info.region,
        proxy_host="127.0.0.1", proxy_port=port, dns_cache_time=0,
    )  # fmt: skip
    began = Moment()
    client.upload_file(info.bucket, "sdk", str(source), task_num=3)
    sent = Moment()
    client.download_file(info.bucket, "sdk", str(folder / "sdk"), task_num=3)
    received = Moment()
    client.close()
    (folder / "sdk").unlink()
    return sent - began, received - sent


def speed(took):
    wall, cpu = took
    return f"{SIZE / 1e6 / wall:6,.0f} MB/s {cpu * 1024 * MIB / SIZE:5.2f} CPU s/GiB"


def main():
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # warm memory: the disk is not measured
    with tempfile.TemporaryDirectory(dir=place) as name, LocalCloudProcess(Path(name) / "cloud") as cloud:
        folder, info = Path(name), cloud.info
        source = folder / "source"
        source.write_bytes(os.urandom(SIZE // 8) * 8)
        fingerprint = fingerprint_of(source)
        runs = [
            (asyncio.run(ours(info, source, fingerprint, folder)), sdk(info, source, folder)) for _ in range(ROUNDS)
        ]
    for place, what in enumerate(("upload", "download")):
        mine = min(run[0][place] for run in runs)
        theirs = min(run[1][place] for run in runs)
        say(f"{what:9} {speed(mine)}   SDK {speed(theirs)}   {theirs[0] / mine[0]:4.1f} × the SDK")
    return 0


if __name__ == "__main__":
    sys.exit(main())
