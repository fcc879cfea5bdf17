"""The results of a job on their screen: the account, the errors, the requests, one request, what is left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests import hostile
from tests.ui.conftest import NOW, DeckOn
from tests.ui.pilot_tools import environ_of, reconnect, screen_text, toasts, until
from tests.ui.result_files import JOB_ID, USUAL, answer, failure, request, rows_read, write_results
from tests.ui.test_hostile_names import assert_harmless
from tui.app import Deck
from tui.ark.models import Counts, Job, Phase
from tui.dataset import search
from tui.dataset.reply import Fate
from tui.launch import Launch
from tui.localcloud import LocalCloud
from tui.runs.board import JobView
from tui.runs.course import begin_collect
from tui.runs.forecast import Forecast
from tui.runs.services import Services
from tui.screens.confirm import ConfirmScreen
from tui.screens.create import CreateScreen
from tui.screens.jobs import JobsScreen
from tui.screens.menu import MenuScreen
from tui.screens.request import RequestScreen
from tui.screens.results import ResultsScreen
from tui.screens.retry_form import RetryForm
from tui.screens.text_screen import TextScreen
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.widgets.search_line import SearchLine


@asynccontextmanager
async def opened(
    cloud: LocalCloud, paths: Paths, job: Job, *, size: tuple[int, int] = (120, 36), listed: int = 1
) -> AsyncIterator[Pilot[Any]]:
    """Run a deck whose results screen shows this job's results."""
    deck = Deck(Launch(paths=paths, environ=environ_of(cloud.info), settings=DeckSettings(refresh=0)))
    async with deck.run_test(size=size) as pilot:
        await until(pilot, lambda: deck.poll_status.answered is not None and not deck.poll_status.asking)
        deck.push_screen(ResultsScreen(JobView(job, Forecast(), NOW), deck.connection))
        await until(pilot, lambda: isinstance(deck.screen, ResultsScreen) and rows_read(pilot) >= listed)
        yield pilot


async def bring_home(job: Job, home: Path, services: Services) -> None:
    """Collect a job, and account for it."""
    async for _event in begin_collect(job, home / job.id, services):
        pass


def ids_shown(pilot: Pilot[Any]) -> list[str | None]:
    screen = pilot.app.screen
    return [screen._glances[int(key)].custom_id for key in screen.table.keys_in_sight]


async def settled(pilot: Pilot[Any], ids: Sequence[str]) -> None:
    """Wait until just these are listed."""
    await until(pilot, lambda: rows_read(pilot) == len(ids) and ids_shown(pilot) == list(ids))


# How it is opened


async def test_e_opens_the_results_of_the_job_under_the_cursor(busy: LocalCloud, deck_on: DeckOn, home: Path) -> None:
    async with deck_on(busy) as pilot:
        job = next(view.job for view in pilot.app.connection.poller.board.views.values() if view.job.phase.finished)
        pilot.app.screen.table.move_to(job.id)
        await pilot.press("e")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot) == ["its results are not here yet: press d to download them"]
        await write_results(home, USUAL)
        (home / JOB_ID).rename(home / job.id)
        report = json.loads((home / job.id / "account.json").read_bytes())
        (home / job.id / "account.json").write_text(json.dumps(report | {"job": job.id}))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen) and rows_read(pilot))
        assert "req-0" in screen_text(pilot)
        assert "the job has gone on since" in screen_text(pilot)
        await pilot.press("escape", "escape")
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_a_job_that_runs_has_no_results_yet(busy: LocalCloud, deck_on: DeckOn) -> None:
    async with deck_on(busy) as pilot:
        await pilot.press("2", "e")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot)[0].endswith(": its results are written when it ends")


async def test_files_that_changed_need_their_input_again(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    with (home / JOB_ID / "results.jsonl").open("a") as file:
        file.write(json.dumps(answer("lost-0", "here it is")) + "\n")
    paths.data_dir.mkdir(parents=True)
    deck = Deck(Launch(paths=paths, environ=environ_of(empty_cloud.info), settings=DeckSettings(refresh=0)))
    async with deck.run_test() as pilot:
        await until(pilot, lambda: deck.poll_status.answered is not None)
        deck.push_screen(ResultsScreen(JobView(job, Forecast(), NOW), deck.connection))
        await until(pilot, lambda: "--input FILE" in screen_text(pilot))  # nothing tells that it is what was sent


async def test_another_cloud_closes_it(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RequestScreen))
        await reconnect(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))


# What it tells


async def test_the_account_is_told_and_agrees(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job, size=(160, 50)) as pilot:
        shown = screen_text(pilot)
        tabs = "0 All 47   1 Failed 4   2 Missing 2   3 Truncated 1   4 Refused 0   5 Empty 0   6 Ok 41"
        assert tabs in shown
        assert "47 requests, 47 completed, 4 failed" in shown
        assert "the files agree" not in shown  # the service counts requests that nobody answered
        assert "49,200 sent" in shown
        assert "stop 40 · length 1" in shown
        assert "3  RateLimit" in shown
        assert "over the limit of …" in shown


