"""Answers from a model on this machine instead of simulated ones."""

import json
import os
import signal
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ark_caller import ArkCaller
from model_server import ModelServer
from tos_client import read, tos_client

from tui.clock import FrozenClock
from tui.localcloud.child import LocalCloudProcess
from tui.localcloud.jobs import Model
from tui.localcloud.model_answers import AHEAD
from tui.localcloud.model_endpoint import CONCURRENCY, ModelEndpoint, ModelUrlError, require_loopback

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
SECONDS = 20
PRO = Model(name="Doubao-pro-32k", version="240615")


@pytest.fixture
def model():
    """A model that answers at once."""
    with ModelServer() as server:
        yield server


def wait_for(condition):
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.01)
    return value


def chat(question, **body):
    return {"messages": [{"role": "user", "content": question}], **body}


def submit(ark, bodies, key="data.jsonl", **fields):
    """Put an input whose custom_ids are numbers, and create a job on it."""
    lines = [json.dumps({"custom_id": str(number), "body": body}) + "\n" for number, body in enumerate(bodies)]
    tos_client(ark.info).put_object(ark.info.bucket, key, content="".join(lines).encode())
    return ark.create(key, **fields)


def ended(ark, job_id):
    """Wait until the job has ended and return it."""
    return wait_for(
        lambda: (job := ark.get(job_id))["Status"]["Phase"] in ("Completed", "Terminated", "Failed") and job
    )


def rows(info, job_id, name="output/results.jsonl"):
    return {row["custom_id"]: row for row in map(json.loads, read(info, f"output/{job_id}/{name}").splitlines())}


def contents(info, job_id):
    """Return the answers' texts by custom_id."""
    found = rows(info, job_id)
    return {name: row["response"]["body"]["choices"][0]["message"]["content"] for name, row in found.items()}


def test_the_models_answers_are_the_results_and_not_marked_as_simulated(cloud_factory, model):
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat(f"question {number}") for number in range(100)])
        counts = ended(ark, job_id)["RequestCounts"]
    assert counts == {"Total": 100, "Completed": 100, "Failed": 0}
    assert contents(cloud.info, job_id) == {str(number): f"The model says: question {number}" for number in range(100)}
    assert b"simulated" not in read(cloud.info, f"output/{job_id}/output/results.jsonl")
    assert {row["response"]["request_id"] for row in rows(cloud.info, job_id).values()} == {"chat-1"}


def test_requests_reach_the_model_as_they_are_with_its_name_and_never_streamed(cloud_factory, model):
    cloud = cloud_factory(speed=0, model_url=f"{model.url}/")
    with ArkCaller(cloud.info) as ark:
        ended(ark, submit(ark, [chat("hello", temperature=0.5, stream=True)]))
        ended(ark, submit(ark, [chat("hello", model="mine")], "b.jsonl"))
        ended(ark, submit(ark, [{"input": ["a", "b"]}], "c.jsonl", ModelReference={"CustomModelId": "bge-m3"}))
    assert model.asked == [
        ("/v1/chat/completions", {"model": "doubao-pro-32k-240615", **chat("hello", temperature=0.5), "stream": False}),
        ("/v1/chat/completions", {"model": "mine", **chat("hello"), "stream": False}),
        ("/v1/embeddings", {"model": "bge-m3", "input": ["a", "b"]}),
    ]


@pytest.mark.parametrize(
    ("question", "code", "message"),
    [
        ("too long", "context_length_exceeded", "Too long."),
        ("no type", "HTTP500", "It broke."),
        ("text", "HTTP418", "I am a teapot"),
        ("not json", "HTTP200", "hello"),
        ("a list", "HTTP200", "[\n 1\n]"),
        ("error in 200", "HTTP200", "overloaded"),
        ("huge", "InternalServiceError", "over 4194304 bytes"),
        ("redirect", "HTTP302", "HTTP 302"),
    ],
)
def test_an_error_of_the_model_becomes_the_requests_error(cloud_factory, model, question, code, message):
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat("fine"), chat(question)])
        job = ended(ark, job_id)
    assert (job["Status"]["Phase"], job["RequestCounts"]) == ("Completed", {"Total": 2, "Completed": 2, "Failed": 1})
    (row,) = rows(cloud.info, job_id, "error/errors.jsonl").values()
    assert (row["custom_id"], row["response"], row["error"]["code"]) == ("1", None, code)
    assert message in row["error"]["message"]


def test_a_request_that_no_model_could_take_is_refused_without_asking(cloud_factory, model):
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [{"prompt": "hello"}])
        ended(ark, job_id)
    assert rows(cloud.info, job_id, "error/errors.jsonl")["0"]["error"]["code"] == "MissingParameter"
    assert model.asked == []


def test_a_model_that_is_loading_is_asked_again(cloud_factory, model):
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat("busy once")])
        assert ended(ark, job_id)["RequestCounts"]["Failed"] == 0
    assert len(model.asked) == 2


