"""Configuration, keys and diagnosis by the command, in an empty home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


def arkdeck(home: Path, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **environ},
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )


def write_config(home: Path, text: str) -> Path:
    path = home / ".config/arkdeck/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_config_path_is_where_the_file_is_read(tmp_path: Path) -> None:
    path = write_config(tmp_path, '[profiles.prod]\nbucket = "nightly"\n')
    assert arkdeck(tmp_path, "config", "path").stdout.strip() == str(path)
    shown = arkdeck(tmp_path, "config", "show", "--json").stdout.splitlines()
    bucket = next(line for line in map(json.loads, shown) if line["field"] == "bucket")
    assert bucket == {"field": "bucket", "value": "nightly", "origin": "config.toml [profiles.prod]"}


def test_the_environment_overrides_and_is_named(tmp_path: Path) -> None:
    shown = arkdeck(tmp_path, "config", "show", "--json", ARKDECK_REGION="cn-shanghai").stdout.splitlines()
    region = next(line for line in map(json.loads, shown) if line["field"] == "region")
    assert region == {"field": "region", "value": "cn-shanghai", "origin": "ARKDECK_REGION"}


def test_an_unknown_key_names_file_key_and_the_nearest(tmp_path: Path) -> None:
    path = write_config(tmp_path, '[profiles.prod]\nbukcet = "nightly"\n')
    ended = arkdeck(tmp_path, "config", "show")
    assert ended.returncode == 2
    for part in (str(path), "profiles.prod.bukcet", "bucket"):
        assert part in ended.stderr


@pytest.mark.parametrize("place", ["before", "after"])
def test_the_profile_may_be_named_before_or_after_the_verb(tmp_path: Path, place: str) -> None:
    write_config(tmp_path, '[profiles.a]\nbucket = "aaa"\n[profiles.b]\nbucket = "bbb"\n')
    words = ["-p", "b", "config", "show", "--json"] if place == "before" else ["config", "show", "-p", "b", "--json"]
    assert '"value": "bbb"' in arkdeck(tmp_path, *words).stdout


def test_the_schema_is_json(tmp_path: Path) -> None:
    assert "profiles" in arkdeck(tmp_path, "config", "schema").stdout
    json.loads(arkdeck(tmp_path, "config", "schema").stdout)


def test_profiles_are_listed_with_the_one_in_force(tmp_path: Path) -> None:
    write_config(tmp_path, 'default_profile = "b"\n[profiles.a]\n[profiles.b]\nread_only = true\n')
    listed = {
        line["profile"]: line for line in map(json.loads, arkdeck(tmp_path, "profiles", "--json").stdout.splitlines())
    }
    assert (listed["a"]["in_force"], listed["b"]["in_force"], listed["b"]["read_only"]) == (False, True, True)


def test_without_keys_the_message_says_where_to_put_them(tmp_path: Path) -> None:
    ended = arkdeck(tmp_path, "jobs")
    assert ended.returncode == 4
    assert "VOLCENGINE_ACCESS_KEY" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_login_without_a_keyring_says_so_and_how_to_get_one(tmp_path: Path) -> None:
    secret = "not-a-secret-0123456789"
    ended = arkdeck(tmp_path, "login", "--stdin", stdin=f"AKLTTESTONLY\n{secret}\n")
    assert ended.returncode == 4
    assert "dbus-run-session" in ended.stderr
    assert secret not in ended.stdout + ended.stderr


@pytest.mark.parametrize("stdin", ["", "one line", '{"access_key": "only"}', "{broken", "a\nb\nc\n"])
def test_login_refuses_what_is_no_pair_without_repeating_it(tmp_path: Path, stdin: str) -> None:
    ended = arkdeck(tmp_path, "login", "--stdin", stdin=stdin)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert not stdin or stdin.strip() not in ended.stderr


def test_doctor_fails_without_keys_and_goes_on_to_the_end(tmp_path: Path) -> None:
    ended = arkdeck(tmp_path, "doctor", "--json")
    findings = {line["subject"]: line["verdict"] for line in map(json.loads, ended.stdout.splitlines())}
    assert ended.returncode == 1
    assert {
        "disk": "OK",
        "themes": "OK",
        "profile": "OK",
        "keyring": "WARN",
        "credentials": "FAIL",
    }.items() <= findings.items()


@pytest.mark.parametrize("words", [["--nonsense"], ["nonsense"], ["run"], ["check"], ["job"], ["jobs", "--limit", "0"]])
def test_a_wrong_call_is_a_usage_error(tmp_path: Path, words: list[str]) -> None:
    ended = arkdeck(tmp_path, *words)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr


def test_help_and_check_import_no_heavy_library(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text('{"custom_id":"a","body":{"messages":[{"role":"user","content":"hi"}]}}\n', encoding="utf-8")
    script = """
import sys
sys.argv = ["arkdeck"] + sys.argv[1:]
from tui.cli import main
try:
    main()
except SystemExit as end:
    assert end.code == 0, end.code
heavy = {"httpx", "tos", "keyring", "textual", "requests"} & set(sys.modules)
assert not heavy, heavy
"""
    for words in (["--help"], ["--version"], ["run", "--help"], ["check", str(file)]):
        ended = subprocess.run(
            [sys.executable, "-c", script, *words],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr


def test_a_field_is_written_to_a_profile_and_removed_with_it(tmp_path: Path) -> None:
    assert arkdeck(tmp_path, "config", "set", "bucket", "my-batch", "-p", "prod").returncode == 0
    assert arkdeck(tmp_path, "config", "set", "read_only", "yes", "-p", "prod").returncode == 0
    shown = arkdeck(tmp_path, "config", "show", "--json").stdout.splitlines()
    values = {line["field"]: line["value"] for line in map(json.loads, shown)}
    assert {"name": "prod", "bucket": "my-batch", "read_only": True}.items() <= values.items()
    assert arkdeck(tmp_path, "config", "remove", "prod").returncode == 0
    assert '"profile": "default"' in arkdeck(tmp_path, "profiles", "--json").stdout


@pytest.mark.parametrize(
    ("words", "told"), [(("buckt", "x"), "bucket"), (("bucket", "X_"), "3 to 63"), (("region", ""), "region")]
)
def test_a_field_or_value_that_does_not_fit_is_named_and_nothing_written(
    tmp_path: Path, words: tuple[str, str], told: str
) -> None:
    ended = arkdeck(tmp_path, "config", "set", *words)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert not (tmp_path / ".config").exists()


@pytest.mark.parametrize("text", ["a = " + "9" * 5000, "a = " + "[" * 5000])
def test_a_file_that_no_parser_takes_is_a_configuration_error(tmp_path: Path, text: str) -> None:
    path = write_config(tmp_path, text)
    ended = arkdeck(tmp_path, "config", "show")
    assert ended.returncode == 2
    assert str(path) in ended.stderr
