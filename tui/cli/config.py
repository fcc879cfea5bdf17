"""`arkdeck config`: where the configuration is, what is in force and why, and the schema of the file."""

from __future__ import annotations

import click

from tui.cli.output import print_json, print_line, print_table, say
from tui.cli.session import json_option, profile_option, resolve
from tui.i18n import _


@click.group()
def config() -> None:
    """Show the configuration."""


@config.command()
def path() -> None:
    """Print where the file of profiles is."""
    from tui.settings.paths import Paths

    print_line(str(Paths.for_user().config_file))


@config.command()
@json_option
@profile_option
def show(*, profile: str | None, as_json: bool) -> None:
    """Print the profile in force, and where each value comes from."""
    import msgspec

    resolved = resolve(profile)
    values = msgspec.to_builtins(resolved.profile)
    if as_json:
        for field, value in values.items():
            print_json({"field": field, "value": value, "origin": resolved.origins[field]})
        return
    say(_("profile {name}", name=resolved.profile.name))
    rows = [[field, _shown(value), resolved.origins[field]] for field, value in values.items()]
    print_table([_("FIELD"), _("VALUE"), _("FROM")], rows)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file of profiles."""
    from tui.settings.config_file import config_schema

    print_json(config_schema())


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) or "–"


VERBS = (config,)
