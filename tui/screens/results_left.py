"""What is done about the requests that results have left: their input brought, a retry's file written and sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tui.dataset.scan import INPUT
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.runs.changes import Deed
from tui.runs.events import Downloading
from tui.runs.results_folder import Results, bring_input
from tui.runs.retry import RetryFile, child_plan
from tui.runs.submission import bare_plan
from tui.screens.confirm import ConfirmScreen
from tui.screens.opened_results import OpenedResults
from tui.screens.telling import tell_error
from tui.text import human_bytes, short_path

if TYPE_CHECKING:
    from tui.runs.board import JobView
    from tui.runs.run import Run
    from tui.runs.services import Services


class RetryDeeds(OpenedResults):
    """A screen from whose results what is left can be sent again."""

    @property
    def view(self) -> JobView:
        """The job as it is known."""
        raise NotImplementedError

    @property
    def code(self) -> str | None:
        """The code of the errors that are listed; None when all are."""
        raise NotImplementedError

    def tell_progress(self, words: str) -> None:
        """Show how far something is; nothing when it is done."""
        raise NotImplementedError

    async def do_results_retry(self) -> None:
        """Make a new input of what is left, and open the page that sends it."""
        from tui.screens.retry_form import RetryForm

        results = await self._with_input()
        if results is None:
            return
        done = await self.app.push_screen_wait(RetryForm(results, self.view, self.of, self.code))
        if done is Deed.RESUME:
            await self.action_act("job.resume")
        elif isinstance(done, RetryFile):
            await self._send(done)

    async def _send(self, file: RetryFile) -> None:
        """Open the page that makes a job of the file, as a child of this one."""
        from tui.screens.create import open_create

        words = _("{path} holds just this already, {size}") if file.found else _("wrote {path}, {size}")
        self.app.notify(words.format(path=short_path(file.path), size=human_bytes(file.size)), markup=False)
        services, job = self.of.services, self.view.job
        template = bare_plan(
            file.path, self.of.profile, services.service, named=self.of.resolved.named, folder=Path.cwd()
        )
        try:
            plan = await services.journal.apart(
                lambda own: child_plan(file, job, own.run_of_job(job.id), own, template)
            )
        except ArkdeckError as error:
            tell_error(self.app, error)
        else:
            if self.is_open:
                open_create(self.app, plan)

    async def do_results_input(self) -> None:
        """Bring the requests from the object store."""
        await self._with_input()

    async def _with_input(self) -> Results | None:
        """Return the results with their input, which is brought if it is not here and the operator agrees."""
        results = self.results
        if results is None or results.input is not None:
            return results
        size = human_bytes(results.index.stamps[INPUT].size)
        asked = ConfirmScreen(
            _("Bring the requests from the object store?"),
            consequence=_("They are not on this machine: {size}. They stay while these results are open.", size=size),
            yes=_("Bring them"),
        )
        if not await self.app.push_screen_wait(asked) or not self.is_open:
            return None
        try:
            async with aclosing(bring_input(results, self._connect)) as events:
                async for event in events:
                    if isinstance(event, Results):
                        self.take(event)
                    elif isinstance(event, Downloading):
                        self.tell_progress(_("input {percent}%", percent=100 * event.done // max(1, event.total)))
        except ArkdeckError as error:
            tell_error(self.app, error)
            return None
        finally:
            self.tell_progress("")
        return self.results

    @asynccontextmanager
    async def _connect(self, _run: Run | None) -> AsyncIterator[Services]:
        yield self.of.services
