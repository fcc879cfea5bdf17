"""The way in for an operator without keys that work."""

from __future__ import annotations

from functools import partial

from textual import on, work

from tui.connection import Connected, Failed
from tui.daemon import in_daemon
from tui.errors import ArkdeckError
from tui.screens.deck_app import deck_of
from tui.screens.deck_screen import DeckScreen
from tui.screens.messages import ConnectionChanged, PollTold
from tui.screens.telling import tell_error
from tui.settings.config_file import load_config
from tui.settings.profiles import Profile, resolve_profile


class Entrance(DeckScreen):
    """Leads to the welcome or the login where there are no keys, or none that let a job be seen.

    It does so once for each opening of a profile, and only while nothing else is open: who leaves it is left alone.
    """

    _led: object = None

    def on_screen_resume(self) -> None:
        """Lead in where something else was open when the keys were missed."""
        self._lead()

    @on(ConnectionChanged)
    @on(PollTold)
    def _lead(self) -> None:
        deck = deck_of(self)
        state, status = deck.connection_state, deck.poll_status
        if self.app.screen is not self or state is self._led:
            return
        if isinstance(state, Failed) and state.keyless:
            self._led = state
            self._without_keys(state)
        elif isinstance(state, Connected) and not state.connection.local and status.refused and not status.loaded:
            self._led = state
            self._log_in(state.connection.profile, status.cause)

    @work(group="entrance")
    async def _without_keys(self, state: Failed) -> None:
        """Welcome who has no profile yet; ask for the keys of the one that was asked for, or is the default."""
        launch = deck_of(self).launch
        try:
            resolve = partial(resolve_profile, launch.paths, state.name or None, launch.environ)
            resolved = await in_daemon(resolve, name="profile")
            config = await in_daemon(partial(load_config, launch.paths.config_file), name="profile")
        except ArkdeckError as error:
            tell_error(self.app, error)
            return
        if self.app.screen is not self or deck_of(self).connection_state is not state:
            return
        if resolved.named or resolved.profile.name in config.profiles:
            self._log_in(resolved.profile, state.cause)
        else:
            from tui.screens.welcome import WelcomeScreen

            self.app.push_screen(WelcomeScreen())

    def _log_in(self, profile: Profile, cause: ArkdeckError | None) -> None:
        from tui.screens.login import LoginScreen

        def connect(logged_in: bool | None) -> None:
            if logged_in:
                deck_of(self).connect(profile.name)

        self.app.push_screen(LoginScreen(profile, reason=cause.message if cause else ""), connect)
