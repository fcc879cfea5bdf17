"""Who may call the object storage: signatures in headers and in URLs, and everything that makes them void."""

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from tos_caller import KEYS, REGION, canonical_query, signed_headers, signed_url_query

from tui.localcloud import tos_errors
from tui.localcloud.keys import Keys
from tui.localcloud.tos_signature import SignedRequest, verify

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
HOST = "answers.tos-cn-beijing.volces.com"
PATH = "/dir/a%20b%2B%E4%B8%AD.txt"
QUERY = canonical_query({"prefix": "a/b +中", "uploads": "", "A": "1"})
TEMPORARY = Keys("AKLTTESTONLY", "not-a-secret-0123456789", "a-token-for-tests")


def by_header(*, keys=KEYS, at=NOW, extra=None, **signing):
    headers = signed_headers("PUT", HOST, PATH, QUERY, extra, keys=keys, at=at, **signing)
    return SignedRequest("PUT", HOST, PATH, QUERY, headers)


def by_url(*, at=NOW, expires=3600, keys=KEYS):
    query = signed_url_query("GET", HOST, PATH, {"response-expires": "x"}, at=at, expires=expires, keys=keys)
    return SignedRequest("GET", HOST, PATH, query, {"host": HOST})


def changed(request, **fields):
    """The request with other fields; `headers` are merged, those that are None taken out."""
    merged = {**request.headers, **fields.pop("headers", {})}
    headers = {name: value for name, value in merged.items() if value is not None}
    parts = {"method": request.method, "host": request.host, "path": request.path, "query": request.query}
    return SignedRequest(**{**parts, **fields}, headers=headers)


def refused(error, request, *, keys=KEYS, region=REGION, now=NOW):
    with pytest.raises(error):
        verify(request, keys, region, now)


def flip(text, index):
    """The text with the lowest bit of one character flipped."""
    return text[:index] + chr(ord(text[index]) ^ 1) + text[index + 1 :]


def test_a_signed_request_is_accepted():
    assert verify(by_header(), KEYS, REGION, NOW) is None


def test_a_client_that_sends_no_hash_signs_that_of_nothing():
    assert verify(by_header(hashed=None), KEYS, REGION, NOW) is None


def test_a_signed_hash_is_what_the_body_must_have():
    digest = hashlib.sha256(b"body").hexdigest()
    assert verify(by_header(hashed=digest), KEYS, REGION, NOW) == digest


def test_a_signed_url_is_accepted():
    assert verify(by_url(), KEYS, REGION, NOW) is None


@pytest.mark.parametrize("endpoint", [HOST, HOST.partition(".")[2]], ids=["custom domain", "endpoint"])
def test_a_url_may_be_signed_for_its_endpoint_in_place_of_the_region(endpoint):
    query = signed_url_query("GET", HOST, PATH, region=endpoint, at=NOW)
    assert verify(SignedRequest("GET", HOST, PATH, query, {"host": HOST}), KEYS, REGION, NOW) is None


def test_a_url_signed_for_another_region_or_host_is_refused():
    for other in ("cn-guangzhou", "answers.tos-cn-guangzhou.volces.com"):
        query = signed_url_query("GET", HOST, PATH, region=other, at=NOW)
        refused(tos_errors.AuthorizationQueryParametersError, SignedRequest("GET", HOST, PATH, query, {"host": HOST}))


def test_blanks_inside_a_value_may_be_signed_collapsed():
    request = by_header(extra={"x-tos-meta-name": "a b"})
    verify(changed(request, headers={"x-tos-meta-name": "a   b"}), KEYS, REGION, NOW)


def test_credentials_may_be_written_without_blanks():
    request = by_header()
    compact = request.headers["authorization"].replace(", ", ",")
    verify(changed(request, headers={"authorization": compact}), KEYS, REGION, NOW)


def test_a_plus_in_the_query_is_a_blank():
    request = by_header()
    verify(changed(request, query=request.query.replace("%20", "+")), KEYS, REGION, NOW)


def test_parameters_may_come_in_any_order():
    request = by_header()
    verify(changed(request, query="&".join(reversed(QUERY.split("&")))), KEYS, REGION, NOW)


@pytest.mark.parametrize("index", range(64))
def test_every_digit_of_the_signature_counts(index):
    request = by_header()
    authorization = request.headers["authorization"]
    end = len(authorization) - 64 + index
    flipped = authorization[:end] + ("0" if authorization[end] != "0" else "1") + authorization[end + 1 :]
    refused(tos_errors.SignatureDoesNotMatch, changed(request, headers={"authorization": flipped}))


@pytest.mark.parametrize("index", range(1, len(PATH)))
def test_every_character_of_the_path_counts(index):
    refused(tos_errors.SignatureDoesNotMatch, changed(by_header(), path=flip(PATH, index)))


