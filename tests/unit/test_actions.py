"""The registry of actions: keys that arrive, reasons that are told, and command lines that the command takes."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from tui.actions import ACTIONS, Scope, Situation, action, command_line, in_scope, in_shell, obstacle
from tui.ark.models import FoundationModelRef, Job, Location, Phase
from tui.cli.root import arkdeck
from tui.folders import Entry, Kind
from tui.runs.board import JobView
from tui.runs.forecast import Forecast
from tui.runs.job_filter import parse_filter
from tui.settings.key_names import parse_keys
from tui.situations import Picking, bound_to_the_deck

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEVER_BOUND = {f"ctrl+{key}" for key in ("a", "b", "h", "i", "j", "m", "s", "q", "space")}


def view(job_id: str = "bi-1", phase: Phase = Phase.RUNNING, name: str = "nightly") -> JobView:
    place = Location("batch", "input/a.jsonl")
    job = Job(
        id=job_id, name=name, phase=phase, input=place, output=Location("batch", "out/"), model=FoundationModelRef("m")
    )
    return JobView(job, Forecast(), NOW)


def situation(*views: JobView, **fields) -> Situation:
    return Situation(jobs=views, **({"connected": True, "profile": "prod", "listing": True} | fields))


# Keys


def test_every_action_has_an_id_of_its_own() -> None:
    assert len({each.id for each in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("each", ACTIONS, ids=lambda each: each.id)
def test_keys_are_written_as_a_keymap_may_write_them(each) -> None:
    assert each.keys == tuple(key for written in each.keys for key in parse_keys(written))


@pytest.mark.parametrize("each", ACTIONS, ids=lambda each: each.id)
def test_no_key_is_one_that_multiplexers_flow_control_or_input_methods_take(each) -> None:
    assert not NEVER_BOUND & set(each.keys)


@pytest.mark.parametrize("each", [each for each in ACTIONS if each.writes], ids=lambda each: each.id)
def test_nothing_in_lower_case_changes_what_is_remote(each) -> None:
    assert all(len(key) == 1 and key.isupper() for key in each.keys)


@pytest.mark.parametrize("scope", Scope)
def test_on_a_screen_a_key_means_one_action(scope: Scope) -> None:
    keys = [key for each in in_scope(scope) for key in each.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("scope", Scope)
def test_actions_of_a_group_stand_together(scope: Scope) -> None:
    groups = [each.group for each in in_scope(scope)]
    assert sorted(groups, key=groups.index) == groups


def test_the_key_bar_ends_with_the_help() -> None:
    assert max(ACTIONS, key=lambda each: each.footer).id == "app.help"


def test_one_handler_serves_the_tabs() -> None:
    tab = action("jobs.tab_3")
    assert (tab.handler, tab.argument) == ("do_jobs_tab", 3)


# What stands in the way


@pytest.mark.parametrize("action_id", ["job.stop", "job.resume", "job.delete", "job.update", "job.clone"])
def test_a_read_only_profile_refuses_every_change_by_name(action_id: str) -> None:
    assert obstacle(action(action_id), situation(view(), read_only=True)) == "profile prod is read only"


@pytest.mark.parametrize("action_id", ["job.open", "job.json", "job.copy", "jobs.filter", "jobs.refresh", "app.quit"])
def test_looking_is_possible_on_a_read_only_profile(action_id: str) -> None:
    assert obstacle(action(action_id), situation(view(), read_only=True)) is None


@pytest.mark.parametrize("action_id", ["job.stop", "jobs.pause"])
def test_without_a_connection_the_service_cannot_be_asked(action_id: str) -> None:
    assert obstacle(action(action_id), situation(view(), connected=False)) == "not connected"


def test_a_service_that_refused_the_keys_can_be_asked_again() -> None:
    assert obstacle(action("jobs.refresh"), situation(connected=False)) is None
    assert obstacle(action("jobs.refresh"), situation(connected=False, profile="")) == "not connected"


@pytest.mark.parametrize("action_id", ["job.stop", "job.open", "job.copy", "jobs.mark"])
def test_without_a_job_there_is_nothing_to_act_on(action_id: str) -> None:
    assert obstacle(action(action_id), situation()) == "no job is selected"


@pytest.mark.parametrize(
    ("action_id", "phase", "reason"),
    [
        ("job.stop", Phase.COMPLETED, "already finished"),
        ("job.stop", Phase.RUNNING, None),
        ("job.resume", Phase.RUNNING, "not finished yet"),
        ("job.resume", Phase.FAILED, None),
        ("job.delete", Phase.QUEUED, "not finished yet"),
        ("job.delete", Phase.TERMINATED, None),
        ("job.stop", Phase("Paused?"), None),
    ],
)
def test_a_job_allows_what_its_phase_allows(action_id: str, phase: Phase, reason: str | None) -> None:
    assert obstacle(action(action_id), situation(view(phase=phase))) == reason


def test_several_jobs_can_be_stopped_when_one_of_them_can() -> None:
    marked = situation(view("bi-1", Phase.COMPLETED), view("bi-2", Phase.RUNNING), marked=True)
    assert obstacle(action("job.stop"), marked) is None


def test_several_jobs_that_all_refuse_are_told_the_first_one_s_reason() -> None:
    marked = situation(view("bi-1", Phase.TERMINATING), view("bi-2", Phase.COMPLETED), marked=True)
    assert obstacle(action("job.stop"), marked) == "being stopped already"


@pytest.mark.parametrize("action_id", ["job.json", "job.update", "job.clone"])
def test_what_is_done_to_one_job_is_not_done_to_several(action_id: str) -> None:
    finished = [view(job_id, Phase.COMPLETED) for job_id in ("bi-1", "bi-2")]
    assert obstacle(action(action_id), situation(*finished, marked=True)) == "several jobs are marked"


def test_marks_can_be_cleared_only_where_there_are_some() -> None:
    assert obstacle(action("jobs.clear_marks"), situation(view())) == "no job is marked"
    assert obstacle(action("jobs.clear_marks"), situation(view(), marked=True)) is None


PICKED = [Entry(kind.value, kind) for kind in Kind]


@pytest.mark.parametrize("entry", PICKED, ids=lambda entry: entry.name)
@pytest.mark.parametrize("folders", [False, True])
def test_a_folder_is_chosen_as_it_is_listed_and_a_file_under_the_cursor(entry: Entry, folders: bool) -> None:
    picking = Situation(picking=Picking(folder=Path("/srv"), entry=entry, folders=folders))
    refused = obstacle(action("picker.choose"), picking)
    if entry.kind is Kind.FOLDER and not folders:
        assert refused == "a file is wanted here, and this is a folder"
    else:
        assert refused is None


def test_in_an_empty_folder_there_is_nothing_to_open_and_at_the_top_none_above() -> None:
    empty = Situation(picking=Picking(folder=Path("/"), entry=None, folders=False))
    assert obstacle(action("picker.open"), empty) == "nothing is listed here"
    assert obstacle(action("picker.choose"), empty) == "nothing is listed here"
    assert obstacle(action("picker.parent"), empty) == "there is no folder above"


def test_where_a_folder_is_wanted_files_are_not_listed() -> None:
    wanted = Situation(picking=Picking(folder=Path("/srv"), entry=None, folders=True))
    assert obstacle(action("picker.all"), wanted) == "a folder is wanted, so files are not listed"
    assert obstacle(action("picker.parent"), wanted) is None


# The same by the command


def parsed(line: str) -> dict[str, object]:
    """What the command understands of the line; click refuses what it does not."""
    program, *words = shlex.split(line)
    assert program == "arkdeck"
    root = arkdeck.make_context("arkdeck", words)
    name, verb, rest = arkdeck.resolve_command(root, [*root._protected_args, *root.args])
    assert name is not None
    assert isinstance(verb, click.Command)
    with root:
        own = verb.make_context(name, rest, parent=root).params
    return {"verb": name, **own, "profile": root.params["profile"] or own.get("profile")}


@pytest.mark.parametrize(
    ("action_id", "line"),
    [
        ("job.open", "arkdeck job bi-1"),
        ("job.json", "arkdeck job bi-1 --json"),
        ("job.stop", "arkdeck stop bi-1"),
        ("job.resume", "arkdeck resume bi-1"),
        ("job.delete", "arkdeck delete bi-1"),
        ("job.update", "arkdeck update bi-1 --name nightly"),
        ("job.clone", "arkdeck clone bi-1"),
        ("jobs.filter", "arkdeck jobs"),
        ("app.copy_command", "arkdeck jobs"),
        ("app.profiles", "arkdeck profiles"),
    ],
)
def test_an_action_on_a_job_is_a_verb_on_its_id(action_id: str, line: str) -> None:
    assert command_line(action(action_id), situation(view())) == line


@pytest.mark.parametrize("each", ACTIONS, ids=lambda each: each.id)
def test_the_command_takes_every_line_that_is_copied(each) -> None:
    line = command_line(each, situation(view(name="-rf --yes"), named=True, filter="phase:failed !x"))
    assert line is None or parsed(line)["profile"] == "prod"


@pytest.mark.parametrize("action_id", ["job.stop", "job.resume", "job.delete"])
def test_several_marked_jobs_are_one_line(action_id: str) -> None:
    line = command_line(action(action_id), situation(view("bi-1"), view("bi-2"), marked=True))
    assert line is not None
    assert parsed(line)["job_ids"] == ("bi-1", "bi-2")


@pytest.mark.parametrize("action_id", ["job.open", "job.update", "job.clone"])
def test_what_takes_one_job_has_no_line_for_several(action_id: str) -> None:
    assert command_line(action(action_id), situation(view("bi-1"), view("bi-2"))) is None


def test_the_profile_is_named_only_where_the_operator_named_it() -> None:
    assert command_line(action("job.stop"), situation(view(), named=True)) == "arkdeck -p prod stop bi-1"


def test_the_list_is_copied_with_its_filter() -> None:
    line = command_line(action("app.copy_command"), situation(filter="phase:running 'night run' !x"))
    assert line is not None
    assert parsed(line)["text"] == "phase:running 'night run' !x"
    assert parse_filter(str(parsed(line)["text"])).text == "phase:running 'night run' !x"


def test_an_open_job_is_copied_as_itself() -> None:
    alone = replace(situation(view("bi-9")), listing=False, filter="phase:running")
    assert command_line(action("app.copy_command"), alone) == "arkdeck job bi-9"


@pytest.mark.parametrize("name", ["x; rm -rf /", "$(id)", "a'b\"c", "`id`", "a\nb", "--yes", "[red]x[/]"])
def test_a_shell_reads_a_hostile_name_as_a_name(name: str) -> None:
    line = command_line(action("job.update"), situation(view(name=name)))
    assert line is not None
    assert parsed(line)["name"] == name


def test_a_command_line_on_the_local_cloud_is_given_with_what_it_takes() -> None:
    alone = situation(view(), local=True, profile="local")
    assert command_line(action("job.open"), alone) == "arkdeck job bi-1"
    assert obstacle(action("app.copy_command"), alone) is None
    assert "only while this deck runs" in bound_to_the_deck(alone)
    assert bound_to_the_deck(situation(view())) == ""


def test_a_path_at_home_is_written_as_a_shell_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    words = ("submit", "/home/me/a b/x.jsonl", "--name", "/x//y", "--description", "~")
    assert in_shell(words, Situation()) == "arkdeck submit ~/'a b/x.jsonl' --name /x//y --description '~'"
