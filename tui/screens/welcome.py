"""What an operator sees who starts the deck for the first time: two ways in, and one out."""

from __future__ import annotations

from functools import partial
from typing import ClassVar, Final

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.connection import Failed
from tui.daemon import in_daemon
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.launch import LocalStart
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import ConnectionChanged
from tui.screens.telling import tell_error
from tui.settings.config_file import load_config
from tui.settings.profiles import resolve_profile
from tui.widgets.choices import Choices
from tui.widgets.key_bar import KeyBar
from tui.widgets.safe_text import line, plain

_WAYS: Final = (
    ("l", _("Log in"), _("with access keys of Volcengine Ark or BytePlus ModelArk")),
    ("t", _("Try the local cloud"), _("made-up jobs on this machine, gone when arkdeck ends")),
    ("q", _("Quit"), _("arkdeck --help lists the commands that do the same")),
)


class _Ways(Choices):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]


class WelcomeScreen(DeckScreen):
    """Leads to a profile and its keys, or to the local cloud; it goes by itself once a cloud is being opened."""

    CSS_PATH = "welcome.tcss"
    AUTO_FOCUS = "_Ways"

    def compose(self) -> ComposeResult:
        """Lay out the greeting, the ways, and what else would do."""
        with Vertical(id="welcome"):
            yield Static(line(("arkdeck", "bold $primary")), id="name")
            yield Static(plain(_("the flight deck for batch inference on Volcengine Ark")), id="what")
            yield _Ways(*(Option(_shown(*way), id=way[0]) for way in _WAYS))
            keys = ("VOLCENGINE_ACCESS_KEY", "VOLCENGINE_SECRET_KEY")
            yield Static(plain(_("Keys in {one} and {other} serve as well.", one=keys[0], other=keys[1])), id="or")
        yield KeyBar()

    @on(ConnectionChanged)
    def _leave_for_a_cloud(self) -> None:
        self._leave()

    def on_screen_resume(self) -> None:
        """Go where a cloud was chosen on a screen above."""
        self._leave()

    def _leave(self) -> None:
        if self.app.screen is self and not isinstance(deck_of(self).connection_state, Failed):
            self.dismiss()

    def on_key(self, event: events.Key) -> None:
        """Take the way whose letter it is."""
        if event.key in ("l", "t"):
            event.stop()
            self._take(event.key)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(event.option_id or "")

    def _take(self, way: str) -> None:
        if way == "l":
            self._log_in()
        elif way == "t":
            deck_of(self).connect_local(LocalStart(scene="busy"))
        else:
            self.app.exit(0)

    @work(group="log-in", exclusive=True)
    async def _log_in(self) -> None:
        """Have a profile written, unless that is done, and its keys entered; then open it."""
        from tui.screens.login import LoginScreen
        from tui.screens.profile_form import ProfileForm

        deck = deck_of(self)
        paths, environ = deck.launch.paths, deck.launch.environ
        try:
            config = await in_daemon(partial(load_config, paths.config_file), name="profile")
            name = next(iter(config.profiles), None) or await self.app.push_screen_wait(ProfileForm(config))
            if name is None:
                return
            resolved = await in_daemon(partial(resolve_profile, paths, name, environ), name="profile")
        except ArkdeckError as error:
            tell_error(self.app, error)
            return
        if await self.app.push_screen_wait(LoginScreen(resolved.profile)):
            deck.connect(name)


def _shown(key: str, label: str, note: str) -> Content:
    return Content("\n").join([line((key, "bold $accent"), "  ", (label, "bold")), line("   ", (note, "$muted"))])
