"""The operator's file on its way up: whole, verified, resumed, and never another content than was checked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.storage.faulty_proxy import Fault, FaultyProxy
from tests.storage.tools import MIB, bytes_of, credentials_of, fingerprint_of
from tui.clock import FrozenClock
from tui.daemon import in_daemon
from tui.errors import AccessError, ServiceError, UsageError, WorkError
from tui.fingerprint import BLOCK_SIZE, Fingerprint
from tui.localcloud import CloudInfo
from tui.storage.client import ObjectStore
from tui.storage.download import download
from tui.storage.errors import (
    BucketMissingError,
    ContentDamagedError,
    SourceChangedError,
    SourceMissingError,
    SourceUnreadableError,
    StorageServiceError,
    TooManyPartsError,
)
from tui.storage.retry import PART_ATTEMPTS
from tui.storage.upload import Progress, Uploaded, UploadState, upload

Events = list[Progress | UploadState | Uploaded]


async def send(store: ObjectStore, info: CloudInfo, key: str, path: Path, resume: UploadState | None = None) -> Events:
    stream = upload(store, info.bucket, key, path, fingerprint_of(path), metadata={"name": path.name}, resume=resume)
    return [event async for event in stream]


async def content_of(store: ObjectStore, info: CloudInfo, key: str, folder: Path) -> bytes:
    there = await store.head(info.bucket, key)
    assert there is not None
    async for _ in download(store, info.bucket, there, folder, "read back"):
        pass
    return (folder / "read back").read_bytes()


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1])
async def test_object_is_the_file(store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path, size: int) -> None:
    path = tmp_path / "输入.jsonl"
    path.write_bytes(os.urandom(size))
    events = await send(store, info, key, path)
    uploaded = events[-1]
    assert isinstance(uploaded, Uploaded)
    assert (uploaded.info.size, uploaded.info.crc64) == (size, fingerprint_of(path).crc64)
    assert uploaded.info.metadata == {"name": "输入.jsonl"}
    assert await content_of(store, info, key, tmp_path) == bytes_of(path)


async def test_large_object_is_the_file(
    store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path, big_file: Path
) -> None:
    await send(store, info, key, big_file)
    assert await content_of(store, info, key, tmp_path) == bytes_of(big_file)


async def test_progress_rises_to_the_total_before_the_object_is_announced(
    store: ObjectStore, info: CloudInfo, key: str, big_file: Path
) -> None:
    events = await send(store, info, key, big_file)
    assert_rising(events, 40 * MIB)
    assert isinstance(events[-1], Uploaded)


async def test_part_whose_connection_is_cut_is_sent_again(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, big_file: Path
) -> None:
    proxy.faults = [Fault("PUT", "partNumber=2", cut_request=5 * MIB)]
    events = await send(shaky, info, key, big_file)
    assert_rising(events, 40 * MIB)
    assert proxy.count("PUT", "partNumber=2") == 2
    assert await content_of(shaky, info, key, tmp_path) == bytes_of(big_file)


async def test_unavailable_store_is_asked_again_when_it_says(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path, clock: FrozenClock
) -> None:
    busy = b"HTTP/1.1 503 Busy\r\nRetry-After: 50\r\nContent-Length: 0\r\n\r\n"
    proxy.faults = [Fault("PUT", "partNumber=1", answer=busy)]
    events = await send(shaky, info, key, big_file)
    assert clock.monotonic() == 50
    assert isinstance(events[-1], Uploaded)


async def test_part_that_the_store_got_wrong_is_sent_again(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    proxy.faults = [Fault("PUT", "partNumber=3", change_header=("x-tos-hash-crc64ecma", "1"))]
    events = await send(shaky, info, key, big_file)
    assert proxy.count("PUT", "partNumber=3") == 2
    assert isinstance(events[-1], Uploaded)


@pytest.mark.parametrize("size", [10, BLOCK_SIZE + 1])
async def test_store_that_always_gets_it_wrong_is_not_believed(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "input.jsonl"
    path.write_bytes(os.urandom(size))
    proxy.faults = [Fault("PUT", times=99, change_header=("x-tos-hash-crc64ecma", "1"))]
    with pytest.raises(ContentDamagedError, match="stored 1") as caught:
        await send(shaky, info, key, path)
    assert isinstance(caught.value, ServiceError)


async def test_lost_reply_to_the_completion_is_success(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    proxy.faults = [Fault("POST", "uploadId=", drop_reply=True)]
    events = await send(shaky, info, key, big_file)
    assert isinstance(events[-1], Uploaded)
    assert proxy.count("PUT", "partNumber") == 3


async def test_file_of_another_size_is_not_sent(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"x" * 1_204_331)
    fingerprint = fingerprint_of(path)
    path.write_bytes(b"x" * 1_204_990)
    with pytest.raises(SourceChangedError, match=r"train\.jsonl \(size 1,204,331 → 1,204,990 bytes\)") as caught:
        await anext(upload(shaky, info.bucket, key, path, fingerprint, metadata={}))
    assert isinstance(caught.value, WorkError)
    assert not proxy.seen


@pytest.mark.parametrize("size", [1000, 40 * MIB])
async def test_file_that_changed_inside_makes_no_object(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, size: int
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(os.urandom(size))
    fingerprint = fingerprint_of(path)
    with path.open("r+b") as file:
        file.seek(size - 1)
        last = file.read(1)
        file.seek(size - 1)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(SourceChangedError, match=f"to {size - 1:,} differ"):
        async for _ in upload(shaky, info.bucket, key, path, fingerprint, metadata={}):
            pass
    assert await shaky.head(info.bucket, key) is None
    assert proxy.count("DELETE", "uploadId=") == proxy.count("POST", "uploads")


async def test_file_that_is_gone_is_named(store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"data")
    fingerprint = fingerprint_of(path)
    path.unlink()
    with pytest.raises(SourceMissingError, match=r"is gone.*train\.jsonl") as caught:
        await anext(upload(store, info.bucket, key, path, fingerprint, metadata={}))
    assert isinstance(caught.value, UsageError)


async def test_file_that_cannot_be_read_is_a_matter_of_the_work(
    store: ObjectStore, info: CloudInfo, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.jsonl"
    path.write_bytes(b"data")
    fingerprint = fingerprint_of(path)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(SourceUnreadableError, match=r"cannot read .*train\.jsonl, no object was made") as caught:
        await anext(upload(store, info.bucket, key, path, fingerprint, metadata={}))
    assert isinstance(caught.value, WorkError)
    assert caught.value.advice


async def test_file_of_too_many_parts_is_refused_before_anything_is_sent(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path
) -> None:
    path = tmp_path / "huge.jsonl"
    size = 10_000 * BLOCK_SIZE + 1
    with path.open("wb") as file:
        file.truncate(size)
    fingerprint = Fingerprint(size, path.stat().st_mtime_ns, "", 0, ())
    with pytest.raises(TooManyPartsError, match=r"10,001 parts, the store takes 10,000"):
        await anext(upload(shaky, info.bucket, key, path, fingerprint, metadata={}))
    assert not proxy.seen


async def test_resumed_upload_sends_only_what_the_store_lacks(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, big_file: Path
) -> None:
    state = await interrupted(shaky, info, key, big_file)
    proxy.seen.clear()
    events = await send(shaky, info, key, big_file, state)
    assert_rising(events, 40 * MIB)
    resent = {number for number in (1, 2, 3) if proxy.count("PUT", f"partNumber={number}")}
    assert resent == {1, 2, 3} - state.parts.keys()
    assert proxy.count("POST", "uploads") == 0
    assert await content_of(shaky, info, key, tmp_path) == bytes_of(big_file)


async def test_part_that_the_store_has_otherwise_is_sent_again(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    state = await interrupted(shaky, info, key, big_file)
    number = next(iter(state.parts))
    proxy.seen.clear()
    events = await send(shaky, info, key, big_file, UploadState(state.upload_id, {number: "another"}))
    assert proxy.count("PUT", f"partNumber={number}") == 1
    assert isinstance(events[-1], Uploaded)


async def test_upload_that_the_store_forgot_is_begun_again(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    events = await send(shaky, info, key, big_file, UploadState("never-was", {1: "etag"}))
    assert proxy.count("POST", "uploads") == 1
    assert isinstance(events[-1], Uploaded)


async def test_upload_that_somebody_aborts_meanwhile_is_begun_again(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, big_file: Path
) -> None:
    proxy.faults = [Fault("PUT", "partNumber=3", cut_request=0)]  # so that a part is missing when it is aborted
    events: Events = []
    ids: list[str] = []
    async for event in upload(shaky, info.bucket, key, big_file, fingerprint_of(big_file), metadata={}):
        events.append(event)
        if isinstance(event, UploadState) and event.upload_id not in ids:
            ids.append(event.upload_id)
            if len(ids) == 1:
                connection = await shaky.connection()
                connection.abort_upload(info.bucket, key, event.upload_id)
    assert len(ids) == 2
    assert_rising(events, 40 * MIB)
    assert await content_of(shaky, info, key, tmp_path) == bytes_of(big_file)


async def test_meter_stays_where_it_was_until_an_upload_begun_again_is_as_far(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    body = b'{"Code":"NoSuchUpload"}'
    gone = b"HTTP/1.1 404 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    proxy.faults = [Fault("POST", "uploadId=", answer=gone)]  # all parts were sent when it turned out
    events = await send(shaky, info, key, big_file)
    *_, again = [index for index, event in enumerate(events) if isinstance(event, UploadState) and not event.parts]
    assert {event.done for event in events[again:] if isinstance(event, Progress)} == {40 * MIB}
    assert proxy.count("PUT", "partNumber") == 6
    assert_rising(events, 40 * MIB)
    assert isinstance(events[-1], Uploaded)


async def test_thin_link_is_given_the_read_timeout_for_sending(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.storage.connection._CONNECT_TIMEOUT", 0.2)
    path = tmp_path / "input.jsonl"
    path.write_bytes(os.urandom(BLOCK_SIZE))
    proxy.faults = [Fault("PUT", stall_request=MIB)]
    sending = asyncio.ensure_future(send(shaky, info, key, path))
    assert await in_daemon(lambda: proxy.stalled.wait(5), name="wait")
    await asyncio.wait({sending}, timeout=0.6)  # the peer takes nothing for longer than connecting may take
    proxy.release()
    await sending
    assert proxy.count("PUT") == 1


async def test_wrong_secret_is_a_matter_of_access(info: CloudInfo, key: str, big_file: Path) -> None:
    store = ObjectStore(info.tos_endpoint, info.region, credentials_of(info, "not-a-secret-0123456789"))
    with pytest.raises(AccessError):
        await send(store, info, key, big_file)


async def test_missing_bucket_is_told(store: ObjectStore, key: str, big_file: Path) -> None:
    with pytest.raises(BucketMissingError):
        await anext(upload(store, "not-there-3", key, big_file, fingerprint_of(big_file), metadata={}))


async def test_stalled_upload_is_left_within_a_second(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    proxy.faults = [Fault("PUT", times=3, stall_request=MIB)]
    task = asyncio.ensure_future(send(shaky, info, key, big_file))
    assert await in_daemon(lambda: proxy.stalled.wait(5), name="wait")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 1)


async def test_store_that_stays_away_ends_the_upload(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, key: str, big_file: Path
) -> None:
    oops = b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"
    proxy.faults = [Fault("PUT", "partNumber=1", times=99, answer=oops)]
    with pytest.raises(StorageServiceError, match="HTTP 500"):
        await send(shaky, info, key, big_file)
    assert proxy.count("PUT", "partNumber=1") == PART_ATTEMPTS


def test_stalled_upload_does_not_hold_the_exit(proxy: FaultyProxy, info: CloudInfo, big_file: Path) -> None:
    proxy.faults = [Fault("PUT", times=3, stall_request=MIB)]
    program = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from tui.fingerprint import Fingerprinter
        from tui.safety import Secret
        from tui.settings.credentials import Credentials
        from tui.storage.client import ObjectStore
        from tui.storage.upload import Progress, upload

        endpoint, region, key, secret, bucket, source = sys.argv[1:]

        async def main():
            maker = Fingerprinter()
            maker.update(Path(source).read_bytes())
            fingerprint = maker.finish(Path(source).stat())
            store = ObjectStore(endpoint, region, Credentials(key, Secret(secret), None, "test"))
            stream = upload(store, bucket, "exit", Path(source), fingerprint, metadata={})
            async for event in stream:
                if isinstance(event, Progress) and event.done:
                    break
            await stream.aclose()

        asyncio.run(main())
        print("ended")
        """
    )
    arguments = [proxy.endpoint, info.region, info.access_key, info.secret_key, info.bucket, str(big_file)]
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, timeout=8, check=True, text=True
    )
    assert (ended.stdout, ended.stderr) == ("ended\n", "")


async def interrupted(store: ObjectStore, info: CloudInfo, key: str, path: Path) -> UploadState:
    """Send until the store has a part, then close the upload; return its last state."""
    async with contextlib.aclosing(upload(store, info.bucket, key, path, fingerprint_of(path), metadata={})) as events:
        async for event in events:
            if isinstance(event, UploadState) and event.parts:
                return event
    raise AssertionError("the upload told no part")


def assert_rising(events: Events, total: int) -> None:
    shown = [event for event in events if isinstance(event, Progress)]
    assert all(progress.total == total for progress in shown)
    assert [progress.done for progress in shown] == sorted(progress.done for progress in shown)
    assert shown[-1].done == total
    assert all(0 <= progress.done <= total for progress in shown)
