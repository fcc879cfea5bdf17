"""What is sent again, how long that waits, and what is never sent twice: over real sockets, on a clock that stands."""

from __future__ import annotations

import socket

import pytest
from scripted_server import (
    Answer,
    Reset,
    ResetBeforeRequest,
    ScriptedServer,
    Silence,
    Step,
    error,
    result,
)

from tui import __version__
from tui.ark import transport
from tui.ark.client import ArkClient
from tui.ark.errors import (
    ActiveJobError,
    ArkError,
    ArkServiceError,
    ArkUnreachableError,
    ArkUsageError,
    ClockSkewError,
)
from tui.ark.models import FoundationModelRef, JobQuery, Location, NewJob, Phase
from tui.errors import UsageError

JOB_ID = "bi-20240918194641-r2nwq"
JOB = result({"Id": JOB_ID, "Name": "夜间评测"})
CREATED = result({"Id": JOB_ID})
NEW_JOB = NewJob(
    name="nightly",
    model=FoundationModelRef("doubao-pro-32k", "240615"),
    input=Location("bucket", "data.jsonl"),
    output=Location("bucket", "output/"),
)
BUSY = error(503, "ServiceUnavailableTemp")
LIMITED = error(429, "FlowLimitExceeded")
CUT = Answer(200, JOB.body, announced=len(JOB.body) + 10)
HTML = Answer(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"})


def named(value: object) -> str:
    """Name a step of a script in a test's id."""
    if isinstance(value, Answer):
        return f"{value.status}-{value.body[:80].decode()}"
    return str(value) if isinstance(value, bool) else type(value).__name__


@pytest.fixture
def client_of(clock, credentials):
    def client_of(server: ScriptedServer, **options) -> ArkClient:
        return ArkClient(server.endpoint, "cn-beijing", credentials, clock=clock, **options)

    return client_of


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(transport, "READ_SECONDS", 0.1)


async def test_a_call_is_made_as_documented(client_of):
    async with ScriptedServer([JOB]) as server, client_of(server) as client:
        await client.get_job(JOB_ID)
    request = server.requests[0]
    assert request.method == "POST"
    assert request.target == "/?Action=GetBatchInferenceJob&Version=2024-01-01"
    assert request.json == {"Id": JOB_ID}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == f"arkdeck/{__version__}"
    assert request.headers["authorization"].startswith("HMAC-SHA256 Credential=AKLTTESTONLY/20250115/cn-beijing/ark/")


async def test_the_account_id_is_part_of_the_signed_query(client_of):
    async with ScriptedServer([JOB]) as server, client_of(server, account_id="2100000001") as client:
        await client.get_job(JOB_ID)
    assert server.requests[0].query["X-Account-Id"] == "2100000001"


async def test_calls_share_one_connection(client_of):
    async with ScriptedServer([JOB, JOB]) as server, client_of(server) as client:
        await client.get_job(JOB_ID)
        connections = set(server._connections)
        await client.get_job(JOB_ID)
        assert server._connections == connections


@pytest.mark.parametrize("fault", [BUSY, LIMITED, HTML, CUT, Reset(), ResetBeforeRequest()], ids=named)
async def test_a_read_is_made_again_after_a_passing_fault(client_of, fault):
    async with ScriptedServer([fault, JOB]) as server, client_of(server) as client:
        assert (await client.get_job(JOB_ID)).name == "夜间评测"


async def test_a_read_that_is_not_answered_is_made_again(client_of, impatient):
    async with ScriptedServer([Silence(), JOB]) as server, client_of(server) as client:
        assert (await client.get_job(JOB_ID)).id == JOB_ID


async def test_each_repetition_is_signed_anew(client_of, clock):
    async with (
        ScriptedServer([error(429, "FlowLimitExceeded", Retry_After="5"), JOB]) as server,
        client_of(server) as client,
    ):
        await client.get_job(JOB_ID)
    assert [request.headers["x-date"] for request in server.requests] == ["20250115T094923Z", "20250115T094928Z"]


async def test_a_read_is_made_four_times_at_most(client_of):
    async with ScriptedServer([BUSY] * 9) as server, client_of(server) as client:
        with pytest.raises(ArkServiceError):
            await client.get_job(JOB_ID)
    assert len(server.requests) == 4


async def test_waits_double_with_jitter(client_of, clock, monkeypatch):
    waits: list[float] = []
    sleep = clock.sleep

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(clock, "sleep", noted)
    async with ScriptedServer([BUSY] * 4) as server, client_of(server) as client:
        with pytest.raises(ArkServiceError):
            await client.get_job(JOB_ID)
    bounds = [(0.3, 0.6), (0.6, 0.9), (1.2, 1.5)]
    assert all(low <= wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))


