"""The access keys: from the environment or the system keyring, always a whole pair from one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import msgspec

from tui.errors import AccessError
from tui.i18n import _
from tui.safety import Secret
from tui.settings import keyring_store
from tui.settings.keyring_store import KeyringUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tui.settings.profiles import ResolvedProfile

_VARIABLES: Final = (  # access key, secret key, session token; the first whole pair serves
    ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY", "VOLCENGINE_SESSION_TOKEN"),
    ("VOLC_ACCESSKEY", "VOLC_SECRETKEY", ""),
    ("BYTEPLUS_ACCESS_KEY", "BYTEPLUS_SECRET_KEY", "BYTEPLUS_SESSION_TOKEN"),
)
IN_KEYRING: Final = _("system keyring")
"""The `source` of keys that the keyring holds."""

_VERSION: Final = 1
_MIN_KEY: Final = 8
_MAX_KEY: Final = 128
_MIN_MASKED: Final = 12  # below, first and last four would show too much
_MAX_TOKEN: Final = 8192


class CredentialsMissing(AccessError):  # noqa: N818  # it reads as what happened
    """No whole pair of keys was found; the advice lists where and how to give one."""


class CredentialsInvalid(AccessError):  # noqa: N818
    """A key cannot be one: the message says which and why, never its value."""


@dataclass(frozen=True)
class Credentials:
    """A pair of keys and where it came from.

    Attributes:
        access_key: the public half; shown as `masked_key` alone.
        secret_key: the other half.
        session_token: with keys that expire.
        source: where they were found, for a person.
        notes: what else a person should know: a half pair passed over, a keyring that could not be asked.
    """

    access_key: str = field(repr=False)
    secret_key: Secret
    session_token: Secret | None
    source: str
    notes: tuple[str, ...] = ()

    @property
    def masked_key(self) -> str:
        """The access key as it may be shown: its first and last four characters."""
        if len(self.access_key) < _MIN_MASKED:
            return "…"
        return f"{self.access_key[:4]}…{self.access_key[-4:]}"


class _Entry(msgspec.Struct, frozen=True):
    """What the keyring holds for a profile; session tokens are not kept, they expire."""

    v: int
    ak: str
    sk: str


def entered_credentials(access_key: str, secret_key: str, session_token: str = "") -> Credentials:
    """Return the keys that an operator typed or pasted, blanks around them removed.

    Raises:
        CredentialsInvalid: a key is too short or too long to be one, or holds blanks or control characters.
    """
    for value, name in ((access_key, _("access key")), (secret_key, _("secret key"))):
        if not _MIN_KEY <= len(value.strip()) <= _MAX_KEY:
            raise CredentialsInvalid(
                _(
                    "the {name} is not {low} to {high} characters long",
                    name=name,
                    low=_MIN_KEY,
                    high=_MAX_KEY,
                ),
                advice=_("Copy it again from the console's page of access keys"),
            )
    token = _plain(session_token, _("session token"))
    return Credentials(
        _plain(access_key, _("access key")),
        Secret(_plain(secret_key, _("secret key"))),
        Secret(token) if token else None,
        _("entered"),
    )


async def find_credentials(resolved: ResolvedProfile, environ: Mapping[str, str]) -> Credentials:
    """Return the keys for a profile.

    The environment comes first unless the operator named a profile; then that profile's entry in the keyring
    does, and the environment serves when there is none or the keyring cannot be asked.

    Raises:
        CredentialsMissing: neither holds a whole pair.
        CredentialsInvalid: what was found cannot be a key.
    """
    profile = resolved.profile.name
    variables = _whole_pair(environ)
    if variables and not resolved.named:
        return _from_environment(variables, environ)
    cure = ""
    try:
        stored = await _from_keyring(profile)
        looked = _("system keyring: no entry for profile {profile}", profile=profile)
    except KeyringUnavailableError as error:
        stored, cure = None, error.advice
        looked = error.message
    if stored and variables:
        return replace(stored, notes=(_("{name} is set; the profile's own keys win", name=variables[0]),))
    if stored:
        return replace(stored, notes=_half_pairs(environ))
    if variables:
        return replace(_from_environment(variables, environ), notes=(*_half_pairs(environ), looked))
    raise _missing(profile, [*_half_pairs(environ), looked], cure)


async def save_credentials(profile: str, credentials: Credentials) -> None:
    """Store the pair in the keyring under the profile's name; a session token is not stored.

    Raises:
        KeyringUnavailableError: it could not be stored, or was not there when read back.
    """
    entry = _Entry(_VERSION, credentials.access_key, credentials.secret_key.reveal())
    await keyring_store.write_entry(profile, msgspec.json.encode(entry).decode())


async def forget_credentials(profile: str) -> bool:
    """Remove a profile's pair from the keyring; return whether there was one (KeyringUnavailableError)."""
    return await keyring_store.delete_entry(profile)