def test_a_model_that_is_not_there_fails_the_requests_not_the_job(cloud_factory):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    cloud = cloud_factory(speed=0, model_url=f"http://127.0.0.1:{port}/v1")
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat("hello")])
        assert ended(ark, job_id)["Status"]["Phase"] == "Completed"
    assert rows(cloud.info, job_id, "error/errors.jsonl")["0"]["error"]["code"] == "ServiceUnavailable"


def test_an_answer_that_takes_too_long_is_an_error(model):
    model.gate.clear()
    endpoint = ModelEndpoint(model.url, seconds=0.05)
    assert endpoint.ask(PRO, chat("hello")).result(SECONDS).code == "RequestTimeout"
    endpoint.close()


def test_the_model_never_has_more_than_a_few_requests_at_once(cloud_factory, model):
    model.gate.clear()
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        jobs = [submit(ark, [chat("hello")] * 50, f"{number}.jsonl") for number in range(3)]
        wait_for(lambda: model.busiest == CONCURRENCY)
        model.gate.set()
        for job_id in jobs:
            ended(ark, job_id)
    assert (model.busiest, len(model.asked)) == (CONCURRENCY, 150)


def test_counts_move_while_the_model_works_and_the_api_answers(cloud_factory, model):
    model.gate.clear()
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat("hello")] * 200)
        wait_for(lambda: model.asked)
        assert ark.get(job_id)["RequestCounts"]["Completed"] == 0
        model.gate.set()
        wait_for(lambda: 0 < ark.get(job_id)["RequestCounts"]["Completed"] < 200)
        ended(ark, job_id)


def test_a_stop_gives_up_what_is_under_way_and_a_resume_asks_it_again(cloud_factory, model):
    cloud = cloud_factory(speed=0, model_url=model.url)
    questions = [chat(f"question {number}") for number in range(200)]
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, questions)
        wait_for(lambda: len(model.asked) > 50)
        model.gate.clear()
        ark.call("StopBatchInferenceJob", Id=job_id)
        done = ended(ark, job_id)["RequestCounts"]["Completed"]
        assert 0 < done < 200
        assert len(rows(cloud.info, job_id)) == done
        model.gate.set()
        ark.call("ResumeBatchInferenceJob", Id=job_id)
        assert ended(ark, job_id)["RequestCounts"] == {"Total": 200, "Completed": 200, "Failed": 0}
    assert len(contents(cloud.info, job_id)) == 200
    assert len(model.asked) <= 200 + AHEAD


def test_an_expired_job_keeps_what_the_model_had_answered(cloud_factory, model):
    cloud = cloud_factory(speed=0, clock=FrozenClock(START), model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat("hello")] * 100, CompletionWindow="1d")
        wait_for(lambda: cloud.advance(1) or ark.get(job_id)["RequestCounts"]["Completed"] > 10)
        model.gate.clear()
        cloud.advance(24 * 3600)
        job = ark.get(job_id)
    assert job["Status"]["Phase"] == "Terminated"
    assert len(rows(cloud.info, job_id)) == job["RequestCounts"]["Completed"] < 100


def test_a_job_goes_on_with_the_model_after_a_kill(tmp_path, model):
    data = tmp_path / "data"
    with LocalCloudProcess(data, speed=0, model_url=model.url) as cloud, ArkCaller(cloud.info) as ark:
        job_id = submit(ark, [chat(f"question {number}") for number in range(300)])
        wait_for(lambda: ark.get(job_id)["RequestCounts"]["Completed"] > 20)
        model.gate.clear()
        os.kill(int(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[0]), signal.SIGKILL)
    model.gate.set()
    with LocalCloudProcess(data, speed=0, model_url=model.url) as cloud, ArkCaller(cloud.info) as ark:
        ended(ark, job_id)
        assert len(contents(cloud.info, job_id)) == 300


def test_the_cloud_ends_although_the_model_hangs(cloud_factory, model):
    model.gate.clear()
    cloud = cloud_factory(speed=0, model_url=model.url)
    with ArkCaller(cloud.info) as ark:
        submit(ark, [chat("hello")])
        wait_for(lambda: model.asked)
    began = time.monotonic()
    cloud.stop()
    assert time.monotonic() - began < SECONDS / 2


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000/v1", "http://localhost:11434/v1", "https://[::1]:8443/v1", "http://127.8.8.8/v1"],
)
def test_this_machine_is_accepted(url):
    assert require_loopback(url + "/") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/v1",
        "http://10.0.0.1:8000/v1",
        "http://0.0.0.0:8000/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1@example.com/v1",
        "http://user:word@127.0.0.1/v1",
        "ftp://127.0.0.1/v1",
        "http://127.0.0.1:8000/v1?next=elsewhere",
        "http://127.0.0.1:99999/v1",
        "127.0.0.1:8000",
        "",
    ],
)
def test_another_machine_is_refused(url):
    with pytest.raises(ModelUrlError):
        require_loopback(url)
