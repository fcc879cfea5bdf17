"""The file that a download fills beside its name, and beside that the record of which parts are done.

A part file is one download's at a time: its lock dies with the process that has it. It is filled further only where its
record tells of the same object; whether its bytes are right is for the check of the whole to say.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import msgspec

from tui.files import PART_SUFFIX, PartBlockedError, safe_name
from tui.storage.parts import plan_parts

_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})
_ATTEMPTS: Final = 5


class Content(msgspec.Struct, frozen=True):
    """The object that the part file is to become."""

    etag: str
    size: int
    crc64: int


class _Record(msgspec.Struct, frozen=True):
    content: Content
    parts: frozenset[int]


class PartFile:
    """The locked part file `folder/name.part`; a context manager, which lets go of it. Its methods block.

    Attributes:
        path: the file, as long as the object.
        parts: numbers of the parts that are done.
    """

    def __init__(self, path: Path, descriptor: int, content: Content | None, parts: frozenset[int]) -> None:
        self.path = path
        self.parts = parts
        self._descriptor = descriptor
        self._content = content

    @classmethod
    def take(cls, folder: Path, name: str, size: int, content: Content | None) -> Self:
        """Take up the part file of an interrupted download of the same content, or make it anew.

        Args:
            folder: an existing folder.
            name: what the file is to be called.
            size: of the object, in bytes.
            content: the object, None where it tells no checksum: then nothing could prove what is there.

        Raises:
            PartBlockedError: in its place is a link, a folder, or what another download is filling.
            OSError: it cannot be made.
        """
        path = folder / (safe_name(name) + PART_SUFFIX)
        for _attempt in range(_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError), _Opened(path, os.O_RDWR) as earlier:
                parts = _parts_done(path, os.fstat(earlier.descriptor), content) if earlier.locked else frozenset()
                if parts:
                    return cls(path, earlier.keep(), content, parts)
                path.unlink()
            anew = os.O_RDWR | os.O_CREAT | os.O_EXCL
            with contextlib.suppress(FileExistsError, FileNotFoundError), _Opened(path, anew) as new:
                _remove_record(path)
                os.ftruncate(new.descriptor, size)
                made = cls(path, new.descriptor, content if new.locked else None, frozenset())
                made.record(())  # by which `discard` knows whose it is
                new.keep()
                return made
        raise _blocked(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        os.close(self._descriptor)

    def record(self, parts: Iterable[int]) -> None:
        """Write down which parts are done, whole or not at all, unless nothing could prove them later.

        Nothing is synced: what a power cut takes of it, or of the parts that it tells of, the check of the whole finds.
        """
        self.parts = frozenset(parts)
        if self._content is None:
            return
        record, new = _record(self.path), _new_record(self.path)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(msgspec.json.encode(_Record(self._content, self.parts)))
        new.replace(record)

    def drop_record(self) -> None:
        """Forget which parts are done, as the file has its name."""
        self.parts = frozenset()
        _remove_record(self.path)


def discard(folder: Path, name: str) -> None:
    """Remove what an interrupted download of `folder/name` left, unless a download is at work on it; it blocks.

    A part file without a record is left alone, as it may be the operator's, but for one that a crash left as a second
    name of the file itself.
    """
    path, final = folder / (safe_name(name) + PART_SUFFIX), folder / name
    with contextlib.suppress(PartBlockedError):
        with contextlib.suppress(FileNotFoundError), _Opened(path, os.O_RDWR):
            if _record(path).exists() or (final.exists() and final.samefile(path)):
                path.unlink()
        if not os.path.lexists(path):
            _remove_record(path)


def bytes_done(folder: Path, name: str) -> int:
    """Return how much of `folder/name` an interrupted download has written down as done, in bytes; it blocks."""
    record = _read_record(folder / (safe_name(name) + PART_SUFFIX))
    if record is None:
        return 0
    return sum(part.size for part in plan_parts(record.content.size) if part.number in record.parts)


class _Opened:
    """A regular file opened with its lock, by the one name that leads to it; a context manager, which closes it.

    Attributes:
        descriptor: of the file.
        locked: False where the file system knows no locks.

    Raises:
        PartBlockedError: it is not a regular file, or another download has the lock.
        FileNotFoundError: it is not there, or was renamed or removed meanwhile.
    """

    def __init__(self, path: Path, flags: int) -> None:
        try:
            self.descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
                raise _blocked(path) from error
            raise
        self._kept = False
        try:
            self.locked = self._lock(path)
        except BaseException:
            os.close(self.descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if not self._kept:
            os.close(self.descriptor)

    def keep(self) -> int:
        """Return the descriptor, which the caller closes from now on."""
        self._kept = True
        return self.descriptor

    def _lock(self, path: Path) -> bool:
        opened = os.fstat(self.descriptor)
        if not stat.S_ISREG(opened.st_mode):
            raise _blocked(path)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _blocked(path) from error
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
        found = path.lstat()  # by now it may have its final name, and another download's part be here
        if (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        return True


def _parts_done(path: Path, status: os.stat_result, content: Content | None) -> frozenset[int]:
    """Return the parts that the record tells of, none unless the file is private, has one name, and is that content's.

    A crash while it got its final name leaves it with two: it is a file that the operator keeps.
    """
    ours = status.st_nlink == 1 and status.st_uid == os.geteuid() and not status.st_mode & 0o077
    if content is None or not ours or status.st_size != content.size:
        return frozenset()
    record = _read_record(path)
    return record.parts if record is not None and record.content == content else frozenset()


def _read_record(path: Path) -> _Record | None:
    """Return the record, None where there is none that can be read."""
    try:
        with os.fdopen(os.open(_record(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return msgspec.json.decode(file.read(), type=_Record)
    except (OSError, msgspec.DecodeError):
        return None


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".done")


def _new_record(path: Path) -> Path:
    return path.with_name(path.name + ".done.new")


def _remove_record(path: Path) -> None:
    for record in (_record(path), _new_record(path)):
        record.unlink(missing_ok=True)


def _blocked(path: Path) -> PartBlockedError:
    return PartBlockedError(errno.EEXIST, "a link, a folder, or another download's", str(path))
