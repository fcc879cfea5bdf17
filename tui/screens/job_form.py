"""The form for what is changed about a job, or made of one: fields, what stands against them, and the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from tui.ark.errors import ArkError
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.screens.confirm import ConfirmScreen
from tui.screens.deck_app import DEEDS
from tui.screens.form import Form
from tui.screens.messages import ConnectionChanged
from tui.text import clean
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.line_input import LineInput
from tui.widgets.safe_text import identifier, plain

Send = Callable[[Mapping[str, str]], Awaitable[str]]
"""Sends the fields that were changed, by id, and returns what to tell (ArkdeckError: what went wrong)."""

_VALUE_LIMIT: Final = 4096


def no_objection(_text: str) -> str | None:
    """Accept any text."""
    return None


@dataclass(frozen=True, kw_only=True)
class Field:
    """One line of a form.

    Attributes:
        id: by which its text is sent.
        label: before it.
        value: what it begins with; may come from outside.
        check: says what is wrong with a text that was typed; None when nothing is.
        offers: asks for the texts that can be chosen from; None where there are none.
    """

    id: str
    label: str
    value: str = ""
    check: Callable[[str], str | None] = no_objection
    offers: Callable[[], Awaitable[Sequence[str]]] | None = None

    @property
    def shown(self) -> str:
        """What is in the field to begin with: one harmless line, which is not sent unless it is changed."""
        return clean(" ".join(self.value.splitlines()), limit=_VALUE_LIMIT)


class JobForm(Form[bool]):
    """Lets fields be changed, and sends what was; it stays, with what was typed, until that is done.

    What is sent goes on when the form is left meanwhile; a toast tells how it ended. Once the cloud of the job is left,
    nothing can be sent any more.

    Args:
        title: what the form is for; may come from outside, as all its texts may.
        fields: what can be changed.
        verb: the button that sends.
        send: sends what was changed.
        rehearse: has the service judge it and changes nothing; None where that cannot be.
        about: label and text of what is not changed.
        consequence: a sentence on what follows.
        unchanged: what to say when nothing was changed and there is nothing to send; empty where that can be sent.
        once: sent twice it may be done twice, so it is not sent again while nobody knows what became of it.
    """

    CSS_PATH: ClassVar = ["form.tcss", "job_form.tcss"]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        *,
        verb: str,
        send: Send,
        rehearse: Send | None = None,
        about: Sequence[tuple[str, str]] = (),
        consequence: str = "",
        unchanged: str = "",
        once: bool = False,
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._verb = verb
        self._send = send
        self._rehearse = rehearse
        self._about = about
        self._consequence = consequence
        self._unchanged = unchanged
        self._once = once
        self._offers: dict[str, Sequence[str]] = {}
        self._in_flight = False
        self._focused_before: Widget | None = None

    def heading(self) -> Content:
        """Return the title."""
        return plain(self._title)

    def compose_rows(self) -> ComposeResult:
        """Lay out the fields, and what they are about."""
        for field in self._fields:
            typed = LineInput(field.shown, id=field.id)
            typed.cursor_position = len(field.shown)
            yield from self.row(field.label, typed)
            if field.offers is not None:
                yield Static(id=f"offers-{field.id}", classes="offers")
        for number, (label, text) in enumerate(self._about):
            place = Static(identifier(text), classes="place")
            yield Horizontal(
                Static(plain(label), classes="label"), place, classes="about" if number else "about -first"
            )
        if self._consequence:
            yield Static(plain(self._consequence), id="consequence")

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        yield Button(plain(self._verb), id="send", variant="primary")
        if self._rehearse is not None:
            yield Button(plain(_("Dry run")), id="rehearse")
        yield Button(plain(_("Cancel")), id="leave")
        keys = (("enter", _("next") if self._once else self._verb.lower()), ("esc", _("cancel")))
        yield Static(legend(*keys))

    def on_mount(self) -> None:
        """Ask, behind the form, for what can be chosen from."""
        for field in self._fields:
            if field.offers is not None:
                self.run_worker(self._learn(field, field.offers), name="offers")

    # What is typed

    @property
    def changed(self) -> dict[str, str]:
        """The fields that differ from what they began with, by id."""
        texts = {field: self._input(field).value for field in self._fields}
        return {field.id: text for field, text in texts.items() if text != field.shown}

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.is_seen:
            self._judge([field for field in self._fields if field.id == event.input.id])
            self.tell("")
            self._offer(event.input.id or "")

    async def _learn(self, field: Field, ask: Callable[[], Awaitable[Sequence[str]]]) -> None:
        try:
            texts = await ask()
        except ArkdeckError:  # any text can be typed; what is wrong with it is told when it is sent
            return
        self._offers[field.id] = [text for text in map(clean, texts) if field.check(text) is None]
        self._input(field).suggester = SuggestFromList(self._offers[field.id], case_sensitive=False)
        self._offer(field.id)

    def _offer(self, field_id: str) -> None:
        """Show beneath a field what could be in it: all, or what has in it the text that was typed."""
        if field_id not in self._offers:
            return
        part = self.changed.get(field_id, "").casefold()
        fitting = [text for text in self._offers[field_id] if part in text.casefold()]
        shown = self.query_one(f"#offers-{field_id}", Static)
        shown.update(plain(f" {glyphs().separator} ".join(fitting)))
        shown.set_class(bool(fitting), "-shown")

    def _judge(self, fields: Sequence[Field]) -> list[Field]:
        """Show what is wrong with fields that were changed, each beneath its own; return those that are wrong."""
        changed = self.changed
        troubles = {field: field.check(changed[field.id]) if field.id in changed else None for field in fields}
        for field, trouble in troubles.items():
            self.object_to(field.id, trouble or "")
        return [field for field, trouble in troubles.items() if trouble is not None]

    def _input(self, field: Field) -> Input:
        return self.query_one(f"#{field.id}", Input)

    # What is sent

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._once:  # nobody pays by a key that ends a line
            self.app.action_focus_next()
        else:
            self._begin(self._send)

    @on(Button.Pressed, "#send")
    def _pressed_send(self) -> None:
        self._begin(self._send)

    @on(Button.Pressed, "#rehearse")
    def _pressed_rehearse(self) -> None:
        if self._rehearse is not None:
            self._begin(self._rehearse)

    def _begin(self, send: Send) -> None:
        """Send what was changed, unless it is on its way, or something is wrong with it."""
        if self._in_flight or not self.was_seen:
            return
        wrong = self._judge(self._fields)
        if wrong:
            self._input(wrong[0]).focus()
            return
        changed = self.changed
        if not changed and self._unchanged:
            self.tell(self._unchanged)
            return
        self._hold(in_flight=True)
        self.tell(_("sending…"))
        self.app.run_worker(self._carry(send, changed), name="form", group=DEEDS)

    async def _carry(self, send: Send, changed: Mapping[str, str]) -> None:
        try:
            told = await send(changed)
        except ArkdeckError as error:
            unknown = isinstance(error, ArkError) and error.maybe_applied
            if not (unknown and self._once):
                self._hold(in_flight=False)
            self.tell_error(error)
            return
        except asyncio.CancelledError:
            self.tell_error(ArkdeckError(_("cut off before the reply came"), advice=_("The job's history notes it.")))
            raise
        if send is self._rehearse:
            self._hold(in_flight=False)
            self.tell(told, "-good")
            return
        self.app.notify(told, markup=False)
        self.finish(True)

    def _hold(self, *, in_flight: bool) -> None:
        """Let nothing be changed or sent again while something is on its way."""
        if not self.is_attached:
            return
        self._in_flight = in_flight
        focused = self.focused
        for widget in self.query("Input, #send, #rehearse"):
            widget.disabled = in_flight
        if in_flight:
            self.query_one("#leave", Button).focus()
            self._focused_before = focused
        elif self._focused_before is not None:
            self._focused_before.focus()

    @on(ConnectionChanged)
    def _cloud_left(self) -> None:
        if not self._in_flight:
            self._hold(in_flight=True)
            self.tell_error(
                ArkdeckError(_("the profile of this job is not open any more"), advice=_("Nothing was sent."))
            )

    # Leaving

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave; where something was typed and not sent, once the operator agrees."""
        if self._in_flight or not self.changed:
            self.dismiss(None)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.dismiss(None)

        self.app.push_screen(ConfirmScreen(_("Discard what you typed?"), yes=_("Discard")), answered)