async def test_rows_of_nobody_and_counters_that_differ_stand_out(
    empty_cloud: LocalCloud, paths: Paths, home: Path
) -> None:
    extra = [answer("stranger", "who?"), answer("req-1", "again")]
    job = await write_results(home, USUAL[:10], Counts(12, 10, 2), extra)
    async with opened(empty_cloud, paths, job) as pilot:
        assert "1 unexpected · 1 duplicate · 0 unreadable rows in the files" in screen_text(pilot)
        assert "by the files: requests 10, failed 0" in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 50)])
async def test_each_row_says_what_became_of_it_in_a_word(
    empty_cloud: LocalCloud, paths: Paths, home: Path, size: tuple[int, int]
) -> None:
    job = await write_results(home, USUAL[40:])
    async with opened(empty_cloud, paths, job, size=size) as pilot:
        rows = [text.split() for text in screen_text(pilot).splitlines()]
        outcomes = [words[words.index("cut-0") + 2] for words in rows if "cut-0" in words]
        assert outcomes == ["truncated"]
        assert any("slow-1" in words and "failed" in words and "✗" in words for words in rows)
        assert any("lost-1" in words and "missing" in words for words in rows)


async def test_a_tab_lists_what_became_so(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await pilot.press("1")
        await settled(pilot, ["slow-0", "slow-1", "slow-2", "wrong-0"])
        assert "4 of 47" in screen_text(pilot)
        await pilot.press("2")
        await settled(pilot, ["lost-0", "lost-1"])
        await pilot.press("3")
        await settled(pilot, ["cut-0"])
        await pilot.press("4")
        await until(pilot, lambda: "No request: refused" in screen_text(pilot))


async def test_an_error_is_chosen_and_narrows_the_list(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
        assert "3  RateLimit" in screen_text(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen))
        await settled(pilot, ["slow-0", "slow-1", "slow-2"])
        assert pilot.app.screen.situation.results == ("--failed", "--code", "RateLimit")
        await pilot.press("escape")
        await settled(pilot, ["slow-0", "slow-1", "slow-2", "wrong-0"])


# What is looked for


async def look_for(pilot: Pilot[Any], text: str) -> None:
    pilot.app.screen.query_one(SearchLine).open()
    pilot.app.screen.query_one("#line-input").value = text
    await pilot.press("enter")
    await until(pilot, lambda: not pilot.app.screen._seeking)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("req-7", ["req-7"]),
        ("lost", ["lost-0", "lost-1"]),
        ("answer to 3", ["req-3", *(f"req-{n}" for n in range(30, 40))]),
        ("RateLimit", ["slow-0", "slow-1", "slow-2"]),
        ("limit of 2", ["slow-2"]),
    ],
)
async def test_a_text_is_found_in_ids_answers_and_errors(
    empty_cloud: LocalCloud, paths: Paths, home: Path, text: str, found: list[str]
) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await look_for(pilot, text)
        await settled(pilot, found)
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen.table.keys_in_sight) > len(found))


async def test_a_text_that_nobody_has_is_not_found(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await look_for(pilot, "question")  # it stands in the requests alone
        assert "No request has this text" in screen_text(pilot)
        await look_for(pilot, "the")
        await pilot.press("1")
        await settled(pilot, ["slow-0", "slow-1", "slow-2"])  # a tab narrows what was found
        found = len(pilot.app.screen._found)
        assert found > 3
        assert f"3 of {found} found" in screen_text(pilot)


async def test_escape_stops_a_search_and_keeps_what_it_found(
    empty_cloud: LocalCloud, paths: Paths, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_BLOCK", 1)  # bytes, as from a very slow disk
    rows = [(request(f"req-{number}"), answer(f"req-{number}", "yes")) for number in range(300)]
    job = await write_results(home, rows)
    async with opened(empty_cloud, paths, job) as pilot:
        screen = pilot.app.screen
        screen.query_one(SearchLine).kept("req-7")
        while 7 not in screen._found:  # noqa: ASYNC110  # a pilot would wait for the search
            await asyncio.sleep(0)
        screen.do_app_back()
        assert not screen._seeking
        await pilot.pause()
        assert "stopped" in screen_text(pilot)
        await settled(pilot, ["req-7"])
        await pilot.press("escape")
        await until(pilot, lambda: "300 of 300" in screen_text(pilot))


# One request


async def open_request(pilot: Pilot[Any], custom_id: str) -> RequestScreen:
    screen = pilot.app.screen
    row = screen.results.index.find(custom_id)
    screen.table.move_to(str(row.number))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, RequestScreen) and pilot.app.screen._whole is not None)
    return pilot.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_request_and_answer_are_shown_together(
    empty_cloud: LocalCloud, paths: Paths, home: Path, size: tuple[int, int]
) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job, size=size) as pilot:
        screen = await open_request(pilot, "cut-0")
        shown = screen_text(pilot)
        for words in ("cut-0", "truncated", "long", "it goes", "let me think", "1,200 sent", "30 reasoning", "length"):
            assert words in shown
        beside = screen.query_one("#input").region.x != screen.query_one("#answer").region.x
        assert beside == (size[0] >= 100)


