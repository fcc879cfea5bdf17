"""What the operator does to jobs, the same for the list and for an open job."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
from rich.cells import cell_len, set_cell_size

from tui import actions
from tui.ark.errors import ArkError, ArkReplyError
from tui.ark.models import Phase
from tui.embedded import export_lines
from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.runs.changes import ChangeFailed, Deed, change, obstacle
from tui.safety import redact
from tui.screens.deck_app import DEEDS, deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import JobMade
from tui.screens.ways import show_results
from tui.situations import bound_to_the_deck
from tui.situations.jobs import not_written
from tui.text import clean
from tui.widgets.glyphs import glyphs
from tui.widgets.job_cells import percent_done

if TYPE_CHECKING:
    from tui.ark.models import Job
    from tui.connection import Connection
    from tui.runs.board import JobView
    from tui.screens.copying import Copy

_FAILURES_TOLD = 3
_NAME_LIMIT = 60
_NAME_CELLS = 22
_REASON_LIMIT = 120


class JobDeeds(DeckScreen):
    """A screen from which jobs can be stopped, resumed, deleted, copied from, and shown as JSON.

    They are those of the screen's `situation`: the marked ones, else the one under the cursor or the open one.
    """

    def do_job_stop(self) -> None:
        """Stop jobs, once the operator agrees."""
        self._ask(
            Deed.STOP,
            plural("Stop this job?", "Stop {count} jobs?", len(self._able(Deed.STOP))),
            _("What is answered so far is kept and can be collected."),
            _("Stop"),
        )

    def do_job_resume(self) -> None:
        """Let jobs go on, once the operator agrees: that is paid for."""
        able, now = self._able(Deed.RESUME), deck_of(self).launch.clock.now()
        consequence = _("What is not answered yet is run, and paid for.")
        late = sum(view.job.expires is not None and view.job.expires <= now for view in able)
        if late:
            passed = plural("The window has passed", "The windows of {count} have passed", late)
            consequence += " " + _("{passed}: the service may end what it resumes at once.", passed=passed)
        self._ask(Deed.RESUME, plural("Resume this job?", "Resume {count} jobs?", len(able)), consequence, _("Resume"))

    def do_job_delete(self) -> None:
        """Delete jobs, once the operator agrees."""
        count = len(self._able(Deed.DELETE))
        self._ask(
            Deed.DELETE,
            plural("Delete this job?", "Delete {count} jobs?", count),
            plural(
                "It leaves the service's list for good; its files stay in the object store.",
                "They leave the service's list for good; their files stay in the object store.",
                count,
            ),
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

    def do_job_download(self) -> None:
        """Bring the results of the jobs to this disk."""
        from tui.screens.download import DownloadForm

        views, connection = self.situation.jobs, deck_of(self).connection
        if connection is None:
            return
        passed_over = [(_called(view), reason) for view in views if (reason := not_written(view.job)) is not None]
        able = [view for view in views if not_written(view.job) is None]
        command = actions.command_line(actions.action("job.download"), self.situation)
        self.app.push_screen(DownloadForm(able, passed_over, command=command, connection=connection))

    async def do_job_results(self) -> None:
        """Show what became of the job's requests, where its results are on this machine."""
        view, connection = self.situation.jobs[0], deck_of(self).connection
        if connection is None:
            return
        await show_results(self.app, view, connection)

    def do_job_enter(self) -> object:
        """Show what became of the open job's requests."""
        return self.do_job_results()

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
        from tui.screens.copying import choose_copy

        jobs = [view.job for view in self.situation.jobs]
        title = _("Copy") if len(jobs) < 2 else plural("Copy of {count} job", "Copy of {count} jobs", len(jobs))
        choose_copy(self, title, self._copies(jobs))

    def _copies(self, jobs: Sequence[Job]) -> dict[str, Copy]:
        """Return what can be copied, by the letter that chooses it; what is of jobs has a line for each."""
        from tui.screens.copying import Copy

        show = actions.action("job.open")
        situation = self.situation
        commands = [actions.command_line(show, replace(situation, jobs=(view,))) or "" for view in situation.jobs]
        copies = (
            {
                "i": Copy(_("the id"), "\n".join(job.id for job in jobs)),
                "n": Copy(_("the name"), "\n".join(job.name for job in jobs)),
                "f": Copy(_("the input's place"), "\n".join(_place(job.input.bucket, job.input.key) for job in jobs)),
                "o": Copy(_("the output folder"), "\n".join(map(_output_folder, jobs))),
                "c": Copy(_("the command line"), "\n".join(commands), bound_to_the_deck(situation)),
                "l": Copy(_("the JSON line"), "\n".join(job.raw.decode() for job in jobs)),
            }
            if jobs
            else {}
        )
        connection = deck_of(self).connection
        if connection is not None and connection.local:
            copies["v"] = Copy(_("the local cloud's variables"), "\n".join(export_lines(connection.variables)))
        return copies

    def objection(self, reason: str) -> str:
        """Return the reason with the name of the job that it is about."""
        for view in self.situation.jobs:
            if reason in (not_written(view.job), *(obstacle(deed, view.job) for deed in Deed)):
                return _("{job}: {reason}", job=_called(view), reason=reason)
        return reason

    def _able(self, deed: Deed) -> Sequence[JobView]:
        return [view for view in self.situation.jobs if obstacle(deed, view.job) is None]

    def _ask(self, deed: Deed, question: str, consequence: str, yes: str) -> None:
        from tui.screens.confirm import ConfirmScreen

        views, connection = self.situation.jobs, deck_of(self).connection
        reasons = {view.job.id: obstacle(deed, view.job) for view in views}
        able = [view for view in views if reasons[view.job.id] is None]
        passed_over = [(_identified(view), reason) for view in views if (reason := reasons[view.job.id]) is not None]

        def answered(agreed: bool | None) -> None:
            if not agreed or connection is None:
                return
            if connection is not deck_of(self).connection:
                left = _("the profile of these jobs is not open any more; nothing was sent")
                self.app.notify(left, severity="warning", markup=False)
                return
            self.app.run_worker(self._carry_out(deed, able, connection), name=f"{deed} jobs", group=DEEDS)

        touches = [f"{_identified(view)}  {_how_far(view.job)}" for view in able]
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
            self.app.notify(_told(deed, [names[job_id] for job_id in done]), markup=False)
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


