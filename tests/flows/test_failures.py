"""What goes wrong: one clear message, the right exit code, nothing lost."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, Ended, custom_ids
from tui.localcloud import CloudInfo, LocalCloud


def told(ended: Ended) -> str:
    """The one message of a call that failed, which is not a stack trace."""
    assert "Traceback" not in ended.err
    (message,) = [line for line in ended.err.splitlines() if line.startswith("arkdeck: ")]
    return message


@pytest.fixture
def closed_port() -> int:
    """A port of the loopback on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@pytest.mark.parametrize("verb", ["run", "jobs"])
def test_a_wrong_secret_is_a_matter_of_credentials(deck: Deck, requests_file: Path, verb: str) -> None:
    deck.environ["VOLCENGINE_SECRET_KEY"] = "not-the-secret-0123456789"
    ended = deck.run(requests_file) if verb == "run" else deck("jobs")
    assert ended.code == 4
    assert told(ended)
    assert "not-the-secret" not in ended.err + ended.out


def test_an_unknown_key_is_a_matter_of_credentials(deck: Deck) -> None:
    deck.environ["VOLCENGINE_ACCESS_KEY"] = "AKLTNOBODY0123"
    ended = deck("jobs")
    assert ended.code == 4
    assert "InvalidAccessKey" in told(ended)


@pytest.mark.parametrize("endpoint", ["ARKDECK_ARK_ENDPOINT", "ARKDECK_TOS_ENDPOINT"])
def test_a_refused_connection_is_the_networks_and_can_be_continued(
    deck: Deck, requests_file: Path, closed_port: int, endpoint: str
) -> None:
    right = deck.environ[endpoint]
    deck.environ[endpoint] = f"http://127.0.0.1:{closed_port}"
    ended = deck("run", requests_file, "--model", "doubao-pro-32k", "--json")
    assert ended.code == 3
    assert str(closed_port) in ended.err
    assert told(ended)
    deck.environ[endpoint] = right
    assert deck("continue").code == 0
    assert len(deck("jobs", "--json").events) == 1


def test_a_host_that_does_not_exist_is_the_networks(deck: Deck) -> None:
    deck.environ["ARKDECK_ARK_ENDPOINT"] = "https://ark.nowhere.invalid"
    ended = deck("jobs")
    assert ended.code == 3
    assert "ark.nowhere.invalid" in told(ended)


def test_a_missing_bucket_is_named(deck: Deck, requests_file: Path) -> None:
    deck.environ["ARKDECK_BUCKET"] = "never-made"
    ended = deck.run(requests_file)
    assert ended.code == 2
    assert "never-made" in told(ended)
    assert "--create-bucket" in ended.err


def test_no_bucket_at_all_says_how_to_name_one(deck: Deck, requests_file: Path) -> None:
    del deck.environ["ARKDECK_BUCKET"]
    ended = deck.run(requests_file)
    assert ended.code == 2
    assert "ARKDECK_BUCKET" in ended.err


def test_a_missing_file_is_named(deck: Deck) -> None:
    ended = deck.run(Path("nowhere.jsonl"))
    assert ended.code == 2
    assert "nowhere.jsonl" in told(ended)


def test_an_unknown_job_is_named(deck: Deck) -> None:
    for verb in ("job", "watch", "collect", "resume"):
        ended = deck(verb, "bi-20240101000000-aaaaa")
        assert (verb, ended.code) == (verb, 2)
        assert "bi-20240101000000-aaaaa" in told(ended)


def test_an_unknown_model_is_named_and_nothing_is_left_to_continue(deck: Deck, requests_file: Path) -> None:
    ended = deck("run", requests_file, "--model", "no-such-model")
    assert ended.code == 2
    assert "no-such-model" in told(ended)
    assert "nothing to continue" in deck("continue").err


