"""What the Ark API sends and takes, as typed values.

Reading is lenient, because a job shown in part is better than none: what is unknown is passed over, what is
absent or null has a default, a phase is kept as received, and a time that cannot be read is None. Only a
value of a wrong type is refused (`msgspec.ValidationError`, which names its path).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import ClassVar, Final, TypeAlias, TypeVar

import msgspec

from tui.errors import UsageError
from tui.i18n import _
from tui.text import clean

T = TypeVar("T")

WINDOW_DAYS: Final = range(1, 29)
"""Days that a job may be given (ark-openapi.md §1.2); the service takes the last when none are named."""
_WINDOW: Final = re.compile(r"\s*([0-9]{1,4})\s*(?:d|days?)\s*", re.IGNORECASE)


class Phase(str):
    """Where a job stands: an open set, since the service may name phases that nobody has documented.

    An unknown phase is kept as it was received; it is neither finished nor active, and counts under no group.
    """

    __slots__ = ()

    QUEUED: ClassVar[Phase]
    INITIALIZING: ClassVar[Phase]
    RUNNING: ClassVar[Phase]
    COMPLETED: ClassVar[Phase]
    TERMINATING: ClassVar[Phase]
    TERMINATED: ClassVar[Phase]
    FAILED: ClassVar[Phase]

    @property
    def finished(self) -> bool:
        """Whether the job goes no further by itself."""
        return self in _FINISHED

    @property
    def active(self) -> bool:
        """Whether the job waits or works: it can be stopped, and no second one on its input is taken."""
        return self in _ACTIVE

    @property
    def group(self) -> Phase | None:
        """The phase it is counted under: Initializing is still queued, Terminating is terminated."""
        return _GROUPS.get(self)


Phase.QUEUED = Phase("Queued")
Phase.INITIALIZING = Phase("Initializing")
Phase.RUNNING = Phase("Running")
Phase.COMPLETED = Phase("Completed")
Phase.TERMINATING = Phase("Terminating")
Phase.TERMINATED = Phase("Terminated")
Phase.FAILED = Phase("Failed")

_FINISHED: Final = frozenset([Phase.COMPLETED, Phase.TERMINATED, Phase.FAILED])
_ACTIVE: Final = frozenset([Phase.QUEUED, Phase.INITIALIZING, Phase.RUNNING])
_GROUPS: Final = {
    Phase.QUEUED: Phase.QUEUED,
    Phase.INITIALIZING: Phase.QUEUED,
    Phase.RUNNING: Phase.RUNNING,
    Phase.COMPLETED: Phase.COMPLETED,
    Phase.TERMINATING: Phase.TERMINATED,
    Phase.TERMINATED: Phase.TERMINATED,
    Phase.FAILED: Phase.FAILED,
}

KNOWN_PHASES: Final = tuple(_GROUPS)
"""The phases that are documented, in the order of a job's life."""

_PHASES: Final = {str(phase): phase for phase in KNOWN_PHASES}  # shared by all jobs


class Location(msgspec.Struct, frozen=True, rename={"bucket": "BucketName", "key": "ObjectKey"}):
    """An object in the object store, or a folder of them when the key ends with `/`."""

    bucket: str = ""
    key: str = ""


class Counts(msgspec.Struct, frozen=True, rename="pascal"):
    """A job's counters as the service keeps them: 0/0/0 while it waits.

    Whether `completed` includes `failed` is not documented: show each as its own number, and take final
    counts from the result files.
    """

    total: int = 0
    completed: int = 0
    failed: int = 0


class FoundationModelRef(
    msgspec.Struct, frozen=True, omit_defaults=True, rename={"name": "Name", "version": "ModelVersion"}
):
    """A model of the platform; the version is its date, `240615`, and empty where any is meant."""

    name: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


class CustomModelRef(msgspec.Struct, frozen=True):
    """A model that the account has fine-tuned, `cm-…`."""

    id: str

    def __str__(self) -> str:
        return self.id


ModelReference: TypeAlias = FoundationModelRef | CustomModelRef