def _told(deed: Deed, names: Sequence[str]) -> str:
    """Return what was done: to the job by its name, or to how many."""
    count, name = len(names), names[0]
    match deed:
        case Deed.STOP:
            return plural("stopping {name}", "{count} jobs stopping", count, name=name)
        case Deed.RESUME:
            return plural("resumed {name}", "{count} jobs resumed", count, name=name)
        case _:
            return plural("deleted {name}", "{count} jobs deleted", count, name=name)


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


def _identified(view: JobView) -> str:
    """Return the name of a job, cut or filled up to a column, and its id, since names repeat."""
    name, job_id = _called(view), clean(view.job.id, strict=True, limit=_NAME_LIMIT)
    if name == job_id:
        return job_id
    cut = name if cell_len(name) <= _NAME_CELLS else set_cell_size(name, _NAME_CELLS - 1) + glyphs().ellipsis
    return f"{set_cell_size(cut, _NAME_CELLS)}  {job_id}"


def _how_far(job: Job) -> str:
    """Return how much of a running job is done; else its phase."""
    percent = percent_done(job.counts)
    return f"{percent}%" if job.phase == Phase.RUNNING and percent is not None else clean(job.phase, limit=_NAME_LIMIT)


def _output_folder(job: Job) -> str:
    return _place(job.output.bucket, f"{job.output.key}{job.id}/")


def _place(bucket: str, key: str) -> str:
    return f"tos://{bucket}/{key}" if bucket else ""