async def stored_profiles(profiles: Iterable[str]) -> frozenset[str]:
    """Return those of the profiles that the keyring holds an entry for (KeyringUnavailableError)."""
    return frozenset([name for name in profiles if await keyring_store.read_entry(name) is not None])


def environment_pair(environ: Mapping[str, str]) -> str | None:
    """Return the variable whose pair of keys serves where the keyring has none; None when no whole pair is set."""
    variables = _whole_pair(environ)
    return variables[0] if variables else None


def _whole_pair(environ: Mapping[str, str]) -> tuple[str, str, str] | None:
    """Return the names of the first variables that hold both halves of a pair."""
    return next((names for names in _VARIABLES if all(environ.get(name, "").strip() for name in names[:2])), None)


def _half_pairs(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return a note for each pair of which one half alone is set."""
    notes = []
    for access_key, secret_key, _token in _VARIABLES:
        unset, given = sorted((access_key, secret_key), key=lambda name: bool(environ.get(name, "").strip()))
        if environ.get(given, "").strip() and not environ.get(unset, "").strip():
            notes.append(_("{given} is set without {unset}", given=given, unset=unset))
    return tuple(notes)


def _from_environment(names: tuple[str, str, str], environ: Mapping[str, str]) -> Credentials:
    access_key, secret_key, token = (_plain(environ.get(name, ""), name) for name in names)
    return Credentials(
        access_key,
        Secret(secret_key),
        Secret(token) if token else None,
        names[0],
        _half_pairs(environ),
    )


async def _from_keyring(profile: str) -> Credentials | None:
    text = await keyring_store.read_entry(profile)
    if text is None:
        return None
    try:
        entry = msgspec.json.decode(text, type=_Entry)
    except msgspec.MsgspecError:
        entry = None
    if entry is None or entry.v != _VERSION:
        raise CredentialsInvalid(
            _("the system keyring's entry for profile {profile} is not of this version", profile=profile),
            advice=_("Write it again: arkdeck login -p {profile}", profile=profile),
        )
    return Credentials(entry.ak, Secret(entry.sk), None, IN_KEYRING)


def _plain(value: str, name: str) -> str:
    """Return a key without the blanks around it (CredentialsInvalid when something else is wrong with it)."""
    key = value.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CredentialsInvalid(
            _("{name} holds a blank, a control character or a letter that no key has", name=name),
            advice=_("Copy it again from the console's page of access keys"),
        )
    if len(key) > _MAX_TOKEN:
        raise CredentialsInvalid(_("{name} is over {limit} characters long", name=name, limit=_MAX_TOKEN))
    return key


def _missing(profile: str, looked: Sequence[str], cure: str) -> CredentialsMissing:
    lines = [
        _("Looked at: {places}", places="; ".join((_("environment: no whole pair of keys"), *looked))),
        _(
            "Set {access_key} and {secret_key}, or store the keys once: arkdeck login -p {profile}",
            access_key=_VARIABLES[0][0],
            secret_key=_VARIABLES[0][1],
            profile=profile,
        ),
        cure,
    ]
    return CredentialsMissing(
        _("no access keys for profile {profile}", profile=profile), advice="\n".join(filter(None, lines))
    )
