"""Files that are private, written whole or not at all, and never outside their folder."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tui.text import clean

PART_SUFFIX: Final = ".part"
_MAX_NAME_BYTES: Final = 240
_NO_HARD_LINKS: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK})
_NO_FOLDER_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})
_RESERVED: Final = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"COM{n}" for n in range(1, 10)), *(f"LPT{n}" for n in range(1, 10))]
)


class UnsafeNameError(ValueError):
    """A name from outside that must not become a file name."""


class PartBlockedError(OSError):
    """In a part's place is something that no download left there: a link, a folder, another download's part."""


def private_folder(folder: Path) -> Path:
    """Make `folder` and its parents, readable by their owner only where they are new; return it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    return folder


def safe_name(name: str) -> str:
    """Return `name` if it is a plain file name on every system.

    Raises:
        UnsafeNameError: it is empty, a path, hidden in control characters, reserved, or over 240 bytes.
    """
    bad = (
        name in ("", ".", "..")
        or any(char in '/\\:*?"<>|' or not char.isprintable() for char in name)
        or name[-1] in ". "
        or name.split(".")[0].rstrip().upper() in _RESERVED
        or len(name.encode("utf-8", "surrogatepass")) > _MAX_NAME_BYTES
    )
    if bad:
        raise UnsafeNameError(f"not a safe file name: {clean(name, strict=True, limit=80)!r}")
    return name


def write_atomic(path: Path, data: bytes) -> None:
    """Replace `path` by a private file with `data`: readers see the old content or the new, also after a crash."""
    with atomic_writer(path) as descriptor:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]


@contextlib.contextmanager
def atomic_writer(path: Path) -> Iterator[int]:
    """Yield a descriptor of a private file beside `path`; a normal exit renames it there, an error removes it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART_SUFFIX)
    part = Path(name)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(part, path)  # noqa: PTH105  # pairs with the descriptor calls around it
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[int]:
    """Yield a descriptor of a private file beside `path`; a normal exit gives it that name, an error removes it.

    Raises:
        FileExistsError: the name is taken (a link counts), before anything is written or by then.
    """
    if os.path.lexists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=PART_SUFFIX)
    part = Path(name)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _give_name(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def open_part(folder: Path, name: str) -> tuple[Path, int]:
    """Make `folder/name.part`, new, private and open for any offset; return path and descriptor.

    An earlier part is removed and never written into: a crash inside `publish` leaves it with two names, of which
    the other is a file that the operator keeps.

    Raises:
        PartBlockedError: what is in its place is not a regular file, or another download is making it now.
    """
    part = folder / (safe_name(name) + PART_SUFFIX)
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISREG(part.lstat().st_mode):
            raise PartBlockedError(errno.EEXIST, "not a regular file", str(part))
        part.unlink()
    try:
        return part, os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise PartBlockedError(errno.EEXIST, "made by another process", str(part)) from error


def publish(part: Path, name: str) -> Path:
    """Give a finished part its final name without ever replacing a file; return the final path.

    Raises:
        FileExistsError: the name is taken (a link counts).
    """
    final = part.with_name(safe_name(name))
    _give_name(part, final)
    return final


def _give_name(part: Path, final: Path) -> None:
    try:
        os.link(part, final)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(final):  # a file system without hard links: narrow, not closed, window
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from None
        os.rename(part, final)  # noqa: PTH104
    else:
        part.unlink()
    sync_folder(final.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut, where the system lets a folder be opened and synced."""
    with contextlib.suppress(PermissionError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_SYNC:  # network and FUSE file systems: the files themselves are synced
                raise
        finally:
            os.close(descriptor)
