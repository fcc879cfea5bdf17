"""The dialog that takes a profile's access keys, and keeps them where the operator says."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.screens.deck_app import deck_of
from tui.screens.form import Form
from tui.settings.credentials import (
    Credentials,
    CredentialsInvalid,
    entered_credentials,
    environment_pair,
    save_credentials,
)
from tui.settings.keyring_store import KeyringUnavailableError, describe_keyring
from tui.widgets.glyphs import glyphs
from tui.widgets.legend import legend
from tui.widgets.line_input import KeyInput
from tui.widgets.one_of import OneOf
from tui.widgets.safe_text import identifier, line, paragraphs, plain

if TYPE_CHECKING:
    from tui.settings.profiles import Profile

_KEYRING: Final = "keyring"
_SESSION: Final = "session"


class LoginScreen(Form[bool]):
    """Takes access keys; returns True once they are kept, in the system keyring or for as long as the deck runs.

    Args:
        profile: whose keys.
        reason: why they are asked for; may come from outside.
    """

    CSS_PATH: ClassVar = ["form.tcss", "login.tcss"]

    def __init__(self, profile: Profile, *, reason: str = "") -> None:
        super().__init__()
        self._profile = profile
        self._reason = reason
        self._storing: Worker[None] | None = None
        self._unusable = ""

    def heading(self) -> Content:
        """Return the title."""
        return line(_("Log in to profile "), identifier(self._profile.name))

    def compose_rows(self) -> ComposeResult:
        """Lay out the reason, the fields, and where the keys are kept."""
        if self._reason:
            yield Static(paragraphs(self._reason), id="reason")
        yield from self.row(_("service"), Static(identifier(self._profile.ark_endpoint), id="service", classes="fact"))
        yield from self.row(_("access key"), KeyInput(secret=False, id="access-key"))
        yield from self.row(_("secret key"), KeyInput(secret=True, id="secret-key"))
        hint = _("only with temporary keys")
        yield from self.row(_("session token"), KeyInput(secret=True, id="session-token", placeholder=hint))
        places = [(_KEYRING, _("in the system keyring")), (_SESSION, _("until arkdeck ends"))]
        yield from self.row(_("keep them"), OneOf(places, chosen=_KEYRING, id="keep"))
        yield Static(line((_("looking for the system keyring…"), "$muted")), id="place")

    def compose_buttons(self) -> ComposeResult:
        """Lay out the buttons."""
        yield Button(plain(_("Log in")), id="log-in", variant="primary")
        yield Button(plain(_("Test")), id="test")
        yield Button(plain(_("Leave")), id="leave")
        yield Static(legend(("enter", _("log in")), ("esc", _("leave"))))

    def on_mount(self) -> None:
        """Find out before anybody types a key whether it can be stored."""
        self._look_for_keyring()

    # Where they are kept

    @work(group="keyring")
    async def _look_for_keyring(self) -> None:
        report = await describe_keyring()
        if report.cure:
            self._unusable = "\n".join([report.description, report.cure])
        self._tell_place()

    @on(OneOf.Changed)
    def _tell_place(self) -> None:
        """Say where the keys can be kept and what would change that."""
        temporary = bool(self._field("session-token").value)
        keep = self.query_one("#keep", OneOf)
        keep.bar([_KEYRING] if self._unusable or temporary else [])
        parts: list[Content] = []
        if self._unusable:
            without = _(
                "Without one, set VOLCENGINE_ACCESS_KEY and VOLCENGINE_SECRET_KEY, or keep the keys until the end."
            )
            parts = [line((f"{glyphs().warning} ", "$warning"), paragraphs(self._unusable)), plain(without)]
        elif temporary:
            parts = [plain(_("keys with a session token expire, and are not stored"))]
        elif keep.chosen == _KEYRING:
            parts = [plain(_("the system keyring is ready"))]
        variable = environment_pair(deck_of(self).launch.environ)
        if variable is not None:
            parts.append(plain(_("{name} is set: it wins wherever no profile is named", name=variable)))
        place = self.query_one("#place", Static)
        place.update(Content("\n").join(parts))
        place.display = bool(parts)
        self.call_after_refresh(self._fit)

    # What is typed

    def _field(self, field_id: str) -> Input:
        return self.query_one(f"#{field_id}", Input)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.tell("")
        if event.input.id == "session-token":
            self._tell_place()

    def _entered(self) -> Credentials | None:
        """Return the keys; None, and say why, when they cannot be some."""
        access_key, secret_key, token = (
            self._field(each).value for each in ("access-key", "secret-key", "session-token")
        )
        try:
            return entered_credentials(access_key, secret_key, token)
        except CredentialsInvalid as error:
            self.tell_error(error)
        return None

    # What is done with them

    @on(Input.Submitted)
    def _go_on(self, event: Input.Submitted) -> None:
        """Go to the next key that is missing; log in where none is."""
        event.stop()
        for field_id in ("access-key", "secret-key"):
            field = self._field(field_id)
            if not field.value and field is not event.input:
                field.focus()
                return
        self._log_in()

    @on(Button.Pressed, "#log-in")
    def _log_in(self) -> None:
        entered = self._entered()
        if entered is None or self._storing is not None:
            return
        if self.query_one("#keep", OneOf).chosen == _SESSION:
            deck_of(self).session_keys[self._profile.name] = entered
            key, name = entered.masked_key, self._profile.name
            told = _("the key {key} is used for profile {name} until arkdeck ends", key=key, name=name)
            self.app.notify(told, markup=False)
            self.finish(True)
            return
        self.tell(_("storing…"))
        self._storing = self.app.run_worker(partial(self._store, entered), name="login")

    async def _store(self, entered: Credentials) -> None:
        try:
            await save_credentials(self._profile.name, entered)
        except KeyringUnavailableError as error:
            self._storing = None
            self.tell_error(error)
            return
        key, name = entered.masked_key, self._profile.name
        deck_of(self).session_keys.pop(name, None)
        told = _("stored the key {key} for profile {name} in the system keyring", key=key, name=name)
        self.app.notify(told, markup=False)
        self.finish(True)

    @on(Button.Pressed, "#test")
    def _test(self) -> None:
        entered = self._entered()
        if entered is not None:
            self.tell(_("asking the service…"))
            self._try(entered)

    @work(group="test-keys", exclusive=True)
    async def _try(self, entered: Credentials) -> None:
        from tui.runs.key_check import count_jobs

        try:
            count = await count_jobs(self._profile, entered, clock=deck_of(self).launch.clock)
        except ArkdeckError as error:
            self.tell_error(error)
            return
        project = self._profile.project
        works = plural(
            "the keys work: {count} job in project {project}",
            "the keys work: {count} jobs in project {project}",
            count,
            project=project,
        )
        self.tell(f"{glyphs().check} {works}", "-good")

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
