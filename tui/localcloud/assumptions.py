"""What the platform's documentation leaves open, as switches: each default is the local cloud's choice."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta

from tui.localcloud.failures import OptionError

if TYPE_CHECKING:
    from collections.abc import Iterable

Code = Annotated[str, Meta(min_length=1)]
Quota = Annotated[int, Meta(ge=1)]


class Assumptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the local cloud behaves where nobody knows how the platform does.

    Attributes:
        active_job_code: of a Create or Resume on an input that an active job has; its message holds that job's id.
        completed_counts: whether RequestCounts.Completed counts the failed requests too, or the answered ones alone.
        console_names: whether the API holds names and descriptions to the console's rule.
        delete_active: whether a job that has not ended may be deleted.
        delete_outputs: whether the result files of a job are deleted with it.
        dry_run_code: of the refusal that says that a dry run passed.
        error_file: the folder of errors.jsonl, `error` beside `output` or `output` itself.
        error_file_location: whether Get tells where the error file is.
        list_without_project: which jobs a List without ProjectName is about.
        not_found_code: of a job id that is unknown.
        resume_window: whether Resume begins the completion window anew, or keeps the time of expiry.
        running_jobs: jobs of a project that run at once; the others are queued.
        token_usage: whether Get tells the tokens of a job that ended.
        weekly_jobs: jobs that a project may submit within 7 days.
        window_format: how a completion window of a day reads in Get and List.
    """

    active_job_code: Code = "OperationDenied.InvalidState"
    completed_counts: Literal["processed", "answered"] = "processed"
    console_names: bool = False
    delete_active: bool = False
    delete_outputs: bool = False
    dry_run_code: Code = "DryRunOperation"
    error_file: Literal["error", "output"] = "error"
    error_file_location: bool = True
    list_without_project: Literal["default", "all"] = "default"
    not_found_code: Code = "NotFound.BatchInferenceJob"
    resume_window: Literal["anew", "kept"] = "anew"
    running_jobs: Quota = 20
    token_usage: bool = False
    weekly_jobs: Quota = 5000
    window_format: Literal["1d", "1 days"] = "1d"


DEFAULTS: Final = Assumptions()
_TYPES: Final = get_type_hints(Assumptions, include_extras=True)


def parse_assumptions(texts: Iterable[str]) -> Assumptions:
    """Return the defaults with every `NAME=VALUE` in place of its own; a dash in a name is as good as an underscore.

    Raises:
        OptionError: the name is unknown, or the value does not fit; the text tells what would.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        field = name.replace("-", "_")
        if not sign:
            raise OptionError(f"the assumption {text!r} is not NAME=VALUE")
        if field not in _TYPES:
            raise OptionError(f"there is no assumption {name!r}{nearest(name, map(_shown, _TYPES))}")
        try:
            values[field] = msgspec.convert(value, _TYPES[field], strict=False)
        except msgspec.ValidationError:
            raise OptionError(f"the assumption {name} cannot be {value!r}: it takes {_fitting(field)}") from None
    return Assumptions(**values)


def format_assumptions(assume: Assumptions) -> list[str]:
    """Return what differs from the defaults, as `parse_assumptions` reads it."""
    return [
        f"{_shown(name)}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in msgspec.structs.asdict(assume).items()
        if value != getattr(DEFAULTS, name)
    ]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return what ends the complaint about an unknown word: the one that was meant, or all."""
    words = sorted(known)
    close = difflib.get_close_matches(word, words, n=1)
    return f"; did you mean {close[0]}?" if close else f"; there are {', '.join(words)}"


def _shown(name: str) -> str:
    return name.replace("_", "-")


def _fitting(field: str) -> str:
    kind = _TYPES[field]
    if kind is bool:
        return "true or false"
    if kind == Quota:
        return "a number from 1 on"
    if kind == Code:
        return "an error code"
    return " or ".join(kind.__args__)
