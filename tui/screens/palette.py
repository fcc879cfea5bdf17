"""The command palette: whatever can be done here, found by its name."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from rich.cells import cell_len
from textual import on
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.command import Command, CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.fuzzy import FuzzySearch
from textual.style import Style
from textual.widgets import Input, OptionList

from tui import actions
from tui.daemon import in_daemon
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.screens.deck_app import deck_of
from tui.settings.key_names import key_label
from tui.settings.profiles import list_profiles
from tui.text import clean
from tui.widgets.action_keys import keys_of
from tui.widgets.safe_text import line

if TYPE_CHECKING:
    from tui.screens.deck_screen import DeckScreen

_NAME_CELLS: Final = 26
_KEY_CELLS: Final = 7


@dataclass(frozen=True)
class _Entry:
    """One line of the palette; its texts may come from outside.

    Attributes:
        reason: why it cannot be done now; None when it can.
        run: does it, or says why it cannot be done.
    """

    name: str
    help: str
    run: Callable[[], object]
    key: str = ""
    reason: str | None = None


@dataclass(frozen=True)
class _WearTheme:
    """Takes a theme for good; while its line is highlighted, the palette shows the deck in it."""

    app: App[object]
    theme: str

    def __call__(self) -> None:
        self.app.theme = self.theme
        deck_of(self.app).remember(theme=self.theme)


class _Entries(Provider):
    """Finds entries by the letters of their names."""

    async def startup(self) -> None:
        """Wait for the themes, which are read after the first paint."""
        self._theme_names = await deck_of(self.app).theme_names()

    @abstractmethod
    def entries(self) -> Iterable[_Entry]:
        """Return all there are."""

    def themes(self) -> Iterator[_Entry]:
        """Return the themes, the one that is worn first."""
        worn = self.app.theme
        for name in sorted(self._theme_names, key=lambda name: (name != worn, name)):
            shown = _("in use") if name == worn else _("Use this theme.")
            yield _Entry(_("theme: {name}", name=name), shown, _WearTheme(self.app, name))

    async def discover(self) -> Hits:
        """List everything while nothing is typed."""
        for entry in self.entries():
            yield DiscoveryHit(_shown(entry), entry.run, text=clean(entry.name))

    async def search(self, query: str) -> Hits:
        """List what has the typed letters in their order."""
        fuzzy = FuzzySearch()
        for entry in self.entries():
            score, offsets = fuzzy.match(query, clean(entry.name))
            if score > 0:
                yield Hit(score, _shown(entry, offsets, self.match_style), entry.run, text=clean(entry.name))


class Everything(_Entries):
    """The actions of the screen, the profiles and the themes."""

    async def startup(self) -> None:
        """Read the profiles, off the event loop."""
        await super().startup()
        self._profiles: Sequence[str] = ()
        self._no_profiles: str | None = None
        try:
            self._profiles = await in_daemon(partial(list_profiles, deck_of(self.app).launch.paths), name="profiles")
        except ArkdeckError as error:
            self._no_profiles = error.message

    def entries(self) -> Iterator[_Entry]:
        """Return them all, in this order."""
        yield from self._actions()
        yield from self._choices_of_profile()
        yield from self.themes()

    def _actions(self) -> Iterator[_Entry]:
        screen = cast("DeckScreen", self.screen)
        situation = screen.situation
        for action in actions.in_scope(screen.SCOPE):
            if action.id != "app.palette":
                yield _Entry(
                    action.title,
                    action.help,
                    partial(screen.action_act, action.id),
                    key=next(map(key_label, keys_of(action)), ""),
                    reason=actions.obstacle(action, situation),
                )

    def _choices_of_profile(self) -> Iterator[_Entry]:
        deck = deck_of(self.app)
        if self._no_profiles is not None:
            tell = partial(self.app.notify, self._no_profiles, severity="error", markup=False)
            yield _Entry(_("profile"), "", tell, reason=self._no_profiles)
        for name in self._profiles:
            yield _Entry(_("profile: {name}", name=name), _("Work with this profile."), partial(deck.connect, name))


class Themes(_Entries):
    """The themes alone, the one that is worn first."""

    def entries(self) -> Iterator[_Entry]:
        """Return them all."""
        return self.themes()


def _shown(entry: _Entry, matched: Sequence[int] = (), match_style: Style | None = None) -> Content:
    name = line(clean(entry.name))
    for offset in matched:
        name = name.stylize(match_style or "underline", offset, offset + 1)
    gap = " " * max(1, _NAME_CELLS - name.cell_length)
    key = entry.key + " " * max(1, _KEY_CELLS - cell_len(entry.key))
    if entry.reason is not None:
        return line(name, gap, key, entry.reason).stylize("$text-disabled")
    return line(name, gap, (key, "bold $accent"), (entry.help, "$muted"))


class Palette(CommandPalette):
    """Textual's palette in our clothes; it wears a theme on trial while that is highlighted.

    Args:
        provider: what it finds.
        placeholder: what stands in the empty search.
    """

    CSS_PATH = "palette.tcss"

    def __init__(self, provider: type[Provider], placeholder: str) -> None:
        super().__init__([provider], placeholder=placeholder)
        self._chosen: object = None

    def on_mount(self) -> None:
        """Keep the theme that is worn; each blink of the cursor would cost bytes."""
        self.query_one(Input).cursor_blink = False
        self._worn = self.app.theme
        self.app.theme_changed_signal.subscribe(self, self._wear)

    def _wear(self, _theme: object) -> None:
        """Wear the theme too, which Textual leaves out on its own screens, and let the page be seen in its colours."""
        self.set_class(self.app.theme != self._worn, "-trial")
        self.app.stylesheet.update(self)
        self.refresh(layout=True)

    @on(OptionList.OptionHighlighted)
    def _try_theme(self, event: OptionList.OptionHighlighted) -> None:
        command = event.option.hit.command if isinstance(event.option, Command) else None
        self.app.theme = command.theme if isinstance(command, _WearTheme) else self._worn

    @on(OptionList.OptionSelected)
    def _keep_choice(self, event: OptionList.OptionSelected) -> None:
        if isinstance(event.option, Command):
            self._chosen = event.option.hit.command

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close; a theme on trial is taken off unless it was chosen."""
        if not isinstance(self._chosen, _WearTheme):
            self.app.theme = self._worn
        return super().dismiss(result)
