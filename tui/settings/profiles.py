"""Which account, hosts and bucket a command works with, and which layer said so."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import UNSET

from tui.i18n import _
from tui.settings import fields
from tui.settings.config_file import (
    ConfigError,
    ConfigFile,
    ProfileSettings,
    checked_settings,
    load_config,
    nearest,
    save_config,
)
from tui.settings.presets import DEFAULT_PRESET, PRESETS
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.settings.paths import Paths

BUILT_IN: Final = "default"
"""The profile that exists while the file holds none."""

_DEFAULTS: Final[Mapping[str, str | bool]] = MappingProxyType(
    {
        "bucket": "",
        "project": "default",
        "input_prefix": "arkdeck/input/",
        "output_prefix": "arkdeck/output/",
        "account_id": "",
        "read_only": False,
    }
)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Where jobs run and objects lie; endpoints are `scheme://host[:port]`, prefixes end with `/`."""

    name: str
    ark_endpoint: str
    tos_endpoint: str
    region: str
    bucket: str
    project: str
    input_prefix: str
    output_prefix: str
    account_id: str
    read_only: bool


@dataclass(frozen=True)
class ResolvedProfile:
    """A profile and how it came about.

    Attributes:
        profile: the settings in force.
        named: the operator chose it, by `-p` or `ARKDECK_PROFILE`.
        origins: field -> `ARKDECK_BUCKET`, `config.toml [profiles.prod]`, `preset volcengine`, `default`.
    """

    profile: Profile
    named: bool
    origins: Mapping[str, str]

    @property
    def where(self) -> str:
        """Where the cloud is, for who looks at the screen: its region, or the host that was named in its place."""
        if self.origins["ark_endpoint"].startswith("preset "):
            return self.profile.region
        return urllib.parse.urlsplit(self.profile.ark_endpoint).netloc


def resolve_profile(paths: Paths, name: str | None, environ: Mapping[str, str]) -> ResolvedProfile:
    """Return the settings in force: environment over file over preset over default.

    A profile is read-only when any of them says so.

    Args:
        paths: where the file is.
        name: the profile asked for with `-p`.
        environ: the process environment; empty variables count as unset.

    Raises:
        ConfigError: the file or a variable is not understood, or which profile is meant is not clear.
    """
    config = load_config(paths.config_file)
    chosen, chosen_by = _choose(config, name, environ, paths.config_file)
    settings = config.profiles.get(chosen) or _built_in(chosen)
    preset = DEFAULT_PRESET if settings.preset is UNSET else settings.preset
    from_file = settings.values()
    from_environment = _from_environment(environ)
    region = str((from_file | from_environment).get("region", PRESETS[preset].region))
    section = f"{paths.config_file.name} [profiles.{chosen}]"

    values: dict[str, Any] = {}
    origins = {"name": chosen_by}
    for origin, layer in (
        ("default", _DEFAULTS),
        (f"preset {preset}", PRESETS[preset].values(region)),
        (section, from_file),
        ("", from_environment),
    ):
        for field, value in layer.items():
            if field == "preset" or (field == "read_only" and values.get(field) and not value):
                continue
            values[field] = value
            origins[field] = origin or _variable(field)
    named = chosen_by in ("-p", "ARKDECK_PROFILE")
    return ResolvedProfile(Profile(name=chosen, **values), named, MappingProxyType(origins))


def derived_settings(preset: str, region: str = "") -> dict[str, str | bool]:
    """Return what a profile has where it says nothing itself.

    Args:
        preset: the one it starts from.
        region: the one it names, which the hosts follow; the preset's own when empty.
    """
    return {**_DEFAULTS, **PRESETS[preset].values(region or PRESETS[preset].region)}


def list_profiles(paths: Paths) -> list[str]:
    """Return the names of the profiles, in the file's order; the built-in one when there are none."""
    return list(load_config(paths.config_file).profiles) or [BUILT_IN]


