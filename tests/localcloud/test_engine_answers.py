"""Simulated answers: in the platform's shape, honest about what they are."""

import json

import pytest

from tui.localcloud.answers import Answerer
from tui.localcloud.input_check import InputLine
from tui.localcloud.jobs import Model

PRO = Model(name="Doubao-pro-32k", version="240615")


def answer(body, *, model=PRO, custom_id="request-1"):
    ok, row = Answerer(model, seed=0).answer(InputLine(custom_id, body), created=1726659999)
    assert ok
    assert row.endswith(b"\n")
    assert row.count(b"\n") == 1
    return json.loads(row)


def chat_answer(content, **options):
    fields = {"model": options.pop("model", PRO), "custom_id": options.pop("custom_id", "request-1")}
    return answer({"messages": [{"role": "user", "content": content}], **options}, **fields)["response"]["body"]


def test_an_answer_has_the_shape_of_the_platforms():
    row = answer({"messages": [{"role": "user", "content": "天空为什么这么蓝?"}], "max_tokens": 1000})
    assert set(row) == {"id", "custom_id", "error", "response"}
    assert (row["custom_id"], row["error"], row["response"]["status_code"]) == ("request-1", None, 200)
    assert set(row["response"]) == {"request_id", "status_code", "body"}
    body = row["response"]["body"]
    assert set(body) == {"id", "object", "created", "model", "service_tier", "choices", "usage"}
    assert (body["object"], body["model"], body["created"]) == (
        "chat.completion",
        "doubao-pro-32k-240615",
        1726659999,
    )
    (choice,) = body["choices"]
    assert set(choice) == {"index", "finish_reason", "logprobs", "message"}
    assert choice["message"]["role"] == "assistant"
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 0
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 0


@pytest.mark.parametrize("question", ["Why is the sky blue?", "天空为什么这么蓝?"])
def test_an_answer_says_that_it_is_simulated_and_repeats_the_question(question):
    text = chat_answer(question)["choices"][0]["message"]["content"]
    assert "simulated" in text.lower()
    assert question in text


def test_an_answer_that_fits_ends_with_stop():
    assert chat_answer("hello", max_tokens=1000)["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("question", ["Why is the sky blue?", "天空为什么这么蓝?"])
@pytest.mark.parametrize("limit", [1, 2, 7, 20])
def test_an_answer_is_cut_at_max_tokens(question, limit):
    body = chat_answer(question, max_tokens=limit)
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == limit


def test_some_answers_are_longer_than_others():
    reasons = {
        chat_answer("Why is the sky blue?", max_tokens=60, custom_id=f"request-{number}")["choices"][0]["finish_reason"]
        for number in range(50)
    }
    assert reasons == {"stop", "length"}


def test_a_reasoning_model_shows_and_counts_its_reasoning():
    body = chat_answer("Why is the sky blue?", model=Model(name="deepseek-r1", version="250528"))
    assert "simulated" in body["choices"][0]["message"]["reasoning_content"]
    assert body["usage"]["completion_tokens_details"]["reasoning_tokens"] > 0


def test_a_reasoning_model_told_not_to_think_does_not():
    body = chat_answer("hi", model=Model(name="doubao-seed-1-6", version="251015"), thinking={"type": "disabled"})
    assert "reasoning_content" not in body["choices"][0]["message"]


def test_a_conversation_with_a_common_beginning_is_partly_cached():
    messages = [{"role": "system", "content": "You are helpful. " * 20}, {"role": "user", "content": "hello"}]
    cached = [
        answer({"messages": messages}, custom_id=f"request-{number}")["response"]["body"]["usage"]
        for number in range(20)
    ]
    assert any(usage["prompt_tokens_details"]["cached_tokens"] > 0 for usage in cached)
    assert all(usage["prompt_tokens_details"]["cached_tokens"] < usage["prompt_tokens"] for usage in cached)


@pytest.mark.parametrize(
    ("body", "vectors", "size"),
    [
        ({"input": "hello"}, 1, 1024),
        ({"input": ["hello", "world"]}, 2, 1024),
        ({"input": ["hello"], "dimensions": 16}, 1, 16),
        ({"input": [{"type": "text", "text": "hello"}, {"type": "image_url"}]}, 1, 1024),
    ],
)
def test_texts_become_vectors(body, vectors, size):
    made = answer(body)["response"]["body"]
    assert (made["object"], [len(item["embedding"]) for item in made["data"]]) == ("list", [size] * vectors)
    assert made["usage"]["total_tokens"] == made["usage"]["prompt_tokens"] > 0


def test_different_texts_have_different_vectors():
    first, second = answer({"input": ["hello", "world"]})["response"]["body"]["data"]
    assert first["embedding"] != second["embedding"]


def test_a_custom_model_answers_under_its_id():
    assert chat_answer("hello", model=Model(custom_id="cm-20240401114541-5gzd8"))["model"].startswith("cm-2024")
