"""Rows written as JSON lines, CSV or Parquet, one after the other."""

from __future__ import annotations

import json
import re
import unicodedata
from abc import ABC, abstractmethod
from enum import StrEnum
from typing import IO, TYPE_CHECKING, Any, Final

from tui.dataset.json_line import BOM, deeper_recursion
from tui.dataset.rules import PLATFORM_LIMITS
from tui.errors import UsageError
from tui.i18n import _
from tui.text import clean, json_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.dataset.columns import Column, Value

_FORMULA: Final = frozenset("=+-@＝＋－＠")
_ACTS_ALONE: Final = frozenset("\t\r\n")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_GROUP_ROWS: Final = 50_000
_GROUP_BYTES: Final = 32 * 1024 * 1024  # of text, held until a group of rows is written


class ParquetMissingError(UsageError):
    """The library that writes Parquet is not installed."""


class Format(StrEnum):
    """What a table is written as; also the suffix of its file."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class TableWriter(ABC):
    """Writes rows of values, in the order of the columns, and nothing to the file that is not needed for them."""

    @abstractmethod
    def write(self, values: Sequence[Value]) -> None:
        """Write one row."""

    def finish(self) -> None:  # noqa: B027  # most tables end with their last row
        """Write what belongs behind the last row."""


def open_table(
    format_: Format, file: IO[bytes], columns: Sequence[Column], *, bom: bool = False, shown: bool = False
) -> TableWriter:
    """Begin a table.

    Args:
        format_: of the table.
        file: takes its bytes, in one direction.
        columns: of the table.
        bom: begin CSV with a byte order mark, by which Excel knows UTF-8.
        shown: a terminal shows it, on which nothing in CSV must act; JSON lines never do.

    Raises:
        ParquetMissingError: Parquet was asked for, and `pyarrow` is not installed.
    """
    match format_:
        case Format.JSONL:
            return _JsonLines(file, columns)
        case Format.CSV:
            return _Csv(file, columns, bom=bom, shown=shown)
        case Format.PARQUET:
            return _Parquet(file, columns)


def require_parquet() -> Any:
    """Return `pyarrow` (ParquetMissingError: it is not installed)."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ParquetMissingError(
            _("Parquet needs the library pyarrow, which is not installed"),
            advice=_("Install it with the extra:  pip install 'arkdeck[parquet]'\nOr export to CSV or JSON lines."),
        ) from None
    return pyarrow


class _JsonLines(TableWriter):
    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file = file
        self._names = [column.name for column in columns]

    def write(self, values: Sequence[Value]) -> None:
        content = dict(zip(self._names, values, strict=True))
        self._file.write(_nested(lambda: json_line(content)).encode() + b"\n")


class _Csv(TableWriter):
    """RFC 4180, all fields quoted; a text on which a spreadsheet would act begins with an apostrophe."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column], *, bom: bool, shown: bool) -> None:
        self._file = file
        self._shown = shown
        if bom:
            file.write(BOM)
        self._write([column.name for column in columns])

    def write(self, values: Sequence[Value]) -> None:
        self._write([safe_cell(value) for value in values])

    def _write(self, cells: Sequence[str]) -> None:
        if self._shown:
            cells = [clean(cell, multiline=True, limit=len(cell)) for cell in cells]
        quoted = ['"' + cell.replace('"', '""') + '"' for cell in cells]
        self._file.write(_utf8(",".join(quoted) + "\r\n"))


def safe_cell(value: Value) -> str:
    """Return a value as a cell of CSV: numbers as they are, and no text that a spreadsheet takes for a formula.

    Such a text begins, behind what is blank or invisible, with one of `= + - @` or a full-width form of them, or with
    a tab or a line break; it gets an apostrophe in front.
    """
    text = cell_text(value)
    if text is None:
        return ""
    return "'" + text if isinstance(value, str) and _acts(text) else text


def _acts(text: str) -> bool:
    if text[:1] in _ACTS_ALONE:
        return True
    first = next((char for char in text if not _is_invisible(char)), "")
    return first in _FORMULA


def _is_invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")


def cell_text(value: Value) -> str | None:
    """Return a value as text: texts as they are, all else as JSON; None for nothing."""
    if value is None or isinstance(value, str):
        return value
    return _nested(lambda: json.dumps(value, ensure_ascii=False))


def _nested(encode: Callable[[], str]) -> str:
    """Encode what may be nested as deep as a line of the input may."""
    try:
        return encode()
    except RecursionError:
        with deeper_recursion(PLATFORM_LIMITS.depth):
            return encode()


def _utf8(text: str) -> bytes:
    """Return UTF-8, which has no place for half a surrogate pair."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text).encode()


class _Parquet(TableWriter):
    """Groups of rows, compressed; numbers are 64 bits, all else is text."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._arrow = require_parquet()
        types = [self._arrow.int64() if column.is_number else self._arrow.string() for column in columns]
        self._schema = self._arrow.schema([(column.name, kind) for column, kind in zip(columns, types, strict=True)])
        self._numbers = [column.is_number for column in columns]
        self._writer = self._arrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._clear()

    def write(self, values: Sequence[Value]) -> None:
        for column, value, is_number in zip(self._values, values, self._numbers, strict=True):
            text = None if is_number else cell_text(value)
            cell = value if text is None else _utf8(text)
            self._bytes += len(cell) if isinstance(cell, bytes) else 0
            column.append(cell)
        self._rows += 1
        if self._rows >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._write_group()

    def finish(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        arrays = [
            self._arrow.array(values, field.type) for values, field in zip(self._values, self._schema, strict=True)
        ]
        self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._clear()

    def _clear(self) -> None:
        self._values: list[list[Value]] = [[] for _column in self._numbers]
        self._rows = self._bytes = 0
