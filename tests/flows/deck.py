"""A command at the operator's hands, pointed at a local cloud, in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tui.localcloud import CloudInfo

MODEL = "doubao-pro-32k@240615"


@dataclass
class Ended:
    """What a call left."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def summary(self) -> dict[str, object]:
        return self.events[-1]["summary"]


@dataclass
class Deck:
    """`deck("run", FILE, ...)` runs the real command in a process of its own."""

    home: Path
    info: CloudInfo
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "ARKDECK_ARK_ENDPOINT": self.info.ark_endpoint,
            "ARKDECK_TOS_ENDPOINT": self.info.tos_endpoint,
            "ARKDECK_REGION": self.info.region,
            "ARKDECK_BUCKET": self.info.bucket,
            "VOLCENGINE_ACCESS_KEY": self.info.access_key,
            "VOLCENGINE_SECRET_KEY": self.info.secret_key,
        }

    def start(self, *arguments: object, **options: object) -> subprocess.Popen[str]:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, "-m", "tui", *map(str, arguments)],
            cwd=self.home,
            env=self.environ,
            text=True,
            encoding="utf-8",
            **(streams | options),
        )

    def __call__(self, *arguments: object, **options: object) -> Ended:
        with self.start(*arguments, **options) as process:
            out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out, err)

    def run(self, file: Path, *arguments: object) -> Ended:
        return self("run", file, "--model", MODEL, "--json", *arguments)


def read_until(process: subprocess.Popen[str], event: str) -> None:
    """Read what a call with --json tells until it tells the event; fail if it never does."""
    assert process.stdout is not None
    if not any(json.loads(line).get("event") == event for line in process.stdout):
        pytest.fail(f"the call never told {event}: {process.stderr.read() if process.stderr else ''}")


def write_requests(path: Path, count: int, *, bad: frozenset[int] = frozenset()) -> None:
    """Write requests of which the online API would refuse the numbers in `bad`."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            content = (
                f"第 {number} 个问题：天空为什么这么蓝？" if number % 2 else f"Question {number}: why is the sky blue?"
            )
            role = "wizard" if number in bad else "user"
            body = {"messages": [{"role": role, "content": content}], "max_tokens": 256}
            file.write(json.dumps({"custom_id": f"request-{number}", "body": body}, ensure_ascii=False) + "\n")


def custom_ids(path: Path) -> list[str]:
    """The custom_ids of a JSONL file, in its order."""
    return [json.loads(line)["custom_id"] for line in path.read_bytes().split(b"\n") if line]
