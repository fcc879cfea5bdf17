"""Conditions and ranges of a request, judged against an object: pure functions over header values."""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final

from tui.localcloud.tos_errors import DuplicateObject, NotModified, PreconditionFailed, RangeNotSatisfiable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from tui.localcloud.tos_records import Guard, ObjectRecord

_RANGE: Final = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")


def check_conditions(record: ObjectRecord, headers: Mapping[str, str], *, prefix: str = "") -> None:
    """Judge If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since of a read.

    Args:
        record: the object.
        headers: of the request.
        prefix: of the header names, for the conditions on the source of a copy.

    Raises:
        PreconditionFailed, NotModified: the conditions say so; of a copy it is always the former.
    """
    unchanged = PreconditionFailed if prefix else NotModified
    if_match, if_none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    modified = record.modified.replace(microsecond=0)
    unmodified_since = _parse_date(headers.get(f"{prefix}if-unmodified-since"))
    modified_since = _parse_date(headers.get(f"{prefix}if-modified-since"))
    if if_match is not None:
        if not matches(if_match, record.etag):
            raise PreconditionFailed
    elif unmodified_since is not None and modified > unmodified_since:
        raise PreconditionFailed
    if if_none_match is not None:
        if matches(if_none_match, record.etag):
            raise unchanged
    elif modified_since is not None and modified <= modified_since:
        raise unchanged


def write_guard(headers: Mapping[str, str]) -> Guard:
    """Return the guard of a write that the headers ask for: to overwrite nothing, or one version only."""

    def guard(existing: ObjectRecord | None) -> None:
        if existing is not None and headers.get("x-tos-forbid-overwrite", "").lower() == "true":
            raise DuplicateObject
        wanted = headers.get("x-tos-if-match") or headers.get("if-match")
        if wanted and (existing is None or not matches(wanted, existing.etag)):
            raise PreconditionFailed
        if existing is not None and headers.get("if-none-match", "").strip() == "*":
            raise PreconditionFailed

    return guard


def matches(wanted: str, etag: str) -> bool:
    """Tell whether a list of ETags, quoted or not (SDKs send both), names this one; `*` names any."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in wanted.split(",")]
    return "*" in tags or etag in tags


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return start and length of the one range asked for; None when there is none or it makes no sense, as HTTP has it.

    Raises:
        RangeNotSatisfiable: it begins behind the end.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size - 1
        satisfiable = int(last) > 0 and size > 0
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < start:
            return None
        satisfiable = start < size
    if not satisfiable:
        raise RangeNotSatisfiable
    return start, end - start + 1


def _parse_date(text: str | None) -> datetime | None:
    """Return an HTTP date, None when there is none or it cannot be read (then the condition is void)."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None