@pytest.mark.parametrize("index", [i for i, char in enumerate(QUERY) if char.isalnum()])
def test_every_letter_of_the_query_counts(index):
    refused(tos_errors.SignatureDoesNotMatch, changed(by_header(), query=flip(QUERY, index)))


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"method": "DELETE"}, tos_errors.SignatureDoesNotMatch),
        ({"host": "other.tos-cn-beijing.volces.com"}, tos_errors.SignatureDoesNotMatch),
        ({"headers": {"x-tos-date": "20260301T120001Z"}}, tos_errors.SignatureDoesNotMatch),
        ({"headers": {"x-tos-date": "20260302T120000Z"}}, tos_errors.AuthorizationHeaderMalformed),
        ({"headers": {"x-tos-date": "2026-03-01"}}, tos_errors.AuthorizationHeaderMalformed),
        ({"headers": {"x-tos-date": None}}, tos_errors.AccessDenied),
        ({"headers": {"x-tos-meta-name": "b"}}, tos_errors.SignatureDoesNotMatch),
        ({"headers": {"x-tos-meta-name": None}}, tos_errors.SignatureDoesNotMatch),
        ({"headers": {"x-tos-acl": "public-read"}}, tos_errors.AccessDenied),
        ({"headers": {"x-tos-content-sha256": "0" * 64}}, tos_errors.SignatureDoesNotMatch),
        ({"headers": {"x-tos-security-token": "a"}}, tos_errors.InvalidSecurityToken),
        ({"headers": {"authorization": None}}, tos_errors.AccessDenied),
        ({"headers": {"authorization": "Basic YTpi"}}, tos_errors.AuthorizationHeaderMalformed),
        ({"headers": {"authorization": ""}}, tos_errors.AuthorizationHeaderMalformed),
    ],
)
def test_a_changed_request_is_refused(fields, error):
    refused(error, changed(by_header(extra={"x-tos-meta-name": "a"}), **fields))


@pytest.mark.parametrize(
    ("was", "becomes", "error"),
    [
        ("TOS4-HMAC-SHA256", "AWS4-HMAC-SHA256", tos_errors.AuthorizationHeaderMalformed),
        ("AKLTTESTONLY", "AKLTSOMEONEELSE", tos_errors.InvalidAccessKeyId),
        ("cn-beijing", "cn-shanghai", tos_errors.AuthorizationHeaderMalformed),
        ("/tos/", "/ark/", tos_errors.AuthorizationHeaderMalformed),
        ("/request", "/requests", tos_errors.AuthorizationHeaderMalformed),
        ("/20260301/", "/20260228/", tos_errors.AuthorizationHeaderMalformed),
        ("host;", "", tos_errors.AuthorizationHeaderMalformed),
        (";x-tos-date", "", tos_errors.AccessDenied),
        ("SignedHeaders=", "Headers=", tos_errors.AuthorizationHeaderMalformed),
        ("Signature=", "Signature=00", tos_errors.AuthorizationHeaderMalformed),
    ],
)
def test_a_changed_authorization_is_refused(was, becomes, error):
    request = by_header()
    authorization = request.headers["authorization"]
    assert was in authorization
    refused(error, changed(request, headers={"authorization": authorization.replace(was, becomes, 1)}))


def test_another_secret_is_refused():
    refused(tos_errors.SignatureDoesNotMatch, by_header(), keys=Keys(KEYS.access_key, "another-secret"))


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_date_more_than_15_minutes_away_is_refused(minutes):
    refused(tos_errors.RequestTimeTooSkewed, by_header(at=NOW + timedelta(minutes=minutes)))


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_date_less_than_15_minutes_away_is_accepted(minutes):
    verify(by_header(at=NOW + timedelta(minutes=minutes)), KEYS, REGION, NOW)


def test_a_temporary_key_comes_with_its_token():
    assert verify(by_header(keys=TEMPORARY), TEMPORARY, REGION, NOW) is None


def test_a_temporary_key_without_its_token_is_refused():
    refused(tos_errors.InvalidSecurityToken, by_header(), keys=TEMPORARY)


def test_a_temporary_key_with_another_token_is_refused():
    other = Keys(TEMPORARY.access_key, TEMPORARY.secret_key, "another-token")
    refused(tos_errors.InvalidSecurityToken, by_header(keys=other), keys=TEMPORARY)


def test_a_url_of_a_temporary_key_carries_its_token():
    verify(by_url(keys=TEMPORARY), TEMPORARY, REGION, NOW)


def test_a_url_of_a_temporary_key_without_its_token_is_refused():
    refused(tos_errors.InvalidSecurityToken, by_url(), keys=TEMPORARY)


def test_a_url_lives_until_it_expires():
    verify(by_url(expires=60), KEYS, REGION, NOW + timedelta(seconds=60))


def test_a_url_is_void_once_it_expired():
    refused(tos_errors.AccessDenied, by_url(expires=60), now=NOW + timedelta(seconds=61))


def test_a_url_from_the_future_is_refused():
    refused(tos_errors.RequestTimeTooSkewed, by_url(at=NOW + timedelta(minutes=16)))


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "soon", "９"])
def test_a_url_lives_a_second_to_a_week(expires):
    refused(tos_errors.AuthorizationQueryParametersError, by_url(expires=expires))


@pytest.mark.parametrize(
    ("was", "becomes", "error"),
    [
        ("response-expires=x", "response-expires=y", tos_errors.SignatureDoesNotMatch),
        ("X-Tos-Expires=3600", "X-Tos-Expires=7200", tos_errors.SignatureDoesNotMatch),
        ("T120000Z", "T120001Z", tos_errors.SignatureDoesNotMatch),
        ("AKLTTESTONLY", "AKLTSOMEONEELSE", tos_errors.InvalidAccessKeyId),
        ("cn-beijing", "cn-shanghai", tos_errors.AuthorizationQueryParametersError),
        ("TOS4-HMAC-SHA256", "TOS4-HMAC-SHA1", tos_errors.AuthorizationQueryParametersError),
        ("X-Tos-SignedHeaders=host", "X-Tos-SignedHeaders=date", tos_errors.AuthorizationQueryParametersError),
        ("X-Tos-Signature=", "X-Tos-Signature=zz", tos_errors.AuthorizationQueryParametersError),
        ("X-Tos-Signature=", "Signature=", tos_errors.AccessDenied),
    ],
)
def test_a_changed_url_is_refused(was, becomes, error):
    request = by_url()
    assert was in request.query
    refused(error, changed(request, query=request.query.replace(was, becomes, 1)))


def test_a_url_is_for_one_method():
    refused(tos_errors.SignatureDoesNotMatch, changed(by_url(), method="PUT"))
