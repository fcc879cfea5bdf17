"""The board of all jobs follows the cloud: with few requests, whatever fails in between."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.ark.scripted_server import Answer, ScriptedServer, result
from tests.flows.past_jobs import ended, keep
from tui.ark.errors import ArkAccessError, ArkNotFoundError, ArkServiceError, ClockSkewError
from tui.ark.models import FoundationModelRef, Location, NewJob
from tui.clock import FrozenClock
from tui.dataset.results import Account, Tokens
from tui.localcloud import ALWAYS, CloudInfo, LocalCloud
from tui.localcloud.cloud import BUCKET
from tui.runs.database import JournalError, JournalTooNewError
from tui.runs.poller import SHORT_LIST, BoardChanged, PollBegan, Poller, PollEvent, PollFailed, PollRefused
from tui.runs.services import Services, open_services
from tui.safety import Secret
from tui.settings.credentials import Credentials
from tui.settings.paths import Paths
from tui.settings.profiles import resolve_profile

LIST, GET = "ListBatchInferenceJobs", "GetBatchInferenceJob"
Events = AsyncGenerator[PollEvent, None]


@pytest.fixture
def clock() -> FrozenClock:
    """The time of the deck and of the cloud's engine; whoever sleeps on it moves it."""
    return FrozenClock(datetime.now(UTC))


@pytest.fixture
def cloud(cloud_factory: Callable[..., LocalCloud], clock: FrozenClock) -> LocalCloud:
    """A cloud whose jobs answer ten requests a second when the test lets time pass."""
    return cloud_factory(clock=clock, speed=10)


@pytest.fixture
def fill(tmp_path: Path, clock: FrozenClock) -> Callable[[int], list[str]]:
    """Put ended jobs into the folder of a cloud that is yet to start; return their ids, newest first."""

    def work(count: int) -> list[str]:
        jobs = [ended(number, clock.now()) for number in range(count)]
        keep(tmp_path / "cloud", jobs)
        return [job.id for job in jobs]

    return work


@dataclass
class Desk:
    """An open profile on a cloud, and what the cloud was asked since the test looked last."""

    cloud: LocalCloud
    services: Services
    heard: int = 0

    def poller(self, interval: float = 15) -> Poller:
        return Poller(self.services, "default", interval=interval)

    def asked(self) -> list[str]:
        records = self.cloud.requests[self.heard :]
        self.heard += len(records)
        return [record.operation for record in records]

    async def submit(self, name: str, *, requests: int = 1000, role: str = "user") -> str:
        """Create a job on an input of its own; the platform refuses requests of an unknown role."""
        body = {"messages": [{"role": role, "content": "Hi"}]}
        lines = (json.dumps({"custom_id": f"r{number}", "body": body}) for number in range(requests))
        await self.services.store.put(BUCKET, f"in/{name}.jsonl", "\n".join(lines).encode(), metadata={})
        receipt = await self.services.ark.create_job(
            NewJob(
                name=name,
                model=FoundationModelRef("doubao-pro-32k", "240615"),
                input=Location(BUCKET, f"in/{name}.jsonl"),
                output=Location(BUCKET, "out/"),
            )
        )
        return receipt.job_id


@asynccontextmanager
async def services_on(info: CloudInfo, home: Path, clock: FrozenClock, *, secret: str = "") -> AsyncIterator[Services]:
    environ = {"ARKDECK_ARK_ENDPOINT": info.ark_endpoint, "ARKDECK_TOS_ENDPOINT": info.tos_endpoint}
    profile = resolve_profile(Paths(home / "config.toml", home, home), None, environ).profile
    keys = Credentials(info.access_key, Secret(secret or info.secret_key), None, "the local cloud")
    async with open_services(profile, keys, data_dir=home / "data", clock=clock) as services:
        yield services


@asynccontextmanager
async def desk_on(cloud: LocalCloud, home: Path, clock: FrozenClock, *, secret: str = "") -> AsyncIterator[Desk]:
    async with services_on(cloud.info, home, clock, secret=secret) as services:
        yield Desk(cloud, services)