async def test_retry_after_is_waited_for(client_of, clock):
    async with (
        ScriptedServer([error(429, "FlowLimitExceeded", Retry_After="7"), JOB]) as server,
        client_of(server) as client,
    ):
        await client.get_job(JOB_ID)
    assert clock.monotonic() == 7


async def test_a_wait_of_an_hour_is_the_callers_to_decide(client_of, clock):
    async with (
        ScriptedServer([error(429, "FlowLimitExceeded", Retry_After="3600")]) as server,
        client_of(server) as client,
    ):
        with pytest.raises(ArkServiceError) as caught:
            await client.get_job(JOB_ID)
    assert (caught.value.retry_after, clock.monotonic(), len(server.requests)) == (3600, 0, 1)


@pytest.mark.parametrize("code", ["QuotaExceeded", "QuotaExceeded.BatchJob"])
async def test_a_used_up_quota_is_not_asked_for_again(client_of, code):
    async with ScriptedServer([error(429, code)]) as server, client_of(server) as client:
        with pytest.raises(ArkServiceError):
            await client.list_jobs(JobQuery())
    assert len(server.requests) == 1


async def test_an_error_inside_a_good_status_is_an_error(client_of):
    async with ScriptedServer([error(200, "InvalidParameter.PageSize")]) as server, client_of(server) as client:
        with pytest.raises(ArkUsageError):
            await client.list_jobs(JobQuery())


LOST: list[Step] = [BUSY, LIMITED, HTML, CUT, Reset(), ResetBeforeRequest(), Silence(), error(200, "InternalError")]


@pytest.mark.parametrize("fault", LOST, ids=named)
async def test_a_create_is_sent_once_whatever_happens(client_of, impatient, fault):
    async with ScriptedServer([fault, CREATED]) as server, client_of(server) as client:
        with pytest.raises(ArkError):
            await client.create_job(NEW_JOB)
    assert len(server.requests) == (0 if isinstance(fault, ResetBeforeRequest) else 1)


@pytest.mark.parametrize(
    ("fault", "maybe"),
    [
        (BUSY, True),
        (LIMITED, False),
        (HTML, True),
        (CUT, True),
        (Reset(), True),
        (ResetBeforeRequest(), True),  # nobody can tell it from a reset after the request
        (Silence(), True),
        (error(400, "InvalidParameter.Name"), False),
        (result({}), True),
    ],
    ids=named,
)
async def test_a_failed_create_tells_whether_the_job_may_exist(client_of, impatient, fault, maybe):
    async with ScriptedServer([fault]) as server, client_of(server) as client:
        with pytest.raises(ArkError) as caught:
            await client.create_job(NEW_JOB)
    assert caught.value.maybe_applied is maybe


async def test_a_created_job_comes_with_the_request_id(client_of):
    async with ScriptedServer([CREATED]) as server, client_of(server) as client:
        receipt = await client.create_job(NEW_JOB)
    assert (receipt.job_id, receipt.request_id) == (JOB_ID, "2024110121253223421421")


async def test_the_active_job_is_found_in_the_refusals_words(client_of):
    words = f"已有任务{JOB_ID}正在运行"
    async with ScriptedServer([error(409, "NobodyKnowsThisCode", words)]) as server, client_of(server) as client:
        with pytest.raises(ActiveJobError) as caught:
            await client.create_job(NEW_JOB)
    assert caught.value.job_id == JOB_ID


async def test_an_id_of_ours_that_is_quoted_back_is_no_active_job(client_of):
    wanted = NewJob(name=f"重试{JOB_ID}", model=NEW_JOB.model, input=NEW_JOB.input, output=NEW_JOB.output)
    refusal = error(400, "InvalidParameter.Name", f"重试{JOB_ID} is not a name")
    async with ScriptedServer([refusal]) as server, client_of(server) as client:
        with pytest.raises(ArkUsageError) as caught:
            await client.create_job(wanted)
    assert not isinstance(caught.value, ActiveJobError)


