"""The deck: the Textual application that puts screens, connection and terminal together."""

from __future__ import annotations

import asyncio
import gc
import locale
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import msgspec
from msgspec import UNSET
from textual import events, on, work
from textual.binding import BindingType
from textual.notifications import SeverityLevel
from textual.screen import ModalScreen
from textual.worker import WorkerFailed

from tui.connected_app import ConnectedApp
from tui.daemon import in_daemon
from tui.glyphs import ASCII, glyphs_for
from tui.i18n import _, plural
from tui.launch import Launch
from tui.screens.deck_app import DEEDS
from tui.screens.jobs import JobsScreen
from tui.screens.too_small import TooSmallScreen, too_small
from tui.settings.deck_state import DeckState, Remembered
from tui.settings.themes import Theme, load_themes, without_colour
from tui.terminal.clipboard import copy_sequence, fits, inside_tmux, load_into_tmux
from tui.terminal.driver import TerminalDriver, TerminalGone
from tui.terminal.job_control import shell_can_continue
from tui.text import clean
from tui.widgets.action_keys import key_of
from tui.widgets.theming import textual_theme

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.theme import Theme as TextualTheme

    from tui.creation import Creation

CRASHED: Final = 70
_SIGNALS: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
_YOUNG_OBJECTS: Final = 20_000
"""Between two searches for garbage. Thousands of jobs make the whole search, which old ones lead to, a stall."""
_READ_PER_SECOND: Final = 12.0  # characters, by somebody who does something else
_TOLD_ELSEWHERE: Final = 2.0  # seconds after which a toast has been seen, once the operator goes to another page
_TOLD_SECONDS: Final = 4.0
_WARNED_SECONDS: Final = 8.0
_HERE: Final = Path(__file__).parent


