"""A keyring for tests of the screens: a backend of the keyring library that keeps its entries in memory."""

from __future__ import annotations

import json
import threading

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError

ACCESS_KEY = "AKLTTESTONLY"
SECRET_KEY = "not-a-secret-0123456789"


class MemoryKeyring(KeyringBackend):
    """Holds entries until the test ends; while `answers` is cleared, every call waits."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.answers = threading.Event()
        self.answers.set()

    def get_password(self, service: str, username: str) -> str | None:
        self.answers.wait()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.answers.wait()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.answers.wait()
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError(username)

    def give(self, profile: str, access_key: str = ACCESS_KEY, secret_key: str = SECRET_KEY) -> None:
        """Hold keys as an earlier login left them."""
        self.entries["arkdeck", profile] = json.dumps({"v": 1, "ak": access_key, "sk": secret_key})

    def pair(self, profile: str) -> tuple[str, str] | None:
        """Return the keys of a profile."""
        text = self.entries.get(("arkdeck", profile))
        entry = json.loads(text) if text else None
        return (entry["ak"], entry["sk"]) if entry else None
