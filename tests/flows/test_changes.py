"""An operator stops, resumes, renames and deletes jobs: each by itself, and each attempt leaves a note."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.flows.deck import MODEL, Deck
from tui.ark.errors import ArkNotFoundError, ArkUnreachableError, KeyRefusedError
from tui.ark.models import KNOWN_PHASES, FoundationModelRef, Job, JobQuery, Location, NewJob, Phase
from tui.clock import FrozenClock
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs.changes import Changed, ChangeFailed, Deed, NotTriedError, change, obstacle
from tui.runs.journal import JournalError
from tui.runs.services import Services

NOWHERE = "bi-20240101000000-aaaaa"


@pytest.fixture
def cloud(cloud_factory: Callable[..., LocalCloud]) -> LocalCloud:
    """A cloud whose jobs stay where they are."""
    return cloud_factory(clock=FrozenClock(datetime.now(UTC)))


async def new_job(services: Services, cloud: LocalCloud, name: str = "nightly-eval") -> str:
    bucket = cloud.info.bucket
    model = FoundationModelRef("doubao-pro-32k", "240615")
    wanted = NewJob(name=name, model=model, input=Location(bucket, f"in/{name}.jsonl"), output=Location(bucket, "out/"))
    return (await services.ark.create_job(wanted)).job_id


async def changes(deed: Deed, job_ids: list[str], services: Services, **texts: str) -> list[Changed | ChangeFailed]:
    return [result async for result in change(deed, job_ids, services, **texts)]


async def test_one_job_that_is_gone_does_not_keep_the_others_running(services: Services, cloud: LocalCloud) -> None:
    first, last = await new_job(services, cloud, "first"), await new_job(services, cloud, "last")
    results = await changes(Deed.STOP, [first, NOWHERE, last], services)
    assert [(type(result), result.job_id) for result in results] == [
        (Changed, first), (ChangeFailed, NOWHERE), (Changed, last),
    ]  # fmt: skip
    assert isinstance(results[1].cause, ArkNotFoundError)
    for job_id in (first, last):
        assert (await services.ark.get_job(job_id)).phase == Phase.TERMINATING


async def test_once_the_key_is_refused_nothing_more_is_sent_and_nothing_more_is_noted(
    services: Services, cloud: LocalCloud
) -> None:
    jobs = [await new_job(services, cloud, name) for name in ("first", "second", "third", "fourth")]
    cloud.fault("ark:StopBatchInferenceJob", nth=2, times=ALWAYS, status=401, code="InvalidAccessKey")
    results = await changes(Deed.STOP, jobs, services)
    assert [(type(result), result.job_id) for result in results] == [
        (Changed, jobs[0]), *((ChangeFailed, job) for job in jobs[1:]),
    ]  # fmt: skip
    causes = [result.cause for result in results[1:]]
    assert [type(cause) for cause in causes] == [KeyRefusedError, NotTriedError, NotTriedError]
    assert jobs[3] in causes[2].message
    assert len([record for record in cloud.requests if record.fits("ark:StopBatchInferenceJob")]) == 2
    assert [done.job_id for done in services.journal.activity()] == [jobs[1], jobs[0]]


async def test_a_permission_that_is_refused_for_one_job_keeps_no_other_from_being_stopped(
    services: Services, cloud: LocalCloud
) -> None:
    jobs = [await new_job(services, cloud, name) for name in ("first", "last")]
    cloud.fault("ark:StopBatchInferenceJob", status=403, code="AccessDenied")
    results = await changes(Deed.STOP, jobs, services)
    assert [type(result) for result in results] == [ChangeFailed, Changed]


async def test_a_change_is_noted_with_what_the_service_calls_its_request(services: Services, cloud: LocalCloud) -> None:
    job = await new_job(services, cloud)
    (result,) = await changes(Deed.STOP, [job], services)
    (note,) = services.journal.activity(job)
    (asked,) = [record for record in cloud.requests if record.fits("ark:StopBatchInferenceJob")]
    assert (note.deed, note.request_id, note.error) == ("stop", asked.request_id, "")
    assert result.request_id == asked.request_id
    assert note.at == services.clock.now()


async def test_a_refusal_is_noted_with_its_reason(services: Services, cloud: LocalCloud) -> None:
    job = await new_job(services, cloud)
    (result,) = await changes(Deed.DELETE, [job], services)
    (note,) = services.journal.activity(job)
    assert (note.error, note.request_id) == (result.cause.message, result.cause.request_id)
    assert not note.maybe_applied


async def test_a_change_whose_reply_was_lost_is_noted_as_perhaps_done(services: Services, cloud: LocalCloud) -> None:
    job = await new_job(services, cloud)
    cloud.fault("ark:StopBatchInferenceJob", reset="after")
    (result,) = await changes(Deed.STOP, [job], services)
    (note,) = services.journal.activity(job)
    assert isinstance(result.cause, ArkUnreachableError)
    assert (note.maybe_applied, note.request_id) == (True, "")


async def test_a_change_that_is_cut_off_is_noted_as_perhaps_done(services: Services, cloud: LocalCloud) -> None:
    job = await new_job(services, cloud)
    cloud.fault("ark:StopBatchInferenceJob", delay=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await changes(Deed.STOP, [job], services)
    (note,) = services.journal.activity(job)
    assert (note.deed, note.maybe_applied) == ("stop", True)


async def test_a_note_that_waits_for_another_process_is_written_though_its_task_is_cut_off(
    services: Services, cloud: LocalCloud
) -> None:
    job = await new_job(services, cloud)
    with closing(sqlite3.connect(services.journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        stopping = asyncio.create_task(changes(Deed.STOP, [job], services))
        async with asyncio.timeout(5):
            while not any(thread.name == "journal" for thread in threading.enumerate()):  # noqa: ASYNC110  # a thread is no event
                await asyncio.sleep(0.005)
        stopping.cancel()
        await asyncio.sleep(0)
        other.execute("ROLLBACK")
    with pytest.raises(asyncio.CancelledError):
        await stopping
    (note,) = services.journal.activity(job)
    assert (note.deed, note.maybe_applied, note.error) == ("stop", False, "")


async def test_a_journal_that_takes_no_notes_is_told_when_all_is_done(services: Services, cloud: LocalCloud) -> None:
    jobs = [await new_job(services, cloud, name) for name in ("first", "last")]
    with sqlite3.connect(services.journal.path) as database:
        database.execute("DROP TABLE activity")
    database.close()
    results: list[Changed | ChangeFailed] = []

    async def take_all() -> None:
        async for result in change(Deed.STOP, jobs, services):
            results.append(result)

    with pytest.raises(JournalError, match="activity"):
        await take_all()
    assert [result.job_id for result in results] == jobs
    assert {type(result) for result in results} == {Changed}


async def test_an_update_changes_what_is_named_and_says_what_that_was(services: Services, cloud: LocalCloud) -> None:
    job = await new_job(services, cloud)
    await changes(Deed.UPDATE, [job], services, description="every night")
    found = await services.ark.get_job(job)
    assert (found.name, found.description) == ("nightly-eval", "every night")
    assert services.journal.activity(job)[0].detail == "description"


async def test_the_reasons_given_here_are_the_services_own(
    cloud_factory: Callable[..., LocalCloud],
    services_on: Callable[..., AbstractAsyncContextManager[Services]],
) -> None:
    busy = cloud_factory(scene="busy", clock=FrozenClock(datetime.now(UTC)))
    async with services_on(busy.info) as services:
        jobs = defaultdict[str, list[Job]](list)
        async for job in services.ark.all_jobs(JobQuery(project="default")):
            jobs[job.phase].append(job)
        for phase in KNOWN_PHASES:
            for deed in (Deed.UPDATE, Deed.DELETE, Deed.RESUME, Deed.STOP):
                job = jobs[phase][-1]
                (result,) = await changes(deed, [job.id], services, description="seen")
                assert (deed, phase, obstacle(deed, job) is None) == (deed, phase, isinstance(result, Changed))
                if isinstance(result, Changed) and deed is not Deed.UPDATE:
                    jobs[phase].pop()


def test_of_a_phase_that_nobody_knows_only_the_service_can_judge() -> None:
    job = Job(id="bi-1", phase=Phase("Paused"))
    assert [deed for deed in (Deed.STOP, Deed.RESUME, Deed.DELETE, Deed.UPDATE) if obstacle(deed, job)] == []


@pytest.mark.parametrize(
    ("unknown", "reason"),
    [
        ({"input": Location("", "in/k.jsonl")}, "files"),
        ({"input": Location("b", "")}, "files"),
        ({"output": Location("", "out/")}, "files"),
        ({"model": FoundationModelRef()}, "model"),
    ],
)
def test_what_the_service_does_not_tell_cannot_be_cloned(unknown: dict[str, object], reason: str) -> None:
    whole = Job(
        id="bi-1", phase=Phase.COMPLETED, input=Location("b", "in/k.jsonl"), output=Location("b"),
        model=FoundationModelRef("doubao-pro-32k"),
    )  # fmt: skip
    assert obstacle(Deed.CLONE, whole) is None
    assert reason in (obstacle(Deed.CLONE, replace(whole, **unknown)) or "")


def test_what_was_done_to_a_job_is_shown_with_it(cloud: LocalCloud, deck: Deck, requests_file: Path) -> None:
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    assert deck("delete", job, "--yes").code == 2
    assert deck("stop", job, "--yes").code == 0
    lines = deck("job", job).out.splitlines()
    (first,) = [number for number, line in enumerate(lines) if line.startswith("activity ")]
    made, refused, stopped = lines[first:]
    assert "create" in made
    (asked,) = [record for record in cloud.requests if record.fits("ark:StopBatchInferenceJob")]
    assert "delete" in refused
    assert "UnsupportedPhase" in refused
    assert stopped.endswith(f"stop  request {asked.request_id}")
    newest, oldest, begun = (json.loads(line) for line in deck("audit", "--json").out.splitlines())
    assert (newest["deed"], newest["job_id"], newest["request_id"]) == ("stop", job, asked.request_id)
    assert (oldest["deed"], oldest["maybe_applied"]) == ("delete", False)
    assert (begun["deed"], begun["job_id"], begun["error"]) == ("create", job, "")
    _heading, listed = deck("audit", "--job", job, "--limit", "1").out.splitlines()
    assert re.search(rf"Z  stop  {job}  done .* {asked.request_id}", listed)
    assert deck("audit", "--job", NOWHERE).out == ""


def test_the_worst_of_several_changes_is_the_calls_exit_code(deck: Deck, requests_file: Path) -> None:
    job = deck("submit", requests_file, "--model", MODEL).out.strip()
    ended = deck("stop", NOWHERE, job, "--yes")
    assert ended.code == 2
    assert f"stopping {job}" in ended.err
