"""The operator's results on their way down: whole, verified, beside nobody else's file."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.faulty_proxy import Fault, FaultyProxy
from tests.storage.tools import MIB, bytes_of, names_in
from tui.daemon import in_daemon
from tui.errors import ServiceError, UsageError, WorkError
from tui.fingerprint import BLOCK_SIZE, crc64
from tui.localcloud import CloudInfo
from tui.storage.client import ObjectInfo, ObjectStore
from tui.storage.download import Downloaded, Progress, download
from tui.storage.errors import (
    ContentDamagedError,
    NoSpaceError,
    ObjectChangedError,
    StorageServiceError,
    TargetExistsError,
    TargetUnusableError,
)

NAME = "results.jsonl"


@pytest.fixture
async def big(store: ObjectStore, info: CloudInfo, big_file: Path) -> ObjectInfo:
    """The 40 MiB object."""
    key = "download/big"
    there = await store.head(info.bucket, key)
    return there or await store.put(info.bucket, key, bytes_of(big_file), metadata={})


async def fetch(
    store: ObjectStore, info: CloudInfo, found: ObjectInfo, folder: Path, name: str = NAME
) -> list[Progress | Downloaded]:
    return [event async for event in download(store, info.bucket, found, folder, name)]


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE, BLOCK_SIZE + 1])
async def test_file_is_the_object(store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    found = await store.put(info.bucket, key, data, metadata={})
    events = await fetch(store, info, found, tmp_path)
    assert events[-1] == Downloaded(tmp_path / NAME, size, "crc64")
    assert (tmp_path / NAME).read_bytes() == data


async def test_large_file_is_the_object_private_and_alone(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    await fetch(store, info, big, tmp_path)
    assert (tmp_path / NAME).read_bytes() == bytes_of(big_file)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert names_in(tmp_path) == [NAME]


async def test_connection_cut_in_a_body_goes_on_where_it_stopped(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    proxy.faults = [Fault("GET", cut_reply=5 * MIB)]
    events = await fetch(shaky, info, big, tmp_path)
    assert_rising(events, big.size)
    assert (tmp_path / NAME).read_bytes() == bytes_of(big_file)
    ranges = {seen.headers["range"] for seen in proxy.seen}
    whole = {f"bytes={start}-{min(start + BLOCK_SIZE, big.size) - 1}" for start in range(0, big.size, BLOCK_SIZE)}
    (rest,) = ranges - whole
    start = int(rest.removeprefix("bytes=").split("-")[0])
    assert start % BLOCK_SIZE == 5 * MIB


async def test_every_request_is_for_that_very_content(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    await fetch(shaky, info, big, tmp_path)
    assert [seen.headers["if-match"].strip('"') for seen in proxy.seen] == [big.etag] * 3


async def test_replaced_object_is_not_mixed_with_the_former(
    store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path
) -> None:
    found = await store.put(info.bucket, key, b"former", metadata={})
    await store.put(info.bucket, key, b"latter", metadata={})
    with pytest.raises(ObjectChangedError, match="replaced") as caught:
        await fetch(store, info, found, tmp_path)
    assert isinstance(caught.value, WorkError)
    assert not (tmp_path / NAME).exists()


async def test_longer_part_of_an_earlier_try_does_not_matter(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(b"\xff" * (big.size + MIB))
    await fetch(store, info, big, tmp_path)
    assert (tmp_path / NAME).read_bytes() == bytes_of(big_file)


async def test_file_that_is_there_is_not_touched(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    (tmp_path / NAME).write_text("mine")
    with pytest.raises(TargetExistsError, match=NAME) as caught:
        await fetch(shaky, info, big, tmp_path)
    assert isinstance(caught.value, UsageError)
    assert (tmp_path / NAME).read_text() == "mine"
    assert not proxy.seen


async def test_file_that_appears_meanwhile_is_not_touched(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    stream = download(store, info.bucket, big, tmp_path, NAME)
    assert isinstance(await anext(stream), Progress)
    (tmp_path / NAME).write_text("mine")
    with pytest.raises(TargetExistsError):
        _ = [event async for event in stream]
    assert (tmp_path / NAME).read_text() == "mine"
    assert (tmp_path / f"{NAME}.part").stat().st_size == big.size


async def test_file_that_a_crash_left_with_the_part_s_name_too_is_kept(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    older = tmp_path / "results.0123.jsonl"
    older.write_bytes(b"the first half of the job")
    (tmp_path / f"{NAME}.part").hardlink_to(older)
    await fetch(store, info, big, tmp_path)
    assert bytes_of(older) == b"the first half of the job"
    assert bytes_of(tmp_path / NAME) == bytes_of(big_file)


@pytest.mark.parametrize(("other_name", "begun"), [(False, True), (True, False)])
async def test_room_that_an_earlier_part_takes_counts_as_free_if_removing_it_frees_it(
    store: ObjectStore,
    info: CloudInfo,
    key: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    other_name: bool,
    begun: bool,
) -> None:
    found = await store.put(info.bucket, key, os.urandom(MIB), metadata={})
    part = tmp_path / f"{NAME}.part"
    part.write_bytes(os.urandom(MIB))
    if other_name:
        (tmp_path / "older.jsonl").hardlink_to(part)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("tui.storage.download.shutil.disk_usage", lambda _folder: usage._replace(free=MIB // 2))
    if begun:
        await fetch(store, info, found, tmp_path)
    else:
        with pytest.raises(NoSpaceError):
            await fetch(store, info, found, tmp_path)
    assert (tmp_path / NAME).exists() is begun


async def test_link_in_the_place_of_the_part_is_refused(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "precious"
    elsewhere.write_text("mine")
    (tmp_path / f"{NAME}.part").symlink_to(elsewhere)
    with pytest.raises(TargetUnusableError, match="link"):
        await fetch(store, info, big, tmp_path)
    assert bytes_of(elsewhere) == b"mine"


@pytest.mark.parametrize("name", ["../escaped", "/tmp/escaped", "a\nb", ".."])
async def test_name_that_is_a_path_is_refused(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(TargetUnusableError):
        await fetch(store, info, big, folder, name)
    assert names_in(tmp_path) == ["folder"]


@pytest.mark.parametrize("folder", ["missing", "file"])
async def test_folder_that_is_none_is_a_matter_of_usage(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(TargetUnusableError, match=folder) as caught:
        await fetch(store, info, big, tmp_path / folder)
    assert isinstance(caught.value, UsageError)


async def test_object_larger_than_the_free_space_is_not_begun(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    vast = replace(big, size=1 << 60)
    with pytest.raises(NoSpaceError, match=rf"{tmp_path}.*1,152,921,504,606,846,976 bytes") as caught:
        await fetch(shaky, info, vast, tmp_path)
    assert isinstance(caught.value, WorkError)
    assert not proxy.seen
    assert names_in(tmp_path) == []


async def test_disk_that_is_full_meanwhile_is_told_with_folder_and_size(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", times=3, stall_reply=MIB)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    stream = download(shaky, info.bucket, big, tmp_path, NAME)
    try:
        assert isinstance(await anext(stream), Progress)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, before[1]))  # the system refuses more
        proxy.release()
        with pytest.raises(NoSpaceError, match=rf"{tmp_path}.*41,943,040 bytes"):
            async for _ in stream:
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        await stream.aclose()
    assert not (tmp_path / NAME).exists()


async def test_object_without_a_checksum_is_verified_by_size_and_says_so(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("HEAD", change_header=("x-tos-hash-crc64ecma", None))]
    found = await shaky.head(info.bucket, big.key)
    assert found is not None
    events = await fetch(shaky, info, found, tmp_path)
    assert events[-1] == Downloaded(tmp_path / NAME, big.size, "size")


async def test_byte_that_changed_on_the_way_is_noticed_and_nothing_published(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", flip_reply=MIB)]
    with pytest.raises(ContentDamagedError, match="CRC-64") as caught:
        await fetch(shaky, info, big, tmp_path)
    assert isinstance(caught.value, ServiceError)
    assert names_in(tmp_path) == [f"{NAME}.part", f"{NAME}.part.done"]


async def test_store_that_answers_another_range_is_not_believed(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", times=99, change_header=("content-range", f"bytes 0-9/{big.size}"))]
    with pytest.raises(StorageServiceError, match="asked for bytes"):
        await fetch(shaky, info, big, tmp_path)


async def test_stalled_download_is_left_within_a_second(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", times=3, stall_reply=MIB)]
    task = asyncio.ensure_future(fetch(shaky, info, big, tmp_path))
    assert await in_daemon(lambda: proxy.stalled.wait(5), name="wait")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)
    assert names_in(tmp_path) == [f"{NAME}.part", f"{NAME}.part.done"]


async def test_stream_that_is_closed_while_stalled_ends_within_a_second(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, big: ObjectInfo, tmp_path: Path
) -> None:
    proxy.faults = [Fault("GET", times=3, stall_reply=MIB)]
    stream = download(shaky, info.bucket, big, tmp_path, NAME)
    assert isinstance(await anext(stream), Progress)
    await asyncio.wait_for(stream.aclose(), 1)


async def test_checksum_of_the_listing_serves_as_well(
    store: ObjectStore, info: CloudInfo, big: ObjectInfo, tmp_path: Path, big_file: Path
) -> None:
    (found,) = [found async for found in store.list(info.bucket, big.key)]
    assert found.crc64 == crc64(bytes_of(big_file))
    events = await fetch(store, info, found, tmp_path)
    assert events[-1] == Downloaded(tmp_path / NAME, big.size, "crc64")


def assert_rising(events: list[Progress | Downloaded], total: int) -> None:
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert done[-1] == total
    assert all(0 <= count <= total for count in done)
