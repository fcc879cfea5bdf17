"""The application as far as it holds a connection: opens it behind the screens, and tells them what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.message import Message
from textual.worker import Worker, WorkerError, get_current_worker

from tui.actions import Scope
from tui.connection import Connected, Connecting, Connection, ConnectionState, Failed, open_local, open_profile
from tui.errors import ArkdeckError
from tui.example_run import run_example
from tui.i18n import _, plural
from tui.keys_in_turn import KeysInTurn
from tui.launch import Launch, LocalStart
from tui.poll_status import PollStatus
from tui.screens.deck_app import DEEDS
from tui.screens.messages import BoardChanged, ConnectionChanged, JobMade, PollTold, TransfersChanged
from tui.widgets.action_keys import key_of

if TYPE_CHECKING:
    from pathlib import Path

    from tui.runs.poller import PollEvent
    from tui.runs.transfers import Transfer
    from tui.settings.credentials import Credentials
    from tui.widgets.transfer_news import EndNews

_CLOSING_SECONDS: Final = 3.0


class ConnectedApp(KeysInTurn):
    """An application on one cloud at a time.

    Attributes:
        launch: what it was started with.
        connection: the open cloud, if any; `connect` changes it.
        connection_state: how opening it went, with the reason when it did not.
        poll_status: what its polls are up to.
        session_keys: keys by profile that the operator gave for as long as the deck runs.
        example_came_to: what became of the example run, in one line; empty until it has ended.
    """

    def __init__(self, launch: Launch, **options: Any) -> None:
        super().__init__(**options)
        self.launch = launch
        self.connection: Connection | None = None
        self.connection_state: ConnectionState = Connecting(launch.profile or "", local=launch.local is not None)
        self.poll_status = PollStatus()
        self.session_keys: dict[str, Credentials] = {}
        self.example_came_to = ""
        self._keeping: Worker[None] | None = None

    def connect(self, profile: str | None) -> None:
        """Open a profile in the background, the one in force when None; what is open now closes meanwhile.

        While transfers run there, once the operator agrees.
        """
        opened = partial(open_profile, self.launch, profile, self.session_keys)
        self.once_transfers_may_stop(lambda: self._keep(profile or "", opened))

    def connect_local(self, start: LocalStart) -> None:
        """Start a local cloud in the background and open it; what is open now closes meanwhile, as in `connect`."""
        self.once_transfers_may_stop(lambda: self._keep("", partial(open_local, self.launch, start), local=True))

    def once_transfers_may_stop(self, leave: Callable[[], None]) -> None:
        """Leave the cloud that is open: at once, or while transfers run there once the operator agrees."""
        connection = self.connection
        count = sum(connection.transfers.running) if connection else 0
        if connection is None or not count:
            leave()
            return
        from tui.screens.confirm import ConfirmScreen

        def answered(agreed: bool | None) -> None:
            if agreed:
                leave()

        question = plural("A transfer runs. Leave it?", "{count} transfers run. Leave them?", count)
        later = (
            _("The local cloud of this deck ends with it: what is not there yet is lost.")
            if connection.local
            else _(
                "What runs is stopped where it is, and waits under {key}, or for:  arkdeck continue",
                key=key_of("app.transfers"),
            )
        )
        asking = ConfirmScreen(question, consequence=later, yes=_("Leave"), no=_("Stay"))
        self.push_screen(asking, answered)

    async def connection_closed(self) -> None:
        """Wait, but not for long, until journal and local cloud are closed.

        The end of the app has cancelled what holds them; cancelling it once more would interrupt the closing.
        """
        if self._keeping is None:
            return
        with suppress(WorkerError, TimeoutError):
            await asyncio.wait_for(self._keeping.wait(), _CLOSING_SECONDS)

    def _keep(
        self, name: str, opened: Callable[[], AbstractAsyncContextManager[Connection]], *, local: bool = False
    ) -> None:
        self.connection, self.poll_status = None, PollStatus()
        self._tell_state(Connecting(name, local))
        self._keeping = self.run_worker(partial(self._kept, name, opened), group="connection", exclusive=True)

    async def _kept(self, name: str, opened: Callable[[], AbstractAsyncContextManager[Connection]]) -> None:
        try:
            async with (
                opened() as connection,
                self._example_run(connection),
                self._beside(partial(self._follow_transfers, connection), "transfers"),
                self._deeds_cut_off(),
            ):
                self.connection = connection
                self.poll_status = PollStatus(interval=connection.poller.interval)
                self._tell_state(Connected(connection))
                async with aclosing(connection.poller.events()) as events:
                    async for event in events:
                        self._tell_poll(event)
        except ArkdeckError as error:
            if get_current_worker() is self._keeping:
                self.connection = None
                self._tell_state(Failed(name, error))

    @asynccontextmanager
    async def _example_run(self, connection: Connection) -> AsyncIterator[None]:
        """Run the example behind the screens, where it was asked for, for as long as its cloud is open."""
        if connection.example_to is None:
            yield
            return
        async with self._beside(partial(self._run_example, connection, connection.example_to), "example"):
            yield

    @asynccontextmanager
    async def _beside(self, work: Callable[[], Awaitable[None]], group: str) -> AsyncIterator[None]:
        """Do something behind the screens, for as long as the context is open."""
        worker: Worker[None] = self.run_worker(work(), group=group)
        try:
            yield
        finally:
            await _end([worker])

    async def _run_example(self, connection: Connection, results: Path) -> None:
        self.example_came_to = await run_example(connection, results, self.notify)

    @asynccontextmanager
    async def _deeds_cut_off(self) -> AsyncIterator[None]:
        """Keep the cloud open until what is being done to its jobs has noted in its journal that it was cut off."""
        try:
            yield
        finally:
            await _end([each for each in self.workers if each.group == DEEDS])

    async def _follow_transfers(self, connection: Connection) -> None:
        """Tell the screens what becomes of the transfers, and the operator where no screen shows it."""
        from tui.widgets.transfer_news import EndNews

        news = EndNews()
        known = {each.id: each for each in connection.transfers.all}
        if known:
            waiting = plural(
                "{count} transfer is not finished: {key} shows it",
                "{count} transfers are not finished: {key} shows them",
                len(known),
                key=key_of("app.transfers"),
            )
            self.notify(waiting)
        async with aclosing(connection.transfers.changes()) as changes:
            async for transfer in changes:
                before = known.pop(transfer.id, None)
                if connection.transfers.get(transfer.id) is not None:
                    known[transfer.id] = transfer
                    self._follow_up(before, transfer, connection, news)
                went_on = before is not None and before.standing == transfer.standing
                self._tell(partial(TransfersChanged, transfer, figures_only=went_on and transfer.id in known))

    def _follow_up(self, before: Transfer | None, transfer: Transfer, connection: Connection, news: EndNews) -> None:
        """Look for the job that an upload made, and tell of the end of a transfer where no screen shows it."""
        from tui.runs.transfers import TransferState, Way

        going = transfer.state in (TransferState.RUNNING, TransferState.DONE)
        if before is not None and before.interrupted and going and not transfer.interrupted:
            connection.poller.refresh()  # the service is back
        if transfer.way is Way.UP and transfer.job_id and (before is None or not before.job_id):
            connection.poller.refresh([transfer.job_id])
            self._tell(partial(JobMade, transfer.job_id))
        if transfer.state not in (TransferState.DONE, TransferState.FAILED) or (before and before.state.finished):
            return
        if transfer.way is Way.DOWN and transfer.job_id:
            connection.poller.refresh([transfer.job_id])  # whose account the list shows
        told = news.of(transfer, others=any(each.state.active for each in connection.transfers.all))
        if told is not None and getattr(self.screen, "SCOPE", None) not in (Scope.CREATE, Scope.TRANSFERS):
            self.notify(told.words, severity="error" if told.bad else "information")

    def _tell_state(self, state: ConnectionState) -> None:
        self.connection_state = state
        self._tell(lambda: ConnectionChanged(state))

    def _tell_poll(self, event: PollEvent) -> None:
        from tui.runs import poller

        self.poll_status = status = self.poll_status.after(event, self.launch.clock.now())
        self._tell(lambda: PollTold(status))
        if isinstance(event, poller.BoardChanged):
            self._tell(lambda: BoardChanged(event))
            for note in event.notes:
                self.notify(note.message, severity="warning")

    def _tell(self, message: Callable[[], Message]) -> None:
        """Give every open screen, also those below others, a message of its own."""
        for screen in self.screen_stack:
            screen.post_message(message())


async def _end(workers: Sequence[Worker[Any]]) -> None:
    """Cancel workers that are not cancelled yet, and wait until they have put things in order."""
    for worker in workers:
        if not worker.is_cancelled:
            worker.cancel()
    for worker in workers:
        with suppress(WorkerError):  # how it ended is told by itself
            await worker.wait()
