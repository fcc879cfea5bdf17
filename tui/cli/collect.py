"""`arkdeck collect`: a finished job's files, verified, and an account of its requests."""

from __future__ import annotations

from pathlib import Path

import click

from tui.cli.session import asynchronous, json_option, profile_option, session
from tui.i18n import _


@click.command()
@click.argument("job_id", metavar="ID")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help=_("results go there; ./<job id> by default")
)
@json_option
@profile_option
@asynchronous
async def collect(job_id: str, *, profile: str | None, out: Path | None, as_json: bool) -> int:
    """Download a finished job's results and account for them.

    Also what a stopped or failed job has. Interrupted, the same command or `arkdeck continue` goes on.

    Exit code 0 when every request has an answer, 1 when any failed or is missing.
    """
    from tui.cli.submit import tell
    from tui.files import safe_name
    from tui.runs.course import begin_collect

    async with session(profile) as opened:
        job = await opened.services.ark.get_job(job_id)
        folder = (out or Path(safe_name(job.id))).resolve()
        profile = opened.profile.name if opened.named else ""
        return await tell(begin_collect(job, folder, opened.services, profile=profile), as_json=as_json)


VERBS = (collect,)
