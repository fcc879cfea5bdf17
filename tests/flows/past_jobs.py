"""Jobs that ended before the test began, put into the folder of a cloud that is yet to start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from tui.localcloud.cloud import BUCKET
from tui.localcloud.jobs import Job, JobStore, Location, Model


def ended(number: int, now: datetime, **changes: object) -> Job:
    """A job that completed a month and `number` minutes ago."""
    created = now - timedelta(days=30, minutes=number)
    fields = {
        "id": f"bi-20240101000000-{number:05d}",
        "name": f"nightly-{number}",
        "project": "default",
        "model": Model(name="doubao-pro-32k", version="240615"),
        "input": Location(bucket=BUCKET, key=f"in/{number}.jsonl"),
        "output": Location(bucket=BUCKET, key="out/"),
        "window_days": 1,
        "phase": "Completed",
        "phase_time": created,
        "message": "",
        "created": created,
        "updated": created,
        "expires": created + timedelta(days=1),
    }
    return Job(**(fields | changes))


def keep(folder: Path, jobs: Sequence[Job]) -> None:
    """Put jobs into the data folder of a cloud."""
    folder.mkdir(exist_ok=True)
    store = JobStore(folder / "ark.sqlite3")
    store.add_all(jobs)
    store.close()
