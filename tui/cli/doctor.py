"""`arkdeck doctor`: everything that a job needs, tried one by one, each with what to do about it."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line
from tui.cli.session import asynchronous, json_option, profile_option, resolve
from tui.errors import ArkdeckError
from tui.i18n import _, plural
from tui.text import human_bytes

if TYPE_CHECKING:
    from tui.settings.credentials import Credentials
    from tui.settings.profiles import Profile

_LOW_SPACE: Final = 10 * 1024**3  # twice the largest input


class Verdict(StrEnum):
    """How a finding should be taken."""

    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """One thing that was tried."""

    subject: str
    verdict: Verdict
    text: str
    cure: str = ""


@click.command()
@json_option
@profile_option
@asynchronous
async def doctor(*, profile: str | None, as_json: bool) -> int:
    """Try everything that a job needs.

    Profile, keys, keyring, endpoints, bucket, disk, environment.

    Exit code 1 when something fails.
    """
    failed = False
    async for finding in _findings(profile):
        failed = failed or finding.verdict is Verdict.FAIL
        if as_json:
            print_json(
                {
                    "subject": finding.subject,
                    "verdict": finding.verdict,
                    "text": finding.text,
                    "cure": finding.cure,
                }
            )
        else:
            print_line(f"{finding.subject:<12} {finding.verdict:<5} {finding.text}")
            for line in filter(None, finding.cure.split("\n")):
                print_line(f"{'':<18} → {line}")
    return ExitCode.WORK_FAILED if failed else ExitCode.DONE


async def _findings(name: str | None) -> AsyncIterator[Finding]:
    from tui.settings.credentials import find_credentials

    for found in (*_environment(), *_disk(), *_themes(), _journal()):
        yield found
    try:
        resolved = resolve(name)
    except ArkdeckError as error:
        yield _failure("profile", error)
        return
    profile = resolved.profile
    mode = _("read only") if profile.read_only else _("read and write")
    yield Finding("profile", Verdict.OK, _("{name}: {region}, project {project}, {mode}",
                  name=profile.name, region=profile.region, project=profile.project, mode=mode))  # fmt: skip
    yield await _keyring()
    try:
        credentials = await find_credentials(resolved, os.environ)
    except ArkdeckError as error:
        yield _failure("credentials", error)
        return
    yield Finding(
        "credentials",
        Verdict.OK,
        _("{key} from {source}", key=credentials.masked_key, source=credentials.source),
    )
    for note in credentials.notes:
        yield Finding("credentials", Verdict.WARN, note)
    yield await _ark(profile, credentials)
    yield await _storage(profile, credentials)


def _journal() -> Finding:
    from tui.clock import SystemClock
    from tui.runs.journal import Journal
    from tui.settings.paths import Paths

    try:
        with Journal(Paths.for_user().data_dir, SystemClock()) as journal:
            left = len(journal.runs(open_only=True))
            path = journal.path
    except ArkdeckError as error:
        return _failure("journal", error)
    text = plural("{path}, {count} unfinished run", "{path}, {count} unfinished runs", left, path=path)
    return Finding("journal", Verdict.OK, text)


async def _ark(profile: Profile, credentials: Credentials) -> Finding:
    from tui.clock import SystemClock
    from tui.runs.key_check import count_jobs

    try:
        total = await count_jobs(profile, credentials, clock=SystemClock())
    except ArkdeckError as error:
        return _failure("ark", error)
    where = profile.ark_endpoint
    return Finding("ark", Verdict.OK, plural("{where}: {count} job", "{where}: {count} jobs", total, where=where))


async def _storage(profile: Profile, credentials: Credentials) -> Finding:
    from tui.storage.client import ObjectStore

    if not profile.bucket:
        cure = _("Set `bucket` in the profile, or ARKDECK_BUCKET.")
        return Finding("storage", Verdict.WARN, _("no bucket is named"), cure)
    store = ObjectStore(profile.tos_endpoint, profile.region, credentials)
    try:
        await store.check_bucket(profile.bucket)
    except ArkdeckError as error:
        return _failure("storage", error)
    finally:
        await store.close()
    text = _("{endpoint}: bucket {bucket}", endpoint=profile.tos_endpoint, bucket=profile.bucket)
    return Finding("storage", Verdict.OK, text)


async def _keyring() -> Finding:
    from tui.settings.keyring_store import describe_keyring

    report = await describe_keyring()
    verdict = Verdict.WARN if report.cure else Verdict.OK
    return Finding("keyring", verdict, f"{report.backend}: {report.description}", report.cure)


def _themes() -> Iterator[Finding]:
    from tui.settings.paths import Paths
    from tui.settings.themes import load_themes

    try:
        themes = load_themes(Paths.for_user().themes_folder)
    except ArkdeckError as error:
        yield _failure("themes", error)
        return
    yield Finding("themes", Verdict.OK, ", ".join(themes.by_name))
    for problem in themes.problems:
        yield Finding("themes", Verdict.WARN, problem.message, _("The theme is left out until its file is mended."))


def _environment() -> Iterator[Finding]:
    if "SSLKEYLOGFILE" in os.environ:
        text = _("SSLKEYLOGFILE is set: the keys of every TLS connection are written to a file")
        yield Finding("environment", Verdict.WARN, text, _("Unset it."))
    if "PYTHON_KEYRING_BACKEND" in os.environ:
        yield Finding("environment", Verdict.WARN, _("PYTHON_KEYRING_BACKEND is set and ignored"))


def _disk() -> Iterator[Finding]:
    from tui.settings.paths import Paths

    paths = Paths.for_user()
    free = shutil.disk_usage(Path.cwd()).free
    verdict = Verdict.OK if free >= _LOW_SPACE else Verdict.WARN
    yield Finding("disk", verdict, _("{free} free here", free=human_bytes(free)))
    for path in (paths.data_dir, paths.state_dir):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding("files", Verdict.WARN, _("{path} can be read by others", path=path), f"chmod go= {path}")


def _failure(subject: str, error: ArkdeckError) -> Finding:
    advice = "\n".join(line for line in error.advice.split("\n") if "arkdeck doctor" not in line)
    return Finding(subject, Verdict.FAIL, error.message, advice)


VERBS = (doctor,)
