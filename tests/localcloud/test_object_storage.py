"""Objects on disk: what was written is there whole, whatever happens to the process."""

import os
import signal
import subprocess
import sys
import threading

import fastcrc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.localcloud import tos_errors
from tui.localcloud.keys import KeysUnreadableError, load_keys
from tui.localcloud.object_storage import ObjectStorage, StorageInUseError
from tui.localcloud.tos_checksum import combine_crc64
from tui.localcloud.tos_listing import behind_key
from tui.localcloud.tos_multipart import MIN_PART_SIZE

BUCKET = "answers"


@pytest.fixture
def storage(tmp_path):
    """A storage with one bucket."""
    opened = ObjectStorage(tmp_path / "objects")
    opened.create_bucket(BUCKET)
    yield opened
    opened.close()


def write(storage, key, data, bucket=BUCKET, **headers):
    with storage.writer(bucket, key, headers) as file:
        file.write(data)


def read(storage, key, bucket=BUCKET):
    record, file = storage.open(bucket, key)
    with file:
        data = file.read()
    assert (record.size, record.crc64) == (len(data), fastcrc.crc64.xz(data))
    return data


def files(tmp_path):
    return list((tmp_path / "objects" / "blobs").iterdir())


def part(storage, upload, number, data, key="big"):
    with storage.receive() as incoming:
        incoming.write(data)
        return storage.put_part(BUCKET, key, upload, number, incoming)


def test_what_was_written_is_read(storage):
    write(storage, "results.jsonl", b"one\ntwo\n")
    with storage.open(BUCKET, "results.jsonl")[1] as file:
        assert list(file) == [b"one\n", b"two\n"]


@pytest.mark.parametrize("key", ["../../../etc/passwd", "/", "a//b", ".", "名字 🎉", "a\0b", "x" * 1024])
def test_a_key_is_a_name_and_never_a_path(storage, tmp_path, key):
    write(storage, key, b"data")
    assert read(storage, key) == b"data"
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("key", "error"),
    [("", tos_errors.InvalidKey), ("\ud800", tos_errors.InvalidKey), ("中" * 342, tos_errors.KeyTooLong)],
)
def test_what_cannot_be_a_key_is_refused(storage, tmp_path, key, error):
    with pytest.raises(error):
        write(storage, key, b"data")
    assert files(tmp_path) == []


def test_headers_are_kept_with_the_object(storage):
    with storage.writer(BUCKET, "a", {"content-type": "text/x", "x-tos-meta-name": "n"}):
        pass
    record = storage.head(BUCKET, "a")
    assert (record.content_type, record.metadata, record.size) == ("text/x", {"name": "n"}, 0)


def test_a_writer_that_fails_leaves_the_object_as_it_was(storage, tmp_path):
    write(storage, "a", b"before")

    def fail_halfway():
        with storage.writer(BUCKET, "a") as file:
            file.write(b"after")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail_halfway()
    assert read(storage, "a") == b"before"
    assert len(files(tmp_path)) == 1


def test_a_replaced_object_gives_its_space_back(storage, tmp_path):
    write(storage, "a", b"before")
    write(storage, "a", b"after")
    assert read(storage, "a") == b"after"
    assert len(files(tmp_path)) == 1


def test_a_reader_keeps_what_it_reads(storage, tmp_path):
    write(storage, "a", b"before")
    with storage.open(BUCKET, "a")[1] as file:
        storage.delete(BUCKET, "a")
        assert file.read() == b"before"
    assert files(tmp_path) == []


def test_a_copy_outlives_its_source(storage, tmp_path):
    write(storage, "a", b"data")
    storage.copy((BUCKET, "a"), (BUCKET, "b"))
    storage.delete(BUCKET, "a")
    assert read(storage, "b") == b"data"
    storage.delete(BUCKET, "b")
    assert files(tmp_path) == []


def test_missing_things_are_named(storage):
    with pytest.raises(tos_errors.NoSuchKey):
        storage.open(BUCKET, "nothing")
    with pytest.raises(tos_errors.NoSuchBucket):
        storage.open("nowhere", "nothing")
    with pytest.raises(tos_errors.NoSuchBucket):
        write(storage, "a", b"data", bucket="nowhere")
    with pytest.raises(tos_errors.NoSuchUpload):
        storage.parts(BUCKET, "a", "nothing")


