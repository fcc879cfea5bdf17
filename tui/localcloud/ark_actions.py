"""The actions of the Ark OpenAPI on the jobs of the local cloud.

Where the platform does not say how it behaves (ark-openapi.md §10), `Assumptions` decide.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tui.localcloud import ark_requests as requests
from tui.localcloud import ark_views as views
from tui.localcloud import jobs as phases
from tui.localcloud.ark_errors import ApiError, business_error
from tui.localcloud.assumptions import DEFAULTS, Assumptions
from tui.localcloud.catalogue import CATALOGUE, find_model, has_version
from tui.localcloud.engine import MESSAGES, Engine, enter_phase
from tui.localcloud.job_work import output_folder
from tui.localcloud.jobs import Job, JobStore, Location, Model, new_job_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tui.clock import Clock
    from tui.localcloud.object_storage import ObjectStorage

WEEK: Final = timedelta(days=7)
CREATED_BY: Final = ("sys:ark:createdBy", "IAMUser/0/arkdeck-local")
MAX_KEY_BYTES: Final = 1024
_LONGEST_NAME: Final = "bi-20240918194641-abcde/output/results.jsonl"  # that a job puts into its output folder
_CONSOLE_NAME: Final = re.compile(r"[A-Za-z0-9_\u4e00-\u9fff-]{1,200}")
_BUCKET_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")

T = TypeVar("T")
Result = dict[str, Any]


class BatchService:
    """Creates, lists and changes jobs; the engine runs them.

    Args:
        jobs: the jobs.
        engine: forgets what it kept of deleted jobs.
        storage: holds the results.
        clock: the engine's.
        changed: called when the engine has new work.
        assume: how the platform does what is not known.
    """

    def __init__(
        self,
        jobs: JobStore,
        engine: Engine,
        storage: ObjectStorage,
        clock: Clock,
        changed: Callable[[], None],
        assume: Assumptions = DEFAULTS,
    ) -> None:
        self._jobs = jobs
        self._engine = engine
        self._storage = storage
        self._clock = clock
        self._changed = changed
        self._assume = assume

    def name_of(self, job_id: str) -> str:
        """Return a job's name, an empty one for an unknown id."""
        job = self._jobs.get(job_id)
        return job.name if job else ""

    def create(self, fields: requests.CreateJob) -> Result:
        """Take a new job; it starts in the phase Queued."""
        model = _model(fields.model_reference)
        input_file = _location("InputFileTosLocation", fields.input_file_tos_location, folder=False)
        output = _location("OutputDirTosLocation", fields.output_dir_tos_location, folder=True)
        tags = _tags(fields.tags)
        _require_name(fields.name)
        self._require_console_names(fields.name, fields.description)
        now = self._clock.now()
        with self._jobs.lock:
            self._require_free_input(fields.project_name, input_file)
            self._require_submissions(fields.project_name, now)
            self._pass_dry_run(fields.dry_run)
            window_days = int(fields.completion_window.removesuffix("d"))
            job = Job(
                id=self._free_id(now),
                name=fields.name,
                description=fields.description,
                project=fields.project_name,
                model=model,
                input=input_file,
                output=output,
                window_days=window_days,
                tags=tags,
                phase=phases.QUEUED,
                phase_time=now,
                message=MESSAGES[phases.QUEUED],
                created=now,
                updated=now,
                expires=now + timedelta(days=window_days),
            )
            self._jobs.add(job)
        self._changed()
        return {"Id": job.id}

    def list(self, fields: requests.ListJobs) -> Result:
        """Return a page of a project's jobs that pass every filter."""
        every_project = fields.project_name is None and self._assume.list_without_project == "all"
        project = fields.project_name or "default"
        found = [
            job
            for job in self._jobs.all()
            if (every_project or job.project == project)
            and _passes(job, fields.filter)
            and all(_is_tagged(job, wanted) for wanted in fields.tag_filters)
        ]
        moment = {"CreateTime": _created, "UpdateTime": _updated}[fields.sort_by]
        found.sort(key=lambda job: (moment(job), job.id), reverse=fields.sort_order == "Desc")
        return _page(found, fields, lambda job: views.job_item(job, self._assume))

    def get(self, fields: requests.GetJob) -> Result:
        """Return one job with the place of its error file."""
        return views.job_detail(self._require(fields.id), self._assume)

    def update(self, fields: requests.UpdateJob) -> Result:
        """Change a job's name or description, in any phase."""
        if fields.name is not None:
            _require_name(fields.name)
        self._require_console_names(fields.name, fields.description)
        with self._jobs.lock:
            job = self._require(fields.id)
            self._pass_dry_run(fields.dry_run)
            self._jobs.revise(
                job.id,
                name=job.name if fields.name is None else fields.name,
                description=job.description if fields.description is None else fields.description,
                updated=self._clock.now(),
            )
        return {}

    def stop(self, fields: requests.ChangeJob) -> Result:
        """Ask a job that has not ended to stop; the engine ends it and keeps its results."""
        with self._jobs.lock:
            job = self._require(fields.id)
            _require_phase(job, {phases.QUEUED, phases.INITIALIZING, phases.RUNNING})
            self._pass_dry_run(fields.dry_run)
            enter_phase(self._jobs, job, phases.TERMINATING, self._clock.now())
        self._changed()
        return {}

    def resume(self, fields: requests.ChangeJob) -> Result:
        """Queue a stopped or failed job again, if its input is free; what is done is not done twice."""
        with self._jobs.lock:
            job = self._require(fields.id)
            _require_phase(job, {phases.TERMINATED, phases.FAILED})
            self._require_free_input(job.project, job.input)
            self._pass_dry_run(fields.dry_run)
            now = self._clock.now()
            anew = self._assume.resume_window == "anew"
            expires = now + timedelta(days=job.window_days) if anew else job.expires
            enter_phase(self._jobs, job, phases.QUEUED, now, expires=expires)
        self._changed()
        return {"Id": job.id}

    def delete(self, fields: requests.ChangeJob) -> Result:
        """Forget a job, its files where they are deleted with it."""
        with self._jobs.lock:
            job = self._require(fields.id)
            if not self._assume.delete_active:
                _require_phase(job, phases.FINAL_PHASES)
            self._pass_dry_run(fields.dry_run)
            self._jobs.remove(job.id)
        self._engine.forget(job.id)
        if self._assume.delete_outputs:
            self._delete_outputs(job)
        return {}

    def _delete_outputs(self, job: Job) -> None:
        bucket, prefix = job.output.bucket, output_folder(job)
        if self._storage.bucket_exists(bucket):
            while found := self._storage.list_objects(bucket, prefix=prefix).objects:
                for record in found:
                    self._storage.delete(bucket, record.key)

    def list_models(self, fields: requests.ListModels) -> Result:
        """Return a page of the catalogue."""
        names = {name.lower() for name in fields.filter.names}
        found = [
            model
            for model in CATALOGUE
            if fields.filter.name.lower() in model.name and (not names or model.name in names)
        ]
        moment = {"CreateTime": "created", "UpdateTime": "updated"}[fields.sort_by]
        found.sort(key=lambda model: (getattr(model, moment), model.name), reverse=fields.sort_order == "Desc")
        return _page(found, fields, views.model_item)

    def list_model_versions(self, fields: requests.ListModelVersions) -> Result:
        """Return a page of a model's versions."""
        model = find_model(fields.foundation_model_name)
        if model is None:
            raise _no_model(fields.foundation_model_name)
        wanted = fields.filter
        found = [
            version
            for version in model.versions
            if (not wanted.model_versions or version.version in wanted.model_versions)
            and (not wanted.statuses or version.status in wanted.statuses)
        ]
        found.sort(key=lambda version: version.published, reverse=fields.sort_order == "Desc")
        return _page(found, fields, views.version_item)

    def _require(self, job_id: str) -> Job:
        job = self._jobs.get(job_id)
        if job is None:
            raise business_error(self._assume.not_found_code, f"The specified BatchInferenceJob {job_id} is not found.")
        return job

    def _require_free_input(self, project: str, input_file: Location) -> None:
        """Refuse a second active job on an input of the same project."""
        for job in self._jobs.active():
            if job.project == project and job.input == input_file:
                raise business_error(
                    self._assume.active_job_code,
                    f"The batch inference job {job.id} with the same input file is still active.",
                )

    def _require_submissions(self, project: str, now: datetime) -> None:
        if self._jobs.submissions(project, since=now - WEEK) >= self._assume.weekly_jobs:
            raise business_error(
                "QuotaExceeded",
                f"The project {project} submitted {self._assume.weekly_jobs} batch inference jobs within 7 days.",
            )

    def _require_console_names(self, name: str | None, description: str | None) -> None:
        """Refuse what the console's form refuses, where the API is assumed to do so."""
        if self._assume.console_names:
            if name is not None and not _CONSOLE_NAME.fullmatch(name):
                raise business_error("InvalidParameter.Name", "A name has letters, 汉字, digits, - and _ only.")
            if description and not description.isprintable():
                raise business_error("InvalidParameter.Description", "A description has visible characters only.")

    def _pass_dry_run(self, dry_run: bool) -> None:
        """End a dry run that passed every check: the platform reports it as an error."""
        if dry_run:
            raise business_error(self._assume.dry_run_code, "The request is validated by a dryrun operation.")

    def _free_id(self, now: datetime) -> str:
        job_id = new_job_id(now)
        while self._jobs.get(job_id) is not None:
            job_id = new_job_id(now)
        return job_id


