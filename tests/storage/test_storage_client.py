"""The operator's bucket and objects: made, described, listed, copied; and every way in which that is refused."""

from __future__ import annotations

import asyncio
import socket
import traceback
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.storage.faulty_proxy import Fault, FaultyProxy
from tests.storage.tools import MIB, credentials_of
from tui.clock import FrozenClock
from tui.daemon import in_daemon
from tui.errors import AccessError, ServiceError, UsageError
from tui.fingerprint import crc64
from tui.localcloud import CloudInfo, LocalCloud
from tui.localcloud.keys import Keys
from tui.safety import Secret, redact
from tui.storage.client import ObjectStore
from tui.storage.connection import Body
from tui.storage.errors import (
    BucketMissingError,
    BucketNameError,
    EndpointError,
    EnvironmentUnusableError,
    KeyRefusedError,
    Reply,
    StorageCredentialsError,
    StorageUnreachableError,
    UploadMissingError,
)

TOKEN = "not-a-token-0123456789"
HARD_KEYS = ["批量/输入 文件.jsonl", "a b/100%/c+d.jsonl", "%2e%2E/?#&=~'*().jsonl", "//two//slashes/", "🙂/é/ß"]


@pytest.mark.parametrize("key", HARD_KEYS)
@pytest.mark.parametrize("data", [b"", "第一行\n".encode()])
async def test_object_of_any_key_reads_back_as_it_was_put(
    store: ObjectStore, info: CloudInfo, key: str, data: bytes
) -> None:
    put = await store.put(info.bucket, key, data, metadata={"name": "输入 1.jsonl"})
    there = await store.head(info.bucket, key)
    assert there is not None
    assert (there.key, there.size, there.etag, there.crc64) == (key, len(data), put.etag, crc64(data))
    assert there.metadata == {"name": "输入 1.jsonl"}


@pytest.mark.parametrize("key", HARD_KEYS)
async def test_copy_of_any_key_has_the_content(store: ObjectStore, info: CloudInfo, key: str) -> None:
    await store.put(info.bucket, key, b"content", metadata={})
    copied = await store.copy(info.bucket, key, f"copies/{key}")
    assert (copied.key, copied.size, copied.crc64) == (f"copies/{key}", 7, crc64(b"content"))


async def test_listing_tells_the_objects_of_the_prefix_in_order(store: ObjectStore, info: CloudInfo) -> None:
    for number in (3, 1, 2):
        await store.put(info.bucket, f"listed/批 {number}", b"x" * number, metadata={})
    await store.put(info.bucket, "listee", b"", metadata={})
    listed = [(found.key, found.size, found.crc64) async for found in store.list(info.bucket, "listed/")]
    assert listed == [(f"listed/批 {number}", number, crc64(b"x" * number)) for number in (1, 2, 3)]


async def test_buckets_are_told_by_name(store: ObjectStore, info: CloudInfo) -> None:
    await store.create_bucket("another-bucket")
    assert await store.buckets() == sorted(["another-bucket", info.bucket])


async def test_folders_are_told_level_by_level(store: ObjectStore, info: CloudInfo) -> None:
    for key in ("top.txt", "tree/a/1", "tree/b/c/2", "tree/3"):
        await store.put(info.bucket, key, b"x", metadata={})
    assert await store.folders(info.bucket, "tree/") == ["tree/a/", "tree/b/"]
    assert "tree/" in await store.folders(info.bucket, "")


async def test_listing_goes_on_page_by_page(store: ObjectStore, info: CloudInfo) -> None:
    keys = [f"paged/{number}" for number in range(5)]
    for key in keys:
        await store.put(info.bucket, key, b"", metadata={})
    connection = await store.connection()
    found: list[str] = []
    token = ""
    pages = 0
    while token or not pages:
        page, token = connection.list_page(info.bucket, "paged/", token, limit=2)
        found += [item.key for item in page]
        pages += 1
    assert (found, pages) == (keys, 3)


