"""How fast the check is and how soon the command answers: `make bench`; each beside a bare peer in the same run."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tui.dataset.check import CheckSummary, check_file

REQUESTS = 200_000
ROUNDS = 5


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(act):
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def write_requests(path):
    question = (
        "请用三句话说明这份日志里最严重的问题，并给出下一步。 The retry loop never ends when the server answers 503. "
    )
    with path.open("w", encoding="utf-8") as file:
        for number in range(REQUESTS):
            messages = [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": question * (1 + number % 7)},
            ]
            body = {"messages": messages, "max_tokens": 512, "temperature": 0.2}
            file.write(json.dumps({"custom_id": f"request-{number}", "body": body}, ensure_ascii=False) + "\n")


def check(path):
    for event in check_file(path):
        if isinstance(event, CheckSummary) and (event.errors or event.requests != REQUESTS):
            raise SystemExit("the check disagrees with what was written")


def bare_loop(path):
    """Read every line as JSON and collect the ids: the least that any check does."""
    ids = set()
    with path.open(encoding="utf-8") as file:
        for line in file:
            ids.add(json.loads(line)["custom_id"])


def start(*words):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as installed
    return min(
        timed(lambda: subprocess.run([sys.executable, *words], check=True, capture_output=True, env=environ))
        for _ in range(ROUNDS)
    )


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "requests.jsonl"
        write_requests(path)
        size = path.stat().st_size / 1e6
        ours, bare = timed(lambda: check(path)), timed(lambda: bare_loop(path))
    say(
        f"check     {size / ours:6,.0f} MB/s   a loop of json.loads {size / bare:5,.0f} MB/s   {bare / ours:4.2f} of it"
    )
    ours, bare = start("-m", "tui", "--help"), start("-c", "import click")
    say(f"--help    {1000 * ours:6,.0f} ms     import click {1000 * bare:5,.0f} ms   {ours / bare:4.2f} × it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
