"""The signature is the one that the official signers make, over the bytes that are really sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.ark.signing import SigningAuth, SigningInput, canonical_query, sign
from tui.clock import FrozenClock
from tui.safety import Secret
from tui.settings.credentials import Credentials

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "signing-vectors.json").read_text("utf-8"))["vectors"]


def vector_id(vector: dict) -> str:
    return vector["id"]


def credentials_of(given: dict) -> Credentials:
    token = Secret(given["session_token"]) if given["session_token"] else None
    return Credentials(given["ak"], Secret(given["sk"]), token, "vector")


def date_of(given: dict) -> datetime:
    return datetime.strptime(given["x_date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def signature_of(vector: dict):
    given = vector["input"]
    return sign(
        SigningInput(
            method=given["method"],
            host=given["host_header"],
            path=given["path"],
            query=tuple((name, value) for name, value in given["query"]),
            headers=given["headers"],
            body=given["body_utf8"].encode(),
        ),
        credentials=credentials_of(given),
        region=given["region"],
        service=given["service"],
        at=date_of(given),
    )


def test_there_are_nine_vectors():
    assert len(VECTORS) == 9


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_canonical_query_is_the_official_one(vector):
    assert canonical_query(vector["input"]["query"]) == vector["expected"]["canonical_query"]


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_canonical_request_is_the_official_one(vector):
    assert signature_of(vector).canonical_request == vector["expected"]["canonical_request"]


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_string_to_sign_is_the_official_one(vector):
    assert signature_of(vector).string_to_sign == vector["expected"]["string_to_sign"]


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_signature_is_the_official_one(vector):
    assert signature_of(vector).value == vector["expected"]["signature"]


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_headers_to_add_are_the_official_ones(vector):
    token = vector["input"]["session_token"]
    assert signature_of(vector).headers == {
        "X-Date": vector["input"]["x_date"],
        "X-Content-Sha256": vector["expected"]["x_content_sha256"],
        "Authorization": vector["expected"]["authorization"],
        **({"X-Security-Token": token} if token else {}),
    }


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_a_real_request_gets_the_official_authorization(vector):
    given = vector["input"]
    auth = SigningAuth(
        credentials_of(given),
        region=given["region"],
        service=given["service"],
        clock=FrozenClock(date_of(given)),
    )
    request = httpx.Request(
        given["method"],
        httpx.URL(f"https://{given['host_header']}{given['path']}?{canonical_query(given['query'])}"),
        headers={**given["headers"], "Host": given["host_header"]},
        content=given["body_utf8"].encode(),
    )
    signed = next(auth.sync_auth_flow(request))
    assert signed.headers["Authorization"] == vector["expected"]["authorization"]
    assert signed.url.query.decode() == vector["expected"]["canonical_query"]


def test_a_change_of_one_byte_changes_the_signature(credentials):
    at = datetime(2025, 1, 15, tzinfo=UTC)
    values = {
        sign(
            SigningInput(method="POST", host="h", body=body),
            credentials=credentials,
            region="cn-beijing",
            service="ark",
            at=at,
        ).value
        for body in (b"{}", b"{ }")
    }
    assert len(values) == 2


def test_the_signature_does_not_show_its_token(clock):
    keys = Credentials("AKLTTESTONLY", Secret("not-a-secret-0123456789"), Secret("token-of-the-test"), "test")
    signature = sign(SigningInput(method="GET", host="h"), credentials=keys, region="r", service="ark", at=clock.now())
    assert "token-of-the-test" not in repr(signature)


def test_the_services_clock_is_followed_from_then_on(credentials, clock):
    auth = SigningAuth(credentials, region="cn-beijing", service="ark", clock=clock)
    auth.follow(clock.now() + timedelta(hours=2))
    clock.advance(60)
    signed = next(auth.sync_auth_flow(httpx.Request("GET", "https://ark.example/")))
    assert signed.headers["X-Date"] == "20250115T115023Z"


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), unique_by=lambda pair: pair[0]))
def test_what_the_server_reads_is_what_was_signed(pairs):
    seen = httpx.URL("https://ark.example/?" + canonical_query(pairs)).params.multi_items()
    assert sorted(seen) == sorted(pairs)
