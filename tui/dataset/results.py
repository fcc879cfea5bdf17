"""The account of a job: what became of every request, told by its files and not by the service's counters."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import msgspec

from tui.dataset.json_line import BOM, LineError, LineParser, Parsed
from tui.dataset.lines import FileMissingError, open_file, read_lines
from tui.dataset.request import id_text
from tui.dataset.rules import PLATFORM_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_CODE: Final = 1_000_000  # a number beyond it is no code
_MAX_TEXT: Final = 1000  # characters of a message or id that an account keeps
_MAX_SAMPLES: Final = 16
_MAX_TOKENS: Final = 2**40  # beyond it a count is nonsense, and no sum of counts below it leaves 64 bits
_NO_OBJECT: Final = Parsed(None, odd=False, huge=False)


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of the answers that count, as the service reported them in each.

    Attributes:
        prompt: sent, cached ones included.
        completion: answered, reasoning included.
        cached: of `prompt`, taken from the prefix cache.
        reasoning: of `completion`, thought and not said.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0


class ErrorGroup(msgspec.Struct, frozen=True):
    """Failed requests with the same error code, and one of them as a sample; outside text as it came, but cut.

    The code is empty where a row has none. The sample is empty when those kept as samples were all answered later.
    """

    code: str
    count: int
    custom_id: str
    message: str


class Account(msgspec.Struct, frozen=True):
    """What became of every request. `ok + failed + missing == requests` always holds.

    So does `ok + failed + duplicate + unexpected + unreadable ==` rows in the files.

    Attributes:
        requests: different ids in the input.
        ok: have an answer.
        failed: have an error and no answer.
        missing: have neither.
        unexpected: rows whose id is not in the input.
        duplicate: rows beyond the first of an id of the input.
        unreadable: rows that are torn, not a JSON object, or without an id.
        truncated: of `ok`, cut off by max_tokens (finish_reason length).
        refused: of `ok`, withheld (finish_reason content_filter).
        tokens: of the answers counted in `ok`.
        errors: `failed` by code, most frequent first.
    """

    requests: int
    ok: int
    failed: int
    missing: int
    unexpected: int
    duplicate: int
    unreadable: int
    truncated: int
    refused: int
    tokens: Tokens
    errors: tuple[ErrorGroup, ...]


def reconcile(
    input: Path,  # noqa: A002
    results: Sequence[Path],
    errors: Sequence[Path],
    older: Sequence[Path] = (),
) -> Account:
    """Join the rows of a job's files to the requests of its input by custom_id.

    Rows may come in any order and from either kind of file: a row is an answer when it has no error and its status
    is 2xx. The first answer of an id counts, also when there is an error row for the same id.

    Args:
        input: the job's input; lines that are no request with an id are passed over, the check refused them.
        results: result files; one that is not there counts as empty.
        errors: error files, likewise.
        older: files of the same job that newer ones supersede; they tell of requests that have no answer in those, and
            their other rows do not count.

    Raises:
        UsageError: the input is missing, or a file cannot be read.
    """
    ledger = _Ledger(_input_ids(input))
    for path in (*results, *errors):
        with contextlib.suppress(FileMissingError):
            for row in _rows(path):
                ledger.enter(row)
    for path in older:
        for row in _rows(path):
            ledger.enter_older(row)
    return ledger.account()


class _State(IntEnum):
    """What an id has: an error group's number from 0 up, or one of these."""

    MISSING = -1
    OK = -2


