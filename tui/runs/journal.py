"""The journal: what was decided, written down before the network call that acts on it.

One SQLite file holds the runs (a file's way from check to account), their history and the samples of job counts. A row
is committed with `synchronous=FULL` before the step that it announces: whatever kills the process, `arkdeck continue`
finds out where to go on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, Self, TypeVar

import msgspec

from tui.clock import Clock
from tui.daemon import in_daemon
from tui.dataset.results import Account
from tui.errors import UsageError
from tui.fingerprint import Fingerprint
from tui.i18n import _
from tui.runs.database import Database, JournalError, JournalTooNewError
from tui.runs.lease import Holder, this_process
from tui.runs.plan import COLLECT, Plan, decode_plan, encode_plan
from tui.runs.run import CREATED, Activity, Outcome, Run, RunState, Sample

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Journal", "JournalError", "JournalTooNewError", "RunHeldError", "UnknownRunError"]

T = TypeVar("T")
P = ParamSpec("P")

_DENSE: Final = timedelta(hours=3)  # a job that runs for days is sampled ten thousand times
_PATIENCE: Final = 10.0  # seconds; what is written down before an act is worth waiting for
_LITTLE_PATIENCE: Final = 1.0  # what the next poll says again is not
_SENDS: Final = f"verb != '{COLLECT}'"  # `Plan.sends`


class RunHeldError(UsageError):
    """Another live process, or another flow of this one, is working on the run."""

    def __init__(self, run_id: str, holder: Holder | None) -> None:
        self.run_id = run_id
        self.holder = str(holder) if holder else _("another process")
        super().__init__(
            _("run {run} is being worked on by {holder}", run=run_id, holder=self.holder),
            advice=_("Leave it to that process, or end it and say:  arkdeck continue {run}", run=run_id),
        )


class UnknownRunError(UsageError):
    """No run in the journal has this id."""


class Journal:
    """The open journal; a context manager.

    Args:
        folder: the data folder; made private when it is missing.
        clock: the time written into rows and leases.
        patience: seconds to wait while another process writes.

    Raises:
        JournalError: the file cannot be opened, or is no journal.
        JournalTooNewError: a later version wrote it.
    """

    def __init__(self, folder: Path, clock: Clock, *, patience: float = _PATIENCE) -> None:
        self.path = folder / "journal.db"
        self._clock = clock
        self._holder = this_process()
        self._held: set[str] = set()
        self._db = Database(self.path, patience=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._db.close()

    async def apart(self, work: Callable[[Journal], T], *, needed: bool = False) -> T:
        """Return what `work` makes of the journal on a thread of its own (JournalError).

        The event loop goes on, however slow the disk is and whoever locks the file.

        Args:
            work: is given a connection of its own, which holds what this one holds.
            needed: wait as long as ever for other processes, and carry it through though the caller is cancelled.
                Without it, it is given up soon: for what can be done without.
        """

        def on_a_connection_of_its_own() -> T:
            with Journal(self.path.parent, self._clock, patience=_PATIENCE if needed else _LITTLE_PATIENCE) as journal:
                journal._holder, journal._held = self._holder, self._held
                return work(journal)

        working = in_daemon(on_a_connection_of_its_own, name="journal")
        working.add_done_callback(_heard)
        try:
            return await asyncio.shield(working)
        except asyncio.CancelledError:
            if needed:
                await asyncio.wait([working])
            raise

    async def write_apart(self, method: Callable[Concatenate[Journal, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do one of the journal's methods `apart`, as is needed: `await journal.write_apart(Journal.beat, run.id)`."""
        return await self.apart(lambda journal: method(journal, *args, **kwargs), needed=True)

    # --- runs ---------------------------------------------------------------------------------------------------------

    def plan(self, plan: Plan, *, job_id: str = "", job: bytes | None = None) -> Run:
        """Write down a new run and hold its lease.

        Args:
            plan: what it is to do.
            job_id: the job whose results it brings home; such a run begins where others have come to by then.
            job: that job as it was last seen.
        """
        state = RunState.PLANNED if plan.sends else RunState.COLLECTING
        run_id = f"r-{self._clock.now():%Y%m%d%H%M%S}-{secrets.token_hex(3)}"
        columns = {
            "id": run_id,
            "created": self._now(),
            "changed": self._now(),
            "plan": encode_plan(plan),
            "input": os.fsencode(plan.input),
            "target": plan.target,
            "nonce": plan.nonce,
            "version": plan.version,
            "parent": plan.parent,
            "verb": plan.verb,
            "state": state,
            "job_id": job_id,
            "job": job,
        }
        with self._taking() as taken:
            names, places = ", ".join(columns), ", ".join("?" * len(columns))
            self._db.change(f"INSERT INTO runs ({names}) VALUES ({places})", *columns.values())  # noqa: S608
            self._remember(run_id, state, "")
            self._hold(run_id, taken)
        return self.run(run_id)

    def run(self, run_id: str) -> Run:
        """Return a run by its id (UnknownRunError)."""
        return _run(self._row(run_id))

    def runs(self, *, open_only: bool = False) -> list[Run]:
        """Return the runs, newest first."""
        where = "WHERE outcome = 'open'" if open_only else "WHERE outcome != 'forgotten'"
        return [_run(row) for row in self._db.all(f"SELECT * FROM runs {where} ORDER BY created DESC, rowid DESC")]  # noqa: S608

    def run_of_job(self, job_id: str) -> Run | None:
        """Return the newest run that made or attached to the job."""
        query = f"SELECT * FROM runs WHERE job_id = ? AND {_SENDS} ORDER BY created DESC, rowid DESC LIMIT 1"  # noqa: S608
        row = self._db.one(query, job_id)
        return _run(row) if row else None

    def collects_of(self, job_id: str) -> list[Run]:
        """Return the runs that brought the job's results home, or are to, newest first."""
        query = "SELECT * FROM runs WHERE job_id = ? AND verb = ? ORDER BY created DESC, rowid DESC"
        return [_run(row) for row in self._db.all(query, job_id, COLLECT)]

    def retries_of(self, job_id: str) -> list[Run]:
        """Return the runs that send again what the job has left, oldest first."""
        query = "SELECT * FROM runs WHERE parent = ? AND parent != '' ORDER BY created, rowid"
        return [_run(row) for row in self._db.all(query, job_id)]

    def parent_of(self, job_id: str) -> str:
        """Return the job whose remainder this one was made of, or an empty string."""
        row = self._db.one(
            "SELECT parent FROM runs WHERE job_id = ? AND parent != '' ORDER BY created, rowid LIMIT 1", job_id
        )
        return str(row["parent"]) if row else ""

    def open_run_like(self, plan: Plan, *, sha256: str = "", but: str = "") -> Run | None:
        """Return an unfinished run to the same target with the same input: by path, or by content where it is known.

        A version counts where both name one. A wanted second job is like another wanted second job only, and a retry
        is not like the run whose job it retries, though it may send the same content.
        """
        same, value = ("sha256", sha256) if sha256 else ("input", os.fsencode(plan.input))
        row = self._db.one(
            f"SELECT * FROM runs WHERE outcome = 'open' AND {_SENDS} AND target = ? AND id != ? AND {same} = ?"  # noqa: S608
            " AND (? IN ('', version) OR version = '') AND (nonce = '') = (? = '') AND (? = '' OR job_id != ?)"
            " ORDER BY created DESC, rowid DESC LIMIT 1",
            plan.target,
            but,
            value,
            plan.version,
            plan.nonce,
            plan.parent,
            plan.parent,
        )
        return _run(row) if row else None

    def earlier_job(self, plan: Plan, object_key: str, *, but: str = "") -> str:
        """Return the newest job that another run to the same target made of the object, or an empty string."""
        row = self._db.one(
            f"SELECT job_id FROM runs WHERE object_key = ? AND {_SENDS} AND target = ? AND id != ? AND job_id != ''"  # noqa: S608
            " ORDER BY created DESC, rowid DESC LIMIT 1",
            object_key,
            plan.target,
            but,
        )
        return str(row["job_id"]) if row else ""

    def checked(self, run_id: str, fingerprint: Fingerprint) -> Run:
        """Write that the input of a run is checked; return that run, or the unfinished one that it turned out to be.

        In the latter case the run is no more, and the lease of the other is held (RunHeldError: a live process has it).
        """
        with self._taking() as taken:
            run = self.run(run_id)
            same = self.open_run_like(run.plan, sha256=fingerprint.sha256, but=run_id)
            if same is None:
                written = {"fingerprint": msgspec.json.encode(fingerprint), "sha256": fingerprint.sha256}
                self._update(run_id, {"state": RunState.CHECKED, **written})
                self._remember(run_id, RunState.CHECKED, "")
                return self.run(run_id)
            self._hold(same.id, taken)
            self._db.change("DELETE FROM runs WHERE id = ?", run_id)
        self._held.discard(run_id)
        return same

    def advance(
        self,
        run_id: str,
        state: RunState,
        *,
        detail: str = "",
        plan: Plan | None = None,
        object_key: str | None = None,
        job_id: str | None = None,
        job: bytes | None = None,
    ) -> Run:
        """Write that the run enters `state`, with what became known on the way, and return it.

        Raises:
            RunHeldError: this process does not hold the run any more.
        """
        known = {"state": state, "object_key": object_key, "job_id": job_id, "job": job}
        changes: dict[str, object] = {name: value for name, value in known.items() if value is not None}
        if plan is not None:
            changes |= {
                "plan": encode_plan(plan),
                "version": plan.version,
                "parent": plan.parent,
                "verb": plan.verb,
            }
        with self._db.transaction():
            self._update(run_id, changes)
            self._remember(run_id, state, detail)
        return self.run(run_id)

    def created(self, run_id: str, job_id: str, request_id: str) -> None:
        """Write that the run has made its job, which is told among what was done to jobs too: it is paid for."""
        self.advance(run_id, RunState.CREATED, detail=f"{job_id}, request {request_id}", job_id=job_id)
        self.record(CREATED, job_id, request_id=request_id, detail=run_id)

    def keep_upload(self, run_id: str, upload: bytes) -> None:
        """Keep what an interrupted upload needs to go on."""
        with self._db.transaction():
            self._update(run_id, {"upload": upload})

    def end(self, run_id: str, outcome: Outcome, reason: str = "", *, state: RunState | None = None) -> None:
        """Close the run, in `state` if it enters one with that; nothing takes it up again."""
        changes: dict[str, object] = {"outcome": outcome, "reason": reason}
        if state is not None:
            changes["state"] = state
        with self._db.transaction():
            self._update(run_id, changes)
            self._remember(run_id, outcome, reason)

    def forget(self, run_id: str) -> None:
        """Take a run that nobody works on off the list of what can be continued (RunHeldError)."""
        self.hold(run_id)
        try:
            self.end(run_id, Outcome.FORGOTTEN)
        finally:
            self.let_go(run_id)

    def history(self, run_id: str) -> list[tuple[datetime, str, str]]:
        """Return the run's history, oldest first: when, which state, what was noted."""
        rows = self._db.all("SELECT at, state, detail FROM history WHERE run_id = ? ORDER BY rowid", run_id)
        return [(datetime.fromisoformat(row["at"]), row["state"], row["detail"]) for row in rows]

    # --- leases -------------------------------------------------------------------------------------------------------

    def hold(self, run_id: str) -> None:
        """Take the run's lease.

        Raises:
            RunHeldError: a live process has it, or something else that this one does.
        """
        with self._taking() as taken:
            self._hold(run_id, taken)

    def beat(self, run_id: str) -> None:
        """Show that this process is still at work on the run (RunHeldError: it is another's by now)."""
        with self._db.transaction():
            self._update(run_id, {"beat": self._now()})

    def let_go(self, run_id: str) -> None:
        """Give the lease back, if it is held; where that cannot be written, only this process can hold it again."""
        if run_id not in self._held:
            return
        try:
            with self._db.transaction():
                release = "UPDATE runs SET holder = NULL, token = '' WHERE id = ? AND token = ?"
                self._db.change(release, run_id, self._holder.token)
                self._held.discard(run_id)
        except BaseException:
            self._held.discard(run_id)
            raise

    def live_holder(self, run_id: str) -> Holder | None:
        """Return the other live process that works on the run, if any."""
        return self._live_holder(self._row(run_id))

    @contextlib.contextmanager
    def _taking(self) -> Iterator[list[str]]:
        """Make the changes inside it whole, or not at all, the leases in the list included.

        What is held is changed inside transactions only, which wait for each other: so two threads never hold one run.
        """
        taken: list[str] = []
        try:
            with self._db.transaction():
                yield taken
        except BaseException:
            self._held.difference_update(taken)
            raise

    def _hold(self, run_id: str, taken: list[str]) -> None:
        holder = self._holder if run_id in self._held else self._live_holder(self._row(run_id))
        if holder is not None:
            raise RunHeldError(run_id, holder)
        lease = "UPDATE runs SET holder = ?, token = ?, beat = ? WHERE id = ?"
        self._db.change(lease, msgspec.json.encode(self._holder), self._holder.token, self._now(), run_id)
        self._held.add(run_id)
        taken.append(run_id)

    def _live_holder(self, row: sqlite3.Row) -> Holder | None:
        holder = _run(row).holder
        if holder is None or holder.token == self._holder.token:
            return None
        return holder if holder.is_alive(datetime.fromisoformat(row["beat"]), self._clock.now()) else None

    # --- samples ------------------------------------------------------------------------------------------------------

    def sample_all(self, samples: Mapping[str, Sample]) -> None:
        """Keep what a poll said of many jobs, each unless its last sample says the same."""
        with self._db.transaction(durable=False):
            self._db.change_all(
                "INSERT INTO samples SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE (?3, ?4, ?5, ?6) IS NOT"
                " (SELECT phase, total, completed, failed FROM samples WHERE job_id = ?1 ORDER BY rowid DESC LIMIT 1)",
                (
                    (job_id, said.at.isoformat(), said.phase, said.total, said.completed, said.failed)
                    for job_id, said in samples.items()
                ),
            )

    def samples(self, job_id: str, *, since: datetime) -> list[Sample]:
        """Return the samples of a job since a time, oldest first, and the last one in any case."""
        rows = self._db.all(
            "SELECT * FROM samples WHERE job_id = ? AND (at >= ? OR rowid ="
            " (SELECT max(rowid) FROM samples WHERE job_id = ?)) ORDER BY rowid",
            job_id,
            since.isoformat(),
            job_id,
        )
        return [
            Sample(datetime.fromisoformat(row["at"]), row["phase"], row["total"], row["completed"], row["failed"])
            for row in rows
        ]

    def thin_samples(self) -> None:
        """Of samples older than three hours keep one in ten minutes, each that began a phase, and each job's last."""
        with self._db.transaction(durable=False):
            self._db.change(
                "DELETE FROM samples WHERE rowid IN (SELECT place FROM (SELECT rowid AS place, at, phase,"
                " lag(at) OVER job AS at_before, lag(phase) OVER job AS phase_before, lead(at) OVER job AS at_after"
                " FROM samples WINDOW job AS (PARTITION BY job_id ORDER BY rowid))"
                " WHERE at < ? AND at_after IS NOT NULL AND phase IS phase_before"
                " AND substr(at, 1, 15) = substr(at_before, 1, 15))",  # as in 2026-11-22T14:0
                (self._clock.now() - _DENSE).isoformat(),
            )

    def phases(self, job_id: str) -> list[tuple[datetime, str]]:
        """Return since when a job was seen in which phase, oldest first."""
        rows = self._db.all(
            "SELECT at, phase FROM (SELECT rowid AS place, at, phase, lag(phase) OVER (ORDER BY rowid) AS before"
            " FROM samples WHERE job_id = ?) WHERE phase IS NOT before ORDER BY place",
            job_id,
        )
        return [(datetime.fromisoformat(row["at"]), row["phase"]) for row in rows]

    # --- what is known of jobs ----------------------------------------------------------------------------------------

    def keep_account(self, job_id: str, account: Account) -> None:
        """Keep what became of a job's requests, in place of what an earlier account said."""
        with self._db.transaction():
            self._db.change("REPLACE INTO accounts VALUES (?, ?, ?)", job_id, self._now(), msgspec.json.encode(account))

    def accounts(self, *, after: int = 0) -> tuple[dict[str, Account], int]:
        """Return by job id the last account of every job collected on this machine, and how far these go.

        Args:
            after: how far an earlier call went; only what was kept since then is returned.
        """
        rows = self._db.all("SELECT rowid, job_id, account FROM accounts WHERE rowid > ? ORDER BY rowid", after)
        accounts = {row["job_id"]: msgspec.json.decode(row["account"], type=Account) for row in rows}
        return accounts, rows[-1]["rowid"] if rows else after

    def record(
        self,
        deed: str,
        job_id: str,
        *,
        request_id: str = "",
        error: str = "",
        maybe_applied: bool = False,
        detail: str = "",
    ) -> None:
        """Write down what was just done to a job, or tried; the arguments are those of Activity."""
        row = (self._now(), deed, job_id, request_id, error, maybe_applied, detail)
        with self._db.transaction():
            self._db.change("INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?)", *row)

    def activity(self, job_id: str | None = None, *, limit: int = 200) -> list[Activity]:
        """Return what was done to a job, or to all, newest first and at most `limit`."""
        rows = self._db.all(
            "SELECT * FROM activity WHERE ?1 IS NULL OR job_id = ?1 ORDER BY rowid DESC LIMIT ?2", job_id, limit
        )
        return [_activity(row) for row in rows]

    # --- the database -------------------------------------------------------------------------------------------------

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _remember(self, run_id: str, state: str, detail: str) -> None:
        self._db.change("INSERT INTO history VALUES (?, ?, ?, ?)", run_id, self._now(), state, detail)

    def _update(self, run_id: str, changes: dict[str, object]) -> None:
        """Change a run that this process holds; also a sign of life."""
        changes = {**changes, "changed": self._now(), "beat": self._now()}
        columns = ", ".join(f"{column} = ?" for column in changes)
        statement = f"UPDATE runs SET {columns} WHERE id = ? AND token = ?"  # noqa: S608
        if not self._db.change(statement, *changes.values(), run_id, self._holder.token):
            raise RunHeldError(run_id, _run(self._row(run_id)).holder)

    def _row(self, run_id: str) -> sqlite3.Row:
        row = self._db.one("SELECT * FROM runs WHERE id = ?", run_id)
        if row is None:
            raise UnknownRunError(_("no run {run} in the journal", run=run_id), advice=_("List them:  arkdeck runs"))
        return row


def _run(row: sqlite3.Row) -> Run:
    fingerprint, holder = row["fingerprint"], row["holder"]
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
        job=row["job"],
        holder=msgspec.json.decode(holder, type=Holder) if holder else None,
    )


def _heard(working: asyncio.Future[T]) -> None:
    """Hear of an error also when nobody waits any more, whom asyncio would tell of it otherwise."""
    if not working.cancelled():
        working.exception()


def _activity(row: sqlite3.Row) -> Activity:
    return Activity(
        at=datetime.fromisoformat(row["at"]),
        deed=row["deed"],
        job_id=row["job_id"],
        request_id=row["request_id"],
        error=row["error"],
        maybe_applied=bool(row["maybe_applied"]),
        detail=row["detail"],
    )
