"""The unmodified Python SDK of TOS against the local cloud, pointed there by its proxy arguments."""

import gc
import io
import logging
import os
import warnings
from dataclasses import replace
from types import SimpleNamespace
from urllib.parse import urlsplit

import fastcrc
import httpx
import pytest
import tos

from tui.localcloud import LocalCloud
from tui.localcloud.keys import Keys

BUCKET = "arkdeck-local"
MIB = 1024 * 1024
AWKWARD_KEYS = [
    "a b",
    "100%",
    "1+1",
    "what?",
    "a#b",
    "//two",
    "批量/结果.jsonl",
    "🎉",
    "a&b=c;d",
    "line\nbreak",
    "%2F",
    "é/'\"*()!~",
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One cloud for all tests, each of which leaves its bucket empty."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture
def sdk(cloud):
    """Makes clients of the SDK; `sdk()` has the right keys."""
    logging.getLogger("tos").addHandler(logging.NullHandler())
    made = []

    def client(keys=None, info=cloud.info, **options):
        keys = keys or Keys(info.access_key, info.secret_key)
        endpoint = urlsplit(info.tos_endpoint)
        made.append(
            tos.TosClientV2(
                keys.access_key,
                keys.secret_key,
                endpoint=f"http://tos-{info.region}.volces.com",
                region=info.region,
                security_token=keys.session_token,
                proxy_host=endpoint.hostname,
                proxy_port=endpoint.port,
                dns_cache_time=0,
                **{"max_retry_count": 0} | options,
            )
        )
        made[-1].session.trust_env = False
        return made[-1]

    yield client
    for one in made:
        one.close()
    with warnings.catch_warnings():  # the SDK drops the connection of an interrupted download without closing it
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def client(sdk):
    """A client with the right keys; what is in the bucket at the end is deleted."""
    made = sdk()
    yield made
    for entry in made.list_objects_type2(BUCKET).contents:
        made.delete_object(BUCKET, entry.key)
    for upload in made.list_multipart_uploads(BUCKET).uploads:
        made.abort_multipart_upload(BUCKET, upload.key, upload.upload_id)


def refusal(call, *args, **options):
    with pytest.raises(tos.exceptions.TosServerError) as caught:
        call(*args, **options)
    return caught.value


def read(client, key, **options):
    return client.get_object(BUCKET, key, **options).read()


def keys_of(listing):
    return [entry.key for entry in listing.contents]


def fill(client, *keys):
    for key in keys:
        client.put_object(BUCKET, key, content=b"")


def test_buckets(client):
    client.create_bucket("another-bucket")
    assert [bucket.name for bucket in client.list_buckets().buckets] == ["another-bucket", BUCKET]
    assert client.head_bucket("another-bucket").region == "cn-beijing"
    assert client.get_bucket_location("another-bucket").region == "cn-beijing"
    client.delete_bucket("another-bucket")
    assert refusal(client.head_bucket, "another-bucket").status_code == 404


def test_a_bucket_is_made_once(client):
    error = refusal(client.create_bucket, BUCKET)
    assert (error.status_code, error.code) == (409, "BucketAlreadyExists")


def test_a_bucket_with_objects_stays(client):
    fill(client, "a")
    assert refusal(client.delete_bucket, BUCKET).code == "BucketNotEmpty"


@pytest.mark.parametrize("key", AWKWARD_KEYS)
def test_put_get_head_copy_list_delete_under_any_key(client, key):
    client.put_object(BUCKET, key, content=b"data")
    assert read(client, key) == b"data"
    assert client.head_object(BUCKET, key).content_length == 4
    client.copy_object(BUCKET, f"{key}.copy", BUCKET, key)
    assert keys_of(client.list_objects_type2(BUCKET, prefix=key)) == [key, f"{key}.copy"]
    client.delete_object(BUCKET, key)
    assert refusal(client.head_object, BUCKET, key).status_code == 404
    assert read(client, f"{key}.copy") == b"data"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", b""),
        (io.BytesIO(b""), b""),
        ((piece for piece in (b"one ", b"", b"two")), b"one two"),
        ((piece for piece in ()), b""),
        ("文字", "文字".encode()),
    ],
    ids=["nothing", "empty file", "generator", "empty generator", "text"],
)
def test_put_takes_any_content(client, content, expected):
    client.put_object(BUCKET, "a", content=content)
    assert read(client, "a") == expected


