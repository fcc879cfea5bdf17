"""The forms that change a job or clone it: what is typed, what stands against it, what is sent, and how it ends."""

from __future__ import annotations

import pytest
from textual.widgets import Button, Input

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import HeldClock, reconnect, screen_text, toasts, until
from tui.ark.models import Job, Phase
from tui.localcloud import ALWAYS, LocalCloud
from tui.screens.confirm import ConfirmScreen
from tui.screens.job_form import JobForm
from tui.screens.jobs import JobsScreen
from tui.widgets.table import VirtualTable

UPDATE, CREATE = "UpdateBatchInferenceJob", "CreateBatchInferenceJob"


def board(pilot):
    return pilot.app.connection.poller.board.views


def calls(cloud: LocalCloud, operation: str) -> int:
    return [each.operation for each in cloud.requests].count(operation)


def field(pilot, name: str) -> Input:
    return pilot.app.screen.query_one(f"#{name}", Input)


def type_over(pilot, name: str, text: str) -> None:
    field(pilot, name).value = ""
    field(pilot, name).insert_text_at_cursor(text)


def outcome(pilot) -> str:
    return str(pilot.app.screen.query_one("#outcome").render())


async def open_form(pilot, key: str, phase: Phase) -> Job:
    """Open the form for a job in this phase, whose texts are plain."""
    job = next(view.job for view in board(pilot).values()
               if view.job.phase == phase and view.job.name.isprintable() and view.job.description)  # fmt: skip
    pilot.app.screen.query_one(VirtualTable).move_to(job.id)
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, JobForm) and pilot.app.screen.is_seen)
    return job


# Update


async def test_a_job_is_renamed_and_nothing_else_of_it_is_sent(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("-", "2", "enter")
        await until(pilot, lambda: board(pilot)[job.id].job.name == f"{job.name}-2")
        assert board(pilot)[job.id].job.description == job.description
        assert isinstance(pilot.app.screen, JobsScreen)
        assert toasts(pilot) == ["job updated"]
        (done,) = pilot.app.connection.services.journal.activity(job.id)
        assert (done.deed, done.detail) == ("update", "name")


async def test_a_description_can_be_emptied(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.COMPLETED)
        type_over(pilot, "description", "")
        await pilot.press("enter")
        await until(pilot, lambda: board(pilot)[job.id].job.description == "")


async def test_nothing_is_sent_while_nothing_is_changed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("enter")
        assert outcome(pilot) == "nothing is changed yet"
        assert calls(busy, UPDATE) == 0


@pytest.mark.parametrize(
    ("name", "reason"), [("", "a job needs a name"), ("  ", "a job needs a name"), ("x" * 201, "201 characters")]
)
async def test_what_is_wrong_stands_beneath_its_field_and_is_not_sent(
    busy: LocalCloud, deck_on: DeckOn, name: str, reason: str
):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        type_over(pilot, "name", name)
        await pilot.press("down", "enter")
        assert reason in str(pilot.app.screen.query_one("#wrong-name").render())
        assert pilot.app.focused is field(pilot, "name")
        assert calls(busy, UPDATE) == 0


async def test_a_refusal_stays_in_the_form_with_what_was_typed(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(f"ark:{UPDATE}", status=400, code="InvalidParameter")
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "enter")
        await until(pilot, lambda: "InvalidParameter" in outcome(pilot))
        assert field(pilot, "name").value == f"{job.name}x"
        await pilot.press("enter")
        await until(pilot, lambda: toasts(pilot) == ["job updated"])


async def test_a_cut_network_is_told_and_the_change_can_be_sent_again(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(f"ark:{UPDATE}", reset="before", times=20)
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "enter")
        await until(pilot, lambda: outcome(pilot).startswith(("✗", "x ")))
        assert not field(pilot, "name").disabled
        busy.clear_faults()
        await pilot.press("enter")
        await until(pilot, lambda: board(pilot)[job.id].job.name == f"{job.name}x")


async def test_a_key_that_is_pressed_twice_sends_once(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(f"ark:{UPDATE}", delay=0.2)
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "enter", "enter", "enter")
        await until(pilot, lambda: toasts(pilot) == ["job updated"])
        assert calls(busy, UPDATE) == 1


async def test_a_form_that_is_left_while_it_sends_tells_how_it_ended(busy: LocalCloud, deck_on: DeckOn):
    busy.fault(f"ark:{UPDATE}", delay=1, status=400, code="InvalidParameter")
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "enter", "escape")
        assert isinstance(pilot.app.screen, JobsScreen)
        await until(pilot, lambda: any("InvalidParameter" in each for each in toasts(pilot)))


