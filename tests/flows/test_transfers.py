"""Transfers side by side: paused, resumed, cancelled, failed, left and taken up again, with nothing sent twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.flows.deck import custom_ids, write_requests
from tests.flows.submissions import finished_job, plan_for, summary_of, when_finished
from tui.ark.errors import ArkError
from tui.ark.models import Job, JobQuery, Phase
from tui.errors import AccessError, ArkdeckError, ServiceError, WorkError
from tui.fingerprint import BLOCK_SIZE
from tui.localcloud import ALWAYS, LocalCloud
from tui.runs import course, create
from tui.runs.collect import job_files
from tui.runs.events import Accounting, FilesFound, JobCreated, JobSampled
from tui.runs.folder import FolderTakenError
from tui.runs.journal import Journal, RunHeldError
from tui.runs.run import Outcome, Run
from tui.runs.services import Services
from tui.runs.transfer import transfer_of
from tui.runs.transfers import Running, Step, Transfer, Transfers, TransferState, Way

ServicesOn = Callable[..., AbstractAsyncContextManager[Services]]
MIB = 1024 * 1024


@dataclass
class Watched:
    """A holder, and everything that it told."""

    transfers: Transfers
    told: list[Transfer] = field(default_factory=list)

    async def until(self, condition: Callable[[], object], *, within: float = 20.0) -> None:
        """Let the holder work until the condition holds."""
        async with asyncio.timeout(within):
            while not condition():  # noqa: ASYNC110  # of many kinds, which nobody announces
                await asyncio.sleep(0.005)

    async def ended(self, transfer: Transfer) -> Transfer:
        """Wait until a transfer neither waits nor runs."""
        await self.until(lambda: not self.now(transfer).state.active)
        return self.now(transfer)

    def now(self, transfer: Transfer) -> Transfer:
        found = self.transfers.get(transfer.id)
        assert found is not None
        return found

    def told_of(self, transfer: Transfer) -> list[Transfer]:
        return [told for told in self.told if told.id == transfer.id]


@asynccontextmanager
async def watching(services: Services, *, interval: float = 0.02) -> AsyncIterator[Watched]:
    async with Transfers(services, interval=interval) as transfers:
        watched = Watched(transfers)
        changes = transfers.changes()

        async def listen() -> None:
            async for transfer in changes:
                watched.told.append(transfer)

        listening = asyncio.create_task(listen())
        yield watched
    await listening
    for told in {transfer.id: watched.told_of(transfer) for transfer in watched.told}.values():
        done = [transfer.done for transfer in told]
        assert done == sorted(done)
        assert all(transfer.done <= transfer.total for transfer in told if transfer.total)


@pytest.fixture
async def watched(services: Services) -> AsyncIterator[Watched]:
    async with watching(services) as watched:
        yield watched


def write_large(path: Path, size: int) -> None:
    """Write requests of at least `size` bytes, few and long."""
    content = os.urandom(MIB // 2).hex()
    with path.open("w") as file:
        for number in range(size // MIB + 1):
            body = {"messages": [{"role": "user", "content": content}], "max_tokens": 16}
            file.write(json.dumps({"custom_id": f"request-{number}", "body": body}) + "\n")


def write_bad_line(path: Path) -> None:
    with path.open("a") as file:
        file.write("not JSON\n")


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Some 35 MiB of requests: three parts."""
    path = tmp_path / "large.jsonl"
    write_large(path, 34 * MIB)
    return path