async def test_the_list_is_walked_through_request_by_request(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await pilot.press("1")
        await settled(pilot, ["slow-0", "slow-1", "slow-2", "wrong-0"])
        await open_request(pilot, "slow-2")
        assert "over the limit of 2" in screen_text(pilot)
        await pilot.press("n")
        await until(pilot, lambda: "messages[0].role is not valid" in screen_text(pilot))
        await pilot.press("n")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot) == ["this is the last one of the list"]
        await pilot.press("escape")
        assert pilot.app.screen.request_id == "wrong-0"


async def test_a_request_without_a_reply_says_so(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await open_request(pilot, "lost-1")
        assert "No file has a reply to it." in screen_text(pilot)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, TextScreen))
        assert '"custom_id": "lost-1"' in screen_text(pilot)


async def test_without_the_input_the_answers_are_still_read(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL[35:])
    (home / "requests.jsonl").unlink()
    async with opened(empty_cloud, paths, job) as pilot:
        assert "not known" in screen_text(pilot)
        await open_request(pilot, "req-36")
        assert "the answer to 36" in screen_text(pilot)
        assert "The requests are not on this machine." in screen_text(pilot)


async def test_the_requests_of_a_job_made_elsewhere_are_brought_when_asked_for(
    busy: LocalCloud, deck_on: DeckOn, home: Path
) -> None:
    async with deck_on(busy) as pilot:
        connection = pilot.app.connection
        views = connection.poller.board.views.values()
        job = next(view.job for view in views if view.job.phase == Phase.COMPLETED and 0 < view.job.counts.failed < 50)
        await bring_home(job, home, connection.services)
        await pilot.press("g")
        pilot.app.screen.table.move_to(job.id)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen) and rows_read(pilot))
        assert pilot.app.screen.results.input is None
        await pilot.press("i")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.is_seen)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen) and pilot.app.screen.results.input)
        await until(pilot, lambda: rows_read(pilot))
        assert pilot.app.screen.results.input.exists()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RequestScreen) and pilot.app.screen._whole)
        assert "PARAMETERS" in screen_text(pilot)
        brought = home / job.id / ".input.jsonl"
        assert brought.exists()
        await pilot.press("escape", "escape")
        await until(pilot, lambda: not brought.exists())


async def test_what_is_copied_of_a_request(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    copied = {}
    async with opened(empty_cloud, paths, job) as pilot:
        await open_request(pilot, "cut-0")
        for key in "iatlrc":
            await pilot.press("c")
            await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, RequestScreen))
            copied[key] = pilot.app.clipboard
    assert (copied["i"], copied["a"], copied["t"]) == ("cut-0", "it goes", "let me think")
    assert json.loads(copied["l"]) == USUAL[40][1]
    assert json.loads(copied["r"]) == USUAL[40][0]
    assert copied["c"] == f"arkdeck results {JOB_ID} --id cut-0"


async def test_a_line_of_millions_of_characters_is_cut(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    text = "x" * 3_000_000
    rows = [(request("big", text, n="y" * 100_000), answer("big", text)), (request("lost", text), None)]
    job = await write_results(home, rows)
    async with opened(empty_cloud, paths, job, listed=2) as pilot:
        assert ids_shown(pilot) == ["big", "lost"]
        assert "2.9 MiB, too long for a list" in screen_text(pilot)
        await open_request(pilot, "big")
        await pilot.press("G")
        assert "more characters" in screen_text(pilot)
        await pilot.press("c")
        await until(pilot, lambda: "too long: 2.9 MiB" in screen_text(pilot))


# What is left


async def retry_form(pilot: Pilot[Any]) -> RetryForm:
    await pilot.press("R")
    await until(pilot, lambda: isinstance(pilot.app.screen, RetryForm) and "left" in screen_text(pilot))
    return pilot.app.screen


async def test_what_is_left_is_written_and_leads_to_a_new_job(
    empty_cloud: LocalCloud, paths: Paths, home: Path
) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await retry_form(pilot)
        await until(pilot, lambda: "6 requests are left: 4 failed · 2 missing" in screen_text(pilot))
        assert "1 of them failed for a reason that sending again will not" in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CreateScreen))
        draft = pilot.app.creation.draft
    written = home / JOB_ID / "retry-1.jsonl"
    assert [json.loads(line) for line in written.read_text().splitlines()] == [asked for asked, _said in USUAL[41:]]
    assert (draft.path, draft.parent, draft.name) == (written, JOB_ID, "nightly-eval-retry-1")
    assert draft.model == "doubao-pro-32k@240615"