def test_64_mib_come_back_as_they_went(client):
    data = os.urandom(MIB) * 64
    put = client.put_object(BUCKET, "a", content=data)
    assert put.hash_crc64_ecma == fastcrc.crc64.xz(data)
    assert read(client, "a") == data


def test_an_empty_file(client, tmp_path):
    (tmp_path / "empty").touch()
    client.put_object_from_file(BUCKET, "a", str(tmp_path / "empty"))
    client.get_object_to_file(BUCKET, "a", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == b""


def test_what_is_said_of_an_object_is_kept(client):
    client.put_object(BUCKET, "a.json", content=b"{}", meta={"name": "批量 1", "run": "x"}, cache_control="no-store")
    head = client.head_object(BUCKET, "a.json")
    assert (head.meta, head.content_type, head.cache_control) == (
        {"name": "批量 1", "run": "x"},
        "application/json",
        "no-store",
    )
    assert (head.etag, head.storage_class, head.object_type) == (
        "99914b932bd37a50b983c5e7c90ae93b",
        tos.StorageClassType.Storage_Class_Standard,
        "Normal",
    )
    assert head.last_modified is not None


def test_ranges(client):
    client.put_object(BUCKET, "a", content=b"0123456789")
    part = client.get_object(BUCKET, "a", range_start=2, range_end=4)
    assert (part.read(), part.content_range, part.status_code) == (b"234", "bytes 2-4/10", 206)
    assert read(client, "a", range_start=8) == b"89"
    assert read(client, "a", range="bytes=-3") == b"789"
    assert read(client, "a", range_start=8, range_end=100) == b"89"
    assert refusal(client.get_object, BUCKET, "a", range_start=10, range_end=12).status_code == 416


def test_conditions(client):
    etag = client.put_object(BUCKET, "a", content=b"data").etag
    assert read(client, "a", if_match=etag) == b"data"
    assert read(client, "a", if_match=f'"{etag}"') == b"data"
    assert refusal(client.get_object, BUCKET, "a", if_match="other").status_code == 412
    assert refusal(client.get_object, BUCKET, "a", if_none_match=etag).status_code == 304
    modified = client.head_object(BUCKET, "a").last_modified
    assert refusal(client.get_object, BUCKET, "a", if_modified_since=modified).status_code == 304
    assert read(client, "a", if_unmodified_since=modified) == b"data"


def test_writing_can_be_forbidden_to_replace(client):
    client.put_object(BUCKET, "a", content=b"first")
    error = refusal(client.put_object, BUCKET, "a", content=b"second", forbid_overwrite=True)
    assert (error.status_code, error.ec) == (409, "0015-00000008")
    assert refusal(client.copy_object, BUCKET, "a", BUCKET, "a", forbid_overwrite=True).status_code == 409
    assert refusal(client.put_object, BUCKET, "a", content=b"second", if_match="other").status_code == 412
    assert read(client, "a") == b"first"


def test_a_copy_can_have_headers_of_its_own(client):
    client.put_object(BUCKET, "a", content=b"data", meta={"was": "1"})
    copied = client.copy_object(
        BUCKET,
        "b",
        BUCKET,
        "a",
        meta={"is": "2"},
        metadata_directive=tos.MetadataDirectiveType.Metadata_Directive_Replace,
    )
    head = client.head_object(BUCKET, "b")
    assert (head.meta, head.etag, head.hash_crc64_ecma) == ({"is": "2"}, copied.etag, fastcrc.crc64.xz(b"data"))
    assert client.head_object(BUCKET, "a").meta == {"was": "1"}


def test_a_copy_of_nothing_is_refused(client):
    assert refusal(client.copy_object, BUCKET, "b", BUCKET, "a").code == "NoSuchKey"
    fill(client, "a")
    assert refusal(client.copy_object, BUCKET, "b", BUCKET, "a", copy_source_if_match="other").status_code == 412


def test_listing_page_by_page(client):
    expected = [f"k{number:03d}" for number in range(25)]
    fill(client, *expected)
    found, token = [], ""
    while token is not None:
        page = client.list_objects_type2(BUCKET, max_keys=7, continuation_token=token, list_only_once=True)
        found += keys_of(page)
        token = page.next_continuation_token
    assert found == expected
    assert keys_of(client.list_objects_type2(BUCKET, start_after="k020")) == expected[21:]


def test_listing_by_groups(client):
    fill(client, "a/1", "a/2", "b", "c/1", "c/d/2", "e")
    page = client.list_objects_type2(BUCKET, delimiter="/", max_keys=3, list_only_once=True)
    assert (keys_of(page), [group.prefix for group in page.common_prefixes], page.is_truncated) == (
        ["b"],
        ["a/", "c/"],
        True,
    )
    rest = client.list_objects_type2(BUCKET, delimiter="/", continuation_token=page.next_continuation_token)
    assert (keys_of(rest), rest.common_prefixes, rest.is_truncated) == (["e"], [], False)
    inner = client.list_objects_type2(BUCKET, delimiter="/", prefix="c/")
    assert (keys_of(inner), [group.prefix for group in inner.common_prefixes]) == (["c/1"], ["c/d/"])


def test_a_group_that_listing_starts_after_is_still_listed(client):
    fill(client, "a/1", "b")
    page = client.list_objects_type2(BUCKET, delimiter="/", start_after="a/")
    assert ([group.prefix for group in page.common_prefixes], keys_of(page)) == (["a/"], ["b"])


def test_listing_by_marker(client):
    fill(client, "a/1", "a/2", "b", "c", "d")
    first = client.list_objects(BUCKET, delimiter="/", max_keys=2)
    assert (keys_of(first), [group.prefix for group in first.common_prefixes], first.is_truncated) == (
        ["b"],
        ["a/"],
        True,
    )
    second = client.list_objects(BUCKET, delimiter="/", marker=first.next_marker)
    assert (keys_of(second), second.common_prefixes, second.is_truncated) == (["c", "d"], [], False)
    behind_group = client.list_objects(BUCKET, delimiter="/", marker="a/")
    assert (keys_of(behind_group), behind_group.common_prefixes) == (["b", "c", "d"], [])


def test_listed_objects_are_described(client):
    client.put_object(BUCKET, "中 a", content=b"data", meta={"name": "n"})
    (entry,) = client.list_objects_type2(BUCKET, fetch_meta=True).contents
    assert (entry.size, entry.hash_crc64_ecma, entry.meta) == (4, fastcrc.crc64.xz(b"data"), {"name": "n"})
    assert entry.etag == client.head_object(BUCKET, "中 a").etag
    assert entry.storage_class == tos.StorageClassType.Storage_Class_Standard
    (encoded,) = keys_of(client.list_objects_type2(BUCKET, encoding_type="url"))
    assert encoded == "%E4%B8%AD%20a"


def test_deleting_what_is_not_there_succeeds(client):
    assert client.delete_object(BUCKET, "nothing").status_code == 204


def test_deleting_many(client):
    fill(client, "a", "b", "中")
    answer = client.delete_multi_objects(BUCKET, [tos.models2.ObjectTobeDeleted(key) for key in ("a", "中", "nothing")])
    assert ([item.key for item in answer.deleted], answer.error) == (["a", "中", "nothing"], [])
    assert keys_of(client.list_objects_type2(BUCKET)) == ["b"]
    assert client.delete_multi_objects(BUCKET, [tos.models2.ObjectTobeDeleted("b")], quiet=True).deleted == []


def test_a_multipart_upload_by_hand(client):
    upload = client.create_multipart_upload(BUCKET, "big", meta={"name": "n"}).upload_id
    pieces = {1: os.urandom(5 * MIB), 2: os.urandom(5 * MIB), 3: b"the end"}
    sent = {number: client.upload_part(BUCKET, "big", upload, number, content=pieces[number]) for number in (3, 1, 2)}
    listed = client.list_parts(BUCKET, "big", upload, max_parts=2)
    assert ([part.part_number for part in listed.parts], listed.is_truncated) == ([1, 2], True)
    rest = client.list_parts(BUCKET, "big", upload, part_number_marker=listed.next_part_number_marker)
    assert [(part.part_number, part.size, part.etag) for part in rest.parts] == [(3, 7, sent[3].etag)]
    assert [(item.key, item.upload_id) for item in client.list_multipart_uploads(BUCKET).uploads] == [("big", upload)]
    done = client.complete_multipart_upload(BUCKET, "big", upload, list(sent.values()))
    whole = b"".join(pieces[number] for number in sorted(pieces))
    assert done.hash_crc64_ecma == fastcrc.crc64.xz(whole)
    assert read(client, "big") == whole
    assert client.head_object(BUCKET, "big").meta == {"name": "n"}
    assert client.list_multipart_uploads(BUCKET).uploads == []


def test_parts_of_other_objects(client):
    client.put_object(BUCKET, "source", content=b"x" * 5 * MIB + b"0123456789")
    upload = client.create_multipart_upload(BUCKET, "big").upload_id
    end = {"copy_source_range_start": 5 * MIB + 2, "copy_source_range_end": 5 * MIB + 4}
    client.upload_part_copy(BUCKET, "big", upload, 1, BUCKET, "source")
    client.upload_part_copy(BUCKET, "big", upload, 2, BUCKET, "source", **end)
    done = client.complete_multipart_upload(BUCKET, "big", upload, None, complete_all=True)
    assert [part.part_number for part in done.complete_parts] == [1, 2]
    assert read(client, "big") == b"x" * 5 * MIB + b"0123456789234"


def test_an_upload_that_is_gone(client):
    upload = client.create_multipart_upload(BUCKET, "big").upload_id
    client.abort_multipart_upload(BUCKET, "big", upload)
    for call in (
        lambda: client.upload_part(BUCKET, "big", upload, 1, content=b""),
        lambda: client.list_parts(BUCKET, "big", upload),
        lambda: client.abort_multipart_upload(BUCKET, "big", upload),
    ):
        error = refusal(call)
        assert (error.status_code, error.code) == (404, "NoSuchUpload")


def test_parts_that_do_not_fit(client):
    upload = client.create_multipart_upload(BUCKET, "big").upload_id
    sent = [client.upload_part(BUCKET, "big", upload, number, content=b"small") for number in (1, 2)]
    assert refusal(client.complete_multipart_upload, BUCKET, "big", upload, sent).code == "EntityTooSmall"
    wrong = [SimpleNamespace(part_number=1, etag="0" * 32)]
    assert refusal(client.complete_multipart_upload, BUCKET, "big", upload, wrong).code == "InvalidPart"


@pytest.mark.parametrize("size", [0, 12 * MIB + 345])
def test_upload_file_and_download_file_with_checkpoints(client, tmp_path, size):
    source, target = tmp_path / "source.bin", tmp_path / "target.bin"
    source.write_bytes(os.urandom(size))
    transfer = {"task_num": 3, "part_size": 5 * MIB, "enable_checkpoint": True, "checkpoint_file": f"{tmp_path}/"}
    client.upload_file(BUCKET, "big", str(source), **transfer)
    client.download_file(BUCKET, "big", str(target), **transfer)
    assert target.read_bytes() == source.read_bytes()


def interrupt_at(share):
    """Make a listener that ends a transfer, without giving it up, beyond a share of it."""

    def interrupt(consumed, total, _once, _kind):
        if consumed > total * share:
            raise tos.exceptions.CancelNotWithAbortError("enough")

    return interrupt


@pytest.mark.parametrize("tasks", [1, 3])
def test_an_interrupted_upload_goes_on_from_its_checkpoint(client, tmp_path, tasks):
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(40 * MIB))
    transfer = {
        "part_size": 5 * MIB,
        "task_num": tasks,
        "enable_checkpoint": True,
        "checkpoint_file": f"{tmp_path}/",
    }
    with pytest.raises(tos.exceptions.TosClientError):
        client.upload_file(BUCKET, "big", str(source), data_transfer_listener=interrupt_at(0.6), **transfer)
    (upload,) = client.list_multipart_uploads(BUCKET).uploads
    kept = client.list_parts(BUCKET, "big", upload.upload_id).parts
    assert 0 < len(kept) < 8
    sent = []
    client.upload_file(
        BUCKET, "big", str(source), data_transfer_listener=lambda *event: sent.append(event[2]), **transfer
    )
    assert sum(filter(None, sent)) == (8 - len(kept)) * 5 * MIB
    assert read(client, "big") == source.read_bytes()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK's
