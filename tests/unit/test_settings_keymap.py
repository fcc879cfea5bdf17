"""Other keys for actions: what cannot work is refused when it is read, with the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.actions import ACTIONS
from tui.settings.config_file import ConfigError, ProfileSettings, config_schema, load_config
from tui.settings.key_names import InvalidKeyError, key_label, parse_keys
from tui.settings.keymap import checked_keymap
from tui.settings.paths import Paths
from tui.settings.profiles import delete_profile, save_profile


def keymap_of(tmp_path: Path, text: str) -> dict[str, tuple[str, ...]]:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return checked_keymap(load_config(file).keymap, ACTIONS, file)


def refusal(tmp_path: Path, line: str) -> tuple[str, str]:
    """The message for a line of the table, without the file's name, and the advice."""
    with pytest.raises(ConfigError) as caught:
        keymap_of(tmp_path, f"[keymap]\n{line}")
    message = caught.value.message
    assert message.startswith(f"{tmp_path / 'config.toml'}: keymap")
    return message.removeprefix(f"{tmp_path / 'config.toml'}: "), caught.value.advice


# Keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("S", ("S",)),
        ("s , ctrl+t", ("s", "ctrl+t")),
        ("?", ("?",)),
        ("comma,/", ("comma", "/")),
        ("space,enter,escape,tab,shift+tab,backspace", ("space", "enter", "escape", "tab", "shift+tab", "backspace")),
        ("f1,f12,f24", ("f1", "f12", "f24")),
        ("ctrl+up,shift+pagedown,ctrl+shift+end,alt+left", ("ctrl+up", "shift+pagedown", "ctrl+shift+end", "alt+left")),
        ("alt+x,é,删", ("alt+x", "é", "删")),
        ("x,x", ("x",)),
    ],
)
def test_keys_are_characters_and_names(text: str, keys: tuple[str, ...]) -> None:
    assert parse_keys(text) == keys


@pytest.mark.parametrize("text", ["", ",", "a,,b", " ", "ctrl+", "ctrl+é", "f0", "f25", "ctl+x", "Enter", "ab", "\x1b"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKeyError):
        parse_keys(text)


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("ctrl+a", "screen takes it"), ("ctrl+b", "tmux takes it"), ("ctrl+h", "backspace"), ("ctrl+i", "tab"),
        ("ctrl+j", "enter"), ("ctrl+m", "enter"), ("ctrl+s", "flow control"), ("ctrl+q", "flow control"),
        ("ctrl+space", "input methods"), ("ctrl+c", "interrupts"),
    ],
)  # fmt: skip
def test_a_key_that_never_arrives_is_refused_with_who_takes_it(key: str, reason: str) -> None:
    with pytest.raises(InvalidKeyError, match=reason):
        parse_keys(key)


def test_keys_are_shown_short() -> None:
    assert [key_label(key) for key in ("escape", "pagedown", "S", "comma")] == ["esc", "pgdn", "S", ","]


# The table


def test_a_file_without_the_table_changes_nothing(tmp_path: Path) -> None:
    assert keymap_of(tmp_path, "") == {}


@pytest.mark.parametrize("line", ['"jobs.sort" = "o, f2"', 'jobs.sort = "o, f2"', '[keymap.jobs]\nsort = "o,f2"'])
def test_an_action_takes_other_keys_however_its_id_is_written(tmp_path: Path, line: str) -> None:
    assert keymap_of(tmp_path, f"[keymap]\n{line}") == {"jobs.sort": ("o", "f2")}


def test_two_actions_can_swap_their_keys(tmp_path: Path) -> None:
    swapped = keymap_of(tmp_path, '[keymap]\n"jobs.sort" = "C"\n"jobs.columns" = "s"')
    assert swapped == {"jobs.sort": ("C",), "jobs.columns": ("s",)}


def test_an_unknown_action_gets_the_nearest_known_one(tmp_path: Path) -> None:
    assert refusal(tmp_path, '"job.stpo" = "z"') == (
        "keymap.job.stpo: there is no such action",
        "Did you mean job.stop?",
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"job.stop" = "j"', "keymap.job.stop: j is the key of move.down"),
        ('"job.stop" = "?"', "keymap.job.stop: ? is the key of app.help"),
        ('"app.help" = "S"', "keymap.app.help: S is the key of job.stop"),
        ('"job.stop" = "z"\n"job.delete" = "z"', "keymap.job.delete: z is the key of job.stop"),
    ],
)
def test_a_key_of_another_action_is_not_taken_from_it(tmp_path: Path, line: str, message: str) -> None:
    told, advice = refusal(tmp_path, line)
    assert told == message
    assert "another key" in advice


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"job.stop" = "ctrl+s"', "keymap.job.stop: ctrl+s cannot be used: terminals take it for flow control"),
        ('"job.stop" = ""', "keymap.job.stop: name at least one key; a comma is written comma"),
        ('"job.stop" = "entr"', "keymap.job.stop: entr is no key; write S, space, f5, ctrl+t or shift+up"),
        ('"job.stop" = 5', "keymap.job.stop: expected text in quotes, found a number"),
        ('job.stop.now = "x"', "keymap.job.stop: expected text in quotes, found a table"),
    ],
)
def test_a_key_that_cannot_work_is_told_with_its_action(tmp_path: Path, line: str, message: str) -> None:
    assert refusal(tmp_path, line)[0] == message


def test_the_table_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"keymap: expected a table, found text in quotes"):
        keymap_of(tmp_path, 'keymap = "S"')


def test_keys_that_are_data_do_not_act_on_the_terminal(tmp_path: Path) -> None:
    message, _advice = refusal(tmp_path, '"\\u001b]0;title\\u0007" = "x"')
    assert message.isprintable()


def test_profiles_come_and_go_and_the_keys_stay(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path, tmp_path)
    paths.config_file.write_text('[keymap]\njobs.sort = "o"\n', encoding="utf-8")
    save_profile(paths, "prod", ProfileSettings(bucket="my-batch"))
    delete_profile(paths, "prod")
    assert load_config(paths.config_file).keymap == {"jobs.sort": "o"}


def test_editors_know_the_table_by_the_schema() -> None:
    keymap = config_schema()["$defs"]["ConfigFile"]["properties"]["keymap"]
    assert (keymap["type"], keymap["additionalProperties"]["type"]) == ("object", "string")
