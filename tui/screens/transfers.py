"""What goes up and what comes down: how far each transfer is, what became of it, and what can be done about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from tui import actions
from tui.actions import Scope, Situation
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.runs.transfers import TransferState, Way
from tui.screens.confirm import ConfirmScreen
from tui.screens.copying import Copy, choose_copy
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.messages import ConnectionChanged, TransfersChanged
from tui.screens.moving import Listing
from tui.screens.telling import tell_error
from tui.screens.ways import show_job, show_results
from tui.situations import bound_to_the_deck
from tui.widgets.action_keys import key_of
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines import Lines
from tui.widgets.safe_text import line, plain
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar
from tui.widgets.transfer_cells import COLUMNS, transfer_cells, transfer_facts

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.runs.transfers import Transfer, Transfers

_FIGURES_EVERY: Final = 0.5  # seconds between two repaints of what only goes on
_MARGIN: Final = 3  # cells on either side of the facts
_LEAST_ROWS: Final = 8  # of the window that the facts leave to everything else


class TransfersScreen(Headed, Listing):
    """Lists the transfers, newest first, and tells all of the one under the cursor."""

    SCOPE = Scope.TRANSFERS
    CSS_PATH = "transfers.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._listed: Mapping[str, Transfer] = {}
        self._coming: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the lines, the list, and what is told of one."""
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield VirtualTable(COLUMNS, self._cells, empty=Content(), markable=False)
        yield Lines(id="told")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show them as they stand."""
        self.query_one(Crumb).tell(line((_("Transfers"), "bold")))
        self.tell_top_bar()
        self.table.focus()
        self._list()

    def on_screen_resume(self) -> None:
        """Show what came about beneath another screen."""
        self._list()

    def on_resize(self) -> None:
        """Tell it over the new width."""
        self.call_after_refresh(self._tell)

    @property
    def _transfers(self) -> Transfers | None:
        connection = deck_of(self).connection
        return connection.transfers if connection else None

    @property
    def situation(self) -> Situation:
        """What an action would act on: the transfer under the cursor."""
        return replace(
            super().situation,
            transfer=self._listed.get(self.table.cursor_key or ""),
            clearable=any(_is_over(each) for each in self._listed.values()),
        )

    # What is shown

    @on(TransfersChanged)
    def _changed(self, event: TransfersChanged) -> None:
        """Show what changed: now, or where transfers only went on once for all of this half second."""
        if not event.figures_only:
            self._list()
        elif self._coming is None:
            self._coming = self.set_timer(_FIGURES_EVERY, self._list)

    @on(ConnectionChanged)
    def _list(self) -> None:
        if self._coming is not None:
            self._coming.stop()
            self._coming = None
        transfers = self._transfers
        self._listed = {each.id: each for each in transfers.all} if transfers else {}
        self.table.show(list(self._listed))
        if not self._listed:
            self.table.set_empty(_why_empty(connected=transfers is not None))
        self._tell()

    def _cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        return transfer_cells(self._listed[key], widths, glyphs())

    @on(VirtualTable.CursorMoved)
    def _tell(self) -> None:
        """Tell of the transfer under the cursor, as much as there is room for."""
        transfer, told = self.situation.transfer, self.query_one("#told", Lines)
        width = self.size.width - 2 * _MARGIN
        facts = transfer_facts(transfer, width, glyphs()) if transfer and width > 0 else []
        facts = facts[: max(1, self.size.height - _LEAST_ROWS)]
        if len(facts) != len(told.lines):
            told.styles.height = len(facts)
        told.display = bool(facts)
        told.show(*facts)
        self.refresh_keys()

    # What the operator does

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("transfer.open")

    async def do_transfer_open(self) -> None:
        """Show the job that an upload made, or the results that a download has brought."""
        connection, transfer = deck_of(self).connection, self.situation.transfer
        if connection is None or transfer is None:
            return
        view = connection.poller.board.views.get(transfer.job_id)
        if view is not None and transfer.way is Way.DOWN and transfer.state is TransferState.DONE:
            await show_results(self.app, view, connection)
        else:
            show_job(self.app, transfer.job_id, connection)

    async def do_transfer_pause(self) -> None:
        """Stop it for now, or go on with it."""
        transfers, transfer = self._transfers, self.situation.transfer
        if transfers is None or transfer is None:
            return
        if transfer.state.active:
            await transfers.pause(transfer.id)
        else:
            await self._go_on(transfers, transfer)

    async def do_transfer_retry(self) -> None:
        """Try again what failed."""
        transfers, transfer = self._transfers, self.situation.transfer
        if transfers is not None and transfer is not None:
            await self._go_on(transfers, transfer)

    async def _go_on(self, transfers: Transfers, transfer: Transfer) -> None:
        try:
            going = await transfers.resume(transfer.id)
        except ArkdeckError as error:
            tell_error(self.app, error)
            return
        self._list()
        self.table.move_to(going.id)  # where it began anew it is another one

    async def do_transfer_cancel(self) -> None:
        """Give it up, once the operator agrees."""
        transfers, transfer = self._transfers, self.situation.transfer
        if transfers is None or transfer is None:
            return
        if transfer.way is Way.UP:
            question = _("Give up the upload of {name}?", name=transfer.name)
            after = _("What was sent of it is dropped; the file itself stays. A job that it made goes on.")
        else:
            question = _("Give up the download of {name}?", name=transfer.name)
            after = _("What came of an unfinished file is dropped; complete files stay, and so does the job.")
        asking = ConfirmScreen(question, touches=[str(transfer.path)], consequence=after, yes=_("Give up"))
        if not await self.app.push_screen_wait(asking) or transfers is not self._transfers:
            return
        try:
            await transfers.cancel(transfer.id)
        except ArkdeckError as error:
            tell_error(self.app, error)

    def do_transfer_clear(self) -> None:
        """Take what needs nobody any more off the list; what failed stays until it is tried again or given up."""
        transfers = self._transfers
        if transfers is not None:
            for transfer in self._listed.values():
                if _is_over(transfer):
                    transfers.clear(transfer.id)
            self._list()

    def do_transfer_copy(self) -> None:
        """Copy something of the transfer, chosen in a menu."""
        transfer = self.situation.transfer
        if transfer is not None:
            choose_copy(self, _("Copy"), self._copies(transfer))

    def _copies(self, transfer: Transfer) -> dict[str, Copy]:
        up, error = transfer.way is Way.UP, transfer.error
        command = actions.command_line(actions.action("transfer.retry"), self.situation)
        return {
            "p": Copy(_("the file's path") if up else _("the folder's path"), str(transfer.path)),
            "j": Copy(_("the job's id"), transfer.job_id),
            "e": Copy(_("the error"), error.in_full if error else ""),
            "c": Copy(_("the command line"), command or "", bound_to_the_deck(self.situation)),
        }


def _is_over(transfer: Transfer) -> bool:
    return transfer.state in (TransferState.DONE, TransferState.CANCELLED)


def _why_empty(*, connected: bool) -> Content:
    if not connected:
        return plain(_("not connected"))
    return Content("\n").join(
        [
            plain(_("Nothing goes up, and nothing comes down.")),
            Content(),
            line(
                (key_of("job.download"), "bold $accent"), (_(" in the list of jobs downloads their results"), "$muted")
            ),
        ]
    )
