"""The keys of a local cloud, made once per data folder, so that a restart does not lock its clients out."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from tui.files import private_folder, write_atomic
from tui.localcloud.failures import CannotStartError

if TYPE_CHECKING:
    from pathlib import Path

KEYS_FILE: Final = "keys.json"
ACCESS_KEY_PREFIX: Final = "AKLTLOCAL"


class KeysUnreadableError(CannotStartError):
    """The keys file of a data folder is not what `load_keys` wrote."""


@dataclass(frozen=True)
class Keys:
    """What a client signs with; both protocols of the local cloud accept the same keys.

    Attributes:
        access_key: public half, travels with every request.
        secret_key: secret half, signs every request.
        session_token: when set, every request must carry it (temporary STS keys); None for permanent keys.
    """

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def load_keys(folder: Path) -> Keys:
    """Return the keys kept in `folder`, made at random when there are none yet, in a file for its owner only.

    Raises:
        KeysUnreadableError: the file does not hold an access key and a secret key.
        OSError: the folder cannot be made, read or written.
    """
    path = private_folder(folder) / KEYS_FILE
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _make_keys(path)
    try:
        return msgspec.json.decode(content, type=Keys)
    except msgspec.DecodeError:
        raise KeysUnreadableError(f"not a keys file of a local cloud: {path}") from None


def _make_keys(path: Path) -> Keys:
    keys = Keys(access_key=ACCESS_KEY_PREFIX + secrets.token_hex(16), secret_key=secrets.token_urlsafe(36))
    write_atomic(path, msgspec.json.encode(keys))
    return keys
