"""What stands in the way of what is done to a transfer, and the command lines that do the same."""

from __future__ import annotations

from tui.i18n import _
from tui.situations import Situation, read_only


def no_transfer(situation: Situation) -> str | None:
    """Object where no transfer is under the cursor."""
    return None if situation.transfer else _("there is no transfer")


def no_job_yet(situation: Situation) -> str | None:
    """Object while the job that a transfer is about does not exist."""
    transfer = situation.transfer
    if transfer is None or transfer.job_id:
        return no_transfer(situation)
    return _("its job does not exist yet")


def not_to_be_paused(situation: Situation) -> str | None:
    """Object where there is neither something to stop nor something to go on with."""
    from tui.runs.transfers import TransferState

    transfer = situation.transfer
    if transfer is None:
        return no_transfer(situation)
    if transfer.state is TransferState.FAILED:
        return _("it failed: retry it")
    if transfer.state.finished:
        return _("it is finished")
    return None if transfer.state.active else _may_not_go_up(situation)


def not_to_be_gone_on_with(situation: Situation) -> str | None:
    """Object to going on with what neither failed nor is paused."""
    from tui.runs.transfers import TransferState

    transfer = situation.transfer
    if transfer is None or transfer.state in (TransferState.FAILED, TransferState.PAUSED):
        return no_transfer(situation) or _may_not_go_up(situation)
    return _("it neither failed nor is paused")


def not_to_be_cancelled(situation: Situation) -> str | None:
    """Object to giving up what is done or given up already, or what another process works on."""
    from tui.runs.transfers import TransferState

    transfer = situation.transfer
    if transfer is None:
        return no_transfer(situation)
    if transfer.state is TransferState.HELD:
        return _("another process works on it: {holder}", holder=transfer.holder)
    done = transfer.state in (TransferState.DONE, TransferState.CANCELLED)
    return _("it is finished") if done else None


def nothing_to_clear(situation: Situation) -> str | None:
    """Object where every transfer goes on, waits, or failed."""
    return None if situation.clearable else _("no transfer is done or given up")


def _may_not_go_up(situation: Situation) -> str | None:
    """Object to what goes on to change something on the service, where that is not allowed."""
    from tui.runs.transfers import Way

    up = situation.transfer is not None and situation.transfer.way is Way.UP
    return read_only(situation) if up else None


def continue_transfer(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that goes on with the transfer; of a download the one that also works when it is done."""
    from tui.runs.transfers import Way

    transfer = situation.transfer
    if transfer is None:
        return None
    if transfer.way is Way.UP:
        return ("continue", transfer.id)
    return ("collect", transfer.job_id, "--out", str(transfer.path))


def forget_transfer(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that gives the transfer up."""
    return ("forget", situation.transfer.id) if situation.transfer else None


def show_job(situation: Situation) -> tuple[str, ...] | None:
    """Return the command that shows the job of the transfer."""
    transfer = situation.transfer
    return ("job", transfer.job_id) if transfer is not None and transfer.job_id else None
