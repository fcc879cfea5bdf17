"""Whose keys and which profile: login, logout, profiles."""

from __future__ import annotations

import os
import sys

import click

from tui.cli.output import print_json, say
from tui.cli.session import asynchronous, json_option, profile_option, resolve
from tui.cli.table import Column, print_table
from tui.errors import AccessError, UsageError
from tui.i18n import _


@click.command()
@click.option("--stdin", "from_stdin", is_flag=True,
              help=_("read them from standard input: JSON with access_key and secret_key, or two lines"))  # fmt: skip
@profile_option
def login(*, profile: str | None, from_stdin: bool) -> int:
    """Store access keys in the system keyring."""
    name = resolve(profile).profile.name
    if from_stdin:
        access_key, secret_key = _read_pair(sys.stdin.read())
    elif sys.stdin.isatty():
        _require_keyring()
        access_key = click.prompt(_("access key"), err=True)
        secret_key = click.prompt(_("secret key (not shown)"), hide_input=True, err=True)
    else:
        raise UsageError(_("nobody is there to type the keys"), advice=_("arkdeck login --stdin < FILE"))
    return _store(name, access_key, secret_key)


@asynchronous
async def _require_keyring() -> None:
    """Find out before anybody types a key whether it can be kept."""
    from tui.settings.keyring_store import describe_keyring

    report = await describe_keyring()
    if report.cure:
        without = _("Without one, set VOLCENGINE_ACCESS_KEY and VOLCENGINE_SECRET_KEY.")
        raise AccessError(report.description, advice=f"{report.cure}\n{without}")


@asynchronous
async def _store(name: str, access_key: str, secret_key: str) -> None:
    from tui.settings.credentials import entered_credentials, save_credentials

    credentials = entered_credentials(access_key, secret_key)
    await save_credentials(name, credentials)
    say(_("stored the key {key} for profile {name} in the system keyring", key=credentials.masked_key, name=name))


@click.command()
@profile_option
@asynchronous
async def logout(*, profile: str | None) -> None:
    """Remove access keys from the system keyring."""
    from tui.settings.credentials import forget_credentials

    name = resolve(profile).profile.name
    if await forget_credentials(name):
        say(_("removed the keys of profile {name} from the system keyring", name=name))
        say(_("They work until they are revoked in the console."), indent=2)
    else:
        say(_("the system keyring has no keys for profile {name}", name=name))


@click.command()
@json_option
@profile_option
def profiles(*, profile: str | None, as_json: bool) -> None:
    """List the profiles; a star marks the one in force."""
    from tui.settings.paths import Paths
    from tui.settings.profiles import list_profiles, resolve_profile

    paths = Paths.for_user()
    in_force = resolve(profile).profile.name
    rows = []
    for name in list_profiles(paths):
        found = resolve_profile(paths, name, os.environ).profile
        fields = {"profile": name, "in_force": name == in_force, "region": found.region, "bucket": found.bucket,
                  "project": found.project, "read_only": found.read_only}  # fmt: skip
        if as_json:
            print_json(fields)
        mark = "*" if name == in_force else ""
        access = _("read only") if found.read_only else ""
        rows.append([mark, name, found.region, found.project, found.bucket, access])
    if not as_json:
        headings = ["", _("PROFILE"), _("REGION"), _("PROJECT"), _("BUCKET"), _("ACCESS")]
        print_table([Column(heading) for heading in headings], rows)


def _read_pair(text: str) -> tuple[str, str]:
    import json

    stripped = text.strip()
    try:
        if stripped.startswith("{"):
            content = json.loads(stripped)
            access_key, secret_key = content["access_key"], content["secret_key"]
        else:
            access_key, secret_key = stripped.splitlines()
    except (ValueError, KeyError, TypeError):
        access_key = secret_key = None
    if not isinstance(access_key, str) or not isinstance(secret_key, str):
        raise UsageError(
            _("standard input does not hold a pair of keys"),
            advice=_("Give two lines, or one JSON object with the texts access_key and secret_key."),
        )
    return access_key, secret_key


VERBS = (login, logout, profiles)