class _Ledger:
    def __init__(self, ids: Iterator[str]) -> None:
        self._states: dict[str, int] = dict.fromkeys(ids, int(_State.MISSING))
        self._unexpected = self._duplicate = self._unreadable = 0
        self._truncated = self._refused = 0
        self._tokens: Counter[str] = Counter()
        self._codes: dict[str, int] = {}
        self._samples: list[dict[str, str]] = []

    def enter(self, row: dict[str, object] | None) -> None:
        custom_id = id_text(row.get("custom_id")) if row is not None else None
        if row is None or custom_id is None:
            self._unreadable += 1
            return
        state = self._states.get(custom_id)
        if state is None:
            self._unexpected += 1
            return
        if state != _State.MISSING:
            self._duplicate += 1
        body = _answer(row)
        if body is None:
            if state == _State.MISSING:
                self._enter_failure(custom_id, row)
        elif state != _State.OK:
            self._enter_answer(custom_id, state, body)

    def enter_older(self, row: dict[str, object] | None) -> None:
        custom_id = id_text(row.get("custom_id")) if row is not None else None
        if row is None or custom_id is None:
            return
        state = self._states.get(custom_id, int(_State.OK))
        body = _answer(row)
        if state == _State.MISSING and body is None:
            self._enter_failure(custom_id, row)
        elif state != _State.OK and body is not None:
            self._enter_answer(custom_id, state, body)

    def _enter_failure(self, custom_id: str, row: dict[str, object]) -> None:
        code, message = _error_of(row)
        group = self._codes.setdefault(code, len(self._codes))
        if group == len(self._samples):
            self._samples.append({})
        if len(self._samples[group]) < _MAX_SAMPLES:
            self._samples[group][custom_id] = message[:_MAX_TEXT]
        self._states[custom_id] = group

    def _enter_answer(self, custom_id: str, state: int, body: dict[str, object]) -> None:
        if state >= 0:
            self._samples[state].pop(custom_id, None)
        self._states[custom_id] = _State.OK
        reasons = [_get(choice, "finish_reason") for choice in _list(body.get("choices"))]
        self._truncated += "length" in reasons
        self._refused += "content_filter" in reasons
        self._tokens.update(_usage(body.get("usage")))

    def account(self) -> Account:
        counts = Counter(self._states.values())
        ok, missing = counts.pop(_State.OK, 0), counts.pop(_State.MISSING, 0)
        return Account(
            requests=len(self._states),
            ok=ok,
            failed=counts.total(),
            missing=missing,
            unexpected=self._unexpected,
            duplicate=self._duplicate,
            unreadable=self._unreadable,
            truncated=self._truncated,
            refused=self._refused,
            tokens=Tokens(**self._tokens),
            errors=tuple(self._groups(counts)),
        )

    def _groups(self, counts: Counter[int]) -> Iterator[ErrorGroup]:
        codes = list(self._codes)
        for group, count in counts.most_common():
            # Every sample may have been answered after it failed: then the group has none to show.
            custom_id, message = next(iter(self._samples[group].items()), ("", ""))
            yield ErrorGroup(_kept(codes[group]), count, _kept(custom_id), _kept(message))


def _input_ids(path: Path) -> Iterator[str]:
    for row in _rows(path):
        custom_id = id_text(row.get("custom_id")) if row is not None else None
        if custom_id is not None:
            yield custom_id


def _rows(path: Path) -> Iterator[dict[str, object] | None]:
    """Yield the object on every line that is not blank, None for a line that holds no object."""
    parser = LineParser(PLATFORM_LIMITS.depth)
    with open_file(path) as file:
        for line in read_lines(file, PLATFORM_LIMITS.line_bytes):
            try:
                parsed = parser.parse(line.data.removeprefix(BOM)) if line.whole else _NO_OBJECT
            except LineError:
                parsed = _NO_OBJECT
            if parsed is not None:
                yield parsed.value if isinstance(parsed.value, dict) else None


def _answer(row: dict[str, object]) -> dict[str, object] | None:
    """Return the body of a row's answer; None when the row tells of a failure."""
    status, body = _get(row.get("response"), "status_code"), _get(row.get("response"), "body")
    if row.get("error") or not _is_success(status) or not isinstance(body, dict):
        return None
    return body


def _is_success(status: object) -> bool:
    return isinstance(status, int) and 200 <= status < 300


def _error_of(row: dict[str, object]) -> tuple[str, str]:
    """Return code and message of a failure, from the row's error or, where that is empty, from its response."""
    response = row.get("response")
    error = row.get("error") or _get(_get(response, "body"), "error")
    code = _get(error, "code") or _get(error, "type")
    status = _get(response, "status_code")
    if not code and isinstance(status, int) and abs(status) < _MAX_CODE and not _is_success(status):
        code = f"HTTP {status}"
    message = error if isinstance(error, str) else _get(error, "message")
    told = isinstance(code, str) or (isinstance(code, int) and abs(code) < _MAX_CODE)
    return str(code) if code and told else "", message if isinstance(message, str) else ""


def _usage(usage: object) -> dict[str, int]:
    counts = {
        "prompt": _get(usage, "prompt_tokens"),
        "completion": _get(usage, "completion_tokens"),
        "cached": _get(_get(usage, "prompt_tokens_details"), "cached_tokens"),
        "reasoning": _get(_get(usage, "completion_tokens_details"), "reasoning_tokens"),
    }
    return {name: count for name, count in counts.items() if isinstance(count, int) and 0 < count < _MAX_TOKENS}


def _get(value: object, key: str) -> object:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _kept(text: str) -> str:
    """Return outside text cut, and without halves of surrogate pairs, which no JSON encoder writes."""
    return _SURROGATE.sub("\ufffd", text[:_MAX_TEXT])
