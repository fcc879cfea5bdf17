"""The journal's tables, and how an older journal becomes one of today."""

from __future__ import annotations

import sqlite3
from typing import Final

MIGRATIONS: Final = (
    """
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        created TEXT NOT NULL,
        changed TEXT NOT NULL,
        plan BLOB NOT NULL,
        input BLOB NOT NULL,
        target TEXT NOT NULL,
        version TEXT NOT NULL,
        sha256 TEXT NOT NULL DEFAULT '',
        fingerprint BLOB,
        state TEXT NOT NULL,
        outcome TEXT NOT NULL DEFAULT 'open',
        reason TEXT NOT NULL DEFAULT '',
        object_key TEXT NOT NULL DEFAULT '',
        upload BLOB,
        job_id TEXT NOT NULL DEFAULT '',
        lease_host TEXT NOT NULL DEFAULT '',
        lease_boot TEXT NOT NULL DEFAULT '',
        lease_pid INTEGER NOT NULL DEFAULT 0,
        lease_beat TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX runs_open ON runs (target, outcome);
    CREATE INDEX runs_job ON runs (job_id);
    CREATE TABLE history (
        run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
        at TEXT NOT NULL,
        state TEXT NOT NULL,
        detail TEXT NOT NULL
    );
    CREATE TABLE samples (
        job_id TEXT NOT NULL,
        at TEXT NOT NULL,
        phase TEXT NOT NULL,
        total INTEGER NOT NULL,
        completed INTEGER NOT NULL,
        failed INTEGER NOT NULL
    );
    CREATE INDEX samples_job ON samples (job_id, at);
    """,
)
"""The scripts that made the schema what it is, in order; a journal's `user_version` says how many it has seen."""


def migrate(database: sqlite3.Connection) -> int:
    """Bring a journal up to date, each step whole or not at all; return the version that it has then.

    One of a later arkdeck is left as it is: its version is greater than the number of MIGRATIONS.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        database.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
    return max(int(version), len(MIGRATIONS))
