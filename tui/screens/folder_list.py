"""A list of what lies in a folder, read in the background, in order, and narrowed to what is wanted of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Final

from textual import on, work
from textual.content import Content
from textual.worker import WorkerError

from tui.actions import Situation
from tui.daemon import stream_from_daemon
from tui.folders import BY_NAME, BY_SIZE, BY_TIME, ORDERS, Entry, Sieve, in_order, list_folder
from tui.i18n import _, plural
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.menu import Choice, MenuScreen
from tui.screens.moving import Listing
from tui.situations import Picking
from tui.typed_path import parted, why_unread
from tui.widgets.action_keys import key_of
from tui.widgets.file_cells import file_cells
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import Look
from tui.widgets.path_line import PathLine
from tui.widgets.safe_text import identifier, line
from tui.widgets.table import VirtualTable

SUFFIX: Final = ".jsonl"
"""What the names of input files end in."""

READING: Final = "folder"
"""The group of the worker that lists a folder."""

_SHOWN_AFTER: Final = 0.2  # seconds until a folder that does not answer takes the place of the one before
_PATIENCE: Final = 1.0  # seconds that keys wait for a folder or a file; a file system may never answer
_NAME: Final = attrgetter("name")


@dataclass
class ListedFolder:
    """A folder as far as it is read.

    Attributes:
        onto: the name that the cursor goes to.
        rebase: paths are typed from this folder on.
        entries: in order.
        trouble: why it cannot be read, or not to its end; empty when it can.
    """

    folder: Path
    onto: str = ""
    rebase: bool = True
    entries: list[Entry] = field(default_factory=list)
    by_name: Mapping[str, Entry] = field(default_factory=dict)
    complete: bool = False
    trouble: str = ""

    def arrange(self, order: str, *, descending: bool) -> None:
        """Put what was read so far in order."""
        self.entries = in_order(self.entries, order, descending=descending)
        self.by_name = dict(zip(map(_NAME, self.entries), self.entries, strict=True))


class FolderList(Headed, Listing):
    """Lists a folder beneath the line on which a path is typed, which leads into others and narrows the list.

    Args:
        folders: only folders are listed.
    """

    def __init__(self, *, folders: bool) -> None:
        super().__init__()
        self.folders = folders
        self.begun = asyncio.Event()  # set once the first folder is known; `base` and `listing` stand for none before
        self.base = Path("/")
        self.listing = ListedFolder(self.base)
        self.wanted = self.base
        self.shown: Sequence[Entry] = []
        self._all = self._hidden = False
        self._order, self._descending = BY_NAME, False

    def on_mount(self) -> None:
        """Have the list in the order that was chosen last."""
        state = deck_of(self).state
        if state.files_sort in ORDERS:
            self._order, self._descending = state.files_sort, state.files_descending
        self.table.set_sort(self._order, self._descending)
        self.table.focus()

    @property
    def path_line(self) -> PathLine:
        """Where paths are typed, from the folder `base` on."""
        return self.query_one(PathLine)

    @property
    def entry(self) -> Entry | None:
        """What is under the cursor."""
        return self.listing.by_name.get(self.table.cursor_key or "")

    @property
    def word(self) -> str:
        """The part of a name that is typed; empty while the folder that it belongs to is not listed."""
        folder, word = parted(self.path_line.text, self.base)
        return word if folder == self.listing.folder else ""

    @property
    def situation(self) -> Situation:
        """What an action would act on: the folder, and what is under the cursor."""
        if not self.begun.is_set():
            return super().situation
        picking = Picking(folder=self.listing.folder, entry=self.entry, folders=self.folders)
        return replace(super().situation, picking=picking)

    # Reading

    async def go(self, folder: Path, *, onto: str = "") -> None:
        """List another folder; the keys wait for it, but not for ever."""
        begun = asyncio.Event()
        self.read(ListedFolder(folder, onto), begun)
        await for_a_while(begun)

    @work(group=READING, exclusive=True)
    async def read(self, listing: ListedFolder, begun: asyncio.Event | None = None) -> None:
        """List another folder in the background."""
        await self.read_here(listing)
        if begun is not None:
            begun.set()

    async def read_to_its_end(self) -> None:
        """Wait until the folder that is wanted is listed whole."""
        reading = [each for each in self.workers if each.group == READING and not each.is_finished]
        with suppress(WorkerError):  # another folder is wanted by now
            await asyncio.gather(*(each.wait() for each in reading))

    async def read_here(self, listing: ListedFolder) -> None:
        """Read a folder and show it as soon as some of it is known; what is shown stays until then, for a moment."""
        self.wanted = listing.folder
        waiting = self.set_timer(_SHOWN_AFTER, partial(self.take_up, listing))
        try:
            batches = stream_from_daemon(partial(list_folder, listing.folder), name="folder")
            async with aclosing(batches):
                async for batch in batches:
                    waiting.stop()
                    listing.entries.extend(batch.entries)
                    listing.complete = batch.last
                    self.take_up(listing)
        except OSError as error:
            listing.complete, listing.trouble = True, why_unread(error)
            self.take_up(listing)
        finally:
            waiting.stop()

    def take_up(self, listing: ListedFolder) -> None:
        """Show what is known of a folder."""
        listing.arrange(self._order, descending=self._descending)
        if listing is not self.listing:
            self.table.show([])
            self.listing, self.shown = listing, []
            if listing.rebase:
                self.base = listing.folder
                self.path_line.stand(listing.folder)
        self.refill()
        if listing.onto:
            self.table.move_to(listing.onto)
            listing.onto = "" if self.table.cursor_key == listing.onto else listing.onto

    # What is listed

    def refill(self) -> None:
        """List what is to be seen of the folder."""
        suffix = "" if self._all else SUFFIX
        sieve = Sieve(suffix=suffix, folders_only=self.folders, hidden=self._hidden, word=self.word)
        shown = sieve.let_through(self.listing.entries)
        if shown != self.shown:  # most letters of a name that many have in common change nothing
            self.shown = shown
            self.table.show(list(map(_NAME, shown)))
        if not shown:
            self.table.set_empty(self._why_empty())
        self.tell()

    def cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        """Return the cells of a row."""
        look = Look(deck_of(self).launch.clock.now(), glyphs())
        return file_cells(self.listing.by_name[key], widths, look)

    def tell(self) -> None:
        """Say above the list what it shows."""
        self.path_line.tell(self.note())
        self.refresh_keys()

    def note(self) -> Content:
        """Return what is said above the list."""
        listing = self.listing
        separator = (f" {glyphs().separator} ", "$muted")
        words = [_("{shown:,} of {total:,}", shown=len(self.shown), total=len(listing.entries))]
        if not listing.complete:
            words.append(_("still reading"))
        if not self._all and not self.folders:
            words.append(_("only {suffix}", suffix=SUFFIX))
        if self._hidden:
            words.append(_("hidden too"))
        note = line((separator[0].join(words), "$muted"))
        if listing.folder.as_uri() in deck_of(self).state.favourite_folders:
            note = line(note, separator, (_("favourite"), "$mark"))
        if listing.trouble and listing.entries:
            note = line(note, separator, (listing.trouble, "$error"))
        return note

    def _why_empty(self) -> Content:
        """Return the words in place of rows."""
        listing, word = self.listing, self.word
        if listing.trouble:
            return line((listing.trouble, "$error"))
        if not listing.complete:
            return line((_("reading the folder"), "$muted"))
        if word:
            return line((_("no name here holds "), "$foreground"), identifier(word).stylize("bold $foreground"))
        if not listing.entries:
            return line((_("nothing is in this folder"), "$foreground"))
        if self.folders:
            return line((_("no folder is in this folder"), "$foreground"))
        none = _("no {suffix} file is in this folder", suffix=SUFFIX)
        others = plural("{count} other is: ", "{count} others are: ", len(listing.entries))
        keys = line(
            (others, "$muted"),
            (key_of("picker.all"), "bold $accent"),
            _(" all files  "),
            (key_of("picker.hidden"), "bold $accent"),
            _(" hidden"),
        )
        return Content("\n\n").join([line((none, "$foreground")), keys])

    # What the operator does

    @on(VirtualTable.HeaderClicked)
    def _header_clicked(self, event: VirtualTable.HeaderClicked) -> None:
        self._sort(BY_TIME if event.column_id == "age" else event.column_id)

    async def do_picker_parent(self) -> None:
        """Go to the folder above, onto the one that was listed."""
        folder = self.listing.folder
        await self.go(folder.parent, onto=folder.name)

    def do_picker_reload(self) -> None:
        """Read the folder again."""
        self.read(ListedFolder(self.listing.folder, self.table.cursor_key or "", rebase=False))

    def do_picker_all(self) -> None:
        """List all files, or those for requests alone."""
        self._all = not self._all
        self.refill()

    def do_picker_hidden(self) -> None:
        """List what is hidden, or leave it out."""
        self._hidden = not self._hidden
        self.refill()

    def do_picker_sort(self) -> None:
        """Choose the order in a menu; what is chosen already turns round."""
        choices = [
            Choice(id=BY_NAME, key="n", label=_("name")),
            Choice(id=BY_SIZE, key="s", label=_("size")),
            Choice(id=BY_TIME, key="t", label=_("time")),
        ]
        self.app.push_screen(MenuScreen(_("Sort by"), choices, current=self._order), self._sort)

    def _sort(self, order: str | None) -> None:
        if order is None:
            return
        self._descending = not self._descending if order == self._order else order != BY_NAME
        self._order = order
        deck_of(self).remember(files_sort=order, files_descending=self._descending)
        self.table.set_sort(order, self._descending)
        self.take_up(self.listing)


async def for_a_while(event: asyncio.Event) -> None:
    """Wait for what a key led to, so that keys typed ahead go there; what hangs holds them no longer than a moment."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), _PATIENCE)
