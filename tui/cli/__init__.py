"""The headless command: the same verbs as the screens, for scripts and for hands."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command `arkdeck` and exit with its code, also when it is interrupted before it has begun."""
    try:
        sys.exit(_call())
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        sys.exit(_INTERRUPTED)


def _call() -> int:
    gc.disable()  # what is imported stays, and need not be looked through; the verbs enable it, and so does the deck
    from tui.safety import harden, set_up_logging

    harden()
    set_up_logging()
    from tui.cli.root import call

    return call(sys.argv[1:])