def test_a_folder_that_is_a_file_is_refused_before_anything_is_sent(
    deck: Deck, requests_file: Path, tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")
    ended = deck.run(requests_file, "--out", taken)
    assert ended.code == 2
    assert str(taken) in told(ended)
    assert taken.read_text(encoding="utf-8") == "mine"
    assert deck("jobs", "--json").out == ""


def test_files_of_the_operator_are_never_replaced(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "results.jsonl").write_text("precious", encoding="utf-8")
    ended = deck.run(requests_file, "--out", out)
    assert ended.code == 2
    assert (out / "results.jsonl").read_text(encoding="utf-8") == "precious"


def test_the_input_is_never_changed(deck: Deck, requests_file: Path) -> None:
    before = (requests_file.read_bytes(), requests_file.stat().st_mtime_ns)
    assert deck.run(requests_file).code == 0
    assert (requests_file.read_bytes(), requests_file.stat().st_mtime_ns) == before


def test_a_read_only_profile_changes_nothing(deck: Deck, requests_file: Path) -> None:
    deck.environ["ARKDECK_READ_ONLY"] = "true"
    ended = deck.run(requests_file)
    assert ended.code == 2
    assert "read only" in told(ended)
    assert deck("jobs").code == 0


def test_nobody_to_confirm_means_no(deck: Deck, requests_file: Path) -> None:
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    for verb in ("stop", "delete"):
        ended = deck(verb, job)
        assert ended.code == 2
        assert "--yes" in ended.err


def test_a_c_locale_does_not_end_the_command(deck: Deck, requests_file: Path) -> None:
    deck.environ |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    del deck.environ["LANG"]
    ended = deck("run", requests_file, "--model", MODEL)
    assert ended.code == 0, ended.err
    named = deck("submit", requests_file, "--model", MODEL, "--name", "夜间")
    assert named.code == 2
    assert "UTF-8" in named.err


def test_a_file_name_that_is_not_utf8_does_no_harm(deck: Deck, requests_file: Path, tmp_path: Path) -> None:
    file = os.fsdecode(os.fsencode(tmp_path) + b"/\xd6\xd0\xce\xc4.jsonl")
    requests_file.rename(file)
    ended = deck.run(Path(file))
    assert ended.code == 0, ended.err
    assert deck("runs").code == 0


HOSTILE = "a\x1b]0;pwned\x07\x9b31m\u202eb"


def test_a_hostile_text_does_not_reach_the_terminal_and_is_not_lost(deck: Deck, requests_file: Path) -> None:
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    updated = deck("update", job, "--description", HOSTILE)
    assert updated.code == 0, updated.err
    for words in (("jobs",), ("job", job), ("job", job, "--json"), ("jobs", "--json")):
        shown = deck(*words)
        assert not set("\x1b\x07\x9b\u202e") & set(shown.out + shown.err)
    assert deck("job", job, "--json").events[0]["description"] == HOSTILE


def test_an_unwritable_folder_is_named_before_anything_is_sent(deck: Deck, requests_file: Path) -> None:
    ended = deck.run(requests_file, "--out", "/proc/answers")  # where not even root can make a folder
    assert ended.code == 2
    assert "/proc/answers" in told(ended)
    assert deck("jobs", "--json").out == ""


def test_stop_resume_and_collect_end_with_every_request_once(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[[CloudInfo], Deck], requests_file: Path, tmp_path: Path
) -> None:
    deck = deck_on(cloud_factory(speed=10).info)
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    with deck.start("watch", job, "--json") as watching:
        for line in watching.stdout:
            if json.loads(line).get("completed", 0) > 0:
                break
        assert deck("stop", job, "--yes").code == 0
        watching.communicate(timeout=30)
    assert watching.returncode == 1
    partial = deck("collect", job, "--out", tmp_path / "partial", "--json")
    assert partial.code == 1
    assert 0 < partial.summary["ok"] < 40
    assert partial.summary["ok"] + partial.summary["missing"] == 40
    again = deck.run(requests_file)
    assert again.code == 2
    assert f"arkdeck resume {job}" in again.err
    assert deck("resume", job).code == 0
    assert deck("watch", job).code == 0
    whole = deck("collect", job, "--out", tmp_path / "partial", "--json")
    assert whole.code == 0, whole.err
    assert whole.summary["ok"] == 40
    assert sorted(custom_ids(tmp_path / "partial/results.jsonl")) == sorted(custom_ids(requests_file))


def test_doctor_is_content_with_what_works_and_names_what_does_not(deck: Deck) -> None:
    healthy = deck("doctor", "--json")
    assert healthy.code == 0, healthy.out
    verdicts = {finding["subject"]: finding["verdict"] for finding in healthy.events}
    assert {"ark": "OK", "storage": "OK", "journal": "OK", "credentials": "OK"}.items() <= verdicts.items()
    deck.environ["VOLCENGINE_SECRET_KEY"] = "not-the-secret-0123456789"
    ill = deck("doctor", "--json")
    verdicts = {finding["subject"]: finding["verdict"] for finding in ill.events}
    assert (ill.code, verdicts["ark"], verdicts["storage"]) == (1, "FAIL", "FAIL")
