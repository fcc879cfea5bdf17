"""A job in the making: what is typed, what the check finds, what the service says before anything is sent."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from tests.flows.deck import MODEL, write_requests
from tests.ui.pilot_tools import environ_of
from tui.cli.submit import submit
from tui.connection import open_profile
from tui.creation import Creation, Stage, Standing
from tui.errors import UsageError
from tui.launch import Launch
from tui.localcloud import CloudInfo, LocalCloud
from tui.runs.drafting import draft_of
from tui.runs.submission import new_nonce
from tui.settings.draft import Draft
from tui.settings.paths import Paths

Made = Callable[..., AbstractAsyncContextManager[Creation]]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Open a job in the making: `async with made(cloud.info, file=path, model=MODEL) as creation`."""

    @asynccontextmanager
    async def make(info: CloudInfo, file: Path | None = None, **typed: object) -> AsyncIterator[Creation]:
        paths = Paths(tmp_path / "config.toml", tmp_path / "data", tmp_path / "state")
        async with open_profile(Launch(paths=paths, environ=environ_of(info)), None, {}) as connection:
            draft = Draft(file=os.fsencode(file) if file else b"", **typed)
            yield Creation(connection, draft, tell=lambda: None, keep=lambda _draft: None)

    return make


# The check


async def test_the_check_lists_issues_under_their_rules(cloud: LocalCloud, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "some.jsonl"
    write_requests(file, 9, bad=frozenset([2, 5]))
    with file.open("a") as more:
        more.write("not json\n")
    async with made(cloud.info, file) as creation:
        await creation.run_check()
        assert {rule: [each.issue.line for each in found] for rule, found in creation.check.issues.items()} == {
            "unknown-role": [3, 6],
            "not-json": [10],
        }
        assert creation.check.issues["not-json"][0].excerpt == "not json"
        assert creation.standing(Stage.CHECK) is Standing.WRONG
        assert creation.obstacle == "the file is not in order: see Check"


async def test_a_file_that_is_gone_says_so(cloud: LocalCloud, made: Made, tmp_path: Path) -> None:
    async with made(cloud.info, tmp_path / "gone.jsonl") as creation:
        await creation.run_check()
        assert "gone.jsonl" in creation.check.error.message
        assert creation.standing(Stage.CHECK) is Standing.WRONG


async def test_a_check_that_is_stopped_is_no_check(cloud: LocalCloud, made: Made, tmp_path: Path) -> None:
    file = tmp_path / "large.jsonl"
    write_requests(file, 40_000)
    async with made(cloud.info, file) as creation:
        checking = asyncio.create_task(creation.run_check())
        while creation.check is None or not creation.check.done:  # noqa: ASYNC110  # the next step of the check
            await asyncio.sleep(0)
        checking.cancel()
        with suppress(asyncio.CancelledError):
            await checking
        assert (creation.check.stopped, creation.check.running) == (True, False)
        assert creation.standing(Stage.CHECK) is Standing.OPEN


async def test_another_file_is_checked_anew(cloud: LocalCloud, made: Made, requests_file: Path) -> None:
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        await creation.run_check()
        await creation.run_review()
        assert creation.review.ready
        creation.change(file=b"/other.jsonl")
        assert (creation.check, creation.review) == (None, None)


# The fields


@pytest.mark.parametrize(
    ("field", "text", "trouble"),
    [
        ("model", "", "no model is chosen"),
        ("model", "two words", "not a model"),
        ("window", "29", "not a window"),
        ("window", "soon", "not a window"),
        ("name", "x" * 201, "201 characters"),
        ("description", "bell \a", "not plain text"),
        ("tags", "team", "not a tag"),
        ("tags", "team='open", "quotation mark"),
        ("tags", "a=1 a=2", "given twice"),
    ],
)
async def test_what_is_wrong_is_said_of_its_field(
    cloud: LocalCloud, made: Made, field: str, text: str, trouble: str
) -> None:
    async with made(cloud.info, **{"model": MODEL, field: text}) as creation:
        assert list(creation.troubles) == [field]
        assert trouble in str(creation.troubles[field])
        assert creation.standing(Stage.JOB) is (Standing.WRONG if creation.draft.model else Standing.OPEN)


async def test_what_is_left_empty_is_as_the_profile_says(cloud: LocalCloud, made: Made, requests_file: Path) -> None:
    async with made(cloud.info, requests_file, model=" cm-20240401114541-5gzd8 ") as creation:
        plan = creation.plan()
        assert (plan.bucket, plan.project, plan.window_days) == (cloud.info.bucket, "default", 28)
        assert (plan.model, plan.custom_model) == ("", "cm-20240401114541-5gzd8")
        assert plan.job_name == creation.proposed_name == "requests"


async def test_a_plan_becomes_a_draft_and_the_same_plan_again(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        plan = msgspec.structs.replace(
            creation.plan(),
            name="夜间",
            tags={"team": "search and rank", "q": "it's"},
            window_days=3,
            input_prefix="in/",
            parent="bi-20260101000000-abcde",
            nonce=new_nonce(),
        )
        creation.begin_anew(draft_of(plan))
        assert creation.plan() == plan


async def test_tags_and_a_window_are_drafted_as_one_types_them(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    async with made(cloud.info, requests_file, model=MODEL, tags="env=test team=甲", window="2d") as creation:
        draft = draft_of(creation.plan())
        assert (draft.tags, draft.window) == ("env=test team=甲", "2d")


async def test_a_model_without_the_version_behind_its_sign_is_the_model(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    async with made(cloud.info, requests_file, model="doubao-pro-32k@") as creation:
        assert (creation.plan().model, creation.plan().version) == ("doubao-pro-32k", "")


async def test_without_a_file_there_is_no_plan(cloud: LocalCloud, made: Made) -> None:
    async with made(cloud.info, model=MODEL) as creation:
        with pytest.raises(UsageError, match="no file is chosen"):
            creation.plan()
        assert creation.command() is None


async def test_the_command_line_is_one_that_submit_takes(cloud: LocalCloud, made: Made, requests_file: Path) -> None:
    async with made(
        cloud.info, requests_file, model=MODEL, name="n", window="7", tags="a=1", bucket="other-bucket",
        input_prefix="x/y", create_bucket=True, nonce=new_nonce(),
    ) as creation:  # fmt: skip
        words = creation.command()
        taken = submit.make_context("submit", list(words[1:])).params
        assert (taken["file"], taken["model"], taken["window"]) == (requests_file, MODEL, "7d")
        assert (taken["bucket"], taken["input_prefix"], taken["again"]) == ("other-bucket", "x/y/", True)
        creation.change(name="", window="", tags="", bucket="", input_prefix="", create_bucket=False, nonce="")
        assert creation.command() == ("submit", str(requests_file), "--model", MODEL)


# The review


async def test_the_review_tells_what_would_happen(cloud: LocalCloud, made: Made, requests_file: Path) -> None:
    async with made(cloud.info, requests_file, model=MODEL.partition("@")[0]) as creation:
        await creation.run_review()
        assert creation.review is None  # nothing is asked before the file is known to be good
        await creation.run_check()
        await creation.run_review()
        review = creation.review
        assert (review.plan.version, review.version_chosen) == (MODEL.partition("@")[2], True)
        assert (review.found.how, review.found.existing, creation.obstacle) == ("upload", None, None)
        assert not any(each.operation == "PutObject" for each in cloud.requests)


async def test_a_refusal_stands_against_sending(cloud: LocalCloud, made: Made, requests_file: Path) -> None:
    cloud.fault("ark:CreateBatchInferenceJob", status=400, code="InvalidParameter")
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        await creation.run_check()
        await creation.run_review()
        assert creation.review.found.refusal is not None
        assert creation.standing(Stage.REVIEW) is Standing.WRONG
        assert creation.obstacle == creation.review.found.refusal.message


async def test_a_missing_bucket_stands_against_it_until_it_is_to_be_made(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    async with made(cloud.info, requests_file, model=MODEL, bucket="not-there-yet") as creation:
        await creation.run_check()
        await creation.run_review()
        assert "not-there-yet" in creation.review.error.message
        creation.change(create_bucket=True)
        await creation.run_review()
        assert (creation.review.found.new_bucket, creation.obstacle) == (True, None)


async def test_what_is_changed_while_the_service_is_asked_is_not_answered_by_that(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        await creation.run_check()
        cloud.fault("ark:CreateBatchInferenceJob", delay=0.2)
        asking = asyncio.create_task(creation.run_review())
        while creation.review is None:  # noqa: ASYNC110  # the next step of the review
            await asyncio.sleep(0)
        creation.change(window="2")
        await asking
        assert creation.review is None


async def test_an_answer_to_what_was_asked_before_is_not_the_one_to_what_is_asked_now(
    cloud: LocalCloud, made: Made, requests_file: Path
) -> None:
    cloud.fault("ark:CreateBatchInferenceJob", key="*another@1*", delay=600)
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        await creation.run_check()
        earlier = asyncio.create_task(creation.run_review())
        while creation.review is None:  # noqa: ASYNC110  # the next step of the review
            await asyncio.sleep(0)
        creation.change(model="another@1")
        later = asyncio.create_task(creation.run_review())
        while creation.review is None:  # noqa: ASYNC110  # likewise
            await asyncio.sleep(0)
        await earlier
        assert (creation.review.found, creation.review.plan.model) == (None, "another")
        later.cancel()
        with suppress(asyncio.CancelledError):
            await later


@pytest.mark.parametrize("change", [lambda path: write_requests(path, 7), Path.unlink])
async def test_a_file_that_changed_since_its_check_is_not_sent(
    cloud: LocalCloud, made: Made, requests_file: Path, change: Callable[[Path], None]
) -> None:
    async with made(cloud.info, requests_file, model=MODEL) as creation:
        await creation.run_check()
        await creation.run_review()
        change(requests_file)
        with pytest.raises(UsageError, match="changed since it was checked"):
            await creation.send()
        assert creation.connection.transfers.all == []
        assert (creation.check, creation.draft.path) == (None, requests_file)
