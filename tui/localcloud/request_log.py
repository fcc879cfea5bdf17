"""The request log: one record for every request on both protocols, kept for tests and written as JSON lines.

It holds what a request was about and what became of it. Headers, signatures, tokens and queries are never in it.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from datetime import datetime
from fnmatch import fnmatchcase
from typing import IO, TYPE_CHECKING, Final, Literal

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

KEPT: Final = 100_000
"""Records in memory; the file has all."""

_log: Final = logging.getLogger(__name__)
_encoder: Final = msgspec.json.Encoder()


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, written down when its reply is ready and before it is sent.

    Attributes:
        time: when it arrived, by the machine's clock.
        protocol: `ark` or `tos`.
        operation: as the platform names it; empty for what is none.
        job: id of the job, as the request gives it or the reply does.
        bucket: empty when it is about no bucket.
        key: empty when it is about no object.
        part: number of the part.
        bytes_in: of the request's body, as far as it was read.
        bytes_out: of the reply's body, as far as it is sent.
        status: HTTP status; None when the connection ends without a reply.
        code: the error's, empty for a success.
        request_id: that the reply carries.
        seconds: from the end of the request's head to the reply being ready.
        fault: the one that fired, as it is written for `--fault`.
    """

    time: datetime
    protocol: Literal["ark", "tos"]
    operation: str = ""
    job: str = ""
    bucket: str = ""
    key: str = ""
    part: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    status: int | None = None
    code: str = ""
    request_id: str
    seconds: float
    fault: str = ""

    @property
    def where(self) -> str:
        """Protocol and operation, as faults name them."""
        return f"{self.protocol}:{self.operation}"

    def fits(self, where: str) -> bool:
        """Tell whether it is a request to `where`, with `*` and `?` as in file names."""
        return fnmatchcase(self.where, where)


class RequestLog:
    """Keeps records, and appends them to a file; safe to share between threads.

    Args:
        path: made when missing, for its owner only; None for no file.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._kept: deque[RequestRecord] = deque(maxlen=KEPT)
        self._file: IO[bytes] | None = None
        if path is not None:
            path.touch(mode=0o600)
            self._file = path.open("ab", buffering=0)

    def add(self, record: RequestRecord) -> None:
        """Keep a record and write its line; a disk that is full loses the line, not the request."""
        line = _encoder.encode(record) + b"\n"
        with self._lock:
            self._kept.append(record)
            if self._file is not None:
                try:
                    self._file.write(line)
                except OSError as error:
                    _log.error("the request log lost a line: %s", error)  # a full disk needs no traceback

    def records(self) -> list[RequestRecord]:
        """Return what is kept, in the order of the replies."""
        with self._lock:
            return list(self._kept)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
