"""What a submission is made of, as people write it: on a command line, or in the fields of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tui.ark.models import WINDOW_DAYS, CustomModelRef, ModelReference, parse_model
from tui.errors import UsageError
from tui.i18n import _
from tui.runs.plan import MAX_NAME, Plan

if TYPE_CHECKING:
    from tui.settings.profiles import Profile

DEFAULT_WINDOW: Final = 28
"""Days that a job may take unless somebody says otherwise; the platform's default too (ark-openapi.md §1.2)."""

_WINDOW: Final = re.compile(r"([1-9]|1[0-9]|2[0-8])d?")
_CUSTOM_MODEL: Final = re.compile(r"(cm|ep)-\S+")


def require_window(text: str) -> int:
    """Return the days of a completion window as it is typed, `1d` to `28d` (UsageError)."""
    found = _WINDOW.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            _("not a window: {window}", window=text),
            advice=_("Whole days, from {least}d to {most}d.", least=WINDOW_DAYS[0], most=WINDOW_DAYS[-1]),
        )
    return int(found[1])


def require_text(*texts: str | None) -> None:
    """Make sure that texts for the service are text, without control characters (UsageError)."""
    for text in filter(None, texts):
        if not text.isprintable():
            raise UsageError(
                _("not plain text: {text}", text=text),
                advice=_("Type it in a UTF-8 terminal, without control characters."),
            )


def require_name(name: str) -> None:
    """Make sure that a job can be called so (UsageError)."""
    require_text(name)
    if len(name) > MAX_NAME:
        raise UsageError(_("{count} characters; a name has at most {most}", count=len(name), most=MAX_NAME))


def parse_tags(pairs: Iterable[str]) -> dict[str, str]:
    """Return tags as they are typed, `KEY=VALUE` (UsageError: not so, or one key twice)."""
    tags: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals or key in tags:
            raise UsageError(_("not a tag, or given twice: {tag}", tag=pair), advice=_("--tag KEY=VALUE"))
        tags[key] = value
    return tags


def as_prefix(text: str | None) -> str:
    """Return a folder of the object store as a prefix: without a slash before it, with one behind it."""
    folder = (text or "").strip("/")
    return f"{folder}/" if folder else ""


def parse_any_model(text: str) -> ModelReference:
    """Return the model that a text names: `NAME`, `NAME@VERSION`, or the id of a custom one (UsageError).

    Ids of custom models begin with `cm-`; some accounts use those of endpoints, `ep-` (ark-openapi.md §1.2).
    """
    text = text.strip()
    return CustomModelRef(text) if _CUSTOM_MODEL.fullmatch(text) else parse_model(text)


def plan_for(profile: Profile, file: Path, *, named: bool, service: str, folder: Path) -> Plan:
    """Return the plan of sending a file as the profile says, up to the job's existence; nothing else is decided yet.

    Args:
        profile: in force.
        file: the input, absolute.
        named: the operator named the profile, so `continue` has to use it too.
        service: the cloud, as `hosts.service_of` names it.
        folder: where the command is given.
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
        window_days=DEFAULT_WINDOW,
        folder=str(folder),
    )
