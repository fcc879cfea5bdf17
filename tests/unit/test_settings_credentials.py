"""Where the access keys come from when the shell holds some, half of them, or none, and no keyring is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.errors import AccessError
from tui.safety import Secret
from tui.settings.credentials import (
    Credentials,
    CredentialsInvalid,
    CredentialsMissing,
    entered_credentials,
    find_credentials,
)
from tui.settings.profiles import Profile, ResolvedProfile

ACCESS_KEY = "AKLTTESTONLY"
SECRET_KEY = "not-a-secret-0123456789"
PROFILE = Profile(
    name="prod",
    ark_endpoint="https://ark.example.com",
    tos_endpoint="https://tos.example.com",
    region="cn-beijing",
    bucket="my-batch",
    project="default",
    input_prefix="",
    output_prefix="",
    account_id="",
    read_only=False,
)
BY_DEFAULT = ResolvedProfile(PROFILE, named=False, origins={})
NAMED = ResolvedProfile(PROFILE, named=True, origins={})


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)


@pytest.mark.parametrize(
    ("access_key", "secret_key"),
    [
        ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY"),
        ("VOLC_ACCESSKEY", "VOLC_SECRETKEY"),
        ("BYTEPLUS_ACCESS_KEY", "BYTEPLUS_SECRET_KEY"),
    ],
)
async def test_each_official_pair_serves(access_key: str, secret_key: str) -> None:
    found = await find_credentials(BY_DEFAULT, {access_key: ACCESS_KEY, secret_key: SECRET_KEY})
    assert (found.access_key, found.secret_key.reveal()) == (ACCESS_KEY, SECRET_KEY)
    assert found.source == access_key


async def test_the_first_pair_wins() -> None:
    environ = {
        "BYTEPLUS_ACCESS_KEY": "AKLTBYTEPLUS", "BYTEPLUS_SECRET_KEY": "not-a-secret-b",
        "VOLC_ACCESSKEY": "AKLTSHORT", "VOLC_SECRETKEY": "not-a-secret-s",
        "VOLCENGINE_ACCESS_KEY": ACCESS_KEY, "VOLCENGINE_SECRET_KEY": SECRET_KEY,
    }  # fmt: skip
    assert (await find_credentials(BY_DEFAULT, environ)).access_key == ACCESS_KEY


@pytest.mark.parametrize("cloud", ["VOLCENGINE", "BYTEPLUS"])
async def test_a_session_token_comes_with_its_pair(cloud: str) -> None:
    environ = {
        f"{cloud}_ACCESS_KEY": ACCESS_KEY,
        f"{cloud}_SECRET_KEY": SECRET_KEY,
        f"{cloud}_SESSION_TOKEN": "not-a-token-0123456789",
    }
    assert (await find_credentials(BY_DEFAULT, environ)).session_token == Secret("not-a-token-0123456789")


async def test_a_token_of_another_pair_is_left_alone() -> None:
    environ = {
        "VOLC_ACCESSKEY": ACCESS_KEY, "VOLC_SECRETKEY": SECRET_KEY,
        "VOLCENGINE_SESSION_TOKEN": "not-a-token-0123456789",
    }  # fmt: skip
    assert (await find_credentials(BY_DEFAULT, environ)).session_token is None


async def test_halves_of_two_pairs_are_never_put_together() -> None:
    with pytest.raises(CredentialsMissing) as caught:
        await find_credentials(BY_DEFAULT, {"VOLCENGINE_ACCESS_KEY": ACCESS_KEY, "VOLC_SECRETKEY": SECRET_KEY})
    assert "VOLCENGINE_ACCESS_KEY is set without VOLCENGINE_SECRET_KEY" in caught.value.advice
    assert "VOLC_SECRETKEY is set without VOLC_ACCESSKEY" in caught.value.advice
    assert SECRET_KEY not in caught.value.advice


async def test_a_half_pair_beside_a_whole_one_is_mentioned() -> None:
    environ = {"VOLCENGINE_SECRET_KEY": SECRET_KEY, "VOLC_ACCESSKEY": ACCESS_KEY, "VOLC_SECRETKEY": SECRET_KEY}
    found = await find_credentials(BY_DEFAULT, environ)
    assert found.source == "VOLC_ACCESSKEY"
    assert found.notes == ("VOLCENGINE_SECRET_KEY is set without VOLCENGINE_ACCESS_KEY",)


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
async def test_an_empty_variable_is_unset(empty: str) -> None:
    with pytest.raises(CredentialsMissing):
        await find_credentials(BY_DEFAULT, {"VOLCENGINE_ACCESS_KEY": ACCESS_KEY, "VOLCENGINE_SECRET_KEY": empty})


async def test_blanks_around_a_variable_are_removed() -> None:
    environ = {"VOLCENGINE_ACCESS_KEY": f" {ACCESS_KEY}\n", "VOLCENGINE_SECRET_KEY": f"{SECRET_KEY}\r\n"}
    found = await find_credentials(BY_DEFAULT, environ)
    assert (found.access_key, found.secret_key.reveal()) == (ACCESS_KEY, SECRET_KEY)


async def test_a_variable_that_cannot_be_a_key_is_named_and_not_shown() -> None:
    environ = {"VOLCENGINE_ACCESS_KEY": ACCESS_KEY, "VOLCENGINE_SECRET_KEY": "not-a-secret\x1b[2J"}
    with pytest.raises(CredentialsInvalid, match="VOLCENGINE_SECRET_KEY holds a blank, a control") as caught:
        await find_credentials(BY_DEFAULT, environ)
    assert "not-a-secret" not in caught.value.message


async def test_without_any_keys_the_error_lists_where_it_looked_and_what_to_do() -> None:
    with pytest.raises(AccessError) as caught:
        await find_credentials(BY_DEFAULT, {})
    assert caught.value.message == "no access keys for profile prod"
    assert "environment: no whole pair of keys; this session has no D-Bus" in caught.value.advice
    assert "Set VOLCENGINE_ACCESS_KEY and VOLCENGINE_SECRET_KEY" in caught.value.advice
    assert "arkdeck login -p prod" in caught.value.advice


async def test_the_environment_serves_a_named_profile_where_no_keyring_is_and_says_so() -> None:
    environ = {"VOLCENGINE_ACCESS_KEY": ACCESS_KEY, "VOLCENGINE_SECRET_KEY": SECRET_KEY}
    found = await find_credentials(NAMED, environ)
    assert found.source == "VOLCENGINE_ACCESS_KEY"
    assert "no D-Bus" in found.notes[0]


# Login


def test_pasted_keys_are_trimmed() -> None:
    entered = entered_credentials(f"  {ACCESS_KEY}\r\n", f"\t{SECRET_KEY} ", "")
    assert (entered.access_key, entered.secret_key.reveal(), entered.session_token) == (ACCESS_KEY, SECRET_KEY, None)


@pytest.mark.parametrize(
    ("access_key", "secret_key", "complaint"),
    [
        ("", SECRET_KEY, "the access key is not 8 to 128 characters long"),
        (ACCESS_KEY, "short", "the secret key is not 8 to 128 characters long"),
        (ACCESS_KEY, "x" * 129, "the secret key is not 8 to 128 characters long"),
        (ACCESS_KEY, "not a secret", "secret key holds a blank"),
        (ACCESS_KEY, "not-a\nsecret", "secret key holds a blank"),
        (ACCESS_KEY, "not-a-\x1b]secret", "secret key holds a blank"),
        ("AKLT\u200bTESTONLY", SECRET_KEY, "access key holds a blank"),
        ("АKLTTESTONLY", SECRET_KEY, "access key holds a blank"),
    ],
)
def test_a_bad_paste_is_refused_without_showing_it(access_key: str, secret_key: str, complaint: str) -> None:
    with pytest.raises(CredentialsInvalid, match=complaint) as caught:
        entered_credentials(access_key, secret_key)
    assert not secret_key or secret_key not in f"{caught.value.message}{caught.value.advice}"


def test_an_endless_token_is_refused() -> None:
    with pytest.raises(CredentialsInvalid, match="session token is over 8192"):
        entered_credentials(ACCESS_KEY, SECRET_KEY, "x" * 8193)


@given(access_key=st.text(max_size=40), secret_key=st.text(max_size=40))
def test_what_login_accepts_can_travel_in_a_header(access_key: str, secret_key: str) -> None:
    try:
        entered = entered_credentials(access_key, secret_key)
    except CredentialsInvalid:
        return
    assert all("!" <= char <= "~" for char in entered.access_key + entered.secret_key.reveal())


def test_a_key_is_shown_by_its_ends() -> None:
    assert Credentials("AKLTEXAMPLEx7Qd", Secret(SECRET_KEY), None, "entered").masked_key == "AKLT…x7Qd"


def test_a_short_key_is_not_shown_by_its_ends() -> None:
    assert Credentials("AKLTEXAM", Secret(SECRET_KEY), None, "entered").masked_key == "…"


def test_credentials_show_no_key() -> None:
    shown = repr(Credentials(ACCESS_KEY, Secret(SECRET_KEY), Secret("not-a-token-0123"), "entered"))
    assert not any(value in shown for value in (ACCESS_KEY, SECRET_KEY, "not-a-token"))
