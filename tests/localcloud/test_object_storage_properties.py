"""Multipart uploads and listings against plain models of them: a dictionary, and a sorted list."""

import itertools
import json
import tempfile
from pathlib import Path

import fastcrc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from tui.localcloud import tos_bucket_operations as buckets
from tui.localcloud.object_storage import ObjectStorage
from tui.localcloud.tos_call import Address, Call
from tui.localcloud.tos_errors import EntityTooSmall, InvalidPart, NoSuchKey, NoSuchUpload

BUCKET = "answers"
MIN_PART = 4


class Multipart(RuleBasedStateMachine):
    """Uploads to two keys, parts of any size in any order; the model keeps the bytes in dictionaries."""

    uploads = Bundle("uploads")
    keys = st.sampled_from(["a", "b"])
    numbers = st.integers(1, 4)

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.storage = ObjectStorage(Path(self.folder.name), min_part_size=MIN_PART)
        self.storage.create_bucket(BUCKET)
        self.parts = {}
        self.objects = {}

    def teardown(self):
        self.storage.close()
        self.folder.cleanup()

    @rule(target=uploads, key=keys)
    def begin(self, key):
        upload = self.storage.create_upload(BUCKET, key, {})
        self.parts[key, upload] = {}
        return key, upload

    @rule(this=uploads, number=numbers, data=st.binary(max_size=2 * MIN_PART))
    def put_part(self, this, number, data):
        with self.storage.receive() as incoming:
            incoming.write(data)
            if this not in self.parts:
                with pytest.raises(NoSuchUpload):
                    self.storage.put_part(BUCKET, *this, number, incoming)
            else:
                self.storage.put_part(BUCKET, *this, number, incoming)
                self.parts[this][number] = data

    @rule(this=consumes(uploads))
    def abort(self, this):
        if self.parts.pop(this, None) is None:
            with pytest.raises(NoSuchUpload):
                self.storage.abort_upload(BUCKET, *this)
        else:
            self.storage.abort_upload(BUCKET, *this)

    @rule(this=uploads)
    def complete_all(self, this):
        self._complete(this, None, sorted(self.parts.get(this, {})))

    @rule(this=uploads, data=st.data())
    def complete_some(self, this, data):
        known = sorted(self.parts.get(this, {}))
        numbers = data.draw(st.permutations(known)) if known else []
        self._complete(this, numbers[: data.draw(st.integers(0, len(numbers)))])

    @rule(this=uploads, numbers=st.lists(numbers, max_size=4))
    def complete_any(self, this, numbers):
        self._complete(this, numbers)

    @rule(this=uploads, number=numbers)
    def complete_with_a_wrong_tag(self, this, number):
        with pytest.raises((InvalidPart, NoSuchUpload)):
            self.storage.complete_upload(BUCKET, *this, [(number, "0" * 32)])

    def _complete(self, this, wanted, chosen=None):
        have = self.parts.get(this)
        chosen = sorted(wanted) if chosen is None else chosen
        refusal = None
        if have is None:
            refusal = NoSuchUpload
        elif not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= have.keys():
            refusal = InvalidPart
        elif any(len(have[number]) < MIN_PART for number in chosen[:-1]):
            refusal = EntityTooSmall
        tags = {} if have is None else {part.number: part.etag for part in self.storage.parts(BUCKET, *this)}
        asked = None if wanted is None else [(number, tags.get(number, "")) for number in wanted]
        if refusal is not None:
            with pytest.raises(refusal):
                self.storage.complete_upload(BUCKET, *this, asked)
            return
        record, used = self.storage.complete_upload(BUCKET, *this, asked)
        whole = b"".join(have[number] for number in chosen)
        assert [part.number for part in used] == chosen
        assert (record.size, record.crc64) == (len(whole), fastcrc.crc64.xz(whole))
        self.objects[this[0]] = whole
        del self.parts[this]

    @invariant()
    def what_is_there_is_what_the_model_has(self):
        for key in ("a", "b"):
            if key not in self.objects:
                with pytest.raises(NoSuchKey):
                    self.storage.head(BUCKET, key)
                continue
            with self.storage.open(BUCKET, key)[1] as file:
                assert file.read() == self.objects[key]
        for this, have in self.parts.items():
            listed = [(part.number, part.size) for part in self.storage.parts(BUCKET, *this)]
            assert listed == [(number, len(have[number])) for number in sorted(have)]
        assert {(upload.key, upload.id) for upload in self.storage.uploads(BUCKET)} == self.parts.keys()

    @invariant()
    def no_byte_is_kept_that_nothing_refers_to(self):
        kept = sum(path.stat().st_size for path in (Path(self.folder.name) / "blobs").iterdir())
        parts = sum(len(data) for have in self.parts.values() for data in have.values())
        assert kept == parts + sum(map(len, self.objects.values()))


