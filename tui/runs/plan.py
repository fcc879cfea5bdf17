"""What the operator asked for: everything a run needs so that `continue` needs nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import msgspec

from tui.ark.models import FoundationModelRef, ModelReference
from tui.files import safe_name

_NOT_IN_NAMES: Final = re.compile(r"[^0-9A-Za-z\u4e00-\u9fff_-]+")
MAX_NAME: Final = 200
COLLECT: Final = "collect"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to do, as decided before anything is sent.

    Attributes:
        verb: `submit` ends when the job exists, `run` when its requests are accounted for; `collect` begins with a
            job that exists, and sends nothing.
        input: absolute path of the JSONL file; empty with `collect`.
        profile: the profile that was named, or empty.
        service: where the job runs, as `hosts.service_of` names it; tells clouds apart.
        model: foundation model's name, or empty with `custom_model`.
        version: the model's version; empty until it is looked up.
        window_days: completion window, 1 to 28 (ark-openapi.md §1.2).
        nonce: non-empty for a wanted second job on the same content.
        out: absolute folder of the results, or empty for `./<job id>` of `folder`.
        folder: the folder in which the command was given.
        parent: the job whose remainder the input is, or empty.
    """

    verb: str
    input: str
    profile: str
    service: str
    bucket: str
    project: str
    input_prefix: str
    output_prefix: str
    model: str = ""
    version: str = ""
    custom_model: str = ""
    name: str = ""
    description: str = ""
    window_days: int = 28
    tags: dict[str, str] = {}
    create_bucket: bool = False
    nonce: str = ""
    out: str = ""
    folder: str = ""
    parent: str = ""

    @property
    def sends(self) -> bool:
        """Whether a file is on its way to a job, rather than a job's results on their way home."""
        return self.verb != COLLECT

    @property
    def target(self) -> str:
        """What, together with the content, makes two submissions the same job, but for a wanted second one."""
        return "\n".join([self.service, self.bucket, self.project, self.custom_model or self.model])

    @property
    def job_name(self) -> str:
        """The job's name: as given, or proposed from the file's."""
        return self.name or name_of_file(Path(self.input))

    def for_model(self, model: ModelReference) -> Plan:
        """Return the same plan for a model."""
        if isinstance(model, FoundationModelRef):
            return msgspec.structs.replace(self, model=model.name, version=model.version, custom_model="")
        return msgspec.structs.replace(self, model="", version="", custom_model=model.id)

    def object_key(self, sha256: str) -> str:
        """Return where the input goes: by content, so that the same content is never uploaded twice."""
        model = self.custom_model or f"{self.model}@{self.version}"
        again = f"-{self.nonce}" if self.nonce else ""
        return f"{self.input_prefix}{sha256[:32]}/{model}{again}.jsonl"

    def results_folder(self, job_id: str) -> Path:
        """Return the folder that the results go to (UnsafeNameError for an id that is no plain name)."""
        return Path(self.out) if self.out else Path(self.folder) / safe_name(job_id)


def name_of_file(path: Path) -> str:
    """Return the name that a file's proposes for its job, in the characters that the console admits."""
    return _NOT_IN_NAMES.sub("-", path.stem).strip("-")[:MAX_NAME] or "batch"


def encode_plan(plan: Plan) -> bytes:
    """Return the plan as JSON; a path that is not UTF-8, as old systems make them, survives the way there and back."""
    return json.dumps(msgspec.to_builtins(plan)).encode()


def decode_plan(data: bytes) -> Plan:
    """Return the plan that `encode_plan` wrote."""
    return msgspec.convert(json.loads(data), Plan)
