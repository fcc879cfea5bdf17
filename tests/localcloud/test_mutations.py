"""Freshly signed requests with one bit changed on the wire: refused by both protocols, with the right code."""

import json
import random
from datetime import UTC, datetime

import httpx
import pytest
from ark_caller import ArkCaller
from tos_caller import TosCaller, signed_headers

from tui.localcloud.keys import Keys

QUERY = "Action=ListBatchInferenceJobs&Version=2024-01-01"
BODY = json.dumps({"ProjectName": "默认", "PageSize": 10}, ensure_ascii=False).encode()
REGION = "cn-beijing"


def flips(raw, count=24):
    """Some of the texts that differ from `raw` in one bit and are still printable ASCII."""
    chosen = random.Random(7)
    made = {
        (raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]).decode("latin-1")
        for place in range(len(raw))
        for bit in range(8)
    }
    return chosen.sample(
        sorted(text for text in made if text.isprintable() and text.isascii() and " " not in text), count
    )


def _is_plain(text):
    return text.isascii() and text.isprintable() and " " not in text


@pytest.fixture
def ark(cloud):
    with ArkCaller(cloud.info) as caller:
        yield caller


@pytest.fixture
def objects(cloud):
    class Service:
        port = int(cloud.info.tos_endpoint.rpartition(":")[2])

    with TosCaller(Service, Keys(cloud.info.access_key, cloud.info.secret_key)) as caller:
        yield caller


def ark_code(ark, query=QUERY, body=BODY, **headers):
    """The error of a request that was signed as it should be and changed then."""
    signed = ark.sign(QUERY, BODY) | headers
    reply = httpx.post(f"{ark.info.ark_endpoint}/?{query}", content=body, headers=signed)
    error = reply.json()["ResponseMetadata"].get("Error")
    return error and error["Code"]


def test_ark_takes_the_request_as_it_was_signed(ark):
    assert ark_code(ark) is None


def test_ark_refuses_a_changed_body(ark):
    for place in range(0, len(BODY), 3):
        changed = BODY[:place] + bytes([BODY[place] ^ 1 << place % 8]) + BODY[place + 1 :]
        assert ark_code(ark, body=changed) == "SignatureDoesNotMatch"


def test_ark_refuses_a_changed_query(ark):
    value = b"ListBatchInferenceJobs"
    for changed in flips(value):
        if set(changed) & set("#&+=%?"):
            continue
        query = QUERY.replace(value.decode(), changed)
        assert ark_code(ark, query) == "SignatureDoesNotMatch"


def test_ark_refuses_a_changed_date(ark):
    date = ark.sign(QUERY, BODY)["X-Date"]
    second = f"{date[:-2]}{(int(date[-2]) + 1) % 10}Z"
    assert ark_code(ark, **{"X-Date": second}) == "SignatureDoesNotMatch"
    assert ark_code(ark, **{"X-Date": f"2024{date[4:]}"}) == "InvalidTimestamp"
    assert ark_code(ark, **{"X-Date": date[:-1]}) == "InvalidTimestamp"


def test_ark_refuses_a_changed_signature(ark):
    rest, _, signature = ark.sign(QUERY, BODY)["Authorization"].rpartition("=")
    for changed in flips(signature.encode()):
        if "," in changed:
            continue
        assert ark_code(ark, Authorization=f"{rest}={changed}") == "SignatureDoesNotMatch"


def tos_code(objects, cloud, *, path="/arkdeck-local/a.txt", query="", body=b"0123456789", hashed=None, **headers):
    keys = {"keys": objects.keys, "hashed": hashed} if hashed else {"keys": objects.keys}
    signed = signed_headers("PUT", objects.host, "/arkdeck-local/a.txt", "", {"x-tos-meta-a": "b"}, **keys) | headers
    answer = objects.send("PUT", f"{path}?{query}" if query else path, body, signed)
    return answer.status == 200 or answer.code


DIGEST = "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882"  # of the body


def test_the_store_takes_the_request_as_it_was_signed(objects, cloud):
    assert tos_code(objects, cloud) is True
    assert tos_code(objects, cloud, hashed=DIGEST) is True


def test_the_store_refuses_a_body_that_is_not_the_signed_one(objects, cloud):
    body = b"0123456789"
    for place in range(len(body)):
        changed = body[:place] + bytes([body[place] ^ 1 << place % 8]) + body[place + 1 :]
        assert tos_code(objects, cloud, body=changed, hashed=DIGEST) == "ContentSHA256Mismatch"
    assert objects.call("GET", "/arkdeck-local/a.txt").code == "NoSuchKey"


def test_the_store_refuses_a_changed_key(objects, cloud):
    for changed in flips(b"a.txt"):
        if set(changed) & set("#&+=%?"):
            continue
        assert tos_code(objects, cloud, path=f"/arkdeck-local/{changed}") == "SignatureDoesNotMatch"


def test_the_store_refuses_an_added_query(objects, cloud):
    assert tos_code(objects, cloud, query="x=1") == "SignatureDoesNotMatch"


def test_the_store_refuses_a_changed_date(objects, cloud):
    date = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    second = f"{date[:-2]}{(int(date[-2]) + 1) % 10}Z"
    assert tos_code(objects, cloud, **{"x-tos-date": second}) == "SignatureDoesNotMatch"
    assert tos_code(objects, cloud, **{"x-tos-date": f"2024{date[4:]}"}) == "AuthorizationHeaderMalformed"


def test_the_store_refuses_a_changed_header(objects, cloud):
    assert tos_code(objects, cloud, **{"x-tos-meta-a": "c"}) == "SignatureDoesNotMatch"
    assert tos_code(objects, cloud, **{"x-tos-meta-c": "c"}) == "AccessDenied"


def test_the_store_refuses_a_changed_signature(objects, cloud):
    signed = signed_headers("GET", objects.host, "/arkdeck-local/a.txt", keys=objects.keys)
    rest, _, signature = signed["authorization"].rpartition("=")
    for changed in flips(signature.encode()):
        answer = objects.send("GET", "/arkdeck-local/a.txt", None, signed | {"authorization": f"{rest}={changed}"})
        hexadecimal = set(changed) <= set("0123456789abcdef")
        assert answer.code == ("SignatureDoesNotMatch" if hexadecimal else "AuthorizationHeaderMalformed")
