"""What the operator does to jobs, the same for the list and for an open job."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from tui import actions
from tui.ark.errors import ArkError, ArkReplyError
from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.runs.changes import ChangeFailed, Deed, change, obstacle
from tui.safety import redact
from tui.screens.deck_app import DEEDS, deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import JobMade
from tui.text import clean

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.connection import Connection
    from tui.runs.board import JobView

_FAILURES_TOLD = 3
_NAME_LIMIT = 60
_REASON_LIMIT = 120


class JobDeeds(DeckScreen):
    """A screen from which jobs can be stopped, resumed, deleted, copied from, and shown as JSON.

    They are those of the screen's `situation`: the marked ones, else the one under the cursor or the open one.
    """

    def do_job_stop(self) -> None:
        """Stop jobs, once the operator agrees."""
        self._ask(
            Deed.STOP,
            plural("Stop {count} job?", "Stop {count} jobs?", self._able(Deed.STOP)),
            _("What is answered so far is kept and can be collected."),
            _("Stop"),
        )

    def do_job_resume(self) -> None:
        """Let jobs go on, once the operator agrees: that is paid for."""
        self._ask(
            Deed.RESUME,
            plural("Resume {count} job?", "Resume {count} jobs?", self._able(Deed.RESUME)),
            _("What is not answered yet is run, and paid for."),
            _("Resume"),
        )

    def do_job_delete(self) -> None:
        """Delete jobs, once the operator agrees."""
        self._ask(
            Deed.DELETE,
            plural("Delete {count} job?", "Delete {count} jobs?", self._able(Deed.DELETE)),
            _("They leave the service's list for good; their files stay in the object store."),
            _("Delete"),
        )

    def do_job_update(self) -> None:
        """Change the name or the description of the job."""
        from tui.screens.job_changes import update_form

        connection = deck_of(self).connection
        if connection is not None:
            self.app.push_screen(update_form(self.situation.jobs[0].job, connection))

    def do_job_clone(self) -> None:
        """Create a new job on the same input."""
        from tui.screens.job_changes import clone_form

        def made(job_id: str) -> None:
            for screen in self.app.screen_stack:
                screen.post_message(JobMade(job_id))

        connection = deck_of(self).connection
        if connection is not None:
            self.app.push_screen(clone_form(self.situation.jobs[0].job, connection, made))

    def carried_out(self, deed: Deed, job_ids: Collection[str]) -> None:
        """Follow what was done to jobs; a screen that shows one of them may have to."""

    def do_job_json(self) -> None:
        """Show the job as the service described it last."""
        from tui.screens.text_screen import TextScreen

        job = self.situation.jobs[0].job
        text = msgspec.json.format(job.raw, indent=2).decode()
        self.app.push_screen(TextScreen(job.id, text, json=True))

    def do_job_copy(self) -> None:
        """Copy something of the jobs, chosen in a menu."""
        from tui.screens.menu import Choice, MenuScreen

        jobs = [view.job for view in self.situation.jobs]
        copies = self._copies(jobs)
        choices = [
            Choice(id=key, key=key, label=what, note=text.partition("\n")[0], reason=None if text else _("not known"))
            for key, (what, text) in copies.items()
        ]

        def chosen(key: str | None) -> None:
            if key is not None:
                what, text = copies[key]
                deck_of(self).copy(text, what)

        title = _("Copy") if len(jobs) == 1 else plural("Copy of {count} job", "Copy of {count} jobs", len(jobs))
        self.app.push_screen(MenuScreen(title, choices), chosen)

    def _copies(self, jobs: Sequence[Job]) -> dict[str, tuple[str, str]]:
        """Return what can be copied, by the letter that chooses it: its name, and the text, a line for each job."""
        show = actions.action("job.open")
        situation = self.situation
        commands = [actions.command_line(show, replace(situation, jobs=(view,))) or "" for view in situation.jobs]
        return {
            "i": (_("the id"), "\n".join(job.id for job in jobs)),
            "n": (_("the name"), "\n".join(job.name for job in jobs)),
            "f": (_("the input's place"), "\n".join(_place(job.input.bucket, job.input.key) for job in jobs)),
            "o": (_("the output folder"), "\n".join(map(_output_folder, jobs))),
            "c": (_("the command line"), "\n".join(commands)),
            "l": (_("the JSON line"), "\n".join(job.raw.decode() for job in jobs)),
        }

    def _able(self, deed: Deed) -> int:
        return sum(obstacle(deed, view.job) is None for view in self.situation.jobs)

    def _ask(self, deed: Deed, question: str, consequence: str, yes: str) -> None:
        from tui.screens.confirm import ConfirmScreen

        views, connection = self.situation.jobs, deck_of(self).connection
        reasons = {view.job.id: obstacle(deed, view.job) for view in views}
        able = [view for view in views if reasons[view.job.id] is None]
        passed_over = [(_called(view), reason) for view in views if (reason := reasons[view.job.id]) is not None]

        def answered(agreed: bool | None) -> None:
            if not agreed or connection is None:
                return
            if connection is not deck_of(self).connection:
                left = _("the profile of these jobs is not open any more; nothing was sent")
                self.app.notify(left, severity="warning", markup=False)
                return
            self.app.run_worker(self._carry_out(deed, able, connection), name=f"{deed} jobs", group=DEEDS)

        touches = [_called(view) for view in able]
        asking = ConfirmScreen(question, touches=touches, passes_over=passed_over, consequence=consequence, yes=yes)
        self.app.push_screen(asking, answered)

    async def _carry_out(self, deed: Deed, views: Sequence[JobView], connection: Connection) -> None:
        """Do it job by job, tell the outcome, and look again."""
        failed: list[ChangeFailed] = []
        done: list[str] = []
        names = {view.job.id: _called(view) for view in views}
        try:
            async with aclosing(change(deed, list(names), connection.services)) as results:
                async for result in results:
                    if isinstance(result, ChangeFailed):
                        failed.append(result)
                    else:
                        done.append(result.job_id)
        except ArkdeckError as error:  # all is done, but not written down
            self.app.notify(error.message, severity="warning", markup=False)
        except asyncio.CancelledError:
            self._tell_outcome(deed, names, done, failed)
            left = len(names) - len(done) - len(failed)
            cut_off = plural("cut off: {count} job is left as it was, or perhaps changed",
                             "cut off: {count} jobs are left as they were, one perhaps changed", left)  # fmt: skip
            self.app.notify(cut_off, severity="warning", timeout=20, markup=False)
            raise
        self._tell_outcome(deed, names, done, failed)
        connection.poller.refresh(names)
        self.carried_out(deed, done)

    def _tell_outcome(
        self, deed: Deed, names: Mapping[str, str], done: Sequence[str], failed: Sequence[ChangeFailed]
    ) -> None:
        """Tell in a toast each what was done, what was not, and of what nobody knows."""
        if done:
            self.app.notify(_told(deed, len(done)), markup=False)
        unknown = [each for each in failed if isinstance(each.cause, ArkError) and each.cause.maybe_applied]
        refused = [each for each in failed if each not in unknown]
        for title, some in (
            (plural("{count} job could not be changed", "{count} jobs could not be changed", len(refused)), refused),
            (plural("{count} job perhaps changed", "{count} jobs perhaps changed", len(unknown)), unknown),
        ):
            if some:
                lines = [f"{names[each.job_id]}: {_reason(each.cause)}" for each in some[:_FAILURES_TOLD]]
                if len(some) > _FAILURES_TOLD:
                    lines.append(plural("and {count} more", "and {count} more", len(some) - _FAILURES_TOLD))
                self.app.notify("\n".join(lines), title=title, severity="error", timeout=20, markup=False)


def _told(deed: Deed, count: int) -> str:
    match deed:
        case Deed.STOP:
            return plural("{count} job stopping", "{count} jobs stopping", count)
        case Deed.RESUME:
            return plural("{count} job resumed", "{count} jobs resumed", count)
        case _:
            return plural("{count} job deleted", "{count} jobs deleted", count)


def _reason(cause: ArkdeckError) -> str:
    """Return why in one line; of a refusal the service's words and what its support asks for."""
    if not isinstance(cause, ArkReplyError):
        return clean(cause.message, limit=_REASON_LIMIT)
    words = clean(redact(cause.refusal.message), limit=_REASON_LIMIT) or _("no reason given")
    request = clean(cause.request_id, strict=True, limit=_NAME_LIMIT)
    return _("{reason} (request {id})", reason=words, id=request) if request else words


def _called(view: JobView) -> str:
    """Return a job as a list of jobs calls it: by its name, or its id where the name is blank."""
    name = clean(view.job.name, limit=_NAME_LIMIT)
    return name if name.strip() else clean(view.job.id, strict=True)


def _output_folder(job: Job) -> str:
    return _place(job.output.bucket, f"{job.output.key}{job.id}/")


def _place(bucket: str, key: str) -> str:
    return f"tos://{bucket}/{key}" if bucket else ""
