"""How an account is made: the files read in parts, their records joined, the index written."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING

from tui.dataset.join import Join
from tui.dataset.lines import FileMissingError
from tui.dataset.reply import Fate, ReplyReader, kept
from tui.dataset.results import Account, ErrorGroup, FilesChangedError, ReconcileProgress, Sources, Tokens
from tui.dataset.row_index import Contents, FileStamp, IndexUnusableError, RowIndex, write_contents, write_index
from tui.dataset.scan import INPUT, Part
from tui.dataset.workers import scan_all, workers_for
from tui.files import atomic_writer
from tui.i18n import _
from tui.text import clean

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


def reconcile(
    sources: Sources, index: Path, part_bytes: int, workers: int | None
) -> Generator[ReconcileProgress | Account]:
    """Do what `results.reconcile` promises."""
    files = _Files(sources, index.parent)
    known = _known_account(files, index)
    if known is None:
        known = yield from _reconcile(files, index, part_bytes, workers)
    yield known


class _Files:
    """The files of a job that are there, and how they are known again."""

    def __init__(self, sources: Sources, folder: Path) -> None:
        self.folder = folder
        self.paths = [sources.input]
        self.stamps = [FileStamp.of(sources.input, folder)]
        self.current = 0
        for path in sources.replies:
            self.current += self._add(path)
        for path in sources.older:
            self._add(path)

    def _add(self, path: Path) -> bool:
        with suppress(FileMissingError):
            self.stamps.append(FileStamp.of(path, self.folder))
            self.paths.append(path)
            return True
        return False

    def parts(self, size: int) -> list[Part]:
        return [
            Part(source, path, start, min(start + size, stamp.size))
            for source, (path, stamp) in enumerate(zip(self.paths, self.stamps, strict=True))
            for start in range(0, stamp.size, size)
        ]

    def require_unchanged(self) -> None:
        for path, stamp in zip(self.paths, self.stamps, strict=True):
            if FileStamp.of(path, self.folder) != stamp:
                raise FilesChangedError(
                    _("{path} changed while it was read", path=clean(str(path), strict=True)),
                    advice=_("Give the same command again when nothing writes to it any more."),
                )


def _known_account(files: _Files, index: Path) -> Account | None:
    with suppress(FileNotFoundError, IndexUnusableError), RowIndex(index) as known:
        if known.fits(files.stamps, files.current):
            return known.account
    return None


def _reconcile(
    files: _Files, index: Path, part_bytes: int, workers: int | None
) -> Generator[ReconcileProgress, None, Account]:
    total = sum(stamp.size for stamp in files.stamps)
    with ExitStack() as open_files:
        join = Join(files.folder, files.stamps[INPUT].size, files.current, open_files)
        parts = files.parts(part_bytes)
        unreadable = done = 0
        found = open_files.enter_context(closing(scan_all(parts, workers_for(total) if workers is None else workers)))
        for part, scanned in zip(parts, found, strict=True):
            if part.source == INPUT:
                join.add_requests(scanned)
            else:
                join.add_replies(scanned)
                unreadable += scanned.unreadable if part.source <= files.current else 0
            done += part.end - part.start
            yield ReconcileProgress(done, total)
        with atomic_writer(index) as descriptor, os.fdopen(descriptor, "wb", closefd=False) as file:
            for _step in write_index(file, join.places(), join.rows()):
                yield ReconcileProgress(total, total)
            account = _account(files, join, unreadable)
            files.require_unchanged()
            stamps = tuple(files.stamps)
            write_contents(file, Contents(stamps, files.current, tuple(join.reasons), tuple(join.errors), account))
    return account


def _account(files: _Files, join: Join, unreadable: int) -> Account:
    tally = join.tally
    reasons = list(join.reasons)
    finish_reasons: dict[str, int] = {}
    for kind, count in tally.reasons.items():
        for reason in reasons[kind]:
            finish_reasons[reason] = finish_reasons.get(reason, 0) + count
    return Account(
        requests=tally.requests,
        ok=tally.fates[Fate.OK],
        failed=tally.fates[Fate.FAILED],
        missing=tally.fates[Fate.MISSING],
        unexpected=tally.unexpected,
        duplicate=tally.duplicate,
        unreadable=unreadable,
        truncated=tally.fates[Fate.TRUNCATED],
        refused=tally.fates[Fate.REFUSED],
        tokens=Tokens(*map(int, tally.tokens)),
        errors=tuple(_groups(files, join)),
        empty=tally.fates[Fate.EMPTY],
        finish_reasons=dict(sorted(finish_reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


def _groups(files: _Files, join: Join) -> Iterator[ErrorGroup]:
    errors = list(join.errors)
    read = ReplyReader().read
    for kind, count in sorted(join.tally.errors.items(), key=lambda item: (-item[1], errors[item[0]])):
        sample = join.tally.samples[kind]
        with files.paths[sample["source"]].open("rb") as file:
            line = os.pread(file.fileno(), int(sample["reply_length"]), int(sample["reply_offset"]))
        first = read(memoryview(line))
        if first is not None:
            code, template = errors[kind]
            yield ErrorGroup(code, count, kept(first.custom_id), first.message, template)
