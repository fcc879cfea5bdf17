"""The past of a scene, which the engine itself plays on a frozen clock that ends now.

So phases, times, counts, messages and files agree with each other, and the jobs under way at the end go on from there.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from tui.clock import FrozenClock
from tui.localcloud import jobs as phases
from tui.localcloud.ark_actions import CREATED_BY
from tui.localcloud.assumptions import DEFAULTS, Assumptions
from tui.localcloud.catalogue import CATALOGUE
from tui.localcloud.engine import MESSAGES, Engine, enter_phase
from tui.localcloud.jobs import Job, JobStore, Location, Model, new_job_id
from tui.localcloud.scene_inputs import InputKind, SceneInputs
from tui.localcloud.scene_texts import DESCRIPTIONS, HOSTILE, NAMES, PROJECTS, TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tui.localcloud.object_storage import ObjectStorage

PAST_SPEED: Final = 0.02
"""Requests per second of each job in the past: 300 take four hours."""

PAST: Final = timedelta(days=28)
"""How long it is."""

_CUSTOM_MODELS: Final = ("cm-20240401114541-5gzd8", "cm-20250812093015-q7x2m")
_CUSTOM_SHARE: Final = 0.05


@dataclass(frozen=True)
class Submission:
    """A job that somebody submitted in the past of a scene.

    Attributes:
        ago: how long before now.
        kind: of its input.
        requests: lines of its input.
        name: of the job; one of NAMES when empty.
        project: where it belongs.
        window_days: until it expires.
        stopped: how long before now somebody stopped it; None when nobody did.
        resumed: how long before now somebody resumed it; None when nobody did.
    """

    ago: timedelta
    kind: InputKind = InputKind.CHAT
    requests: int = 100
    name: str = ""
    project: str = PROJECTS[0]
    window_days: int = 28
    stopped: timedelta | None = None
    resumed: timedelta | None = None


class Past:
    """The time before now, in which submissions are played.

    Args:
        jobs: where the jobs go.
        storage: where inputs and results go.
        rows: where the rows of jobs under way stay.
        bucket: of inputs and results.
        now: when it ends, by the clock of the engine that goes on.
        seed: of `random`, and of the answers.
        assume: how the platform did what is not known.
    """

    def __init__(
        self,
        jobs: JobStore,
        storage: ObjectStorage,
        rows: Path,
        *,
        bucket: str,
        now: datetime,
        seed: int,
        assume: Assumptions = DEFAULTS,
    ) -> None:
        self.jobs = jobs
        self.now = now
        self.random = random.Random(f"scene:{seed}")  # noqa: S311  # names and times, not secrets
        self._bucket = bucket
        self._clock = FrozenClock(now - PAST)
        self._inputs = SceneInputs(storage, bucket)
        self._engine = Engine(jobs, storage, rows, clock=self._clock, speed=PAST_SPEED, seed=seed, assume=assume)

    def play(self, submissions: Iterable[Submission]) -> None:
        """Let happen in its order all that happened until now."""
        events: list[tuple[timedelta, Callable[[], object]]] = []
        for submission in submissions:
            job = self._job(submission)
            self._inputs.put(job.input.key, submission.kind, submission.requests)
            events.append((submission.ago, partial(self.jobs.add, job)))
            if submission.stopped is not None:
                events.append((submission.stopped, partial(self._stop, job.id)))
            if submission.resumed is not None:
                events.append((submission.resumed, partial(self._resume, job.id)))
        for ago, happen in sorted(events, key=lambda event: event[0], reverse=True):
            self._pass_until(self.now - ago)
            happen()
        self._pass_until(self.now)
        self._engine.close()

    def _pass_until(self, moment: datetime) -> None:
        self._engine.advance(self._clock, max((moment - self._clock.now()).total_seconds(), 0))

    def _stop(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is not None and job.active:
            enter_phase(self.jobs, job, phases.TERMINATING, self._clock.now())

    def _resume(self, job_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is not None and job.phase in (phases.TERMINATED, phases.FAILED):
            now = self._clock.now()
            enter_phase(self.jobs, job, phases.QUEUED, now, expires=now + timedelta(days=job.window_days))

    def _job(self, submission: Submission) -> Job:
        choose = self.random.choice
        at = self.now - submission.ago
        job_id = new_job_id(at, choose)
        return Job(
            id=job_id,
            name=submission.name or choose(NAMES),
            description=choose(HOSTILE if submission.name else DESCRIPTIONS),
            project=submission.project,
            model=self._model(submission.kind),
            input=Location(self._bucket, f"input/{job_id}.jsonl"),
            output=Location(self._bucket, "output/"),
            window_days=submission.window_days,
            tags=(*dict(self.random.sample(TAGS, choose((0, 1, 2)))).items(), CREATED_BY),
            phase=phases.QUEUED,
            phase_time=at,
            message=MESSAGES[phases.QUEUED],
            created=at,
            updated=at,
            expires=at + timedelta(days=submission.window_days),
        )

    def _model(self, kind: InputKind) -> Model:
        if kind is not InputKind.EMBEDDINGS and self.random.random() < _CUSTOM_SHARE:
            return Model(custom_id=self.random.choice(_CUSTOM_MODELS))
        task = "TextEmbedding" if kind is InputKind.EMBEDDINGS else "TextGeneration"
        model = self.random.choice([model for model in CATALOGUE if model.task == task])
        return Model(name=model.name, version=self.random.choice(model.versions).version)
