"""The configuration file, read strictly: what is not understood is an error that says where and what fits."""

from __future__ import annotations

import difflib
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import msgspec
import tomli_w
from msgspec import UNSET, UnsetType

from tui.errors import UsageError
from tui.files import private_folder, write_atomic
from tui.i18n import _
from tui.settings import fields
from tui.settings.deck_settings import DeckSettings, checked_refresh
from tui.settings.key_names import InvalidKeyError, Keymap, parse_keys
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_KINDS: Final[Mapping[type, str]] = {
    str: "text in quotes",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a table",
}
_SECRET_NAMES: Final = frozenset(["ak", "sk", "sts"])
_SECRET_PARTS: Final = re.compile("secret|passw|passphrase|token|accesskey|apikey|privatekey|credential")


class ConfigError(UsageError):
    """The configuration is wrong: the message names the file and key, or the environment variable."""


class ProfileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one profile's table holds; what is unset comes from the preset or the defaults."""

    preset: Literal["volcengine", "byteplus", "local"] | UnsetType = UNSET
    ark_endpoint: fields.Endpoint | UnsetType = UNSET
    tos_endpoint: fields.Endpoint | UnsetType = UNSET
    region: fields.Region | UnsetType = UNSET
    bucket: fields.Bucket | UnsetType = UNSET
    project: fields.Project | UnsetType = UNSET
    input_prefix: fields.Prefix | UnsetType = UNSET
    output_prefix: fields.Prefix | UnsetType = UNSET
    account_id: fields.AccountId | UnsetType = UNSET
    read_only: fields.ReadOnly | UnsetType = UNSET

    def values(self) -> dict[str, str | bool]:
        """Return what is set, by field."""
        values: dict[str, str | bool] = msgspec.to_builtins(self)
        return values


class ConfigFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The whole file; which actions the keymap may name, and which keys are free, `keymap.checked_keymap` knows."""

    default_profile: str | UnsetType = UNSET
    profiles: dict[str, ProfileSettings] = {}
    deck: DeckSettings | UnsetType = UNSET
    keymap: Keymap = {}


def config_schema() -> dict[str, Any]:
    """Return the JSON Schema of the file, for editors."""
    return msgspec.json.schema(ConfigFile)


def load_config(file: Path) -> ConfigFile:
    """Read the profiles; a file that does not exist holds none.

    Raises:
        ConfigError: the file cannot be read, or something in it is not understood.
    """
    return _Reader(file).read()


def save_config(file: Path, config: ConfigFile) -> Path | None:
    """Write the profiles, private and whole.

    Comments are lost, so a file with a `#` in it is kept as `.bak`. Where the file is a link, its target is
    written.

    Returns:
        The file in which the comments are kept; None when there was none.

    Raises:
        ConfigError: the file cannot be written.
    """
    target, kept = file.resolve(), None
    try:
        private_folder(target.parent)
        if target.exists() and b"#" in (before := target.read_bytes()):
            kept = target.with_name(f"{target.name}.bak")
            write_atomic(kept, before)
        write_atomic(target, tomli_w.dumps(msgspec.to_builtins(config)).encode())
    except OSError as error:
        shown = clean(str(file), strict=True)
        raise ConfigError(_("{file} cannot be written: {reason}", file=shown, reason=error.strerror)) from error
    return kept


def checked_settings(settings: ProfileSettings, file: Path, profile: str) -> ProfileSettings:
    """Return settings made in the program as the file's rules want them (ConfigError as for the file)."""
    return _Reader(file).profile(profile, settings.values())


