"""The journal's SQLite file: opened, brought up to date, and its failures told."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from tui.errors import UsageError, WorkError
from tui.files import private_folder
from tui.i18n import _
from tui.runs.schema import MIGRATIONS, migrate, whole

_TRY_EVERY: Final = 0.01  # seconds


class JournalError(WorkError):
    """The journal cannot be read or written."""


class JournalTooNewError(UsageError):
    """The journal was written by a later version of arkdeck."""


class Database:
    """One open file in WAL mode.

    Args:
        path: the file; its folder is made private when it is missing.
        patience: seconds to wait while another process writes.

    Raises:
        JournalError: the file cannot be opened, or is no journal.
        JournalTooNewError: a later version wrote it.
    """

    def __init__(self, path: Path, *, patience: float) -> None:
        self.path = path
        with self._explained():
            private_folder(path.parent)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=patience)
            self._connection.row_factory = sqlite3.Row
            try:
                self._turn_to_wal(patience)
                self._connection.execute("PRAGMA foreign_keys = ON")
                version = migrate(self._connection)
            except sqlite3.Error:
                self.close()
                raise
        if version > len(MIGRATIONS):
            self.close()
            raise JournalTooNewError(
                _("{path} was written by a later arkdeck (schema {version})", path=path, version=version),
                advice=_("Use that version, or point XDG_DATA_HOME elsewhere for this one."),
            )

    def _turn_to_wal(self, patience: float) -> None:
        """Have the file in WAL mode; where several processes turn a new one at once SQLite does not wait by itself."""
        end = time.monotonic() + patience
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
                time.sleep(_TRY_EVERY)
            else:
                return

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        """Return the first row, or None."""
        return next(iter(self.all(query, *values)), None)

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """Return every row."""
        with self._explained():
            return self._connection.execute(query, values).fetchall()

    def change(self, statement: str, *values: object) -> int:
        """Change rows inside a transaction; return how many."""
        return self._connection.execute(statement, values).rowcount

    def change_all(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        """Do the same change with each of the rows' values, inside a transaction."""
        self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[None]:
        """Make the changes inside it whole, or not at all.

        Args:
            durable: they have reached the disk when this ends; otherwise a power cut may take them, and nothing waits.
        """
        with self._explained():
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with whole(self._connection):
                yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                _("the journal {path} cannot be used: {error}", path=self.path, error=error),
                advice=_("Check the disk's space and the folder's permissions. What was sent is written down already."),
            ) from error