@pytest.mark.parametrize(
    "answer",
    [
        error(400, "DryRunOperation"),
        error(400, "InvalidParameter", "The request is validated by a dryrun operation."),
        result({"Id": ""}),
    ],
    ids=["code", "message", "result"],
)
async def test_a_dry_run_that_passes_names_no_job(client_of, answer):
    async with ScriptedServer([answer]) as server, client_of(server) as client:
        receipt = await client.create_job(NEW_JOB, dry_run=True)
    assert receipt.job_id == ""
    assert server.requests[0].json["DryRun"] is True


async def test_a_dry_run_that_fails_is_an_error(client_of):
    async with ScriptedServer([error(400, "InvalidParameter.Name")]) as server, client_of(server) as client:
        with pytest.raises(ArkUsageError):
            await client.create_job(NEW_JOB, dry_run=True)


async def test_a_real_create_is_never_taken_for_a_dry_run(client_of):
    async with ScriptedServer([error(400, "DryRunOperation")]) as server, client_of(server) as client:
        with pytest.raises(ArkUsageError):
            await client.create_job(NEW_JOB)


@pytest.mark.parametrize("change", ["stop_job", "resume_job", "delete_job", "update_job"])
async def test_a_change_that_was_only_held_back_is_made_again(client_of, change):
    async with ScriptedServer([LIMITED, result({})]) as server, client_of(server) as client:
        receipt = await getattr(client, change)(JOB_ID)
    assert (receipt.job_id, len(server.requests)) == (JOB_ID, 2)


@pytest.mark.parametrize("fault", [BUSY, HTML, CUT, Reset()], ids=named)
async def test_a_change_that_may_have_been_carried_out_is_not_made_again(client_of, fault):
    async with ScriptedServer([fault, result({})]) as server, client_of(server) as client:
        with pytest.raises(ArkError):
            await client.stop_job(JOB_ID)
    assert len(server.requests) == 1


async def test_resume_names_the_job_in_query_and_body(client_of):
    async with ScriptedServer([CREATED]) as server, client_of(server) as client:
        await client.resume_job(JOB_ID)
    assert (server.requests[0].query["Id"], server.requests[0].json["Id"]) == (JOB_ID, JOB_ID)


async def test_update_sends_only_what_changes(client_of):
    async with ScriptedServer([result({})]) as server, client_of(server) as client:
        await client.update_job(JOB_ID, description="")
    assert server.requests[0].json == {"Id": JOB_ID, "Description": ""}


async def test_a_wrong_clock_is_corrected_by_the_services(client_of, clock):
    refusal = error(403, "InvalidTimestamp", Date="Wed, 15 Jan 2025 11:49:23 GMT")
    async with ScriptedServer([refusal, CREATED, JOB]) as server, client_of(server) as client:
        await client.create_job(NEW_JOB)
        clock.advance(60)
        await client.get_job(JOB_ID)
    dates = [request.headers["x-date"] for request in server.requests]
    assert dates == ["20250115T094923Z", "20250115T114923Z", "20250115T115023Z"]


async def test_a_clock_is_corrected_once_a_call(client_of):
    refusal = error(403, "InvalidTimestamp", Date="Wed, 15 Jan 2025 11:49:23 GMT")
    async with ScriptedServer([refusal] * 3) as server, client_of(server) as client:
        with pytest.raises(ClockSkewError):
            await client.get_job(JOB_ID)
    assert len(server.requests) == 2


async def test_a_service_that_does_not_tell_its_time_is_not_asked_again(client_of):
    async with ScriptedServer([error(403, "InvalidTimestamp")] * 2) as server, client_of(server) as client:
        with pytest.raises(ClockSkewError):
            await client.get_job(JOB_ID)
    assert len(server.requests) == 1


async def test_a_redirect_is_not_followed(client_of):
    async with (
        ScriptedServer([Answer(302, b"", {"Location": "http://127.0.0.1:9/login"})]) as server,
        client_of(server) as client,
    ):
        with pytest.raises(ArkServiceError, match="HTTP 302"):
            await client.get_job(JOB_ID)
    assert len(server.requests) == 1


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_a_refused_connection_is_tried_again_then_named(clock, credentials):
    port = closed_port()
    async with ArkClient(f"http://127.0.0.1:{port}", "cn-beijing", credentials, clock=clock) as client:
        with pytest.raises(ArkUnreachableError) as caught:
            await client.get_job(JOB_ID)
    assert caught.value.message == f"GetBatchInferenceJob: cannot reach 127.0.0.1:{port}: the connection was refused"
    assert clock.monotonic() > 2


