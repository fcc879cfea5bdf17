"""The families of errors that an operator can act on; every typed error of arkdeck belongs to one.

An error says what happened and to what (`message`, one line) and what to do next (`advice`, lines of their own). The
shells decide how to show it; the command maps the families to its exit codes (`tui/cli/exit_codes.py`).
"""

from __future__ import annotations


class ArkdeckError(Exception):
    """Something the operator should know, in their words.

    Args:
        message: what happened, to what; one line.
        advice: what to do next; empty when nothing helps but reading the message.
    """

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    @property
    def in_full(self) -> str:
        """The message, and the advice beneath it."""
        return "\n".join(filter(None, [self.message, self.advice]))


class WorkError(ArkdeckError):
    """The work itself failed: bad input, a failed job, a full disk."""


class UsageError(ArkdeckError):
    """The call or the configuration is wrong: unknown key, missing file, missing bucket, unknown job."""


class ReadOnlyError(UsageError):
    """A change was asked for through a profile that lets nothing be changed; nothing was sent."""


class ServiceError(ArkdeckError):
    """The service or the network between here and there failed."""


class AccessError(ArkdeckError):
    """Credentials are missing or refused, or a permission is."""