TestMultipart = Multipart.TestCase
TestMultipart.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


# listings


names = st.text("ab/-é\ud7ff\ue000\U0010ffff", min_size=1, max_size=5)
bucket_numbers = itertools.count()


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """A storage for many buckets."""
    opened = ObjectStorage(tmp_path_factory.mktemp("objects"))
    yield opened
    opened.close()


def filled(storage, keys):
    """Make a bucket of empty objects and return its name."""
    bucket = f"bucket-{next(bucket_numbers)}"
    storage.create_bucket(bucket)
    for key in keys:
        with storage.writer(bucket, key):
            pass
    return bucket


def ask(storage, bucket, operation, **query):
    """Answer one page of a listing; empty parameters are left out."""
    given = {name.replace("_", "-"): str(value) for name, value in query.items() if value not in ("", None)}
    call = Call(None, Address(bucket, "", "localhost"), given, b"", storage, "cn-beijing")
    return json.loads(operation(call).body)


def entries_of(page):
    """Keys and groups of a page in one order, that of their UTF-8 bytes."""
    found = [entry["Key"] for entry in page["Contents"]] + [group["Prefix"] for group in page["CommonPrefixes"]]
    return sorted(found, key=str.encode)


def model(keys, prefix, delimiter, after=""):
    """What all pages together must hold."""
    found = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix) or (after and key.encode() <= after.encode()):
            continue
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if end < 0 else key[: end + len(delimiter)]
        if entry not in found:
            found.append(entry)
    return found


def pages(storage, bucket, operation, following, **query):
    """Follow the pages to the last; each but the last is full and says so."""
    extra = {}
    for _ in range(100):
        page = ask(storage, bucket, operation, **query, **extra)
        yield page
        if not page["IsTruncated"]:
            return
        assert len(entries_of(page)) == query["max_keys"]
        extra = following(page)
    raise AssertionError("the pages have no end")


listings = {
    "keys": st.sets(names, max_size=12),
    "prefix": st.text("ab/é", max_size=2),
    "delimiter": st.sampled_from(["", "/", "a", "-é", "\U0010ffff"]),
    "size": st.integers(1, 5),
}


@settings(max_examples=100, deadline=None)
@given(**listings, after=st.one_of(st.just(""), names))
def test_every_key_or_group_is_listed_once_by_token(storage, keys, prefix, delimiter, size, after):
    bucket = filled(storage, keys)
    query = {"prefix": prefix, "delimiter": delimiter, "max_keys": size, "start_after": after}

    def following(page):
        return {"continuation_token": page["NextContinuationToken"]}

    found = [
        entry
        for page in pages(storage, bucket, buckets.list_objects_type2, following, **query)
        for entry in entries_of(page)
    ]
    assert found == model(keys, prefix, delimiter, after)


@settings(max_examples=100, deadline=None)
@given(**listings)
def test_every_key_or_group_is_listed_once_by_marker(storage, keys, prefix, delimiter, size):
    bucket = filled(storage, keys)
    query = {"prefix": prefix, "delimiter": delimiter, "max_keys": size}

    def following(page):
        return {"marker": page["NextMarker"]}

    found = [
        entry for page in pages(storage, bucket, buckets.list_objects, following, **query) for entry in entries_of(page)
    ]
    assert found == model(keys, prefix, delimiter)
