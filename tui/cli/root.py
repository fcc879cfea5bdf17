"""The command's root: its verbs, and what becomes of an error."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from typing import Any

import click

from tui import __version__
from tui.cli import deck
from tui.cli.exit_codes import ExitCode, exit_code_of
from tui.cli.output import OutputClosed, drop_unwritable, end_data, explain, say
from tui.cli.session import InterruptedBySignal
from tui.errors import ArkdeckError
from tui.i18n import _
from tui.safety import redact


class Verbs(click.Group):
    """Lists the verbs in the order of the work, not of the alphabet; imports them when the first is asked for.

    The deck is opened without a verb, and its first paint waits for every import.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the verbs."""
        self._import_verbs()
        return list(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb of that name, if there is one."""
        self._import_verbs()
        return super().get_command(ctx, cmd_name)

    def _import_verbs(self) -> None:
        if self.commands:
            return
        from tui.cli import (
            account,
            changes,
            check,
            collect,
            config,
            doctor,
            export,
            jobs,
            local,
            merge,
            results,
            retry,
            runs,
            submit,
        )

        work = (check, submit, jobs, changes, collect, results, retry, merge, export, runs)
        for group in (*work, account, config, doctor, local):
            for verb in group.VERBS:
                _takes_profile(verb)
                self.add_command(verb)


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, prog_name="arkdeck")
@click.option("-p", "--profile", metavar="NAME", help=_("the profile to use"))
@deck.options
@click.pass_context
def arkdeck(context: click.Context, /, profile: str | None, **options: Any) -> int | None:
    """Batch inference on Volcengine Ark: check a file of requests, run it, account for every answer.

    Without a command, on a terminal: the deck.
    """
    return deck.begin(context, profile, **options)


def _takes_profile(command: click.Command) -> None:
    """Let every verb take `-p`, also where no profile matters, so that scripts can always name one."""
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            _takes_profile(inner)
    elif not any(parameter.name == "profile" for parameter in command.params):
        command.params.append(click.Option(["-p", "--profile"], metavar="NAME", expose_value=False, hidden=True))


def call(arguments: Sequence[str]) -> int:
    """Run one call and return its exit code; every failure is told on standard error, a crash without its secrets."""
    try:
        return _call(arguments)
    finally:
        drop_unwritable()


def _call(arguments: Sequence[str]) -> int:
    try:
        result = arkdeck.main(list(arguments), prog_name="arkdeck", standalone_mode=False)
        end_data()
    except ArkdeckError as error:
        explain(error)
        return exit_code_of(error)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except click.exceptions.Abort:
        say("")
        return ExitCode.INTERRUPTED
    except InterruptedBySignal as interruption:
        say(_("interrupted"))
        return interruption.exit_code
    except OutputClosed:
        return ExitCode.DONE
    except Exception:  # noqa: BLE001  # the last resort: a readable crash instead of a raw traceback
        return _crash()
    return int(result or ExitCode.DONE)


def _crash() -> int:
    from datetime import UTC, datetime

    from tui.files import private_folder, write_atomic
    from tui.settings.paths import Paths

    report = redact(traceback.format_exc())
    summary = report.strip().rsplit("\n", 1)[-1]
    say(_("arkdeck: crashed, which is our mistake and not yours: {summary}", summary=summary))
    try:
        path = private_folder(Paths.for_user().state_dir) / f"crash-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
        write_atomic(path, report.encode())
    except OSError as error:
        say(_("the report could not be written: {error}", error=error), indent=2)
        for line in report.splitlines():
            say(line, indent=2)
    else:
        say(_("report (no secrets in it): {path}", path=path), indent=2)
    say(_("What was begun can be gone on with:  arkdeck continue"), indent=2)
    return ExitCode.CRASH
