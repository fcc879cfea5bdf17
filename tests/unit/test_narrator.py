"""What the command says of events."""

from __future__ import annotations

import json

import pytest

from tui.cli.narrator import Narrator
from tui.errors import ServiceError
from tui.runs.events import Interrupted, UploadBegun

OUTAGE = ServiceError("the object store could not be reached")


def test_an_outage_is_told_in_full_once_and_anew_after_it_passed(capsys: pytest.CaptureFixture[str]) -> None:
    with Narrator(as_json=False) as narrator:
        for event in (
            Interrupted(OUTAGE, 2),
            Interrupted(OUTAGE, 4),
            UploadBegun("bucket", "key", 10, "upload"),
            Interrupted(OUTAGE, 2),
        ):
            narrator.tell(event)
    told = capsys.readouterr().err.splitlines()
    first = "interrupted, again in 2 s: the object store could not be reached"
    assert told == [first, "no change, again in 4 s", "uploading 10 B to tos://bucket/key", first]


def test_every_interruption_is_a_line_of_json_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Narrator(as_json=True) as narrator:
        narrator.tell(Interrupted(OUTAGE, 2))
        narrator.tell(Interrupted(OUTAGE, 4))
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert told == [{"event": "interrupted", "error": OUTAGE.message, "next_in": wait} for wait in (2, 4)]
