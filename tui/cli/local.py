"""The embedded local cloud: served by itself, and the whole job rehearsed on it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tui.cli.exit_codes import ExitCode
from tui.cli.output import print_json, print_line, say
from tui.cli.session import asynchronous, json_option
from tui.errors import UsageError
from tui.i18n import _

if TYPE_CHECKING:
    from tui.localcloud import CloudInfo

_DEMO_MODEL: Final = "doubao-pro-32k"
_DEMO_FOLDER: Final = "arkdeck-demo"


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
    from tui.localcloud import LocalCloud
    from tui.localcloud.assumptions import parse_assumptions
    from tui.localcloud.fault_spec import parse_fault
    from tui.localcloud.serve import serve as serve_cloud

    def announce(info: CloudInfo) -> None:
        if as_json:
            print_json(info.as_dict())
            return
        for name, value in _environment(info).items():
            print_line(f"export {name}={value}")
        answers = _("a model answers") if options["model_url"] else _("answers are simulated")
        say(_("serving; {answers}. Paste the lines above into another shell. Ctrl-C ends it.", answers=answers))

    with _start_explained(options["log"]):
        cloud = LocalCloud(faults=tuple(map(parse_fault, faults)), assume=parse_assumptions(assumptions), **options)
        return serve_cloud(cloud, announce=announce)


@click.command()
@asynchronous
async def demo() -> int:
    """Rehearse the whole job on the local cloud.

    Check, upload, create, watch, collect, account.

    The example requests are sent to a cloud on this machine; nothing leaves it and nothing is paid. Results land in
    ./arkdeck-demo.
    """
    from tui.cli.session import services_for
    from tui.cli.submit import tell
    from tui.localcloud.child import LocalCloudProcess
    from tui.runs.course import begin
    from tui.runs.plan import Plan
    from tui.settings.credentials import find_credentials
    from tui.settings.paths import Paths
    from tui.settings.profiles import resolve_profile
    from tui.settings.shipped import shipped

    with ExitStack() as leaving:
        say(_("starting a local cloud; its answers are simulated"))
        with _start_explained():
            cloud = leaving.enter_context(LocalCloudProcess())
        environment = _environment(cloud.info)
        home = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="arkdeck-demo-")))
        resolved = resolve_profile(Paths(home / "config.toml", home, home), None, environment)
        profile, keys = resolved.profile, await find_credentials(resolved, environment)
        plan = Plan(
            verb="run",
            input=str(shipped("examples") / "requests.jsonl"),
            profile="",
            service=profile.ark_endpoint,
            bucket=profile.bucket,
            project=profile.project,
            input_prefix=profile.input_prefix,
            output_prefix=profile.output_prefix,
            model=_DEMO_MODEL,
            name="arkdeck-demo",
            folder=str(Path.cwd() / _DEMO_FOLDER),
        )
        async with services_for(profile, keys, data_dir=home) as services:
            await tell(begin(plan, services), as_json=False, resumable=False)
    return ExitCode.DONE


@contextmanager
def _start_explained(log: Path | None = None) -> Iterator[None]:
    """Say why the cloud cannot start, and which option to change."""
    from tui.localcloud.failures import CannotStartError, OptionError

    try:
        yield
    except OptionError as error:
        raise UsageError(str(error), advice=_("docs/local-cloud.md lists what the options can say.")) from error
    except (CannotStartError, OSError) as error:
        raise UsageError(
            _("the local cloud cannot start: {error}", error=_reason(error)), advice=_start_advice(error, log)
        ) from error


def _reason(error: Exception) -> str:
    """What went wrong, without the number that the system has for it."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror


def _start_advice(error: Exception, log: Path | None) -> str:
    from tui.localcloud.child import LocalCloudDiedError

    if isinstance(error, LocalCloudDiedError):  # it has neither option
        return ""
    if isinstance(error, OSError) and not error.filename:
        return _("Choose another --port.")
    if isinstance(error, OSError) and log is not None and str(error.filename) == str(log):
        return _("Choose another --log.")
    return _("Choose another --data.")


def _environment(info: CloudInfo) -> dict[str, str]:
    """The variables by which a command finds the cloud."""
    return {
        "ARKDECK_ARK_ENDPOINT": info.ark_endpoint,
        "ARKDECK_TOS_ENDPOINT": info.tos_endpoint,
        "ARKDECK_REGION": info.region,
        "ARKDECK_BUCKET": info.bucket,
        "VOLCENGINE_ACCESS_KEY": info.access_key,
        "VOLCENGINE_SECRET_KEY": info.secret_key,
    }


VERBS = (local, demo)
