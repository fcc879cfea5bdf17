"""The page that makes a job: its file, the check, its fields, the review, and the upload."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from textual import on, work
from textual.app import App, ComposeResult
from textual.content import Content

from tui import actions
from tui.actions import Scope, Situation
from tui.creation import Creation, Stage
from tui.daemon import in_daemon, stream_from_daemon
from tui.dataset.lines import line_at
from tui.dataset.preview import FilePreview, preview_file
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.runs.drafting import draft_of
from tui.runs.input_check import FoundIssue
from tui.runs.submission import new_nonce
from tui.runs.transfers import TransferState
from tui.screens import create_fields
from tui.screens.confirm import ConfirmScreen
from tui.screens.create_fields import DraftField, completion_of, field_cells
from tui.screens.deck_app import deck_of
from tui.screens.field import FieldScreen
from tui.screens.headed import Headed
from tui.screens.messages import CreationChanged, TransfersChanged
from tui.screens.moving import Moved, Moving
from tui.screens.of_cloud import OfCloud
from tui.screens.telling import tell_error
from tui.screens.ways import show_job
from tui.settings.draft import Draft
from tui.situations import Making
from tui.text import clean, short_path
from tui.widgets import check_rows
from tui.widgets.action_keys import key_of
from tui.widgets.check_rows import RuleRow, check_cells, check_state, platform_words
from tui.widgets.creation_lines import input_lines, next_line, review_lines, sent_lines, stage_tabs
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.key_bar import KeyBar
from tui.widgets.lines import Lines
from tui.widgets.safe_text import identifier, line
from tui.widgets.table import VirtualTable
from tui.widgets.tabs import Tabs
from tui.widgets.text_view import TextView
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.connection import Connection
    from tui.dataset.check import Issue
    from tui.runs.input_check import InputCheck
    from tui.runs.plan import Plan
    from tui.runs.transfers import Transfer

_CHECK: Final = "check"
_REVIEW: Final = "review"
_CLASSES: Final = {
    Stage.INPUT: "-input",
    Stage.CHECK: "-check",
    Stage.JOB: "-job",
    Stage.REVIEW: "-review",
    Stage.SEND: "-send",
}
_LINE_BYTES: Final = 256 * 1024
_NAME_LIMIT: Final = 80


class CreateScreen(OfCloud, Headed, Moving):
    """Shows a job in the making, one step at a time; left, it goes on where it was.

    Args:
        creation: the job.
    """

    SCOPE = Scope.CREATE
    CSS_PATH = "create.tcss"

    def __init__(self, creation: Creation) -> None:
        super().__init__(creation.connection)
        self._creation = creation
        self._rows: Mapping[str, RuleRow | FoundIssue] = {}
        self._previewed: Path | None = None
        self._preview: FilePreview | None = None
        self._unreadable = ""

    def compose(self) -> ComposeResult:
        """Lay out the lines, the steps, and what each of them shows."""
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield Tabs(len(Stage), first=Stage.INPUT)
        yield Lines(id="check-state")
        yield VirtualTable(check_rows.COLUMNS, self._check_cells, empty=Content(), markable=False, id="issues")
        yield VirtualTable(create_fields.COLUMNS, self._field_cells, empty=Content(), markable=False, id="fields")
        yield TextView(id="text")
        yield Lines(id="next")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show where the job stands; what is not begun yet begins."""
        self.tell_top_bar()
        self.query_one("#fields", VirtualTable).show([field.name for field in create_fields.FIELDS])
        self._go(self._creation.stage)
        if self._creation.draft.file and self._creation.check is None:
            self._begin_check()
        elif not self._creation.draft.file and not self._creation.sent:
            self.call_after_refresh(self.do_create_file)

    def on_resize(self) -> None:
        """Lay the texts out for the new width, once it is known."""
        self.call_after_refresh(self._show)

    def on_screen_resume(self) -> None:
        """Show what happened meanwhile."""
        self._show()

    @property
    def moved(self) -> Moved:
        """What the keys move through: the issues, the fields, or the text of the step."""
        return self._shown

    @property
    def _shown(self) -> VirtualTable | TextView:
        match self._creation.stage:
            case Stage.CHECK:
                return self.query_one("#issues", VirtualTable)
            case Stage.JOB:
                return self.query_one("#fields", VirtualTable)
            case _:
                return self.query_one("#text", TextView)

    @property
    def _sent(self) -> Transfer | None:
        """How the upload stands, once it is begun."""
        sent = self._creation.sent
        return self.of.transfers.get(sent) if sent else None

    @property
    def situation(self) -> Situation:
        """What an action would act on: the job in the making."""
        creation, stage = self._creation, self._creation.stage
        making = Making(
            first=stage is Stage.INPUT,
            last=stage is Stage.SEND or (stage is Stage.REVIEW and not creation.sent),
            empty=creation.draft == Draft() and not creation.sent,
            checking=creation.check is not None and creation.check.running,
            closed=self._not_openable(),
            unrepeatable=self._unrepeatable(),
            unsendable=creation.obstacle,
            command=creation.command(),
        )
        return replace(super().situation, making=making)

    def _not_openable(self) -> str | None:
        creation = self._creation
        match creation.stage:
            case Stage.CHECK:
                return None if self._issue is not None else _("no line is selected")
            case Stage.REVIEW:
                return creation.obstacle or _("{key} sends the job", key=key_of("create.send"))
            case Stage.SEND:
                sent = self._sent
                return None if sent is not None and sent.job_id else _("there is no job yet")
            case _:
                return None

    @property
    def _issue(self) -> Issue | None:
        """The issue of a line under the cursor, or the first one of the rule there."""
        key = self.query_one("#issues", VirtualTable).cursor_key or ""
        row = self._rows.get(key)
        found = self._rows.get(f"{key} 0") if isinstance(row, RuleRow) else row
        return found.issue if isinstance(found, FoundIssue) and found.issue.offset is not None else None

    def _unrepeatable(self) -> str | None:
        creation = self._creation
        match creation.stage:
            case Stage.INPUT | Stage.CHECK:
                if creation.check is not None and creation.check.running:
                    return _("the file is being checked")
                return None if creation.draft.file else _("no file is chosen")
            case Stage.REVIEW:
                return None if creation.review is not None else _("not ready for a review yet")
            case Stage.SEND:
                sent = self._sent
                again = sent is not None and sent.state in (TransferState.FAILED, TransferState.PAUSED)
                return None if again else _("there is nothing to go on with")
            case _:
                return _("this step asks nobody")

    # What the app tells

    @on(CreationChanged)
    def _creation_changed(self) -> None:
        self._show()
        self._follow_up()

    @on(TransfersChanged)
    def _transfer_changed(self, event: TransfersChanged) -> None:
        if event.transfer.id == self._creation.sent:
            self._show()

    # What is shown

    def _go(self, stage: Stage) -> None:
        """Show a step."""
        self._creation.stage = stage
        for each, name in _CLASSES.items():
            self.set_class(each is stage, name)
        self._shown.focus()
        self.call_after_refresh(self._show)
        self._follow_up()

    def _follow_up(self) -> None:
        """Ask for the review once it is looked at, and nothing stands against asking."""
        creation = self._creation
        passed = creation.check is not None and creation.check.passed is not None
        if creation.stage is Stage.REVIEW and creation.review is None and passed and not creation.troubles:
            self.app.run_worker(creation.run_review(), group=_REVIEW, exclusive=True)

    def _show(self) -> None:
        """Show everything as it is now; only what differs is painted."""
        if not self.is_attached:
            return
        creation, signs, sent = self._creation, glyphs(), self._sent
        self._look_into()
        path = creation.draft.path
        subject = line((_("New job"), "bold"))
        self.query_one(Crumb).tell(subject, identifier(short_path(path)).stylize("$muted") if path else None)
        self.query_one(Tabs).tell(stage_tabs(creation, sent, signs), creation.stage)
        self._show_stage(sent)
        self.query_one("#next", Lines).show(line(" ", next_line(creation, sent, signs)))
        self.refresh_keys()

    def _show_stage(self, sent: Transfer | None) -> None:
        creation, signs = self._creation, glyphs()
        text = self.query_one("#text", TextView)
        width = text.sight.width
        match creation.stage:
            case Stage.CHECK:
                self.query_one("#check-state", Lines).show(
                    check_state(creation.check, signs), platform_words(creation.check)
                )
                self._show_issues(creation.check)
            case Stage.JOB:
                self.query_one("#fields", VirtualTable).touch([field.name for field in create_fields.FIELDS])
            case Stage.INPUT if width:
                text.show(input_lines(creation, self._preview, self._unreadable, width))
            case Stage.REVIEW if width:
                text.show(review_lines(creation, self._command(), width, signs))
            case Stage.SEND if width:
                text.show(sent_lines(sent, width, signs))

    def _show_issues(self, check: InputCheck | None) -> None:
        """Show what is found; a cursor on the first row stays on the first, which is of the gravest rule so far."""
        issues = self.query_one("#issues", VirtualTable)
        begins = issues.cursor_key == next(iter(self._rows), None)
        self._rows = check_rows.check_rows(check) if check is not None else {}
        issues.show(list(self._rows))
        if begins:
            issues.first()

    def _command(self) -> str | None:
        return actions.command_line(actions.action("create.copy"), self.situation)

    def _check_cells(self, key: str, widths: Mapping[str, int]) -> Sequence[Content]:
        return check_cells(self._rows[key], widths, glyphs())

    def _field_cells(self, key: str, widths: Mapping[str, int]) -> Sequence[Content]:
        return field_cells(create_fields.BY_NAME[key], self._creation, widths)

    def _look_into(self) -> None:
        """Read the first requests of a file that was chosen since."""
        path = self._creation.draft.path
        if path == self._previewed:
            return
        self._previewed, self._preview, self._unreadable = path, None, ""
        if path is not None:
            self._read_first(path)

    @work(group="preview", exclusive=True)
    async def _read_first(self, path: Path) -> None:
        try:
            async with aclosing(stream_from_daemon(lambda: preview_file(path), name="preview")) as known:
                async for preview in known:
                    self._preview = preview
                    self._show()
        except ArkdeckError as error:
            self._unreadable = error.message
            self._show()

    # What the widgets tell

    @on(Tabs.Chosen)
    def _tab_clicked(self, event: Tabs.Chosen) -> None:
        self.do_create_stage(event.number)

    @on(VirtualTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.refresh_keys()

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("create.open")

    # What the operator does

    def do_create_stage(self, number: int) -> None:
        """Show a step by its number."""
        self._go(Stage(number))

    def do_create_next(self) -> None:
        """Show the next step."""
        self._go(Stage(self._creation.stage + 1))

    def do_create_previous(self) -> None:
        """Show the step before."""
        self._go(Stage(self._creation.stage - 1))

    async def do_create_open(self) -> None:
        """Open what is under the cursor: the file, the line, the value, the job that was made."""
        match self._creation.stage:
            case Stage.INPUT:
                self.do_create_file()
            case Stage.CHECK:
                await self._open_line()
            case Stage.JOB:
                self._edit(create_fields.BY_NAME[self.query_one("#fields", VirtualTable).cursor_key or ""])
            case Stage.SEND:
                if (sent := self._sent) is not None:
                    show_job(self.app, sent.job_id, self.of)

    def do_create_file(self) -> None:
        """Choose the file of requests."""
        from tui.screens.picker import PickerScreen

        path = self._creation.draft.path
        title = _("The file of requests")
        self.app.push_screen(PickerScreen(self._chosen, start=path, title=title))

    def _chosen(self, path: Path) -> None:
        creation = self._creation
        if creation.done_with:
            creation.begin_anew()
        creation.change(file=os.fsencode(path), parent="", nonce="")
        self._go(Stage.CHECK)
        self._begin_check()

    def _begin_check(self) -> None:
        self.app.run_worker(_check(self.app, self._creation), group=_CHECK, exclusive=True)

    def do_create_stop_check(self) -> None:
        """Stop the check."""
        self.app.workers.cancel_group(self.app, _CHECK)

    async def do_create_again(self) -> None:
        """Check the file again, ask the service again, or go on with an upload that stands."""
        creation = self._creation
        match creation.stage:
            case Stage.INPUT | Stage.CHECK:
                self._previewed = None
                creation.review = None
                self._begin_check()
            case Stage.REVIEW:
                creation.review = None
                self._show()
                self._follow_up()
            case Stage.SEND:
                await self._go_on()

    async def _go_on(self) -> None:
        sent = self._sent
        if sent is not None:
            try:
                self._creation.sent = (await self.of.transfers.resume(sent.id)).id
            except ArkdeckError as error:
                tell_error(self.app, error)
        self._show()

    async def _open_line(self) -> None:
        """Show the line of an issue as it lies in the file."""
        from tui.screens.text_screen import TextScreen

        check, issue = self._creation.check, self._issue
        if check is None or issue is None or issue.offset is None:
            return
        try:
            data = await in_daemon(partial(line_at, check.path, issue.offset, _LINE_BYTES), name="line")
        except ArkdeckError as error:
            tell_error(self.app, error)
            return
        place = f" ({issue.path})" if issue.path else ""
        text = "\n".join([f"{issue.message}{place}", "", data.decode("utf-8", "backslashreplace")])
        self.app.push_screen(TextScreen(f"{check.path.name}:{issue.line}", text, wrap=True))

    def _edit(self, field: DraftField) -> None:
        creation = self._creation
        value = getattr(creation.draft, field.name)
        if field.name == "nonce":
            creation.change(nonce="" if value else new_nonce())
            return
        if field.yes_or_no:
            creation.change(**{field.name: not value})
            return

        def typed(text: str | None) -> None:
            if text is not None and text != value:
                creation.change(**{field.name: text})

        asking = FieldScreen(
            field.label.capitalize(),
            value,
            check=partial(creation.trouble_with, field.name),
            completion=completion_of(field, creation),
            hint=field.usual(creation) or field.note,
        )
        self.app.push_screen(asking, typed)

    async def do_create_send(self) -> None:
        """Upload the file and create the job, as the review showed it."""
        try:
            await self._creation.send()
        except ArkdeckError as error:
            tell_error(self.app, error)
            return
        self._go(Stage.SEND)

    def do_create_copy(self) -> None:
        """Copy the command line that does the same."""
        command = self._command()
        if command is not None:
            deck_of(self).copy(command, _("the command line"))

    def do_create_anew(self) -> None:
        """Forget what is chosen and typed, once the operator agrees."""

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.do_create_stop_check()
                self._creation.begin_anew()
                self._go(Stage.INPUT)

        if self._creation.sent:
            answered(True)
        else:
            asking = ConfirmScreen(_("Forget what is chosen and typed here?"), yes=_("Forget"))
            self.app.push_screen(asking, answered)


async def _check(app: App[Any], creation: Creation) -> None:
    """Check the file, and tell of the end of it where the page does not show it."""
    await creation.run_check()
    if creation.check is not None and not any(isinstance(each, CreateScreen) for each in app.screen_stack):
        name = clean(creation.check.path.name, limit=_NAME_LIMIT)
        found = check_state(creation.check, glyphs()).plain
        app.notify("\n".join([name, found, _("{key} goes on with it", key=key_of("job.create"))]), markup=False)


def open_create(app: App[Any], plan: Plan | None = None) -> None:
    """Open the page on the job in the making, where it was left; or on what a plan describes.

    A draft that a plan would replace is given up only once the operator agrees.
    """
    deck = deck_of(app)
    connection = deck.connection
    if connection is None:
        return
    if deck.creation is None or deck.creation.connection is not connection:
        deck.creation = _left_creation(app, connection)
    creation = deck.creation
    if plan is None:
        if creation.done_with:
            creation.begin_anew()
        app.push_screen(CreateScreen(creation))
        return

    def answered(agreed: bool | None) -> None:
        if agreed:
            creation.begin_anew(draft_of(plan))
            app.push_screen(CreateScreen(creation))

    if creation.sent or creation.draft == Draft():
        answered(True)
        return
    other = clean(creation.draft.path.name, limit=_NAME_LIMIT) if creation.draft.path else _("without a file")
    app.push_screen(
        ConfirmScreen(
            _("Another job is in the making: {name}. Replace it?", name=other),
            consequence=_("What is chosen and typed for it is forgotten; its file stays."),
            yes=_("Replace"),
        ),
        answered,
    )


def _left_creation(app: App[Any], connection: Connection) -> Creation:
    """Return the job in the making as it was left for this profile; on the deck's own local cloud a new one."""
    deck = deck_of(app)
    profile = connection.profile.name

    def keep(draft: Draft) -> None:
        if not connection.local:
            deck.remember(drafts={**deck.state.drafts, profile: draft})

    def tell() -> None:
        for screen in app.screen_stack:
            screen.post_message(CreationChanged())

    left = Draft() if connection.local else deck.state.drafts.get(profile, Draft())
    return Creation(connection, left, tell=tell, keep=keep)