async def test_the_cloud_is_left_while_the_form_is_open_and_nothing_can_be_sent(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x")
        await reconnect(pilot)
        assert "is not open any more" in outcome(pilot)
        pilot.app.screen._begin(pilot.app.screen._send)
        await pilot.pause()
        assert calls(busy, UPDATE) == 0
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen), "there is nothing left to lose"


async def test_the_cloud_is_left_while_the_form_sends_and_nobody_knows_what_became_of_it(
    busy: LocalCloud, deck_on: DeckOn
):
    busy.fault(f"ark:{UPDATE}", delay=5)
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "enter")
        await reconnect(pilot)
        await until(pilot, lambda: "cut off before the reply came" in outcome(pilot))
        (noted,) = pilot.app.connection.services.journal.activity(job.id)
        assert noted.maybe_applied


async def test_what_is_saved_but_not_written_down_says_both(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        pilot.app.connection.services.journal._db._connection.execute("DROP TABLE activity")
        await pilot.press("x", "enter")
        await until(pilot, lambda: any(each.startswith("job updated, but the journal") for each in toasts(pilot)))
        await until(pilot, lambda: board(pilot)[job.id].job.name == f"{job.name}x")


# Leaving


async def test_escape_leaves_at_once_while_nothing_is_typed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_escape_asks_before_it_discards_what_was_typed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        await pilot.press("x", "escape")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        await pilot.press("escape")
        assert field(pilot, "name").value == f"{job.name}x"
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen.is_seen)
        await pilot.press("y")
        assert isinstance(pilot.app.screen, JobsScreen)
        assert calls(busy, UPDATE) == 0


async def test_what_is_typed_right_behind_a_tab_goes_to_the_next_field(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        for key in ("tab", "x"):  # as one packet of a slow link brings them
            pilot.app.simulate_key(key)
        await until(pilot, lambda: field(pilot, "description").value == f"{job.description}x")
        assert field(pilot, "name").value == job.name


# Clone


async def create(pilot) -> None:
    """Press the button that creates the job."""
    pilot.app.screen.query_one("#send", Button).focus()
    await pilot.press("enter")


async def test_enter_in_a_field_of_a_clone_goes_on_to_the_next_and_pays_nothing(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        for _field in range(4):
            await pilot.press("enter")
        assert pilot.app.focused is pilot.app.screen.query_one("#send", Button)
        assert calls(busy, CREATE) == 0


async def test_a_clone_that_the_tab_does_not_list_is_shown_among_all(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await pilot.press("5")
        before = set(board(pilot))
        await open_form(pilot, "N", Phase.FAILED)
        await create(pilot)
        await until(pilot, lambda: pilot.app.screen.query_one(VirtualTable).cursor_key in set(board(pilot)) - before)


async def test_a_clone_is_named_after_the_original_and_chosen_in_the_list(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "N", Phase.COMPLETED)
        assert field(pilot, "name").value == f"{job.name}-clone"
        assert job.input.key in screen_text(pilot)
        await create(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobsScreen))
        chosen = pilot.app.screen.query_one(VirtualTable).cursor_key
        await until(pilot, lambda: pilot.app.screen.query_one(VirtualTable).cursor_key != job.id)
        made = board(pilot)[pilot.app.screen.query_one(VirtualTable).cursor_key].job
        assert made.name == f"{job.name}-clone"
        assert (made.input, made.model, made.window_days) == (job.input, job.model, job.window_days)
        assert toasts(pilot) == [f"created {made.id}"]
        assert chosen


async def test_model_and_window_of_a_clone_can_be_others(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        before = set(board(pilot))
        await open_form(pilot, "N", Phase.FAILED)
        type_over(pilot, "model", "deepseek-r1@250528")
        type_over(pilot, "window", "2d")
        await create(pilot)
        await until(pilot, lambda: set(board(pilot)) - before)
        (made,) = set(board(pilot)) - before
        assert str(board(pilot)[made].job.model) == "deepseek-r1@250528"
        assert board(pilot)[made].job.window_days == 2


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("window", "0", "from 1 to 28"),
        ("window", "29", "from 1 to 28"),
        ("window", "soon", "from 1 to 28"),
        ("window", "", "from 1 to 28"),
        ("model", "a b", "NAME or NAME@VERSION"),
        ("model", "", "NAME or NAME@VERSION"),
    ],
)
async def test_a_clone_that_cannot_be_is_not_sent(busy: LocalCloud, deck_on: DeckOn, name: str, text: str, reason: str):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.FAILED)
        type_over(pilot, name, text)
        await create(pilot)
        assert reason in str(pilot.app.screen.query_one(f"#wrong-{name}").render())
        assert calls(busy, CREATE) == 0


