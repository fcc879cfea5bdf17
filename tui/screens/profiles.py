"""The profiles: which one the deck works with, what they say, and whose keys are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from tui.actions import Scope, Situation
from tui.connection import Connecting, Failed
from tui.daemon import in_daemon
from tui.i18n import _
from tui.screens.confirm import ConfirmScreen
from tui.screens.deck_app import deck_of
from tui.screens.headed import Headed
from tui.screens.messages import ConnectionChanged, PollTold
from tui.screens.moving import Listing
from tui.screens.profile_form import ProfileForm, written
from tui.screens.telling import tell_error
from tui.settings.config_file import ConfigError, load_config
from tui.settings.profile_list import KeysFrom, ListedProfile, listed_profiles
from tui.settings.profiles import delete_profile, make_default
from tui.text import clean, short_path
from tui.widgets.action_keys import key_of
from tui.widgets.crumb import Crumb
from tui.widgets.glyphs import glyphs
from tui.widgets.key_bar import KeyBar
from tui.widgets.profile_cells import COLUMNS, profile_cells, profile_facts
from tui.widgets.safe_text import identifier, line, paragraphs
from tui.widgets.table import VirtualTable
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.settings.keyring_store import KeyringUnavailableError

_ANY_TWO: Final = 2


class ProfilesScreen(Headed, Listing):
    """Lists the profiles; the deck can be given another one, and each can be changed and given keys."""

    SCOPE = Scope.PROFILES
    CSS_PATH = "profiles.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._listed: Mapping[str, ListedProfile] = {}
        self._keys: Mapping[str, KeysFrom] = {}
        self._trouble: ConfigError | None = None
        self._no_keyring: KeyringUnavailableError | None = None
        self._awaited = ""

    def compose(self) -> ComposeResult:
        """Lay out the lines, the list, and what is told of one."""
        yield TopBar(deck_of(self).launch.clock)
        yield Crumb()
        yield VirtualTable(COLUMNS, self._cells, empty=Content(), markable=False)
        yield Static(id="told")
        yield KeyBar()

    def on_mount(self) -> None:
        """Say where the profiles are kept."""
        file = identifier(short_path(deck_of(self).launch.paths.config_file))
        self.query_one(Crumb).tell(line((_("Profiles"), "bold")), file.stylize("$muted"))
        self.tell_top_bar()
        self.table.focus()

    def on_screen_resume(self) -> None:
        """List them, as they are now."""
        self._list()

    @property
    def chosen(self) -> ListedProfile | None:
        """The profile under the cursor."""
        return self._listed.get(self.table.cursor_key or "")

    @property
    def situation(self) -> Situation:
        """What an action would act on: the profile under the cursor."""
        chosen = self.chosen
        return replace(
            super().situation,
            chosen=chosen,
            keys=self._keys.get(chosen.name) if chosen else None,
            profile=chosen.name if chosen else "",
            named=chosen is not None,
            trouble=self._trouble.message if self._trouble else "",
        )

    # What is listed

    def do_profile_reload(self) -> None:
        """Read the file and look for keys again; try again what could not be opened."""
        deck = deck_of(self)
        if isinstance(deck.connection_state, Failed):
            deck.connect(deck.connection_state.name or None)
        self._list()

    @work(group="profiles", exclusive=True)
    async def _list(self) -> None:
        deck = deck_of(self)
        paths, environ = deck.launch.paths, deck.launch.environ
        try:
            listed = await in_daemon(partial(listed_profiles, paths, environ), name="profiles")
        except ConfigError as error:
            listed, self._trouble = [], error
            self.table.set_empty(_broken(error))
        else:
            self._trouble = None
        first = not self._listed
        self._listed = {each.name: each for each in listed}
        self._know_keys({name: keys for name, keys in self._keys.items() if name in self._listed})
        self.table.show(list(self._listed))
        if first or self._awaited:
            self.table.move_to(self._awaited or self._in_force)
            self._awaited = ""
        self._tell()
        await self._look_for_keys()

    async def _look_for_keys(self) -> None:
        """Find out where each profile's keys are; a keyring that does not answer costs seconds."""
        from tui.settings.credentials import environment_pair, stored_profiles
        from tui.settings.keyring_store import KeyringUnavailableError

        deck = deck_of(self)
        stored: frozenset[str] = frozenset()
        self._no_keyring = None
        try:
            stored = await stored_profiles(self._listed)
        except KeyringUnavailableError as error:
            self._no_keyring = error
        otherwise = KeysFrom.ENVIRONMENT if environment_pair(deck.launch.environ) else KeysFrom.NONE
        self._know_keys({name: KeysFrom.KEYRING if name in stored else otherwise for name in self._listed})
        self.table.touch(list(self._listed))
        self._tell()

    def _know_keys(self, keys: Mapping[str, KeysFrom]) -> None:
        """Note where keys are; what the deck itself works with it knows best."""
        deck = deck_of(self)
        found = dict(keys)
        connection = deck.connection
        if connection is not None and not connection.local:
            from tui.settings.credentials import IN_KEYRING

            source = KeysFrom.KEYRING if connection.credentials.source == IN_KEYRING else KeysFrom.ENVIRONMENT
            found[connection.profile.name] = source
        self._keys = found | {name: KeysFrom.SESSION for name in deck.session_keys if name in self._listed}

    @property
    def _in_force(self) -> str:
        """The name of the profile that the deck works with, or would; empty on a cloud of its own."""
        deck = deck_of(self)
        state = deck.connection_state
        if deck.connection is not None:
            return "" if deck.connection.local else deck.connection.profile.name
        default = next((name for name, each in self._listed.items() if each.default), "")
        return (state.name or default) if isinstance(state, Connecting | Failed) else default

    def _cells(self, key: str, widths: Mapping[str, int]) -> list[Content]:
        return profile_cells(self._listed[key], self._keys.get(key), widths, in_force=key == self._in_force)

    # What is told

    @on(VirtualTable.CursorMoved)
    @on(ConnectionChanged)
    @on(PollTold)
    def _tell(self) -> None:
        """Tell of the profile under the cursor, and mark the one that the deck works with."""
        self.table.touch(list(self._listed))
        chosen = self.chosen
        told = self.query_one("#told", Static)
        told.update(Content("\n").join(self._facts(chosen)) if chosen else Content())
        told.display = chosen is not None
        self.refresh_keys()

    def _facts(self, listed: ListedProfile) -> list[Content]:
        no_keyring = self._no_keyring.message if self._no_keyring else ""
        facts = profile_facts(listed, self._keys.get(listed.name), no_keyring=no_keyring)
        deck = deck_of(self)
        state, refused = deck.connection_state, deck.poll_status.cause if deck.poll_status.refused else None
        cause = state.cause if isinstance(state, Failed) and not state.keyless else refused
        if listed.name != self._in_force:
            if deck.connection is not None and deck.connection.local:
                facts.append(line((_("the deck works on a local cloud of its own now"), "$muted")))
        elif cause is not None:
            facts.append(line((f"{glyphs().cross} ", "bold $error"), (cause.message, "$error")))
        elif deck.connection is not None:
            facts.append(line((f"{glyphs().check} ", "bold $mark"), (_("in use"), "$muted")))
        return facts

    # What the operator does

    @on(VirtualTable.Opened)
    async def _opened(self) -> None:
        await self.action_act("profile.use")

    def do_app_profiles(self) -> None:
        """Stay: this is them."""

    def do_profile_use(self) -> None:
        """Work with the profile, and go back to where its jobs are."""
        deck, chosen = deck_of(self), self.chosen
        if chosen is None:
            return
        working = deck.connection is not None and not deck.poll_status.refused
        self.do_app_back()
        if not working or chosen.name != self._in_force:
            deck.connect(chosen.name)  # which may ask

    async def do_profile_add(self) -> None:
        """Write a new profile, and take its keys."""
        name = await self._write(None)
        if name is not None:
            await self._log_in(name)

    async def do_profile_edit(self) -> None:
        """Change the profile; the deck takes up what it works with itself."""
        chosen = self.chosen
        if chosen is not None and await self._write(chosen.name) == self._in_force == chosen.name:
            deck_of(self).connect(chosen.name)

    async def _write(self, name: str | None) -> str | None:
        """Have a profile written; return its name, None when the operator leaves it."""
        file = deck_of(self).launch.paths.config_file
        try:
            config = await in_daemon(partial(load_config, file), name="profile")
        except ConfigError as error:
            tell_error(self.app, error)
            return None
        written_name = await self.app.push_screen_wait(ProfileForm(config, name))
        self._awaited = written_name or ""
        return written_name

    async def do_profile_log_in(self) -> None:
        """Take the profile's keys."""
        if self.chosen is not None:
            await self._log_in(self.chosen.name)

    async def _log_in(self, name: str) -> None:
        from tui.screens.login import LoginScreen
        from tui.settings.profiles import resolve_profile

        deck = deck_of(self)
        resolve = partial(resolve_profile, deck.launch.paths, name, deck.launch.environ)
        try:
            resolved = await in_daemon(resolve, name="profile")
        except ConfigError as error:
            tell_error(self.app, error)
            return
        refused = deck.poll_status.cause if deck.poll_status.refused and name == self._in_force else None
        done = await self.app.push_screen_wait(LoginScreen(resolved.profile, reason=refused.message if refused else ""))
        if done and name == self._in_force:
            deck.connect(name)

    async def do_profile_log_out(self) -> None:
        """Forget the profile's keys."""
        if self.chosen is None:
            return
        name = self.chosen.name
        question = _("Forget the keys of profile {name}?", name=name)
        after = _("The keys themselves work until they are revoked in the console.")
        if await self.app.push_screen_wait(ConfirmScreen(question, consequence=after, yes=_("Forget"))):
            await self._forget_keys(name)
            if name == self._in_force:
                deck_of(self).connect(name)
            self._list()

    async def _forget_keys(self, name: str) -> None:
        from tui.settings.credentials import forget_credentials
        from tui.settings.keyring_store import KeyringUnavailableError

        deck = deck_of(self)
        entered = deck.session_keys.pop(name, None)
        try:
            stored = await forget_credentials(name)
        except KeyringUnavailableError as error:
            if entered is None:
                tell_error(self.app, error)
                return
            stored = False
        known = entered is not None or stored
        said = (
            _("forgot the keys of profile {name}", name=name) if known else _("profile {name} had no keys", name=name)
        )
        self.app.notify(said, markup=False)

    async def do_profile_delete(self) -> None:
        """Remove the profile from the file, and its keys from the keyring where the operator wants that too."""
        if self.chosen is None:
            return
        name, paths = self.chosen.name, deck_of(self).launch.paths
        leaves_none = self.chosen.default and len(self._listed) > _ANY_TWO
        keys_known = self._keys.get(name) not in (KeysFrom.ENVIRONMENT, KeysFrom.NONE)
        stay = _("Its jobs and objects stay, and so do its keys unless you say otherwise next.")
        after = stay if keys_known else _("Its jobs and objects stay.")
        if name == self._in_force:
            after += " " + _("The deck works with it until you choose another one.")
        asked = ConfirmScreen(
            _("Delete profile {name}?", name=name), touches=[str(paths.config_file)], consequence=after, yes=_("Delete")
        )
        if not await self.app.push_screen_wait(asked):
            return
        if not await self._change_file(_("deleted profile {name}", name=name), partial(delete_profile, paths, name)):
            return
        if leaves_none:
            self.app.notify(_("no profile is the default now: * makes one so"), severity="warning", markup=False)
        if keys_known:
            question = _("Forget its keys too?")
            if await self.app.push_screen_wait(ConfirmScreen(question, touches=[name], yes=_("Forget"))):
                await self._forget_keys(name)
        self._list()

    async def do_profile_default(self) -> None:
        """Have the profile opened where none is asked for."""
        if self.chosen is not None:
            name, paths = self.chosen.name, deck_of(self).launch.paths
            await self._change_file(_("{name} is the default now", name=name), partial(make_default, paths, name))
            self._list()

    async def _change_file(self, done: str, change: Callable[[], Path | None]) -> bool:
        """Change the configuration file and tell; return whether that went well."""
        try:
            kept = await in_daemon(change, name="profile")
        except ConfigError as error:
            tell_error(self.app, error)
            return False
        self.app.notify(written(done, kept), markup=False)
        return True


def _broken(error: ConfigError) -> Content:
    mend = line(
        (_("Mend the file, then press "), "$muted"),
        (key_of("profile.reload"), "bold $accent"),
        (_("; nothing is written meanwhile."), "$muted"),
    )
    parts = [line((error.message, "bold $error")), paragraphs(clean(error.advice, multiline=True)), mend]
    return Content("\n\n").join([part for part in parts if part.plain])
