"""An operator writes a config file, sets variables, and asks which profile is in force."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tui.errors import UsageError
from tui.settings.config_file import ConfigError, ProfileSettings, load_config
from tui.settings.paths import Paths
from tui.settings.profiles import Profile, delete_profile, list_profiles, resolve_profile, save_profile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TWO = """\
default_profile = "prod"

[profiles.prod]
bucket = "my-batch"

[profiles.lab]
preset = "local"
"""


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config" / "config.toml", tmp_path / "data", tmp_path / "state")


@pytest.fixture
def generous_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def write(paths: Paths, text: str) -> None:
    paths.config_file.parent.mkdir(exist_ok=True)
    paths.config_file.write_text(text, "utf-8")


def profile(paths: Paths, name: str | None = None, **environ: str) -> Profile:
    return resolve_profile(paths, name, environ).profile


# Which profile


def test_without_a_file_the_built_in_profile_is_volcengine_s(paths: Paths) -> None:
    assert profile(paths) == Profile(
        name="default",
        ark_endpoint="https://ark.cn-beijing.volcengineapi.com",
        tos_endpoint="https://tos-cn-beijing.volces.com",
        region="cn-beijing",
        bucket="",
        project="default",
        input_prefix="arkdeck/input/",
        output_prefix="arkdeck/output/",
        account_id="",
        read_only=False,
    )


def test_asking_makes_no_file(paths: Paths) -> None:
    profile(paths)
    assert not paths.config_file.parent.exists()


def test_the_byteplus_preset(paths: Paths) -> None:
    write(paths, '[profiles.sea]\npreset = "byteplus"\n')
    sea = profile(paths)
    assert (sea.ark_endpoint, sea.tos_endpoint, sea.region) == (
        "https://ark.ap-southeast-1.byteplusapi.com",
        "https://tos-ap-southeast-1.bytepluses.com",
        "ap-southeast-1",
    )


def test_the_local_preset(paths: Paths) -> None:
    write(paths, TWO)
    lab = profile(paths, "lab")
    assert (lab.ark_endpoint, lab.tos_endpoint, lab.region, lab.bucket) == (
        "http://127.0.0.1:8480",
        "http://127.0.0.1:8481",
        "cn-beijing",
        "arkdeck-local",
    )


def test_the_option_wins_over_the_variable(paths: Paths) -> None:
    write(paths, TWO)
    assert profile(paths, "prod", ARKDECK_PROFILE="lab").name == "prod"


def test_the_variable_wins_over_the_default_profile(paths: Paths) -> None:
    write(paths, TWO)
    assert profile(paths, ARKDECK_PROFILE="lab").name == "lab"


def test_an_empty_variable_is_unset(paths: Paths) -> None:
    write(paths, TWO)
    assert profile(paths, ARKDECK_PROFILE="", ARKDECK_BUCKET="").name == "prod"


@pytest.mark.parametrize(("name", "environ"), [("lab", {}), (None, {"ARKDECK_PROFILE": "lab"})])
def test_a_profile_chosen_by_the_operator_is_named(paths: Paths, name: str | None, environ: dict[str, str]) -> None:
    write(paths, TWO)
    assert resolve_profile(paths, name, environ).named


def test_the_default_profile_is_not_named(paths: Paths) -> None:
    write(paths, TWO)
    assert not resolve_profile(paths, None, {}).named


def test_the_only_profile_needs_no_default(paths: Paths) -> None:
    write(paths, '[profiles.prod]\nbucket = "my-batch"\n')
    assert profile(paths).name == "prod"


def test_several_profiles_without_a_default_must_be_chosen_from(paths: Paths) -> None:
    write(paths, "[profiles.prod]\n[profiles.lab]\n")
    with pytest.raises(UsageError) as caught:
        profile(paths)
    assert caught.value.advice == "Choose one with -p: prod, lab"


def test_an_unknown_profile_gets_the_nearest_name(paths: Paths) -> None:
    write(paths, TWO)
    with pytest.raises(ConfigError) as caught:
        profile(paths, "prdo")
    assert caught.value.message == "-p: there is no profile prdo"
    assert caught.value.advice == "Did you mean prod?"


def test_an_unknown_profile_in_the_variable_names_the_variable(paths: Paths) -> None:
    with pytest.raises(ConfigError, match="ARKDECK_PROFILE: there is no profile elsewhere"):
        profile(paths, ARKDECK_PROFILE="elsewhere")


# Where each value comes from


def test_environment_over_file_over_preset_over_default(paths: Paths) -> None:
    write(paths, '[profiles.prod]\nbucket = "from-file"\nproject = "from-file"\n')
    resolved = resolve_profile(paths, None, {"ARKDECK_BUCKET": "from-environment"})
    assert (resolved.profile.bucket, resolved.profile.project) == ("from-environment", "from-file")
    assert resolved.origins == {
        "name": "config.toml",
        "ark_endpoint": "preset volcengine",
        "tos_endpoint": "preset volcengine",
        "region": "preset volcengine",
        "bucket": "ARKDECK_BUCKET",
        "project": "config.toml [profiles.prod]",
        "input_prefix": "default",
        "output_prefix": "default",
        "account_id": "default",
        "read_only": "default",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ark_endpoint", "http://127.0.0.1:1"),
        ("tos_endpoint", "http://127.0.0.1:2"),
        ("region", "cn-shanghai"),
        ("bucket", "other-bucket"),
        ("project", "evaluation"),
        ("input_prefix", "in/"),
        ("output_prefix", "out/"),
        ("account_id", "2100000000"),
    ],
)
def test_every_text_field_has_its_variable(paths: Paths, field: str, value: str) -> None:
    variable = f"ARKDECK_{field.upper()}"
    resolved = resolve_profile(paths, None, {variable: value})
    assert getattr(resolved.profile, field) == value
    assert resolved.origins[field] == variable


def test_a_preset_s_hosts_follow_the_region(paths: Paths) -> None:
    moved = profile(paths, ARKDECK_REGION="cn-shanghai")
    assert moved.ark_endpoint == "https://ark.cn-shanghai.volcengineapi.com"
    assert moved.tos_endpoint == "https://tos-cn-shanghai.volces.com"


def test_hosts_that_were_written_down_stay_where_they_are(paths: Paths) -> None:
    write(paths, '[profiles.prod]\nregion = "cn-shanghai"\nark_endpoint = "ark.example.com"\n')
    assert profile(paths).ark_endpoint == "https://ark.example.com"


@pytest.mark.parametrize("text", ["true", "1", "yes", "TRUE", "Yes"])
def test_the_environment_makes_a_profile_read_only(paths: Paths, text: str) -> None:
    assert profile(paths, ARKDECK_READ_ONLY=text).read_only


@pytest.mark.parametrize("text", ["false", "0", "no"])
def test_the_environment_cannot_lift_the_file_s_read_only(paths: Paths, text: str) -> None:
    write(paths, "[profiles.prod]\nread_only = true\n")
    resolved = resolve_profile(paths, None, {"ARKDECK_READ_ONLY": text})
    assert resolved.profile.read_only
    assert resolved.origins["read_only"] == "config.toml [profiles.prod]"


def test_a_switch_that_says_something_else_is_an_error(paths: Paths) -> None:
    with pytest.raises(ConfigError, match="ARKDECK_READ_ONLY: write true or false"):
        profile(paths, ARKDECK_READ_ONLY="maybe")


def test_a_bad_value_in_the_environment_names_the_variable(paths: Paths) -> None:
    with pytest.raises(ConfigError, match="ARKDECK_BUCKET: a bucket has 3 to 63"):
        profile(paths, ARKDECK_BUCKET="My_Bucket")


# Writing


def test_a_saved_profile_is_read_back(paths: Paths) -> None:
    save_profile(paths, "prod", ProfileSettings(preset="byteplus", bucket="my-batch", read_only=True), default=True)
    saved = profile(paths)
    assert (saved.name, saved.bucket, saved.region, saved.read_only) == ("prod", "my-batch", "ap-southeast-1", True)


def test_saving_keeps_the_other_profiles_and_the_default(paths: Paths) -> None:
    write(paths, TWO)
    save_profile(paths, "new", ProfileSettings(bucket="new-bucket"))
    assert list_profiles(paths) == ["prod", "lab", "new"]
    assert load_config(paths.config_file).default_profile == "prod"


def test_the_file_is_private_even_under_a_generous_umask(paths: Paths, generous_umask: None) -> None:
    save_profile(paths, "prod", ProfileSettings())
    assert stat.S_IMODE(paths.config_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.config_file.parent.stat().st_mode) == 0o700


def test_comments_are_kept_in_a_private_backup(paths: Paths, generous_umask: None) -> None:
    written = f"# who to call when it breaks\n{TWO}"
    write(paths, written)
    save_profile(paths, "new", ProfileSettings())
    backup = paths.config_file.with_name("config.toml.bak")
    assert backup.read_text("utf-8") == written
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_a_file_without_comments_needs_no_backup(paths: Paths) -> None:
    write(paths, TWO)
    save_profile(paths, "new", ProfileSettings())
    assert not paths.config_file.with_name("config.toml.bak").exists()


def test_a_linked_file_stays_a_link(paths: Paths, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.toml"
    kept.write_text(TWO)
    paths.config_file.parent.mkdir()
    paths.config_file.symlink_to(kept)
    save_profile(paths, "new", ProfileSettings())
    assert paths.config_file.is_symlink()
    assert "new" in kept.read_text()


def test_a_value_that_the_file_would_refuse_is_not_saved(paths: Paths) -> None:
    write(paths, TWO)
    with pytest.raises(ConfigError, match=r"profiles\.prod\.bucket: a bucket has"):
        save_profile(paths, "prod", ProfileSettings(bucket="NO"))
    assert paths.config_file.read_text() == TWO


def test_a_broken_file_is_not_overwritten(paths: Paths) -> None:
    write(paths, "[profiles.prod\n")
    with pytest.raises(ConfigError):
        save_profile(paths, "prod", ProfileSettings())
    assert paths.config_file.read_text() == "[profiles.prod\n"


def test_deleting_the_default_profile_leaves_no_default(paths: Paths) -> None:
    write(paths, TWO)
    delete_profile(paths, "prod")
    assert list_profiles(paths) == ["lab"]
    assert profile(paths).name == "lab"


def test_deleting_what_is_not_there_is_an_error(paths: Paths) -> None:
    write(paths, TWO)
    with pytest.raises(ConfigError, match="there is no profile labs"):
        delete_profile(paths, "labs")


def test_profiles_are_listed_in_the_file_s_order(paths: Paths) -> None:
    write(paths, TWO)
    assert list_profiles(paths) == ["prod", "lab"]


def test_without_a_file_the_built_in_profile_is_listed(paths: Paths) -> None:
    assert list_profiles(paths) == ["default"]


@pytest.mark.parametrize("name", ["", "a b", "../x", "x\ny", "-p", "x" * 65])
def test_a_profile_s_name_is_a_plain_word(paths: Paths, name: str) -> None:
    with pytest.raises(ConfigError, match="a profile's name has"):
        save_profile(paths, name, ProfileSettings())


def test_a_profile_may_be_named_in_chinese(paths: Paths) -> None:
    save_profile(paths, "生产", ProfileSettings(bucket="my-batch"))
    assert profile(paths, "生产").bucket == "my-batch"
