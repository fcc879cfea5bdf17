"""`python -m tui.localcloud`: the local cloud as a child process, which ends when its standard input closes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui.localcloud.assumptions import parse_assumptions
from tui.localcloud.cloud import LocalCloud
from tui.localcloud.failures import CannotStartError
from tui.localcloud.fault_spec import parse_fault
from tui.localcloud.options import DEFAULT_REGION, DEFAULT_SPEED
from tui.localcloud.serve import serve

if TYPE_CHECKING:
    from tui.localcloud.cloud import CloudInfo


def main() -> int:
    """Serve; one line of JSON on standard output says how to reach the services."""
    given = vars(_parser().parse_args())
    try:
        faults = tuple(map(parse_fault, given.pop("fault")))
        assume = parse_assumptions(given.pop("assume"))
        cloud = LocalCloud(**given, faults=faults, assume=assume)
        return serve(cloud, announce=_announce, until_stdin_closes=True)
    except (CannotStartError, OSError) as error:
        sys.stderr.write(f"the local cloud cannot start: {error}\n")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tui.localcloud", description="The local cloud of arkdeck.")
    parser.add_argument("--port", type=int, default=0, help="of Ark, the next one of the objects; 0 for any two")
    parser.add_argument("--data", type=Path, help="folder to keep the state in; gone at the end otherwise")
    parser.add_argument("--region", default=DEFAULT_REGION)
    parser.add_argument("--speed", type=float, default=DEFAULT_SPEED, help="requests per second of each job")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated answers")
    parser.add_argument("--fault", action="append", default=[], metavar="SPEC", help="what shall go wrong; repeatable")
    parser.add_argument("--log", type=Path, metavar="FILE", help="gets a line of JSON for every request")
    parser.add_argument("--assume", action="append", default=[], metavar="NAME=VALUE", help="repeatable")
    parser.add_argument("--scene", metavar="NAME", help="fill an empty cloud before it serves: busy or huge")
    parser.add_argument("--model-url", metavar="URL", help="of this machine, OpenAI-compatible: answers the requests")
    return parser


def _announce(info: CloudInfo) -> None:
    sys.stdout.write(json.dumps(info.as_dict()) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
