"""The form before results are downloaded: where they go, what will come, and whether there is room for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.daemon import in_daemon
from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.runs.collect import job_files
from tui.runs.destination import Destination, collected_folder, folder_in, look_at
from tui.runs.folder import ERRORS, RESULTS
from tui.screens.deck_app import deck_of
from tui.screens.form import FormOfCloud
from tui.text import clean, human_bytes, path_in_shell, short_path
from tui.typed_path import typed_path
from tui.widgets.action_keys import key_of
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import job_name
from tui.widgets.legend import legend
from tui.widgets.line_input import LineInput
from tui.widgets.safe_text import identifier, line, plain
from tui.widgets.said import say

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.ark.models import Job
    from tui.connection import Connection
    from tui.runs.board import JobView
    from tui.storage.objects import ObjectInfo

_AT_ONCE: Final = 4  # requests to the store
_TYPING: Final = 0.3  # seconds after which a path is typed to its end, for now
_MOST_LISTED: Final = 8
_NAME: Final = 26  # cells of a job's name
_LABEL: Final = 16
_FOLDER: Final = "folder"
_TOLD: Final = {RESULTS: _("results"), ERRORS: _("errors")}
_ABSENT: Final = {RESULTS: _("no result file"), ERRORS: _("no error file")}


@dataclass
class _Download:
    """A job whose results are wanted, and what is known of them.

    Attributes:
        files: in the store, by the name that they get; None while they are looked for.
        home: a folder of this machine that they were brought to before.
        at: what they would find where they go; None while that is not known.
        trouble: why they cannot come.
    """

    job: Job
    files: Mapping[str, ObjectInfo] | None = None
    home: Path | None = None
    at: Destination | None = None
    trouble: str = ""

    @property
    def size(self) -> int:
        """Bytes that are still to come."""
        here = self.at.here if self.at else frozenset()
        return sum(info.size for name, info in (self.files or {}).items() if name not in here)

    @property
    def is_here(self) -> bool:
        """Whether all of them are there already."""
        return bool(self.files) and self.at is not None and self.at.here.issuperset(self.files or {})


class DownloadForm(FormOfCloud[bool]):
    """Takes a folder for the results of jobs, and begins to bring them there; True where it did.

    Args:
        views: finished jobs; the results of several go to a folder each, beneath the one that is chosen.
        passed_over: others that were asked for, each with the reason why its results cannot come.
        command: the command line that does the same but for the folder; None where there is none.
        connection: of their cloud.
    """

    CSS_PATH: ClassVar = ["form.tcss", "download.tcss"]

    def __init__(
        self,
        views: Sequence[JobView],
        passed_over: Sequence[tuple[str, str]],
        *,
        command: str | None,
        connection: Connection,
    ) -> None:
        super().__init__()
        self._views = views
        self._downloads = [_Download(view.job) for view in views]
        self._passed_over = passed_over
        self._command = command
        self._connection = connection
        self._proposed = Path()
        self._looking: Timer | None = None
        self._beginning = False

    @property
    def _only(self) -> _Download | None:
        return self._downloads[0] if len(self._downloads) == 1 else None

    # What is laid out

    def heading(self) -> Content:
        """Return the title."""
        if self._only is not None:
            return line(_("Download the results of "), job_name(self._only.job))
        return plain(plural("Download the results of {count} job", "Download the results of {count} jobs",
                            len(self._downloads)))  # fmt: skip

    def compose_rows(self) -> ComposeResult:
        """Lay out the folder and what comes there."""
        yield from self.row(_("folder"), LineInput(id=_FOLDER))
        if self._only is None:
            yield Static(plain(_("a folder for each job there, named by its id")), id="beneath")
        yield Static(id="coming")
        yield Static(id="room")
        yield Static(id="same")

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        yield Button(plain(_("Download")), id="begin", variant="primary")
        yield Button(plain(_("Folders")), id="pick")
        if self._only is not None:
            yield Button(plain(_("Results")), id="open", classes="-absent")
        yield Button(plain(_("Cancel")), id="leave")
        yield Static(legend(("enter", _("download")), ("esc", _("cancel"))))

    def on_mount(self) -> None:
        """Propose a folder, and find out what there is."""
        parent = Path(deck_of(self).state.results_folder or Path.cwd())
        self._propose(folder_in(parent, self._only.job.id) if self._only else parent)
        self._tell()
        self.run_worker(self._look_up(), group="look-up")

    def _propose(self, folder: Path) -> None:
        """Put a folder into the field; what cannot be shown of its name stays as it is while nobody changes it."""
        self._proposed = folder
        field = self._field
        with self.prevent(Input.Changed):
            field.value = self._shown(folder)
        field.cursor_position = len(field.value)

    @property
    def _field(self) -> LineInput:
        return self.query_one(f"#{_FOLDER}", LineInput)

    @staticmethod
    def _shown(folder: Path) -> str:
        return clean(short_path(folder), strict=True)

    @property
    def _folder(self) -> Path:
        """The folder of the field (ArkdeckError: it is none)."""
        text = self._field.value
        return self._proposed if text == self._shown(self._proposed) else typed_path(text.strip(), Path.cwd())

    def _place_of(self, download: _Download, folder: Path) -> Path:
        return folder if self._only else folder_in(folder, download.job.id)

    # What there is

    async def _look_up(self) -> None:
        """Ask the store for every job's files, a few at once, and the journal for those that were brought before."""
        only, services = self._only, self._connection.services
        for download in self._downloads:
            download.home = await services.journal.apart(partial(collected_folder, download.job.id))
        if only is not None and only.home is not None and self._field.value == self._shown(self._proposed):
            self._propose(only.home)
        self._look_soon()
        gate = asyncio.Semaphore(_AT_ONCE)

        async def look_up(download: _Download) -> None:
            async with gate:
                try:
                    download.files, download.at = await job_files(download.job, services), None
                except ArkdeckError as error:
                    download.trouble = error.message
            self._look_soon()
            self._tell()

        await asyncio.gather(*map(look_up, self._downloads))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.object_to(_FOLDER, "")
        self.tell("")
        self._tell()
        self._look_soon()

    def _look_soon(self) -> None:
        if self._looking is not None:
            self._looking.stop()
        self._looking = self.set_timer(_TYPING, self._look)

    def _look(self) -> None:
        self.run_worker(self._look_at_folder(), group="look-at", exclusive=True)

    async def _look_at_folder(self) -> bool:
        """Find out what the files would find there, and say what is wrong with the folder; return whether all is well.

        Of several jobs some may go there and others not.
        """
        try:
            folder = self._folder
            places = [self._place_of(each, folder) for each in self._downloads]
        except (ArkdeckError, ValueError) as error:
            self.object_to(_FOLDER, str(error))
            return False
        asked = [each.files for each in self._downloads]
        found = await in_daemon(partial(_look_at_all, self._downloads, places), name="folder")
        troubles = [each for each in found if isinstance(each, ArkdeckError)]
        for download, files, at in zip(self._downloads, asked, found, strict=True):
            if download.files is files:  # else it is looked for these too, soon
                download.at = None if isinstance(at, ArkdeckError) else at
        nowhere = len(troubles) == len(found)
        self.object_to(_FOLDER, troubles[0].message if nowhere else "")
        self._tell()
        return not nowhere

    # What is told

    def _tell(self) -> None:
        if not self.is_attached:
            return
        told = list(self._of_one(self._only)) if self._only else list(self._of_several())
        if self._passed_over:
            told += [Content(), plain(_("Passed over:"))]
            told += [line(f" {name} {glyphs().dash} {reason}") for name, reason in self._passed_over[:_MOST_LISTED]]
        if self._only is not None:
            self.query_one("#open").set_class(self._only.home is None, "-absent")
        say(self.query_one("#coming", Static), Content("\n").join(told))
        for name, told_there in (("#room", self._room()), ("#same", self._same())):
            place = self.query_one(name, Static)
            say(place, told_there)
            place.display = bool(told_there.plain)
        self.call_after_refresh(self._fit)

    def _of_one(self, download: _Download) -> Iterator[Content]:
        """Yield the files of the only job, a line each."""
        if download.trouble:
            yield line((f"{glyphs().cross} {download.trouble}", "$error"))
        elif download.files is None:
            yield line((_("asking the store what there is…"), "$muted"))
        else:
            for name, label in _TOLD.items():
                info = download.files.get(name)
                size = line(human_bytes(info.size)) if info else line((_ABSENT[name], "$muted"))
                here = download.at is not None and name in download.at.here
                yield line((label.ljust(_LABEL), "$muted"), size, (_("  is here already"), "$success") if here else "")

    def _of_several(self) -> Iterator[Content]:
        """Yield a line for each job."""
        for download in self._downloads[:_MOST_LISTED]:
            name = job_name(download.job).truncate(_NAME, ellipsis=True, pad=True)
            yield line(name, "  ", self._summed_up(download))
        if (more := len(self._downloads) - _MOST_LISTED) > 0:
            yield plain(plural("and {count} more", "and {count} more", more))

    def _summed_up(self, download: _Download) -> Content:
        if download.trouble:
            return line((f"{glyphs().cross} {download.trouble}", "$error"))
        if download.files is None:
            return line((_("asking…"), "$muted"))
        if not download.files:
            return line((_("no files"), "$muted"))
        sizes = [f"{_TOLD[name]} {human_bytes(info.size)}" for name, info in download.files.items()]
        here = (_("  all here already"), "$success") if download.is_here else ""
        elsewhere = "" if here or not download.home else line((_("  were brought to "), "$muted"), _path(download.home))
        return line(f" {glyphs().separator} ".join(sizes), here, elsewhere)

    def _room(self) -> Content:
        """Return how much is to come, and how much room there is for it."""
        free = min((each.at.free for each in self._downloads if each.at), default=None)
        known = [each for each in self._downloads if each.files is not None]
        if any(each.files is None and not each.trouble for each in self._downloads) or free is None or not known:
            return Content()
        needed = sum(each.size for each in self._downloads)
        if all(each.is_here for each in self._downloads):
            return line((_("All of it is here already: it is compared, and accounted for."), "$success"))
        words = _("{needed} to come, {free} free", needed=human_bytes(needed), free=human_bytes(free))
        if needed > free:
            return line((f"{glyphs().warning} {words}", "bold $warning"))
        return line(words)

    def _same(self) -> Content:
        """Return the command line that does the same, for one job."""
        if self._command is None:
            return Content()
        try:
            return line((f"{self._command} --out {path_in_shell(self._folder)}", "$muted"))
        except ArkdeckError:
            return Content()

    # Where else to go

    @on(Button.Pressed, "#pick")
    def _pick(self) -> None:
        """Have the folder picked from those that are there."""
        from tui.screens.picker import PickerScreen

        try:
            start: Path | None = self._folder
        except ArkdeckError:
            start = None
        title = _("Folder for the results")
        self.app.push_screen(PickerScreen(self._picked, folders=True, start=start, title=title))

    def _picked(self, folder: Path) -> None:
        if self._only is not None and folder.name != self._only.job.id:
            folder = folder_in(folder, self._only.job.id)
        self._propose(folder)
        self._look_soon()

    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        """Show the results that are here already, in place of the form."""
        from tui.screens.ways import show_results

        self.dismiss(None)
        self.app.run_worker(show_results(self.app, self._views[0], self._connection), name="results")

    # What is begun

    @on(Input.Submitted)
    @on(Button.Pressed, "#begin")
    def _begin(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        if self.was_seen and not self._beginning:
            self._beginning = True
            self.run_worker(self._carry(), group="begin")

    async def _carry(self) -> None:
        """Begin the downloads; what cannot begin keeps the form open and says why."""
        try:
            if not await self._look_at_folder():
                self._field.focus()
                return
            folder, transfers = self._folder, self._connection.transfers
            refused: list[ArkdeckError] = []
            for download in self._downloads:
                try:
                    await transfers.collect(download.job, self._place_of(download, folder))
                except ArkdeckError as error:
                    refused.append(error)
            self._remember(folder.parent if self._only else folder)
            if refused:
                self.tell_error(refused[0])
            if begun := len(self._downloads) - len(refused):
                begun_words = plural(
                    "{count} download begun: {key} shows it",
                    "{count} downloads begun: {key} shows them",
                    begun,
                    key=key_of("app.transfers"),
                )
                self.app.notify(begun_words, markup=False)
            if not refused:
                self.finish(True)
        finally:
            self._beginning = False

    def _remember(self, folder: Path) -> None:
        """Propose the folder the next time, unless its name is one that cannot be written down."""
        if str(folder).isprintable():
            deck_of(self).remember(results_folder=str(folder))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)


def _look_at_all(downloads: Sequence[_Download], places: Sequence[Path]) -> list[Destination | ArkdeckError]:
    found: list[Destination | ArkdeckError] = []
    for download, place in zip(downloads, places, strict=True):
        try:
            found.append(look_at(place, download.job.id, download.files or {}))
        except ArkdeckError as error:
            found.append(error)
    return found


def _path(path: Path) -> Content:
    return identifier(short_path(path))