@dataclass(frozen=True)
class Action:
    """An action of the API: what its body holds, what answers it, and whether the job's id may stand in the query."""

    fields: type[requests.Fields]
    answer: Callable[[BatchService, Any], Result]
    id_in_query: bool = False


ACTIONS: Final[dict[str, Action]] = {
    "CreateBatchInferenceJob": Action(requests.CreateJob, BatchService.create),
    "ListBatchInferenceJobs": Action(requests.ListJobs, BatchService.list),
    "GetBatchInferenceJob": Action(requests.GetJob, BatchService.get),
    "UpdateBatchInferenceJob": Action(requests.UpdateJob, BatchService.update),
    "StopBatchInferenceJob": Action(requests.ChangeJob, BatchService.stop),
    "ResumeBatchInferenceJob": Action(requests.ChangeJob, BatchService.resume, id_in_query=True),
    "DeleteBatchInferenceJob": Action(requests.ChangeJob, BatchService.delete),
    "ListFoundationModels": Action(requests.ListModels, BatchService.list_models),
    "ListFoundationModelVersions": Action(requests.ListModelVersions, BatchService.list_model_versions),
}


def _created(job: Job) -> datetime:
    return job.created


def _updated(job: Job) -> datetime:
    return job.updated


def _page(found: list[T], paging: requests.Paging, view: Callable[[T], Result]) -> Result:
    start = (paging.page_number - 1) * paging.page_size
    return {
        "Items": [view(item) for item in found[start : start + paging.page_size]],
        "PageNumber": paging.page_number,
        "PageSize": paging.page_size,
        "TotalCount": len(found),
    }