@pytest.fixture
async def desk(cloud: LocalCloud, tmp_path: Path, clock: FrozenClock) -> AsyncIterator[Desk]:
    async with desk_on(cloud, tmp_path, clock) as opened:
        yield opened


async def one_poll(events: Events) -> list[PollEvent]:
    """What the next poll tells, up to its end."""
    told: list[PollEvent] = []
    async for event in events:
        told.append(event)
        if isinstance(event, PollFailed | PollRefused) or (isinstance(event, BoardChanged) and event.complete):
            return told
    raise AssertionError("the poller ended by itself")


async def answered(events: Events) -> BoardChanged:
    """The end of the next poll, which has to be answered."""
    last = (await one_poll(events))[-1]
    assert isinstance(last, BoardChanged), last
    return last


async def waits(events: Events, clock: FrozenClock) -> asyncio.Task[PollEvent]:
    """The next event, which does not come by itself."""
    event = asyncio.ensure_future(anext(events))
    await stays_away(event, clock)
    return event


async def stays_away(event: asyncio.Task[PollEvent], clock: FrozenClock) -> None:
    """The event comes neither now nor with time: nobody sleeps until then."""
    now = clock.monotonic()
    for _turn in range(20):
        await asyncio.sleep(0)
    assert not event.done()
    assert clock.monotonic() == now


# --- the whole list ---------------------------------------------------------------------------------------------------