async def test_missing_object_is_none(store: ObjectStore, info: CloudInfo) -> None:
    assert await store.head(info.bucket, "nowhere") is None


async def test_bucket_that_exists_passes_the_check(store: ObjectStore, info: CloudInfo) -> None:
    await store.check_bucket(info.bucket)


async def test_missing_bucket_is_a_matter_of_usage(store: ObjectStore) -> None:
    with pytest.raises(BucketMissingError, match=r"no bucket not-there-1.*EC 0006-00000001, HTTP 404") as caught:
        await store.check_bucket("not-there-1")
    assert isinstance(caught.value, UsageError)
    assert "--create-bucket" in caught.value.advice


@pytest.mark.parametrize(
    "call",
    [
        lambda store, bucket: store.head(bucket, "key"),
        lambda store, bucket: store.put(bucket, "key", b"data", metadata={}),
        lambda store, bucket: store.copy(bucket, "key", "other"),
        lambda store, bucket: anext(store.list(bucket, "")),
    ],
    ids=["head", "put", "copy", "list"],
)
async def test_every_call_tells_a_missing_bucket(
    store: ObjectStore, call: Callable[[ObjectStore, str], Awaitable[object]]
) -> None:
    with pytest.raises(BucketMissingError):
        await call(store, "not-there-2")


async def test_new_bucket_is_private(shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo) -> None:
    await shaky.create_bucket("made-private")
    await shaky.put("made-private", "secret.txt", b"mine", metadata={})
    assert proxy.seen[0].headers["x-tos-acl"] == "private"
    stranger = urllib.request.Request(f"{info.tos_endpoint}/made-private/secret.txt")
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        await in_daemon(lambda: urllib.request.urlopen(stranger, timeout=5), name="stranger")
    refused.value.close()


async def test_bucket_of_our_own_may_be_created_again(store: ObjectStore) -> None:
    await store.create_bucket("made-twice")
    await store.create_bucket("made-twice")


async def test_impossible_bucket_name_is_a_matter_of_usage(store: ObjectStore) -> None:
    with pytest.raises(BucketNameError, match="Bad_Name"):
        await store.create_bucket("Bad_Name")


async def test_wrong_secret_is_told_although_a_head_has_no_body(info: CloudInfo) -> None:
    store = ObjectStore(info.tos_endpoint, info.region, credentials_of(info, "not-a-secret-0123456789"))
    with pytest.raises(StorageCredentialsError, match="SignatureDoesNotMatch") as caught:
        await store.check_bucket(info.bucket)
    assert isinstance(caught.value, AccessError)
    assert "not-a-secret" not in str(caught.value) + caught.value.advice


@pytest.fixture
def temporary(tmp_path: Path) -> Iterator[CloudInfo]:
    """A cloud whose keys are good with their token alone."""
    keys = Keys("AKLTTESTONLY", "not-a-secret-0123456789", TOKEN)
    with LocalCloud(tmp_path, keys=keys) as cloud:
        yield cloud.info


async def test_temporary_keys_pass_with_their_token(temporary: CloudInfo) -> None:
    credentials = replace(credentials_of(temporary), session_token=Secret(TOKEN))
    store = ObjectStore(temporary.tos_endpoint, temporary.region, credentials)
    await store.check_bucket(temporary.bucket)
    await store.close()


async def test_temporary_keys_without_their_token_are_a_matter_of_access(temporary: CloudInfo) -> None:
    store = ObjectStore(temporary.tos_endpoint, temporary.region, credentials_of(temporary))
    with pytest.raises(AccessError):
        await store.check_bucket(temporary.bucket)