async def test_a_create_over_a_refused_connection_made_no_job(clock, credentials):
    async with ArkClient(f"http://127.0.0.1:{closed_port()}", "cn-beijing", credentials, clock=clock) as client:
        with pytest.raises(ArkUnreachableError) as caught:
            await client.create_job(NEW_JOB)
    assert (caught.value.maybe_applied, clock.monotonic()) == (False, 0)


async def test_an_unknown_name_is_named(clock, credentials):
    async with ArkClient("http://nowhere.invalid", "cn-beijing", credentials, clock=clock) as client:
        with pytest.raises(
            ArkUnreachableError, match=r"cannot reach nowhere\.invalid:80: the name is not known"
        ) as caught:
            await client.stop_job(JOB_ID)
    assert caught.value.maybe_applied is False


async def test_a_proxy_variable_does_not_catch_loopback(client_of, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    async with ScriptedServer([JOB]) as server, client_of(server) as client:
        assert (await client.get_job(JOB_ID)).id == JOB_ID


async def test_a_proxy_variable_is_used_elsewhere(monkeypatch, clock, credentials):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with ScriptedServer([JOB]) as proxy:
        monkeypatch.setenv("http_proxy", proxy.endpoint)
        async with ArkClient("http://ark.invalid", "cn-beijing", credentials, clock=clock) as client:
            await client.get_job(JOB_ID)
    assert proxy.requests[0].target.startswith("http://ark.invalid/?Action=")


async def test_a_proxy_of_an_unknown_kind_is_one_clear_message(monkeypatch, clock, credentials):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    client = ArkClient("http://ark.invalid", "cn-beijing", credentials, clock=clock)
    with pytest.raises(UsageError, match="the proxy that the environment names cannot be used"):
        await client.__aenter__()


@pytest.mark.parametrize(
    "endpoint",
    ["", "ark.cn-beijing.volcengineapi.com", "ftp://host", "https://", "https://host/api/v3", "http://h:port"],
)
def test_what_is_not_an_endpoint_is_refused(clock, credentials, endpoint):
    with pytest.raises(UsageError, match="not an endpoint"):
        ArkClient(endpoint, "cn-beijing", credentials, clock=clock)


async def test_a_clients_errors_show_no_secret(client_of, credentials):
    async with (
        ScriptedServer([error(401, "SignatureDoesNotMatch", credentials.secret_key.reveal())]) as server,
        client_of(server) as client,
    ):
        with pytest.raises(ArkError) as caught:
            await client.get_job(JOB_ID)
    assert credentials.secret_key.reveal() not in f"{caught.value} {caught.value.advice}"


async def test_all_jobs_are_read_page_by_page(client_of):
    items = [{"Id": f"bi-{number}"} for number in range(150)]
    pages = [
        result({"Items": items[:100], "PageNumber": 1, "PageSize": 100, "TotalCount": 150}),
        result({"Items": items[99:], "PageNumber": 2, "PageSize": 100, "TotalCount": 151}),
    ]
    async with ScriptedServer(pages) as server, client_of(server) as client:
        ids = [job.id async for job in client.all_jobs(JobQuery())]
    assert ids == [item["Id"] for item in items]
    assert [request.json["PageNumber"] for request in server.requests] == [1, 2]


async def test_phases_are_sent_as_words(client_of):
    async with ScriptedServer([result({})]) as server, client_of(server) as client:
        await client.list_jobs(JobQuery(phases=[Phase.RUNNING]))
    assert server.requests[0].json["Filter"] == {"Phases": ["Running"]}


async def test_a_name_in_another_encoding_is_one_clear_message(client_of):
    async with ScriptedServer([]) as server, client_of(server) as client:
        with pytest.raises(UsageError, match="not valid Unicode"):
            await client.update_job(JOB_ID, name="caf\udce9")
    assert server.requests == []


async def test_a_list_that_is_not_one_is_the_services_fault(client_of):
    async with ScriptedServer([result({"Items": "none"})]) as server, client_of(server) as client:
        with pytest.raises(ArkServiceError, match="not as documented"):
            await client.list_jobs(JobQuery())


async def test_a_client_outside_its_context_says_so(client_of):
    async with ScriptedServer([]) as server:
        with pytest.raises(RuntimeError, match="async with"):
            await client_of(server).get_job(JOB_ID)
