"""The picker: a file or a folder of this machine, typed or found in a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input

from tui import actions
from tui.actions import Scope, Situation
from tui.daemon import in_daemon, stream_from_daemon
from tui.dataset.preview import preview_file
from tui.errors import UsageError
from tui.folders import BY_NAME, BY_SIZE, BY_TIME, ORDERS, Entry, Kind, Sieve, completed, in_order, list_folder
from tui.i18n import _, plural
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import ASKED
from tui.screens.headed import Headed
from tui.screens.jobs import WIDE
from tui.screens.menu import Choice, MenuScreen
from tui.screens.moving import Moving
from tui.settings.key_names import key_label
from tui.situations import Picking
from tui.text import clean, short_path
from tui.typed_path import (
    UnfitPathError,
    check_readable,
    check_writable,
    first_folder,
    kind_at,
    parted,
    path_of_uri,
    typed_path,
    why_unread,
)
from tui.widgets.crumb import Crumb
from tui.widgets.file_cells import COLUMNS, file_cells
from tui.widgets.file_preview import FilePane, Seen
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import Look
from tui.widgets.key_bar import KeyBar
from tui.widgets.path_line import PathLine
from tui.widgets.safe_text import identifier, line
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from textual.timer import Timer

SUFFIX: Final = ".jsonl"
"""What the names of input files end in."""

_PATIENCE: Final = 0.2  # seconds that keys wait for a folder or a file; a file system may never answer
_REST: Final = 0.2  # seconds after which the cursor is not on its way any more
_COUNTED_EVERY: Final = 0.5  # seconds between two counts that are shown
_NUMBER_KEYS: Final = 9
_NAME: Final = attrgetter("name")


@dataclass
class _Listing:
    """A folder as far as it is read.

    Attributes:
        onto: the name that the cursor goes to.
        rebase: paths are typed from this folder on.
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


