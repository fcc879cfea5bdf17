"""What an operator asks for when a file is to become a job: what each field may say, and the plan that comes of it."""

from __future__ import annotations

import re
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tui.ark.models import CustomModelRef, ModelReference, parse_model
from tui.errors import UsageError
from tui.i18n import _
from tui.runs.plan import MAX_NAME, Plan, model_fields
from tui.settings import fields

if TYPE_CHECKING:
    from tui.settings.profiles import Profile

LONGEST_WINDOW: Final = "28d"
_WINDOW: Final = re.compile(r"([1-9]|1[0-9]|2[0-8])d")


class Field(StrEnum):
    """What can be asked for, in the order in which a form shows it."""

    FILE = "file"
    MODEL = "model"
    NAME = "name"
    DESCRIPTION = "description"
    PROJECT = "project"
    WINDOW = "window"
    TAGS = "tags"
    BUCKET = "bucket"
    INPUT_PREFIX = "input_prefix"
    OUTPUT_PREFIX = "output_prefix"


class FieldError(UsageError):
    """What one field says cannot be."""

    def __init__(self, field: Field, message: str, *, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What is asked for, as it is typed; what is left empty is the profile's, or is proposed.

    Attributes:
        model: `NAME` or `NAME@VERSION`.
        custom_model: the id of a fine-tuned model instead.
        window: `1d` to `28d`.
        tags: each `KEY=VALUE`.
        input_prefix: where in the bucket the input goes; the profile's when None.
        output_prefix: where in the bucket the results go; the profile's when None.
        again: a second job on content that has one.
        out: the folder of the results.
    """

    file: Path
    model: str = ""
    custom_model: str = ""
    name: str = ""
    description: str = ""
    project: str = ""
    window: str = LONGEST_WINDOW
    tags: tuple[str, ...] = ()
    bucket: str = ""
    input_prefix: str | None = None
    output_prefix: str | None = None
    create_bucket: bool = False
    again: bool = False
    out: Path | None = None


def faults(asked: Submission) -> Iterator[FieldError]:
    """Yield what is wrong with what is asked for, of each field at most one thing; the file itself is not looked at."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: read_model(asked.model, asked.custom_model),
        lambda: require_name(asked.name),
        lambda: require_text(asked.description, Field.DESCRIPTION),
        lambda: require_text(asked.project, Field.PROJECT),
        lambda: require_window(asked.window),
        lambda: read_tags(asked.tags),
        lambda: read_prefix(asked.input_prefix or "", Field.INPUT_PREFIX),
        lambda: read_prefix(asked.output_prefix or "", Field.OUTPUT_PREFIX),
    )
    for check in checks:
        try:
            check()
        except FieldError as error:
            yield error


def require_valid(asked: Submission) -> None:
    """Make sure that nothing is wrong with what is asked for (FieldError, the first)."""
    for fault in faults(asked):
        raise fault


def bare_plan(file: Path, profile: Profile, service: str, *, named: bool, folder: Path) -> Plan:
    """Return the plan of sending a file as the profile says, up to the job's existence; no model is chosen yet.

    Args:
        file: the input, absolute.
        profile: tells what nobody asked for.
        service: where the job is to run, as `hosts.service_of` names it.
        named: the profile was named, and is to be named again by `arkdeck continue`.
        folder: the one in which the command is given.
    """
    return Plan(
        verb="submit",
        input=str(file),
        profile=profile.name if named else "",
        service=service,
        bucket=profile.bucket,
        project=profile.project,
        input_prefix=profile.input_prefix,
        output_prefix=profile.output_prefix,
        folder=str(folder),
    )


def plan_for(verb: str, asked: Submission, profile: Profile, service: str, *, named: bool, folder: Path) -> Plan:
    """Return the plan of a submission.

    Args:
        verb: `submit` or `run`.
        asked: what is asked for.
        profile: tells what is not.
        service: where the job is to run, as `hosts.service_of` names it.
        named: the profile was named, and is to be named again by `arkdeck continue`.
        folder: the one in which the command is given.

    Raises:
        FieldError: something is wrong with what is asked for, or no bucket is known.
    """
    require_valid(asked)
    plan = bare_plan(asked.file.resolve(), profile, service, named=named, folder=folder)
    return msgspec.structs.replace(
        plan,
        verb=verb,
        bucket=require_bucket(asked.bucket or profile.bucket),
        project=asked.project or profile.project,
        input_prefix=_prefix(asked.input_prefix, Field.INPUT_PREFIX, profile.input_prefix),
        output_prefix=_prefix(asked.output_prefix, Field.OUTPUT_PREFIX, profile.output_prefix),
        name=asked.name,
        description=asked.description,
        window_days=require_window(asked.window),
        tags=read_tags(asked.tags),
        create_bucket=asked.create_bucket,
        nonce=new_nonce() if asked.again else "",
        out=str(asked.out.resolve()) if asked.out else "",
        **model_fields(read_model(asked.model, asked.custom_model)),
    )