class Deck(ConnectedApp, inherit_bindings=False):
    """The application.

    Attributes:
        glyphs: the signs that are drawn.
        state: how the operator left the deck; `remember` changes it.
        crash: the error that ended the deck and that nobody expected.
        creation: the job in the making, once there is one.
    """

    TITLE = "arkdeck"
    # Textual does not read the style sheet of the first screen by itself
    CSS_PATH: ClassVar = [_HERE / name for name in ("widgets/theming.tcss", "screens/jobs.tcss", "app.tcss")]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [("ctrl+c", "help_quit")]

    def __init__(self, launch: Launch) -> None:
        plain = "NO_COLOR" in os.environ  # Textual would show grey on grey, and grey is a colour too
        self._remembered = Remembered(launch.paths.state_dir)
        self._first_theme = _worn(launch.first_theme(self.state.theme), plain=plain)
        self._theme_names: tuple[str, ...] = ()
        self._themes_known = asyncio.Event()
        # Worn from the start: to change the theme is to read every style sheet once more
        self.set_reactive(ConnectedApp.theme, self._first_theme.name)
        super().__init__(launch, driver_class=TerminalDriver, ansi_color=plain or None)
        self.register_theme(self._first_theme)
        self.crash: BaseException | None = None
        self._page: Screen[Any] | None = None
        self.creation: Creation | None = None
        drawn_in_ascii = launch.ascii or launch.settings.ascii is True
        self.glyphs = ASCII if drawn_in_ascii else glyphs_for(launch.environ, locale.getencoding())
        self.set_class(self.glyphs is ASCII, "-ascii")
        self.set_keymap({action_id: ",".join(keys) for action_id, keys in launch.keymap.items()})

    @property
    def state(self) -> DeckState:
        """How the operator left the deck, to be shown as it was."""
        return self._remembered.state

    def get_default_screen(self) -> Screen[Any]:
        """Return the first screen: the jobs."""
        return JobsScreen()

    def on_mount(self) -> None:
        """Listen to the system, and connect once the first screen is painted."""
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._end, 128 + number)
        self.app_resume_signal.subscribe(self, lambda _app: self._repaint())
        # Textual paints the whole window three times when a dialog opens or closes
        self.screen_change_signal.subscribe(self, lambda _screen: self.delay_update(), immediate=True)
        self.screen_change_signal.subscribe(self, self._cancel_closed, immediate=True)
        self.screen_change_signal.subscribe(self, self._clear_toasts, immediate=True)
        self.call_after_refresh(self._begin)

    def _cancel_closed(self, _screen: Screen[Any]) -> None:
        """Cancel the workers of screens that are closed, before their widgets are taken away.

        Textual cancels them after that, and one that went on meanwhile would not find what it is to show something in.
        """
        open_screens = set(self.screen_stack)
        for worker in self.workers:
            if worker.node is not self and open_screens.isdisjoint(worker.node.ancestors_with_self):
                worker.cancel()

    def _clear_toasts(self, screen: Screen[Any]) -> None:
        """Take away what was said on another page, but for errors and for what has only just been said."""
        if isinstance(screen, ModalScreen | TooSmallScreen) or screen is self._page:
            return
        self._page = screen
        for toast in list(self._notifications):
            if toast.severity != "error" and time.time() - toast.raised_at > _TOLD_ELSEWHERE:
                self._unnotify(toast)

    async def on_unmount(self) -> None:
        """Let the connection close its journal and its cloud, but not for long."""
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        await self.connection_closed()
        with suppress(OSError):  # told when it first failed
            self._remembered.save()

    def _begin(self) -> None:
        if not gc.isenabled():  # `open_deck` put it off
            gc.freeze()  # what was imported meanwhile stays, and need not be looked through
            gc.set_threshold(_YOUNG_OBJECTS)
            gc.enable()
        if self._remembered.problem:
            self.notify(self._remembered.problem, severity="warning")
        self._learn_themes()
        if self.launch.local is not None:
            self.connect_local(self.launch.local)
        else:
            self.connect(self.launch.profile)

    def on_resize(self, event: events.Resize) -> None:
        """Cover the deck while the window is too small for it."""
        if len(self.screen_stack) > 1:
            self.delay_update()  # until what lies beneath is laid out anew too
        if too_small(event.size) and not isinstance(self.screen, TooSmallScreen):
            self.push_screen(TooSmallScreen())

    # What the operator decides

    def get_theme(self, theme_name: str) -> TextualTheme | None:
        """Return a theme; the one to begin with also to Textual, which asks for it before it lets any be registered."""
        return self._first_theme if theme_name == self._first_theme.name else super().get_theme(theme_name)

    def watch_theme(self) -> None:
        """Repaint once, when every screen wears it."""
        self.delay_update()

    async def theme_names(self) -> tuple[str, ...]:
        """Return the names of the themes that can be chosen, once their files are read."""
        await self._themes_known.wait()
        return self._theme_names

    @work(group="themes")
    async def _learn_themes(self) -> None:
        """Take up the themes behind the first one, and tell of those that are broken."""
        themes = await in_daemon(partial(load_themes, self.launch.paths.themes_folder), name="themes")
        for theme in themes.by_name.values():
            self.register_theme(_worn(theme, plain=self.no_color))
        self._theme_names = tuple(themes.by_name)
        self._themes_known.set()
        for problem in themes.problems:
            self.notify(problem.message, severity="warning")

    def remember(self, **changes: object) -> None:
        """Keep how the operator left something: fields of `DeckState`."""
        self._remembered.state = msgspec.structs.replace(self._remembered.state, **changes)
        self._write_state()
        configured = self.launch.settings.theme
        if "theme" in changes and configured is not UNSET:
            file = self.launch.paths.config_file.name
            self.notify(_("next time it is {theme} again: {file} says so", theme=configured, file=file))

    @work(group="remember")
    async def _write_state(self) -> None:
        try:
            await in_daemon(self._remembered.save, name="remember")
        except OSError as error:
            self.notify(_("what you choose cannot be remembered: {error}", error=error), severity="warning")

    # The terminal

    def copy(self, text: str, what: str, note: str = "") -> None:
        """Copy a text to the operator's clipboard and say so.

        Args:
            text: what to copy; control characters in it are made harmless first.
            what: its name in the message, as in `the id`.
            note: a sentence more on it; empty for none.
        """
        safe = clean(text, multiline=True, limit=len(text))
        if not fits(safe):
            from tui.screens.text_screen import TextScreen

            self.push_screen(TextScreen(what, safe))
            self.notify(_("too long for a terminal's clipboard: select it here, with the mouse and shift held"))
            return
        self._clipboard = safe
        said = plural("copied {what} ({count} character)", "copied {what} ({count} characters)", len(safe), what=what)
        self._hand_to_terminal(safe, (said, note))

    def copy_to_clipboard(self, text: str) -> None:
        """Send a text to the terminal's clipboard, as Textual does, but also through multiplexers."""
        self._clipboard = text
        self._hand_to_terminal(text)

    @work(group="clipboard")
    async def _hand_to_terminal(self, text: str, told: Sequence[str] = ()) -> None:
        """Give the terminal a text and tell in a toast that it was copied, and what may have kept it."""
        environ, doubt = self.launch.environ, ""
        if not await in_daemon(partial(load_into_tmux, text, environ), name="clipboard"):
            if self._driver is not None:
                self._driver.write(copy_sequence(text, environ))
            if inside_tmux(environ):
                doubt = _("tmux may keep it from your terminal: tmux set -g set-clipboard on lets it through")
        if told:
            self.notify("\n".join(filter(None, (*told, doubt))), severity="warning" if doubt else "information")

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a toast, long enough to be read, unless one that says the same is still up.

        Its text is never markup and does nothing to a terminal.
        """
        shown = clean(message, multiline=True, limit=400)
        heading = clean(title, limit=80)
        if any((each.message, each.title) == (shown, heading) for each in self._notifications):
            return
        least = _TOLD_SECONDS if severity == "information" else _WARNED_SECONDS
        timeout = timeout or max(least, len(shown) / _READ_PER_SECOND)
        super().notify(shown, title=heading, severity=severity, timeout=timeout, markup=False)

    def action_help_quit(self) -> None:
        """Say how to leave, to whoever presses what ends other programs."""
        local, key = self.connection is not None and self.connection.local, key_of("app.quit")
        self.notify(
            _("press {key} to leave arkdeck; its local cloud ends with it", key=key)
            if local
            else _("press {key} to leave arkdeck; the jobs go on", key=key)
        )

    def do_app_suspend(self) -> None:
        """Go back to the shell, if there is one that can continue the deck."""
        if shell_can_continue():
            self.action_suspend_process()
        else:
            self.notify(_("there is no shell to go back to"), severity="warning")

    def do_app_quit(self) -> None:
        """Leave; jobs and runs go on or can be continued.

        While jobs are being changed, or transfers run, once the operator agrees.
        """
        if not any(each.group == DEEDS for each in self.workers):
            self.once_transfers_may_stop(lambda: self.exit(0))
            return
        from tui.screens.confirm import ConfirmScreen

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.exit(0)

        cut_off = _(
            "Jobs are being changed. What is not sent yet stays undone; the history of each job notes the rest."
        )
        self.push_screen(ConfirmScreen(_("Leave now?"), consequence=cut_off, yes=_("Leave")), answered)

    def _repaint(self) -> None:
        self.screen.refresh(layout=True)

    @on(TerminalGone)
    def _hung_up(self) -> None:
        self._end(128 + signal.SIGHUP)

    def _end(self, code: int) -> None:
        self.exit(code, return_code=code)

    def _handle_exception(self, error: Exception) -> None:
        """End because of an error that nobody expected, and leave it to the caller of `run` to tell of it.

        Textual's own way prints the values of local variables, keys among them.
        """
        if self.crash is None:
            self.crash = error.error if isinstance(error, WorkerFailed) else error
            self._exception = error
            self._exception_event.set()
        self._return_code = CRASHED
        self._close_messages_no_wait()


def _worn(theme: Theme, *, plain: bool) -> TextualTheme:
    """Return the theme for Textual, without its colours where none are wanted."""
    return textual_theme(without_colour(theme) if plain else theme)
