"""What all screens of the deck have in common: their keys, all made of the registry of actions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from itertools import groupby
from typing import Any, ClassVar, Final, cast

from textual import on
from textual.binding import Binding
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget

from tui import actions
from tui.actions import Action, Scope, Situation
from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.screens.messages import ConnectionChanged, PollTold
from tui.settings.key_names import key_label
from tui.situations import bound_to_the_deck
from tui.widgets.action_keys import keys_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.key_hints import ActionChosen, KeyHint
from tui.widgets.key_panel import HintGroup, KeyPanel

ASKED: Final = "asked"
"""The group of the workers that do what a key asked for, some of them after a dialog."""
_PANEL_SHOWN = "-key-panel"


class DeckScreen(Screen[None]):
    """A screen whose keys are the registry's actions of its `SCOPE`; its key bar is a child of its own.

    The handler of an action is a method of the screen or of the app: `do_job_stop` for `job.stop`. One that is a
    coroutine runs as a worker of the screen, so it may wait for a dialog. A key whose action cannot run says why.
    """

    SCOPE: ClassVar[Scope] = Scope.APP

    # Textual repaints the whole screen when the focus moves; the widgets that gain and lose it repaint by themselves
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def __init_subclass__(cls, **options: bool) -> None:
        own = cls.__dict__.get("BINDINGS", [])
        cls.BINDINGS = [*own, *(_binding(action) for action in actions.in_scope(cls.SCOPE) if action.keys)]
        super().__init_subclass__(**options)

    @property
    def is_current(self) -> bool:
        """Whether the screen is on top; beneath a dialog that lets it shine through, nothing moves.

        Textual would repaint the whole window for each cell that changes there.
        """
        return super().is_current and self.app.screen is self

    @property
    def situation(self) -> Situation:
        """What an action would act on just now; screens with jobs add them."""
        deck = deck_of(self)
        connection = deck.connection
        if connection is None:
            return Situation(listing=self.SCOPE is Scope.JOBS)
        return Situation(
            listing=self.SCOPE is Scope.JOBS,
            connected=not deck.poll_status.refused,
            read_only=connection.profile.read_only,
            profile=connection.profile.name,
            named=connection.resolved.named,
            local=connection.local,
        )

    # Running actions

    async def action_act(self, action_id: str) -> None:
        """Run an action, or say what stands in its way."""
        if self not in self.app.screen_stack:
            return  # closed beneath the palette that the action was chosen in
        action = actions.action(action_id)
        reason = actions.obstacle(action, self.situation)
        if reason is not None:
            self.app.notify(self.objection(reason), severity="warning", markup=False)
            return
        result = self.handler(action)(*([] if action.argument is None else [action.argument]))
        self.refresh_keys()  # at once, so that it is painted together with what the action changed
        if inspect.iscoroutine(result):
            self.run_worker(cast(Coroutine[Any, Any, object], result), name=action.id, group=ASKED)

    def objection(self, reason: str) -> str:
        """Return why an action cannot run as a toast says it; a screen with jobs adds which of them it is about."""
        return reason

    def handler(self, action: Action) -> Callable[..., object]:
        """Return the method that does the action: the screen's, else the app's (AttributeError when neither has it)."""
        own: Callable[..., object] | None = getattr(self, action.handler, None)
        return own or cast(Callable[..., object], getattr(self.app, action.handler))

    @on(ActionChosen)
    async def _run_chosen(self, event: ActionChosen) -> None:
        event.stop()
        await self.action_act(event.action_id)

    # What the keys show

    @on(ConnectionChanged)
    @on(PollTold)
    def _follow_the_connection(self) -> None:
        self.refresh_keys()

    def on_screen_resume(self) -> None:
        """Show the panel of keys where it was called for on another screen, and what can be done now."""
        self._show_panel()
        self.refresh_keys()

    def on_descendant_focus(self) -> None:
        """A field of text takes keys for itself."""
        self.refresh_keys()

    def on_descendant_blur(self) -> None:
        """A field of text gives keys back."""
        self.refresh_keys()

    def refresh_keys(self) -> None:
        """Show by the keys what can be done now; to be called when cursor, marks or jobs changed."""
        if not self.is_current:
            return
        situation = self.situation
        for child in self.children:  # a query over the whole screen would cost more than all the rest, with every key
            if isinstance(child, KeyBar):
                child.show([self._hint(action, situation) for action in actions.in_key_bar(self.SCOPE)])
            elif isinstance(child, KeyPanel) and child.display:
                child.show(self._groups(situation))

    def _hint(self, action: Action, situation: Situation) -> KeyHint:
        keys = keys_of(action)
        arriving = next((key for key in keys if not self._taken_by_focus(key)), None)
        able = arriving is not None and actions.obstacle(action, situation) is None
        return KeyHint(action.id, key_label(arriving or keys[0]), action.title.lower(), able)

    def _groups(self, situation: Situation) -> Iterator[HintGroup]:
        bound = [action for action in actions.in_scope(self.SCOPE) if keys_of(action)]
        for group, members in groupby(bound, key=lambda action: action.group):
            yield group, [self._hint(action, situation) for action in members]

    def _taken_by_focus(self, key: str) -> bool:
        """Whether what has the focus takes the key for a letter."""
        character = " " if key == "space" else key if len(key) == 1 else None
        return self.focused is not None and self.focused.check_consume_key(key, character)

    # What every screen can do

    def do_app_keys(self) -> None:
        """Show the panel of keys, here and on every other screen, or hide it."""
        self.app.toggle_class(_PANEL_SHOWN)
        self._show_panel()
        self.refresh_keys()

    def _show_panel(self) -> None:
        shown = self.app.has_class(_PANEL_SHOWN)
        panels = self.query(KeyPanel)
        if shown and not panels:
            self.mount(KeyPanel())
        for panel in panels:
            panel.display = shown

    def do_app_help(self) -> None:
        """Show what can be done here; what is chosen there is done."""
        from tui.screens.help import HelpEntry, HelpScreen

        situation = self.situation
        entries = [
            HelpEntry(action, tuple(map(key_label, keys_of(action))), actions.obstacle(action, situation),
                      actions.command_line(action, situation))
            for action in actions.in_scope(self.SCOPE)
        ]  # fmt: skip
        self.app.push_screen(HelpScreen(entries, self.filter_words()), self._run_from_help)

    def filter_words(self) -> Sequence[tuple[str, str]]:
        """Return examples of the words of the screen's filter, and what they mean; none where it has no filter."""
        return ()

    async def _run_from_help(self, action_id: str | None) -> None:
        if action_id is not None:
            await self.action_act(action_id)

    def do_app_palette(self) -> None:
        """Find anything that can be done by its name."""
        from tui.screens.palette import Everything, Palette

        self.app.push_screen(Palette(Everything, _("type what you want to do")))

    def do_app_theme(self) -> None:
        """Choose the colours."""
        from tui.screens.palette import Palette, Themes

        self.app.push_screen(Palette(Themes, _("type a theme's name")))

    def do_job_create(self) -> None:
        """Make a job of a file."""
        from tui.screens.create import open_create

        open_create(self.app)

    def do_app_profiles(self) -> None:
        """Choose, add or change a profile."""
        from tui.screens.profiles import ProfilesScreen

        self._bring_up(ProfilesScreen)

    def do_app_transfers(self) -> None:
        """Show what goes up and what comes down."""
        from tui.screens.transfers import TransfersScreen

        self._bring_up(TransfersScreen)

    def do_app_activity(self) -> None:
        """Show what was done to jobs from this machine."""
        from tui.screens.activity import ActivityScreen

        self._bring_up(ActivityScreen)

    def _bring_up(self, kind: type[DeckScreen]) -> None:
        """Show a screen of which one is enough: the one that lies beneath, or a new one."""
        stack = self.app.screen_stack
        beneath = next((place for place, each in enumerate(stack) if type(each) is kind), None)
        if beneath is None:
            self.app.push_screen(kind())
            return
        for _each in stack[beneath + 1 :]:
            self.app.pop_screen()

    def do_app_back(self) -> None:
        """Leave the screen, if it lies on another one."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()

    def do_app_copy_command(self) -> None:
        """Copy the command line that shows what the screen shows."""
        situation = self.situation
        command = actions.command_line(actions.action("app.copy_command"), situation)
        if command is not None:
            deck_of(self).copy(command, _("the command"), bound_to_the_deck(situation))


def _binding(action: Action) -> Binding:
    return Binding(",".join(action.keys), f"act('{action.id}')", action.title, show=False, id=action.id)
