"""The form that makes a new input of what a job has left."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.daemon import in_daemon
from tui.dataset.remainder import Only, Reason, remainder_of
from tui.dataset.request_change import parse_change
from tui.errors import ArkdeckError, UsageError
from tui.i18n import _
from tui.runs.changes import Deed, obstacle
from tui.runs.retry import RetryFile, in_words, resumable, would_resume, write_retry_file
from tui.screens.form import FormOfCloud
from tui.text import clean
from tui.widgets.job_cells import job_name
from tui.widgets.legend import legend
from tui.widgets.line_input import LineInput
from tui.widgets.safe_text import line, plain
from tui.widgets.said import say
from tui.widgets.toggle import Toggle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.connection import Connection
    from tui.dataset.request_change import Change
    from tui.runs.board import JobView
    from tui.runs.results_folder import Results

_USUAL: Final = Only().reasons
_CODE: Final = "code"


class RetryForm(FormOfCloud[RetryFile | Deed]):
    """Lets the operator choose what is sent again and how it is changed, and writes the file of it.

    Returns the file, or RESUME where the service is to go on with the job instead.

    Args:
        results: of the job, its input at hand.
        view: the job as it is known.
        connection: of its cloud.
        code: of the errors that are listed; None when all are.
    """

    AUTO_FOCUS = "#write"
    CSS_PATH: ClassVar = ["form.tcss", "retry_form.tcss"]

    def __init__(self, results: Results, view: JobView, connection: Connection, code: str | None) -> None:
        super().__init__()
        self._results = results
        self._view = view
        self._connection = connection
        self._code = code
        self._retried: list[str] = []
        self._writing = False

    def heading(self) -> Content:
        """Return the title."""
        return line(_("Retry what is left of "), job_name(self._view.job))

    def compose_rows(self) -> ComposeResult:
        """Lay out what may be sent again, and what is changed of it."""
        for reason, label in self._reasons():
            yield Toggle(label, chosen=self._code is None and reason in _USUAL, id=reason)
        if self._code is not None:
            yield Toggle(line(_("failed with "), (self._code, "bold")), chosen=True, id=_CODE)
        example = _("e.g. {example}", example="max_tokens=4096 thinking.type=disabled")
        yield from self.row(_("change"), LineInput(id="changes", placeholder=example))
        yield Static(id="left")

    def _reasons(self) -> list[tuple[Reason, Content]]:
        """Return the reasons that there are requests for, each with their number."""
        words = {
            Reason.FAILED: _("failed"),
            Reason.MISSING: _("missing: no file has a reply"),
            Reason.TRUNCATED: _("cut short by max_tokens"),
            Reason.REFUSED: _("refused: the answer was withheld"),
            Reason.EMPTY: _("empty: the answer says nothing"),
        }
        counts = {reason: getattr(self._results.account, reason) for reason in Reason}
        digits = max(len(f"{count:,}") for count in counts.values())
        return [
            (reason, line((f"{count:,}".rjust(digits), "bold"), f"  {words[reason]}"))
            for reason, count in counts.items()
            if count
        ]

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        yield Button(plain(_("Write the file")), id="write", variant="primary")
        resume = Button(plain(_("Resume the job instead")), id="resume")
        resume.display = False
        yield resume
        yield Button(plain(_("Cancel")), id="leave")
        yield Static(legend(("tab", _("fields")), ("space", _("choose")), ("esc", _("cancel"))))

    def on_mount(self) -> None:
        """Count what is left, and find out what else is known of it."""
        self._count()
        self._look_around()

    # What is chosen

    @property
    def _only(self) -> Only:
        chosen = {toggle.id for toggle in self.query(Toggle) if toggle.chosen}
        codes = [self._code] if self._code is not None and _CODE in chosen else []
        return Only(frozenset(reason for reason in Reason if reason in chosen), frozenset(codes))

    def _changes(self) -> Sequence[Change]:
        """Return the changes that were typed (UsageError: one is none)."""
        import shlex

        typed = self.query_one("#changes", Input).value
        try:
            return [parse_change(word) for word in shlex.split(typed)]
        except ValueError as error:
            raise UsageError(_("a quote is not closed")) from error

    @on(Toggle.Changed)
    @on(Input.Changed)
    @work(group="count", exclusive=True)
    async def _count(self) -> None:
        """Tell how many requests are left for what is chosen."""
        changes: Sequence[Change] = ()
        trouble = ""
        try:
            changes = self._changes()
        except UsageError as error:
            trouble = error.message
        self.object_to("changes", trouble)
        remainder = await in_daemon(partial(remainder_of, self._results.index, self._only), name="count")
        words = in_words(remainder, changed=bool(changes)) if remainder.requests else [_("nothing is chosen")]
        if self._retried:
            words.append(_("this was retried before: {jobs}", jobs=", ".join(self._retried)))
        say(self.query_one("#left", Static), Content("\n").join(map(plain, words)))
        self.query_one("#write", Button).disabled = not remainder.requests or self._writing

    @work(group="around")
    async def _look_around(self) -> None:
        """Find out whether this was retried before, and whether the service could go on with the job itself."""
        journal, job = self._connection.services.journal, self._view.job
        try:
            runs = await journal.apart(lambda own: own.retries_of(job.id))
            self._retried = [clean(run.job_id or run.id, strict=True) for run in runs]
            if self._retried:
                self._count()
            able = obstacle(Deed.RESUME, job) is None and not self._connection.profile.read_only
            if able and would_resume(job, self._only, self._results.account, []):
                able = await resumable(job.id, self._results.account, self._connection.services) is not None
                self.query_one("#resume", Button).display = able
        except ArkdeckError as error:
            self.app.notify(error.message, severity="warning", markup=False)

    # What is done

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.app.action_focus_next()

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    @on(Button.Pressed, "#resume")
    def _resume_instead(self) -> None:
        self.dismiss(Deed.RESUME)

    @on(Button.Pressed, "#write")
    @work(group="write", exclusive=True)
    async def _write(self) -> None:
        """Write the file, and return it."""
        if not self.was_seen:
            return
        try:
            changes = self._changes()
        except UsageError:  # told beneath the field
            self.query_one("#changes", Input).focus()
            return
        self._hold(writing=True)
        results = self._results
        try:
            async with aclosing(write_retry_file(results.index, self._only, changes, results.folder)) as steps:
                async for step in steps:
                    if isinstance(step, RetryFile):
                        self.finish(step)
                    else:
                        self.tell(_("writing… {percent}%", percent=100 * step.done // max(1, step.total)))
        except ArkdeckError as error:
            self._hold(writing=False)
            self.tell_error(error)

    def _hold(self, *, writing: bool) -> None:
        self._writing = writing
        for widget in self.query("Toggle, Input, #write, #resume"):
            widget.disabled = writing
