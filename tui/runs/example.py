"""The example that is shipped: the whole job, from a file of requests to an account of every answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tui.runs.plan import Plan
from tui.settings.profiles import Profile
from tui.settings.shipped import shipped

RESULTS_FOLDER: Final = "arkdeck-demo"
"""Where the demo puts its results, in the folder that it is called in."""

_MODEL: Final = "doubao-pro-32k"


def example_plan(profile: Profile, folder: Path) -> Plan:
    """Return the plan of the example's run.

    Args:
        profile: where it runs; meant for a local cloud, where nothing is paid.
        folder: gets a folder of the results, named after the job.

    Raises:
        FileNotFoundError: the installation lacks the example.
    """
    return Plan(
        verb="run",
        input=str(shipped("examples") / "requests.jsonl"),
        profile="",
        service=profile.ark_endpoint,
        bucket=profile.bucket,
        project=profile.project,
        input_prefix=profile.input_prefix,
        output_prefix=profile.output_prefix,
        model=_MODEL,
        name="arkdeck-demo",
        folder=str(folder.absolute()),
    )