async def job_with_large_results(services: Services, cloud: LocalCloud, path: Path) -> Job:
    """A completed job whose results have three parts: the answers are padded, as a model might."""
    job = await finished_job(services, cloud, path)
    found = (await job_files(job, services))["results.jsonl"]
    rows = [json.dumps({"custom_id": custom_id}) for custom_id in custom_ids(path)]
    padding = "x" * (34 * MIB // len(rows))
    answer = {"status_code": 200, "body": {"choices": [{"message": {"content": padding}, "finish_reason": "stop"}]}}
    lines = [json.dumps({**json.loads(row), "response": answer, "error": None}) for row in rows]
    await services.store.put(cloud.info.bucket, found.key, ("\n".join(lines) + "\n").encode(), metadata={})
    return job


def asked(cloud: LocalCloud, call: str, since: int = 0) -> list[object]:
    return [record for record in cloud.requests[since:] if record.fits(call)]


async def test_a_file_goes_up_and_its_answers_come_down(
    watched: Watched, services: Services, cloud: LocalCloud, tmp_path: Path
) -> None:
    file, folder = tmp_path / "questions.jsonl", tmp_path / "answers"
    write_requests(file, 12, bad=frozenset({3}))
    up = await watched.ended(await watched.transfers.submit(plan_for(file, services, cloud)))
    assert (up.way, up.state, up.name, up.path, up.verified) == (
        Way.UP, TransferState.DONE, file.name, file, "crc64",
    )  # fmt: skip
    assert (up.done, up.total, up.found) == (file.stat().st_size, file.stat().st_size, False)
    job = await when_finished(up.job_id, services)
    down = await watched.ended(await watched.transfers.collect(job, folder))
    assert (down.way, down.state, down.name, down.path, down.job_id) == (
        Way.DOWN, TransferState.DONE, job.name, folder, job.id,
    )  # fmt: skip
    assert down.account is not None
    assert (down.account.ok, down.account.failed) == (11, 1)
    sizes = sum((folder / name).stat().st_size for name in ("results.jsonl", "errors.jsonl"))
    assert (down.done, down.total, down.verified) == (sizes, sizes, "crc64")
    assert sorted(path.name for path in folder.iterdir()) == [
        "account.json", "errors.jsonl", "index.bin", "results.jsonl",
    ]  # fmt: skip
    steps = [told.step for told in watched.told_of(up)]
    assert steps == sorted(steps, key=list(Step).index)
    assert watched.transfers.running == Running(0, 0)
    assert [transfer.id for transfer in watched.transfers.all] == [down.id, up.id]
    watched.transfers.clear(up.id)
    assert watched.transfers.get(up.id) is None


async def test_an_upload_that_was_paused_sends_only_what_is_missing(
    watched: Watched, services: Services, cloud: LocalCloud, large_file: Path
) -> None:
    cloud.fault("tos:UploadPart", part=2, delay=600)
    checked = summary_of(large_file)
    up = await watched.transfers.submit(plan_for(large_file, services, cloud), checked)
    others = checked.bytes - BLOCK_SIZE
    await watched.until(lambda: watched.now(up).done >= others and len(asked(cloud, "tos:UploadPart")) == 2)
    await watched.transfers.pause(up.id)
    paused = watched.now(up)
    assert (paused.state, paused.step) == (TransferState.PAUSED, Step.UPLOADING)
    assert watched.transfers.running == Running(0, 0)
    assert Step.CHECKING not in {told.step for told in watched.told if told.state is TransferState.RUNNING}
    cloud.clear_faults()
    since = len(cloud.requests)
    await watched.transfers.resume(up.id)
    assert (await watched.ended(up)).state is TransferState.DONE
    assert [record.part for record in asked(cloud, "tos:UploadPart", since)] == [2]
    assert watched.now(up).done == checked.bytes


async def test_a_download_that_was_paused_fetches_only_what_is_missing_also_in_another_session(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await job_with_large_results(services, cloud, requests_file)
    size = (await job_files(job, services))["results.jsonl"].size
    cloud.fault("tos:GetObject", nth=2, times=1, stall=0)
    async with watching(services) as watched:
        down = await watched.transfers.collect(job, tmp_path / "answers")
        await watched.until(lambda: watched.now(down).done >= size - BLOCK_SIZE)
        await watched.transfers.pause(down.id)
        paused = watched.now(down)
        assert (paused.state, paused.step, paused.total) == (TransferState.PAUSED, Step.DOWNLOADING, size)
    cloud.clear_faults()
    since = len(cloud.requests)
    async with watching(services) as watched:
        (found,) = watched.transfers.all
        assert (found.id, found.state, found.way, found.done) == (down.id, TransferState.PAUSED, Way.DOWN, paused.done)
        await watched.transfers.resume(found.id)
        ended = await watched.ended(found)
    assert (ended.state, ended.account and ended.account.ok) == (TransferState.DONE, 40)
    assert len(asked(cloud, "tos:GetObject", since)) == 1
    names = sorted(path.name for path in (tmp_path / "answers").iterdir())
    assert names == ["account.json", "index.bin", "results.jsonl"]


async def test_a_cancelled_upload_is_forgotten_here_and_in_the_store(
    watched: Watched, services: Services, cloud: LocalCloud, large_file: Path
) -> None:
    cloud.fault("tos:UploadPart", part=2, delay=600)
    up = await watched.transfers.submit(plan_for(large_file, services, cloud))
    await watched.until(lambda: watched.now(up).done > MIB)
    await watched.transfers.cancel(up.id)
    assert (watched.now(up).state, watched.now(up).error) == (TransferState.CANCELLED, None)
    assert services.journal.run(up.id).outcome is Outcome.FORGOTTEN
    assert [record.status for record in asked(cloud, "tos:AbortMultipartUpload")] == [204]
    assert asked(cloud, "ark:CreateBatchInferenceJob") == []


async def test_a_cancelled_download_leaves_whole_files_and_nothing_half(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await job_with_large_results(services, cloud, requests_file)
    folder = tmp_path / "answers"
    cloud.fault("tos:GetObject", nth=2, stall=0)
    down = await watched.transfers.collect(job, folder)
    await watched.until(lambda: watched.now(down).done > BLOCK_SIZE)
    await watched.transfers.cancel(down.id)
    assert watched.now(down).state is TransferState.CANCELLED
    assert list(folder.iterdir()) == []
    await watched.transfers.cancel(down.id)
    watched.transfers.clear(down.id)
    assert watched.transfers.all == []


async def test_a_download_that_is_cancelled_before_a_part_of_it_is_whole_leaves_nothing(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await finished_job(services, cloud, requests_file)
    cloud.fault("tos:GetObject", times=ALWAYS, delay=600)
    down = await watched.transfers.collect(job, folder := tmp_path / "answers")
    await watched.until((folder / "results.jsonl.part").exists)
    await watched.transfers.cancel(down.id)
    assert list(folder.iterdir()) == []


async def test_a_cancelled_creation_says_that_the_job_may_exist(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    cloud.fault("ark:CreateBatchInferenceJob", delay=600)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    await watched.until(lambda: services.journal.run(up.id).state == "creating")
    await watched.transfers.cancel(up.id)
    cancelled = watched.now(up)
    assert cancelled.state is TransferState.CANCELLED
    assert cancelled.error is not None
    assert requests_file.name in cancelled.error.message


@pytest.mark.parametrize(
    ("fault", "words", "kind"),
    [
        ("tos:PutObject", {"code": "AccessDenied", "times": ALWAYS}, AccessError),
        ("ark:CreateBatchInferenceJob", {"status": 500, "times": ALWAYS}, ServiceError),
    ],
)
async def test_what_failed_says_why_and_goes_on_when_resumed(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, fault: str,
    words: dict[str, object], kind: type[ArkdeckError],
) -> None:  # fmt: skip
    cloud.fault(fault, **words)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    failed = await watched.ended(up)
    assert failed.state is TransferState.FAILED
    assert isinstance(failed.error, kind)
    assert failed.error.advice
    cloud.clear_faults()
    await watched.transfers.resume(up.id)
    mended = await watched.ended(up)
    assert (mended.state, mended.error) == (TransferState.DONE, None)
    jobs = [job async for job in services.ark.all_jobs(JobQuery(project="default"))]
    assert [job.id for job in jobs] == [mended.job_id]


async def test_an_upload_waits_for_an_outage_to_pass_and_goes_on(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    cloud.fault("tos:PutObject", reset="before", times=ALWAYS)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    await watched.until(lambda: sum(told.interrupted for told in watched.told_of(up)) > 3)
    assert watched.now(up).state is TransferState.RUNNING
    assert all("could not be reached" in told.error.message for told in watched.told_of(up) if told.error)
    await watched.transfers.pause(up.id)
    assert (watched.now(up).state, watched.now(up).error) == (TransferState.PAUSED, None)
    await watched.transfers.resume(up.id)
    await watched.until(lambda: watched.now(up).interrupted)
    cloud.clear_faults()
    done = await watched.ended(up)
    assert (done.state, done.error) == (TransferState.DONE, None)


@pytest.mark.parametrize("fault", [{"status": 503}, {"reset": "before"}, {"reset": "after"}, {"truncate": 20}])
async def test_a_download_waits_for_the_service_too(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path, fault: dict[str, Any]
) -> None:
    job = await finished_job(services, cloud, requests_file)
    cloud.fault("ark:GetBatchInferenceJob", times=ALWAYS, **fault)
    down = await watched.transfers.collect(job, tmp_path / "answers")
    await watched.until(lambda: watched.now(down).interrupted)
    cloud.clear_faults()
    assert (await watched.ended(down)).state is TransferState.DONE


async def test_a_refusal_after_a_create_in_doubt_keeps_the_doubt(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_listed_yet(_run: Run, _services: Services) -> None:
        return None

    cloud.fault("ark:CreateBatchInferenceJob", reset="after")
    cloud.fault("ark:CreateBatchInferenceJob", nth=2, status=400, code="InvalidParameter")
    with monkeypatch.context() as patched:
        patched.setattr(create, "_find", not_listed_yet)
        up = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    assert isinstance(up.error, ArkError)
    assert up.error.maybe_applied
    assert services.journal.run(up.id).outcome is Outcome.OPEN
    assert sum(record.fits("ark:CreateBatchInferenceJob") for record in cloud.requests) == 2
    await watched.transfers.resume(up.id)
    assert (await watched.ended(up)).state is TransferState.DONE
    assert len([job async for job in services.ark.all_jobs(JobQuery(project="default"))]) == 1


@pytest.mark.parametrize("refusal", [{"status": 503}, {"status": 404, "code": "NotFound.BatchInferenceJob"}])
async def test_the_job_that_was_made_is_told_though_the_service_does_not_describe_it(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, refusal: dict[str, Any]
) -> None:
    cloud.fault("ark:GetBatchInferenceJob", times=ALWAYS, **refusal)
    up = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    (job,) = [job async for job in services.ark.all_jobs(JobQuery(project="default"))]
    assert (up.state, up.job_id) == (TransferState.DONE, job.id)
    if refusal["status"] == 503:
        *_, told = [event async for event in course.resume(up.id, services)]
        assert isinstance(told, JobCreated)
        assert told.job.id == job.id


async def test_transfers_that_are_stalled_do_not_stand_in_the_way_of_others(
    watched: Watched, services: Services, cloud: LocalCloud, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(3)]
    for number, file in enumerate(files):
        write_requests(file, 10 + number)
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, status=503)
    stalled = [await watched.transfers.submit(plan_for(file, services, cloud)) for file in files[:2]]
    await watched.until(lambda: all(watched.now(each).interrupted for each in stalled))
    other = await watched.transfers.submit(plan_for(files[2], services, cloud))
    await watched.until(lambda: watched.now(other).state is TransferState.RUNNING)


async def test_a_run_that_somebody_else_took_meanwhile_is_left_to_them(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    cloud.fault("tos:PutObject", reset="before", times=ALWAYS)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    await watched.until(lambda: watched.now(up).interrupted)
    with closing(sqlite3.connect(services.journal.path, isolation_level=None)) as other:
        other.execute("UPDATE runs SET token = 'another'")
    assert (await watched.ended(up)).state is TransferState.HELD


async def test_a_store_that_never_answered_is_not_waited_for(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    cloud.fault("tos:*", reset="before", times=ALWAYS)
    up = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    assert up.state is TransferState.FAILED
    assert isinstance(up.error, ServiceError)


async def test_a_create_that_may_have_made_a_job_is_the_operator_s_to_repeat(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    cloud.fault("ark:CreateBatchInferenceJob", reset="after", times=ALWAYS)
    cloud.fault("ark:ListBatchInferenceJobs", status=503, times=ALWAYS)
    up = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    assert up.state is TransferState.FAILED
    assert not any(told.interrupted for told in watched.told_of(up))
    cloud.clear_faults()
    await watched.transfers.resume(up.id)
    assert (await watched.ended(up)).state is TransferState.DONE
    assert len([job async for job in services.ark.all_jobs(JobQuery(project="default"))]) == 1


async def test_a_refused_file_begins_anew_when_it_was_mended(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    write_bad_line(requests_file)
    refused = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    assert refused.state is TransferState.FAILED
    assert isinstance(refused.error, WorkError)
    write_requests(requests_file, 3)
    anew = await watched.transfers.resume(refused.id)
    assert (await watched.ended(anew)).state is TransferState.DONE
    assert [transfer.id for transfer in watched.transfers.all] == [anew.id]


async def test_a_full_disk_fails_the_download_and_room_mends_it(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    job = await finished_job(services, cloud, requests_file)
    with monkeypatch.context() as full:
        usage = shutil.disk_usage(tmp_path)
        full.setattr("tui.storage.download.shutil.disk_usage", lambda _folder: usage._replace(free=0))
        failed = await watched.ended(await watched.transfers.collect(job, tmp_path / "answers"))
    assert failed.state is TransferState.FAILED
    assert failed.error is not None
    assert "no room" in failed.error.message
    await watched.transfers.resume(failed.id)
    assert (await watched.ended(failed)).state is TransferState.DONE


async def test_many_wait_for_their_turn_in_their_order(
    watched: Watched, services: Services, cloud: LocalCloud, tmp_path: Path
) -> None:
    jobs = []
    for number in range(4):
        file = tmp_path / f"{number}.jsonl"
        write_requests(file, 3 + number)
        jobs.append(await finished_job(services, cloud, file))
    cloud.fault("tos:GetObject", times=2, stall=0)
    begun = [await watched.transfers.collect(job, tmp_path / job.id) for job in jobs]
    await watched.until(lambda: len(asked(cloud, "tos:GetObject")) == 2)
    assert watched.transfers.running == Running(0, 2)
    states = [watched.now(transfer).state for transfer in begun]
    assert states == [TransferState.RUNNING] * 2 + [TransferState.WAITING] * 2
    again = await watched.transfers.collect(jobs[3], tmp_path / jobs[3].id)
    assert again.id == begun[3].id
    await watched.transfers.pause(begun[2].id)
    await watched.transfers.pause(begun[0].id)
    assert (await watched.ended(begun[3])).state is TransferState.DONE
    assert [watched.now(transfer).state for transfer in begun[:3]] == [
        TransferState.PAUSED, TransferState.RUNNING, TransferState.PAUSED,
    ]  # fmt: skip
    for transfer in (begun[1], begun[0], begun[2]):
        await watched.transfers.pause(transfer.id)
        await watched.transfers.resume(transfer.id)
        assert (await watched.ended(transfer)).state is TransferState.DONE


async def test_leaving_gives_every_lease_back_and_the_next_takes_all_up(
    services: Services, cloud: LocalCloud, services_on: ServicesOn, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.jsonl" for number in range(3)]
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, delay=600)
    async with watching(services) as watched:
        for number, file in enumerate(files):
            write_requests(file, 5 + number)
            await watched.transfers.submit(plan_for(file, services, cloud))
        await watched.until(lambda: watched.transfers.running == Running(2, 0))
        async with services_on(cloud.info) as elsewhere, Transfers(elsewhere) as theirs:
            assert {transfer.state for transfer in theirs.all} == {TransferState.HELD}
            assert all(str(os.getpid()) in transfer.holder for transfer in theirs.all)
            held = theirs.all[0]
            with pytest.raises(RunHeldError):
                await theirs.cancel(held.id)
            assert (await theirs.resume(held.id)).state is TransferState.HELD
    cloud.clear_faults()
    async with services_on(cloud.info) as elsewhere, watching(elsewhere) as watched:
        assert {transfer.state for transfer in watched.transfers.all} == {TransferState.PAUSED}
        assert {transfer.path for transfer in watched.transfers.all} == set(files)
        for transfer in watched.transfers.all:
            await watched.transfers.resume(transfer.id)
        for transfer in watched.transfers.all:
            assert (await watched.ended(transfer)).state is TransferState.DONE
    assert len([job async for job in services.ark.all_jobs(JobQuery(project="default"))]) == 3


async def test_what_another_process_does_with_its_transfer_is_seen(
    services: Services, cloud: LocalCloud, services_on: ServicesOn, requests_file: Path
) -> None:
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, delay=600)
    async with services_on(cloud.info) as elsewhere, watching(elsewhere) as theirs:
        up = await theirs.transfers.submit(plan_for(requests_file, services, cloud))
        async with watching(services) as ours:
            assert ours.now(up).state is TransferState.HELD
            await theirs.transfers.pause(up.id)
            await ours.until(lambda: ours.now(up).state is TransferState.PAUSED)
            cloud.clear_faults()
            await theirs.transfers.resume(up.id)
            done = await theirs.ended(up)
            await ours.until(lambda: ours.now(up).state is TransferState.DONE)
            assert ours.now(up).job_id == done.job_id


async def test_what_another_process_has_sent_is_done_though_its_job_is_waited_for(
    services: Services, cloud: LocalCloud, services_on: ServicesOn, requests_file: Path, tmp_path: Path
) -> None:
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, delay=600)
    plan = plan_for(requests_file, services, cloud, verb="run", out=str(tmp_path / "answers"))
    async with services_on(cloud.info) as elsewhere, watching(elsewhere) as theirs:
        up = await theirs.transfers.submit(plan)
        async with watching(services) as ours:
            cloud.clear_faults()
            await theirs.transfers.pause(up.id)
            await theirs.transfers.resume(up.id)
            done = await theirs.ended(up)
            await ours.until(lambda: ours.now(up).state is TransferState.DONE)
            assert ours.now(up).job_id == done.job_id
    assert services.journal.run(up.id).outcome is Outcome.OPEN


async def test_two_copies_of_one_file_become_one_job(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copyfile(requests_file, tmp_path / "copy.jsonl"))
    cloud.fault("tos:PutObject", key="in/*", delay=0.5)
    first = await watched.transfers.submit(plan_for(requests_file, services, cloud), summary_of(requests_file))
    second = await watched.transfers.submit(plan_for(copy, services, cloud), summary_of(copy))
    assert second.id == first.id
    assert (await watched.ended(first)).state is TransferState.DONE


async def test_a_folder_of_another_job_is_refused_before_anything_begins(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await finished_job(services, cloud, requests_file)
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "results.jsonl").write_text("mine")
    with pytest.raises(FolderTakenError):
        await watched.transfers.collect(job, folder)
    assert watched.transfers.all == []
    assert services.journal.runs(open_only=True) == []


async def test_a_run_that_is_brought_home_by_the_command_is_taken_up(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    job = await finished_job(services, cloud, requests_file)
    flow = course.begin_collect(job, tmp_path / "answers", services)
    await anext(flow)
    await flow.aclose()
    async with watching(services) as watched:
        (found,) = watched.transfers.all
        assert (found.state, found.way, found.name) == (TransferState.PAUSED, Way.DOWN, job.name)
        begun = await watched.transfers.collect(job, tmp_path / "answers")
        assert begun.id == found.id
        assert (await watched.ended(begun)).state is TransferState.DONE


async def test_the_figures_change_no_more_often_than_they_may(
    services: Services, cloud: LocalCloud, large_file: Path
) -> None:
    cloud.fault("tos:UploadPart", part=2, delay=600)
    async with watching(services, interval=3600) as watched:
        up = await watched.transfers.submit(plan_for(large_file, services, cloud))
        await watched.until(lambda: watched.now(up).step is Step.UPLOADING)
        await watched.until(lambda: len(asked(cloud, "tos:UploadPart")) == 2)
        states = [(told.state, told.step) for told in watched.told_of(up)]
        assert len(states) == len(set(states))


async def test_a_run_that_was_broken_off_while_it_brought_its_results_home_is_a_download(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    plan = plan_for(requests_file, services, cloud, verb="run", out=str(tmp_path / "answers"))
    flow = course.begin(plan, services)
    async for event in flow:
        if isinstance(event, FilesFound):
            break
    await flow.aclose()
    async with watching(services) as watched:
        (found,) = watched.transfers.all
        assert (found.state, found.way, found.path) == (TransferState.PAUSED, Way.DOWN, tmp_path / "answers")
        await watched.transfers.resume(found.id)
        ended = await watched.ended(found)
    assert (ended.state, ended.account and ended.account.ok) == (TransferState.DONE, 40)


async def test_a_file_whose_run_waits_for_its_job_has_been_sent(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    plan = plan_for(requests_file, services, cloud, verb="run", out=str(tmp_path / "answers"))
    flow = course.begin(plan, services)
    async for event in flow:
        if isinstance(event, JobCreated):
            break
    await flow.aclose()
    assert watched.transfers.all == []
    up = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    assert (up.state, up.way, up.found, up.job_id) == (TransferState.DONE, Way.UP, True, event.job.id)
    assert services.journal.run(up.id).outcome is Outcome.OPEN


async def test_copies_that_turn_out_to_be_one_file_are_sent_once(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copyfile(requests_file, tmp_path / "copy.jsonl"))
    cloud.fault("tos:PutObject", key="in/*", delay=600)
    first = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    await watched.until(lambda: watched.now(first).step is Step.UPLOADING)
    second = await watched.ended(await watched.transfers.submit(plan_for(copy, services, cloud)))
    assert second.state is TransferState.HELD
    await watched.transfers.pause(first.id)
    cloud.clear_faults()
    await watched.transfers.resume(second.id)
    await watched.until(lambda: watched.transfers.get(second.id) is None)
    assert (await watched.ended(first)).state is TransferState.DONE
    assert [transfer.id for transfer in watched.transfers.all] == [first.id]


async def test_a_job_that_was_resumed_meanwhile_is_no_transfer_any_more(
    cloud_factory: Callable[..., LocalCloud], services_on: ServicesOn,
    requests_file: Path, tmp_path: Path,
) -> None:  # fmt: skip
    slow = cloud_factory(speed=60)
    async with services_on(slow.info) as here:
        flow = course.begin(plan_for(requests_file, here, slow, verb="run", out=str(tmp_path / "answers")), here)
        async for event in flow:
            if isinstance(event, JobSampled) and event.job.phase == Phase.RUNNING and event.job.counts.completed:
                await here.ark.stop_job(event.job.id)
            if isinstance(event, FilesFound):
                break
        await flow.aclose()
        async with watching(here) as watched:
            (found,) = watched.transfers.all
            await here.ark.resume_job(found.job_id)
            await watched.transfers.resume(found.id)
            await watched.until(lambda: not watched.transfers.all)
            assert watched.transfers.running == Running(0, 0)
        assert here.journal.run(found.id).outcome is Outcome.OPEN


@contextmanager
def locked(journal: Journal) -> Iterator[None]:
    """Keep a journal, as another process does that writes to a slow disk."""
    with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


async def test_a_locked_journal_is_waited_for_while_everything_else_goes_on(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    async def writing() -> None:
        await watched.until(lambda: any(thread.name == "journal" for thread in threading.enumerate()))

    with locked(services.journal):
        beginning = asyncio.create_task(watched.transfers.submit(plan_for(requests_file, services, cloud)))
        await writing()
    with locked(services.journal):
        await writing()
    assert (await watched.ended(await beginning)).state is TransferState.DONE


async def test_a_journal_that_is_locked_when_a_transfer_is_paused_does_not_hold_it_for_ever(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.fault("tos:PutObject", key="in/*", delay=600)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    await watched.until(lambda: watched.now(up).step is Step.UPLOADING)
    with monkeypatch.context() as hurried, locked(services.journal):
        hurried.setattr("tui.runs.journal._PATIENCE", 0.05)
        await watched.transfers.pause(up.id)
    cloud.clear_faults()
    await watched.transfers.resume(up.id)
    assert (await watched.ended(up)).state is TransferState.DONE


async def test_what_is_being_begun_while_the_cloud_is_left_is_not_held_for_ever(
    services: Services, cloud: LocalCloud, services_on: ServicesOn, requests_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, may_go_on = threading.Event(), threading.Event()

    def slow_look(*arguments: object) -> Transfer:
        looking.set()
        may_go_on.wait()
        return transfer_of(*arguments)

    async with services_on(cloud.info) as left:
        async with Transfers(left) as transfers:
            with monkeypatch.context() as slow:
                slow.setattr("tui.runs.transfers.transfer_of", slow_look)
                beginning = asyncio.create_task(transfers.submit(plan_for(requests_file, services, cloud)))
                while not looking.is_set():  # noqa: ASYNC110  # set on another thread
                    await asyncio.sleep(0.005)
            asyncio.get_running_loop().call_later(0.05, may_go_on.set)
        assert (await beginning).state is TransferState.PAUSED
        again = await transfers.submit(plan_for(requests_file, services, cloud))
        assert again.state is TransferState.PAUSED
    async with watching(services) as watched:
        (found,) = watched.transfers.all
        assert found.state is TransferState.PAUSED


def _join(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(10)


@pytest.mark.parametrize("vanish", [shutil.rmtree, lambda folder: [path.unlink() for path in folder.iterdir()]])
async def test_results_that_vanished_before_their_account_are_brought_again(
    services: Services, cloud: LocalCloud, requests_file: Path, tmp_path: Path, vanish: Callable[[Path], object]
) -> None:
    job, folder = await finished_job(services, cloud, requests_file), tmp_path / "answers"
    flow = course.begin_collect(job, folder, services)
    async for event in flow:
        if isinstance(event, Accounting):
            break
    await flow.aclose()
    await asyncio.to_thread(_join, "reconcile")  # what is left ends soon, not at once
    vanish(folder)
    async with watching(services) as watched:
        (found,) = watched.transfers.all
        assert found.step is Step.ACCOUNTING
        await watched.transfers.resume(found.id)
        ended = await watched.ended(found)
    assert (ended.state, ended.account and ended.account.ok) == (TransferState.DONE, 40)


async def test_a_transfer_that_failed_here_and_was_ended_elsewhere_tells_its_job(
    services: Services, cloud: LocalCloud, services_on: ServicesOn, requests_file: Path
) -> None:
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, code="AccessDenied")
    async with services_on(cloud.info) as elsewhere, watching(services) as ours:
        up = await ours.ended(await ours.transfers.submit(plan_for(requests_file, services, cloud)))
        assert up.state is TransferState.FAILED
        cloud.clear_faults()
        *_, created = [event async for event in course.resume(up.id, elsewhere)]
        done = await ours.transfers.resume(up.id)
        assert (done.state, done.job_id) == (TransferState.DONE, created.job.id)


@pytest.mark.parametrize("hopeless", [False, True])
async def test_what_is_cleared_while_it_is_resumed_goes_on(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path, hopeless: bool
) -> None:
    cloud.fault("tos:PutObject", key="in/*", times=ALWAYS, code="AccessDenied")
    if hopeless:
        write_bad_line(requests_file)
    failed = await watched.ended(await watched.transfers.submit(plan_for(requests_file, services, cloud)))
    cloud.clear_faults()
    write_requests(requests_file, 40)
    resuming = asyncio.create_task(watched.transfers.resume(failed.id))
    await asyncio.sleep(0)
    watched.transfers.clear(failed.id)
    assert (await watched.ended(await resuming)).state is TransferState.DONE


async def test_who_is_cancelled_twice_while_it_begins_leaves_nothing_held(
    watched: Watched, services: Services, cloud: LocalCloud, requests_file: Path
) -> None:
    with locked(services.journal):
        beginning = asyncio.create_task(watched.transfers.submit(plan_for(requests_file, services, cloud)))
        await watched.until(lambda: any(thread.name == "journal" for thread in threading.enumerate()))
        for _time in range(2):
            await asyncio.sleep(0.01)
            beginning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await beginning
    await watched.until(lambda: services.journal.runs() and not services.journal._held)
    up = await watched.transfers.submit(plan_for(requests_file, services, cloud))
    assert (await watched.ended(up)).state is TransferState.DONE


async def test_a_cancel_is_carried_through_though_nobody_waits_for_it(
    watched: Watched, services: Services, cloud: LocalCloud, large_file: Path
) -> None:
    cloud.fault("tos:UploadPart", part=2, delay=600)
    up = await watched.transfers.submit(plan_for(large_file, services, cloud))
    await watched.until(lambda: watched.now(up).done > MIB)
    cancelling = asyncio.create_task(watched.transfers.cancel(up.id))
    await asyncio.sleep(0)
    cancelling.cancel()
    await watched.until(lambda: watched.now(up).state is TransferState.CANCELLED)
    assert services.journal.run(up.id).outcome is Outcome.FORGOTTEN
    await watched.until(lambda: asked(cloud, "tos:AbortMultipartUpload"))
