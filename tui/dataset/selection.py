"""Some of a job's rows: by what became of them, by error code, by id, by a text in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from tui.dataset.reply import Fate
from tui.dataset.row_details import DetailsReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.dataset.results import Account
    from tui.dataset.row_details import RowDetails
    from tui.dataset.row_index import Row, RowIndex

_ANY: Final = Fate.OK | Fate.FAILED | Fate.MISSING
_ESCAPED: Final = re.compile(r'["\\/\x00-\x1f]')  # characters that JSON may write in two bytes


@dataclass(frozen=True)
class Selection:
    """Which rows are meant; what is left empty selects all.

    Attributes:
        fates: of any of these.
        codes: failures with one of these codes, beside the rows of `fates` other than FAILED.
        ids: these, in this order.
        text: in the answer, the error's code or its message.
        limit: at most so many.
    """

    fates: Fate | None = None
    codes: frozenset[str] = frozenset()
    ids: tuple[str, ...] = ()
    text: str = ""
    limit: int | None = None

    def __bool__(self) -> bool:
        return self != Selection()

    def needs_input(self, account: Account) -> bool:
        """Whether the input has to be read: only there do requests without a reply have their ids."""
        return bool(account.missing and not self.ids and not self.text and Fate.MISSING & self._fates)

    def read(self, index: RowIndex) -> Iterator[RowDetails]:
        """Yield what is selected, read whole; in the input's order, but for ids.

        Raises:
            IndexUnusableError: a file has changed since the index was made.
        """
        return islice(self._read(index), self.limit)

    def _read(self, index: RowIndex) -> Iterator[RowDetails]:
        reader = DetailsReader(index)
        for row, custom_id in self._rows(index):
            line = index.reply(row)
            if not self.text or (line is not None and may_hold(line, self.text)):
                details = reader.read(row, line, custom_id)
                if not self.text or says(details, self.text):
                    yield details

    def _rows(self, index: RowIndex) -> Iterator[tuple[Row, str | None]]:
        """The rows that fit as far as the index tells, with the id of each where it was named."""
        kinds = {kind for kind, (code, _template) in enumerate(index.errors) if code in self.codes}
        for row, custom_id in self._candidates(index):
            if not self.codes or not row.fate & Fate.FAILED or row.kind in kinds:
                yield row, custom_id

    def _candidates(self, index: RowIndex) -> Iterator[tuple[Row, str | None]]:
        if not self.ids:
            for row in index.rows(self._fates):
                yield row, None
        for custom_id in self.ids:
            found = index.find(custom_id)
            if found is not None and found.fate & self._fates:
                yield found, custom_id

    @property
    def _fates(self) -> Fate:
        if self.fates is None:
            return Fate.FAILED if self.codes else _ANY
        return self.fates | Fate.FAILED if self.codes else self.fates


def may_hold(line: bytes, text: str) -> bool:
    """Return whether a text can be in a line, without reading it as JSON."""
    return b"\\u" in line or _ESCAPED.search(text) is not None or text.encode("utf-8", "surrogatepass") in line


def says(details: RowDetails, text: str) -> bool:
    """Return whether a text is in a request's answer, or in its error's code or message."""
    return any(text in each for each in (details.answer, details.code, details.message) if each)
