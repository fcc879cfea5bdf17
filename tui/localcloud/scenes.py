"""Scenes: an empty cloud filled with weeks of work, for the deck, its screenshots and benchmarks.

The past is not made up: it is played by the engine itself on a frozen clock that ends now. So phases, times, counts,
messages and files agree with each other, and the jobs that are under way at the end go on from there. A scene is the
same for one seed and one time of the engine's clock, job ids included.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tui.clock import FrozenClock
from tui.localcloud import jobs as phases
from tui.localcloud.ark_actions import CREATED_BY
from tui.localcloud.catalogue import CATALOGUE
from tui.localcloud.engine import MESSAGES, Engine, enter_phase
from tui.localcloud.failures import CannotStartError
from tui.localcloud.jobs import Job, JobStore, Location, Model, new_job_id
from tui.localcloud.scene_inputs import InputKind, SceneInputs
from tui.localcloud.scene_texts import DESCRIPTIONS, HOSTILE, NAMES, PROJECTS, TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tui.localcloud.object_storage import ObjectStorage

HUGE_JOBS: Final = 10_000
PAST_SPEED: Final = 0.02
"""Requests per second of the played past: a job of 300 takes four hours."""

_HISTORY: Final = timedelta(days=27)
_QUIET: Final = timedelta(hours=30)  # before now: what began earlier has ended, but for what is meant to last
_STOPPED_LATELY: Final = timedelta(seconds=0.1)
_WINDOWS: Final = (1, 2, 3, 7, 28)
_CUSTOM_MODELS: Final = ("cm-20240401114541-5gzd8", "cm-20250812093015-q7x2m")
_OTHER_PROJECTS_SHARE: Final = 0.2
_BAD_INPUTS: Final = (
    InputKind.NOT_JSON,
    InputKind.NO_CUSTOM_ID,
    InputKind.DUPLICATE,
    InputKind.BODY_NOT_OBJECT,
    InputKind.EMPTY,
    InputKind.MISSING,
)


class SceneError(CannotStartError):
    """There is no such scene, or the data folder is not empty."""


@dataclass(frozen=True)
class Submission:
    """A job that somebody will have submitted.

    Attributes:
        ago: before the end of the past.
        kind: of its input.
        requests: lines of its input.
        hostile: its texts are meant to harm whoever shows them.
        project: where it belongs.
        window_days: until it expires.
        stopped: how long after its submission somebody stopped it; None when nobody did.
        resumed: how long after its submission somebody resumed it; None when nobody did.
    """

    ago: timedelta
    kind: InputKind
    requests: int
    hostile: bool = False
    project: str = PROJECTS[0]
    window_days: int = 28
    stopped: timedelta | None = None
    resumed: timedelta | None = None


def fill(scene: str, jobs: JobStore, storage: ObjectStorage, rows: Path, *, bucket: str, now: datetime, seed: int) -> None:
    """Fill an empty cloud with a scene.

    Args:
        scene: one of SCENES.
        jobs: empty.
        storage: takes inputs and results, small ones.
        rows: the folder of the engine that will go on with the jobs under way.
        bucket: for the inputs and results.
        now: the time of that engine's clock.
        seed: of everything that is chosen.

    Raises:
        SceneError: no such scene, or there are jobs already.
    """
    play = SCENES.get(scene)
    if play is None:
        raise SceneError(f"there is no scene {scene}: choose one of {', '.join(SCENES)}")
    if jobs.all():
        raise SceneError("a scene fills an empty cloud, this data folder has jobs: take another, or none")
    play(_Past(jobs, storage, rows, bucket=bucket, now=now, seed=seed))


class _Past:
    """The time before now, in which submissions are played."""

    def __init__(
        self, jobs: JobStore, storage: ObjectStorage, rows: Path, *, bucket: str, now: datetime, seed: int
    ) -> None:
        self.jobs = jobs
        self.now = now
        self.random = random.Random(f"scene:{seed}")  # noqa: S311  # a choice of names, not a secret
        self._bucket = bucket
        self._clock = FrozenClock(now - _HISTORY - timedelta(days=1))
        self._inputs = SceneInputs(storage, bucket)
        self._engine = Engine(jobs, storage, rows, clock=self._clock, speed=PAST_SPEED, seed=seed)
        self._names: Counter[str] = Counter()

    def play(self, submissions: Iterable[Submission]) -> None:
        """Do all that was to happen until now, in its order."""
        events: list[tuple[datetime, Callable[[], None]]] = []
        for submission in submissions:
            at = self.now - submission.ago
            job = self._job(submission, at)
            events.append((at, lambda job=job, kind=submission: self._submit(job, kind)))
            events += [
                (at + delay, lambda job_id=job.id, phase=phase: self._ask(job_id, phase))
                for delay, phase in ((submission.stopped, phases.TERMINATING), (submission.resumed, phases.QUEUED))
                if delay is not None
            ]
        for moment, happen in sorted(events, key=lambda event: event[0]):
            self._advance_to(moment)
            happen()
        self._advance_to(self.now)
        self._engine.close()

    def _advance_to(self, moment: datetime) -> None:
        self._engine.advance(self._clock, max((moment - self._clock.now()).total_seconds(), 0))

    def _submit(self, job: Job, submission: Submission) -> None:
        self._inputs.put(job.input.key, submission.kind, submission.requests)
        self.jobs.add(job)

    def _ask(self, job_id: str, phase: str) -> None:
        """Stop or resume a job, as the API would, unless it has ended meanwhile."""
        job = self.jobs.get(job_id)
        if job is not None and job.active == (phase == phases.TERMINATING):
            enter_phase(self.jobs, job, phase, self._clock.now())

    def _job(self, submission: Submission, at: datetime) -> Job:
        choose = self.random.choice
        name = choose(HOSTILE) if submission.hostile else choose(NAMES)
        self._names[name] += 1
        if submission.hostile:
            name = HOSTILE[self._names.total() % len(HOSTILE)]
        job_id = new_job_id(at, choose)
        tags = self.random.sample(TAGS, choose((0, 1, 1, 2)))
        return Job(
            id=job_id,
            name=name,
            description=choose(HOSTILE if submission.hostile else DESCRIPTIONS),
            project=submission.project,
            model=self._model(submission.kind),
            input=Location(self._bucket, f"input/{job_id}.jsonl"),
            output=Location(self._bucket, "output/"),
            window_days=submission.window_days,
            tags=(*dict(tags).items(), CREATED_BY),
            phase=phases.QUEUED,
            phase_time=at,
            message=MESSAGES[phases.QUEUED],
            created=at,
            updated=at,
            expires=at + timedelta(days=submission.window_days),
        )

    def _model(self, kind: InputKind) -> Model:
        task = "TextEmbedding" if kind is InputKind.EMBEDDINGS else "TextGeneration"
        if self.random.random() < 0.05 and kind is not InputKind.EMBEDDINGS:
            return Model(custom_id=self.random.choice(_CUSTOM_MODELS))
        model = self.random.choice([model for model in CATALOGUE if model.task == task])
        return Model(name=model.name, version=self.random.choice(model.versions).version)
