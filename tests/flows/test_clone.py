"""The same work once more: one new job on the input of a finished one, whatever is lost on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck
from tui.ark.errors import ActiveJobError, ArkError
from tui.ark.models import CustomModelRef, FoundationModelRef, Job, JobQuery, Location, NewJob
from tui.clock import FrozenClock, SystemClock
from tui.errors import ReadOnlyError, UsageError
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs.clone import CLONE_TAG, clone, clone_name
from tui.runs.create import RUN_TAG
from tui.runs.journal import Journal, JournalError
from tui.runs.services import Services

CREATE = "ark:CreateBatchInferenceJob"
LIST = "ark:ListBatchInferenceJobs"
RESTING = timedelta(minutes=5).total_seconds()


@pytest.fixture
def cloud(cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud whose jobs go on only when the test says so."""
    return cloud_factory(clock=FrozenClock(datetime.now(UTC)))


@pytest.fixture
async def original(services: Services, cloud: LocalCloud) -> Job:
    """A job that has ended: there was nothing at its input."""
    bucket = cloud.info.bucket
    wanted = NewJob(
        name="nightly-eval",
        description="第一次",
        project="research",
        model=FoundationModelRef("doubao-pro-32k", "240615"),
        input=Location(bucket, "in/data.jsonl"),
        output=Location(bucket, "answers/"),
        window_days=3,
        tags={"team": "评测", RUN_TAG: "r-20261122120000-abcdef"},
    )
    job_id = (await services.ark.create_job(wanted)).job_id
    cloud.advance(RESTING)
    return await services.ark.get_job(job_id)


async def jobs_of(services: Services) -> list[Job]:
    return [job async for job in services.ark.all_jobs(JobQuery(project="research"))]


def sent(cloud: LocalCloud) -> int:
    return len([record for record in cloud.requests if record.fits(CREATE)]) - 1  # but for the original's


async def test_a_clone_is_the_same_job_under_a_name_and_a_token_of_its_own(services: Services, original: Job) -> None:
    copy = await services.ark.get_job((await clone(original, services)).job_id)
    assert copy.id != original.id
    assert copy.name == "nightly-eval-clone"
    for field in ("description", "project", "model", "input", "output", "window_days"):
        assert getattr(copy, field) == getattr(original, field)
    assert copy.tags["team"] == "评测"
    assert CLONE_TAG in copy.tags
    assert RUN_TAG not in copy.tags


async def test_a_clone_differs_in_what_was_asked_for(services: Services, original: Job) -> None:
    model = FoundationModelRef("doubao-lite-32k")
    receipt = await clone(original, services, name="again", description="", model=model, window_days=28)
    copy = await services.ark.get_job(receipt.job_id)
    assert (copy.name, copy.description, copy.window_days) == ("again", "", 28)
    assert isinstance(copy.model, FoundationModelRef)
    assert (copy.model.name, bool(copy.model.version)) == ("doubao-lite-32k", True)


async def test_a_clone_is_noted_with_the_job_that_it_made(services: Services, original: Job, cloud: LocalCloud) -> None:
    receipt = await clone(original, services)
    (note,) = services.journal.activity()
    assert (note.deed, note.job_id, note.detail, note.error) == ("clone", original.id, receipt.job_id, "")
    assert (
        note.request_id
        == receipt.request_id
        == [asked for asked in cloud.requests if asked.fits(CREATE)][-1].request_id
    )


async def test_a_clone_whose_reply_is_lost_is_found_and_not_made_twice(
    services: Services, original: Job, cloud: LocalCloud
) -> None:
    cloud.fault(CREATE, reset="after")
    receipt = await clone(original, services)
    assert [job.id for job in await jobs_of(services)] == [receipt.job_id, original.id]
    assert sent(cloud) == 1


async def test_a_clone_that_never_arrived_is_sent_again(services: Services, original: Job, cloud: LocalCloud) -> None:
    cloud.fault(CREATE, reset="before")
    receipt = await clone(original, services)
    assert [job.id for job in await jobs_of(services)] == [receipt.job_id, original.id]
    assert sent(cloud) == 2


