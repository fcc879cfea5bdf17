"""The journal's tables, and how an older journal becomes one of today."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

MIGRATIONS: Final = (
    (
        """
        CREATE TABLE runs (
            id TEXT PRIMARY KEY,
            created TEXT NOT NULL,
            changed TEXT NOT NULL,
            plan BLOB NOT NULL,
            input BLOB NOT NULL,
            target TEXT NOT NULL,
            nonce TEXT NOT NULL,
            version TEXT NOT NULL,
            sha256 TEXT NOT NULL DEFAULT '',
            fingerprint BLOB,
            state TEXT NOT NULL,
            outcome TEXT NOT NULL DEFAULT 'open',
            reason TEXT NOT NULL DEFAULT '',
            object_key TEXT NOT NULL DEFAULT '',
            upload BLOB,
            job_id TEXT NOT NULL DEFAULT '',
            job BLOB,
            holder BLOB,
            token TEXT NOT NULL DEFAULT '',
            beat TEXT NOT NULL DEFAULT ''
        )
        """,
        "CREATE INDEX runs_open ON runs (target, outcome)",
        "CREATE INDEX runs_job ON runs (job_id)",
        """
        CREATE TABLE history (
            run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
            at TEXT NOT NULL,
            state TEXT NOT NULL,
            detail TEXT NOT NULL
        )
        """,
        "CREATE INDEX history_run ON history (run_id)",
        """
        CREATE TABLE samples (
            job_id TEXT NOT NULL,
            at TEXT NOT NULL,
            phase TEXT NOT NULL,
            total INTEGER NOT NULL,
            completed INTEGER NOT NULL,
            failed INTEGER NOT NULL
        )
        """,
        "CREATE INDEX samples_job ON samples (job_id)",
    ),
    (
        "CREATE TABLE accounts (job_id TEXT PRIMARY KEY, at TEXT NOT NULL, account BLOB NOT NULL)",
        """
        CREATE TABLE activity (
            at TEXT NOT NULL,
            deed TEXT NOT NULL,
            job_id TEXT NOT NULL,
            request_id TEXT NOT NULL,
            error TEXT NOT NULL,
            maybe_applied INTEGER NOT NULL,
            detail TEXT NOT NULL
        )
        """,
        "CREATE INDEX activity_job ON activity (job_id)",
    ),
    (
        "ALTER TABLE runs ADD COLUMN parent TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX runs_parent ON runs (parent)",
    ),
    ("ALTER TABLE runs ADD COLUMN verb TEXT NOT NULL DEFAULT ''",),  # empty: a submission of before there were others
)
"""The steps that made the schema what it is, each a list of statements; `user_version` counts those taken."""


def migrate(database: sqlite3.Connection) -> int:
    """Bring a journal up to date, whole or not at all, whoever else tries at the same time; return its version then.

    One of a later arkdeck is left as it is: its version is greater than the number of MIGRATIONS.
    """
    version = _version(database)
    if version >= len(MIGRATIONS):  # nothing to write, so whoever is writing need not be waited for
        return version
    with whole(database):
        version = _version(database)
        for step in MIGRATIONS[version:]:
            for statement in step:
                database.execute(statement)
        reached = max(version, len(MIGRATIONS))
        database.execute(f"PRAGMA user_version = {reached}")
    return reached


@contextlib.contextmanager
def whole(database: sqlite3.Connection) -> Iterator[None]:
    """Make the changes inside it whole, or not at all, and only while nobody else makes any."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:  # after some errors, as of a full disk, SQLite has ended it by itself
            database.execute("ROLLBACK")
        raise


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])
