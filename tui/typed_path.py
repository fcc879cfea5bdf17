"""Paths as operators type and paste them, and what stands against taking one."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from tui.errors import UsageError
from tui.folders import Kind, kind_of
from tui.i18n import _
from tui.text import clean, short_path

_QUOTES: Final = "'\""
_FILE_URI: Final = "file://"
_DOTS: Final = (".", "..")


class UnfitPathError(UsageError):
    """The path cannot be taken; the message says why."""


def typed_path(text: str, base: Path) -> Path:
    """Return the absolute path that a text means in the folder `base`: `~` is home, `..` goes back by one name."""
    rest = text
    if text == "~" or text.startswith("~/"):
        with suppress(RuntimeError):  # nobody knows where home is
            base, rest = Path.home(), text[2:]
    path = os.path.normpath(base / rest)
    return Path("/" + path.lstrip("/"))  # POSIX lets two slashes at the beginning mean something else


def parted(text: str, base: Path) -> tuple[Path, str]:
    """Return the folder that a typed text leads into, and the part of a name behind its last slash."""
    above, slash, word = text.rpartition("/")
    if word in _DOTS or text == "~":
        return typed_path(text, base), ""
    return (typed_path(above + slash, base) if slash else base), word


def pasted_path(text: str) -> str:
    """Return the path in a text from a clipboard: without quotes, blanks around it and a shell's backslashes.

    Of several lines the first one counts; what a file manager copies, `file:///a%20b`, becomes the path it means.
    """
    line = next(iter(text.strip().splitlines()), "").strip()
    if (path := path_of_uri(line)) is not None:
        return str(path)
    if line[:1] in _QUOTES or "\\" in line:
        with suppress(ValueError):  # a quote that is never closed
            words = shlex.split(line)
            if len(words) == 1:
                return words[0]
    return line


def path_of_uri(text: str) -> Path | None:
    """Return the path that a URI of a file on this machine means; None when it is none."""
    if not text.startswith(_FILE_URI):
        return None
    parts = urlsplit(text)
    path = unquote_to_bytes(parts.path)
    if parts.netloc not in ("", "localhost") or not path.startswith(b"/") or b"\0" in path:
        return None
    return Path(os.fsdecode(path))


def first_folder(start: Path | None, recent: Sequence[Path]) -> tuple[Path, str]:
    """Return the folder to begin in, and the name in it to begin on; it blocks.

    It is `start`, the nearest folder above it that is there, or where a `start` that is a file lies; without one the
    first that is there of the recent folders, of where the process works, of home.
    """
    if start is not None:
        path = typed_path(str(start), _working_folder())
        if not _is_folder(path):
            return next(above for above in path.parents if _is_folder(above) or above == above.parent), path.name
        return path, ""
    places = [*recent, _working_folder()]
    with suppress(RuntimeError):
        places.append(Path.home())
    return next((place for place in places if _is_folder(place)), Path("/")), ""


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except OSError:  # it was deleted
        return Path("/")


def _is_folder(path: Path) -> bool:
    try:
        return kind_at(path) is Kind.FOLDER
    except UnfitPathError:
        return False


def kind_at(path: Path) -> Kind | None:
    """Return what is at a path, None when nothing is; it blocks.

    Raises:
        UnfitPathError: nobody may look there.
    """
    try:
        return kind_of(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return Kind.BROKEN if path.is_symlink() else None
    except (OSError, ValueError) as error:
        raise _unfit(path, error) from error


def check_readable(path: Path) -> None:
    """Open a file for reading, and close it again; it blocks.

    Raises:
        UnfitPathError: it is not there, no regular file, or cannot be read.
    """
    kind = kind_at(path)
    if kind is not Kind.FILE:
        raise UnfitPathError(_not_a_file(path, kind))
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except OSError as error:
        raise _unfit(path, error) from error


def check_writable(folder: Path) -> bool:
    """Return whether a folder is there, so that it need not be made; it blocks.

    Raises:
        UnfitPathError: nothing can be written there, or it cannot be made.
    """
    kind = kind_at(folder)
    if kind not in (Kind.FOLDER, None):
        raise UnfitPathError(_("{path} is not a folder", path=_shown(folder)))
    there = folder
    while kind is None:
        there = there.parent
        kind = kind_at(there)
    if kind is not Kind.FOLDER:
        raise UnfitPathError(_("{path} is not a folder", path=_shown(there)))
    if not os.access(there, os.W_OK | os.X_OK):
        raise UnfitPathError(_("you may not write into {path}", path=_shown(there)))
    return there == folder


def why_unread(error: OSError) -> str:
    """Return why a folder or file cannot be read, in a few words."""
    words = {
        errno.ENOENT: _("there is no such folder"),
        errno.ENOTDIR: _("that is not a folder"),
        errno.EACCES: _("you may not read it"),
        errno.EPERM: _("you may not read it"),
        errno.ENAMETOOLONG: _("the name is too long"),
        errno.ELOOP: _("its links lead round in a circle"),
    }
    return words.get(error.errno or 0) or clean(error.strerror or str(error))


def _not_a_file(path: Path, kind: Kind | None) -> str:
    words = {
        None: _("there is no file {path}"),
        Kind.BROKEN: _("the link {path} leads nowhere"),
        Kind.FOLDER: _("{path} is a folder"),
    }
    return words.get(kind, _("{path} is not a regular file, but a pipe, a socket or a device")).format(
        path=_shown(path)
    )


def _unfit(path: Path, error: OSError | ValueError) -> UnfitPathError:
    reason = why_unread(error) if isinstance(error, OSError) else clean(str(error))
    return UnfitPathError(_("{path}: {reason}", path=_shown(path), reason=reason))


def _shown(path: Path) -> str:
    return clean(short_path(path), strict=True)