async def test_a_clone_that_the_list_does_not_show_yet_is_known_by_the_guard(
    services: Services, original: Job, cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing_yet(*question: object) -> None:
        """A list that lags behind."""

    monkeypatch.setattr("tui.runs.clone.job_with_tag", nothing_yet)
    cloud.fault(CREATE, reset="after")
    receipt = await clone(original, services)
    assert [job.id for job in await jobs_of(services)] == [receipt.job_id, original.id]


async def test_somebody_elses_job_is_not_taken_for_the_clone_that_was_refused_unheard(
    services: Services, original: Job, cloud: LocalCloud
) -> None:
    theirs = (await clone(original, services)).job_id
    cloud.fault(CREATE, reset="after")
    with pytest.raises(ActiveJobError) as caught:
        await clone(original, services)
    assert caught.value.job_id == theirs
    assert len(await jobs_of(services)) == 2


async def test_a_clone_of_which_nobody_knows_says_how_to_look_for_it(
    services: Services, original: Job, cloud: LocalCloud
) -> None:
    cloud.fault(CREATE, reset="after")
    cloud.fault(LIST, status=503, times=ALWAYS)
    with pytest.raises(ArkError) as caught:
        await clone(original, services)
    assert caught.value.maybe_applied
    (note,) = services.journal.activity(original.id)
    assert (note.maybe_applied, note.deed) == (True, "clone")
    assert f"arkdeck jobs --project research --tag {note.detail}" in caught.value.advice
    cloud.clear_faults()
    key, _equals, token = note.detail.partition("=")
    found = [job async for job in services.ark.all_jobs(JobQuery(project="research", tags={key: (token,)}))]
    assert len(found) == 1


async def test_while_a_job_on_the_input_is_active_it_is_named_and_none_is_made(
    services: Services, original: Job, cloud: LocalCloud
) -> None:
    active = (await clone(original, services)).job_id
    with pytest.raises(ActiveJobError) as caught:
        await clone(original, services)
    assert caught.value.job_id == active
    assert f"{active} is still active" in caught.value.advice
    assert len(await jobs_of(services)) == 2
    assert services.journal.activity(original.id)[0].error


async def test_an_active_job_is_not_cloned(services: Services, original: Job, cloud: LocalCloud) -> None:
    active = await services.ark.get_job((await clone(original, services)).job_id)
    with pytest.raises(UsageError, match="still active"):
        await clone(active, services)
    assert sent(cloud) == 1


@pytest.mark.parametrize(
    ("lost", "reason"),
    [({"input": Location()}, "files"), ({"output": Location()}, "files"), ({"model": FoundationModelRef()}, "model")],
)
async def test_what_the_service_does_not_tell_cannot_be_cloned(
    services: Services, original: Job, lost: dict[str, Location | FoundationModelRef], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        await clone(replace(original, **lost), services)


async def test_a_custom_model_stays(services: Services, original: Job) -> None:
    tuned = CustomModelRef("cm-20240401114541-5gzd8")
    receipt = await clone(replace(original, model=tuned), services)
    assert (await services.ark.get_job(receipt.job_id)).model == tuned


async def test_a_dry_run_leaves_no_job_and_no_note(services: Services, original: Job) -> None:
    receipt = await clone(original, services, dry_run=True)
    assert (receipt.job_id, bool(receipt.request_id)) == ("", True)
    assert len(await jobs_of(services)) == 1
    assert services.journal.activity() == []


async def test_a_read_only_profile_may_ask_and_not_clone(
    services_on: Callable[..., AbstractAsyncContextManager[Services]], original: Job, cloud: LocalCloud
) -> None:
    async with services_on(cloud.info, read_only=True) as careful:
        assert (await clone(original, careful, dry_run=True)).job_id == ""
        with pytest.raises(ReadOnlyError):
            await clone(original, careful)
        assert len(await jobs_of(careful)) == 1


async def test_a_clone_that_cannot_be_noted_is_named_all_the_same(services: Services, original: Job) -> None:
    with sqlite3.connect(services.journal.path) as database:
        database.execute("DROP TABLE activity")
    database.close()
    with pytest.raises(JournalError) as caught:
        await clone(original, services)
    assert (await jobs_of(services))[0].id in caught.value.message


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("nightly-eval-03", "nightly-eval-03-clone"),
        ("nightly-clone", "nightly-clone-2"),
        ("nightly-clone-9", "nightly-clone-10"),
        ("夜间评测", "夜间评测-clone"),
        ("", "batch-clone"),
        ("x" * 200, "x" * 194 + "-clone"),
        ("x" * 194 + "-clone", "x" * 192 + "-clone-2"),
    ],
)
def test_a_clone_is_called_after_its_original(name: str, proposed: str) -> None:
    assert clone_name(name) == proposed


def test_a_cloned_job_is_collected_like_the_first(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[..., Deck], requests_file: Path, tmp_path: Path
) -> None:
    deck = deck_on(cloud_factory(speed=0, data=tmp_path / "quick").info)
    first = deck.run(requests_file).summary["job"]
    cloned = deck("clone", first, "--name", "once-more", "--json")
    assert cloned.code == 0, cloned.err
    (fields,) = cloned.events
    assert fields["clone_of"] == first
    assert deck("watch", fields["job"]).code == 0
    collected = deck("collect", fields["job"], "--json")
    assert (collected.code, collected.summary["ok"]) == (0, 40), collected.err
    assert f"clone {fields['job']}" in deck("job", first).out
    with Journal(deck.home / ".local/share/arkdeck", SystemClock()) as journal:
        assert {job: account.ok for job, account in journal.accounts()[0].items()} == {first: 40, fields["job"]: 40}


def test_a_clone_prints_its_id_and_a_dry_run_none(
    cloud_factory: Callable[..., LocalCloud], deck_on: Callable[..., Deck], requests_file: Path, tmp_path: Path
) -> None:
    deck = deck_on(cloud_factory(speed=0, data=tmp_path / "quick").info)
    first = deck.run(requests_file).summary["job"]
    rehearsed = deck("clone", first, "--dry-run", "--model", MODEL, "--window", "2d")
    assert (rehearsed.code, rehearsed.out) == (0, "")
    cloned = deck("clone", first)
    assert (cloned.code, len(deck("jobs", "--json").events)) == (0, 2)
    assert deck("job", cloned.out.strip()).code == 0


def test_a_window_out_of_range_is_refused_before_anything_is_asked(deck: Deck) -> None:
    ended = deck("clone", "bi-20240101000000-aaaaa", "--window", "29d")
    assert ended.code == 2
    assert "29d" in ended.err
