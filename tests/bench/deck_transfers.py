"""How soon the deck answers keys while it moves files at full speed: `make bench`; through a pseudo-terminal.

The cursor key in the list of jobs while 2 GiB of results come down, beside the same key in the same deck at rest.
Objects and files lie in memory: the disk is not measured.
"""

import asyncio
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.pseudo_terminal import PseudoTerminal
from tests.ui.pilot_tools import environ_of
from tui.fingerprint import Fingerprinter
from tui.localcloud.child import LocalCloudProcess
from tui.safety import Secret
from tui.settings.credentials import Credentials
from tui.storage.client import ObjectStore
from tui.storage.upload import upload

MIB = 1024 * 1024
RESULTS_SIZE = 2048 * MIB
ROUNDS = 3
IDLE_KEYS = 120
DOWN, UP, ESCAPE, ENTER = "\x1b[B", "\x1b[A", "\x1b", "\r"
QUIET_SECONDS = 0.03
TOAST_SECONDS = 9.0
DECK = Path(sys.executable).with_name("arkdeck")


def say(what, measured, budget):
    sys.stdout.write(f"{what:13} {measured:78} {budget}\n")
    sys.stdout.flush()


def arkdeck(environ, *words):
    """Run the command and return what it wrote."""
    return subprocess.run([DECK, *words], env=os.environ | environ, capture_output=True, text=True).stdout


def written(path, size):
    """Write replies, numbered from 0, until the file has so many bytes."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            file.write(b"".join(reply(number + each) for each in range(1000)))
            number += 1000
    return path


def reply(number):
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "It scatters. " * 400}}
    body = {"id": f"a-{number}", "object": "chat.completion", "choices": [choice], "usage": {"total_tokens": 9}}
    response = {"status_code": 200, "request_id": f"q-{number}", "body": body}
    return json.dumps({"custom_id": f"request-{number}", "response": response}).encode() + b"\n"


async def enlarge(info, job, path):
    """Put a large file in the place of a job's results."""
    maker = Fingerprinter()
    with path.open("rb") as file:
        while data := file.read(MIB):
            maker.update(data)
    fingerprint = maker.finish(path.stat())
    store = ObjectStore(info.tos_endpoint, info.region, Credentials(info.access_key, Secret(info.secret_key), None, ""))
    bucket, folder = job["output"].removeprefix("tos://").split("/", 1)
    key = f"{folder}{job['id']}/output/results.jsonl"
    async for _event in upload(store, bucket, key, path, fingerprint, metadata={}):
        pass
    await store.close()


class Keys:
    """Presses the cursor key down and up by turns, and keeps how soon each answer began and was complete."""

    def __init__(self, terminal):
        self._terminal = terminal
        self.first, self.seconds = [], []
        self.written = b""

    def press(self):
        """Send the next key; note the seconds until the first and the last bytes of its answer."""
        self._terminal.send(UP if len(self.seconds) % 2 else DOWN)
        began = last = time.perf_counter()
        while more := self._terminal.read(QUIET_SECONDS if last > began else 2.0):
            self.written += more
            if last == began:
                self.first.append(time.perf_counter() - began)
            last = time.perf_counter()
        self.seconds.append(last - began)

    def __str__(self):
        return f"cursor seen {self.told(self.first)}; all of it {self.told(self.seconds)}, {len(self.seconds)} keys"

    @staticmethod
    def told(seconds):
        """Return the middle and the 95th of a hundred."""
        ordered = sorted(seconds)
        return (
            f"{1000 * ordered[int(0.95 * len(ordered))]:4.1f} ms p95, {1000 * statistics.median(ordered):4.1f} median"
        )


def press_until(terminal, keys, pattern):
    """Press keys until text like `pattern` is written."""
    began = len(keys.written)
    for _ in range(4000):
        keys.press()
        if terminal.shows(pattern, keys.written[began:]):
            return
    raise SystemExit(f"{pattern!r} never appeared")


def main():
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with (
        tempfile.TemporaryDirectory(dir=place) as name,
        LocalCloudProcess(Path(name) / "cloud", scene="busy", speed=1.0) as cloud,
    ):
        home = Path(name) / "home"
        (home / "work").mkdir(parents=True)
        environ = environ_of(cloud.info) | {"HOME": str(home)}
        jobs = [json.loads(text) for text in arkdeck(environ, "jobs", "--phase", "Completed", "--json").splitlines()]
        job = next(each for each in jobs if each["model"] and each["name"].isascii() and each["name"].isprintable())
        large = written(home / "large.jsonl", RESULTS_SIZE)
        asyncio.run(enlarge(cloud.info, job, large))
        large.unlink()
        with contextlib.chdir(home / "work"), PseudoTerminal((DECK,), environ=environ) as terminal:
            terminal.until("ago")
            terminal.settle(1.0)
            terminal.send(".")  # no polls: what is measured is the key beside the transfer
            terminal.settle(0.5)
            idle, busy = Keys(terminal), Keys(terminal)
            for _ in range(IDLE_KEYS):
                idle.press()
            say("cursor key", f"{idle}; at rest", "")
            for _ in range(ROUNDS):
                terminal.send(f"/id:{job['id']}{ENTER}")
                terminal.settle(0.5)
                terminal.send("d")
                terminal.until("to come")
                terminal.send(ENTER)
                terminal.until("download begun")
                terminal.send(ESCAPE)
                terminal.settle(0.1)
                press_until(terminal, busy, "downloaded |download of ")
                terminal.collect(TOAST_SECONDS)
                shutil.rmtree(home / "work" / job["id"])
            say("cursor key", f"{busy}; 2 GiB come down", "≤ 33 ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
