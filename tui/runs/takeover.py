"""A submission of what is on its way already: which of the two calls decides what."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tui.runs.plan import Plan
from tui.runs.run import Run, RunState


def take_over(known: Run, wanted: Plan) -> tuple[Plan, Mapping[str, tuple[str, str]]]:
    """Return the plan by which the known run goes on, and what of `wanted` comes too late.

    Until the job exists, what the new call names counts, and what it leaves open stays. From then on the job is as it
    is: each field that differs is returned as (asked for, as it is). A run that was to go to its end still does.
    """
    old = known.plan
    upgraded = (old.verb, wanted.verb) == ("submit", "run")
    ends = {
        "verb": "run" if upgraded else old.verb,
        "out": wanted.out or old.out,
        "folder": wanted.folder if upgraded else old.folder,
        "parent": wanted.parent or old.parent,
    }
    if known.reached(RunState.CREATED):
        return msgspec.structs.replace(old, **ends), _too_late(old, wanted)
    kept = {
        "version": old.version or wanted.version,
        "nonce": old.nonce,
        "name": wanted.name or old.name,
        "description": wanted.description or old.description,
        "tags": wanted.tags or old.tags,
    }
    return msgspec.structs.replace(wanted, **kept, **ends), {}


def _too_late(old: Plan, wanted: Plan) -> Mapping[str, tuple[str, str]]:
    asked = {
        "name": (wanted.name, old.job_name),
        "description": (wanted.description, old.description),
        "window": (f"{wanted.window_days}d", f"{old.window_days}d"),
        "tags": (_shown(wanted.tags), _shown(old.tags)),
    }
    return {field: (new, kept) for field, (new, kept) in asked.items() if new and new != kept}


def _shown(tags: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in sorted(tags.items()))
