"""The picker: found in the list, typed, pasted; what cannot be taken says so; nothing holds the deck."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input

from tests import hostile
from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import painted, screen_text, until
from tests.ui.test_hostile_names import assert_harmless
from tui.app import Deck
from tui.folders import Batch
from tui.screens import folder_list
from tui.screens import picker as picker_module
from tui.screens.help import HelpScreen
from tui.screens.menu import MenuScreen
from tui.screens.picker import PickerScreen
from tui.settings.deck_state import load_state
from tui.settings.paths import Paths
from tui.widgets import file_preview
from tui.widgets.key_bar import KeyBar
from tui.widgets.table import VirtualTable

PickerOn = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


def request(custom_id: str, text: str) -> str:
    return json.dumps({"custom_id": custom_id, "body": {"messages": [{"role": "user", "content": text}]}})


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the operator's home with inputs, other files, folders and what is hidden."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "work"
    for name in ("results", "archive", ".cache"):
        (folder / name).mkdir(parents=True)
    (folder / "train-1.jsonl").write_text("".join(request(f"r-{n}", f"question {n}") + "\n" for n in range(30)))
    (folder / "train-2.jsonl").write_text("{broken\n")
    (folder / "evaluation.jsonl").write_text(request("only", "one") * 40)
    (folder / "notes.txt").write_text("notes")
    (folder / "archive" / "old.jsonl").write_text(request("old", "older"))
    return folder


@pytest.fixture
def chosen() -> list[Path]:
    return []


@pytest.fixture
def picker_on(deck_on: DeckOn, chosen: list[Path]) -> PickerOn:
    """Run the deck with the picker on top, its first folder listed."""

    @asynccontextmanager
    async def run(
        start: Path | None, *, size: tuple[int, int] = (120, 36), **options: Any
    ) -> AsyncIterator[Pilot[int]]:
        async with deck_on(None, size=size, settled=False) as pilot:
            await pilot.pause()
            await pilot.app.push_screen(PickerScreen(chosen.append, **({"start": start, "title": "Input"} | options)))
            await until(pilot, lambda: screen(pilot).listing.complete)
            yield pilot

    return run


def screen(pilot: Pilot[int]) -> PickerScreen:
    """The picker, whatever lies over it."""
    return next(each for each in pilot.app.screen_stack if isinstance(each, PickerScreen))


def open_still(pilot: Pilot[int]) -> bool:
    return any(isinstance(each, PickerScreen) for each in pilot.app.screen_stack)


def names(pilot: Pilot[int]) -> list[str]:
    rows = screen(pilot).table._shown
    return [rows.key(place) for place in range(len(rows))]


def under_cursor(pilot: Pilot[int]) -> str | None:
    return screen(pilot).table.cursor_key


def said(pilot: Pilot[int]) -> str:
    """What stands beneath the path."""
    return screen(pilot).query_one("#path-note").lines[0].plain


async def type_text(pilot: Pilot[int], text: str) -> None:
    keys = {"/": "slash", ".": "full_stop", "~": "tilde", "-": "minus"}
    await pilot.press(*(keys.get(char, char) for char in text))


# Finding it in the list


async def test_a_file_is_found_with_the_keys_and_handed_over(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        assert names(pilot) == ["archive", "results", "evaluation.jsonl", "train-1.jsonl", "train-2.jsonl"]
        await pilot.press("enter")
        await until(pilot, lambda: names(pilot) == ["old.jsonl"])
        await pilot.press("h")
        await until(pilot, lambda: under_cursor(pilot) == "archive")
        await pilot.press("j", "j", "j", "enter")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "train-1.jsonl"]
        assert not open_still(pilot)


async def test_escape_leaves_without_a_choice(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("escape")
        assert not open_still(pilot)
        assert chosen == []


async def test_other_files_and_hidden_ones_are_listed_on_demand(picker_on, work) -> None:
    async with picker_on(work) as pilot:
        assert "only .jsonl" in said(pilot)
        await pilot.press("a")
        assert "notes.txt" in names(pilot)
        await pilot.press("full_stop")
        assert ".cache" in names(pilot)
        await pilot.press("a", "full_stop")
        assert not {"notes.txt", ".cache"} & set(names(pilot))


async def test_it_begins_on_a_file_that_was_chosen_before(picker_on, work) -> None:
    async with picker_on(work / "train-2.jsonl") as pilot:
        assert under_cursor(pilot) == "train-2.jsonl"


async def test_the_order_is_chosen_and_kept(picker_on, work, paths: Paths) -> None:
    os.utime(work / "train-1.jsonl", (2**40, 2**40))
    async with picker_on(work) as pilot:
        await pilot.press("s", "t")
        assert names(pilot)[2] == "train-1.jsonl"
        await pilot.press("s", "s")
        assert names(pilot)[2] == "evaluation.jsonl"
        await pilot.press("s", "s")
        assert names(pilot)[2] == "train-2.jsonl"
        await until(pilot, lambda: load_state(paths.state_dir)[0].files_sort == "size")
    async with picker_on(work) as pilot:
        assert names(pilot)[2] == "train-2.jsonl"


async def test_the_top_has_no_folder_above(picker_on) -> None:
    async with picker_on(Path("/")) as pilot:
        await pilot.press("h")
        assert screen(pilot).listing.folder == Path("/")
        assert not next(hint for hint in screen(pilot).query_one(KeyBar)._hints if hint.title == "up").able


async def test_a_file_that_came_meanwhile_is_there_when_the_folder_is_read_again(picker_on, work) -> None:
    async with picker_on(work / "train-1.jsonl") as pilot:
        (work / "new.jsonl").touch()
        await pilot.press("r")
        await until(pilot, lambda: "new.jsonl" in names(pilot))
        assert under_cursor(pilot) == "train-1.jsonl"


async def test_where_there_is_nothing_to_list_it_says_what_there_is(picker_on, work) -> None:
    (work / "results" / "answers.txt").touch()
    async with picker_on(work / "results") as pilot:
        assert "no .jsonl file is in this folder" in screen_text(pilot)
        await pilot.press("a")
        assert names(pilot) == ["answers.txt"]


async def test_every_action_is_in_the_help(picker_on, work) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        for word in ("Go into the folder", "Type a path", "Make this folder a favourite", "Go to a favourite folder"):
            assert word in screen_text(pilot)


@pytest.mark.parametrize("name", ["gone", "pipe"])
async def test_what_is_no_file_is_not_taken_and_says_why(picker_on, work, chosen, name: str) -> None:
    (work / "gone.jsonl").symlink_to("nowhere")
    os.mkfifo(work / "pipe.jsonl")
    async with picker_on(work / f"{name}.jsonl") as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: f"{name}.jsonl" in said(pilot))
        assert ("leads nowhere" if name == "gone" else "not a regular file") in said(pilot)
        assert open_still(pilot)
        assert chosen == []


async def test_a_file_that_vanished_is_not_taken(picker_on, work, chosen) -> None:
    async with picker_on(work / "train-1.jsonl") as pilot:
        (work / "train-1.jsonl").unlink()
        await pilot.press("enter")
        await until(pilot, lambda: "there is no file ~/work/train-1.jsonl" in said(pilot))
        assert chosen == []


async def test_a_click_chooses_and_a_click_on_a_header_sorts(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        await pilot.click(VirtualTable, offset=(8, 0))
        assert names(pilot)[0] == "results"
        await pilot.click(VirtualTable, offset=(8, 3), times=2)
        await until(pilot, lambda: chosen)
        assert chosen == [work / "train-2.jsonl"]


# Typing it


async def test_typing_narrows_the_list_and_enter_takes_what_is_left(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "TRAIN")
        assert names(pilot) == ["train-1.jsonl", "train-2.jsonl"]
        await pilot.press("enter")
        await until(pilot, lambda: "there is no file" in said(pilot))
        await type_text(pilot, "-2")
        await pilot.press("enter")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "train-2.jsonl"]


async def test_tab_completes_and_goes_into_folders(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("slash", "t", "tab")
        assert screen(pilot).path_line.text == "train-"
        await pilot.press("ctrl+u", "a", "tab")
        assert screen(pilot).path_line.text == "archive/"
        await until(pilot, lambda: names(pilot) == ["old.jsonl"])
        await pilot.press("tab", "enter")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "archive" / "old.jsonl"]


async def test_a_tab_that_has_nothing_to_add_goes_on_to_the_list(picker_on, work) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("slash", "t", "tab", "tab")
        assert pilot.app.focused is screen(pilot).table
        await pilot.press("j")
        assert under_cursor(pilot) == "train-2.jsonl"
        await pilot.press("escape")
        assert len(names(pilot)) == 5
        assert open_still(pilot)


async def test_home_and_the_root_and_the_folder_above_can_be_typed(picker_on, work, chosen, tmp_path) -> None:
    async with picker_on(work / "archive") as pilot:
        await pilot.press("slash")
        for text, folder in (("..", work), ("x/../archive", work / "archive"), ("~", tmp_path), ("/", Path("/"))):
            await type_text(pilot, text)
            await pilot.press("enter")
            await until(pilot, lambda: screen(pilot).listing.folder == folder)  # noqa: B023
            await until(pilot, lambda: screen(pilot).path_line.text == "")
        assert chosen == []


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("none.jsonl", "there is no file ~/work/none.jsonl"),
        ("none/deeper/x.jsonl", "there is no file ~/work/none/deeper/x.jsonl"),
        ("notes.txt/x", "there is no file ~/work/notes.txt/x"),
    ],
)
async def test_a_path_that_is_not_there_says_so_in_its_place_and_stays(picker_on, work, typed: str, why: str) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("slash")
        await type_text(pilot, typed)
        await pilot.press("enter")
        await until(pilot, lambda: why in said(pilot))
        assert screen(pilot).path_line.text == typed
        await pilot.press("escape")
        await until(pilot, lambda: len(names(pilot)) == 5)
        assert pilot.app.focused is screen(pilot).table


async def test_letters_go_to_the_path_and_the_keys_are_grey_meanwhile(picker_on, work) -> None:
    async with picker_on(work) as pilot:
        await pilot.press("slash", "a", "h", "s")
        assert screen(pilot).path_line.text == "ahs"
        able = {hint.title: hint.able for hint in screen(pilot).query_one(KeyBar)._hints}
        assert not able["all files"]
        await pilot.press("down")
        assert next(hint for hint in screen(pilot).query_one(KeyBar)._hints if hint.title == "all files").able


async def test_backspace_goes_up_once_nothing_is_typed(picker_on, work) -> None:
    async with picker_on(work / "archive") as pilot:
        await pilot.press("slash", "x", "backspace", "backspace")
        await until(pilot, lambda: screen(pilot).listing.folder == work)


@pytest.mark.parametrize("form", ["{path}", "'{path}'\n", "file://{path}"])
@pytest.mark.parametrize("typing", [False, True])
async def test_a_path_is_pasted_wherever_the_keys_go(picker_on, work, chosen, form: str, typing: bool) -> None:
    async with picker_on(work) as pilot:
        if typing:
            await pilot.press("slash", "x")
        pilot.app.post_message(events.Paste(form.format(path=work / "archive" / "old.jsonl")))
        await until(pilot, lambda: screen(pilot).path_line.text == str(work / "archive" / "old.jsonl"))
        assert "~/work" not in screen_text(pilot).splitlines()[2]
        await pilot.press("enter")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "archive" / "old.jsonl"]


# A folder


async def test_the_folder_that_is_listed_is_chosen(picker_on, work, chosen) -> None:
    async with picker_on(work, folders=True) as pilot:
        assert names(pilot) == ["archive", "results"]
        await pilot.press("j", "enter", "c")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "results"]


async def test_a_folder_that_is_not_there_is_named_and_made_later(picker_on, work, chosen) -> None:
    async with picker_on(work, folders=True) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "out-11")
        assert "out-11 will be made" in said(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: chosen)
        assert chosen == [work / "out-11"]
        assert not (work / "out-11").exists()


async def test_a_file_is_no_folder(picker_on, work, chosen) -> None:
    async with picker_on(work, folders=True) as pilot:
        await pilot.press("slash")
        await type_text(pilot, "notes.txt")
        assert "will be made" not in said(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "notes.txt is not a folder" in said(pilot))
        assert chosen == []


# Places


async def test_it_begins_where_something_was_chosen_last(picker_on, work, paths: Paths, chosen) -> None:
    async with picker_on(work / "archive" / "old.jsonl") as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: load_state(paths.state_dir)[0].recent_folders)
    async with picker_on(None) as pilot:
        assert screen(pilot).listing.folder == work / "archive"


async def test_a_favourite_folder_is_one_key_away(picker_on, work, paths: Paths) -> None:
    async with picker_on(work / "archive") as pilot:
        await pilot.press("asterisk")
        assert "favourite" in said(pilot)
        await pilot.press("h", "f")
        assert isinstance(pilot.app.screen, MenuScreen)
        await pilot.press("1")
        await until(pilot, lambda: screen(pilot).listing.folder == work / "archive")
        await pilot.press("asterisk")
        assert "favourite" not in said(pilot)
        await until(pilot, lambda: load_state(paths.state_dir)[0].favourite_folders == ())


async def test_a_remembered_folder_that_is_gone_says_so(picker_on, work) -> None:
    async with picker_on(work / "results") as pilot:
        await pilot.press("asterisk", "h")
        await until(pilot, lambda: screen(pilot).listing.folder == work)
        (work / "results").rmdir()
        await pilot.press("f", "1")
        await until(pilot, lambda: "there is no such folder" in screen_text(pilot))
        await pilot.press("h")
        await until(pilot, lambda: len(names(pilot)) == 4)


# The look into a file


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_first_requests_and_their_number_are_shown(picker_on, work, size: tuple[int, int]) -> None:
    async with picker_on(work / "train-1.jsonl", size=size) as pilot:
        await until(pilot, lambda: "30 requests" in screen_text(pilot))
        assert "question 1" in screen_text(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "the line is not JSON" in screen_text(pilot))


async def test_the_look_is_given_up_when_the_cursor_moves_on(picker_on, work, monkeypatch) -> None:
    ended = threading.Event()
    real = file_preview.preview_file

    def endless(path: Path) -> Iterator[Any]:
        first = next(real(path))
        try:
            while True:
                yield first
        finally:
            ended.set()

    monkeypatch.setattr(file_preview, "preview_file", endless)
    async with picker_on(work / "evaluation.jsonl") as pilot:
        await until(pilot, lambda: "counting requests" in screen_text(pilot))
        monkeypatch.setattr(file_preview, "preview_file", real)
        await pilot.press("j")
        await until(pilot, ended.is_set)
        await until(pilot, lambda: "30 requests" in screen_text(pilot))


# Nothing holds the deck


async def test_a_file_system_that_never_answers_holds_no_key(picker_on, work, monkeypatch) -> None:
    answers = threading.Event()
    real = folder_list.list_folder

    def hung(folder: Path) -> Iterator[Batch]:
        if folder == work / "archive":
            answers.wait()
        yield from real(folder)

    monkeypatch.setattr(folder_list, "list_folder", hung)
    async with picker_on(work) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "reading the folder" in screen_text(pilot))
        assert "~/work/archive/" in screen_text(pilot)
        await pilot.press("h")
        await until(pilot, lambda: len(names(pilot)) == 5)
        answers.set()


async def test_a_file_that_never_opens_holds_no_key(picker_on, work, chosen, monkeypatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(picker_module, "check_readable", lambda _path: answers.wait())
    async with picker_on(work / "train-1.jsonl") as pilot:
        await pilot.press("enter", "k")
        await until(pilot, lambda: under_cursor(pilot) == "evaluation.jsonl")
        await pilot.press("escape")
        assert not open_still(pilot)
        answers.set()
        await pilot.pause()
        assert chosen == []


async def test_keys_typed_ahead_go_where_they_were_meant(picker_on, work, chosen) -> None:
    async with picker_on(work) as pilot:
        for key in ("enter", "enter"):
            pilot.app.simulate_key(key)
        await until(pilot, lambda: chosen)
        assert chosen == [work / "archive" / "old.jsonl"]


async def test_a_cursor_key_paints_little(picker_on, work) -> None:
    async with picker_on(work) as pilot:
        with painted(pilot) as sent:
            await pilot.press("j")
        assert sum(map(len, sent)) < 2500


async def test_a_small_window_has_room_for_all_of_it(picker_on, work) -> None:
    async with picker_on(work, size=(80, 24)) as pilot:
        for word in ("Input", "~/work/", "NAME", "train-2.jsonl", "enter open"):
            assert word in screen_text(pilot)


# Hostile names


NAMES = [
    *(name for name in hostile.ALL if 0 < len(os.fsencode(name)) <= 240 and not {*"/\0"} & {*name}),
    "批" * 80,
    "n" * 255,
    os.fsdecode(b"\xff\xfe.jsonl"),
]


@pytest.fixture
def attacked(work: Path) -> Path:
    """A folder of folders whose names attack, a file in each of them that does the same."""
    for name in NAMES:
        (work / name).mkdir()
        (work / name / f"{name[:100]}.jsonl").write_text(request(name.encode("utf-8", "replace").decode(), name[:9]))
    return work


@pytest.mark.parametrize("size", [(80, 24), (160, 50)])
async def test_any_name_is_shown_as_text_and_can_be_chosen(picker_on, attacked, chosen, size) -> None:
    async with picker_on(attacked, size=size) as pilot:
        for key in ("home", *["pagedown"] * 4):
            await pilot.press(key)
            assert_harmless(pilot)
        for name in NAMES[::20]:
            await screen(pilot).go(attacked)
            screen(pilot).table.move_to(name)
            await pilot.press("enter", "asterisk")
            await until(pilot, lambda: screen(pilot).listing.folder == attacked / name)  # noqa: B023
            assert_harmless(pilot)
            await pilot.press("slash", "x", "tab")
            assert_harmless(pilot)
            await pilot.press("escape", "f")
            assert_harmless(pilot)
            await pilot.press("escape")
        await pilot.press("enter")
        await until(pilot, lambda: chosen)
        assert chosen == [attacked / name / f"{name[:100]}.jsonl"]
        assert isinstance(pilot.app, Deck)
        assert pilot.app.screen_stack[-1].query(Input) is not None


async def test_what_cannot_be_typed_is_completed_no_further(picker_on, work) -> None:
    (work / "x\x1b[2J.jsonl").touch()
    async with picker_on(work) as pilot:
        await pilot.press("slash", "x", "tab")
        assert screen(pilot).path_line.text == "x"
        assert_harmless(pilot)
