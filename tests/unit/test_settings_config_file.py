"""A config file with a fault: the message says where it is and what was meant, and never shows a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.settings import fields
from tui.settings.config_file import ConfigError, ProfileSettings, config_schema, load_config
from tui.settings.presets import PRESETS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def refusal(file: Path, text: str | bytes) -> ConfigError:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    assert caught.value.message.startswith(f"{file}: ")
    return caught.value


@pytest.mark.parametrize(
    ("text", "where", "advice"),
    [
        ('[profiles.prod]\nbukcet = "my-batch"', "profiles.prod.bukcet: unknown key", "Did you mean bucket?"),
        ("[profiles.prod]\nreadonly = true", "profiles.prod.readonly: unknown key", "Did you mean read_only?"),
        ("[profile.prod]", "profile: unknown key", "Did you mean profiles?"),
        ("colour = 1", "colour: unknown key", "Known: deck, default_profile, keymap, profiles"),
        ('default_profile = "prd"\n[profiles.prod]', "default_profile: there is no such profile", "Did you mean prod?"),
    ],
)
def test_an_unknown_key_gets_the_nearest_known_one(file: Path, text: str, where: str, advice: str) -> None:
    error = refusal(file, text)
    assert (error.message, error.advice) == (f"{file}: {where}", advice)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("profiles = 3", "profiles: expected a table, found a number"),
        ("[profiles]\nprod = []", "profiles.prod: expected a table, found a list"),
        ("default_profile = true", "default_profile: expected text in quotes, found true or false"),
        ("[profiles.prod]\nbucket = 5", "profiles.prod.bucket: expected text in quotes, found a number"),
        ("[profiles.prod]\naccount_id = 21", "profiles.prod.account_id: expected text in quotes, found a number"),
        ("[profiles.prod]\nregion = 2026-11-22", "profiles.prod.region: expected text in quotes, found date"),
        ('[profiles.prod]\nread_only = "yes"', "profiles.prod.read_only: expected true or false, found text in quotes"),
        ("[profiles.prod]\nread_only = 1", "profiles.prod.read_only: expected true or false, found a number"),
        ('[profiles.prod]\npreset = "aws"', "profiles.prod.preset: choose one of volcengine, byteplus, local"),
        ('[profiles.prod]\nregion = ""', "profiles.prod.region: a region looks like cn-beijing"),
        ('[profiles."a b"]', "profiles.a b: a profile's name has 1 to 64 letters, digits, and . _ -"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(file: Path, text: str, where: str) -> None:
    assert refusal(file, text).message == f"{file}: {where}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            '[profiles.prod]\nbucket = "x\n',
            "line 2, column 1",
        ),  # Python 3.13 counts to the line's last character, earlier ones past it
        ("[profiles.prod", "line 1, column 15"),
        ("a = 1\nb =", "line 2, column 4"),
        ("a = 1\na = 2\n", "line 2, column 6"),
    ],
)
def test_broken_toml_is_told_by_line_and_column(file: Path, text: str, place: str) -> None:
    assert place in refusal(file, text).message


def test_a_file_in_another_encoding_is_told_by_line(file: Path) -> None:
    assert "not UTF-8 (at line 2)" in refusal(file, "[profiles.prod]\nproject = '评测'".encode("gbk")).message


def test_a_byte_order_mark_is_no_fault(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf[profiles.prod]\nbucket = "my-batch"')
    assert load_config(file).profiles["prod"].bucket == "my-batch"


def test_a_folder_in_place_of_the_file(file: Path) -> None:
    file.mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(file)


def test_a_key_that_would_act_on_the_terminal_is_shown_harmless(file: Path) -> None:
    message = refusal(file, '[profiles.prod]\n"\\u001b]0;title\\u0007" = 1').message
    assert message.isprintable()


@pytest.mark.parametrize(
    "key",
    [
        "access_key", "secret_key", "ak", "sk", "AK", "token", "session_token", "password", "passwd", "api_key",
        "accessKeyId", "SecretAccessKey", "access-key", "credentials", "passphrase", "private_key", "sts",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ['{key} = "{value}"', '[profiles.prod]\n{key} = "{value}"'])
def test_a_key_like_a_secret_s_is_refused_without_showing_it(file: Path, text: str, key: str) -> None:
    error = refusal(file, text.format(key=key, value="not-a-secret-0123456789"))
    assert "keys and passwords do not belong" in error.message
    assert "arkdeck login" in error.advice
    assert "0123456789" not in f"{error.message}{error.advice}{error.__cause__}{error.args}"


@pytest.mark.parametrize("text", ['[profiles.prod.auth]\nsk = "{}"', '[auth.volcengine]\nsecret = "{}"'])
def test_a_secret_further_down_is_found(file: Path, text: str) -> None:
    error = refusal(file, text.format("not-a-secret-0123456789"))
    assert "arkdeck login" in error.advice
    assert "0123456789" not in error.message


@pytest.mark.parametrize("name", ["sk", "token", "ak"])
def test_a_profile_may_have_any_name(file: Path, name: str) -> None:
    file.write_text(f'[profiles.{name}]\nbucket = "my-batch"')
    assert list(load_config(file).profiles) == [name]


# Values


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://ark.cn-beijing.volcengineapi.com", "https://ark.cn-beijing.volcengineapi.com"),
        ("https://ark.cn-beijing.volcengineapi.com/", "https://ark.cn-beijing.volcengineapi.com"),
        ("ark.cn-beijing.volcengineapi.com", "https://ark.cn-beijing.volcengineapi.com"),
        ("HTTPS://Ark.Example.COM:8443", "https://ark.example.com:8443"),
        ("ark.example.com:8443", "https://ark.example.com:8443"),
        ("http://127.0.0.1:8480", "http://127.0.0.1:8480"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8480", "http://[::1]:8480"),
        ("https://192.0.2.7", "https://192.0.2.7"),
    ],
)
def test_an_endpoint_is_kept_as_scheme_and_host(written: str, kept: str) -> None:
    assert fields.parse("ark_endpoint", written) == kept


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "http://tos-cn-beijing.volces.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0:80",
        "https://user:pass@host",
        "https://user@host",
        "https://@host",
        "https://host/path",
        "https://evil.example/.volces.com",
        "https://host?x=1",
        "https://host?",
        "https://host#x",
        "https://h#@x",
        "https://h\\@x",
        "https://volcеs.com",
        "https://ho st",
        "https://host\n",
        "https://host\x1b",
        "https://host:0x50",
        "https://host:99999",
        "https://:80",
        "https://",
        "https://[::1",
        "https://[fe80::1%eth0]",
        "ftp://host",
        "file:///etc/passwd",
        "https://-host",
        "https://a..b",
    ],
)
def test_an_endpoint_that_is_not_a_plain_host_is_refused(endpoint: str) -> None:
    with pytest.raises(fields.InvalidValueError):
        fields.parse("tos_endpoint", endpoint)


@pytest.mark.parametrize(
    ("field", "written", "kept"),
    [
        ("input_prefix", "jobs", "jobs/"),
        ("input_prefix", "团队/评测/", "团队/评测/"),
        ("output_prefix", "", ""),
        ("bucket", "", ""),
        ("bucket", "a1-", None),
        ("bucket", "abc", "abc"),
        ("bucket", "a" * 63, "a" * 63),
        ("bucket", "a" * 64, None),
        ("bucket", "ab", None),
        ("bucket", "A-bucket", None),
        ("bucket", "-ab", None),
        ("bucket", "abc\n", None),
        ("region", "cn-beijing2", "cn-beijing2"),
        ("region", "cn_beijing", None),
        ("region", "cn-beijing.evil.example", None),
        ("region", "cn-", None),
        ("account_id", "2100000000", "2100000000"),
        ("account_id", "", ""),
        ("account_id", "21x", None),
        ("account_id", "٢١", None),
        ("project", "默认项目", "默认项目"),
        ("project", "", None),
        ("project", "a\x00b", None),
        ("input_prefix", "/jobs/", None),
        ("input_prefix", "a/../b/", None),
        ("input_prefix", "..", None),
        ("input_prefix", "./a/", None),
        ("input_prefix", "a//b/", None),
        ("input_prefix", "a\nb/", None),
        ("input_prefix", "a\u202eb/", None),
    ],
)
def test_the_rule_of_each_field(field: str, written: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(fields.InvalidValueError):
            fields.parse(field, written)
    else:
        assert fields.parse(field, written) == kept


TEXT_FIELDS = sorted(set(ProfileSettings.__struct_fields__) - {"preset", "read_only"})


@given(field=st.sampled_from(TEXT_FIELDS), value=st.text())
def test_whatever_is_written_is_kept_or_refused_and_what_is_kept_stays(field: str, value: str) -> None:
    try:
        kept = fields.parse(field, value)
    except fields.InvalidValueError:
        return
    assert fields.parse(field, str(kept)) == kept


# The schema, against the loader


def schema_of_a_profile() -> dict[str, Any]:
    properties: dict[str, Any] = config_schema()["$defs"]["ProfileSettings"]["properties"]
    return properties


def test_the_schema_knows_the_loader_s_keys_and_no_other() -> None:
    assert list(schema_of_a_profile()) == list(ProfileSettings.__struct_fields__)
    assert config_schema()["$defs"]["ProfileSettings"]["additionalProperties"] is False


def test_the_schema_knows_the_presets() -> None:
    assert set(schema_of_a_profile()["preset"]["enum"]) == set(PRESETS)


@given(data=st.data())
def test_what_the_schema_refuses_the_loader_refuses(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(TEXT_FIELDS))
    schema = schema_of_a_profile()[field]
    value = data.draw(st.text(alphabet="ab1-./:_A \n", max_size=8))
    too_short = len(value) < schema.get("minLength", 0)
    if too_short or not re.search(schema.get("pattern", ""), value) or value.endswith("\n"):
        with pytest.raises(fields.InvalidValueError):
            fields.parse(field, value)


@given(
    settings=st.builds(
        ProfileSettings,
        preset=st.sampled_from(sorted(PRESETS)),
        bucket=st.from_regex(fields.BUCKET_PATTERN.replace("$", r"\Z"), fullmatch=True),
        region=st.from_regex(fields.REGION_PATTERN.replace("$", r"\Z"), fullmatch=True),
        read_only=st.booleans(),
    )
)
def test_what_the_schema_s_types_admit_the_loader_reads(settings: ProfileSettings) -> None:
    values = msgspec.to_builtins(settings)
    assert msgspec.convert(values, ProfileSettings) == settings
    for field in ("preset", "bucket", "region"):
        assert fields.parse(field, values[field]) == values[field]
