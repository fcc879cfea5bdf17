"""The verifier against the golden vectors of two official signers, and against everything next to them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from tui.localcloud.ark_errors import ApiError
from tui.localcloud.ark_signature import ReceivedRequest, verify
from tui.localcloud.keys import Keys

DATA = json.loads((Path(__file__).parent.parent / "data" / "signing-vectors.json").read_text("utf-8"))
VECTORS = {vector["id"]: vector for vector in DATA["vectors"]}


def encode(text):
    return quote(text, safe="-_.~")


def received(vector, *, authorization=None, content_sha=True):
    """The request of a vector as it arrives on the wire."""
    given, expected = vector["input"], vector["expected"]
    headers = {name.lower(): value for name, value in given["headers"].items()}
    headers |= {
        "host": given["host_header"],
        "x-date": given["x_date"],
        "authorization": authorization or expected["authorization"],
    }
    if content_sha:
        headers["x-content-sha256"] = expected["x_content_sha256"]
    if given.get("session_token"):
        headers["x-security-token"] = given["session_token"]
    query = "&".join(f"{encode(name)}={encode(value)}" for name, value in given["query"])
    return ReceivedRequest(given["method"], given["path"], query, headers, given["body_utf8"].encode())


def keys_of(vector):
    given = vector["input"]
    return Keys(given["ak"], given["sk"], given.get("session_token") or None)


def date_of(vector):
    return datetime.strptime(vector["input"]["x_date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def check(vector, request, *, keys=None, now=None):
    given = vector["input"]
    return verify(
        request,
        keys or keys_of(vector),
        service=given["service"],
        region=given["region"],
        now=now or date_of(vector),
    )


def refusal(vector, request, **changes):
    with pytest.raises(ApiError) as caught:
        check(vector, request, **changes)
    return caught.value.code


def change(request, **changes):
    headers = {**request.headers, **changes.pop("headers", {})}
    fields = {"method": request.method, "path": request.path, "query": request.query, "body": request.body}
    return ReceivedRequest(**(fields | changes), headers={k: v for k, v in headers.items() if v is not None})


def flips(text):
    """Every text that differs from `text` in one bit of one byte."""
    raw = text.encode()
    for position in range(len(raw)):
        for bit in range(8):
            yield (raw[:position] + bytes([raw[position] ^ 1 << bit]) + raw[position + 1 :]).decode("latin-1")


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_a_request_signed_by_the_official_signers_is_admitted(vector):
    assert check(vector, received(vector)) == vector["input"]["ak"]


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_the_minimal_form_of_the_documentation_is_admitted(vector):
    request = received(vector, authorization=vector["minimal_form"]["authorization"])
    assert check(vector, request) == vector["input"]["ak"]


def test_a_listed_header_that_was_not_sent_is_refused():
    (legacy,) = DATA["non_conforming"]
    request = received(legacy, content_sha=False)
    assert refusal(legacy, request) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_one_changed_bit_of_the_body_is_refused(vector):
    request = received(vector)
    bodies = [text.encode("latin-1") for text in flips(request.body.decode("utf-8"))] or [b"\0"]
    for body in bodies[:: max(1, len(bodies) // 97)]:
        assert refusal(vector, change(request, body=body)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_one_changed_bit_of_the_query_is_refused(vector):
    request = received(vector)
    for query in flips(request.query):
        assert refusal(vector, change(request, query=query)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_one_changed_bit_of_the_signature_is_refused(vector):
    request = received(vector)
    authorization, _, signature = request.headers["authorization"].rpartition("=")
    for changed in flips(signature):
        header = f"{authorization}={changed}"
        assert refusal(vector, change(request, headers={"authorization": header})) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_one_changed_bit_of_the_date_is_refused(vector):
    request = received(vector)
    signed_at = date_of(vector)
    for date in flips(request.headers["x-date"]):
        code = refusal(vector, change(request, headers={"x-date": date}))
        assert code == expected_code(date, signed_at), date


def expected_code(date, now):
    """A date within the window makes a wrong signature; any other is itself refused."""
    if not (
        date.isascii() and len(date) == 16 and date[8] == "T" and date[15] == "Z" and (date[:8] + date[9:15]).isdigit()
    ):
        return "InvalidTimestamp"
    try:
        moment = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "InvalidTimestamp"
    if abs((moment - now).total_seconds()) > 900:
        return "InvalidTimestamp"
    return "SignatureDoesNotMatch" if moment.date() == now.date() else "InvalidCredential"


@pytest.mark.parametrize("seconds", [-900, 900, 900.999999])
def test_a_clock_that_is_fifteen_minutes_off_is_still_admitted(seconds):
    vector = VECTORS["create-ascii-body"]
    assert check(vector, received(vector), now=date_of(vector) + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-901, 901])
def test_a_date_further_off_is_refused(seconds):
    vector = VECTORS["create-ascii-body"]
    now = date_of(vector) + timedelta(seconds=seconds)
    assert refusal(vector, received(vector), now=now) == "InvalidTimestamp"


@pytest.mark.parametrize(
    ("expires", "age", "code"),
    [
        ("3600", 3600, "SignatureDoesNotMatch"),
        ("3600", 3601, "InvalidTimestamp"),
        ("60", 61, "InvalidTimestamp"),
        ("604800", 86400, "SignatureDoesNotMatch"),
        ("604801", 901, "InvalidTimestamp"),
        ("soon", 900, "SignatureDoesNotMatch"),
        ("3600", -901, "InvalidTimestamp"),
    ],
)
def test_a_request_may_say_for_how_long_it_is_valid(expires, age, code):
    vector = VECTORS["create-ascii-body"]
    request = received(vector)
    request = change(request, query=f"{request.query}&X-Expires={expires}")  # not as it was signed
    assert refusal(vector, request, now=date_of(vector) + timedelta(seconds=age)) == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": None}, "MissingAuthenticationToken"),
        ({"authorization": "Bearer abc"}, "InvalidAuthorization"),
        ({"x-date": None}, "MissingRequestInfo"),
        ({"x-date": "yesterday"}, "InvalidTimestamp"),
        ({"x-date": "20240514T1327٤3Z"}, "InvalidTimestamp"),
        ({"x-security-token": "STS-TESTONLY"}, "InvalidSecretToken"),
        ({"x-content-sha256": "0" * 64}, "SignatureDoesNotMatch"),
        ({"host": "elsewhere.example"}, "SignatureDoesNotMatch"),
        ({"content-type": "text/plain"}, "SignatureDoesNotMatch"),
    ],
)
def test_a_changed_header_is_refused_with_its_code(headers, code):
    vector = VECTORS["create-ascii-body"]
    assert refusal(vector, change(received(vector), headers=headers)) == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("HMAC-SHA256 ", "HMAC-SHA1 ", "InvalidAuthorization"),
        ("/request", "", "InvalidAuthorization"),
        ("Credential=AKLTEXAMPLEONLY", "Credential=AKLTSTRANGER", "InvalidAccessKey"),
        ("/cn-beijing/", "/cn-guangzhou/", "InvalidCredential"),
        ("/ark/", "/iam/", "InvalidCredential"),
        ("/20240514/", "/20240515/", "InvalidCredential"),
        ("/request", "/aws4_request", "InvalidCredential"),
        (", Signature=", ", Sig=", "MissingSignature"),
        ("host;", "", "MissingRequestInfo"),
        (";x-date", "", "MissingRequestInfo"),
        ("content-type;", "", "SignatureDoesNotMatch"),
    ],
)
def test_a_changed_authorization_is_refused_with_its_code(old, new, code):
    vector = VECTORS["create-ascii-body"]
    request = received(vector)
    authorization = request.headers["authorization"].replace(old, new)
    assert refusal(vector, change(request, headers={"authorization": authorization})) == code


def test_a_wrong_secret_is_refused():
    vector = VECTORS["create-ascii-body"]
    keys = Keys(vector["input"]["ak"], "not-a-secret-0123456789")
    assert refusal(vector, received(vector), keys=keys) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("token", [None, "", "STS-OF-SOMEBODY-ELSE"])
def test_temporary_keys_need_their_token(token):
    vector = VECTORS["sts-session-token"]
    request = change(received(vector), headers={"x-security-token": token})
    assert refusal(vector, request) == "InvalidSecretToken"


def test_a_space_of_the_query_may_come_as_a_plus():
    vector = VECTORS["query-special-characters"]
    request = received(vector)
    assert "%20b" in request.query
    assert check(vector, change(request, query=request.query.replace("%20b", "+b")))