async def test_a_dry_run_lets_the_service_judge_and_makes_nothing(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        before = set(board(pilot))
        await open_form(pilot, "N", Phase.COMPLETED)
        pilot.app.screen.query_one("#rehearse", Button).press()
        await until(pilot, lambda: outcome(pilot) == "The service would create this job.")
        await pilot.press("escape", "r")
        await until(pilot, lambda: not pilot.app.poll_status.asking)
        assert set(board(pilot)) == before


async def test_a_model_that_the_service_lists_is_completed(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.FAILED)
        offered = pilot.app.screen.query_one("#offers-model")
        await until(pilot, lambda: "doubao-pro-32k@240615" in str(offered.render()))
        field(pilot, "model").focus()
        field(pilot, "model").value = ""
        await pilot.press(*"DeepSeek-R")
        await until(pilot, lambda: field(pilot, "model")._suggestion)
        assert "doubao" not in str(offered.render())
        await pilot.press("right")
        assert field(pilot, "model").value == "deepseek-r1@250528"


async def test_a_clone_needs_no_list_of_models(busy: LocalCloud, deck_on: DeckOn):
    busy.fault("ark:ListFoundationModels", status=400, code="InvalidAction", times=ALWAYS)
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        await until(pilot, lambda: calls(busy, "ListFoundationModels"))
        await create(pilot)
        await until(pilot, lambda: any(each.startswith("created bi-") for each in toasts(pilot)))


async def test_a_model_without_a_main_version_is_told_in_the_forms_words(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        type_over(pilot, "model", "doubao-pro-23k")
        pilot.app.screen.query_one("#rehearse", Button).press()
        await until(pilot, lambda: "doubao-pro-32k" in outcome(pilot))
        assert "write the version behind the name: doubao-pro-23k@VERSION" in outcome(pilot)
        assert "arkdeck" not in outcome(pilot)
        assert "--" not in outcome(pilot)


async def test_a_dry_run_tells_what_the_service_would_refuse(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        type_over(pilot, "model", "no-such-model@1")
        pilot.app.screen.query_one("#rehearse", Button).press()
        await until(pilot, lambda: outcome(pilot).startswith(("✗", "x ")))
        assert isinstance(pilot.app.screen, JobForm)


async def test_an_active_job_on_the_input_is_named(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "N", Phase.COMPLETED)
        await create(pilot)
        await until(pilot, lambda: toasts(pilot))
        (made,) = (view.job.id for view in board(pilot).values() if view.job.name == f"{job.name}-clone")
        pilot.app.screen.query_one(VirtualTable).move_to(job.id)
        await pilot.press("N")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobForm) and pilot.app.screen.is_seen)
        await create(pilot)
        await until(pilot, lambda: made in outcome(pilot))
        assert "arkdeck" not in outcome(pilot)


async def test_a_clone_of_which_nobody_knows_is_not_sent_again(busy: LocalCloud, deck_on: DeckOn, clock: HeldClock):
    busy.fault(f"ark:{CREATE}", reset="after", times=ALWAYS)
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        busy.fault("ark:ListBatchInferenceJobs", reset="before", times=ALWAYS)
        await create(pilot)
        await until(pilot, lambda: clock.advance(1) or outcome(pilot).startswith(("✗", "x ")))
        advice, _press, tag = outcome(pilot).partition("press / and type  ")
        assert "Look for it before you clone again" in advice
        assert tag.strip().startswith("tag:arkdeck:clone=")
        sent = calls(busy, CREATE)
        assert pilot.app.screen.query_one("#send", Button).disabled
        pilot.app.screen._begin(pilot.app.screen._send)  # as a key would that was on its way
        await pilot.pause()
        assert calls(busy, CREATE) == sent > 0


async def test_a_job_whose_id_could_not_be_written_down_is_named_and_not_made_again(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        await open_form(pilot, "N", Phase.COMPLETED)
        pilot.app.connection.services.journal._db._connection.execute("DROP TABLE activity")
        await create(pilot)
        await until(pilot, lambda: any(each.startswith("created bi-") and "but" in each for each in toasts(pilot)))
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_an_active_job_cannot_be_cloned(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = next(view.job for view in board(pilot).values() if view.job.phase == Phase.RUNNING)
        pilot.app.screen.query_one(VirtualTable).move_to(job.id)
        await pilot.press("N")
        assert "still active" in toasts(pilot)[0]


# Text from outside


async def test_control_characters_that_are_pasted_are_not_taken(busy: LocalCloud, deck_on: DeckOn):
    async with deck_on(busy) as pilot:
        job = await open_form(pilot, "U", Phase.RUNNING)
        field(pilot, "name").insert_text_at_cursor("\x1b]0;x\x07")
        await pilot.pause()
        assert field(pilot, "name").value == job.name
        assert toasts(pilot) == ["that holds control characters"]