def test_a_guard_sees_what_would_be_replaced(storage):
    write(storage, "a", b"before")

    def keep(existing):
        assert existing.size == 6
        raise tos_errors.DuplicateObject

    with storage.receive() as incoming:
        incoming.write(b"after")
        with pytest.raises(tos_errors.DuplicateObject):
            storage.put(BUCKET, "a", incoming, {}, keep)
    assert read(storage, "a") == b"before"


@pytest.mark.parametrize("name", ["ab", "-ab", "ab-", "Abc", "a.b", "a_b", "x" * 64, "中文桶", ""])
def test_a_bucket_name_has_its_rules(storage, name):
    with pytest.raises(tos_errors.InvalidBucketName):
        storage.create_bucket(name)


def test_a_bucket_is_made_once_and_removed_when_empty(storage):
    with pytest.raises(tos_errors.BucketAlreadyExists):
        storage.create_bucket(BUCKET)
    write(storage, "a", b"")
    with pytest.raises(tos_errors.BucketNotEmpty):
        storage.delete_bucket(BUCKET)
    storage.delete(BUCKET, "a")
    storage.delete_bucket(BUCKET)
    assert not storage.bucket_exists(BUCKET)


def test_parts_become_one_object_whatever_their_order(storage, tmp_path):
    upload = storage.create_upload(BUCKET, "big", {"content-type": "text/x"})
    last = part(storage, upload, 7, b"the end")
    part(storage, upload, 2, b"x" * MIN_PART_SIZE)
    first = part(storage, upload, 2, b"y" * MIN_PART_SIZE)  # in place of the one before
    part(storage, upload, 9, b"not wanted")
    record, _ = storage.complete_upload(BUCKET, "big", upload, [(7, last.etag), (2, first.etag)])
    assert read(storage, "big") == b"y" * MIN_PART_SIZE + b"the end"
    assert (record.content_type, record.etag[-2:]) == ("text/x", "-2")
    assert len(files(tmp_path)) == 2
    with pytest.raises(tos_errors.NoSuchUpload):
        storage.complete_upload(BUCKET, "big", upload, None)


def test_an_object_of_parts_can_be_read_from_anywhere(storage):
    upload = storage.create_upload(BUCKET, "big", {})
    part(storage, upload, 1, b"a" * MIN_PART_SIZE)
    part(storage, upload, 2, b"0123456789")
    storage.complete_upload(BUCKET, "big", upload, None)
    with storage.open(BUCKET, "big")[1] as file:
        file.seek(MIN_PART_SIZE - 2)
        assert file.read(5) == b"aa012"
        file.seek(-1, os.SEEK_END)
        assert file.read() == b"9"


def test_parts_that_do_not_fit_are_refused_and_the_upload_goes_on(storage):
    upload = storage.create_upload(BUCKET, "big", {})
    small = part(storage, upload, 1, b"small")
    last = part(storage, upload, 2, b"last")
    for wanted, error in [
        ([(1, small.etag), (2, last.etag)], tos_errors.EntityTooSmall),
        ([(1, last.etag)], tos_errors.InvalidPart),
        ([(3, last.etag)], tos_errors.InvalidPart),
        ([(1, small.etag), (1, small.etag)], tos_errors.InvalidPart),
        ([], tos_errors.InvalidPart),
    ]:
        with pytest.raises(error):
            storage.complete_upload(BUCKET, "big", upload, wanted)
    assert [item.number for item in storage.parts(BUCKET, "big", upload)] == [1, 2]


@pytest.mark.parametrize("number", [0, 10_001])
def test_parts_are_numbered_1_to_10000(storage, number):
    upload = storage.create_upload(BUCKET, "big", {})
    with pytest.raises(tos_errors.InvalidPartNumber):
        part(storage, upload, number, b"data")


def test_an_aborted_upload_gives_its_space_back(storage, tmp_path):
    upload = storage.create_upload(BUCKET, "big", {})
    part(storage, upload, 1, b"data")
    storage.abort_upload(BUCKET, "big", upload)
    assert files(tmp_path) == []
    assert storage.uploads(BUCKET) == []


def test_everything_is_there_after_a_restart(storage, tmp_path):
    write(storage, "a", b"data")
    upload = storage.create_upload(BUCKET, "big", {})
    part(storage, upload, 1, b"part")
    storage.close()
    (tmp_path / "objects" / "blobs" / "left-over").write_bytes(b"half an object")
    again = ObjectStorage(tmp_path / "objects")
    assert read(again, "a") == b"data"
    again.complete_upload(BUCKET, "big", upload, None)
    assert read(again, "big") == b"part"
    assert len(files(tmp_path)) == 2
    again.close()