def save_profile(paths: Paths, name: str, settings: ProfileSettings, *, default: bool = False) -> Path | None:
    """Write a profile, new or changed, and make it the default one if asked.

    What was the only profile, and so the one in force, becomes the default one when a second joins it.

    Returns:
        The file in which the comments of the file before are kept; None when there were none.

    Raises:
        ConfigError: the name or a value breaks a rule, or the file as it is is not understood or cannot be written.
    """
    config = load_config(paths.config_file)
    checked = checked_settings(settings, paths.config_file, name)
    before = next(iter(config.profiles)) if len(config.profiles) == 1 else UNSET
    if config.default_profile is not UNSET or name in config.profiles:
        before = config.default_profile
    return save_config(
        paths.config_file,
        msgspec.structs.replace(
            config,
            default_profile=name if default else before,
            profiles={**config.profiles, name: checked},
        ),
    )


def make_default(paths: Paths, name: str) -> Path | None:
    """Make a profile the one in force where none is asked for; return what `save_profile` does.

    Raises:
        ConfigError: there is no such profile, or the file is not understood or cannot be written.
    """
    config = load_config(paths.config_file)
    if name not in config.profiles:
        raise _unknown(name, config, "-p")
    return save_config(paths.config_file, msgspec.structs.replace(config, default_profile=name))


def delete_profile(paths: Paths, name: str) -> Path | None:
    """Remove a profile from the file; its credentials are the keyring's (`forget_credentials`).

    Returns:
        What `save_profile` does.

    Raises:
        ConfigError: there is no such profile, or the file is not understood or cannot be written.
    """
    config = load_config(paths.config_file)
    if name not in config.profiles:
        raise _unknown(name, config, "-p")
    return save_config(
        paths.config_file,
        msgspec.structs.replace(
            config,
            default_profile=UNSET if config.default_profile == name else config.default_profile,
            profiles={other: settings for other, settings in config.profiles.items() if other != name},
        ),
    )


def _choose(config: ConfigFile, name: str | None, environ: Mapping[str, str], file: Path) -> tuple[str, str]:
    """Return the profile's name and what chose it."""
    asked = ((name, "-p"), (environ.get("ARKDECK_PROFILE"), "ARKDECK_PROFILE"))
    for wanted, chosen_by in asked:
        if wanted:
            if wanted not in config.profiles and wanted not in PRESETS and (config.profiles or wanted != BUILT_IN):
                raise _unknown(wanted, config, chosen_by)
            return wanted, chosen_by
    if config.default_profile is not UNSET:
        return config.default_profile, "default_profile"
    if not config.profiles:
        return BUILT_IN, "default"
    if len(config.profiles) == 1:
        return next(iter(config.profiles)), file.name
    raise ConfigError(
        _("{file} holds several profiles and no default_profile", file=clean(str(file), strict=True)),
        advice=_("Choose one with -p: {names}", names=", ".join(config.profiles)),
    )


def _built_in(name: str) -> ProfileSettings:
    """The profile that a preset's name stands for while the file has none of that name, or the one by default."""
    return msgspec.convert({"preset": name}, ProfileSettings) if name in PRESETS else ProfileSettings()


def _unknown(name: str, config: ConfigFile, chosen_by: str) -> ConfigError:
    return ConfigError(
        _("{by}: there is no profile {name}", by=chosen_by, name=clean(name, strict=True, limit=80)),
        advice=nearest(name, [*(config.profiles or [BUILT_IN]), *PRESETS]),
    )


def _from_environment(environ: Mapping[str, str]) -> dict[str, str | bool]:
    values: dict[str, str | bool] = {}
    for field in Profile.__struct_fields__[1:]:
        text = environ.get(_variable(field), "").strip()
        if not text:
            continue
        try:
            values[field] = fields.parse(field, text)
        except fields.InvalidValueError as error:
            raise ConfigError(_("{name}: {reason}", name=_variable(field), reason=str(error))) from None
    return values


def _variable(field: str) -> str:
    return f"ARKDECK_{field.upper()}"