async def test_the_first_page_is_shown_first_and_then_every_job(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(650)
    async with desk_on(cloud_factory(clock=clock), tmp_path, clock) as desk, aclosing(desk.poller().events()) as events:
        told = await one_poll(events)
        assert isinstance(told[0], PollBegan)
        pages = [event for event in told if isinstance(event, BoardChanged)]
        assert pages[0].changed == frozenset(ids[:100])
        assert [(page.loaded, page.total) for page in pages[:7]] == [
            (100 * number if number < 7 else 650, 650) for number in range(1, 8)
        ]
        assert [page.complete for page in pages] == [False] * 7 + [True]
        assert frozenset().union(*(page.changed for page in pages)) == frozenset(ids)
        assert desk.asked() == [LIST] * 7


async def test_at_most_four_pages_are_asked_for_at_once(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    fill(1300)
    cloud = cloud_factory(clock=clock)
    cloud.fault("ark:ListBatchInferenceJobs", delay=0.05, times=ALWAYS)
    async with desk_on(cloud, tmp_path, clock) as desk, aclosing(desk.poller().events()) as events:
        await answered(events)
    spans = [(record.time, record.time + timedelta(seconds=record.seconds)) for record in cloud.requests]
    assert len(spans) == 13
    assert max(sum(begun <= at < ended for begun, ended in spans) for at, _ended in spans) == 4


async def test_counts_are_by_group_of_phases(desk: Desk, cloud: LocalCloud, clock: FrozenClock) -> None:
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        await desk.submit("first")
        await answered(events)
        assert dict(poller.board.counts()) == {"": 1, "Queued": 1}
        cloud.advance(60)
        await answered(events)
        assert poller.board.counts()["Running"] == 1
        assert poller.board.counts()["Queued"] == 0


async def test_the_list_is_read_again_after_ten_minutes_and_what_vanished_is_removed(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(150)
    async with desk_on(cloud_factory(clock=clock), tmp_path, clock) as desk:
        poller = desk.poller(interval=300)
        async with aclosing(poller.events()) as events:
            await answered(events)
            await desk.services.ark.delete_job(ids[120])
            assert not (await answered(events)).removed
            desk.asked()
            assert (await answered(events)).removed == frozenset([ids[120]])
            assert desk.asked() == [LIST] * 3
            assert len(poller.board.views) == poller.board.counts()[""] == 149


async def test_a_job_that_slipped_between_pages_while_others_were_deleted_is_found_by_the_next_poll(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(250)
    async with desk_on(cloud_factory(clock=clock), tmp_path, clock) as desk:
        poller = desk.poller()
        async with aclosing(poller.events()) as events:
            assert isinstance(await anext(events), PollBegan)
            assert isinstance(await anext(events), BoardChanged)
            await desk.services.ark.delete_job(ids[0])
            await answered(events)
            assert ids[100] not in poller.board.views
            await answered(events)
            assert list(poller.board.views) == [*ids[1:100], *ids[101:], ids[100]]


async def test_a_list_that_tells_no_total_and_knows_no_pages_is_read_once(
    cloud: LocalCloud, tmp_path: Path, clock: FrozenClock
) -> None:
    page = result({"Items": [{"Id": f"bi-{number}"} for number in range(100)]})
    async with ScriptedServer([page, page]) as server:
        info = replace(cloud.info, ark_endpoint=server.endpoint)
        async with (
            services_on(info, tmp_path, clock) as services,
            aclosing(Poller(services, "", interval=0).events()) as events,
        ):
            whole = await answered(events)
    assert (whole.loaded, whole.total, len(server.requests)) == (100, 100, 2)


# --- each poll --------------------------------------------------------------------------------------------------------


async def test_a_quiet_poll_is_two_requests_and_changes_nothing(
    desk: Desk, cloud: LocalCloud, clock: FrozenClock
) -> None:
    await desk.submit("first")
    async with aclosing(desk.poller().events()) as events:
        await answered(events)
        desk.asked()
        before = clock.now()
        quiet = await answered(events)
        assert (quiet.changed, quiet.removed) == (frozenset(), frozenset())
        assert desk.asked() == [LIST, LIST]
        assert timedelta(seconds=15) <= quiet.at - before < timedelta(seconds=16)


async def test_new_jobs_appear_however_many(desk: Desk, cloud: LocalCloud) -> None:
    async with aclosing(desk.poller().events()) as events:
        await desk.submit("old", requests=1)
        await answered(events)
        cloud.advance(300)
        new = {await desk.submit(f"new-{number}", requests=1) for number in range(25)}
        desk.asked()
        assert new <= (await answered(events)).changed
        assert desk.asked() == [LIST] * 3


async def test_a_job_moves_and_ends_with_the_polls(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("moving", requests=1000)
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        await answered(events)
        seen = []
        while not poller.board.views[job_id].job.phase.finished:
            cloud.advance(15)
            event = await answered(events)
            view = poller.board.views[job_id]
            seen.append((job_id in event.changed, view.job.phase, view.forecast.rate))
        running = [rate for changed, phase, rate in seen if changed and phase == "Running" and rate]
        assert running
        assert all(rate == pytest.approx(5, abs=5) for rate in running)
        assert seen[-1] == (True, "Completed", None)
        samples = desk.services.journal.samples(job_id, since=datetime(2000, 1, 1, tzinfo=UTC))
        assert samples[-1].phase == "Completed"


async def test_what_was_sampled_long_ago_does_not_pile_up(desk: Desk, cloud: LocalCloud, clock: FrozenClock) -> None:
    job_id = await desk.submit("long", requests=10_000)
    async with aclosing(desk.poller(interval=60).events()) as events:
        for _minute in range(15):
            cloud.advance(10)
            await answered(events)
        begun = datetime(2000, 1, 1, tzinfo=UTC)
        dense = len(desk.services.journal.samples(job_id, since=begun))
        clock.advance(4 * 3600)
        await answered(events)
        assert len(desk.services.journal.samples(job_id, since=begun)) < dense / 2


async def test_a_running_job_that_stands_still_is_known_to(desk: Desk, cloud: LocalCloud, clock: FrozenClock) -> None:
    job_id = await desk.submit("stuck")
    poller = desk.poller(interval=60)
    async with aclosing(poller.events()) as events:
        cloud.advance(60)
        await answered(events)
        moved = clock.now()
        for _minute in range(5):
            await answered(events)
        idle_since = poller.board.views[job_id].forecast.idle_since
        assert idle_since is not None
        assert abs(idle_since - moved) < timedelta(seconds=1)


async def test_a_job_deleted_elsewhere_while_it_was_unfinished_is_removed(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("short", requests=1)
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        await answered(events)
        cloud.advance(300)
        await desk.services.ark.delete_job(job_id)
        desk.asked()
        assert (await answered(events)).removed == frozenset([job_id])
        assert desk.asked() == [LIST, GET, LIST]
        assert job_id not in poller.board.views


async def test_what_the_operator_changed_is_asked_after_though_it_is_finished(
    desk: Desk, cloud: LocalCloud, clock: FrozenClock
) -> None:
    gone, renamed = await desk.submit("gone", requests=1), await desk.submit("old name", requests=1)
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        cloud.advance(300)
        await answered(events)
        await desk.services.ark.delete_job(gone)
        await desk.services.ark.update_job(renamed, name="new name")
        poller.refresh([gone, renamed])
        changed = await answered(events)
        assert (changed.removed, changed.changed) == (frozenset([gone]), frozenset([renamed]))
        assert poller.board.views[renamed].job.name == "new name"


async def test_an_operator_who_asks_sees_what_became_of_finished_jobs_elsewhere(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(150)
    async with desk_on(cloud_factory(clock=clock), tmp_path, clock) as desk:
        poller = desk.poller(interval=0)
        async with aclosing(poller.events()) as events:
            await answered(events)
            await desk.services.ark.delete_job(ids[120])
            await desk.services.ark.update_job(ids[140], name="new name")
            poller.refresh(wholly=True)
            told = (await one_poll(events))[1:]
            pages = [event for event in told if isinstance(event, BoardChanged)]
            assert frozenset().union(*(page.changed for page in pages)) == frozenset([ids[140]])
            assert pages[-1].removed == frozenset([ids[120]])
            desk.asked()
            poller.refresh()
            await answered(events)
            assert desk.asked() == [LIST]


async def test_what_the_operator_asked_for_is_read_when_the_service_is_back(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(150)
    cloud = cloud_factory(clock=clock)
    async with desk_on(cloud, tmp_path, clock) as desk:
        poller = desk.poller()
        async with aclosing(poller.events()) as events:
            await answered(events)
            await desk.services.ark.update_job(ids[140], name="new name")
            cloud.fault("ark:*", reset="before", times=4)
            poller.refresh(wholly=True)
            assert isinstance((await one_poll(events))[-1], PollFailed)
            await answered(events)
            assert poller.board.views[ids[140]].job.name == "new name"


async def test_of_a_long_list_the_operator_sees_anew_what_is_in_sight(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    ids = fill(SHORT_LIST + 1)
    async with desk_on(cloud_factory(clock=clock), tmp_path, clock) as desk:
        poller = desk.poller(interval=0)
        async with aclosing(poller.events()) as events:
            await answered(events)
            await desk.services.ark.update_job(ids[500], name="new name")
            desk.asked()
            poller.refresh(ids[490:510], wholly=True)
            assert (await answered(events)).changed == frozenset([ids[500]])
            assert desk.asked() == [LIST, LIST]


async def test_a_service_with_smaller_pages_is_not_asked_for_job_after_job(
    cloud: LocalCloud, tmp_path: Path, clock: FrozenClock
) -> None:
    def page(*numbers: int) -> Answer:
        jobs = [{"Id": f"bi-{number}", "Status": {"Phase": "Running"}} for number in numbers]
        return result({"Items": jobs, "PageSize": 2, "TotalCount": 3})

    async with ScriptedServer([page(1, 2), page(3), page(1, 2), page(3), page(1, 2)]) as server:
        info = replace(cloud.info, ark_endpoint=server.endpoint)
        async with (
            services_on(info, tmp_path, clock) as services,
            aclosing(Poller(services, "", interval=15).events()) as events,
        ):
            await answered(events)
            assert (await answered(events)).loaded == 3
    assert {request.query["Action"] for request in server.requests} == {LIST}


async def test_an_account_that_was_read_before_its_job_was_listed_stands_beside_it(
    cloud: LocalCloud, tmp_path: Path, clock: FrozenClock
) -> None:
    job = {"Id": "bi-1", "Status": {"Phase": "Completed"}}
    async with (
        ScriptedServer([result({"Items": []}), result({"Items": [job], "TotalCount": 1})]) as server,
        services_on(replace(cloud.info, ark_endpoint=server.endpoint), tmp_path, clock) as services,
    ):
        services.journal.keep_account("bi-1", account := Account(3, 3, 0, 0, 0, 0, 0, 0, 0, Tokens(30, 90), ()))
        poller = Poller(services, "", interval=15)
        async with aclosing(poller.events()) as events:
            assert not (await answered(events)).loaded
            assert (await answered(events)).changed == frozenset(["bi-1"])
    assert poller.board.views["bi-1"].account == account


async def test_an_account_of_this_machine_stands_beside_its_job(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("collected", requests=3)
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        cloud.advance(300)
        await answered(events)
        desk.services.journal.keep_account(job_id, account := Account(3, 3, 0, 0, 0, 0, 0, 0, 0, Tokens(30, 90), ()))
        assert (await answered(events)).changed == frozenset([job_id])
        assert poller.board.views[job_id].account == account


# --- one job looked at ------------------------------------------------------------------------------------------------


async def test_a_job_that_is_looked_at_is_asked_for_at_once_and_with_every_poll(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("refused", requests=1, role="wizard")
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        cloud.advance(300)
        await answered(events)
        first = poller.board.views[job_id].job.request_id
        desk.asked()
        poller.look_at(job_id)
        await answered(events)
        assert desk.asked() == [GET]
        looked = poller.board.views[job_id].job
        assert looked.error_file is not None
        assert looked.request_id not in ("", first)
        poller.refresh()
        assert not (await answered(events)).changed
        assert desk.asked() == [LIST, GET]
        assert poller.board.views[job_id].job.request_id != looked.request_id
        poller.look_at(None)
        poller.refresh()
        await answered(events)
        assert desk.asked() == [LIST]
        assert poller.board.views[job_id].job.error_file == looked.error_file


async def test_a_job_that_may_not_be_looked_at_stops_no_poll_and_is_told_once(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("secret")
    cloud.fault(f"ark:{GET}", code="AccessDenied", status=403, times=2)
    poller = desk.poller()
    poller.look_at(job_id)
    async with aclosing(poller.events()) as events:
        (note,) = (await answered(events)).notes
        assert isinstance(note, ArkAccessError)
        assert (await answered(events)).notes == ()
        assert (await answered(events)).notes == ()
        cloud.fault(f"ark:{GET}", code="AccessDenied", status=403)
        assert len((await answered(events)).notes) == 1


async def test_looking_at_a_job_that_is_gone_removes_it_and_looks_no_more(desk: Desk, cloud: LocalCloud) -> None:
    job_id = await desk.submit("gone", requests=1)
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        cloud.advance(300)
        await answered(events)
        await desk.services.ark.delete_job(job_id)
        with pytest.raises(ArkNotFoundError):
            await desk.services.ark.get_job(job_id)
        poller.look_at(job_id)
        assert (await answered(events)).removed == frozenset([job_id])
        desk.asked()
        poller.refresh()
        await answered(events)
        assert GET not in desk.asked()


# --- when -------------------------------------------------------------------------------------------------------------


async def test_without_an_interval_nothing_is_asked_unless_the_operator_does(desk: Desk, clock: FrozenClock) -> None:
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        await answered(events)
        desk.asked()
        event = await waits(events, clock)
        poller.refresh()
        assert isinstance(await event, PollBegan)
        await answered(events)
        assert desk.asked() == [LIST]


async def test_the_end_of_a_pause_counts_at_once(desk: Desk, clock: FrozenClock) -> None:
    poller = desk.poller(interval=10)
    async with aclosing(poller.events()) as events:
        await answered(events)
        poller.paused = True
        before = clock.monotonic()
        event = await waits(events, clock)
        poller.paused = False
        assert isinstance(await event, PollBegan)
        assert clock.monotonic() - before == 10


async def test_a_new_interval_counts_at_once_but_not_in_a_pause(desk: Desk, clock: FrozenClock) -> None:
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        await answered(events)
        before = clock.monotonic()
        event = await waits(events, clock)
        poller.paused = True
        poller.interval = 60
        await stays_away(event, clock)
        poller.interval = 0
        poller.paused = False
        await stays_away(event, clock)
        poller.interval = 20
        assert isinstance(await event, PollBegan)
        assert clock.monotonic() - before == 20


async def test_asking_again_and_again_during_a_poll_brings_about_one_more(desk: Desk, clock: FrozenClock) -> None:
    poller = desk.poller(interval=0)
    async with aclosing(poller.events()) as events:
        assert isinstance(await anext(events), PollBegan)
        for _press in range(5):
            poller.refresh()
        await answered(events)
        await answered(events)
        assert desk.asked() == [LIST] * 2
        event = await waits(events, clock)
        poller.refresh()
        assert isinstance(await event, PollBegan)


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_a_minute_without_the_service_keeps_what_is_known_and_ends_by_itself(
    desk: Desk, cloud: LocalCloud, clock: FrozenClock
) -> None:
    job_id = await desk.submit("running")
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        known = (await answered(events)).at
        cloud.fault("ark:*", reset="before", times=ALWAYS)
        desk.asked()
        failures: list[PollFailed] = []
        while clock.now() < known + timedelta(minutes=1):
            told = await one_poll(events)
            failures += [event for event in told if isinstance(event, PollFailed)]
            assert len(told) == 2
        assert len(desk.asked()) <= 4 * 6
        assert {failure.since for failure in failures} == {known}
        assert all(later.next_in > sooner.next_in for sooner, later in itertools.pairwise(failures))
        assert list(poller.board.views) == [job_id]
        cloud.clear_faults()
        quiet = await answered(events)
        assert (quiet.changed, quiet.removed) == (frozenset(), frozenset())
        assert desk.asked() == [LIST, LIST]
        cloud.fault("ark:*", reset="before", times=4)
        failed = (await one_poll(events))[-1]
        assert isinstance(failed, PollFailed)
        assert (failed.since, failed.next_in <= 2) == (quiet.at, True)


async def test_the_service_is_tried_once_a_minute_at_least(desk: Desk, cloud: LocalCloud) -> None:
    cloud.fault("ark:*", reset="before", times=ALWAYS)
    async with aclosing(desk.poller().events()) as events:
        for _try in range(15):
            told = await one_poll(events)
        last = told[-1]
        assert isinstance(last, PollFailed)
        assert 45 <= last.next_in <= 60
        cloud.clear_faults()
        assert (await answered(events)).loaded == 0


async def test_a_service_that_says_how_long_to_wait_is_obeyed(
    desk: Desk, cloud: LocalCloud, clock: FrozenClock
) -> None:
    async with aclosing(desk.poller().events()) as events:
        await answered(events)
        cloud.fault("ark:*", status=429, code="AccountRateLimitExceeded", retry_after=200)
        failed = (await one_poll(events))[-1]
        assert isinstance(failed, PollFailed)
        assert isinstance(failed.cause, ArkServiceError)
        assert failed.next_in == 200
        before = clock.monotonic()
        await answered(events)
        assert clock.monotonic() - before >= 200


async def test_a_list_that_breaks_off_half_way_is_kept_and_read_again(
    cloud_factory: Callable[..., LocalCloud], fill: Callable[[int], list[str]], tmp_path: Path, clock: FrozenClock
) -> None:
    fill(450)
    cloud = cloud_factory(clock=clock)
    cloud.fault(f"ark:{LIST}", nth=2, times=16, reset="before")
    async with desk_on(cloud, tmp_path, clock) as desk:
        poller = desk.poller()
        async with aclosing(poller.events()) as events:
            assert isinstance((await one_poll(events))[-1], PollFailed)
            assert (len(poller.board.views), poller.board.complete) == (100, False)
            assert (await answered(events)).loaded == 450
            assert poller.board.complete


async def test_refused_keys_stop_the_polls_until_the_operator_asks(
    cloud: LocalCloud, tmp_path: Path, clock: FrozenClock
) -> None:
    async with desk_on(cloud, tmp_path, clock, secret="not-the-secret-0123456789") as desk:
        poller = desk.poller(interval=5)
        async with aclosing(poller.events()) as events:
            refused = (await one_poll(events))[-1]
            assert isinstance(refused, PollRefused)
            assert desk.asked() == [LIST]
            poller.look_at("bi-20240101000000-aaaaa")
            event = await waits(events, clock)
            poller.refresh()
            assert isinstance(await event, PollBegan)
            assert isinstance((await one_poll(events))[-1], PollRefused)
            assert desk.asked() == [LIST]


async def test_polls_go_on_once_refused_keys_are_accepted_again(desk: Desk, cloud: LocalCloud) -> None:
    cloud.fault("ark:*", status=403, code="AccessDenied")
    poller = desk.poller()
    async with aclosing(poller.events()) as events:
        assert isinstance((await one_poll(events))[-1], PollRefused)
        poller.refresh()
        await answered(events)
        await answered(events)


async def test_a_clock_that_is_off_beyond_help_is_told_as_such(desk: Desk, cloud: LocalCloud) -> None:
    cloud.fault("ark:*", status=400, code="InvalidTimestamp", times=ALWAYS)
    async with aclosing(desk.poller().events()) as events:
        refused = (await one_poll(events))[-1]
        assert isinstance(refused, PollRefused)
        assert isinstance(refused.cause, ClockSkewError)


async def test_a_journal_that_cannot_be_written_is_told_once_and_stops_nothing(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.services.journal.path)) as vandal:
        vandal.execute("ALTER TABLE samples RENAME TO elsewhere")
    await desk.submit("watched all the same")
    async with aclosing(desk.poller().events()) as events:
        first = await answered(events)
        assert first.loaded == 1
        assert [type(note) for note in first.notes] == [JournalError]
        assert (await answered(events)).notes == ()
        with closing(sqlite3.connect(desk.services.journal.path)) as vandal:
            vandal.execute("ALTER TABLE elsewhere RENAME TO samples")
        assert (await answered(events)).notes == ()
        with closing(sqlite3.connect(desk.services.journal.path)) as vandal:
            vandal.execute("ALTER TABLE samples RENAME TO elsewhere")
        assert [type(note) for note in (await answered(events)).notes] == [JournalError]


async def test_a_process_that_keeps_the_journal_locked_does_not_stop_the_event_loop(desk: Desk) -> None:
    async def release_once_it_is_waited_for() -> None:
        while not any(thread.name == "journal" for thread in threading.enumerate()):  # noqa: ASYNC110  # a thread is no event
            await asyncio.sleep(0)
        other.execute("ROLLBACK")

    job_id = await desk.submit("watched")
    with closing(sqlite3.connect(desk.services.journal.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with aclosing(desk.poller().events()) as events, asyncio.TaskGroup() as tasks:
            releasing = tasks.create_task(release_once_it_is_waited_for())
            poll = await answered(events)
            assert releasing.done()
            assert poll.notes == ()
    assert desk.services.journal.samples(job_id, since=poll.at)


async def test_a_journal_that_a_later_arkdeck_took_over_is_told_once_and_stops_nothing(desk: Desk) -> None:
    async with aclosing(desk.poller().events()) as events:
        await answered(events)
        with closing(sqlite3.connect(desk.services.journal.path)) as later:
            later.execute("PRAGMA user_version = 99")
        assert [type(note) for note in (await answered(events)).notes] == [JournalTooNewError]
        assert (await answered(events)).notes == ()
