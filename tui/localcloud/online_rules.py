"""What the online API would refuse of a request: it becomes a row of errors.jsonl, its job goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

ROLES: Final = frozenset(["system", "user", "assistant", "tool"])
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
_COUNTS: Final = ("max_tokens", "max_completion_tokens", "dimensions")


@dataclass(frozen=True)
class Refusal:
    """Why a request was not answered, as the online API says it."""

    code: str
    message: str
    type: str = "BadRequest"


def refusal(body: dict[str, Any]) -> Refusal | None:
    """Return why the online API would refuse `body`, None when it would answer."""
    if "messages" in body:
        fault = _messages_fault(body["messages"])
    elif "input" in body:
        fault = _input_fault(body["input"])
    else:
        fault = _missing("messages")
    return fault or _number_fault(body)


def _messages_fault(messages: Any) -> Refusal | None:
    if not isinstance(messages, list) or not messages:
        return _invalid("messages", "expected a list with at least one message")
    for index, message in enumerate(messages):
        fault = _message_fault(message, f"messages[{index}]")
        if fault is not None:
            return fault
    return None


def _message_fault(message: Any, path: str) -> Refusal | None:
    if not isinstance(message, dict):
        return _invalid(path, "expected an object")
    role, content = message.get("role"), message.get("content")
    if role is None:
        return _missing(f"{path}.role")
    if not isinstance(role, str) or role not in ROLES:
        return _invalid(f"{path}.role", "invalid value, supported values are system, user, assistant and tool")
    if content is None:
        return None if role == "assistant" else _missing(f"{path}.content")
    if not isinstance(content, (str, list)):
        return _invalid(f"{path}.content", "expected a string or a list of parts")
    return None


def _input_fault(value: Any) -> Refusal | None:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, (str, dict)) and item for item in items):
        return _invalid("input", "expected a text, a list of texts or a list of parts, none of them empty")
    if len({type(item) for item in items}) > 1:
        return _invalid("input", "texts and parts do not mix")
    return None


def _number_fault(body: dict[str, Any]) -> Refusal | None:
    for name, (low, high) in _RANGES.items():
        value = body.get(name)
        if value is not None and (not _is_number(value) or not low <= value <= high):
            return _invalid(name, f"expected a number from {low} to {high}")
    for name in _COUNTS:
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            return _invalid(name, "expected an integer of at least 1")
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _missing(path: str) -> Refusal:
    return Refusal("MissingParameter", f"The request failed because it is missing `{path}` parameter.")


def _invalid(path: str, why: str) -> Refusal:
    return Refusal("InvalidParameter", f"The parameter `{path}` specified in the request is not valid: {why}.")