class PickerScreen(Headed, Moving):
    """Lets a file or a folder be chosen, closes, and hands over its absolute path; escape leaves without a choice.

    Args:
        chosen: is given the path. A folder need not be there yet: it is to be made by whoever writes into it.
        folders: a folder is wanted, into which something can be written; otherwise a file that can be read.
        start: the folder to begin in, or a file to begin on; by default where something was chosen last.
        title: what is chosen, and for what; in one line.
    """

    SCOPE = Scope.PICKER
    CSS_PATH = "picker.tcss"

    def __init__(
        self, chosen: Callable[[Path], None], *, folders: bool = False, start: Path | None = None, title: str
    ) -> None:
        super().__init__()
        self._chosen = chosen
        self._folders = folders
        self._start = start
        self._title = title
        self._base = Path("/")
        self._listing = _Listing(self._base)
        self._wanted = self._base
        self._shown: Sequence[Entry] = ()
        self._all = self._hidden = False
        self._order, self._descending = BY_NAME, False
        self._resting: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the lines, the list, and the look into a file."""
        self._fit()
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield PathLine()
        with Horizontal(id="files"):
            yield VirtualTable(COLUMNS, self._cells, empty=Content())
            if not self._folders:
                yield FilePane()
        yield KeyBar()

    def on_mount(self) -> None:
        """Say what is chosen, and read the first folder."""
        state = deck_of(self).state
        if state.files_sort in ORDERS:
            self._order, self._descending = state.files_sort, state.files_descending
        self.table.set_sort(self._order, self._descending)
        does = _(" takes the folder that is listed") if self._folders else _(" takes a file")
        key = key_label(self.keys(actions.action("picker.choose" if self._folders else "picker.open"))[0])
        self.query_one(Crumb).tell(line((self._title, "bold")), line((key, "bold $accent"), (does, "$muted")))
        self.tell_top_bar()
        self.table.focus()
        self._begin()

    def on_resize(self) -> None:
        """Choose what is shown for the new width."""
        self._fit()

    def _fit(self) -> None:
        """Put the look into a file below the list where there is no room beside it."""
        self.set_class(self.app.size.width < WIDE, "-narrow")

    @property
    def table(self) -> VirtualTable:
        """The list."""
        return self.query_one(VirtualTable)

    moved = table

    @property
    def path_line(self) -> PathLine:
        """Where paths are typed."""
        return self.query_one(PathLine)

    @property
    def _entry(self) -> Entry | None:
        return self._listing.by_name.get(self.table.cursor_key or "")

    @property
    def situation(self) -> Situation:
        """What an action would act on: the folder, and what is under the cursor."""
        picking = Picking(folder=self._listing.folder, entry=self._entry, folders=self._folders)
        return replace(super().situation, picking=picking)

    # Reading folders

    @work(group="folder", exclusive=True)
    async def _begin(self) -> None:
        recent = [path for uri in deck_of(self).state.recent_folders if (path := path_of_uri(uri)) is not None]
        folder, onto = await in_daemon(partial(first_folder, self._start, recent), name="first folder")
        await self._list(_Listing(folder, onto), asyncio.Event())

    async def _go(self, folder: Path, *, onto: str = "") -> None:
        """List another folder; the keys wait for it, but not for ever."""
        begun = asyncio.Event()
        self._read(_Listing(folder, onto), begun)
        await _for_a_while(begun)

    @work(group="folder", exclusive=True)
    async def _read(self, listing: _Listing, begun: asyncio.Event) -> None:
        await self._list(listing, begun)

    async def _list(self, listing: _Listing, begun: asyncio.Event) -> None:
        """Read a folder and show it as soon as some of it is known; what is shown stays until then, for a moment."""
        self._wanted = listing.folder
        waiting = self.set_timer(_PATIENCE, partial(self._take_up, listing))
        try:
            batches = stream_from_daemon(partial(list_folder, listing.folder), name="folder")
            async with aclosing(batches):
                async for batch in batches:
                    waiting.stop()
                    listing.entries.extend(batch.entries)
                    listing.complete = batch.last
                    self._take_up(listing)
                    begun.set()
        except OSError as error:
            listing.complete, listing.trouble = True, why_unread(error)
            self._take_up(listing)
        finally:
            waiting.stop()
            begun.set()

    def _take_up(self, listing: _Listing) -> None:
        """Show what is known of a folder."""
        listing.arrange(self._order, descending=self._descending)
        if listing is not self._listing:
            self.table.show([])
            self._listing = listing
            if listing.rebase:
                self._base = listing.folder
                self.path_line.stand(listing.folder)
        self._refill()
        if listing.onto:
            self.table.move_to(listing.onto)
            listing.onto = "" if self.table.cursor_key == listing.onto else listing.onto

    # What is listed

    @property
    def _word(self) -> str:
        """The part of a name that is typed; empty while the folder that it belongs to is not listed."""
        folder, word = parted(self.path_line.text, self._base)
        return word if folder == self._listing.folder else ""

    def _refill(self) -> None:
        """List what is to be seen of the folder."""
        suffix = "" if self._all else SUFFIX
        sieve = Sieve(suffix=suffix, folders_only=self._folders, hidden=self._hidden, word=self._word)
        self._shown = sieve.let_through(self._listing.entries)
        self.table.show(list(map(_NAME, self._shown)))
        if not self._shown:
            self.table.set_empty(self._why_empty())
        self._tell()

    def _cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        return file_cells(self._listing.by_name[key], widths, self._look)

    @property
    def _look(self) -> Look:
        return Look(deck_of(self).launch.clock.now(), glyphs())

    def _why_empty(self) -> Content:
        """Return the words in place of rows."""
        listing, word = self._listing, self._word
        if listing.trouble:
            return line((listing.trouble, "$error"))
        if not listing.complete:
            return line((_("reading the folder"), "$muted"))
        if word:
            return line((_("no name here holds "), "$foreground"), identifier(word).stylize("bold $foreground"))
        if not listing.entries:
            return line((_("nothing is in this folder"), "$foreground"))
        if self._folders:
            return line((_("no folder is in this folder"), "$foreground"))
        none = _("no {suffix} file is in this folder", suffix=SUFFIX)
        others = plural("{count} other is: ", "{count} others are: ", len(listing.entries))
        keys = line((others, "$muted"), ("a", "bold $accent"), _(" all files  "), (".", "bold $accent"), _(" hidden"))
        return Content("\n\n").join([line((none, "$foreground")), keys])

    def _tell(self) -> None:
        """Say above the list what it shows."""
        listing, shown = self._listing, len(self._shown)
        parts = [_("{shown:,} of {total:,}", shown=shown, total=len(listing.entries))]
        if not listing.complete:
            parts.append(_("still reading"))
        if not self._all and not self._folders:
            parts.append(_("only {suffix}", suffix=SUFFIX))
        if self._hidden:
            parts.append(_("hidden too"))
        note = line((f" {glyphs().separator} ".join(parts), "$muted"))
        if listing.folder.as_uri() in deck_of(self).state.favourite_folders:
            note = line(note, (f" {glyphs().separator} ", "$muted"), (_("favourite"), "$mark"))
        if self._new_folder:
            name = clean(self.path_line.text, strict=True, limit=60)
            note = line((_("{name} will be made", name=name), "bold"), (_(", enter takes it"), "$muted"))
        self.path_line.tell(note)
        self.refresh_keys()

    @property
    def _new_folder(self) -> bool:
        """Whether the name of a folder is typed that is not there yet."""
        if not (self._folders and self.path_line.text and self._listing.complete):
            return False
        folder, word = parted(self.path_line.text, self._base)
        missing = word and not any(entry.name == word for entry in self._listing.entries)
        return folder == self._listing.folder and bool(missing or self._listing.trouble)

    # The look into a file

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_keys()
        if self._folders:
            return
        if self._resting is not None:
            self._resting.stop()
        self._resting = self.set_timer(_REST, self._look_into)

    @work(group="preview", exclusive=True)
    async def _look_into(self) -> None:
        """Show what is in the file under the cursor; another one puts an end to the reading."""
        pane, entry, clock = self.query_one(FilePane), self._entry, deck_of(self).launch.clock
        seen = Seen(entry) if entry is not None else None
        pane.tell(seen, self._look)
        if entry is None or seen is None or entry.kind is not Kind.FILE:
            return
        told = clock.monotonic()
        try:
            read = stream_from_daemon(partial(preview_file, self._listing.folder / entry.name), name="preview")
            async with aclosing(read):
                async for preview in read:
                    if preview.complete or seen.preview is None or clock.monotonic() - told >= _COUNTED_EVERY:
                        told, seen = clock.monotonic(), Seen(entry, preview)
                        pane.tell(seen, self._look)
        except UsageError as error:
            pane.tell(Seen(entry, trouble=error.message), self._look)

    # Typing

    def do_picker_path(self) -> None:
        """Let a path be typed."""
        self.path_line.open()

    def on_paste(self, event: events.Paste) -> None:
        """Take a path that is pasted while the list has the keys."""
        event.stop()
        self.path_line.paste(event.text)

    @on(Input.Changed)
    def _typed(self) -> None:
        folder, _word = parted(self.path_line.text, self._base)
        if folder != self._wanted or (folder != self._listing.folder and self._listing.complete):
            self._read(_Listing(folder, rebase=False), asyncio.Event())
        elif folder == self._listing.folder:
            self._refill()
            self.table.first()

    @on(PathLine.Completing)
    def _complete(self) -> None:
        """Complete what is typed as a shell does; where it can say no more, go on to the list."""
        text = self.path_line.text
        folder, word = parted(text, self._base)
        if folder == self._listing.folder:
            head = text.removesuffix(word) if word else text
            head += "/" if not word and text and not text.endswith("/") else ""
            self.path_line.type_out(head + (completed(word, self._shown) if head or word else ""))
        if self.path_line.text == text:
            self._leave_path_line(PathLine.Left(restored=False))

    @on(PathLine.Left)
    def _leave_path_line(self, event: PathLine.Left) -> None:
        self.set_focus(self.table)
        if not event.restored:
            self._stand(self._listing.folder, self._word)
        elif self._listing.folder == self._base:
            self._stand(self._base)
        else:
            self._read(_Listing(self._base), asyncio.Event())

    def _stand(self, folder: Path, text: str = "") -> None:
        """Have paths begin in a folder, and a text behind it."""
        self._base = folder
        self.path_line.stand(folder, text)
        self._refill()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self.path_line.text:
            self.run_worker(self._enter(), group=ASKED)
        else:
            self.set_focus(self.table)

    async def _enter(self) -> None:
        followed = asyncio.Event()
        self._follow(self.path_line.text, followed)
        await _for_a_while(followed)

    @work(group="choosing", exclusive=True)
    async def _follow(self, text: str, followed: asyncio.Event) -> None:
        """Go into the folder that was typed, or take the file; a part of a name that fits one alone means that one."""
        path = typed_path(text, self._base)
        try:
            kind = await in_daemon(partial(kind_at, path), name="path")
            if kind is None and not self._folders and self._word and len(self._shown) == 1:
                (entry,) = self._shown
                path, kind = self._listing.folder / entry.name, entry.kind
            if kind is Kind.FOLDER:
                await self._go(path)
            else:
                await self._take(path)
        except UnfitPathError as error:
            self.path_line.complain(error.message)
        finally:
            followed.set()

    # What the operator does

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("picker.open")

    @on(VirtualTable.MarksChanged)
    def _unmark(self) -> None:
        self.table.clear_marks()  # one is chosen

    @on(PathLine.Above)
    async def _above(self) -> None:
        await self.action_act("picker.parent")

    async def do_picker_open(self) -> None:
        """Go into the folder under the cursor, or take the file."""
        entry = self._entry
        if entry is not None and entry.kind is Kind.FOLDER:
            await self._go(self._listing.folder / entry.name)
        elif entry is not None:
            await self._choose(self._listing.folder / entry.name)

    async def do_picker_choose(self) -> None:
        """Take the file under the cursor, or the folder that is listed."""
        entry = self._entry
        if self._folders:
            await self._choose(self._listing.folder)
        elif entry is not None:
            await self._choose(self._listing.folder / entry.name)

    async def _choose(self, path: Path) -> None:
        settled = asyncio.Event()
        self._settle(path, settled)
        await _for_a_while(settled)

    @work(group="choosing", exclusive=True)
    async def _settle(self, path: Path, settled: asyncio.Event) -> None:
        try:
            await self._take(path)
        except UnfitPathError as error:
            self.path_line.complain(error.message)
        finally:
            settled.set()

    async def _take(self, path: Path) -> None:
        """Hand the path over, and close, if nothing stands against it (UnfitPathError)."""
        check = check_writable if self._folders else check_readable
        await in_daemon(partial(check, path), name="choose")
        if not self.is_current:
            return  # what lies over it now has the keys; the operator comes back and chooses again
        deck = deck_of(self)
        deck.remember(recent_folders=deck.state.chosen_from(path if path == self._listing.folder else path.parent))
        self.app.pop_screen()
        self._chosen(path)

    async def do_picker_parent(self) -> None:
        """Go to the folder above, onto the one that was listed."""
        folder = self._listing.folder
        await self._go(folder.parent, onto=folder.name)

    def do_app_back(self) -> None:
        """List all again where something is typed; else leave without a choice."""
        if self.path_line.text:
            self._stand(self._listing.folder)
        else:
            super().do_app_back()

    def do_picker_all(self) -> None:
        """List all files, or those for requests alone."""
        self._all = not self._all
        self._refill()

    def do_picker_hidden(self) -> None:
        """List what is hidden, or leave it out."""
        self._hidden = not self._hidden
        self._refill()

    def do_picker_sort(self) -> None:
        """Choose the order in a menu; what is chosen already turns round."""
        choices = [
            Choice(id=BY_NAME, key="n", label=_("name")),
            Choice(id=BY_SIZE, key="s", label=_("size")),
            Choice(id=BY_TIME, key="t", label=_("time")),
        ]
        self.app.push_screen(MenuScreen(_("Sort by"), choices, current=self._order), self._sort)

    @on(VirtualTable.HeaderClicked)
    def _header_clicked(self, event: VirtualTable.HeaderClicked) -> None:
        self._sort(BY_TIME if event.column_id == "age" else event.column_id)

    def _sort(self, order: str | None) -> None:
        if order is None:
            return
        self._descending = not self._descending if order == self._order else order != BY_NAME
        self._order = order
        deck_of(self).remember(files_sort=order, files_descending=self._descending)
        self.table.set_sort(order, self._descending)
        self._take_up(self._listing)

    def do_picker_favourite(self) -> None:
        """Make the folder a favourite one, or no longer."""
        deck = deck_of(self)
        deck.remember(favourite_folders=deck.state.favourites_with_or_without(self._listing.folder))
        self._tell()

    def do_picker_places(self) -> None:
        """Go to a folder that is remembered."""
        state = deck_of(self).state
        places = dict.fromkeys(state.favourite_folders, _("favourite"))
        places |= {uri: _("recent") for uri in state.recent_folders if uri not in places}
        with suppress(RuntimeError):  # nobody knows where home is
            places |= {uri: _("home") for uri in [Path.home().as_uri()] if uri not in places}
        self.app.push_screen(MenuScreen(_("Go to"), _choices(places)), self._go_to)

    def _go_to(self, uri: str | None) -> None:
        folder = path_of_uri(uri) if uri is not None else None
        if folder is not None:
            self.run_worker(self._go(folder), group=ASKED)


def _choices(places: Mapping[str, str]) -> Sequence[Choice]:
    found = [(uri, path, note) for uri, note in places.items() if (path := path_of_uri(uri)) is not None]
    return [
        Choice(
            id=uri,
            key=str(number) if number <= _NUMBER_KEYS else "",
            label=clean(short_path(path), strict=True),
            note=note,
        )
        for number, (uri, path, note) in enumerate(found, start=1)
    ]


async def _for_a_while(event: asyncio.Event) -> None:
    """Wait for what a key led to, so that keys typed ahead go there; what hangs holds them no longer than a moment."""
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), _PATIENCE)
