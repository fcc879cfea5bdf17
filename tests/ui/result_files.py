"""The files of a finished job: requests of which some failed, some were cut short and some were lost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tui.ark.models import Counts, FoundationModelRef, Job, Location, Phase
from tui.runs.collect import account_files
from tui.widgets.table import VirtualTable

JOB_ID = "bi-20261122100000-abcde"
Rows = Sequence[tuple[dict[str, Any], dict[str, Any] | None]]


def request(custom_id: object, text: str = "why?", **body: object) -> dict[str, Any]:
    return {"custom_id": custom_id, "body": {"messages": [{"role": "user", "content": text}], **body}}


def answer(custom_id: object, text: object, reason: str = "stop", **message: object) -> dict[str, Any]:
    usage = {"prompt_tokens": 1200, "completion_tokens": 34, "completion_tokens_details": {"reasoning_tokens": 30}}
    choice = {"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": text, **message}}
    return {
        "custom_id": custom_id,
        "error": None,
        "response": {"status_code": 200, "body": {"choices": [choice], "usage": usage}},
    }


def failure(custom_id: object, code: str, message: str) -> dict[str, Any]:
    return {"custom_id": custom_id, "response": None, "error": {"code": code, "message": message}}


USUAL: Rows = [
    *((request(f"req-{n}", f"question {n}"), answer(f"req-{n}", f"the answer to {n}")) for n in range(40)),
    (request("cut-0", "long", max_tokens=16), answer("cut-0", "it goes", "length", reasoning_content="let me think")),
    *((request(f"slow-{n}"), failure(f"slow-{n}", "RateLimit", f"over the limit of {n}")) for n in range(3)),
    (request("wrong-0"), failure("wrong-0", "InvalidParameter", "messages[0].role is not valid")),
    (request("lost-0"), None),
    (request("lost-1"), None),
]


async def write_results(home: Path, rows: Rows, counts: Counts | None = None, extra: Sequence[object] = ()) -> Job:
    """Write the files of a job in which this became of these requests, and account for them."""
    folder = home / JOB_ID
    folder.mkdir()
    source = home / "requests.jsonl"
    lines = {"results.jsonl": [], "errors.jsonl": [], str(source): []}
    for asked, said in rows:
        lines[str(source)].append(asked)
        if said is not None:
            lines["results.jsonl" if said["error"] is None else "errors.jsonl"].append(said)
    lines["results.jsonl"] = [*extra, *reversed(lines["results.jsonl"])]
    for name, values in lines.items():
        text = "".join(json.dumps(value, ensure_ascii=name == "errors.jsonl") + "\n" for value in values)
        (folder / name).write_text(text, "utf-8", errors="surrogatepass")
    failed = len(lines["errors.jsonl"])
    job = Job(
        id=JOB_ID,
        name="nightly-eval",
        phase=Phase.COMPLETED,
        counts=counts or Counts(len(rows), len(rows), failed),
        model=FoundationModelRef("doubao-pro-32k", "240615"),
        input=Location("arkdeck-local", "in/a.jsonl"),
        output=Location("arkdeck-local", "out/"),
    )
    async for _step in account_files(job, folder, source):
        pass
    return job


def rows_read(pilot: Pilot[Any]) -> int:
    """How many rows in sight are read; 0 while one is not."""
    screen = pilot.app.screen
    if not screen.query(VirtualTable):
        return 0
    numbers = [int(key) for key in screen.table.keys_in_sight]
    return len(numbers) if all(number in screen._glances for number in numbers) else 0
