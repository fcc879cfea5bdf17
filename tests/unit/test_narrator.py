"""What the command says of events."""

from __future__ import annotations

import json

import pytest

from tui.cli.narrator import Narrator
from tui.errors import ServiceError
from tui.runs.events import Interrupted

OUTAGE = ServiceError("the object store could not be reached", advice="Check the network.")


def test_an_outage_is_told_in_full_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Narrator(as_json=False) as narrator:
        for failures in (1, 2, 1):
            narrator.tell(Interrupted(OUTAGE, 2.0 * failures, failures))
    told = capsys.readouterr().err.splitlines()
    first = ["stalled, trying again in 2 s: the object store could not be reached", "    Check the network."]
    assert told == [*first, "still stalled, trying again in 4 s", *first]


def test_every_interruption_is_a_line_of_json_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Narrator(as_json=True) as narrator:
        narrator.tell(Interrupted(OUTAGE, 2.0, 1))
        narrator.tell(Interrupted(OUTAGE, 4.0, 2))
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert told == [
        {"event": "interrupted", "error": OUTAGE.message, "next_in": 2.0 * failures, "failures": failures}
        for failures in (1, 2)
    ]
