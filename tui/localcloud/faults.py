"""Faults: what shall go wrong in a local cloud, and at which moment.

A fault says where (`tos:UploadPart`), when (the third time, always, once in twenty calls) and what. Every moment at
which something can go wrong is an `Event`; the plan of a cloud decides for each whether a fault is due.
"""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Iterable

ALWAYS: Final = sys.maxsize
"""As `times`: from then on."""

PUBLISH: Final = "engine:Publish"
"""Where the engine puts the files of a job that ends into the object store."""

Ordinal = Annotated[int, Meta(ge=1)]
Size = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]
Skew = Annotated[float, Meta(ge=-1e9, le=1e9)]


@dataclass(frozen=True)
class Event:
    """A moment at which a fault may be due.

    Attributes:
        where: service and operation, such as `tos:UploadPart`.
        bucket: of the object that it is about.
        key: of the object that it is about.
        part: of an upload.
        job: id of the job that it is about; empty where it has none yet.
        name: that job's name, where the moment knows it.
    """

    where: str
    bucket: str = ""
    key: str = ""
    part: int | None = None
    job: str = ""
    name: str = ""


class Fault(msgspec.Struct, frozen=True):
    """What goes wrong, where and when.

    Of the calls that fit `where`, `key`, `part` and `job`, it fires on number `nth` and those after it, each with
    `chance`, `times` times in all.

    Attributes:
        where: service and operation, with `*` and `?` as in file names: `tos:UploadPart`, `tos:*`, `*:*`.
        key: pattern of the object's key.
        part: number of the part.
        job: pattern of the job's id or name.
        nth: the first call of those that fit, from 1.
        times: how often; None is once, or ALWAYS when there is a chance.
        chance: probability of each call, from 0 to 1.
        seed: of the chance; the same calls fail in every run.
        delay: seconds before anything is done, up to a day.
        status: HTTP status to refuse with, nothing being done.
        code: error code to refuse with; with the status 200 it is an error inside a success, which Ark knows.
        retry_after: seconds that the refusal asks to wait.
        skew: seconds that the service's clock is ahead for this call, up to 1e9 either way.
        reset: the connection is reset, `before` anything is done, or `after` that and before the reply.
        truncate: bytes of the reply's body after which the connection is closed.
        stall: bytes of the reply's body after which nothing more comes.
        crc: `wrong` has the reply's CRC-64 header differ from the content.
        upload: `forgotten` ends the multipart upload that the call names, before it is looked at.
        error_file: `missing` is not put, `moved` lies in output/ while the job names error/, `both` lies in both.
        counts: `wrong` has the job's counts differ from its files, by one request more that failed.
        row: the last row of results.jsonl is `lost`, `doubled`, or `torn` in its middle.
    """

    where: str
    key: str = "*"
    part: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    job: str = "*"
    nth: Ordinal = 1
    times: Ordinal | None = None
    chance: Annotated[float, Meta(gt=0, le=1)] = 1.0
    seed: int = 0
    delay: Seconds = 0.0
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    code: str = ""
    retry_after: Size | None = None
    skew: Skew = 0.0
    reset: Literal["before", "after"] | None = None
    truncate: Size | None = None
    stall: Size | None = None
    crc: Literal["wrong"] | None = None
    upload: Literal["forgotten"] | None = None
    error_file: Literal["missing", "moved", "both"] | None = None
    counts: Literal["wrong"] | None = None
    row: Literal["lost", "doubled", "torn"] | None = None

    @property
    def refuses(self) -> bool:
        """Whether the call ends in a refusal that the fault words."""
        return self.status is not None or bool(self.code)

    @property
    def limit(self) -> int:
        """How often it fires."""
        if self.times is not None:
            return self.times
        return 1 if self.chance == 1 else ALWAYS

    def fits(self, event: Event) -> bool:
        """Tell whether it is about this moment, due or not."""
        return (
            fnmatchcase(event.where, self.where)
            and fnmatchcase(event.key, self.key)
            and (self.part is None or self.part == event.part)
            and (fnmatchcase(event.job, self.job) or fnmatchcase(event.name, self.job))
        )


class FaultPlan:
    """The faults of one cloud and what is left of them; safe to share between threads.

    Args:
        faults: the first that is due decides.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._faults = list(faults)
        self._met: Counter[int] = Counter()  # by place in the list
        self._fired: Counter[int] = Counter()
        self._ending = threading.Event()

    def add(self, fault: Fault) -> None:
        """Have one more fault, whose counting begins now."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Have no faults any more."""
        with self._lock:
            self._faults.clear()
            self._met.clear()
            self._fired.clear()

    def due(self, event: Event) -> Fault | None:
        """Count this moment and return the fault that it meets, None for none."""
        chosen: Fault | None = None
        with self._lock:
            for place, fault in enumerate(self._faults):
                if not fault.fits(event):
                    continue
                self._met[place] += 1
                if chosen is None and self._is_due(place, fault):
                    self._fired[place] += 1
                    chosen = fault
        return chosen

    def _is_due(self, place: int, fault: Fault) -> bool:
        met = self._met[place]
        if met < fault.nth or self._fired[place] >= fault.limit:
            return False
        return fault.chance == 1 or random.Random(f"{fault.seed}:{met}").random() < fault.chance  # noqa: S311  # a rehearsal's dice

    def wait(self, seconds: float) -> None:
        """Let time pass, at most until the cloud stops."""
        self._ending.wait(seconds)

    def begin(self) -> None:
        """Let calls wait, as faults want it."""
        self._ending.clear()

    def end(self) -> None:
        """Let nobody wait any longer."""
        self._ending.set()
