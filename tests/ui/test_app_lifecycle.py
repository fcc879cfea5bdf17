"""The deck from its opening to its end: connecting, switching, being told, remembering, crashing."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual import on
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.worker import WorkerFailed

from tests.ui.conftest import DeckOn
from tests.ui.pilot_tools import environ_of, screen_text, toasts, until
from tui.app import CRASHED, Deck
from tui.connection import Connected, Connecting, Failed
from tui.launch import Launch, LocalStart
from tui.localcloud import LocalCloud
from tui.screens.messages import BoardChanged, ConnectionChanged, PollTold
from tui.screens.text_screen import TextScreen
from tui.screens.too_small import TooSmallScreen
from tui.settings.config_file import ProfileSettings
from tui.settings.deck_settings import DeckSettings
from tui.settings.paths import Paths
from tui.settings.profiles import save_profile
from tui.widgets.key_bar import KeyBar

KEYS = {"VOLCENGINE_ACCESS_KEY": "AKLTTESTONLY", "VOLCENGINE_SECRET_KEY": "not-a-secret-0123456789"}
ATTACK = "[@click=app.quit]x[/] [red]y[/] a[/]b \x1b]0;z\x07"


def deck(pilot: Pilot[int]) -> Deck:
    assert isinstance(pilot.app, Deck)
    return pilot.app


@pytest.fixture
def silent_service() -> Iterator[str]:
    """An endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def profile(paths: Paths) -> Callable[[str, str], None]:
    """Writes a profile: its name and its endpoint."""

    def write(name: str, endpoint: str) -> None:
        settings = ProfileSettings(preset="local", ark_endpoint=endpoint, tos_endpoint=endpoint, bucket="arkdeck-local")
        save_profile(paths, name, settings)

    return write


def keys_of(cloud: LocalCloud) -> dict[str, str]:
    environ = environ_of(cloud.info)
    return {name: environ[name] for name in KEYS}


async def test_the_deck_connects_by_itself_and_shows_the_jobs(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy) as pilot:
        connection = deck(pilot).connection
        assert connection is not None
        assert deck(pilot).connection_state == Connected(connection)
        assert deck(pilot).poll_status.loaded == deck(pilot).poll_status.total > 100


async def test_read_only_holds_whatever_the_profile_says(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy, read_only=True) as pilot:
        connection = deck(pilot).connection
        assert connection is not None
        assert connection.profile.read_only
        assert connection.resolved.origins["read_only"] == "--read-only"


async def test_without_keys_the_reason_is_told(deck_on: DeckOn) -> None:
    async with deck_on(None, settled=False) as pilot:
        await until(pilot, lambda: isinstance(deck(pilot).connection_state, Failed))
        state = deck(pilot).connection_state
        assert isinstance(state, Failed)
        assert state.keyless
        assert "VOLCENGINE_ACCESS_KEY" in state.cause.advice


async def test_a_configuration_that_is_not_understood_is_told(deck_on: DeckOn, paths: Paths) -> None:
    paths.config_file.parent.mkdir(parents=True)
    paths.config_file.write_text("[profiles.a]\n[profiles.b]\n")
    async with deck_on(None, settled=False, environ=KEYS) as pilot:
        await until(pilot, lambda: isinstance(deck(pilot).connection_state, Failed))
        state = deck(pilot).connection_state
        assert isinstance(state, Failed)
        assert (state.keyless, state.cause.advice) == (False, "Choose one with -p: a, b")


async def test_switching_waits_for_neither_the_old_nor_the_new_service(
    deck_on: DeckOn, busy: LocalCloud, silent_service: str, profile: Callable[[str, str], None]
) -> None:
    profile("dead", silent_service)
    profile("live", busy.info.ark_endpoint)
    async with deck_on(None, settled=False, profile="dead", environ=keys_of(busy)) as pilot:
        await until(pilot, lambda: deck(pilot).poll_status.asking)
        deck(pilot).connect("live")
        assert deck(pilot).connection is None
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        deck(pilot).connect("dead")
        assert deck(pilot).poll_status.loaded == 0
        await until(pilot, lambda: deck(pilot).poll_status.asking)
        assert getattr(deck(pilot).connection, "profile", None).name == "dead"


