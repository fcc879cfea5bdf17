"""Scenes: an empty cloud filled with weeks of work, for the deck, its screenshots and benchmarks.

A scene is the same for one seed and one time of the engine's clock, job ids included.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from tui.localcloud.failures import OptionError
from tui.localcloud.jobs import FINAL_PHASES, Job, new_job_id
from tui.localcloud.scene_inputs import InputKind
from tui.localcloud.scene_past import PAST, PAST_SPEED, Past, Submission
from tui.localcloud.scene_texts import HOSTILE, PROJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

HUGE_JOBS: Final = 10_000
HUGE_PAST: Final = timedelta(days=180)
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_LATELY: Final = timedelta(seconds=0.1)
_LAST_END: Final = timedelta(hours=30)  # submitted before that, a job of 300 requests has ended
_OTHERS_EVERY: Final = 5  # jobs, one is in another project than the first


class SceneError(OptionError):
    """There is no such scene, or the cloud is not empty."""


def play(scene: str, past: Past) -> None:
    """Fill an empty cloud with a scene, one of SCENES.

    Raises:
        SceneError: no such scene, or there are jobs already.
    """
    fill = SCENES.get(scene)
    if fill is None:
        raise SceneError(f"there is no scene {scene}, but {', '.join(SCENES)}")
    if past.jobs.all():
        raise SceneError(f"the scene {scene} fills an empty cloud: take a data folder without jobs, or none")
    fill(past)


def _busy(past: Past) -> None:
    """Play 200 jobs: weeks of history, every place of the first project taken, more waiting behind."""
    parts = (_completed, _hostile, _refused, _stopped, _expired, _running, _waiting)
    past.play(itertools.chain.from_iterable(part(past.random) for part in parts))


def _completed(chosen: Random) -> Iterator[Submission]:
    kinds = [InputKind.CHAT] * 6 + [InputKind.SOME_REFUSED] * 3 + [InputKind.EMBEDDINGS]
    for number in range(106):
        yield Submission(
            _some_time_ago(chosen),
            InputKind.ALL_REFUSED if number == 0 else chosen.choice(kinds),
            10 * chosen.randint(2, 30),
            project=chosen.choice(PROJECTS[1:]) if number % _OTHERS_EVERY == 0 else PROJECTS[0],
            window_days=chosen.choice((1, 3, 7, 28)),
        )


def _hostile(chosen: Random) -> Iterator[Submission]:
    for name in HOSTILE:
        yield Submission(_some_time_ago(chosen), InputKind.HOSTILE, len(HOSTILE), name)


def _refused(chosen: Random) -> Iterator[Submission]:
    """Yield what fails by its input: one line breaks a rule, or there is none."""
    for kind in list(InputKind)[list(InputKind).index(InputKind.NOT_JSON) :]:
        for _ in range(3):
            yield Submission(_some_time_ago(chosen), kind, 10 * chosen.randint(2, 30))


def _stopped(chosen: Random) -> Iterator[Submission]:
    """Yield what somebody stopped half way, and resumed in one case of three."""
    for number in range(12):
        ago = _some_time_ago(chosen)
        resumed = ago - 5 * _HOUR if number % 3 == 0 else None
        stopped = ago - chosen.uniform(0.2, 4) * _HOUR
        yield Submission(ago, InputKind.SOME_REFUSED, 300, stopped=stopped, resumed=resumed)


def _expired(chosen: Random) -> Iterator[Submission]:
    for _ in range(4):
        yield Submission(_some_time_ago(chosen) + 24 * _HOUR, requests=3000, window_days=1)


def _running(chosen: Random) -> Iterator[Submission]:
    """Yield what runs now: twenty in the first project, some about to expire, one being stopped; a few elsewhere."""
    for minutes in (1, 3, 8, 20, 45):
        yield Submission(24 * _HOUR - minutes * _MINUTE, InputKind.CHAT, 12_000, window_days=1)
    for number in range(19):
        ago = chosen.uniform(6, 22) * _HOUR
        done = ago.total_seconds() * PAST_SPEED
        yield Submission(
            ago,
            InputKind.SOME_REFUSED if number % 2 else InputKind.CHAT,
            round(done / chosen.uniform(0.04, 0.95)),
            HOSTILE[number] if number % 4 == 1 else "",
            project=PROJECTS[0] if number < 15 else chosen.choice(PROJECTS[1:]),
            window_days=chosen.choice((1, 3, 28)),
            stopped=_LATELY if number == 0 else None,
        )


def _waiting(chosen: Random) -> Iterator[Submission]:
    """Yield what came later than the twenty that run; the first gets the place of the one being stopped."""
    for number in range(15):
        name = HOSTILE[-number] if number % 5 == 3 else ""
        yield Submission(chosen.uniform(0.01, 5) * _HOUR, requests=chosen.choice((2000, 5000, 8000)), name=name)


def _some_time_ago(chosen: Random) -> timedelta:
    return chosen.uniform(_LAST_END / _HOUR, (PAST - 48 * _HOUR) / _HOUR) * _HOUR


def _huge(past: Past) -> None:
    """Play the busy scene, and repeat what ended in it through the months before, without files."""
    _busy(past)
    jobs = past.jobs.all()
    patterns = [job for job in jobs if job.phase in FINAL_PHASES]
    past.jobs.add_all([_repeated(past, past.random.choice(patterns)) for _ in range(HUGE_JOBS - len(jobs))])


def _repeated(past: Past, pattern: Job) -> Job:
    shift = past.random.uniform(PAST / _HOUR, HUGE_PAST / _HOUR) * _HOUR
    created = pattern.created - shift
    return msgspec.structs.replace(
        pattern,
        id=new_job_id(created, past.random.choice),
        created=created,
        phase_time=pattern.phase_time - shift,
        updated=pattern.updated - shift,
        expires=pattern.expires - shift,
    )


SCENES: Final[dict[str, Callable[[Past], None]]] = {"busy": _busy, "huge": _huge}
"""What fills the cloud, by the scene's name."""
