"""What a call's exit code says; scripts rely on it."""

from __future__ import annotations

from enum import IntEnum

from tui.errors import AccessError, ArkdeckError, ServiceError, UsageError


class ExitCode(IntEnum):
    """The codes of the command `arkdeck`; 129, 130 and 143 are the signals HUP, INT and TERM."""

    DONE = 0
    WORK_FAILED = 1
    USAGE = 2
    SERVICE = 3
    ACCESS = 4
    CRASH = 70
    INTERRUPTED = 130


def exit_code_of(error: ArkdeckError) -> ExitCode:
    """Return the code for an error's family."""
    match error:
        case UsageError():
            return ExitCode.USAGE
        case ServiceError():
            return ExitCode.SERVICE
        case AccessError():
            return ExitCode.ACCESS
        case _:
            return ExitCode.WORK_FAILED
