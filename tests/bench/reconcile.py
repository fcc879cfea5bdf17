"""How fast a job is accounted for: `make bench`. Beside a plain read of the same files in the same run.

    python tests/bench/reconcile.py [--gigabytes N] [--short] [--folder DIR]

writes an input and results of N gigabytes each (1 by default; 5 is the platform's largest input). Requests have the
sizes of real ones (median 0.6 KB, mean some 4.5 KB, three in a hundred with a picture), answers those of a reasoning
model (mean some 5.5 KB); `--short` makes them 0.5 KB each: ten million to 5 GB.
"""

import argparse
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from tui.dataset.reply import Fate
from tui.dataset.results import Account, Sources, reconcile
from tui.dataset.row_index import RowIndex

POOL = 4096
FOUND = 2000
BLOCK = 1024 * 1024
TEXT = (
    "天空呈现蓝色主要是由瑞利散射引起的,短波长的蓝光比长波长的红光更容易被大气分子散射。"
    "请用三句话说明这份日志里最严重的问题。\n"
    'The retry loop never ends when the server answers "503"; the client then drops the batch.\n'
)
PICTURE = "iVBORw0KGgoAAAANSUhEUgAA"


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def timed(act):
    began = time.perf_counter()
    return act(), time.perf_counter() - began


def processor_seconds():
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def text(chance, length):
    start = chance.randrange(len(TEXT))
    return (TEXT * (2 + length // len(TEXT)))[start : start + length]


def encoded(value):
    return json.dumps(value, ensure_ascii=False).encode()


def request_bodies(chance, short):
    for _ in range(POOL):
        content = text(chance, 150 if short else min(60_000, int(chance.lognormvariate(5.4, 1.6))))
        if not short and chance.random() < 0.03:
            url = "data:image/png;base64," + PICTURE * chance.randint(600, 8000)
            content = [{"type": "text", "text": content}, {"type": "image_url", "image_url": {"url": url}}]
        messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": content}]
        yield encoded({"messages": messages, "max_tokens": 4096, "temperature": 0.2})


def answer_bodies(chance, short):
    for _ in range(POOL):
        length = 5 if short else min(60_000, int(chance.lognormvariate(6.7, 1.1)))
        usage = {
            "prompt_tokens": 120,
            "completion_tokens": 2 * length,
            "total_tokens": 120 + 2 * length,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": length},
        }
        message = {"role": "assistant", "content": text(chance, length), "reasoning_content": text(chance, length)}
        choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
        yield encoded({"object": "chat.completion", "model": "doubao", "choices": [choice], "usage": usage})


def write_until(path, size, numbers, line_of):
    """Write lines until the file has `size` bytes or the numbers end; return how many were written."""
    count, block, held = 0, [], 0
    with path.open("wb") as file:
        for number in numbers:
            block.append(line_of(number))
            held += len(block[-1])
            count += 1
            if held >= 8 * BLOCK:
                size -= file.write(b"".join(block))
                block, held = [], 0
                if size <= 0:
                    return count
        file.write(b"".join(block))
    return count


def write_job(folder, size, short):
    """Write the files of a job in which one request in 100 failed and one in 10 000 was forgotten."""
    chance = random.Random(5)
    bodies, answers = list(request_bodies(chance, short)), list(answer_bodies(chance, short))
    source, results, errors = (folder / name for name in ("input.jsonl", "results.jsonl", "errors.jsonl"))

    def request(number):
        return b'{"custom_id": "request-%d", "body": %b}\n' % (number, bodies[number * 7919 % POOL])

    def answer(number):
        head = b'{"id": "r-%d", "custom_id": "request-%d", "error": null, ' % (number, number)
        body = answers[number * 104_729 % POOL]
        return head + b'"response": {"request_id": "0217%012d", "status_code": 200, "body": %b}}\n' % (number, body)

    def failure(number):
        head = b'{"id": "r-%d", "custom_id": "request-%d", "response": null, ' % (number, number)
        message = b"Request 0217%d: over the limit of %d" % (number, number % 97)
        return head + b'"error": {"code": "RateLimit", "type": "Throttled", "message": "%b"}}\n' % message

    count = write_until(source, size, itertools.count(), request)
    failed, forgotten = count // 100, count // 10_000
    order = np.random.default_rng(5).permutation(count)
    write_until(results, sys.maxsize, order[failed + forgotten :], answer)
    write_until(errors, sys.maxsize, order[:failed], failure)
    return Sources(source, (results, errors)), count, failed, forgotten


def plain_read(paths):
    buffer = bytearray(BLOCK)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def forget(paths):
    """Have the system read the files from the disk again, as it must where they are larger than the memory."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def account_of(sources, index):
    for event in reconcile(sources, index):
        if isinstance(event, Account):
            return event
    raise SystemExit("no account")


def measure(folder):
    """Account for the job in `folder`, in a process of its own so that its memory is measured alone."""
    index = folder / "index.bin"
    sources = Sources(folder / "input.jsonl", (folder / "results.jsonl", folder / "errors.jsonl"))
    before = processor_seconds()
    account, seconds = timed(lambda: account_of(sources, index))
    processor = processor_seconds() - before
    memory = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with RowIndex(index) as rows:
        ids = [f"request-{number * 7 % account.requests}" for number in range(FOUND)]
        found, finding = timed(lambda: [rows.find(custom_id) for custom_id in ids])
        if not all(found):
            raise SystemExit("a request is not in the index")
        left, listing = timed(lambda: sum(1 for _ in rows.rows(Fate.FAILED | Fate.MISSING)))
    say(
        json.dumps(
            {
                "counts": [account.requests, account.failed, account.missing, account.unreadable, left],
                "seconds": seconds,
                "processor": processor,
                "memory": memory,
                "index": index.stat().st_size,
                "finding": finding / FOUND,
                "listing": listing,
            }
        )
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--measure", type=Path)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure)
        return 0
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        sources, count, failed, missing = write_job(folder, int(options.gigabytes * 1e9), options.short)
        paths = (sources.input, *sources.replies)
        size = sum(path.stat().st_size for path in paths)
        say(f"account of {count:,} requests, {size / 1e9:.2f} GB in all")
        for before, title in ((forget, "from the disk"), (plain_read, "from memory")):
            before(paths)
            began = processor_seconds()
            _, plain = timed(lambda: plain_read(paths))
            plain_processor = processor_seconds() - began
            before(paths)
            (folder / "index.bin").unlink(missing_ok=True)
            done = subprocess.run([sys.executable, __file__, "--measure", folder], check=True, capture_output=True)
            figures = json.loads(done.stdout)
            if figures["counts"] != [count, failed, missing, 0, failed + missing]:
                raise SystemExit(f"the account disagrees with what was written: {figures['counts']}")
            seconds = figures["seconds"]
            say(f"{title:14} {seconds:7.2f} s   plain read {plain:6.2f} s   {seconds / plain:5.2f} × it")
            say(f"  processors   {figures['processor']:7.2f} s              {plain_processor:6.2f} s")
    own, worker = figures["memory"]
    say(f"memory         {own:,.0f} MB, and {worker:,.0f} MB in each reading process")
    finding, listing = 1e6 * figures["finding"], figures["listing"]
    say(f"index          {figures['index'] / 1e6:,.0f} MB   find {finding:,.0f} µs   list what is left {listing:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
