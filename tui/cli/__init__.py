"""The headless command: the same verbs as the screens, for scripts and for hands."""

from __future__ import annotations

import sys
from typing import NoReturn

from tui.safety import harden, set_up_logging


def main() -> NoReturn:
    """Run the command `arkdeck` and exit with its code."""
    harden()
    set_up_logging()
    from tui.cli.root import call

    sys.exit(call(sys.argv[1:]))
