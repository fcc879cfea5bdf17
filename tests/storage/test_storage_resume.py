"""A download that was broken off goes on where it was, and trusts nothing that it cannot prove."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.faulty_proxy import Fault, FaultyProxy
from tests.storage.tools import MIB, bytes_of, names_in
from tui.daemon import in_daemon
from tui.fingerprint import BLOCK_SIZE
from tui.localcloud import CloudInfo
from tui.storage.client import ObjectInfo, ObjectStore
from tui.storage.download import Downloaded, Progress, download
from tui.storage.errors import ContentDamagedError, TargetUnusableError
from tui.storage.part_file import bytes_done, discard

NAME = "results.jsonl"
PART, RECORD = f"{NAME}.part", f"{NAME}.part.done"


@pytest.fixture
async def big(store: ObjectStore, info: CloudInfo, big_file: Path) -> ObjectInfo:
    """The 40 MiB object: three parts."""
    key = "resume/big"
    there = await store.head(info.bucket, key)
    return there or await store.put(info.bucket, key, bytes_of(big_file), metadata={})


async def fetch(store: ObjectStore, info: CloudInfo, found: ObjectInfo, folder: Path) -> list[Progress | Downloaded]:
    return [event async for event in download(store, info.bucket, found, folder, NAME)]


def part_sizes(size: int) -> dict[int, int]:
    starts = range(0, size, BLOCK_SIZE)
    return {number: min(BLOCK_SIZE, size - start) for number, start in enumerate(starts, start=1)}


def ranges(size: int, numbers: set[int]) -> set[str]:
    sizes = part_sizes(size)
    return {f"bytes={(n - 1) * BLOCK_SIZE}-{(n - 1) * BLOCK_SIZE + sizes[n] - 1}" for n in numbers}


def asked(proxy: FaultyProxy) -> list[str]:
    return sorted(seen.headers["range"] for seen in proxy.seen)


async def break_off(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, found: ObjectInfo, folder: Path, missing: set[int]
) -> None:
    """Close a download when all parts but the `missing` ones are there."""
    proxy.faults = [Fault("GET", range=asked_for, stall_reply=0) for asked_for in ranges(found.size, missing)]
    there = sum(size for number, size in part_sizes(found.size).items() if number not in missing)
    async with aclosing(download(shaky, info.bucket, found, folder, NAME)) as events:
        async for event in events:
            if isinstance(event, Progress) and event.done == there:
                break
        while not ranges(found.size, missing) <= {seen.headers.get("range") for seen in proxy.seen}:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    proxy.release()
    proxy.faults, proxy.seen = [], []


@pytest.mark.parametrize("missing", [{1}, {2}, {3}, {1, 3}, {1, 2, 3}])
async def test_only_the_missing_parts_are_fetched(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path,
    missing: set[int],
) -> None:  # fmt: skip
    if len(missing) < 3:
        await break_off(shaky, proxy, info, big, tmp_path, missing)
        assert names_in(tmp_path) == [PART, RECORD]
        assert (tmp_path / RECORD).stat().st_mode & 0o077 == 0
    events = await fetch(shaky, info, big, tmp_path)
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[0] >= sum(size for number, size in part_sizes(big.size).items() if number not in missing)
    assert asked(proxy) == sorted(ranges(big.size, missing))
    assert bytes_of(tmp_path / NAME) == bytes_of(big_file)
    assert names_in(tmp_path) == [NAME]


DOWNLOAD = """
import asyncio, pathlib, sys
from tui.safety import Secret
from tui.settings.credentials import Credentials
from tui.storage.client import ObjectStore
from tui.storage.download import download