async def test_refused_connection_is_a_matter_of_the_network(info: CloudInfo, clock: FrozenClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    store = ObjectStore(f"http://127.0.0.1:{port}", info.region, credentials_of(info), clock=clock)
    with pytest.raises(StorageUnreachableError, match="Connection refused") as caught:
        await store.head(info.bucket, "folder/input.jsonl")
    assert f"(http://127.0.0.1:{port})" in caught.value.message
    assert isinstance(caught.value, ServiceError)


@pytest.mark.parametrize(
    "endpoint", ["", "ftp://tos.example", "http://[bad", "http://127.0.0.1:99999", "tos-s3-cn-beijing.volces.com"]
)
async def test_impossible_endpoint_is_a_matter_of_usage(info: CloudInfo, endpoint: str) -> None:
    store = ObjectStore(endpoint, info.region, credentials_of(info))
    with pytest.raises(EndpointError, match="endpoint cannot be used"):
        await store.check_bucket(info.bucket)


async def test_message_tells_code_ec_status_request_and_endpoint(store: ObjectStore, info: CloudInfo) -> None:
    connection = await store.connection()
    with pytest.raises(UploadMissingError) as caught:
        connection.list_parts(info.bucket, "键.jsonl", "no-such-upload")
    reply = caught.value.reply
    assert (reply.code, reply.status) == ("NoSuchUpload", 404)
    for fact in ("NoSuchUpload", f"EC {reply.ec}", "HTTP 404", reply.request_id, info.tos_endpoint):
        assert fact
        assert fact in caught.value.message
    assert "uploadId" not in caught.value.message


async def test_hostile_answer_does_not_reach_the_terminal(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo
) -> None:
    body = b'{"Code":"Odd\\u001b[2J","Message":"line\\r\\nbreak"}'
    proxy.faults = [Fault("PUT", answer=_answer(400, body))]
    with pytest.raises(ServiceError) as caught:
        await shaky.put(info.bucket, "key", b"data", metadata={})
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("body", [b"<html>\xff</html>", b"[1, 2]", b"null", b""])
async def test_error_that_is_not_json_is_a_service_error(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, body: bytes
) -> None:
    proxy.faults = [Fault("PUT", times=9, answer=_answer(502, body))]
    with pytest.raises(ServiceError):
        await shaky.put(info.bucket, "key", b"data", metadata={})


@pytest.mark.parametrize("key", ["", ".", "..", "a/../b", "a/./b", "../a", "\udcff"])
async def test_key_that_would_change_on_the_way_is_refused(store: ObjectStore, info: CloudInfo, key: str) -> None:
    with pytest.raises(KeyRefusedError):
        await store.put(info.bucket, key, b"", metadata={})


async def test_file_name_that_is_not_utf8_does_not_stop_an_upload(store: ObjectStore, info: CloudInfo) -> None:
    name = b"\xc4\xe3\xba\xc3.jsonl".decode("utf-8", "surrogateescape")
    await store.put(info.bucket, "gbk", b"", metadata={"name": name})
    there = await store.head(info.bucket, "gbk")
    assert there is not None
    assert there.metadata == {"name": "????.jsonl"}


async def test_netrc_does_not_replace_the_signature(
    store: ObjectStore, info: CloudInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password not-a-secret-0123456789\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    await store.check_bucket(info.bucket)


async def test_environment_names_the_proxy_to_a_distant_store(
    proxy: FaultyProxy, info: CloudInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.endpoint)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    store = ObjectStore("http://tos-cn-beijing.volces.com", info.region, credentials_of(info))
    await store.check_bucket(info.bucket)
    assert proxy.seen[0].target.startswith(f"http://{info.bucket}.tos-cn-beijing.volces.com/")
    await store.close()


async def test_environment_names_no_proxy_to_the_local_store(
    store: ObjectStore, info: CloudInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    await store.check_bucket(info.bucket)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
@pytest.mark.parametrize(
    "proxy_url",
    [
        "foo://",
        "socks5://127.0.0.1:1080",
        "http://[bad",
        "http://127.0.0.1:99999",
        "foo://user:not-a-secret-proxy@127.0.0.1:1",
        "http://user:not-a-secret-proxy@[bad",
    ],
)
async def test_proxy_that_is_none_is_a_matter_of_usage_told_once_without_its_password(
    info: CloudInfo, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch, variable: str, proxy_url: str
) -> None:
    without_environment(monkeypatch)
    monkeypatch.setenv(variable, proxy_url)
    store = ObjectStore("tos-cn-beijing.volces.com", info.region, credentials_of(info), clock=clock)
    with pytest.raises(EnvironmentUnusableError, match=f"proxy that {variable} names") as caught:
        await store.check_bucket(info.bucket)
    assert isinstance(caught.value, UsageError)
    assert "not-a-secret" not in caught.value.message + caught.value.advice
    assert "not-a-secret" not in redact("".join(traceback.format_exception(caught.value)))
    assert clock.monotonic() == 0


async def test_password_of_a_proxy_that_does_not_answer_is_not_shown(
    info: CloudInfo, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_environment(monkeypatch)
    monkeypatch.setenv("https_proxy", "http://user:not-a-secret-proxy@127.0.0.1:9")
    store = ObjectStore("tos-cn-beijing.volces.com", info.region, credentials_of(info), clock=clock)
    with pytest.raises(StorageUnreachableError) as caught:
        await store.check_bucket(info.bucket)
    shown = "".join(traceback.format_exception(caught.value))
    assert "not-a-secret" not in caught.value.message
    assert "not-a-secret" not in redact(shown)


def test_password_that_an_answer_repeats_is_not_shown() -> None:
    Secret("not-a-secret-repeated")
    assert "not-a-secret" not in str(Reply(text="bad password not-a-secret-repeated"))


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("content", [None, b"not a certificate"], ids=["missing", "no certificate"])
async def test_certificates_that_are_none_are_a_matter_of_usage(
    info: CloudInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, content: bytes | None
) -> None:
    without_environment(monkeypatch)
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv(variable, str(bundle))
    store = ObjectStore("tos-cn-beijing.volces.com", info.region, credentials_of(info))
    with pytest.raises(EnvironmentUnusableError, match=rf"{variable} names.*bundle\.pem") as caught:
        await store.check_bucket(info.bucket)
    assert isinstance(caught.value, UsageError)


def without_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what this machine says of proxies and certificates."""
    named = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    for variable in (*named, *map(str.upper, named), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(variable, raising=False)


async def test_throttled_call_waits_as_asked_and_succeeds(
    shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo, clock: FrozenClock
) -> None:
    body = b'{"Code":"ExceedQPSLimit","Message":"slow down"}'
    proxy.faults = [Fault("PUT", answer=_answer(429, body, "Retry-After: 50\r\n"))]
    await shaky.put(info.bucket, "throttled", b"data", metadata={})
    assert clock.monotonic() == 50


async def test_stalled_call_is_left_within_a_second(shaky: ObjectStore, proxy: FaultyProxy, info: CloudInfo) -> None:
    proxy.faults = [Fault("HEAD", stall_request=0)]
    call = asyncio.ensure_future(shaky.head(info.bucket, "key"))
    await in_daemon(lambda: proxy.stalled.wait(5), name="wait")
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(call, 1)


@pytest.mark.skipif(not hasattr(socket, "TCP_NOTSENT_LOWAT"), reason="the system has no such limit")
async def test_little_is_handed_out_ahead_of_a_thin_link(info: CloudInfo, clock: FrozenClock) -> None:
    handed: list[int] = []

    def read_at(position: int, size: int) -> memoryview:
        handed.append(position + size)
        return memoryview(bytes(size))

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        connection = await ObjectStore(endpoint, info.region, credentials_of(info), clock=clock).connection()
        sending = in_daemon(lambda: connection.put(info.bucket, "key", Body(16 * MIB, 0, read_at), {}), name="send")
        peer, _ = await in_daemon(listener.accept, name="accept")
        await asyncio.wait({sending}, timeout=0.5)  # the peer takes nothing
        assert 0 < handed[-1] <= MIB // 4
        peer.close()
        with pytest.raises(StorageUnreachableError):
            await sending


def _answer(status: int, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body
