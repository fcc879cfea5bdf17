"""Pages of keys in their order, grouped by a delimiter, whatever protocol asks for them.

A page begins at a lower bound that belongs to it, so that a page can also begin behind a whole group of keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tui.localcloud.tos_records import SELECT_OBJECT, ObjectRecord, object_record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

_LAST_CHARACTER: Final = "\U0010ffff"


@dataclass(frozen=True)
class Page:
    """Some of a bucket's keys.

    Attributes:
        objects: in the order of their keys' UTF-8 bytes.
        prefixes: groups of keys, each up to and including the delimiter, in the same order.
        next: lower bound of the following page; None when this is the last.
    """

    objects: tuple[ObjectRecord, ...]
    prefixes: tuple[str, ...]
    next: str | None

    @property
    def last(self) -> str:
        """The greatest key or group on this page; empty on an empty page."""
        return max([*(record.key for record in self.objects[-1:]), *self.prefixes[-1:]], default="")


def behind_key(key: str) -> str:
    """Return the lower bound that leaves out `key` and nothing after it."""
    return key + "\0"


def behind_group(prefix: str) -> str | None:
    """Return the lower bound that leaves out all keys that begin with `prefix`; None when none can follow."""
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    if 0xD800 <= following <= 0xDFFF:  # surrogates are no characters
        following = 0xE000
    return stem[:-1] + chr(following)


def group_of(key: str, prefix: str, delimiter: str) -> str | None:
    """Return the group that `key`, which begins with `prefix`, falls into; None when it stands for itself."""
    end = key.find(delimiter, len(prefix)) if delimiter else -1
    return None if end < 0 else key[: end + len(delimiter)]


def list_page(
    database: sqlite3.Connection, bucket: str, *, prefix: str, delimiter: str, start: str, limit: int
) -> Page:
    """Return the page of at most `limit` entries for keys that begin with `prefix`, from `start` on."""
    objects: list[ObjectRecord] = []
    prefixes: list[str] = []
    resume: str | None = max(start, prefix)
    while resume is not None:
        for record in _records(database, bucket, prefix, resume):
            group = group_of(record.key, prefix, delimiter)
            if len(objects) + len(prefixes) == limit:
                return Page(tuple(objects), tuple(prefixes), resume)
            if group is not None:
                prefixes.append(group)
                resume = behind_group(group)
                break
            objects.append(record)
            resume = behind_key(record.key)
        else:
            break
    return Page(tuple(objects), tuple(prefixes), None)


def _records(database: sqlite3.Connection, bucket: str, prefix: str, start: str) -> Iterator[ObjectRecord]:
    """Yield the bucket's objects from `start` on, while they begin with `prefix`."""
    rows = database.execute(SELECT_OBJECT + " AND key >= ? ORDER BY key", (bucket, start))
    for row in rows:
        record = object_record(row)
        if not record.key.startswith(prefix):
            return
        yield record
