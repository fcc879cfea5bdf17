"""What lies in a folder, read so that nothing in it does harm: a base module, as files belong to no flow."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME: Final = "name"
BY_SIZE: Final = "size"
BY_TIME: Final = "modified"
ORDERS: Final = (BY_NAME, BY_SIZE, BY_TIME)
"""By what a list of files can be sorted."""

_TOLD_EVERY: Final = 0.25  # seconds


class Kind(StrEnum):
    """What something is, where a link leads to something that is meant."""

    FOLDER = "folder"
    FILE = "file"
    SPECIAL = "special"  # a pipe, a socket, a device: reading it may never end
    BROKEN = "broken"  # a link that leads nowhere


class Entry(msgspec.Struct, frozen=True, gc=False):
    """Something in a folder.

    Attributes:
        name: as the system spells it; bytes that are not UTF-8 are lone surrogates in it.
        kind: what it is.
        size: bytes of a file; None where there is none to tell.
        modified: seconds since 1970; None where nobody may look.
        folded: the name as it is sorted and searched.
    """

    name: str
    kind: Kind
    size: int | None = None
    modified: float | None = None
    folded: str = ""


class Batch(msgspec.Struct, frozen=True):
    """What was read of a folder in a while; the last batch is the end of it."""

    entries: Sequence[Entry]
    last: bool


def list_folder(folder: Path) -> Iterator[Batch]:
    """Yield what lies in a folder, four times a second until all is read; it blocks.

    What vanishes meanwhile is left out.

    Raises:
        OSError: the folder cannot be read, or not to its end.
    """
    entries: list[Entry] = []
    due = time.monotonic() + _TOLD_EVERY
    with os.scandir(folder) as found:
        for each in found:
            if (entry := _entry(each)) is not None:
                entries.append(entry)
            if time.monotonic() >= due:
                yield Batch(entries, last=False)
                entries, due = [], time.monotonic() + _TOLD_EVERY
    yield Batch(entries, last=True)


def _entry(found: os.DirEntry[str]) -> Entry | None:
    name = found.name
    try:
        told = found.stat()
    except OSError:
        return _unseen(found)
    kind = kind_of(told.st_mode)
    return Entry(name, kind, told.st_size if kind is Kind.FILE else None, told.st_mtime, name.casefold())


def _unseen(found: os.DirEntry[str]) -> Entry | None:
    """Return what can be said of something that nobody may look at; None when it is gone."""
    try:
        told = found.stat(follow_symlinks=False)
    except OSError:
        return None
    kind = Kind.BROKEN if stat.S_ISLNK(told.st_mode) else kind_of(told.st_mode)
    return Entry(found.name, kind, folded=found.name.casefold())


def kind_of(mode: int) -> Kind:
    """Return the kind that a mode of `os.stat` stands for."""
    if stat.S_ISREG(mode):
        return Kind.FILE
    return Kind.FOLDER if stat.S_ISDIR(mode) else Kind.SPECIAL


def in_order(entries: Sequence[Entry], order: str, *, descending: bool) -> list[Entry]:
    """Return the entries by one of ORDERS, folders first; those that are equal stand by their names.

    A folder has no size, so among folders the size stands for the name.
    """
    by_name = sorted(entries, key=attrgetter("folded"), reverse=descending and order == BY_NAME)
    folder = Kind.FOLDER
    folders = [entry for entry in by_name if entry.kind is folder]
    others = [entry for entry in by_name if entry.kind is not folder]
    if order == BY_TIME:
        folders.sort(key=_time, reverse=descending)
        others.sort(key=_time, reverse=descending)
    elif order == BY_SIZE:
        others.sort(key=_size, reverse=descending)
    return folders + others


def _time(entry: Entry) -> float:
    return 0.0 if entry.modified is None else entry.modified


def _size(entry: Entry) -> int:
    return -1 if entry.size is None else entry.size


class Sieve(msgspec.Struct, frozen=True):
    """What of a folder is listed.

    Attributes:
        suffix: of files; with an empty one all are listed.
        folders_only: files are not listed.
        hidden: also what begins with a dot; one that is typed brings it out too.
        word: a part of the names, in upper or lower case.
    """

    suffix: str = ""
    folders_only: bool = False
    hidden: bool = False
    word: str = ""

    def let_through(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those that are listed, in their order, but those that begin with the word first."""
        word = self.word.casefold()
        hidden = self.hidden or word.startswith(".")
        suffix, folder = self.suffix, Kind.FOLDER
        found = [
            entry
            for entry in entries
            if word in entry.folded
            and (hidden or entry.folded[:1] != ".")
            and (entry.kind is folder or (not self.folders_only and entry.folded.endswith(suffix)))
        ]
        beginning = [entry for entry in found if entry.folded.startswith(word)] if word else found
        if len(beginning) == len(found):
            return found
        return beginning + [entry for entry in found if not entry.folded.startswith(word)]


def completed(word: str, entries: Sequence[Entry]) -> str:
    """Return a typed word as far as the entries agree on how it goes on, as a shell does; a slash ends a folder."""
    beginning = [entry for entry in entries if entry.name.startswith(word)]
    if not beginning:
        beginning = [entry for entry in entries if entry.folded.startswith(word.casefold())] or list(entries)
    if len(beginning) == 1:
        return beginning[0].name + ("/" if beginning[0].kind is Kind.FOLDER else "")
    names = [entry.name for entry in beginning]
    first, last = min(names, default=""), max(names, default="")
    agreed = first[
        : next((at for at, pair in enumerate(zip(first, last, strict=False)) if len({*pair}) > 1), len(first))
    ]
    return agreed if agreed.casefold().startswith(word.casefold()) else word
