"""What the deck remembers from one time to the next: how the operator left it. Losing it loses nothing but that."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import msgspec

from tui.files import private_folder, write_atomic
from tui.i18n import _
from tui.settings.draft import Draft
from tui.text import clean

if TYPE_CHECKING:
    from pathlib import Path

_FILE: Final = "deck.json"
_RECENT: Final = 8


class DeckState(msgspec.Struct, frozen=True, kw_only=True):
    """How the operator left the deck; what they never touched is None.

    Attributes:
        theme: chosen in the deck.
        columns: ids of the shown ones, in order.
        sort: id of the column that sorts; empty for the deck's own order.
        descending: with `sort`.
        preview: the pane beside the list is open.
        filter: in the filter's language.
        files_sort: one of `tui.folders.ORDERS`.
        files_descending: with `files_sort`.
        favourite_folders: in the order in which they were marked; as URIs, which also hold names that are not UTF-8.
        recent_folders: from which something was chosen, the last one first; as URIs.
        results_folder: beneath which results went the last time.
        drafts: by profile, the job that is being put together.
    """

    theme: str | None = None
    columns: tuple[str, ...] | None = None
    sort: str | None = None
    descending: bool = False
    preview: bool | None = None
    filter: str | None = None
    files_sort: str | None = None
    files_descending: bool = False
    favourite_folders: tuple[str, ...] = ()
    recent_folders: tuple[str, ...] = ()
    results_folder: str | None = None
    drafts: dict[str, Draft] = {}

    def chosen_from(self, folder: Path) -> tuple[str, ...]:
        """Return the recent folders once something was chosen from `folder`, which is absolute."""
        uri = folder.as_uri()
        return (uri, *(each for each in self.recent_folders if each != uri))[:_RECENT]

    def favourites_with_or_without(self, folder: Path) -> tuple[str, ...]:
        """Return the favourite folders with `folder`, which is absolute, or without it where it is one."""
        uri = folder.as_uri()
        others = tuple(each for each in self.favourite_folders if each != uri)
        return others if uri in self.favourite_folders else (*others, uri)


def load_state(state_dir: Path) -> tuple[DeckState, str]:
    """Return what was remembered, and why that is nothing if it should be something; never fails."""
    file = state_dir / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=DeckState), ""
    except FileNotFoundError:
        return DeckState(), ""
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        name, reason = clean(str(file), strict=True), clean(str(error))
        return DeckState(), _("{file} cannot be read, the deck starts fresh: {reason}", file=name, reason=reason)


def save_state(state_dir: Path, state: DeckState) -> None:
    """Remember; readers see the old state or the new (OSError when it cannot be written)."""
    write_atomic(private_folder(state_dir) / _FILE, msgspec.json.encode(state))


class Remembered:
    """The state that the deck is in, written behind its back; what cannot be read counts as nothing.

    Attributes:
        state: the newest.
        problem: why nothing was remembered although there is something; empty when all is well.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._writing = threading.Lock()
        self.state, self.problem = load_state(state_dir)
        self._written = self.state

    def save(self) -> None:
        """Write what has changed since it was written last; blocks, and may be called on any thread (OSError).

        What another deck has written meanwhile stays.
        """
        with self._writing:
            newest = self.state
            if newest != self._written:
                there, problem = load_state(self._state_dir)
                save_state(self._state_dir, newest if problem else _merged(there, self._written, newest))
                self._written = newest


def _merged(there: DeckState, written: DeckState, newest: DeckState) -> DeckState:
    """Return the state that is there, with what one deck has changed since it wrote its own."""
    fields = DeckState.__struct_fields__
    changed = {name: value for name in fields if (value := getattr(newest, name)) != getattr(written, name)}
    if "drafts" in changed:
        drafts = {name: draft for name, draft in newest.drafts.items() if draft != written.drafts.get(name)}
        changed["drafts"] = there.drafts | drafts
    return msgspec.structs.replace(there, **changed)
