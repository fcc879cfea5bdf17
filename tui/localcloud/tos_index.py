"""The index of the object storage: one SQLite file that says which blobs make up which object."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Final

from tui.localcloud.failures import CannotStartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA_VERSION: Final = 1
_SCHEMA: Final = f"""
CREATE TABLE bucket (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL                     -- milliseconds since 1970
) WITHOUT ROWID;

CREATE TABLE content (                           -- bytes that any number of objects share after a copy
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    size INTEGER NOT NULL,
    crc64 TEXT NOT NULL,                         -- decimal: SQLite has no unsigned 64 bit integer
    etag TEXT NOT NULL
);
CREATE TABLE segment (
    content INTEGER NOT NULL REFERENCES content,
    position INTEGER NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (content, position)
) WITHOUT ROWID;

CREATE TABLE object (
    bucket TEXT NOT NULL REFERENCES bucket,
    key TEXT NOT NULL,
    content INTEGER NOT NULL REFERENCES content,
    headers TEXT NOT NULL,                       -- JSON object
    modified INTEGER NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE INDEX object_by_content ON object (content);

CREATE TABLE upload (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES bucket,
    key TEXT NOT NULL,
    headers TEXT NOT NULL,
    initiated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX upload_by_key ON upload (bucket, key, id);
CREATE TABLE part (
    upload TEXT NOT NULL REFERENCES upload,
    number INTEGER NOT NULL,
    blob TEXT NOT NULL,
    size INTEGER NOT NULL,
    crc64 TEXT NOT NULL,
    etag TEXT NOT NULL,
    modified INTEGER NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;
PRAGMA user_version = {_SCHEMA_VERSION};
"""


class IndexVersionError(CannotStartError):
    """The index was written by another version of the local cloud."""


class Index:
    """The index, safe to share between threads: one transaction at a time.

    Args:
        path: the SQLite file, made when missing.

    Raises:
        IndexVersionError: the file has another layout.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute("PRAGMA foreign_keys = ON")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
        elif version != _SCHEMA_VERSION:
            self._database.close()
            raise IndexVersionError(f"{path} has layout {version}, this version reads {_SCHEMA_VERSION}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield the database; a normal exit commits, an error undoes everything."""
        with self._lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:  # SQLite ends it itself when the disk is full
                    self._database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()
