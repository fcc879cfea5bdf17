"""Whatever becomes of the requests, what is left is exactly what is left, and the merged set has every one once."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.generations import OUTCOMES, Generation, play, request, winners
from tui.dataset import merging, remainder
from tui.dataset.remainder import Only, Reason, Remainder, Written, parse_only, remainder_of, write_remainder
from tui.dataset.row_index import RowIndex
from tui.runs.merge import MergedResults, merge_results
from tui.runs.results_folder import Results


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    """Have a handful of requests go the way of millions: several blocks, several ranges of ids."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "_RECORDS", 7)
        patch.setattr(merging, "_BLOCK_ROWS", 5)
        patch.setattr(merging, "_BLOCK_BYTES", 300)
        patch.setattr(remainder, "_BLOCK_ROWS", 4)
        yield


IDS = st.lists(st.integers(0, 30).map(lambda n: f"r-{n}" + "天" * (n % 3)), min_size=1, max_size=24)
SPLIT = st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=12)


def merged(generations: Sequence[Generation], out: Path) -> MergedResults:
    async def run() -> MergedResults:
        with ExitStack() as opened:
            all_of_them = [
                opened.enter_context(Results(one.folder, None, None, RowIndex(one.folder / "index.bin"), one.input))
                for one in generations
            ]
            *_steps, last = [step async for step in merge_results(all_of_them, out)]
        assert isinstance(last, MergedResults)
        return last

    return asyncio.run(run())


def rows_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True) if path.exists() else []


def retry_file(one: RowIndex, only: Only, path: Path) -> Remainder:
    with path.open("xb") as file:
        *_steps, written = write_remainder(one, only, [], file)
    content = path.read_bytes()
    assert written == Written(len(content), hashlib.sha256(content).hexdigest())
    return remainder_of(one, only)


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_merged(generations: Sequence[Generation], out: Path) -> MergedResults:
    """The merged set is what one finds by looking at every generation for every id."""
    found = merged(generations, out)
    expected = winners(generations)
    answers = [row + b"\n" for outcome, row in expected.values() if row and outcome not in ("failed", "missing")]
    failures = [row + b"\n" for outcome, row in expected.values() if row and outcome == "failed"]
    assert rows_of(out / "results.jsonl") == answers
    assert rows_of(out / "errors.jsonl") == failures
    account = json.loads((out / "account.json").read_bytes())
    told, strangers = account["account"], sum(one.foreign for one in generations)
    assert (told["requests"], told["ok"], told["failed"]) == (len(expected), len(answers), len(failures))
    assert told["ok"] + told["failed"] + told["missing"] == told["requests"]
    assert told["duplicate"] == sum(one.repeated for one in generations)
    own = [sum(custom_id in expected for custom_id in one.rows) for one in generations]
    not_asked = sum(len(one.rows) for one in generations) - sum(own)
    assert told["unexpected"] == strangers + not_asked
    assert account["superseded"] == sum(own) - len(answers) - len(failures)
    assert [one["requests"] for one in account["generations"]] == [len(one.outcomes) for one in generations]
    with RowIndex(out / "index.bin") as index:
        fates = Counter(outcome for outcome, _row in expected.values())
        assert index.account.missing == fates["missing"]
    return found


@settings(max_examples=150, deadline=None)
@given(ids=IDS, splits=st.lists(SPLIT, min_size=1, max_size=4), flawed=st.booleans(), seed=st.integers(0, 2**32))
def test_retry_and_merge_until_nothing_is_left_end_with_every_id_once(ids, splits, flawed, seed) -> None:
    dice = random.Random(seed)
    words = ["failed", "missing", "truncated", "empty"] if flawed else []
    only = parse_only(words)
    wanted = {"failed", "missing"} | ({"short", "empty"} if flawed else set())
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        source = home / "input.jsonl"
        source.write_bytes(b"".join(request(custom_id) + b"\n" for custom_id in ids))
        generations: list[Generation] = []
        for number, outcomes in enumerate([*splits, ["answered"]]):
            before = snapshot(home)
            one = play(
                home / f"g{number}", source, outcomes, dice, [f"stranger-{n}" for n in range(dice.randint(0, 2))]
            )
            generations.append(one)
            source = home / f"retry-{number}.jsonl"
            with one.index:
                left = retry_file(one.index, only, source)
            due = [custom_id for custom_id, outcome in one.outcomes.items() if outcome in wanted]
            assert source.read_bytes() == b"".join(request(custom_id) + b"\n" for custom_id in due)
            assert left.requests == len(due)
            check_merged(generations, home / f"merged-{number}")
            assert before.items() <= snapshot(home).items()
            if not due:
                break
        last = home / f"merged-{number}" / "results.jsonl"
        assert [json.loads(row)["custom_id"] for row in rows_of(last)] == list(dict.fromkeys(ids))


@settings(max_examples=80, deadline=None)
@given(inputs=st.lists(IDS, min_size=1, max_size=4), split=SPLIT, seed=st.integers(0, 2**32))
def test_generations_of_any_inputs_are_merged_by_the_first(inputs, split, seed) -> None:
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        generations = []
        for number, ids in enumerate(inputs):
            source = home / f"input-{number}.jsonl"
            source.write_bytes(b"".join(request(custom_id) + b"\n" for custom_id in ids))
            outcomes = dice.sample(split, len(split))
            one = play(home / f"g{number}", source, outcomes, dice, [])
            one.index.__exit__(None, None, None)
            generations.append(one)
        check_merged(generations, home / "merged")


@settings(max_examples=80, deadline=None)
@given(
    ids=IDS,
    split=SPLIT,
    reasons=st.sets(st.sampled_from([reason.value for reason in Reason])),
    codes=st.sets(st.sampled_from(["Code0", "Code1", "Code9"])),
)
def test_each_reason_selects_what_it_says(ids, split, reasons, codes) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        source = home / "input.jsonl"
        source.write_bytes(b"".join(request(custom_id) + b"\n" for custom_id in ids))
        one = play(home / "g", source, split, random.Random(1), [])
        only = Only(frozenset(map(Reason, reasons)), frozenset(codes))
        with one.index:
            left = retry_file(one.index, only, home / "retry.jsonl")
        becomes = {"short": "truncated"}
        due = [
            custom_id
            for custom_id, outcome in one.outcomes.items()
            if becomes.get(outcome, outcome) in reasons
            or (outcome == "failed" and f"Code{len(custom_id) % 2}" in codes)
        ]
        assert [json.loads(row)["custom_id"] for row in rows_of(home / "retry.jsonl")] == due
        failed = [custom_id for custom_id in due if one.outcomes[custom_id] == "failed"]
        assert left.codes == Counter(f"Code{len(custom_id) % 2}" for custom_id in failed)
        assert left.reasons.get(Reason.FAILED, 0) == len(failed)
        assert left.requests == len(due)
