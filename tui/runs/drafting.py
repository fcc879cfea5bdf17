"""What a draft asks for: the submission that it is, what is wrong with it, and the draft that leads to a plan."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tui.i18n import _
from tui.runs.submission import LONGEST_WINDOW, Field, FieldError, Submission, faults
from tui.settings.draft import Draft

if TYPE_CHECKING:
    from tui.runs.plan import Plan

_CUSTOM_MODEL: Final = re.compile(r"(cm|ep)-")


def troubles_of(draft: Draft) -> dict[str, FieldError]:
    """Return what is wrong with a draft, by its field."""
    try:
        asked = submission_of(draft)
    except ValueError:
        quote = FieldError(Field.TAGS, _("a quotation mark is missing in the tags"))
        return {Field.TAGS: quote} | troubles_of(msgspec.structs.replace(draft, tags=""))
    found: dict[str, FieldError] = {fault.field: fault for fault in faults(asked)}
    if not draft.model:
        found[Field.MODEL] = FieldError(Field.MODEL, _("no model is chosen"))
    return found


def submission_of(draft: Draft) -> Submission:
    """Return what the draft asks for (ValueError: the tags lack a quotation mark).

    Ids of custom models begin with `cm-`; some accounts use those of endpoints, `ep-` (ark-openapi.md §1.2).
    `NAME@`, where no version follows, is the model by its name.
    """
    model, window = draft.model.strip().removesuffix("@"), draft.window.strip()
    custom = _CUSTOM_MODEL.match(model) is not None
    return Submission(
        file=draft.path or Path(),
        model="" if custom else model,
        custom_model=model if custom else "",
        name=draft.name,
        description=draft.description,
        project=draft.project,
        window=f"{window}d" if window.isdecimal() else window or LONGEST_WINDOW,
        tags=tuple(shlex.split(draft.tags)),
        bucket=draft.bucket,
        input_prefix=draft.input_prefix or None,
        output_prefix=draft.output_prefix or None,
        create_bucket=draft.create_bucket,
    )


def draft_of(plan: Plan) -> Draft:
    """Return the draft that leads to a plan, as a retry makes one."""
    return Draft(
        file=os.fsencode(plan.input),
        model=plan.custom_model or (f"{plan.model}@{plan.version}" if plan.version else plan.model),
        window=f"{plan.window_days}d",
        name=plan.name,
        description=plan.description,
        project=plan.project,
        tags=" ".join(_word(f"{key}={value}") for key, value in plan.tags.items()),
        bucket=plan.bucket,
        input_prefix=plan.input_prefix,
        output_prefix=plan.output_prefix,
        create_bucket=plan.create_bucket,
        parent=plan.parent,
        nonce=plan.nonce,
    )


def _word(text: str) -> str:
    """Return a text as one word of a line, quoted only where it has to be."""
    try:
        return text if shlex.split(text) == [text] else shlex.quote(text)
    except ValueError:  # a quotation mark in it
        return shlex.quote(text)
