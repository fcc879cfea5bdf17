"""The embedded local cloud: served by itself, and the whole job rehearsed on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.cli.deck import on_terminal, open_deck
from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option
from tui.i18n import _

if TYPE_CHECKING:
    from tui.localcloud import CloudInfo


@click.group()
def local() -> None:
    """Serve the embedded local cloud."""


@local.command()
@click.option("--port", type=click.IntRange(0, 65534), default=0, show_default=True,
              help=_("of Ark, the next one of the objects; 0 for any two"))  # fmt: skip
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=_("keep the state there; gone at the end otherwise"),
)
@click.option("--region", metavar="NAME", default="cn-beijing", show_default=True)
@click.option("--speed", type=click.FloatRange(min=0), default=200.0, show_default=True,
              help=_("requests per second and job; 0 for as fast as it can"))  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help=_("of the simulated answers"))
@click.option("--fault", "faults", metavar="SPEC", multiple=True,
              help=_("what goes wrong, as in tos:UploadPart:nth=3:reset=after; see docs/local-cloud.md"))  # fmt: skip
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=_("append a line of JSON for every request"),
)
@click.option("--assume", "assumptions", metavar="NAME=VALUE", multiple=True,
              help=_("how the platform does what is not known; see docs/local-cloud.md"))  # fmt: skip
@click.option("--scene", metavar="NAME", help=_("fill an empty cloud first: busy (200 jobs) or huge (10 000)"))
@click.option("--model-url", metavar="URL",
              help=_("let an OpenAI-compatible endpoint on this machine answer the requests"))  # fmt: skip
@json_option
def serve(*, faults: tuple[str, ...], assumptions: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Serve until interrupted; the endpoints and keys are printed once both listeners accept."""
    from tui.embedded import environment_of, export_lines, start_explained
    from tui.localcloud import LocalCloud
    from tui.localcloud.assumptions import parse_assumptions
    from tui.localcloud.fault_spec import parse_fault
    from tui.localcloud.serve import serve as serve_cloud

    def announce(info: CloudInfo) -> None:
        if as_json:
            print_json(info.as_dict())
            return
        for each in export_lines(environment_of(info)):
            print_line(each)
        answers = _("a model answers") if options["model_url"] else _("answers are simulated")
        say(_("serving; {answers}. Paste the lines above into another shell. Ctrl-C ends it.", answers=answers))

    with start_explained(options["log"]):
        cloud = LocalCloud(faults=tuple(map(parse_fault, faults)), assume=parse_assumptions(assumptions), **options)
        return serve_cloud(cloud, announce=announce)


@click.command()
def demo() -> int:
    """Rehearse the whole job on the local cloud.

    Check, upload, create, watch, collect, account.

    The example requests are sent to a cloud on this machine; nothing leaves it and nothing is paid. Results land in
    ./arkdeck-demo. On a terminal the deck shows it.
    """
    from tui.launch import LocalStart
    from tui.runs.example import RESULTS_FOLDER

    folder = Path.cwd() / RESULTS_FOLDER
    if on_terminal():
        return open_deck(None, LocalStart(example_to=folder))
    return _rehearse(folder)


@asynchronous
async def _rehearse(folder: Path) -> int:
    from tui.cli.submit import tell
    from tui.connection import open_local
    from tui.launch import Launch, LocalStart
    from tui.runs.course import begin
    from tui.runs.example import example_plan
    from tui.settings.paths import Paths

    say(_("starting a local cloud; its answers are simulated"))
    async with open_local(Launch(Paths.for_user(), {}), LocalStart()) as connection:
        await tell(begin(example_plan(connection.profile, folder), connection.services), as_json=False, resumable=False)
    return ExitCode.DONE


VERBS = (local, demo)
