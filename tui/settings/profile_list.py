"""The profiles side by side, as an operator chooses among them."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec

from tui.settings.config_file import load_config
from tui.settings.profiles import BUILT_IN, Profile, resolve_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.settings.paths import Paths


class KeysFrom(StrEnum):
    """Where a profile's keys are found when it is chosen by name."""

    SESSION = "this session"
    KEYRING = "keyring"
    ENVIRONMENT = "environment"
    NONE = "none"


class ListedProfile(msgspec.Struct, frozen=True):
    """One of the profiles that can be chosen.

    Attributes:
        profile: the settings that would be in force.
        in_file: the file holds it; otherwise it is the built-in one.
        default: it is in force where none is asked for.
    """

    profile: Profile
    in_file: bool
    default: bool

    @property
    def name(self) -> str:
        """What it is chosen by."""
        return self.profile.name


def listed_profiles(paths: Paths, environ: Mapping[str, str]) -> list[ListedProfile]:
    """Return the profiles in the file's order; the built-in one when there are none.

    Raises:
        ConfigError: the file or a variable is not understood.
    """
    config = load_config(paths.config_file)
    default = config.default_profile if len(config.profiles) > 1 else next(iter(config.profiles), BUILT_IN)
    return [
        ListedProfile(resolve_profile(paths, name, environ).profile, name in config.profiles, name == default)
        for name in config.profiles or [BUILT_IN]
    ]
