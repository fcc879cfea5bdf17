"""The network loses things at the worst moment: still one job, still every answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck, custom_ids
from tests.storage.faulty_proxy import Fault, FaultyProxy
from tui.localcloud import LocalCloud

CREATE = "Action=CreateBatchInferenceJob"


@pytest.fixture
def ark(cloud: LocalCloud) -> Iterator[FaultyProxy]:
    """What stands between the command and Ark."""
    proxy = FaultyProxy(int(cloud.info.ark_endpoint.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


@pytest.fixture
def store(cloud: LocalCloud) -> Iterator[FaultyProxy]:
    """What stands between the command and the object store."""
    proxy = FaultyProxy(int(cloud.info.tos_endpoint.rsplit(":", 1)[1]))
    yield proxy
    proxy.close()


@pytest.fixture
def deck(cloud: LocalCloud, ark: FaultyProxy, store: FaultyProxy, tmp_path: Path) -> Deck:
    home = tmp_path / "home"
    home.mkdir()
    deck = Deck(home, cloud.info)
    deck.environ |= {"ARKDECK_ARK_ENDPOINT": ark.endpoint, "ARKDECK_TOS_ENDPOINT": store.endpoint}
    return deck


def test_a_lost_create_reply_makes_one_job(deck: Deck, ark: FaultyProxy, requests_file: Path) -> None:
    ark.faults.append(Fault("POST", CREATE, drop_reply=True))
    ended = deck.run(requests_file)
    assert ended.code == 0, ended.err
    (created,) = [event for event in ended.events if event.get("event") == "job_created"]
    assert created["found"] is True
    assert ark.count("POST", CREATE) == 1
    assert len(deck("jobs", "--json").events) == 1


def test_a_create_that_never_arrived_is_sent_again(deck: Deck, ark: FaultyProxy, requests_file: Path) -> None:
    ark.faults.append(Fault("POST", CREATE, cut_request=10))
    ended = deck.run(requests_file)
    assert ended.code == 0, ended.err
    assert [event["event"] for event in ended.events if "create" in str(event.get("event"))] == [
        "create_retried",
        "job_created",
    ]
    assert len(deck("jobs", "--json").events) == 1


def test_a_job_named_by_the_guard_is_told_though_it_cannot_be_looked_at(
    deck: Deck, cloud_factory: Callable[..., LocalCloud], requests_file: Path, tmp_path: Path
) -> None:
    colleague = tmp_path / "colleague"
    colleague.mkdir()
    theirs = Deck(colleague, cloud_factory(speed=10, data=tmp_path / "slow").info)
    job = theirs("submit", requests_file, "--model", MODEL).out.strip()
    proxy = FaultyProxy(int(theirs.info.ark_endpoint.rsplit(":", 1)[1]))
    try:
        deck.environ = theirs.environ | {"HOME": str(deck.home), "ARKDECK_ARK_ENDPOINT": proxy.endpoint}
        proxy.faults.append(Fault("POST", "Action=GetBatchInferenceJob", times=99, drop_reply=True))
        ended = deck("submit", requests_file, "--model", MODEL)
    finally:
        proxy.close()
    assert (ended.code, ended.out.strip()) == (0, job)
    assert len(theirs("jobs", "--json").events) == 1


def test_a_service_that_fails_for_a_while_makes_the_job_stale_and_not_failed(
    deck: Deck, ark: FaultyProxy, requests_file: Path
) -> None:
    ark.faults.append(Fault("POST", "Action=ListBatchInferenceJobs", times=5, drop_reply=True))
    ended = deck.run(requests_file)
    assert ended.code == 0, ended.err
    assert "poll_failed" in [event.get("event") for event in ended.events]


def test_a_download_cut_in_the_middle_is_whole_at_the_end(
    deck: Deck, store: FaultyProxy, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    store.faults.append(Fault("GET", "results.jsonl", times=2, cut_reply=100))
    ended = deck.run(requests_file, "--out", out)
    assert ended.code == 0, ended.err
    assert sorted(custom_ids(out / "results.jsonl")) == sorted(custom_ids(requests_file))


def test_a_byte_flipped_on_the_way_down_never_gets_the_final_name(
    deck: Deck, store: FaultyProxy, requests_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    store.faults.append(Fault("GET", "results.jsonl", times=99, flip_reply=50))
    ended = deck.run(requests_file, "--out", out)
    assert ended.code == 3, ended.err
    assert not (out / "results.jsonl").exists()
    store.faults.clear()
    ended = deck("continue", "--json")
    assert ended.code == 0, ended.err
    assert sorted(custom_ids(out / "results.jsonl")) == sorted(custom_ids(requests_file))