def nearest(word: str, known: Iterable[str]) -> str:
    """Return advice that names the known word most like `word`, or all of them."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1)
    if close:
        return _("Did you mean {name}?", name=close[0])
    return _("Known: {names}", names=", ".join(choices)) if choices else ""


class _Reader:
    """Reads one file; every complaint names it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> ConfigFile:
        document = self._document()
        for key, value in document.items():
            if key not in ConfigFile.__struct_fields__:
                self._refuse_key((key,), value, ConfigFile.__struct_fields__)
        profiles = self._typed(("profiles",), document.get("profiles", {}), dict)
        settings = {name: self.profile(name, table) for name, table in profiles.items()}
        default = document.get("default_profile", UNSET)
        if default is not UNSET and self._typed(("default_profile",), default, str) not in settings:
            self._fail(("default_profile",), _("there is no such profile"), nearest(default, settings))
        deck = self._deck(document["deck"]) if "deck" in document else UNSET
        keymap = dict(self._keymap(("keymap",), document.get("keymap", {})))
        return ConfigFile(default_profile=default, profiles=settings, deck=deck, keymap=keymap)

    def _document(self) -> dict[str, Any]:
        try:
            text = self._file.read_bytes().decode("utf-8-sig")
            return tomllib.loads(text)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigError(_("{file}: {reason}", file=self._name, reason=error.strerror)) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            reason = _("not UTF-8 (at line {line})", line=line)
            raise ConfigError(_("{file}: {reason}", file=self._name, reason=reason)) from error
        except (ValueError, RecursionError) as error:  # TOMLDecodeError, endless digits, endless nesting
            reason = clean(str(error)).replace("at end of document", _end_of(text))
            raise ConfigError(_("{file}: {reason}", file=self._name, reason=reason)) from error

    def profile(self, name: str, table: object) -> ProfileSettings:
        path = ("profiles", name)
        try:
            fields.parse_name(name)
        except fields.InvalidValueError as error:
            self._fail(path, str(error))
        values = self._typed(path, table, dict)
        return ProfileSettings(**{key: self._value((*path, key), value) for key, value in values.items()})

    def _deck(self, table: object) -> DeckSettings:
        values = self._typed(("deck",), table, dict)
        return DeckSettings(**{key: self._deck_value(("deck", key), value) for key, value in values.items()})

    def _deck_value(self, path: tuple[str, ...], value: object) -> Any:
        key = path[-1]
        if key not in DeckSettings.__struct_fields__:
            self._refuse_key(path, value, DeckSettings.__struct_fields__)
        if key == "theme":
            return self._typed(path, value, str)
        if key in ("mouse", "ascii"):
            return self._typed(path, value, bool)
        try:
            return checked_refresh(value if type(value) is int else self._typed(path, value, float))
        except fields.InvalidValueError as error:
            self._fail(path, str(error))

    def _keymap(self, path: tuple[str, ...], table: object) -> Iterator[tuple[str, str]]:
        """The keys by action, which may be written `"job.stop" = "S"` or `job.stop = "S"`."""
        for name, value in self._typed(path, table, dict).items():
            below = (*path, name)
            if isinstance(value, dict) and len(path) == 1:
                yield from self._keymap(below, value)
                continue
            try:
                parse_keys(self._typed(below, value, str))
            except InvalidKeyError as error:
                self._fail(below, str(error))
            yield ".".join(below[1:]), value

    def _value(self, path: tuple[str, ...], value: object) -> Any:
        key = path[-1]
        if key not in ProfileSettings.__struct_fields__:
            self._refuse_key(path, value, ProfileSettings.__struct_fields__)
        if key == "read_only":
            return self._typed(path, value, bool)
        try:
            return fields.parse(key, self._typed(path, value, str))
        except fields.InvalidValueError as error:
            self._fail(path, str(error))

    def _typed(self, path: tuple[str, ...], value: Any, kind: type) -> Any:
        if type(value) is not kind:
            got = _KINDS.get(type(value), type(value).__name__)
            self._fail(path, _("expected {wanted}, found {got}", wanted=_(_KINDS[kind]), got=_(got)))
        return value

    def _refuse_key(self, path: tuple[str, ...], value: object, known: Iterable[str]) -> NoReturn:
        secret = _secret_within(path, value)
        if secret:
            self._fail(
                secret,
                _("keys and passwords do not belong into this file"),
                _("Remove it, and store the keys with: arkdeck login"),
            )
        self._fail(path, _("unknown key"), nearest(path[-1], known))

    def _fail(self, path: tuple[str, ...], reason: str, advice: str = "") -> NoReturn:
        key = clean(".".join(path), strict=True, limit=200)
        raise ConfigError(
            _("{file}: {key}: {reason}", file=self._name, key=key, reason=reason), advice=advice
        ) from None

    @property
    def _name(self) -> str:
        return clean(str(self._file), strict=True)


def _end_of(text: str) -> str:
    """Return where `text` ends, in tomllib's words."""
    lines = text.split("\n")
    return f"at line {len(lines)}, column {len(lines[-1]) + 1}"


def _secret_within(path: tuple[str, ...], value: object) -> tuple[str, ...] | None:
    """Return the path of the first key that seems to hold a secret, here or further down."""
    name = re.sub("[^a-z]", "", path[-1].lower())
    if name in _SECRET_NAMES or _SECRET_PARTS.search(name):
        return path
    nested = value.items() if isinstance(value, dict) else ()
    return next((found for key, below in nested if (found := _secret_within((*path, key), below))), None)