async def main(endpoint, region, key, secret, bucket, name, folder):
    store = ObjectStore(endpoint, region, Credentials(key, Secret(secret), None, "test"))
    info = await store.head(bucket, name)
    async for event in download(store, bucket, info, pathlib.Path(folder), "results.jsonl"):
        print(event, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def downloading_elsewhere(proxy: FaultyProxy, info: CloudInfo, key: str, folder: Path) -> Iterator[None]:
    """Download in another process, until it has written down a finished part; kill it at the end."""
    words = [proxy.endpoint, info.region, info.access_key, info.secret_key, info.bucket, key, str(folder)]
    with subprocess.Popen([sys.executable, "-c", DOWNLOAD, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert any(bytes_done(folder, NAME) for _line in process.stdout)
        yield
        process.send_signal(signal.SIGKILL)


async def test_a_killed_download_is_continued_by_another_process(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    (stalled,) = ranges(big.size, {2})
    proxy.faults = [Fault("GET", range=stalled, stall_reply=MIB)]
    with downloading_elsewhere(proxy, info, big.key, tmp_path):
        with pytest.raises(TargetUnusableError, match="another download"):
            await fetch(shaky, info, big, tmp_path)
        discard(tmp_path, NAME)
    kept = set(json.loads((tmp_path / RECORD).read_bytes())["parts"])
    proxy.release()
    proxy.seen = []
    await fetch(shaky, info, big, tmp_path)
    assert kept
    assert asked(proxy) == sorted(ranges(big.size, {1, 2, 3} - kept))
    assert bytes_of(tmp_path / NAME) == bytes_of(big_file)
    assert names_in(tmp_path) == [NAME]


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


async def test_a_damaged_part_is_noticed_and_the_file_fetched_from_the_start(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    await break_off(shaky, proxy, info, big, tmp_path, {3})
    flip(tmp_path / PART, MIB)
    events = await fetch(shaky, info, big, tmp_path)
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert asked(proxy) == sorted([*ranges(big.size, {3}), *ranges(big.size, {1, 2, 3})])
    assert bytes_of(tmp_path / NAME) == bytes_of(big_file)
    assert names_in(tmp_path) == [NAME]


async def test_a_file_that_is_damaged_again_is_not_fetched_for_ever(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    await break_off(shaky, proxy, info, big, tmp_path, {3})
    proxy.faults = [Fault("GET", times=99, flip_reply=MIB)]
    with pytest.raises(ContentDamagedError, match="CRC-64"):
        await fetch(shaky, info, big, tmp_path)
    assert len(proxy.seen) == 1 + 3
    assert names_in(tmp_path) == [PART, RECORD]


async def test_a_replaced_object_is_fetched_from_its_start(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path
) -> None:
    former, latter = os.urandom(BLOCK_SIZE + MIB), os.urandom(BLOCK_SIZE + MIB)
    await break_off(shaky, proxy, info, await shaky.put(info.bucket, key, former, metadata={}), tmp_path, {2})
    found = await shaky.put(info.bucket, key, latter, metadata={})
    proxy.seen = []
    await fetch(shaky, info, found, tmp_path)
    assert asked(proxy) == sorted(ranges(found.size, {1, 2}))
    assert bytes_of(tmp_path / NAME) == latter


@pytest.mark.parametrize("what", ["other name", "readable", "other size", "record gone", "record torn", "record link"])
async def test_a_part_that_may_be_something_else_is_not_filled(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path, what: str
) -> None:
    await break_off(shaky, proxy, info, big, tmp_path, {3})
    part, record, precious = tmp_path / PART, tmp_path / RECORD, tmp_path / "precious"
    match what:
        case "other name":
            precious.hardlink_to(part)
        case "readable":
            part.chmod(0o644)
        case "other size":
            os.truncate(part, big.size + 1)
        case "record gone":
            record.unlink()
        case "record torn":
            record.write_bytes(record.read_bytes()[:-3])
        case "record link":
            record.rename(precious)
            record.symlink_to(precious)
    before = bytes_of(precious) if precious.exists() else b""
    await fetch(shaky, info, big, tmp_path)
    assert asked(proxy) == sorted(ranges(big.size, {1, 2, 3}))
    assert bytes_of(tmp_path / NAME) == bytes_of(big_file)
    assert before == (bytes_of(precious) if precious.exists() else b"")
    assert {PART, RECORD}.isdisjoint(names_in(tmp_path))


async def test_without_a_checksum_nothing_is_taken_up(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    untold = replace(big, crc64=None)
    await break_off(shaky, proxy, info, untold, tmp_path, {3})
    assert names_in(tmp_path) == [PART]
    await fetch(shaky, info, untold, tmp_path)
    assert asked(proxy) == sorted(ranges(big.size, {1, 2, 3}))


async def test_two_downloads_never_fill_one_file(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", times=3, stall_reply=MIB)]
    first = asyncio.ensure_future(fetch(shaky, info, big, tmp_path))
    assert await in_daemon(lambda: proxy.stalled.wait(5), name="wait")
    with pytest.raises(TargetUnusableError, match="another download"):
        await fetch(shaky, info, big, tmp_path)
    proxy.release()
    assert isinstance((await first)[-1], Downloaded)


async def test_what_a_given_up_download_left_is_removed_and_nothing_else(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    (tmp_path / "errors.jsonl.part").write_text("mine")
    await break_off(shaky, proxy, info, big, tmp_path, {3})
    discard(tmp_path, NAME)
    discard(tmp_path, "errors.jsonl")
    assert names_in(tmp_path) == ["errors.jsonl.part"]


async def test_what_a_crash_left_beside_a_finished_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("whole")
    (tmp_path / PART).hardlink_to(tmp_path / NAME)
    (tmp_path / RECORD).write_text("{}")
    discard(tmp_path, NAME)
    assert names_in(tmp_path) == [NAME]
    assert bytes_of(tmp_path / NAME) == b"whole"
