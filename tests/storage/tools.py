"""What the tests of the store share."""

from __future__ import annotations

from pathlib import Path

from tui.fingerprint import Fingerprint, Fingerprinter
from tui.localcloud import CloudInfo
from tui.safety import Secret
from tui.settings.credentials import Credentials

MIB = 1024 * 1024


def credentials_of(info: CloudInfo, secret: str = "") -> Credentials:
    return Credentials(info.access_key, Secret(secret or info.secret_key), None, "test")


def fingerprint_of(path: Path) -> Fingerprint:
    maker = Fingerprinter()
    maker.update(path.read_bytes())
    return maker.finish(path.stat())


def bytes_of(path: Path) -> bytes:
    return path.read_bytes()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