def new_nonce() -> str:
    """Return what makes a wanted second job on the same content another one."""
    return secrets.token_hex(4)


def read_model(model: str, custom_model: str) -> ModelReference:
    """Return the one model that is named, a foundation model or a custom one (FieldError)."""
    if bool(model) == bool(custom_model):
        raise FieldError(
            Field.MODEL,
            _("name one model"),
            advice=_("Write NAME[@VERSION] (--model), or the id of your own one (--custom-model)."),
        )
    if custom_model:
        return CustomModelRef(custom_model)
    try:
        return parse_model(model)
    except UsageError as error:
        raise FieldError(Field.MODEL, error.message, advice=error.advice) from error


def require_file(path: Path) -> None:
    """Make sure that there is a regular file (FieldError); it blocks."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        message = _("cannot read {path}: {error}", path=path, error=error.strerror)
        raise FieldError(Field.FILE, message) from error
    if not stat.S_ISREG(mode):
        raise FieldError(Field.FILE, _("not a file: {path}", path=path))


def require_window(window: str) -> int:
    """Return the days of a completion window as it is typed, `1d` to `28d` (FieldError)."""
    if not _WINDOW.fullmatch(window):
        raise FieldError(
            Field.WINDOW, _("not a window: {window}", window=window), advice=_("Whole days, from 1d to 28d.")
        )
    return int(window[:-1])


def require_text(text: str | None, field: Field) -> None:
    """Make sure that a text for the service is text, without control characters (FieldError)."""
    if text and not text.isprintable():
        raise FieldError(
            field,
            _("not plain text: {text}", text=text),
            advice=_("Type it in a UTF-8 terminal, without control characters."),
        )


def require_name(name: str) -> None:
    """Make sure that a job can be called so (FieldError)."""
    require_text(name, Field.NAME)
    if len(name) > MAX_NAME:
        raise FieldError(Field.NAME, _("{count} characters; a name has at most {most}", count=len(name), most=MAX_NAME))


def read_tags(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return tags as they are typed, `KEY=VALUE` (FieldError: not so, not plain text, or one key twice)."""
    tags: dict[str, str] = {}
    for pair in pairs:
        require_text(pair, Field.TAGS)
        key, equals, value = pair.partition("=")
        if not key or not equals or key in tags:
            raise FieldError(
                Field.TAGS, _("not a tag, or given twice: {tag}", tag=pair), advice=_("Write it as KEY=VALUE (--tag).")
            )
        tags[key] = value
    return tags


def read_prefix(text: str, field: Field) -> str:
    """Return a prefix of object keys as it is typed, with the `/` at its end (FieldError)."""
    try:
        return str(fields.parse(field, text))
    except fields.InvalidValueError as error:
        raise FieldError(field, str(error)) from error


def _prefix(text: str | None, field: Field, default: str) -> str:
    return default if text is None else read_prefix(text, field)


def require_bucket(bucket: str) -> str:
    """Return the bucket, which has to be named (FieldError)."""
    if not bucket:
        raise FieldError(
            Field.BUCKET,
            _("no bucket is named for the input and the results"),
            advice=_("Name one (--bucket, ARKDECK_BUCKET, or `bucket` in the profile)."),
        )
    return bucket


def submit_words(plan: Plan, profile: Profile) -> tuple[str, ...]:
    """Return the command line of a plan, without what the profile says anyway."""
    words = ["submit", plan.input]
    if plan.custom_model:
        words += ["--custom-model", plan.custom_model]
    else:
        words += ["--model", f"{plan.model}@{plan.version}" if plan.version else plan.model]
    for option, value, usual in (
        ("--name", plan.name, ""),
        ("--description", plan.description, ""),
        ("--project", plan.project, profile.project),
        ("--window", f"{plan.window_days}d", LONGEST_WINDOW),
        ("--bucket", plan.bucket, profile.bucket),
        ("--input-prefix", plan.input_prefix, profile.input_prefix),
        ("--output-prefix", plan.output_prefix, profile.output_prefix),
    ):
        if value != usual:
            words += [option, value]
    for key, value in plan.tags.items():
        words += ["--tag", f"{key}={value}"]
    words += ["--create-bucket"] if plan.create_bucket else []
    words += ["--again"] if plan.nonce else []
    return tuple(words)