async def test_a_kind_of_error_is_retried_with_a_change(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job, size=(80, 24)) as pilot:
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen))
        form = await retry_form(pilot)
        await until(pilot, lambda: "3 requests are left" in screen_text(pilot))
        form.query_one("#changes").value = "nonsense"
        await until(pilot, lambda: "not a change: nonsense" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: form.focused is form.query_one("#changes"))
        form.query_one("#changes").value = "max_tokens=64 user='a b'"
        write = form.query_one("#write")
        write.focus()
        await until(pilot, lambda: form.focused is write and not write.has_class("-active"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, CreateScreen))
    rows = [json.loads(line) for line in (home / JOB_ID / "retry-1.jsonl").read_text().splitlines()]
    assert [row["custom_id"] for row in rows] == ["slow-0", "slow-1", "slow-2"]
    assert all((row["body"]["max_tokens"], row["body"]["user"]) == (64, "a b") for row in rows)


async def test_a_retry_is_not_sent_to_another_cloud(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        await retry_form(pilot)
        await reconnect(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
    assert not list((home / JOB_ID).glob("retry-*"))


async def test_nothing_chosen_writes_nothing(empty_cloud: LocalCloud, paths: Paths, home: Path) -> None:
    job = await write_results(home, USUAL)
    async with opened(empty_cloud, paths, job) as pilot:
        form = await retry_form(pilot)
        form.query_one("#failed").focus()
        await until(pilot, lambda: form.focused is form.query_one("#failed"))
        await pilot.press("space", "down", "space")
        await until(pilot, lambda: "nothing is chosen" in screen_text(pilot))
        assert form.query_one("#write").disabled
        await pilot.press("escape")
        assert not list((home / JOB_ID).glob("retry-*"))


async def test_where_every_request_has_its_answer_there_is_nothing_to_retry(
    empty_cloud: LocalCloud, paths: Paths, home: Path
) -> None:
    job = await write_results(home, USUAL[:5])
    async with opened(empty_cloud, paths, job) as pilot:
        await pilot.press("R")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot) == ["every request has its answer"]
        await pilot.press("e")
        await until(pilot, lambda: len(toasts(pilot)) > 1)
        assert toasts(pilot)[1] == "no request failed"


async def test_a_job_that_was_stopped_may_be_resumed_instead(busy: LocalCloud, deck_on: DeckOn, home: Path) -> None:
    async with deck_on(busy, size=(120, 40)) as pilot:
        connection = pilot.app.connection
        views = connection.poller.board.views.values()
        job = next(view.job for view in views if view.job.phase == Phase.TERMINATED and view.job.counts.completed)
        await bring_home(job, home, connection.services)
        pilot.app.screen.table.move_to(job.id)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ResultsScreen) and rows_read(pilot))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen) and pilot.app.screen.is_seen)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, RetryForm) and "instead" in screen_text(pilot))
        await pilot.click("#resume")
        await until(pilot, lambda: isinstance(pilot.app.screen, ConfirmScreen))
        assert "Resume this job?" in screen_text(pilot)


# Text from outside


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_hostile_texts_are_shown_as_text(
    empty_cloud: LocalCloud, paths: Paths, home: Path, size: tuple[int, int]
) -> None:
    texts = [text[:600] for text in hostile.ALL if text and not any("\ud800" <= char <= "\udfff" for char in text)]
    rows: list[tuple[dict[str, Any], dict[str, Any] | None]] = []
    for number, text in enumerate(texts):
        custom_id = f"{number} {text}"
        asked = request(custom_id, text) | {"body": {"messages": [{"role": text, "content": text}], text: {text: text}}}
        said = [answer(custom_id, text, text, reasoning_content=text), failure(custom_id, text, text), None][number % 3]
        rows.append((asked, said))
    job = await write_results(home, rows)
    async with opened(empty_cloud, paths, job, size=size) as pilot:
        for key in ("1", "2", "6", "0"):
            await pilot.press(key)
            await until(pilot, lambda: rows_read(pilot))
            assert_harmless(pilot)
        for asked, _said in rows[:: 7 if size[0] > 100 else 16]:
            await open_request(pilot, asked["custom_id"])
            assert_harmless(pilot)
            await pilot.press("escape")
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, MenuScreen))
        assert_harmless(pilot)


def test_every_fate_has_its_tab() -> None:
    from tui.widgets.result_cells import KINDS

    assert {kind.fate for kind in KINDS} == {None, *Fate}
