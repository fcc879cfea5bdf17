"""The picker: a file or a folder of this machine, typed or found in a list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input

from tui.actions import Scope
from tui.daemon import in_daemon
from tui.folders import Kind, completed
from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import ASKED
from tui.screens.folder_list import READING, FolderList, ListedFolder, for_a_while
from tui.screens.jobs import WIDE
from tui.screens.menu import Choice, MenuScreen
from tui.text import clean
from tui.typed_path import (
    UnfitPathError,
    check_readable,
    check_writable,
    first_folder,
    kind_at,
    parted,
    path_of_uri,
    typed_path,
)
from tui.widgets.action_keys import key_of
from tui.widgets.crumb import Crumb
from tui.widgets.file_cells import COLUMNS
from tui.widgets.file_preview import FilePane
from tui.widgets.key_bar import KeyBar
from tui.widgets.path_line import PathLine, folder_label
from tui.widgets.safe_text import line
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar

_NUMBER_KEYS: Final = 9
_LABEL: Final = 50  # cells of a folder in the menu


class PickerScreen(FolderList):
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
        super().__init__(folders=folders)
        self._chosen = chosen
        self._start = start
        self._title = title

    def compose(self) -> ComposeResult:
        """Lay out the lines, the list, and the look into a file."""
        self._fit()
        clock = deck_of(self).launch.clock
        yield TopBar(clock)
        yield Crumb()
        yield PathLine()
        with Horizontal(id="files"):
            yield VirtualTable(COLUMNS, self.cells, empty=Content(), markable=False)
            if not self.folders:
                yield FilePane(clock)
        yield KeyBar()

    def on_mount(self) -> None:
        """Say what is chosen, and read the first folder."""
        does = _(" takes the folder that is listed") if self.folders else _(" takes a file")
        key = key_of("picker.choose" if self.folders else "picker.open")
        self.query_one(Crumb).tell(line((self._title, "bold")), line((key, "bold $accent"), (does, "$muted")))
        self.tell_top_bar()
        self._begin()

    @work(group=READING, exclusive=True)
    async def _begin(self) -> None:
        recent = [path for uri in deck_of(self).state.recent_folders if (path := path_of_uri(uri)) is not None]
        folder, onto = await in_daemon(partial(first_folder, self._start, recent), name="first folder")
        typed = self.path_line.text  # ahead of it, which means: from this folder on
        self.base = folder
        self.path_line.stand(folder, typed)
        self.begun.set()
        await self.read_here(
            ListedFolder(parted(typed, folder)[0], rebase=False) if typed else ListedFolder(folder, onto)
        )

    def on_resize(self) -> None:
        """Choose what is shown for the new width."""
        self._fit()

    def _fit(self) -> None:
        """Put the look into a file below the list where there is no room beside it."""
        self.set_class(self.app.size.width < WIDE, "-narrow")

    def note(self) -> Content:
        """Return what is said above the list: of a folder that is not there yet, that it will be made."""
        if not self._new_folder:
            return super().note()
        name = clean(self.path_line.text, strict=True, limit=60)
        return line((_("{name} will be made", name=name), "bold"), (_(", enter takes it"), "$muted"))

    @property
    def _new_folder(self) -> bool:
        """Whether the name of a folder is typed that is not there yet."""
        if not (self.folders and self.path_line.text and self.listing.complete):
            return False
        folder, word = parted(self.path_line.text, self.base)
        missing = bool(word) and word not in self.listing.by_name
        return folder == self.listing.folder and (missing or bool(self.listing.trouble))

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_keys()
        for pane in self.query(FilePane):
            pane.turn_to(self.listing.folder, self.entry)

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
        if not self.begun.is_set():
            return
        folder, _word = parted(self.path_line.text, self.base)
        if folder != self.wanted:
            self.read(ListedFolder(folder, rebase=False))
        elif folder == self.listing.folder:
            self.refill()
            self.table.first()

    @on(PathLine.Completing)
    def _complete(self) -> None:
        """Complete what is typed as a shell does; where it can say no more, go on to the list."""
        text = self.path_line.text
        folder, word = parted(text, self.base)
        if text and folder == self.listing.folder:
            head = text.removesuffix(word) if word or text.endswith("/") else f"{text}/"
            self.path_line.type_out(head + completed(word, self.shown))
        if self.path_line.text == text:
            self._leave_path_line(PathLine.Left(restored=False))

    @on(PathLine.Left)
    def _leave_path_line(self, event: PathLine.Left) -> None:
        """Go on to the list: of the folder that was typed, or of the one before."""
        self.set_focus(self.table)
        folder = self.base if event.restored else self.wanted
        if folder == self.wanted == self.listing.folder:
            self._stand("" if event.restored else self.word)
        else:
            self.read(ListedFolder(folder))

    def _stand(self, text: str = "") -> None:
        """Have paths begin in the folder that is listed, and a text behind it."""
        self.base = self.listing.folder
        self.path_line.stand(self.base, text)
        self.refill()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self.path_line.text:
            self.run_worker(self._settled(self._follow(self.path_line.text)), group=ASKED)
        else:
            self.set_focus(self.table)

    async def _follow(self, text: str) -> None:
        """Go into the folder that was typed, or take the file; a part of a name that fits one alone means that one."""
        await self.begun.wait()
        path = typed_path(text, self.base)
        kind = await in_daemon(partial(kind_at, path), name="path")
        if kind is None and not self.folders:
            await self.read_to_its_end()
            if self.path_line.text != text:
                return
            if self.word and len(self.shown) == 1:
                (entry,) = self.shown
                path, kind = self.listing.folder / entry.name, entry.kind
        if kind is Kind.FOLDER:
            await self.go(path)
        else:
            await self._take(path)

    # Choosing

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("picker.open")

    @on(PathLine.Above)
    async def _above(self) -> None:
        await self.action_act("picker.parent")

    async def do_picker_open(self) -> None:
        """Go into the folder under the cursor, or take the file."""
        entry = self.entry
        if entry is not None and entry.kind is Kind.FOLDER:
            await self.go(self.listing.folder / entry.name)
        elif entry is not None:
            await self._settled(self._take(self.listing.folder / entry.name))

    async def do_picker_choose(self) -> None:
        """Take the file under the cursor, or the folder that is listed."""
        entry, folder = self.entry, self.listing.folder
        if self.folders or entry is not None:
            await self._settled(self._take(folder if self.folders or entry is None else folder / entry.name))

    async def _settled(self, choice: Coroutine[Any, Any, None]) -> None:
        """Let a choice be made; the keys wait for it, but not for ever."""
        made = asyncio.Event()
        self._settle(choice, made)
        await for_a_while(made)

    @work(group="choosing", exclusive=True)
    async def _settle(self, choice: Coroutine[Any, Any, None], made: asyncio.Event) -> None:
        try:
            await choice
        except UnfitPathError as error:
            self.path_line.complain(error.message)
        finally:
            made.set()

    async def _take(self, path: Path) -> None:
        """Hand the path over, and close, if nothing stands against it (UnfitPathError)."""
        check = check_writable if self.folders else check_readable
        await in_daemon(partial(check, path), name="choose")
        if not self.is_current:
            return  # what lies over it now has the keys; the operator comes back and chooses again
        deck = deck_of(self)
        deck.remember(recent_folders=deck.state.chosen_from(path if path == self.listing.folder else path.parent))
        self.app.pop_screen()
        self._chosen(path)

    def do_app_back(self) -> None:
        """List all again where something is typed; else leave without a choice."""
        if self.path_line.text:
            self._stand()
        else:
            super().do_app_back()

    # Folders that are remembered

    def do_picker_favourite(self) -> None:
        """Make the folder a favourite one, or no longer."""
        deck = deck_of(self)
        deck.remember(favourite_folders=deck.state.favourites_with_or_without(self.listing.folder))
        self.tell()

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
            self.run_worker(self.go(folder), group=ASKED)


def _choices(places: Mapping[str, str]) -> Sequence[Choice]:
    found = [(uri, path, note) for uri, note in places.items() if (path := path_of_uri(uri)) is not None]
    return [
        Choice(
            id=uri,
            key=str(number) if number <= _NUMBER_KEYS else "",
            label=folder_label(path, _LABEL),
            note=note,
        )
        for number, (uri, path, note) in enumerate(found, start=1)
    ]
