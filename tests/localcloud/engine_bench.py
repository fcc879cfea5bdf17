"""An engine on a frozen clock with its own storage, for tests that need no network."""

import json
from datetime import UTC, datetime, timedelta

from tui.clock import FrozenClock
from tui.localcloud import jobs as phases
from tui.localcloud.engine import Engine
from tui.localcloud.job_work import errors_location, results_location
from tui.localcloud.jobs import Job, JobStore, Location, Model, new_job_id
from tui.localcloud.object_storage import ObjectStorage
from tui.localcloud.tos_errors import NoSuchKey

START = datetime(2024, 9, 18, 11, 46, 41, tzinfo=UTC)
BUCKET = "arkdeck-local"
PRO_32K = Model(name="doubao-pro-32k", version="240615")


def chat(number, **body):
    """A line of the input: a question that the online API would answer."""
    messages = [{"role": "user", "content": f"Why is the sky blue? {number}"}]
    return json.dumps({"custom_id": f"request-{number}", "body": {"messages": messages} | body})


class EngineBench:
    """Jobs, storage and engine on one folder; `restart` throws the engine away as a kill would."""

    def __init__(self, folder, *, speed=0.0, seed=0, clock=None):
        self.folder = folder
        self.clock = clock or FrozenClock(START)
        self.speed = speed
        self.seed = seed
        self._open()
        if not self.storage.bucket_exists(BUCKET):
            self.storage.create_bucket(BUCKET)

    def _open(self):
        self.storage = ObjectStorage(self.folder / "objects")
        self.jobs = JobStore(self.folder / "ark.sqlite3")
        self.engine = Engine(
            self.jobs,
            self.storage,
            self.folder / "rows",
            clock=self.clock,
            speed=self.speed,
            seed=self.seed,
        )

    def close(self):
        self.engine.close()
        self.jobs.close()
        self.storage.close()

    def restart(self, **changes):
        self.close()
        vars(self).update(changes)
        self._open()

    def put(self, content, key="data.jsonl"):
        with self.storage.writer(BUCKET, key) as file:
            file.write(content)

    def submit(self, lines=None, *, project="default", window_days=28, **changes):
        """Put an input and add a job on it; return its id."""
        now = self.clock.now()
        job_id = new_job_id(now)
        key = f"in/{job_id}.jsonl"
        if lines is not None:
            self.put("".join(f"{line}\n" for line in lines).encode(), key)
        fields = {
            "id": job_id,
            "name": "just_test",
            "project": project,
            "model": PRO_32K,
            "input": Location(BUCKET, key),
            "output": Location(BUCKET, "output/"),
            "window_days": window_days,
            "phase": phases.QUEUED,
            "phase_time": now,
            "message": "",
            "created": now,
            "updated": now,
            "expires": now + timedelta(days=window_days),
        }
        self.jobs.add(Job(**(fields | changes)))
        return job_id

    def advance(self, seconds=0.0):
        self.engine.advance(self.clock, seconds)

    def run(self, lines, **changes):
        """Submit and advance to the end at full speed; return the job."""
        job_id = self.submit(lines, **changes)
        self.advance()
        return self.jobs.get(job_id)

    def stop(self, job_id):
        self.jobs.revise(job_id, phase=phases.TERMINATING, phase_time=self.clock.now())

    def resume(self, job_id):
        self.jobs.revise(job_id, phase=phases.QUEUED, phase_time=self.clock.now())

    def results(self, job_id):
        return self._rows(results_location(self.jobs.get(job_id)))

    def errors(self, job_id):
        return self._rows(errors_location(self.jobs.get(job_id)))

    def _rows(self, location):
        try:
            _, file = self.storage.open(location.bucket, location.key)
        except NoSuchKey:
            return None
        with file:
            return [json.loads(line) for line in file]