async def test_of_two_switches_the_last_one_wins(
    deck_on: DeckOn, busy: LocalCloud, silent_service: str, profile: Callable[[str, str], None]
) -> None:
    profile("dead", silent_service)
    profile("live", busy.info.ark_endpoint)
    async with deck_on(None, settled=False, profile="live", environ=keys_of(busy)) as pilot:
        await until(pilot, lambda: deck(pilot).connection)
        deck(pilot).connect("dead")
        deck(pilot).connect("no-such-profile")
        deck(pilot).connect("live")
        assert deck(pilot).connection_state == Connecting("live")
        await until(pilot, lambda: deck(pilot).poll_status.loaded > 100)
        assert isinstance(deck(pilot).connection_state, Connected)


class Listener(Screen[None]):
    """A screen that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[type[Message]] = []

    @on(PollTold)
    @on(BoardChanged)
    @on(ConnectionChanged)
    def _keep(self, message: Message) -> None:
        self.told.append(type(message))


async def test_every_open_screen_is_told_of_what_changes(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy) as pilot:
        below, above = Listener(), Listener()
        await deck(pilot).push_screen(below)
        await deck(pilot).push_screen(above)
        connection = deck(pilot).connection
        assert connection is not None
        connection.poller.refresh()
        await until(pilot, lambda: BoardChanged in below.told and BoardChanged in above.told)
        assert below.told == above.told == [PollTold, PollTold, BoardChanged]
        deck(pilot).connect(None)
        await until(pilot, lambda: below.told.count(ConnectionChanged) == above.told.count(ConnectionChanged) == 2)


async def test_a_local_cloud_of_its_own_is_gone_with_the_deck(deck_on: DeckOn) -> None:
    async with deck_on(None, settled=False, local=LocalStart()) as pilot:
        await until(pilot, lambda: deck(pilot).connection)
        connection = deck(pilot).connection
        assert connection is not None
        assert (connection.local, connection.profile.name) == (True, "local")
        host, port = connection.profile.ark_endpoint.removeprefix("http://").split(":")
    with socket.socket() as client:
        assert client.connect_ex((host, int(port))) != 0


async def test_what_is_copied_on_a_local_cloud_of_its_own_reaches_it_from_another_shell(
    deck_on: DeckOn, tmp_path: Path
) -> None:
    async with deck_on(None, settled=False, local=LocalStart(scene="busy")) as pilot:
        await until(pilot, lambda: "% " in screen_text(pilot))
        lines = []
        for number, what in enumerate("vc", start=1):
            await pilot.press("c", what)
            await until(pilot, lambda number=number: len(toasts(pilot)) == number)
            lines.append(deck(pilot).clipboard)
        assert toasts(pilot)[0] == f"copied the local cloud's variables ({len(lines[0])} characters)"
        assert "only while this deck runs" in toasts(pilot)[1]
        script = "\n".join(lines).replace("\narkdeck ", f"\n{shlex.quote(sys.executable)} -m tui ")
        other = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            script,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.defpath, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        out, err = await other.communicate()
        assert other.returncode == 0, err.decode()
        assert lines[1].split()[-1].encode() in out


async def test_a_scene_that_does_not_exist_is_told_with_those_that_do(deck_on: DeckOn) -> None:
    async with deck_on(None, settled=False, local=LocalStart(scene="bsy")) as pilot:
        await until(pilot, lambda: isinstance(deck(pilot).connection_state, Failed))
        state = deck(pilot).connection_state
        assert isinstance(state, Failed)
        assert state.cause.message == "the local cloud cannot start: there is no scene bsy, but busy, huge"


async def test_a_toast_is_text_and_nothing_else(paths: Paths) -> None:
    app = Deck(Launch(paths, environ={}))
    async with app.run_test(size=(120, 36), notifications=True) as pilot:
        app.notify(ATTACK, title=ATTACK)
        await until(pilot, lambda: "[@click=app.quit]x[/]" in screen_text(pilot))
        assert "\x1b" not in screen_text(pilot)
        for toast in app.screen.query("Toast"):
            await pilot.click(toast)
        assert app.is_running


async def test_every_line_of_a_toast_is_seen_where_one_cell_decides_how_it_wraps(paths: Paths) -> None:
    app = Deck(Launch(paths, environ={}))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify("in a shell that has the local cloud's variables; the copy menu has those")
        await until(pilot, lambda: {"shell", "those"} <= set(screen_text(pilot).split()))


async def test_a_copy_is_made_harmless_and_said(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy) as pilot:
        deck(pilot).copy("bi-1\x1b[A\nrm", "the id")
        assert deck(pilot).clipboard == "bi-1␛[A\nrm"
        await until(pilot, lambda: toasts(pilot) == ["copied the id (10 characters)"])


async def test_a_copy_that_tmux_may_keep_is_told_as_such(deck_on: DeckOn, busy: LocalCloud) -> None:
    environ = environ_of(busy.info) | {"TMUX": "/nowhere/default,1,0", "PATH": os.defpath}
    async with deck_on(busy, environ=environ) as pilot:
        deck(pilot).copy("bi-1", "the id")
        await until(pilot, lambda: toasts(pilot))
        assert "set-clipboard on lets it through" in toasts(pilot)[0]


async def test_what_no_terminal_takes_is_shown_to_be_selected(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy) as pilot:
        deck(pilot).copy("all of it " * 6_000, "the message")
        await until(pilot, lambda: toasts(pilot))
        assert toasts(pilot)[0].startswith("too long for a terminal's clipboard")
        assert deck(pilot).clipboard == ""
        await until(pilot, lambda: "all of it all of it" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: len(deck(pilot).screen_stack) == 1)


async def test_what_the_operator_chose_is_remembered(deck_on: DeckOn, busy: LocalCloud, paths: Paths) -> None:
    file = paths.state_dir / "deck.json"
    async with deck_on(busy) as pilot:
        deck(pilot).remember(theme="ember", sort="name")
        assert deck(pilot).state.sort == "name"
        await until(pilot, file.exists)
    async with deck_on(busy) as pilot:
        assert deck(pilot).theme == "ember"
    assert json.loads(file.read_text())["sort"] == "name"


async def test_a_theme_of_the_configuration_comes_back_and_says_so(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy, settings=DeckSettings(theme="ember", refresh=0)) as pilot:
        deck(pilot).remember(theme="rice-paper")
        await until(pilot, lambda: toasts(pilot) == ["next time it is ember again: config.toml says so"])


async def test_a_damaged_memory_is_told_and_harms_nothing(deck_on: DeckOn, busy: LocalCloud, paths: Paths) -> None:
    paths.state_dir.mkdir(parents=True)
    (paths.state_dir / "deck.json").write_text("{")
    async with deck_on(busy) as pilot:
        assert "deck.json cannot be read" in toasts(pilot)[0]


async def test_a_window_that_is_too_small_is_covered_until_it_grows(deck_on: DeckOn, busy: LocalCloud) -> None:
    async with deck_on(busy, size=(59, 24)) as pilot:
        await until(pilot, lambda: isinstance(deck(pilot).screen, TooSmallScreen))
        await pilot.resize_terminal(80, 15)
        assert isinstance(deck(pilot).screen, TooSmallScreen)
        await pilot.resize_terminal(60, 16)
        await until(pilot, lambda: not isinstance(deck(pilot).screen, TooSmallScreen))
        assert len(deck(pilot).screen_stack) == 1


async def test_an_error_that_nobody_expected_ends_the_deck_without_a_word_of_its_own(
    deck_on: DeckOn, busy: LocalCloud, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[Deck] = []

    async def work() -> None:
        password = "correct-horse-battery"
        raise RuntimeError(f"no way on, {len(password)}")

    async def crash() -> None:
        async with deck_on(busy) as pilot:
            ended.append(deck(pilot))
            pilot.app.run_worker(work())
            await until(pilot, lambda: deck(pilot).crash is not None)

    with pytest.raises(WorkerFailed, match="no way on"):
        await crash()
    assert (str(ended[0].crash), ended[0].return_code) == ("no way on, 21", CRASHED)
    assert capfd.readouterr() == ("", "")


def test_nothing_heavy_is_imported_before_the_first_paint(tmp_path: Path) -> None:
    heavy = "{'httpx', 'tos', 'keyring', 'numpy', 'requests', 'tui.localcloud', 'sqlite3'}"
    script = f"import sys, tui.app; print(sorted({heavy} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


async def test_a_window_that_is_too_small_says_how_small_and_what_would_do(busy: LocalCloud, deck_on: DeckOn) -> None:
    async with deck_on(busy, size=(50, 12)) as pilot:
        await until(pilot, lambda: "50×12 is too small; 60×16 at least" in screen_text(pilot))
        await pilot.resize_terminal(55, 12)
        await until(pilot, lambda: "55×12 is too small" in screen_text(pilot))


async def test_what_a_screen_has_running_ends_before_its_widgets_are_gone(deck_on: DeckOn) -> None:
    left: list[int] = []
    async with deck_on(None, settled=False) as pilot:
        screen = TextScreen("a text", "of one line")
        await pilot.app.push_screen(screen)

        async def wait_for_ever() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                left.append(len(screen.query(KeyBar)))

        screen.run_worker(wait_for_ever())
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: left)
    assert left == [1]