def test_one_process_at_a_time(storage, tmp_path):
    with pytest.raises(StorageInUseError):
        ObjectStorage(tmp_path / "objects")


def test_writers_and_readers_do_not_disturb_each_other(storage):
    failures = []

    def work(name):
        try:
            for turn in range(20):
                write(storage, "shared", name * (turn + 1) * 1000)
                assert len(set(read(storage, "shared"))) == 1
        except Exception as error:  # noqa: BLE001  # the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


KILLED = """
import itertools, sys
from pathlib import Path
from tui.localcloud.object_storage import ObjectStorage
storage = ObjectStorage(Path(sys.argv[1]))
storage.create_bucket("answers")
for number in itertools.count():
    with storage.writer("answers", f"{number % 50}") as file:
        file.write(f"{number} ".encode() * 5000)
    print(number, flush=True)
"""


def test_a_killed_process_loses_nothing_it_reported(tmp_path):
    folder = tmp_path / "objects"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            if int(line) >= 120:
                break
        process.send_signal(signal.SIGKILL)
        reported = int([line, *process.stdout][-1])
    storage = ObjectStorage(folder)
    page = storage.list_objects(BUCKET)
    newest = {int(record.key): int(read(storage, record.key).split()[0]) for record in page.objects}
    storage.close()
    for number in range(reported - 49, reported + 1):
        assert newest[number % 50] in (number, number + 50)
    assert len(files(tmp_path)) == len(page.objects)


@given(pieces=st.lists(st.binary(max_size=300), max_size=6))
def test_checksums_of_pieces_combine_to_that_of_the_whole(pieces):
    combined = 0
    for piece in pieces:
        combined = combine_crc64(combined, fastcrc.crc64.xz(piece), len(piece))
    assert combined == fastcrc.crc64.xz(b"".join(pieces))


KEYS = st.text(st.sampled_from("ab/中\ud7ff\ue000\U0010ffff\0"), min_size=1, max_size=5)


@settings(max_examples=60)
@given(
    keys=st.sets(KEYS, max_size=12),
    prefix=st.text(st.sampled_from("ab/中"), max_size=2),
    delimiter=st.sampled_from(["", "/", "a/", "\U0010ffff"]),
    limit=st.integers(1, 4),
)
def test_pages_together_are_the_whole_list(tmp_path_factory, keys, prefix, delimiter, limit):
    storage = ObjectStorage(tmp_path_factory.mktemp("objects"))
    storage.create_bucket(BUCKET)
    for key in keys:
        with storage.receive() as incoming:
            storage.put(BUCKET, key, incoming, {})
    listed, groups, start = [], [], ""
    while start is not None:
        page = storage.list_objects(BUCKET, prefix=prefix, delimiter=delimiter, start=start, limit=limit)
        assert len(page.objects) + len(page.prefixes) == limit or page.next is None
        listed += [record.key for record in page.objects]
        groups += page.prefixes
        start = page.next
    storage.close()
    matching = [key for key in sorted(keys, key=str.encode) if key.startswith(prefix)]
    rest = {key: key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "") for key in matching}
    assert listed == [key for key, (_, found, _) in rest.items() if not found]
    assert groups == list(dict.fromkeys(prefix + head + found for head, found, _ in rest.values() if found))


def test_a_page_can_begin_behind_a_key(storage):
    for key in ("a", "a\0", "b"):
        write(storage, key, b"")
    page = storage.list_objects(BUCKET, start=behind_key("a"))
    assert [record.key for record in page.objects] == ["a\0", "b"]


def test_keys_are_made_once_and_are_their_owners_only(tmp_path):
    keys = load_keys(tmp_path / "cloud")
    assert keys == load_keys(tmp_path / "cloud")
    assert keys.access_key.startswith("AKLTLOCAL")
    assert (tmp_path / "cloud" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert keys.secret_key not in repr(keys)


def test_every_folder_has_keys_of_its_own(tmp_path):
    assert load_keys(tmp_path / "a") != load_keys(tmp_path / "b")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"access_key": "x"}', "\xff"])
def test_keys_that_cannot_be_read_are_named(tmp_path, content):
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(KeysUnreadableError, match=r"keys\.json"):
        load_keys(tmp_path)
