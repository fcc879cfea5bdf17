"""Whether there is a shell to go back to."""

from __future__ import annotations

import os


def shell_can_continue() -> bool:
    """Tell whether a shell with job control started this process, so that suspending it is not its end.

    Such a shell is in the same session and gave us a process group of our own; a terminal or an SSH server that
    started us directly is in another session, and a wrapper that waits for us in the same group.
    """
    parent = os.getppid()
    try:
        return os.getsid(parent) == os.getsid(0) and os.getpgid(parent) != os.getpgrp()
    except (PermissionError, ProcessLookupError):
        return False