def parse_model(text: str) -> FoundationModelRef:
    """Read a foundation model as operators write it: `NAME` or `NAME@VERSION`.

    Raises:
        UsageError: it is neither.
    """
    name, at, version = text.strip().partition("@")
    if not name or (at and not version) or not re.fullmatch(r"[^\s@]*", name + version):
        raise UsageError(
            _("not a model: {text}", text=clean(text, strict=True, limit=80)),
            advice=_("Write NAME or NAME@VERSION, as in doubao-pro-32k@240615."),
        )
    return FoundationModelRef(name, version)


def parse_window(text: str) -> int | None:
    """Return the days of a completion window, written `1d` or `28 days`; None when it is neither."""
    found = _WINDOW.fullmatch(text)
    return int(found[1]) if found else None


def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 time in UTC; None when it is absent, unreadable, or in the year 1, for "never"."""
    try:
        time = datetime.fromisoformat(text)
        time = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return time if time.year > 1 else None


@dataclass(frozen=True, kw_only=True)
class Job:
    """A batch inference job as the service described it last.

    Attributes:
        message: the platform's words on the phase; why it failed.
        output: the folder under which the job makes its own, `{output.key}{id}/`.
        error_file: where failed requests are listed; only told when one job is asked for, not in lists.
        window_days: completion window; None when it could not be read.
        model: an empty foundation model when the service named none.
        expires: `created` plus the window.
        raw: the JSON object it was read from, with whatever this class does not know; encoded, for the garbage
            collector to pass over.
        request_id: of the reply that described it, which is what the service's support asks for.
    """

    id: str
    name: str = ""
    description: str = ""
    project: str = ""
    phase: Phase = field(default_factory=Phase)
    phase_time: datetime | None = None
    message: str = ""
    input: Location = field(default_factory=Location)
    output: Location = field(default_factory=Location)
    error_file: Location | None = None
    window_days: int | None = None
    model: ModelReference = field(default_factory=FoundationModelRef)
    counts: Counts = field(default_factory=Counts)
    tags: Mapping[str, str] = field(default_factory=dict)
    created: datetime | None = None
    updated: datetime | None = None
    expires: datetime | None = None
    raw: bytes = field(default=b"{}", repr=False, compare=False)
    request_id: str = field(default="", compare=False)


class _Status(msgspec.Struct, rename="pascal"):
    phase: str = ""
    phase_time: str = ""
    message: str = ""


class _ModelReply(msgspec.Struct, rename="pascal"):
    foundation_model: FoundationModelRef = FoundationModelRef()
    custom_model_id: str = ""


class _Tag(msgspec.Struct, rename="pascal"):
    key: str = ""
    value: str = ""


class _JobReply(msgspec.Struct, rename="pascal"):
    id: str = ""
    name: str = ""
    description: str = ""
    project_name: str = ""
    status: _Status = msgspec.field(default_factory=_Status)
    input_file_tos_location: Location = Location()
    output_dir_tos_location: Location = Location()
    error_file_tos_location: Location = Location()
    completion_window: str = ""
    model_reference: _ModelReply = msgspec.field(default_factory=_ModelReply)
    request_counts: Counts = Counts()
    tags: list[_Tag] = []
    create_time: str = ""
    update_time: str = ""
    expire_time: str = ""


def read_job(raw: Mapping[str, object], request_id: str = "") -> Job:
    """Read a job from the JSON object of a Get, or from an item of a List, and the id of that request.

    Raises:
        msgspec.ValidationError: a value has a wrong type.
    """
    reply = lenient(raw, _JobReply)
    model = reply.model_reference
    return Job(
        id=reply.id,
        name=reply.name,
        description=reply.description,
        project=reply.project_name,
        phase=_PHASES.get(reply.status.phase) or Phase(reply.status.phase),
        phase_time=parse_time(reply.status.phase_time),
        message=reply.status.message,
        input=reply.input_file_tos_location,
        output=reply.output_dir_tos_location,
        error_file=reply.error_file_tos_location if reply.error_file_tos_location.key else None,
        window_days=parse_window(reply.completion_window),
        model=CustomModelRef(model.custom_model_id) if model.custom_model_id else model.foundation_model,
        counts=reply.request_counts,
        tags={tag.key: tag.value for tag in reply.tags},
        created=parse_time(reply.create_time),
        updated=parse_time(reply.update_time),
        expires=parse_time(reply.expire_time),
        raw=msgspec.json.encode(raw),
        request_id=request_id,
    )


class FoundationModel(msgspec.Struct, frozen=True, rename="pascal"):
    """A model of the platform's catalogue; `primary_version` is the one to take when none is named."""

    name: str = ""
    display_name: str = ""
    vendor_name: str = ""
    primary_version: str = ""