@pytest.mark.parametrize("tasks", [1, 3])
def test_an_interrupted_download_goes_on_from_its_checkpoint(client, tmp_path, tasks):
    data, target = os.urandom(40 * MIB), tmp_path / "target.bin"
    client.put_object(BUCKET, "big", content=data)
    transfer = {
        "part_size": 5 * MIB,
        "task_num": tasks,
        "enable_checkpoint": True,
        "checkpoint_file": f"{tmp_path}/",
    }
    with pytest.raises(tos.exceptions.TosClientError):
        client.download_file(BUCKET, "big", str(target), data_transfer_listener=interrupt_at(0.6), **transfer)
    assert not target.exists()
    got = []
    client.download_file(
        BUCKET, "big", str(target), data_transfer_listener=lambda *event: got.append(event[2]), **transfer
    )
    assert sum(filter(None, got)) < 40 * MIB
    assert target.read_bytes() == data


def test_a_download_of_what_was_replaced_meanwhile_starts_again(client, tmp_path):
    target = tmp_path / "target.bin"
    transfer = {"part_size": 5 * MIB, "enable_checkpoint": True, "checkpoint_file": f"{tmp_path}/"}
    client.put_object(BUCKET, "big", content=os.urandom(15 * MIB))
    with pytest.raises(tos.exceptions.TosClientError):
        client.download_file(BUCKET, "big", str(target), data_transfer_listener=interrupt_at(0.6), **transfer)
    data = os.urandom(15 * MIB)
    client.put_object(BUCKET, "big", content=data)
    client.download_file(BUCKET, "big", str(target), **transfer)
    assert target.read_bytes() == data


