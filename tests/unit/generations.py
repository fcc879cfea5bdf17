"""Sets of results as they may come from any platform: answered, failed, missing, repeated, foreign, in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.dataset.results import Sources, reconcile
from tui.dataset.row_index import RowIndex

OUTCOMES = ("answered", "short", "empty", "failed", "missing")
RANKS = {"answered": 3, "short": 2, "empty": 2, "failed": 1, "missing": 0}


def request(custom_id: str) -> bytes:
    body = {"messages": [{"role": "user", "content": f"天 {custom_id}"}], "max_tokens": 16}
    return json.dumps({"custom_id": custom_id, "body": body}, ensure_ascii=False).encode()


def reply(custom_id: str, outcome: str, mark: str) -> bytes:
    """A row that says which generation and which of its rows it is."""
    if outcome == "failed":
        row = {"custom_id": custom_id, "error": {"code": f"Code{len(custom_id) % 2}", "message": mark}}
    else:
        reason, text = {"short": ("length", "蓝"), "empty": ("stop", "")}.get(outcome, ("stop", "蓝\u2028"))
        choice = {"finish_reason": reason, "message": {"content": text}}
        row = {"custom_id": custom_id, "id": mark, "response": {"status_code": 200, "body": {"choices": [choice]}}}
    return json.dumps(row, ensure_ascii=False).encode()


@dataclass
class Generation:
    """One generation's folder, and what is in it.

    Attributes:
        outcomes: of each id of its input.
        rows: the reply that counts, by id.
    """

    folder: Path
    input: Path
    outcomes: dict[str, str]
    rows: dict[str, bytes]
    repeated: int = 0
    foreign: int = 0
    index: RowIndex = field(init=False)


def play(
    folder: Path, source: Path, outcomes: Sequence[str], dice: random.Random, strangers: Sequence[str]
) -> Generation:
    """Play a job on the input: one outcome after the other for its ids, some rows twice, some of nobody's requests."""
    folder.mkdir()
    ids = [json.loads(line)["custom_id"] for line in source.read_bytes().splitlines()]
    chosen = {custom_id: outcomes[number % len(outcomes)] for number, custom_id in enumerate(dict.fromkeys(ids))}
    played = Generation(folder, source, chosen, {})
    files: dict[str, list[bytes]] = {"results.jsonl": [], "errors.jsonl": []}
    for custom_id, outcome in chosen.items():
        if outcome == "missing":
            continue
        row = reply(custom_id, outcome, f"{folder.name} first")
        played.rows[custom_id] = row
        files["errors.jsonl" if outcome == "failed" else "results.jsonl"].append(row)
    for rows in files.values():
        dice.shuffle(rows)
    for custom_id in strangers:
        outcome = dice.choice(("answered", "failed"))
        files["results.jsonl"].insert(
            dice.randint(0, len(files["results.jsonl"])), reply(custom_id, outcome, "foreign")
        )
        played.foreign += 1
    for custom_id, outcome in chosen.items():
        if outcome not in ("missing", "failed") and dice.random() < 0.2:
            files["errors.jsonl"].append(reply(custom_id, "failed", "repeated"))
            played.repeated += 1
    for name, rows in files.items():
        if rows or dice.random() < 0.5:
            (folder / name).write_bytes(b"".join(row + b"\n" for row in rows))
    replies = [folder / name for name in files if (folder / name).exists()]
    for _step in reconcile(Sources(source, replies), folder / "index.bin", workers=0):
        pass
    played.index = RowIndex(folder / "index.bin")
    return played


def winners(generations: Sequence[Generation]) -> dict[str, tuple[str, bytes | None]]:
    """The outcome and the row that count for each id of the first input, by looking at every generation for each."""
    found: dict[str, tuple[str, bytes | None]] = {}
    for custom_id in generations[0].outcomes:
        best: tuple[str, bytes | None] = ("missing", None)
        for one in generations:
            outcome = one.outcomes.get(custom_id, "missing")
            if RANKS[outcome] and RANKS[outcome] >= RANKS[best[0]]:
                best = outcome, one.rows[custom_id]
        found[custom_id] = best
    return found
