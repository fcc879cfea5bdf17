"""The journal: what was decided, written down before the network call that acts on it.

One SQLite file holds the runs (a file's way from check to account), their history and the samples of job counts. A row
is committed with `synchronous=FULL` before the step that it announces: whatever kills the process, `arkdeck continue`
finds out where to go on.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

import msgspec

from tui.clock import Clock
from tui.errors import UsageError, WorkError
from tui.files import private_folder
from tui.fingerprint import Fingerprint
from tui.i18n import _
from tui.runs.plan import Plan, decode_plan, encode_plan
from tui.runs.run import Outcome, Run, RunState, Sample
from tui.runs.schema import MIGRATIONS, migrate

_LEASE_STALE_AFTER: Final = timedelta(seconds=60)


class JournalError(WorkError):
    """The journal cannot be read or written."""


class JournalTooNewError(UsageError):
    """The journal was written by a later version of arkdeck."""


class RunHeldError(UsageError):
    """Another live process is working on the run."""


class UnknownRunError(UsageError):
    """No run in the journal has this id."""


class Journal:
    """The open journal; a context manager.

    Args:
        folder: the data folder; made private when it is missing.
        clock: the time written into rows and leases.
    Raises:
        JournalError: the file cannot be opened, or is no journal.
        JournalTooNewError: a later version wrote it.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path = folder / "journal.db"
        self._clock = clock
        with self._explained():
            private_folder(folder)
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=10)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._db.close()

    # --- runs ---------------------------------------------------------------------------------------------------------

    def plan(self, plan: Plan) -> Run:
        """Write down a new run and hold its lease."""
        run_id = f"r-{self._clock.now():%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        now = self._now()
        with self._transaction():
            self._db.execute(
                "INSERT INTO runs (id, created, changed, plan, input, target, version, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    run_id,
                    now,
                    now,
                    encode_plan(plan),
                    os.fsencode(plan.input),
                    plan.target,
                    plan.version,
                    RunState.PLANNED,
                ),
            )
            self._remember(run_id, RunState.PLANNED, "")
        self.hold(run_id)
        return self.run(run_id)

    def run(self, run_id: str) -> Run:
        """Return a run by its id (UnknownRunError)."""
        row = self._one("SELECT * FROM runs WHERE id = ?", run_id)
        if row is None:
            raise UnknownRunError(_("no run {run} in the journal", run=run_id), advice=_("List them:  arkdeck runs"))
        return _run(row)

    def runs(self, *, open_only: bool = False) -> list[Run]:
        """Return the runs, newest first."""
        where = "WHERE outcome = 'open'" if open_only else "WHERE outcome != 'forgotten'"
        return [_run(row) for row in self._all(f"SELECT * FROM runs {where} ORDER BY created DESC, id DESC")]  # noqa: S608

    def run_of_job(self, job_id: str) -> Run | None:
        """Return the newest run that made or attached to the job."""
        row = self._one("SELECT * FROM runs WHERE job_id = ? ORDER BY created DESC LIMIT 1", job_id)
        return _run(row) if row else None

    def open_run_like(self, plan: Plan, *, sha256: str = "", but: str = "") -> Run | None:
        """Return an unfinished run to the same target with the same input: by path, or by content where it is known.

        A plan without a model version fits a run with any.
        """
        same, value = ("sha256", sha256) if sha256 else ("input", os.fsencode(plan.input))
        row = self._one(
            f"SELECT * FROM runs WHERE outcome = 'open' AND target = ? AND id != ? AND {same} = ?"  # noqa: S608
            " AND (? IN ('', version) OR version = '') ORDER BY created DESC LIMIT 1",
            plan.target,
            but,
            value,
            plan.version,
        )
        return _run(row) if row else None

    def earlier_job(self, run: Run) -> str:
        """Return the newest job that another run to the same target made of the same object, or an empty string."""
        row = self._one(
            "SELECT job_id FROM runs WHERE object_key = ? AND target = ? AND id != ? AND job_id != ''"
            " AND outcome != 'forgotten' ORDER BY created DESC LIMIT 1",
            run.object_key,
            run.plan.target,
            run.id,
        )
        return str(row["job_id"]) if row else ""

    def advance(
        self,
        run_id: str,
        state: RunState,
        *,
        detail: str = "",
        plan: Plan | None = None,
        fingerprint: Fingerprint | None = None,
        object_key: str | None = None,
        job_id: str | None = None,
    ) -> Run:
        """Write that the run enters `state`, with what became known on the way, and return it."""
        changes: dict[str, object] = {"state": state, "changed": self._now(), "lease_beat": self._now()}
        if plan is not None:
            changes |= {"plan": encode_plan(plan), "version": plan.version}
        if fingerprint is not None:
            changes |= {"fingerprint": msgspec.json.encode(fingerprint), "sha256": fingerprint.sha256}
        if object_key is not None:
            changes["object_key"] = object_key
        if job_id is not None:
            changes["job_id"] = job_id
        with self._transaction():
            self._update(run_id, changes)
            self._remember(run_id, state, detail)
        return self.run(run_id)

    def keep_upload(self, run_id: str, upload: bytes) -> None:
        """Keep what an interrupted upload needs to go on; also a sign of life."""
        with self._transaction():
            self._update(run_id, {"upload": upload, "lease_beat": self._now()})

    def end(self, run_id: str, outcome: Outcome, reason: str = "", *, state: RunState | None = None) -> None:
        """Close the run, in `state` if it enters one with that; nothing takes it up again."""
        changes: dict[str, object] = {"outcome": outcome, "reason": reason, "changed": self._now()}
        if state is not None:
            changes["state"] = state
        with self._transaction():
            self._update(run_id, changes)
            self._remember(run_id, outcome, reason)

    def drop(self, run_id: str) -> None:
        """Remove a run that turned out to be another one."""
        with self._transaction():
            self._db.execute("DELETE FROM runs WHERE id = ?", (run_id,))

    def history(self, run_id: str) -> list[tuple[datetime, str, str]]:
        """Return the run's history, oldest first: when, which state, what was noted."""
        rows = self._all("SELECT at, state, detail FROM history WHERE run_id = ? ORDER BY rowid", run_id)
        return [(datetime.fromisoformat(row["at"]), row["state"], row["detail"]) for row in rows]

    # --- leases -------------------------------------------------------------------------------------------------------

    def hold(self, run_id: str) -> None:
        """Take the run's lease for this process.

        Raises:
            RunHeldError: a live process has it.
        """
        with self._transaction():
            row = self._one("SELECT * FROM runs WHERE id = ?", run_id)
            if row is not None and (holder := self._live_holder(row)):
                raise RunHeldError(
                    _("run {run} is being worked on by {holder}", run=run_id, holder=holder),
                    advice=_("Leave it to that process, or end it and say:  arkdeck continue {run}", run=run_id),
                )
            self._update(
                run_id,
                {
                    "lease_host": socket.gethostname(),
                    "lease_boot": _boot_id(),
                    "lease_pid": os.getpid(),
                    "lease_beat": self._now(),
                },
            )

    def beat(self, run_id: str) -> None:
        """Show that this process is still at work on the run."""
        with self._transaction():
            self._update(run_id, {"lease_beat": self._now()})

    def let_go(self, run_id: str) -> None:
        """Give the lease back."""
        with self._transaction():
            self._db.execute(
                "UPDATE runs SET lease_host = '', lease_boot = '', lease_pid = 0 WHERE id = ? AND lease_pid = ?",
                (run_id, os.getpid()),
            )

    def live_holder(self, run_id: str) -> str:
        """Return `host pid N` of another live process that works on the run, or an empty string."""
        row = self._one("SELECT * FROM runs WHERE id = ?", run_id)
        return self._live_holder(row) if row else ""

    def _live_holder(self, row: sqlite3.Row) -> str:
        host, boot, pid = row["lease_host"], row["lease_boot"], row["lease_pid"]
        if not pid or (host == socket.gethostname() and pid == os.getpid()):
            return ""
        if host == socket.gethostname():
            alive = boot == _boot_id() and _is_alive(pid)
        else:
            alive = self._clock.now() - datetime.fromisoformat(row["lease_beat"]) < _LEASE_STALE_AFTER
        return f"{host} pid {pid}" if alive else ""

    # --- samples ------------------------------------------------------------------------------------------------------

    def sample(self, job_id: str, sample: Sample) -> None:
        """Keep what a job's counters said, unless the last sample says the same."""
        last = self._one("SELECT * FROM samples WHERE job_id = ? ORDER BY at DESC, rowid DESC LIMIT 1", job_id)
        values = (sample.phase, sample.total, sample.completed, sample.failed)
        if last is not None and (last["phase"], last["total"], last["completed"], last["failed"]) == values:
            return
        with self._transaction():
            self._db.execute(
                "INSERT INTO samples (job_id, at, phase, total, completed, failed) VALUES (?, ?, ?, ?, ?, ?)",
                (job_id, sample.at.isoformat(), *values),
            )

    def samples(self, job_id: str) -> list[Sample]:
        """Return the samples of a job, oldest first."""
        rows = self._all("SELECT * FROM samples WHERE job_id = ? ORDER BY at, rowid", job_id)
        return [
            Sample(datetime.fromisoformat(row["at"]), row["phase"], row["total"], row["completed"], row["failed"])
            for row in rows
        ]

    # --- the database -------------------------------------------------------------------------------------------------

    def _migrate(self) -> None:
        version = migrate(self._db)
        if version > len(MIGRATIONS):
            self._db.close()
            raise JournalTooNewError(
                _("{path} was written by a later arkdeck (schema {version})", path=self.path, version=version),
                advice=_("Use that version, or point XDG_DATA_HOME elsewhere for this one."),
            )

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _remember(self, run_id: str, state: str, detail: str) -> None:
        self._db.execute("INSERT INTO history VALUES (?, ?, ?, ?)", (run_id, self._now(), state, detail))

    def _update(self, run_id: str, changes: dict[str, object]) -> None:
        columns = ", ".join(f"{column} = ?" for column in changes)
        self._db.execute(f"UPDATE runs SET {columns} WHERE id = ?", (*changes.values(), run_id))  # noqa: S608

    def _one(self, query: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(query, values).fetchone()
        return row

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self._db.execute(query, values).fetchall()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise JournalError(
                _("the journal {path} cannot be used: {error}", path=self.path, error=error),
                advice=_(
                    "Check the disk's space and the folder's permissions; nothing was sent after the last step shown."
                ),
            ) from error


def _run(row: sqlite3.Row) -> Run:
    fingerprint = row["fingerprint"]
    return Run(
        id=row["id"],
        created=datetime.fromisoformat(row["created"]),
        changed=datetime.fromisoformat(row["changed"]),
        plan=decode_plan(row["plan"]),
        fingerprint=msgspec.json.decode(fingerprint, type=Fingerprint) if fingerprint else None,
        state=RunState(row["state"]),
        outcome=Outcome(row["outcome"]),
        reason=row["reason"],
        object_key=row["object_key"],
        upload=row["upload"],
        job_id=row["job_id"],
        holder=f"{row['lease_host']} pid {row['lease_pid']}" if row["lease_pid"] else "",
    )


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