def test_an_upload_that_is_given_up_leaves_nothing(client, tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(os.urandom(10 * MIB))

    def give_up(*_):
        raise tos.exceptions.CancelWithAbortError("no")

    with pytest.raises(tos.exceptions.TosClientError):
        client.upload_file(BUCKET, "big", str(source), part_size=5 * MIB, data_transfer_listener=give_up)
    assert client.list_multipart_uploads(BUCKET).uploads == []


def test_uploads_are_listed_page_by_page_and_by_prefix(client):
    keys = ["a", "b/1", "b/1", "b/2", "中"]
    made = {(key, client.create_multipart_upload(BUCKET, key).upload_id) for key in keys}
    found, markers = [], {}
    while True:
        page = client.list_multipart_uploads(BUCKET, max_uploads=2, **markers)
        found += [(upload.key, upload.upload_id) for upload in page.uploads]
        if not page.is_truncated:
            break
        markers = {"key_marker": page.next_key_marker, "upload_id_marker": page.next_upload_id_marker}
    assert (len(found), set(found)) == (5, made)
    assert [upload.key for upload in client.list_multipart_uploads(BUCKET, prefix="b/").uploads] == [
        "b/1",
        "b/1",
        "b/2",
    ]


def test_an_object_is_completed_from_some_of_its_parts_in_any_order(client):
    upload = client.create_multipart_upload(BUCKET, "big").upload_id
    data = {number: os.urandom(5 * MIB) for number in (1, 2, 9)}
    client.upload_part(BUCKET, "big", upload, 2, content=b"replaced")
    sent = {number: client.upload_part(BUCKET, "big", upload, number, content=data[number]) for number in data}
    client.complete_multipart_upload(BUCKET, "big", upload, [sent[9], sent[2]])
    assert read(client, "big") == data[2] + data[9]
    assert refusal(client.complete_multipart_upload, BUCKET, "big", upload, [sent[9]]).code == "NoSuchUpload"


def test_a_body_that_is_not_what_was_promised_is_refused(client):
    assert (
        refusal(client.put_object, BUCKET, "a", content=b"data", content_md5="AAAAAAAAAAAAAAAAAAAAAA==").code
        == "BadDigest"
    )
    assert refusal(client.put_object, BUCKET, "a", content=b"data", content_sha256="0" * 64).status_code == 400
    assert client.does_object_exist(BUCKET, "a") is False


def test_what_the_local_cloud_does_not_have_it_says(client):
    assert refusal(client.list_objects_type2, BUCKET, reverse=True).status_code == 501
    assert refusal(client.create_bucket, "public", acl=tos.ACLType.ACL_Public_Read).status_code == 501
    assert refusal(client.append_object, BUCKET, "a", 0, content=b"data").status_code == 501


def test_a_pre_signed_url(client, cloud):
    client.put_object(BUCKET, "a b+中", content=b"data")
    url = client.pre_signed_url(tos.HttpMethodType.Http_Method_Get, BUCKET, "a b+中", expires=60).signed_url
    with httpx.Client(proxy=cloud.info.tos_endpoint, trust_env=False) as browser:
        assert browser.get(url).content == b"data"
        assert browser.get(url.replace("Expires=60", "Expires=61")).status_code == 403
        put = client.pre_signed_url(tos.HttpMethodType.Http_Method_Put, BUCKET, "new").signed_url
        assert browser.put(put, content=b"by url").status_code == 200
    assert read(client, "new") == b"by url"


def test_errors_say_what_the_sdk_reads(client):
    error = refusal(client.get_object, BUCKET, "nothing")
    assert (error.status_code, error.code, error.ec) == (404, "NoSuchKey", "0017-00000003")
    assert error.request_id == error.header["x-tos-request-id"]
    assert error.resource == f"/{BUCKET}/nothing"
    head = refusal(client.head_object, "nowhere", "nothing")
    assert (head.status_code, head.header["x-tos-ec"]) == (404, "0006-00000001")
    assert client.does_object_exist(BUCKET, "nothing") is False
    assert client.does_bucket_exist("nowhere") is False


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret_key": "another-secret"}, "SignatureDoesNotMatch"),
        ({"access_key": "AKLTSOMEONEELSE"}, "InvalidAccessKeyId"),
        ({"session_token": "a-token"}, "InvalidSecurityToken"),
        ({"access_key": "", "secret_key": ""}, "AccessDenied"),
    ],
)
def test_other_keys_are_refused(sdk, cloud, changes, code):
    keys = replace(Keys(cloud.info.access_key, cloud.info.secret_key), **changes)
    error = refusal(sdk(keys).list_objects_type2, BUCKET)
    assert (error.status_code, error.code) == (403, code)


def test_temporary_keys_with_their_token(sdk, cloud_factory, tmp_path):
    keys = Keys("AKLTTESTONLY", "not-a-secret-0123456789", "STS-TESTONLY")
    info = cloud_factory(data=tmp_path / "sts", keys=keys).info
    client = sdk(keys, info)
    client.put_object(BUCKET, "a", content=b"data")
    assert read(client, "a") == b"data"
    assert refusal(sdk(replace(keys, session_token=None), info).get_object, BUCKET, "a").code == "InvalidSecurityToken"
    url = client.pre_signed_url(tos.HttpMethodType.Http_Method_Get, BUCKET, "a").signed_url
    with httpx.Client(proxy=info.tos_endpoint, trust_env=False) as browser:
        assert browser.get(url).content == b"data"
        assert browser.get(url.replace("STS-TESTONLY", "STS-ANOTHER")).status_code == 403
