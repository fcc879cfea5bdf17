"""Results as a table for other tools: chosen columns of chosen rows, in the input's order, as a file or a stream."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tui.daemon import stream_from_daemon
from tui.dataset.columns import Column
from tui.dataset.reply import Fate
from tui.dataset.results import Account
from tui.dataset.row_details import DetailsReader
from tui.dataset.row_index import RowIndex
from tui.dataset.tables import Format, open_table, require_parquet
from tui.errors import UsageError
from tui.files import new_file
from tui.i18n import _
from tui.runs.folder import local_files
from tui.text import clean

_ROWS_A_STEP: Final = 200
_BUFFER_BYTES: Final = 1024 * 1024


class TargetTakenError(UsageError):
    """There is a file of that name already, and none is ever written over."""


@dataclass(frozen=True)
class Export:
    """What is exported, and how.

    Attributes:
        format: of the table.
        columns: of the table, from left to right.
        fates: rows of any of these; all when None.
        bom: CSV begins with a byte order mark.
        shown: a terminal shows it.
    """

    format: Format
    columns: tuple[Column, ...]
    fates: Fate | None = None
    bom: bool = False
    shown: bool = False

    def needs_input(self, account: Account) -> bool:
        """Whether the input has to be read: for its own fields, or for the ids of requests without a reply."""
        nameless = account.missing and (self.fates is None or Fate.MISSING & self.fates)
        return bool(nameless) or any(column.reads_request for column in self.columns)


@dataclass(frozen=True)
class Exporting:
    """Requests of the input that were looked at, of all."""

    done: int
    total: int


@dataclass(frozen=True)
class Exported:
    """The table is complete: so many rows, at `path` unless it was a stream."""

    rows: int
    path: Path | None


async def export(index: RowIndex, wanted: Export, target: Path | int) -> AsyncGenerator[Exporting | Exported, None]:
    """Write a table of the index's rows; memory does not grow with them.

    Args:
        index: of the results; it stays open until the end.
        wanted: what is written.
        target: a file that is not there yet, which appears when it is complete; or the descriptor of a stream.

    Raises:
        TargetTakenError: the file is there.
        ParquetMissingError: the library for it is not installed.
        LocalFileError: it cannot be written.
        FileMissingError, IndexUnusableError: a file of the results is gone, or has changed.
    """
    if wanted.format is Format.PARQUET:
        require_parquet()
    if isinstance(target, int):
        async with aclosing(_written(index, wanted, target)) as steps:
            async for step in steps:
                yield step if isinstance(step, Exporting) else Exported(step, None)
        return
    rows = 0
    with local_files(target.parent), _new_file(target) as descriptor:
        async with aclosing(_written(index, wanted, descriptor)) as steps:
            async for step in steps:
                if isinstance(step, Exporting):
                    yield step
                else:
                    rows = step
    yield Exported(rows, target)


@contextmanager
def _new_file(target: Path) -> Iterator[int]:
    try:
        with new_file(target) as descriptor:
            yield descriptor
    except FileExistsError:
        raise TargetTakenError(
            _("{path} is there already, and stays as it is", path=clean(str(target), strict=True)),
            advice=_("Choose another name with --to."),
        ) from None


def _written(index: RowIndex, wanted: Export, descriptor: int) -> AsyncGenerator[Exporting | int, None]:
    return stream_from_daemon(lambda: _write(index, wanted, descriptor), name="export")


def _write(index: RowIndex, wanted: Export, descriptor: int) -> Iterator[Exporting | int]:
    """Write the table; yield how far it is, and the number of rows at the end."""
    reader = DetailsReader(index, requests=any(column.reads_request for column in wanted.columns))
    contents = [column.of for column in wanted.columns]
    count = 0
    # A descriptor of its own: the other may be closed while this thread is still at a row.
    with os.fdopen(os.dup(descriptor), "wb", buffering=_BUFFER_BYTES) as file:
        table = open_table(wanted.format, file, wanted.columns, bom=wanted.bom, shown=wanted.shown)
        for row in index.rows(wanted.fates):
            details = reader.read(row, index.reply(row))
            table.write([content(details) for content in contents])
            count += 1
            if not count % _ROWS_A_STEP:
                yield Exporting(row.number + 1, len(index))
        table.finish()
    yield count
