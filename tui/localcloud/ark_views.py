"""Jobs and models as the Ark OpenAPI prints them (ark-openapi.md §1.3, §1.4, §1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.localcloud.catalogue import INTRODUCTION, FoundationModel, ModelVersion
from tui.localcloud.job_work import errors_location
from tui.localcloud.jobs import FAILED, FINAL_PHASES, Job, Location, Model

if TYPE_CHECKING:
    from datetime import datetime

    from tui.localcloud.assumptions import Assumptions


def job_item(job: Job, assume: Assumptions) -> dict[str, Any]:
    """Return a job as a row of a list."""
    return {
        "Id": job.id,
        "Name": job.name,
        "Description": job.description,
        "ProjectName": job.project,
        "ModelReference": _model(job.model),
        "InputFileTosLocation": _location(job.input),
        "OutputDirTosLocation": _location(job.output),
        "CompletionWindow": assume.window_format.replace("1", str(job.window_days)),
        "Status": {"Phase": job.phase, "PhaseTime": _time(job.phase_time), "Message": job.message},
        "RequestCounts": _counts(job, assume),
        "Tags": [{"Key": key, "Value": value} for key, value in job.tags],
        "CreateTime": _time(job.created),
        "UpdateTime": _time(job.updated),
        "ExpireTime": _time(job.expires),
    }


def job_detail(job: Job, assume: Assumptions) -> dict[str, Any]:
    """Return a job as it is shown alone: with its error file, once it ended and there is one, and its tokens."""
    detail = job_item(job, assume)
    ended = job.phase in FINAL_PHASES
    published = job.has_error_file or job.phase != FAILED
    if ended and job.progress.failed and published and assume.error_file_location:
        detail["ErrorFileTosLocation"] = _location(errors_location(job, assume.error_file))
    if ended and job.tokens and assume.token_usage:
        used = job.tokens
        detail["TokenUsage"] = {
            "PromptTokens": used.prompt,
            "CompletionTokens": used.completion,
            "TotalTokens": used.total,
        }
    return detail


def model_item(model: FoundationModel) -> dict[str, Any]:
    """Return a model as a row of a list."""
    return {
        "Name": model.name,
        "DisplayName": model.title,
        "VendorName": model.vendor,
        "Description": INTRODUCTION,
        "PrimaryVersion": model.primary,
        "AccessType": "Public",
        "FoundationModelTag": {"TaskTypes": [model.task]},
        "CreateTime": _time(model.created),
        "UpdateTime": _time(model.updated),
    }


def version_item(version: ModelVersion) -> dict[str, Any]:
    """Return a model's version as a row of a list."""
    return {
        "ModelVersion": version.version,
        "Status": version.status,
        "Description": INTRODUCTION,
        "PublishTime": _time(version.published),
    }


def _counts(job: Job, assume: Assumptions) -> dict[str, int]:
    progress = job.progress
    completed = progress.done if assume.completed_counts == "processed" else progress.succeeded
    return {"Total": progress.total, "Completed": completed, "Failed": progress.failed + job.miscounted}


def _model(model: Model) -> dict[str, Any]:
    if model.custom_id:
        return {"CustomModelId": model.custom_id}
    return {"FoundationModel": {"Name": model.name, "ModelVersion": model.version}}


def _location(location: Location) -> dict[str, str]:
    return {"BucketName": location.bucket, "ObjectKey": location.key}


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
