"""Opening the deck from the command line."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import say
from tui.errors import UsageError
from tui.files import private_folder
from tui.i18n import _
from tui.safety import set_up_logging

if TYPE_CHECKING:
    from tui.launch import LocalStart

_MAX_LOG_BYTES: Final = 1 << 20


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of the deck."""
    for option in (
        click.option("--ascii", "ascii_only", is_flag=True, help=_("deck: draw with ASCII characters alone")),
        click.option("--theme", metavar="NAME", help=_("deck: the colours, by a theme's name")),
        click.option("--no-mouse", is_flag=True, help=_("deck: leave the mouse to the terminal")),
        click.option("--read-only", is_flag=True, help=_("deck: refuse whatever changes jobs or objects")),
        click.option("--scene", metavar="NAME", help=_("deck: fill the local cloud first: busy or huge")),
        click.option("--local", is_flag=True, help=_("deck: on a local cloud that is gone at its end")),
    ):
        command = option(command)
    return command


def begin(context: click.Context, profile: str | None, **chosen: Any) -> int | None:
    """Open the deck when no verb was given and somebody sits at a terminal; show the help elsewhere.

    Raises:
        UsageError: options of the deck were given to a verb, or do not go together.
    """
    given = [name for name, value in chosen.items() if value]
    if context.invoked_subcommand is not None:
        gc.enable()
        if given:
            raise UsageError(_("{option} is for the deck, which opens without a verb", option=_spelled(given[0])))
        return None
    if profile and chosen["local"]:
        raise UsageError(_("--local opens a cloud of its own, and no profile"), advice=_("Leave out -p or --local."))
    if chosen["scene"] and not chosen["local"]:
        raise UsageError(_("--scene fills a local cloud"), advice=_("Add --local."))
    if not on_terminal():
        if given:
            raise UsageError(_("the deck needs a terminal"), advice=_("The verbs do the same without: arkdeck --help"))
        click.echo(context.get_help())
        return None
    from tui.launch import LocalStart

    local = LocalStart(chosen["scene"]) if chosen["local"] else None
    return open_deck(
        profile,
        local,
        read_only=chosen["read_only"],
        mouse=not chosen["no_mouse"],
        theme=chosen["theme"],
        ascii_only=chosen["ascii_only"],
    )


def on_terminal() -> bool:
    """Tell whether somebody sits at a terminal, so that screens make sense."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def open_deck(
    profile: str | None,
    local: LocalStart | None,
    *,
    read_only: bool = False,
    mouse: bool = True,
    theme: str | None = None,
    ascii_only: bool = False,
) -> int:
    """Run the deck until the operator leaves it and return the exit code.

    Raises:
        ArkdeckError: the configuration is not understood.
        Exception: what the deck crashed of.
    """
    gc.disable()  # also where a verb opens it: nothing is garbage until the first screen is painted
    _set_up_textual()
    from tui.actions import ACTIONS
    from tui.app import Deck
    from tui.launch import Launch
    from tui.settings.config_file import load_config
    from tui.settings.deck_settings import DeckSettings
    from tui.settings.keymap import checked_keymap
    from tui.settings.paths import Paths

    paths = Paths.for_user()
    config = load_config(paths.config_file)
    settings = config.deck or DeckSettings()
    keymap = checked_keymap(config.keymap, ACTIONS, paths.config_file)
    launch = Launch(
        paths, os.environ, profile, local, read_only, theme, ascii=ascii_only, settings=settings, keymap=keymap
    )
    with _logged_to(paths.state_dir):
        deck = Deck(launch)
        code = deck.run(mouse=mouse and settings.mouse is not False)
    if deck.crash is not None:
        raise deck.crash
    if local is not None and local.example_to is not None:
        say(deck.example_came_to or _("the example was left before it ended; arkdeck demo begins it anew"))
    return code or ExitCode.DONE


@contextmanager
def _logged_to(state_dir: Path) -> Iterator[None]:
    """Send what libraries warn of to a file: on the screen it would tear what is painted."""
    log = private_folder(state_dir) / "deck.log"
    fresh = not log.exists() or log.stat().st_size > _MAX_LOG_BYTES
    with log.open("w" if fresh else "a", encoding="utf-8", errors="backslashreplace") as stream:
        set_up_logging(stream)
        try:
            yield
        finally:
            set_up_logging()


def _set_up_textual() -> None:
    """Choose what Textual reads once, when it is imported; an operator's own choice stays."""
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    # A repaint waits until a frame has passed since the last one; nothing is animated, so short frames cost nothing
    os.environ.setdefault("TEXTUAL_FPS", "120")


def _spelled(parameter: str) -> str:
    return "--ascii" if parameter == "ascii_only" else f"--{parameter.replace('_', '-')}"