def _passes(job: Job, wanted: requests.JobFilter) -> bool:
    return (
        (not wanted.ids or job.id in wanted.ids)
        and wanted.name.lower() in job.name.lower()
        and (not wanted.phases or job.phase in wanted.phases)
        and (not wanted.custom_model_ids or job.model.custom_id in wanted.custom_model_ids)
        and (not wanted.foundation_models or any(_is_of(job, model) for model in wanted.foundation_models))
    )


def _is_of(job: Job, model: requests.FoundationModelFilter) -> bool:
    return job.model.name.lower() == model.name.lower() and (
        not model.model_versions or job.model.version in model.model_versions
    )


def _is_tagged(job: Job, wanted: requests.TagFilter) -> bool:
    return any(key == wanted.key and (not wanted.values or value in wanted.values) for key, value in job.tags)


def _model(reference: requests.ModelReference) -> Model:
    model, custom_id = reference.foundation_model, reference.custom_model_id
    if model is not None and custom_id:
        raise business_error(
            "InvalidParameter.ModelReference", "Give either FoundationModel or CustomModelId, not both."
        )
    if model is None and not custom_id:
        raise business_error(
            "MissingParameter.ModelReference", "One of FoundationModel and CustomModelId must be given."
        )
    if model is None:
        return Model(custom_id=custom_id)
    known = find_model(model.name)
    if known is None or not has_version(known, model.model_version):
        raise _no_model(f"{model.name}/{model.model_version}")
    return Model(name=model.name, version=model.model_version)


def _no_model(name: str) -> ApiError:
    return business_error(
        "InvalidEndpointOrModel.NotFound", f"The model {name} does not exist or you do not have access to it."
    )


def _location(field: str, given: requests.TosLocation, *, folder: bool) -> Location:
    if not _BUCKET_NAME.fullmatch(given.bucket_name) or not (given.object_key or folder):
        raise business_error(
            "InvalidParameter.TosURLInvalid",
            f"The parameter {field} is not a TOS location: tos://{given.bucket_name}/{given.object_key}.",
        )
    longest = f"{given.object_key.removesuffix('/')}/{_LONGEST_NAME}" if folder else given.object_key
    if len(longest.encode()) > MAX_KEY_BYTES:
        raise business_error(
            "InvalidParameter.TosURLInvalid",
            f"The parameter {field} makes an object key of more than {MAX_KEY_BYTES} bytes.",
        )
    return Location(given.bucket_name, given.object_key)


def _require_name(name: str) -> None:
    if not name.strip() or any(unicodedata.category(character) == "Cc" for character in name):
        raise business_error("InvalidParameter.Name", "A name has visible characters, and no control characters.")


def _tags(given: Iterable[requests.Tag]) -> tuple[tuple[str, str], ...]:
    tags = [(tag.key, tag.value) for tag in given]
    if len({key for key, _ in tags}) < len(tags):
        raise business_error("Duplicate.Tags.Key", "The keys of the tags must be unique.")
    if any(key.startswith("sys:") for key, _ in tags):
        raise business_error("InvalidParameter.Tags.Key", "Keys that begin with sys: are the platform's own.")
    return (*tags, CREATED_BY)


def _require_phase(job: Job, allowed: Iterable[str]) -> None:
    if job.phase not in allowed:
        raise business_error(
            "OperationDenied.UnsupportedPhase",
            f"The operation is not supported while the target {job.id} is in its current phase {job.phase}.",
        )
