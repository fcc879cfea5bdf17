"""The fields of every action of the Ark OpenAPI, with the platform's limits (ark-openapi.md §1)."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from tui.localcloud.ark_errors import ApiError, business_error

PositiveInt = Annotated[int, Meta(ge=1)]
PageSize = Annotated[int, Meta(ge=1, le=100)]
JobId = Annotated[str, Meta(min_length=1)]
JobName = Annotated[str, Meta(min_length=1, max_length=200)]
Description = Annotated[str, Meta(max_length=300)]
SortField = Literal["CreateTime", "UpdateTime"]
SortOrder = Literal["Asc", "Desc"]
FilterPhase = Literal["Queued", "Running", "Completed", "Terminating", "Terminated", "Failed"]  # no Initializing


class Fields(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """What an action's JSON body holds; fields it does not know are left alone."""


class TosLocation(Fields, frozen=True, kw_only=True):
    """An object or a folder in the object store."""

    bucket_name: str = ""
    object_key: str = ""


class FoundationModel(Fields, frozen=True, kw_only=True):
    """A version of a public model."""

    name: Annotated[str, Meta(min_length=1)]
    model_version: Annotated[str, Meta(min_length=1)]


class ModelReference(Fields, frozen=True, kw_only=True):
    """One of the two."""

    foundation_model: FoundationModel | None = None
    custom_model_id: str = ""


class Tag(Fields, frozen=True, kw_only=True):
    """A label for billing and grouping."""

    key: Annotated[str, Meta(min_length=1, max_length=128)]
    value: Annotated[str, Meta(max_length=256)] = ""


class CreateJob(Fields, frozen=True, kw_only=True):
    """CreateBatchInferenceJob."""

    name: JobName
    description: Description = ""
    project_name: Annotated[str, Meta(min_length=1)] = "default"
    model_reference: ModelReference
    input_file_tos_location: TosLocation
    output_dir_tos_location: TosLocation
    completion_window: Annotated[str, Meta(pattern=r"\A([1-9]|1[0-9]|2[0-8])d\Z")] = "28d"
    tags: tuple[Tag, ...] = ()
    dry_run: bool = False


class FoundationModelFilter(Fields, frozen=True, kw_only=True):
    """A model, in any of the versions when they are given."""

    name: str
    model_versions: tuple[str, ...] = ()


class JobFilter(Fields, frozen=True, kw_only=True):
    """All that is given must hold; an empty list holds for every job."""

    ids: tuple[str, ...] = ()
    name: str = ""
    phases: tuple[FilterPhase, ...] = ()
    foundation_models: tuple[FoundationModelFilter, ...] = ()
    custom_model_ids: tuple[str, ...] = ()


class TagFilter(Fields, frozen=True, kw_only=True):
    """A label, with any of the values when they are given."""

    key: str
    values: tuple[str, ...] = ()


class Paging(Fields, frozen=True, kw_only=True):
    """Which page of a list, in which order."""

    page_number: PositiveInt = 1
    page_size: PageSize = 10
    sort_by: SortField = "CreateTime"
    sort_order: SortOrder = "Desc"


class ListJobs(Paging, frozen=True, kw_only=True):
    """ListBatchInferenceJobs."""

    filter: JobFilter = JobFilter()
    tag_filters: tuple[TagFilter, ...] = ()
    project_name: str | None = None


class GetJob(Fields, frozen=True, kw_only=True):
    """GetBatchInferenceJob."""

    id: JobId


class ChangeJob(GetJob, frozen=True, kw_only=True):
    """StopBatchInferenceJob, ResumeBatchInferenceJob and DeleteBatchInferenceJob."""

    dry_run: bool = False


class UpdateJob(ChangeJob, frozen=True, kw_only=True):
    """UpdateBatchInferenceJob."""

    name: JobName | None = None
    description: Description | None = None


class ModelFilter(Fields, frozen=True, kw_only=True):
    """Names are compared whole, but for `name`, which may be a part."""

    name: str = ""
    names: tuple[str, ...] = ()


class ListModels(Paging, frozen=True, kw_only=True):
    """ListFoundationModels."""

    filter: ModelFilter = ModelFilter()


class VersionFilter(Fields, frozen=True, kw_only=True):
    """Versions and states to keep; an empty list keeps all."""

    model_versions: tuple[str, ...] = ()
    statuses: tuple[Literal["Unpublished", "Published", "Retiring"], ...] = ()


class ListModelVersions(Paging, frozen=True, kw_only=True):
    """ListFoundationModelVersions."""

    foundation_model_name: Annotated[str, Meta(min_length=1)]
    filter: VersionFilter = VersionFilter()


F = TypeVar("F", bound=Fields)
_FAULT: Final = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>.*)`")
_INDEX: Final = re.compile(r"\[.*?\]")
_KINDS: Final = {
    "str": "a string",
    "int": "an integer",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_PLAIN_WORDS: Final = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r"Expected `str` matching regex", "it must be from 1d to 28d"),  # of CompletionWindow alone
        (r"Expected `\w+` of length >= (\d+)", "its length must be at least {0}"),
        (r"Expected `\w+` of length <= (\d+)", "its length must be at most {0}"),
        (r"Expected `int` >= (\d+)", "it must be at least {0}"),
        (r"Expected `int` <= (\d+)", "it must be at most {0}"),
        (r"Expected `(?P<kind>\w+)(?: \| null)?`, got", "it must be {kind}"),
        (r"Invalid enum value (.*)", "{0} is not one of its values"),
    )
]


def read_fields(body: Any, kind: type[F]) -> F:
    """Return the fields of an action, read from its decoded JSON body; a null is as good as absent.

    Raises:
        ApiError: MissingParameter.X or InvalidParameter.X, X being the path of the field.
    """
    try:
        return msgspec.convert(_without_nulls(body), kind)
    except msgspec.ValidationError as fault:
        raise _field_error(str(fault)) from None
    except RecursionError:
        raise business_error("InvalidParameter", "The request body is nested too deeply.") from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(held) for name, held in value.items() if held is not None}
    if isinstance(value, list):
        return [_without_nulls(held) for held in value]
    return value


def _field_error(text: str) -> ApiError:
    """Turn the decoder's words, "Expected `int` >= 1 - at `$.PageSize`", into the platform's."""
    match = _FAULT.fullmatch(text)
    what, path = (match["what"], match["path"] or "") if match else (text, "")
    missing = _MISSING.fullmatch(what)
    names = [name for name in (_INDEX.sub("", path), missing["name"] if missing else "") if name]
    code = ".".join(["MissingParameter" if missing else "InvalidParameter", *names])
    shown = ".".join(names) or "body"
    if missing:
        return business_error(code, f"The required parameter {shown} is missing.")
    return business_error(code, f"The parameter {shown} is not valid: {_in_plain_words(what)}.")


def _in_plain_words(what: str) -> str:
    """Say what a field must be, from the decoder's words for it."""
    for pattern, words in _PLAIN_WORDS:
        if match := pattern.match(what):
            return words.format(*match.groups(), kind=_KINDS.get(match.groupdict().get("kind") or "", "another value"))
    return "its value does not fit"