def read_foundation_model(raw: Mapping[str, object]) -> FoundationModel:
    """Read a model from an item of the catalogue (`msgspec.ValidationError` for a wrong type)."""
    return lenient(raw, FoundationModel)


@dataclass(frozen=True)
class ModelVersion:
    """A version of a foundation model; its status is Unpublished, Published or Retiring, or a new one."""

    version: str
    status: str
    published: datetime | None


class _VersionReply(msgspec.Struct, rename="pascal"):
    model_version: str = ""
    status: str = ""
    publish_time: str = ""


def read_model_version(raw: Mapping[str, object]) -> ModelVersion:
    """Read a version from an item of a model's versions (`msgspec.ValidationError` for a wrong type)."""
    reply = lenient(raw, _VersionReply)
    return ModelVersion(reply.model_version, reply.status, parse_time(reply.publish_time))


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to be created.

    Attributes:
        project: empty for the service's default.
        output: a folder; its key ends with `/`.
        window_days: one of WINDOW_DAYS; None for the service's default.
    """

    name: str
    model: ModelReference
    input: Location
    output: Location
    description: str = ""
    project: str = ""
    window_days: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """Return the fields of the create call (ark-openapi.md §1.2), empty ones left out."""
        return _filled(
            Name=self.name,
            Description=self.description,
            ProjectName=self.project,
            ModelReference={"CustomModelId": self.model.id}
            if isinstance(self.model, CustomModelRef)
            else {"FoundationModel": msgspec.to_builtins(self.model)},
            InputFileTosLocation=msgspec.to_builtins(self.input),
            OutputDirTosLocation=msgspec.to_builtins(self.output),
            CompletionWindow=f"{self.window_days}d" if self.window_days else "",
            Tags=[{"Key": key, "Value": value} for key, value in self.tags.items()],
        )


class Sort(Enum):
    """The order of a list of jobs; always asked for, since the service's own is not documented."""

    NEWEST = ("CreateTime", "Desc")
    OLDEST = ("CreateTime", "Asc")
    CHANGED_LAST = ("UpdateTime", "Desc")


@dataclass(frozen=True, kw_only=True)
class JobQuery:
    """Which jobs to list; an empty field does not restrict.

    Attributes:
        ids: at most 100, as many as fit a page.
        name: part of the name, matched by the service.
        phases: those that the service filters by; it refuses Initializing.
        models: those with an empty version stand for all versions of the model.
        tags: for each key, the values of which one must match.
        project: empty leaves the choice to the service: its default, or all of them.
    """

    ids: Sequence[str] = ()
    name: str = ""
    phases: Sequence[str] = ()
    models: Sequence[FoundationModelRef] = ()
    custom_models: Sequence[str] = ()
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    project: str = ""
    sort: Sort = Sort.NEWEST

    def body(self) -> dict[str, object]:
        """Return the fields of the list call (ark-openapi.md §1.4) but for the page, empty ones left out."""
        sort_by, order = self.sort.value
        return _filled(
            Filter=_filled(
                Ids=list(self.ids),
                Name=self.name,
                Phases=[str(phase) for phase in self.phases],  # the encoder takes no subclass of str
                FoundationModels=self._model_filter(),
                CustomModelIds=list(self.custom_models),
            ),
            TagFilters=[{"Key": key, "Values": list(values)} for key, values in self.tags.items()],
            ProjectName=self.project,
            SortBy=sort_by,
            SortOrder=order,
        )

    def _model_filter(self) -> list[dict[str, object]]:
        versions: dict[str, list[str]] = {}
        for model in self.models:
            versions.setdefault(model.name, []).append(model.version)
        return [_filled(Name=name, ModelVersions=[] if "" in asked else asked) for name, asked in versions.items()]


def _filled(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def lenient(raw: object, kind: type[T]) -> T:
    """Read a JSON value as `kind`, nulls as absent (`msgspec.ValidationError` for a wrong type)."""
    return msgspec.convert(_without_nulls(raw), kind, strict=False)


def _without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_nulls(part) for part in value if part is not None]
    return value
