"""`arkdeck config`: where the configuration is, what is in force and why, and the schema of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option, profile_option, resolve
from tui.cli.table import Column, print_table
from tui.errors import UsageError
from tui.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.settings.config_file import ConfigFile


@click.group()
def config() -> None:
    """Show or change the configuration."""


@config.command()
def path() -> None:
    """Print where the file of profiles is."""
    from tui.settings.paths import Paths

    print_line(str(Paths.for_user().config_file))


@config.command()
@json_option
@profile_option
def show(*, profile: str | None, as_json: bool) -> None:
    """Print the profile in force, and where each value comes from; then the deck's own keys."""
    import msgspec

    resolved = resolve(profile)
    rows: list[tuple[str, object, str]] = [
        (field, value, resolved.origins[field]) for field, value in msgspec.to_builtins(resolved.profile).items()
    ]
    rows += [(f"keymap.{action_id}", keys, f"{file} [keymap]") for action_id, keys, file in _own_keys()]
    if as_json:
        for field, value, origin in rows:
            print_json({"field": field, "value": value, "origin": origin})
        return
    say(_("profile {name}", name=resolved.profile.name))
    columns = [Column(_("FIELD")), Column(_("VALUE")), Column(_("FROM"), gives=True)]
    print_table(columns, [[field, _shown(value), origin] for field, value, origin in rows])


def _own_keys() -> Iterator[tuple[str, str, str]]:
    """The keys that the file gives to actions, as they are in force, and the file's name."""
    from tui.actions import ACTIONS
    from tui.settings.config_file import load_config
    from tui.settings.keymap import checked_keymap
    from tui.settings.paths import Paths

    file = Paths.for_user().config_file
    for action_id, keys in checked_keymap(load_config(file).keymap, ACTIONS, file).items():
        yield action_id, ", ".join(keys), file.name


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file of profiles."""
    from tui.settings.config_file import config_schema

    print_json(config_schema())


@config.command("set")
@click.argument("field")
@click.argument("value")
@profile_option
def set_(field: str, value: str, *, profile: str | None) -> None:
    """Write FIELD of a profile to the file; the profile is made if it is new."""
    import msgspec

    from tui.settings.config_file import ProfileSettings, load_config
    from tui.settings.fields import InvalidValueError, parse
    from tui.settings.paths import Paths
    from tui.settings.profiles import save_profile

    if field not in ProfileSettings.__struct_fields__:
        from tui.settings.config_file import nearest

        raise UsageError(
            _("no such field: {field}", field=field), advice=nearest(field, ProfileSettings.__struct_fields__)
        )
    paths = Paths.for_user()
    name = profile or _the_only_profile(load_config(paths.config_file))
    known = load_config(paths.config_file).profiles.get(name, ProfileSettings())
    try:
        settings = msgspec.structs.replace(known, **{field: parse(field, value)})
    except InvalidValueError as error:
        raise UsageError(f"{field}: {error}") from None
    save_profile(paths, name, settings)
    say(_("{file}: profile {name}: {field} = {value}", file=paths.config_file, name=name, field=field, value=value))


def _the_only_profile(config: ConfigFile) -> str:
    if len(config.profiles) > 1:
        raise UsageError(
            _("there are several profiles"), advice=_("Name one:  -p {names}", names=" | ".join(config.profiles))
        )
    return next(iter(config.profiles), "default")


@config.command()
@click.argument("name")
def remove(name: str) -> int:
    """Remove the profile NAME from the file, and its keys from the system keyring."""
    from tui.settings.paths import Paths
    from tui.settings.profiles import delete_profile

    delete_profile(Paths.for_user(), name)
    say(_("removed profile {name}", name=name))
    return _forget_keys(name)


@asynchronous
async def _forget_keys(name: str) -> int:
    from tui.settings.credentials import forget_credentials
    from tui.settings.keyring_store import KeyringUnavailableError

    try:
        if await forget_credentials(name):
            say(_("removed its keys from the system keyring"))
    except KeyringUnavailableError as error:
        say(_("its keys could not be looked for: {error}", error=error.message))
    return ExitCode.DONE


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or "–"


VERBS = (config,)
