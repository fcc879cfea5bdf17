"""A disk that takes no more bytes, told apart from other failures: it may have room again later."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

DISK_FULL: Final = "The disk of the local cloud is full, or its limit is reached."
_ERRNOS: Final = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
_PRIMARY: Final = 0xFF  # the low byte of SQLite's extended codes


def is_disk_full(error: BaseException) -> bool:
    """Tell whether a write failed for want of room; SQLite names a file size limit an I/O error."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    if isinstance(error, sqlite3.OperationalError):
        return error.sqlite_errorcode & _PRIMARY in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    return False
