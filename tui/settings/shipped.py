"""What is shipped with the program besides code: inside the package when installed, beside it in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent.parent


def shipped(name: str) -> Path:
    """Return the folder `name` of shipped files (FileNotFoundError when the installation lacks it)."""
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation lacks {name}")
