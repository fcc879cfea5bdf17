"""From a file on the operator's disk to answers on it, by keyboard alone at 80x24: here, and over ssh."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.deck import write_requests
from tests.system.ssh_server import Server
from tests.system.terminal import PYTHON, ROOT, Terminal

pytestmark = pytest.mark.system

BAD = frozenset(range(5, 400, 97))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    window = Terminal(tmp_path)
    write_requests(window.home / "train.jsonl", 400, bad=BAD)
    yield window
    window.close()


def test_the_whole_way_in_a_terminal_of_this_machine(terminal: Terminal) -> None:
    terminal.run(*PYTHON, "--local")
    go_the_whole_way(terminal)


def test_the_whole_way_over_ssh(terminal: Terminal, server: Server, tmp_path: Path) -> None:
    script = tmp_path / "deck"
    home = f"export HOME={shlex.quote(str(terminal.home))} PYTHONPATH={shlex.quote(str(ROOT))} LANG=C.UTF-8"
    script.write_text(f"#!/bin/sh\n{home}\ncd && exec {shlex.join([*PYTHON, '--local'])}\n")
    script.chmod(0o755)
    terminal.run(*server.login(script, "xterm-256color"))
    go_the_whole_way(terminal)


def go_the_whole_way(terminal: Terminal) -> None:
    """Create a job, download its results, find why a request failed, send again what is left."""
    terminal.until("no jobs yet", "n new")
    terminal.press("n")
    terminal.until("The file of requests", "train.jsonl")
    terminal.type("/train")
    terminal.press("Enter")
    terminal.until("400 requests", "5 warnings")
    terminal.type("3")
    terminal.until("no model is chosen")
    terminal.press("Enter")
    terminal.until("primary version")
    terminal.type("doubao-pro-32k")
    terminal.press("Enter")
    terminal.until("go on to the review")
    terminal.type("n")
    terminal.until("The service would create this job.")
    terminal.type("S")
    terminal.until("is created.")
    terminal.press("Escape")
    terminal.until("5 failed", "100%")
    terminal.type("d")
    terminal.until("to come", "free")
    terminal.press("Enter")
    terminal.until("395 answered, 5 failed")
    terminal.type("e")
    terminal.until("the files agree")
    terminal.type("1")
    terminal.until("5 of 400")
    terminal.press("Enter")
    terminal.until("InvalidParameter", "WIZARD")
    terminal.press("Escape")
    terminal.until("5 of 400")
    terminal.type("R")
    terminal.until("5 requests are left")
    terminal.press("Enter")
    terminal.until("retry of", "5 requests")
    terminal.type("4")
    terminal.until("The service would create this job.", "train-retry-1")
    terminal.type("S")
    terminal.until("is created.")
    (folder,) = terminal.home.glob("bi-*")
    sent = [json.loads(line)["custom_id"] for line in (folder / "retry-1.jsonl").read_text().splitlines()]
    assert sent == [f"request-{number}" for number in sorted(BAD)]
    terminal.press("Escape", "Escape")
    terminal.until("train-retry-1", "All 2")
    terminal.type("q")
    assert terminal.exit_code() == 0
