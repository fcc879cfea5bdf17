"""What both protocols do around every request: meet the fault that is due, and leave a record in the log."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal

from tui.localcloud.fault_spec import format_fault
from tui.localcloud.faults import Event, Fault, FaultPlan
from tui.localcloud.http_messages import Cut, Ending, Request, Response
from tui.localcloud.request_log import RequestLog, RequestRecord
from tui.localcloud.tos_errors import TosError

NO_REPLY: Final = Response(0, cut=Cut(Ending.RESET))
"""The connection is reset."""

_NO_FAULT: Final = Fault("")


class BreakOffError(Exception):
    """A fault wants the connection reset before anything is done."""


class FrontDesk:
    """Receives the requests of one protocol.

    Args:
        protocol: as faults and records name it.
        faults: of the cloud.
        log: of the cloud.
    """

    def __init__(self, protocol: Literal["ark", "tos"], faults: FaultPlan, log: RequestLog) -> None:
        self.protocol: Final = protocol
        self.faults = faults
        self.log = log

    def receive(self, request_id: str) -> Visit:
        """Begin with a request whose head has arrived."""
        return Visit(self, request_id)


class Visit:
    """One request, from its head to its reply.

    Args:
        desk: of its protocol.
        request_id: that the reply carries.

    Attributes:
        request_id: the same.
        arrived: by the machine's clock.
        fault: what it meets; an empty one for nothing.
        code: of the error that is answered, for the record.
        job: id of the job, once it is known.
    """

    def __init__(self, desk: FrontDesk, request_id: str) -> None:
        self._desk = desk
        self._began = time.monotonic()
        self._event = Event(f"{desk.protocol}:")
        self.request_id = request_id
        self.arrived = datetime.now(UTC)
        self.fault = _NO_FAULT
        self.code = ""
        self.job = ""

    def meet(self, operation: str, **about: Any) -> None:
        """Say what the request is about, as the fields of an Event, and meet the fault that is due.

        Raises:
            BreakOffError: the fault resets the connection before anything is done.
        """
        self._event = Event(f"{self._desk.protocol}:{operation}", **about)
        self.job = self._event.job
        self.fault = self._desk.faults.due(self._event) or _NO_FAULT
        if self.fault.delay:
            self._desk.faults.wait(self.fault.delay)
        if self.fault.reset == "before":
            raise BreakOffError

    @property
    def now(self) -> datetime:
        """The time by the service's clock, which a fault may put ahead."""
        return datetime.now(UTC) + timedelta(seconds=self.fault.skew)

    def leave(self, request: Request | None, response: Response) -> Response:
        """Write the record of the request, and return the reply as the fault leaves it."""
        response = self._changed(response)
        if request is not None and response.cut != NO_REPLY.cut:
            with contextlib.suppress(TosError, OSError):  # a body that cannot be drained ends the connection
                request.body.drain()
        event = self._event
        self._desk.log.add(
            RequestRecord(
                time=self.arrived,
                protocol=self._desk.protocol,
                operation=event.where.partition(":")[2],
                job=self.job,
                bucket=event.bucket,
                key=event.key,
                part=event.part,
                bytes_in=request.body.received if request else 0,
                bytes_out=response.bytes_sent(request.method if request else ""),
                status=None if response.cut == NO_REPLY.cut else response.status,
                code=self.code,
                request_id=self.request_id,
                seconds=round(time.monotonic() - self._began, 6),
                fault=format_fault(self.fault) if self.fault.where else "",
            )
        )
        return response

    def _changed(self, response: Response) -> Response:
        fault, headers, cut = self.fault, dict(response.headers), response.cut
        if fault.skew:
            headers["Date"] = format_datetime(self.now, usegmt=True)
        if fault.retry_after is not None:
            headers["Retry-After"] = str(fault.retry_after)
        if fault.reset == "after":
            cut = NO_REPLY.cut
        elif fault.stall is not None:
            cut = Cut(Ending.STALL, fault.stall)
        elif fault.truncate is not None:
            cut = Cut(Ending.CLOSE, fault.truncate)
        return replace(response, headers=headers, cut=cut)
