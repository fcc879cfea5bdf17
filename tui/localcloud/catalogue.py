"""The foundation models that the local cloud knows: a plausible excerpt, not the platform's catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final


@dataclass(frozen=True)
class ModelVersion:
    """A version of a foundation model; `status` is Published or Retiring."""

    version: str
    published: datetime
    status: str = "Published"


@dataclass(frozen=True)
class FoundationModel:
    """A model by the name that jobs use.

    Attributes:
        name: as in ModelReference.FoundationModel.Name.
        title: as a console shows it.
        vendor: who made it.
        primary: the version that a console preselects.
        versions: newest first.
        task: the kind of work, `TextGeneration` or `TextEmbedding`.
        reasons: its answers carry their reasoning.
    """

    name: str
    title: str
    vendor: str
    primary: str
    versions: tuple[ModelVersion, ...]
    task: str = "TextGeneration"
    reasons: bool = False

    @property
    def created(self) -> datetime:
        """When its first version was published."""
        return min(version.published for version in self.versions)

    @property
    def updated(self) -> datetime:
        """When its last version was published."""
        return max(version.published for version in self.versions)


def _version(stamp: str, *, status: str = "Published") -> ModelVersion:
    """Make a version whose name is its date, as the platform's are: 240615 is 2024-06-15."""
    return ModelVersion(stamp, datetime.strptime(stamp, "%y%m%d").replace(tzinfo=UTC), status)


CATALOGUE: Final[tuple[FoundationModel, ...]] = (
    FoundationModel(
        "doubao-seed-2-1-pro",
        "Doubao-Seed-2.1-pro",
        "ByteDance",
        "260628",
        (_version("260628"),),
        reasons=True,
    ),
    FoundationModel(
        "doubao-seed-1-6",
        "Doubao-Seed-1.6",
        "ByteDance",
        "251015",
        (_version("251015"), _version("250615")),
        reasons=True,
    ),
    FoundationModel(
        "doubao-seed-1-6-flash",
        "Doubao-Seed-1.6-flash",
        "ByteDance",
        "250828",
        (_version("250828"), _version("250615")),
        reasons=True,
    ),
    FoundationModel("doubao-1-5-pro-32k", "Doubao-1.5-pro-32k", "ByteDance", "250115", (_version("250115"),)),
    FoundationModel(
        "doubao-pro-32k",
        "Doubao-pro-32k",
        "ByteDance",
        "240615",
        (_version("241215"), _version("240828"), _version("240615")),
    ),
    FoundationModel(
        "doubao-lite-32k",
        "Doubao-lite-32k",
        "ByteDance",
        "240828",
        (_version("240828"), _version("240428", status="Retiring")),
    ),
    FoundationModel(
        "deepseek-r1",
        "DeepSeek-R1",
        "DeepSeek",
        "250528",
        (_version("250528"), _version("250120")),
        reasons=True,
    ),
    FoundationModel("deepseek-v3", "DeepSeek-V3", "DeepSeek", "250324", (_version("250324"), _version("241226"))),
    FoundationModel(
        "doubao-embedding-large",
        "Doubao-embedding-large",
        "ByteDance",
        "250515",
        (_version("250515"), _version("240915")),
        task="TextEmbedding",
    ),
    FoundationModel(
        "doubao-embedding-vision",
        "Doubao-embedding-vision",
        "ByteDance",
        "250615",
        (_version("250615"),),
        task="TextEmbedding",
    ),
)
INTRODUCTION: Final = "A model of the arkdeck local cloud: its answers are simulated."


def find_model(name: str) -> FoundationModel | None:
    """Return the model of that name whatever its case (the platform's own pages print `Doubao-pro-32k`)."""
    wanted = name.lower()
    return next((model for model in CATALOGUE if model.name == wanted), None)


def has_version(model: FoundationModel, version: str) -> bool:
    """Return whether the model was published in that version."""
    return any(version == known.version for known in model.versions)
