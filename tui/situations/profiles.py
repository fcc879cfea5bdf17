"""What stands in the way of what is done to profiles, and the command lines that do the same."""

from __future__ import annotations

from tui.i18n import _
from tui.settings.profile_list import KeysFrom
from tui.situations import Command, Situation


def unreadable(situation: Situation) -> str | None:
    """Object while the configuration file cannot be read."""
    return situation.trouble or None


def no_choice(situation: Situation) -> str | None:
    """Object where no profile is under the cursor."""
    return unreadable(situation) or (None if situation.chosen else _("no profile is selected"))


def not_in_file(situation: Situation) -> str | None:
    """Object to what is done to a profile of the file, where there is none of its name."""
    if situation.chosen is None or situation.chosen.in_file:
        return no_choice(situation)
    return _("it is built in, and not in the configuration file")


def default_already(situation: Situation) -> str | None:
    """Object to what makes a profile the default one, where it is."""
    is_default = situation.chosen is not None and situation.chosen.default
    return not_in_file(situation) or (_("it is the default already") if is_default else None)


def no_keys_to_forget(situation: Situation) -> str | None:
    """Object where a profile has no keys that arkdeck could forget."""
    if situation.keys is KeysFrom.ENVIRONMENT:
        return _("its keys are in the environment of your shell")
    return no_choice(situation) or (_("it has no keys") if situation.keys is KeysFrom.NONE else None)


def on_chosen(*verb: str) -> Command:
    """Return the command of a verb that takes a profile's name."""
    return lambda situation: (*verb, situation.chosen.name) if situation.chosen else None
