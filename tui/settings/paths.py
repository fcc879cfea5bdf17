"""Where arkdeck keeps its files: the platform's places, XDG's on Linux."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

_APP: Final = "arkdeck"


class Paths(msgspec.Struct, frozen=True):
    """The operator's places. Naming them makes nothing; whoever writes makes the folder, private.

    Attributes:
        config_file: the profiles.
        data_dir: what must survive: the journal of the runs.
        state_dir: what may be lost: logs, crash reports.
    """

    config_file: Path
    data_dir: Path
    state_dir: Path

    @property
    def themes_folder(self) -> Path:
        """Where the operator's own themes lie, beside the configuration."""
        return self.config_file.parent / "themes"

    @classmethod
    def for_user(cls) -> Paths:
        """Return the places of the user who runs this process."""
        places = platformdirs.PlatformDirs(_APP, appauthor=False)
        return cls(places.user_config_path / "config.toml", places.user_data_path, places.user_state_path)
