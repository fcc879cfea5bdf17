"""Any mixture of rows, in any order, over any number of generations, gives the account of a slow, obvious model."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.dataset.reply import Fate
from tui.dataset.results import Account, ReconcileProgress, Sources, reconcile
from tui.dataset.row_index import RowIndex


@dataclass(frozen=True)
class Row:
    """A row of a result or error file; `line` is what stands in the file."""

    custom_id: str
    answered: bool
    mark: str
    line: bytes


UNREADABLE = [b'{"custom_id":"0","resp', b"[]", b"7", b"null", b"\xff\xfe", b'{"custom_id":""}', b'{"custom_id":"1"} x']
BLANK = [b"", b"  ", b"\r", b"\t "]
IDS = st.one_of(st.integers(0, 9).map(str), st.sampled_from(["é\u2028x", "天", "\ud800", '"q"', "a" * 40]))


def line(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False)
    return text.encode() if "\ud800" not in text else json.dumps(value).encode()


def answer(custom_id: str, reason: str, text: str, tokens: int) -> Row:
    message = {"role": "assistant", "content": text}
    body = {
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 1},
    }
    mark = f"{reason}/{text}/{tokens}"
    row = {"custom_id": custom_id, "error": None, "response": {"status_code": 200, "body": body}}
    return Row(custom_id, True, mark, line(row))


def failure(custom_id: str, code: str, number: int, status: int | None) -> Row:
    error = {"code": code, "message": f"request {number} is refused"} if status is None else None
    response = None if status is None else {"status_code": status, "body": {"error": {"code": code}}}
    return Row(custom_id, False, code, line({"custom_id": custom_id, "error": error, "response": response}))


ROWS = st.one_of(
    st.builds(
        answer,
        IDS,
        st.sampled_from(["stop", "length", "content_filter"]),
        st.sampled_from(["good", "蓝\u2028\x85", "", " \n", "\ufeff", "\u3000", '"']),
        st.integers(0, 2**33),
    ),
    st.builds(
        failure, IDS, st.sampled_from(["RateLimit", "Bad"]), st.integers(0, 9), st.sampled_from([None, 0, 400, 503])
    ),
    st.sampled_from(UNREADABLE + BLANK).map(lambda data: Row("", False, "", data)),
)
FILES = st.lists(st.lists(ROWS, max_size=12), max_size=3)


def model(
    ids: list[str], current: list[list[Row]], older: list[list[Row]]
) -> tuple[dict[str, Row | None], Counter[str]]:
    """The reply that counts for each id, and what is left over, by looking at every row for every id."""
    requests = list(dict.fromkeys(ids))
    rows = [row for file in current for row in file if row.line not in BLANK]
    all_rows = rows + [row for file in older for row in file]
    extras = Counter(unreadable=sum(not row.custom_id for row in rows))
    extras["unexpected"] = sum(bool(row.custom_id) and row.custom_id not in requests for row in rows)
    counting: dict[str, Row | None] = {}
    for custom_id in requests:
        own = [row for row in all_rows if row.custom_id == custom_id]
        counting[custom_id] = next((row for row in own if row.answered), own[0] if own else None)
        extras["duplicate"] += max(sum(row.custom_id == custom_id for row in rows) - 1, 0)
    return counting, extras


def fate_of(row: Row | None) -> Fate:
    if row is None:
        return Fate.MISSING
    if not row.answered:
        return Fate.FAILED
    reason, text, _tokens = row.mark.split("/")
    fate = Fate.OK if text.strip() else Fate.OK | Fate.EMPTY
    return fate | {"length": Fate.TRUNCATED, "content_filter": Fate.REFUSED}.get(reason, Fate(0))


def write(path: Path, lines: list[bytes], ended: bool) -> Path:
    path.write_bytes(b"\n".join(lines) + (b"\n" if ended and lines else b""))
    return path


@settings(max_examples=400, deadline=None)
@given(
    ids=st.lists(IDS, max_size=14),
    current=FILES,
    older=FILES,
    ended=st.booleans(),
    part_bytes=st.sampled_from([1, 7, 64, 1000, 10**6]),
)
def test_every_mixture_is_accounted_for_exactly(ids, current, older, ended, part_bytes):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        requests = [line({"custom_id": custom_id, "body": {}}) for custom_id in ids]
        source = write(folder / "input.jsonl", requests, ended)
        files = [
            [
                write(folder / f"{kind}-{number}.jsonl", [row.line for row in rows], ended)
                for number, rows in enumerate(generation)
            ]
            for kind, generation in (("results", current), ("older", older))
        ]
        *steps, account = reconcile(Sources(source, *files), folder / "index.bin", part_bytes=part_bytes, workers=0)
        counting, extras = model(ids, current, older)
        check_account(account, counting, extras)
        check_index(folder / "index.bin", counting)
        assert all(isinstance(step, ReconcileProgress) for step in steps)
        assert sorted(step.done for step in steps) == [step.done for step in steps]


def check_account(account: Account, counting: dict[str, Row | None], extras: Counter[str]) -> None:
    fates = [fate_of(row) for row in counting.values()]
    assert account.requests == len(counting)
    assert (account.unexpected, account.duplicate, account.unreadable) == (
        extras["unexpected"],
        extras["duplicate"],
        extras["unreadable"],
    )
    for name in ("ok", "failed", "missing", "truncated", "refused", "empty"):
        assert getattr(account, name) == sum(Fate[name.upper()] in fate for fate in fates), name
    answers = [row.mark.split("/") for row in counting.values() if row is not None and row.answered]
    assert account.finish_reasons == Counter(reason for reason, _text, _tokens in answers)
    assert account.tokens.prompt == sum(int(tokens) for *_, tokens in answers if int(tokens) < 2**32)
    assert account.tokens.completion == len(answers)
    errors = Counter(row.mark for row in counting.values() if row is not None and not row.answered)
    told = Counter[str]()
    for group in account.errors:
        told[group.code] += group.count
    assert told == errors


def check_index(path: Path, counting: dict[str, Row | None]) -> None:
    with RowIndex(path) as index:
        rows = list(index.rows())
        assert [json.loads(index.request(row))["custom_id"] for row in rows] == list(counting)
        assert [index.reply(row) for row in rows] == [row and row.line for row in counting.values()]
        assert [row.fate for row in rows] == [fate_of(row) for row in counting.values()]
        assert [index.find(custom_id) for custom_id in counting] == rows
        assert index.find("not there") is None
        for fate in Fate:
            assert list(index.rows(fate)) == [row for row in rows if row.fate & fate]
            assert index.numbers(fate).tolist() == [row.number for row in rows if row.fate & fate]
        assert [index.row(row.number) for row in rows] == rows
