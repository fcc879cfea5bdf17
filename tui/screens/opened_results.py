"""Results that a screen has open: their requests in a table, each read when it comes into sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from textual import on, work
from textual.cache import LRUCache
from textual.content import Content

from tui.daemon import in_daemon
from tui.dataset.row_glance import Glance, RowReader
from tui.errors import ArkdeckError
from tui.runs.folder import local_files
from tui.screens.moving import Listing
from tui.screens.of_cloud import OfCloud
from tui.screens.request_deeds import RequestDeeds
from tui.screens.telling import tell_error
from tui.widgets.result_cells import glance_cells
from tui.widgets.table import VirtualTable

if TYPE_CHECKING:
    from tui.connection import Connection
    from tui.dataset.row_glance import WholeRow
    from tui.runs.results_folder import Results

T = TypeVar("T")

_KEPT: Final = 8192  # glances
_AT_A_TIME: Final = 64  # rows that are read before those that came into sight meanwhile


class OpenedResults(OfCloud, Listing, RequestDeeds):
    """A screen with a table of requests by their places in the input, read on a thread of their own.

    Args:
        connection: of the job's cloud.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.results: Results | None = None
        self.reader: RowReader | None = None
        self._glances: LRUCache[int, Glance] = LRUCache(_KEPT)
        self._reading = False

    @property
    def number(self) -> int | None:
        """The place in the input of the request under the cursor; None when there is none."""
        key = self.table.cursor_key
        return None if key is None else int(key)

    @property
    def request_id(self) -> str | None:
        """The id of the request under the cursor, empty while it is not read; None when there is none."""
        if self.number is None:
            return None
        glance = self._glances.get(self.number)
        return (glance.custom_id if glance is not None else None) or ""

    def take(self, results: Results) -> bool:
        """Have these results open, in place of those that are; return whether the screen is still there."""
        if not self.is_attached:
            results.__exit__(None, None, None)
            return False
        self._close()
        self.results, self.reader = results, RowReader(results.index)
        self._glances.clear()
        return True

    def on_unmount(self) -> None:
        """Close them."""
        self._close()

    def _close(self) -> None:
        """Close what is open, once nobody reads there any more."""
        if self.results is not None and self.reader is not None:
            in_daemon(partial(_close, self.results, self.reader), name="close")

    def unreadable(self, error: ArkdeckError) -> None:
        """Say why rows cannot be read."""
        raise NotImplementedError

    # What is read

    def cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        """Return what is known of a row, and have it read where that is nothing."""
        number = int(key)
        glance = self._glances.get(number)
        if glance is None:
            self._want()
        return glance_cells(number, glance, widths)

    def _want(self) -> None:
        """Have rows read that are in sight, or will be next."""
        if not self._reading and self.reader is not None:
            self._reading = True
            self._read(self.reader)

    @work(group="rows")
    async def _read(self, reader: RowReader) -> None:
        try:
            while numbers := self._unread():
                glances = await self.apart(partial(reader.glances, numbers))
                if not glances:  # stopped: others are open, or none
                    break
                for glance in glances:
                    self._glances[glance.row.number] = glance
                if seen := set(self.table.keys_in_sight).intersection(map(str, numbers)):
                    self.table.touch(seen)
                if self.number in numbers:
                    self.refresh_keys()
        except ArkdeckError as error:
            self.unreadable(error)
        finally:
            self._reading = False
        if self.reader is not reader:
            self._want()

    async def apart(self, read: Callable[[], T]) -> T:
        """Return what a reader reads, on a thread of its own (ArkdeckError: why it cannot be read)."""
        folder = self.results.folder if self.results is not None else Path()

        def call() -> T:
            with local_files(folder):
                return read()

        return await in_daemon(call, name="rows")

    def _unread(self) -> list[int]:
        """Return the next rows to read: in sight, else within a window's height of it."""
        table = self.table
        for around in (0, table.sight.height):
            unread = [number for key in table.keys_around(around) if (number := int(key)) not in self._glances]
            if unread:
                return unread[:_AT_A_TIME]
        return []

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self._want()
        self.refresh_keys()

    async def whole_row(self) -> WholeRow | None:
        """Return the request under the cursor with its lines."""
        if self.reader is None or self.number is None:
            return None
        try:
            return await self.apart(partial(self.reader.whole, self.number))
        except ArkdeckError as error:
            tell_error(self.app, error)
            return None


def _close(results: Results, reader: RowReader) -> None:
    reader.stop()
    results.__exit__(None, None, None)
