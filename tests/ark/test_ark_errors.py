"""Every answer that is not a result tells whose turn it is, what to do, and whether waiting helps."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from tui.ark.codes import MEANINGS
from tui.ark.errors import ArkNotFoundError, ArkReplyError, ClockSkewError
from tui.ark.replies import Reply, read_reply
from tui.errors import AccessError, ServiceError, UsageError
from tui.safety import Secret

NOW = datetime(2025, 1, 15, 9, 49, 23, tzinfo=UTC)


def read(status: int, body: object, **headers: str) -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx.Response(status, content=content, headers=named)
    return read_reply(response, action="StopBatchInferenceJob", subject="bi-1", now=NOW)


def refused(status: int, body: object, **headers: str) -> ArkReplyError:
    with pytest.raises(ArkReplyError) as caught:
        read(status, body, **headers)
    return caught.value


def envelope(code: str, message: str = "words", request_id: str = "2024REQ") -> dict[str, object]:
    return {"ResponseMetadata": {"RequestId": request_id, "Error": {"Code": code, "Message": message}}}


def test_a_result_is_returned_with_its_request_id():
    reply = read(200, {"ResponseMetadata": {"RequestId": "2024REQ"}, "Result": {"Id": "bi-1"}})
    assert (reply.result, reply.request_id) == ({"Id": "bi-1"}, "2024REQ")


@pytest.mark.parametrize("result", [{}, {"Result": None}])
def test_a_result_may_be_absent(result):
    assert read(200, {"ResponseMetadata": {"RequestId": "2024REQ"}, **result}).result == {}


def test_an_error_keeps_what_the_support_asks_for():
    error = refused(404, envelope("NotFound.BatchInferenceJob", "The specified job bi-1 is not found."))
    assert (error.code, error.status, error.request_id, error.service_message, error.action) == (
        "NotFound.BatchInferenceJob",
        404,
        "2024REQ",
        "The specified job bi-1 is not found.",
        "StopBatchInferenceJob",
    )


def test_an_error_reads_as_one_line():
    error = refused(403, envelope("OperationDenied.UnsupportedPhase", "not in\nthis phase"))
    assert error.message == (
        "StopBatchInferenceJob bi-1 failed: not in⏎this phase "
        "(OperationDenied.UnsupportedPhase, HTTP 403, request 2024REQ)"
    )


@pytest.mark.parametrize(
    ("status", "code", "family"),
    [
        (401, "InvalidAccessKey", AccessError),
        (401, "SignatureDoesNotMatch", AccessError),
        (401, "InvalidSecretToken", AccessError),
        (400, "InvalidCredential", AccessError),
        (403, "InvalidTimestamp", AccessError),
        (403, "AccessDenied", AccessError),
        (403, "OperationDenied.TosAccessDenied", AccessError),
        (403, "OperationDenied.NeverHeardOf", AccessError),
        (403, "AccountOverdueError", AccessError),
        (404, "NotFound.BatchInferenceJob", UsageError),
        (404, "InvalidEndpointOrModel.NotFound", UsageError),
        (400, "InvalidParameter.Name", UsageError),
        (400, "MissingParameter", UsageError),
        (403, "OperationDenied.UnsupportedPhase", UsageError),
        (404, "InvalidActionOrVersion", UsageError),
        (429, "QuotaExceeded", ServiceError),
        (429, "FlowLimitExceeded", ServiceError),
        (500, "InternalError", ServiceError),
        (200, "InternalServiceError", ServiceError),
        (401, "NeverHeardOf", AccessError),
        (403, "NeverHeardOf", AccessError),
        (404, "NeverHeardOf", UsageError),
        (409, "NeverHeardOf", UsageError),
        (429, "NeverHeardOf", ServiceError),
        (503, "NeverHeardOf", ServiceError),
        (200, "NeverHeardOf", ServiceError),
    ],
)
def test_each_code_tells_whose_turn_it_is(status, code, family):
    assert isinstance(refused(status, envelope(code)), family)


def test_every_known_code_comes_with_advice():
    assert [code for code, meaning in MEANINGS.items() if not meaning.advice.strip()] == []


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (500, "UndefinedError"),
        (500, "InternalError"),
        (502, "FailToConnect"),
        (504, "InternalServiceTimeout"),
        (429, "FlowLimitExceeded"),
        (503, "ServiceUnavailableTemp"),
        (502, "InternalServiceError"),
        (429, "AccountFlowLimitExceeded"),
        (429, "ServerOverloaded"),
        (200, "InternalServiceError"),
        (429, "NeverHeardOf"),
        (503, "NeverHeardOf"),
    ],
)
def test_a_passing_fault_is_retryable(status, code):
    assert refused(status, envelope(code)).retryable


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "QuotaExceeded"), (400, "InvalidParameter"), (401, "SignatureDoesNotMatch"), (501, "NeverHeardOf")],
)
def test_what_waiting_does_not_help_is_not_retryable(status, code):
    assert not refused(status, envelope(code)).retryable


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (200, "InternalError"), (504, "NeverHeardOf")])
def test_after_a_fault_the_call_may_have_been_carried_out(status, code):
    assert refused(status, envelope(code)).maybe_applied


@pytest.mark.parametrize(("status", "code"), [(429, "FlowLimitExceeded"), (400, "InvalidParameter"), (200, "NotFound")])
def test_a_refusal_has_carried_out_nothing(status, code):
    assert not refused(status, envelope(code)).maybe_applied


def test_a_job_that_is_not_there_is_told_apart():
    assert isinstance(refused(404, envelope("NotFound.BatchInferenceJob")), ArkNotFoundError)


def test_a_gateways_error_may_lack_everything_but_its_code():
    error = refused(400, {"ResponseMetadata": {"Error": {"Code": "MissingParameter"}}})
    assert error.message == ("StopBatchInferenceJob bi-1 failed: no reason given (MissingParameter, HTTP 400)")


def test_the_log_id_of_the_header_stands_in_for_the_request_id():
    error = refused(400, {"ResponseMetadata": {"Error": {"Code": "MissingParameter"}}}, X_Tt_Logid="LOG-1")
    assert error.request_id == "LOG-1"


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>502 Bad Gateway</body></html>",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"ResponseMetadata": "no"}',
        b'{"ResponseMetadata": {"Error": "no"}}',
        b'{"message": "no Route matched with those values"}',
    ],
    ids=["html", "empty", "not UTF-8", "deep", "list", "bare", "text", "text error", "other gateway"],
)
@pytest.mark.parametrize("status", [200, 404, 502])
def test_what_is_not_an_answer_of_ark_is_the_services_fault(status, body):
    error = refused(status, body)
    assert isinstance(error, ServiceError)
    assert "the answer is not the Ark API's" in error.message


def test_a_bad_status_without_an_error_is_no_result():
    error = refused(502, {"ResponseMetadata": {"RequestId": "2024REQ"}, "Result": {"Id": "bi-1"}})
    assert (error.status, error.request_id, error.maybe_applied) == (502, "2024REQ", True)


def test_a_strange_answer_is_quoted():
    error = refused(502, b"<html>\x1b[31mBad Gateway</html>", Content_Type="text/html; charset=utf-8")
    assert "(text/html): <html>␛[31mBad Gateway</html>" in error.message


@pytest.mark.parametrize(("status", "maybe"), [(200, True), (302, False), (404, False), (502, True)])
def test_a_strange_answer_may_hide_what_was_done(status, maybe):
    assert refused(status, b"<html>").maybe_applied is maybe


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("-3", 0.0),
        ("Wed, 15 Jan 2025 09:49:53 GMT", 30.0),
        ("Wed, 15 Jan 2020 09:49:53 GMT", 0.0),
        ("later", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert refused(429, envelope("FlowLimitExceeded"), Retry_After=value).retry_after == seconds


def test_a_date_to_wait_for_is_reckoned_by_the_services_clock():
    dates = {"Date": "Wed, 15 Jan 2020 09:49:23 GMT", "Retry_After": "Wed, 15 Jan 2020 09:49:33 GMT"}
    assert refused(429, envelope("FlowLimitExceeded"), **dates).retry_after == 10.0


def test_a_refused_clock_tells_the_services_time():
    error = refused(403, envelope("InvalidTimestamp"), Date="Wed, 15 Jan 2025 10:49:23 GMT")
    assert isinstance(error, ClockSkewError)
    assert error.refusal.server_time == datetime(2025, 1, 15, 10, 49, 23, tzinfo=UTC)


def test_a_service_that_quotes_a_secret_does_not_make_us_show_it():
    token = Secret("session-token-of-this-test")
    error = refused(401, envelope("InvalidSecretToken", f"the token {token.reveal()} has expired"))
    assert token.reveal() not in str(error)
