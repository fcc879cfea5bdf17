"""Simulated answers in the shape of the platform's (ark-openapi.md §3), the same for one seed and custom_id.

No model is asked: every answer says that it is simulated, in its text and in its id. Token counts are estimated,
one for four bytes of UTF-8.
"""

from __future__ import annotations

import hashlib
import re
import struct
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.localcloud.answer_rows import Response, answered_row, identity, refused_row
from tui.localcloud.catalogue import find_model
from tui.localcloud.online_rules import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.localcloud.input_check import InputLine
    from tui.localcloud.jobs import Model

BYTES_PER_TOKEN: Final = 4
DEFAULT_DIMENSIONS: Final = 1024
MAX_DIMENSIONS: Final = 4096
_QUOTED_CHARACTERS: Final = 80
_HAN: Final = re.compile(r"[\u4e00-\u9fff]")

_ENGLISH: Final = (
    "[Simulated by the arkdeck local cloud; no model was asked.] You wrote: {question}",
    (
        " A first point would stand here.",
        " A second paragraph would weigh the other side.",
        " An example would follow, with its numbers.",
        " Then a short summary would close the answer.",
        " Further reading would be suggested at the end.",
    ),
)
_CHINESE: Final = (
    "[由 arkdeck 本地云模拟 (simulated),未调用任何模型。] 您的问题:{question}",
    (
        "这里会是回答的第一点。",
        "接着会从另一方面加以说明。",
        "然后会给出一个带有数字的例子。",
        "最后会有一段简短的总结。",
        "文末还会推荐延伸阅读的资料。",
    ),
)


class _PromptDetails(msgspec.Struct):
    cached_tokens: int


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: _PromptDetails
    completion_tokens_details: _CompletionDetails


class _Message(msgspec.Struct, omit_defaults=True):
    role: str
    content: str
    reasoning_content: str = ""


class _Choice(msgspec.Struct):
    index: int
    finish_reason: str
    logprobs: None
    message: _Message


class _Completion(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    service_tier: str
    choices: list[_Choice]
    usage: _Usage


class _Vector(msgspec.Struct):
    object: str
    index: int
    embedding: list[float]


class _EmbeddingUsage(msgspec.Struct):
    prompt_tokens: int
    total_tokens: int


class _Embeddings(msgspec.Struct):
    id: str
    object: str
    created: int
    model: str
    data: list[_Vector]
    usage: _EmbeddingUsage


class Answerer:
    """Answers the requests of one job.

    Args:
        model: the job's.
        seed: answers to the same custom_id differ between seeds.
    """

    def __init__(self, model: Model, seed: int) -> None:
        known = find_model(model.name)
        self._model = model.custom_id or f"{model.name.lower()}-{model.version}"
        self._reasons = known is not None and known.reasons
        self._seed = str(seed).encode()

    def answer_next(self, requests: Sequence[InputLine], created: int) -> list[tuple[bool, bytes]]:
        """Return what `answer` does for every request."""
        return [self.answer(request, created) for request in requests]

    def close(self) -> None:
        """Do nothing: no request is ever under way."""

    def answer(self, request: InputLine, created: int) -> tuple[bool, bytes]:
        """Return whether a request is answered, and its row for results.jsonl or errors.jsonl.

        Args:
            request: a line of the input.
            created: Unix time of the answer.
        """
        refused = refusal(request.body)
        digest = identity(request.custom_id, self._seed[:64])
        name = digest.hex()
        if refused is not None:
            return False, refused_row(name, request.custom_id, refused, f"simulated-{name[16:]}")
        choose = Chooser(digest)
        body = (
            self._completion(request.body, choose, name, created)
            if "messages" in request.body
            else self._embeddings(request.body, name, created)
        )
        return True, answered_row(name, request.custom_id, Response(f"simulated-{name[16:]}", 200, body))

    def _completion(self, body: dict[str, Any], choose: Chooser, name: str, created: int) -> _Completion:
        prompt, question = _read_messages(body["messages"])
        opening, sentences = _CHINESE if _HAN.search(question) else _ENGLISH
        text = opening.format(question=question) + "".join(
            sentences[choose.number(len(sentences))] for _ in range(1 + choose.number(12))
        )
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        text, finish_reason = _within(text, limit)
        reasoning = f"[simulated] Thinking about: {question}" if self._reasons and _may_think(body) else ""
        reasoning_tokens = _tokens(reasoning) if reasoning else 0
        completion_tokens = _tokens(text) + reasoning_tokens
        cached = prompt * choose.number(4) // 8 if len(body["messages"]) > 1 else 0
        return _Completion(
            f"simulated-{name}",
            "chat.completion",
            created,
            self._model,
            "default",
            [_Choice(0, finish_reason, None, _Message("assistant", text, reasoning))],
            _Usage(
                prompt,
                completion_tokens,
                prompt + completion_tokens,
                _PromptDetails(cached),
                _CompletionDetails(reasoning_tokens),
            ),
        )

    def _embeddings(self, body: dict[str, Any], name: str, created: int) -> _Embeddings:
        value = body["input"]
        texts = value if isinstance(value, list) and isinstance(value[0], str) else [value]  # parts make one vector
        size = min(body.get("dimensions") or DEFAULT_DIMENSIONS, MAX_DIMENSIONS)
        vectors = [_Vector("embedding", index, _vector(name, text, size)) for index, text in enumerate(texts)]
        prompt = sum(_tokens(_text_of(text)) for text in texts)
        usage = _EmbeddingUsage(prompt, prompt)
        return _Embeddings(f"simulated-{name}", "list", created, self._model, vectors, usage)


class Chooser:
    """Small numbers that follow from a digest, quicker than a random generator made for each request."""

    def __init__(self, digest: bytes) -> None:
        self._state = int.from_bytes(digest, "little")

    def number(self, below: int) -> int:
        """Return the next number from 0 up to, not including, `below`."""
        self._state, chosen = divmod(self._state, below)
        return chosen


def _read_messages(messages: list[dict[str, Any]]) -> tuple[int, str]:
    """Return the tokens of a conversation and the beginning of its last message."""
    texts = [_text_of(message.get("content")) for message in messages]
    return sum(map(_tokens, texts)), texts[-1][:_QUOTED_CHARACTERS]


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    return " ".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _tokens(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN + 1


def _within(text: str, limit: int | None) -> tuple[str, str]:
    """Cut `text` to a number of tokens; return it and why it ends."""
    raw = text.encode("utf-8", "surrogatepass")
    if limit is None or len(raw) // BYTES_PER_TOKEN + 1 <= limit:
        return text, "stop"
    kept = raw[: limit * BYTES_PER_TOKEN - 1]
    return kept.decode("utf-8", "ignore"), "length"


def _may_think(body: dict[str, Any]) -> bool:
    thinking = body.get("thinking")
    return not (isinstance(thinking, dict) and thinking.get("type") == "disabled")


def _vector(name: str, text: Any, size: int) -> list[float]:
    """Return a vector of `size` numbers from -1 to 1 that follows from the text."""
    source = f"{name}:{_text_of(text)}".encode("utf-8", "surrogatepass")
    raw = hashlib.shake_128(source).digest(2 * size)
    return [round(number / 32768, 5) for number in struct.unpack(f"<{size}h", raw)]
