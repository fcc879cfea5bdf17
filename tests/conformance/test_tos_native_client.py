"""The native client of TOS (Rust, bundled in a wheel), unmodified, against the local cloud."""

import os
from urllib.parse import urlsplit

import fastcrc
import pytest
import tosnativeclient

BUCKET = "arkdeck-local"
REGION = "local-1"  # it refuses an endpoint of its own in the regions it knows
MIB = 1024 * 1024


@pytest.fixture
def native(cloud_factory):
    """Makes clients; they resolve `*.localhost` themselves."""
    info = cloud_factory(region=REGION).info

    def client(secret_key=info.secret_key):
        endpoint = f"http://localhost:{urlsplit(info.tos_endpoint).port}"
        return tosnativeclient.TosClient(REGION, endpoint, info.access_key, secret_key)

    return client


def put(client, key, data):
    stream = client.put_object(BUCKET, key)
    for start in range(0, len(data), MIB):
        stream.write(data[start : start + MIB])
    stream.close()


def get(client, key):
    head = client.head_object(BUCKET, key)
    stream = client.get_object(BUCKET, key, etag=head.etag, size=head.size, crc64=head.crc64)
    data = b""
    while len(data) < head.size:
        data += stream.read(len(data), MIB)
    return data


@pytest.mark.parametrize(("key", "size"), [("empty", 0), ("small", 4096), ("dir/批量 +%.jsonl", 20 * MIB + 5)])
def test_what_was_sent_comes_back(native, key, size):
    client, data = native(), os.urandom(size)
    put(client, key, data)
    assert client.head_object(BUCKET, key).crc64 == fastcrc.crc64.xz(data)
    assert get(client, key) == data


def test_list_copy_and_delete(native):
    client = native()
    put(client, "dir/a", b"data")
    client.copy(BUCKET, "b", "dir/a")
    assert [entry.key for page in client.list_objects(BUCKET) for entry in page[0].contents] == ["b", "dir/a"]
    assert [page[0].common_prefixes for page in client.list_objects(BUCKET, delimiter="/")] == [["dir/"]]
    client.delete_object(BUCKET, "dir/a")
    assert client.lookup(BUCKET, "b").size == 4


def test_a_wrong_secret_is_refused(native):
    with pytest.raises(tosnativeclient.TosException) as caught:
        native("another-secret").head_object(BUCKET, "a")
    assert caught.value.args[0].status_code == 403


def test_buckets(native):
    client = native()
    client.create_bucket("made-by-rust")
    assert [bucket.name for bucket in client.list_buckets()] == [BUCKET, "made-by-rust"]
    assert client.head_bucket("made-by-rust").name == "made-by-rust"
    client.delete_bucket("made-by-rust")
    with pytest.raises(tosnativeclient.TosException) as caught:
        client.head_bucket("made-by-rust")
    assert caught.value.args[0].status_code == 404


def test_folders_and_walks(native):
    client = native()
    client.mkdir(BUCKET, "folder/")
    put(client, "folder/a", b"data")
    put(client, "folder/inner/b", b"data")
    found = {entry.key for page in client.list_objects(BUCKET, prefix="folder/") for entry in page[0].contents}
    assert found == {"folder/", "folder/a", "folder/inner/b"}
    client.delete_folder(BUCKET, "folder/", recursive=True)
    assert [entry.key for page in client.list_objects(BUCKET) for entry in page[0].contents] == []
