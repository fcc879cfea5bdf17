"""Records sorted on disk: what does not fit into the memory is written in sorted runs and read back range by range."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from tui.dataset.scan import Records

CELLS: Final = 1024
"""The finest division of a field's values; a range is one cell or several."""


class SortedRuns:
    """Takes runs of records, each sorted by one field, and gives them back by ranges of the field.

    The file that holds them has no name and is gone with the process.

    Args:
        folder: on whose file system they are kept.
        dtype: of the records.
        key: the field; unsigned, 64 bits.
        top: every value of the field is below it.
    """

    def __init__(self, folder: Path, dtype: np.dtype[np.void], key: str, top: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by __exit__
        self._dtype = dtype
        self._key = key
        self._bounds = np.array([-(-top * cell // CELLS) for cell in range(1, CELLS)], np.uint64)
        self._runs: list[tuple[int, NDArray[np.uint32]]] = []
        self._end = 0
        self.sizes = np.zeros(CELLS, np.int64)
        """How many records each cell holds."""

    def add(self, records: Records) -> None:
        """Take a run of fewer than 2^32 records."""
        cells = np.searchsorted(records[self._key], self._bounds)
        borders = np.concatenate([[0], cells, [len(records)]]).astype(np.uint32)
        self._runs.append((self._end, borders))
        self._file.write(records.tobytes())
        self._end += records.nbytes
        self.sizes += borders[1:].astype(np.int64) - borders[:-1]

    def read(self, first: int, last: int) -> Records:
        """Return the records of the cells from `first` up to, not including, `last`, run after run."""
        self._file.flush()
        pieces = [
            os.pread(
                self._file.fileno(),
                int(borders[last] - borders[first]) * self._dtype.itemsize,
                start + int(borders[first]) * self._dtype.itemsize,
            )
            for start, borders in self._runs
        ]
        return np.frombuffer(b"".join(pieces), self._dtype)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def ranges(sizes: NDArray[np.int64], most: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of cells that hold some `most` records together, or one cell that holds more."""
    first, held = 0, 0
    for cell, size in enumerate(sizes.tolist()):
        if held and held + size > most:
            yield first, cell
            first, held = cell, 0
        held += size
    if held:
        yield first, len(sizes)
