"""From an object to a file: in parts beside its name, verified on disk, published without replacing a file."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from tui.daemon import in_daemon
from tui.files import PART_SUFFIX, PartBlockedError, UnsafeNameError, open_part, publish, safe_name
from tui.fingerprint import crc64
from tui.i18n import _
from tui.storage.errors import (
    ContentDamagedError,
    LocalWriteError,
    NoSpaceError,
    Reply,
    TargetExistsError,
    TargetUnusableError,
)
from tui.storage.parts import Meter, Part, Progress, Report, plan_parts, run_parts
from tui.text import clean, human_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator
    from pathlib import Path

    from tui.errors import ArkdeckError
    from tui.storage.client import ObjectStore
    from tui.storage.objects import ObjectInfo

__all__ = ["Downloaded", "Progress", "download"]

_READ_SIZE: Final = 1024 * 1024
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNUSABLE: Final = frozenset(
    {errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS}
)


@dataclass(frozen=True)
class Downloaded:
    """The file has its final name.

    Attributes:
        path: the file.
        size: bytes.
        verified: by what it was compared with the object; `size` only where the store tells no checksum.
    """

    path: Path
    size: int
    verified: Literal["crc64", "size"]


async def download(
    store: ObjectStore, bucket: str, info: ObjectInfo, folder: Path, name: str
) -> AsyncGenerator[Progress | Downloaded]:
    """Make the file `folder/name` of exactly the content that `info` describes.

    Yields the progress, and at last the file. Until then the bytes are in `name.part`, which stays when the
    download is closed, cancelled or fails.

    Args:
        store: where from.
        bucket: the object's bucket.
        info: the object, as `head` or `list` told it.
        folder: an existing folder.
        name: a plain file name.

    Raises:
        TargetExistsError: a file of that name is there; it is never replaced.
        TargetUnusableError: no file name, something else in the part's place, a folder missing or closed to us.
        NoSpaceError: the folder has no room for it.
        LocalWriteError: the system refused to write.
        ObjectChangedError: the object was replaced meanwhile.
        ContentDamagedError: the file on disk is not the object.
        StorageError: the store failed, also when tried again.
    """
    connection = await store.connection()
    target = _Target(folder, name, bucket, info)
    part_file = await in_daemon(target.prepare, name="arkdeck-prepare")
    parts = plan_parts(info.size)
    meter = Meter(parts)

    def fetch(part: Part, report: Report) -> None:
        position = meter.reached(part)
        first, last = part.offset + position, part.offset + part.size - 1
        with (
            target.opened(part_file) as descriptor,
            contextlib.closing(connection.read_range(bucket, info, first, last)) as pieces,
        ):
            for piece in pieces:
                report(position)  # after a stall nobody may want the piece any more
                target.write(descriptor, piece, part.offset + position)
                position += len(piece)
                report(position)

    async with contextlib.aclosing(run_parts(parts, fetch, meter, store.clock)) as events:
        async for event in events:
            if isinstance(event, Progress):
                yield event
    yield meter.progress()
    await in_daemon(partial(target.verify, part_file), name="arkdeck-verify")
    yield await in_daemon(partial(target.publish, part_file), name="arkdeck-publish")


@dataclass(frozen=True)
class _Target:
    """The file to be; its methods block."""

    folder: Path
    name: str
    bucket: str
    info: ObjectInfo

    def prepare(self) -> Path:
        """Return the part file, as long as the object; no byte of an earlier one survives the download."""
        with self._local_errors():
            if os.path.lexists(self.folder / safe_name(self.name)):
                raise self._exists()
            self._require_space()
            path, descriptor = open_part(self.folder, self.name)
            try:
                os.ftruncate(descriptor, self.info.size)
            finally:
                os.close(descriptor)
        return path

    @contextlib.contextmanager
    def opened(self, part_file: Path) -> Iterator[int]:
        """Yield a descriptor of the part file that belongs to the caller's thread alone.

        By the time a thread that was left behind in a stalled call wakes up, a shared descriptor may have been
        closed and its number given to another file.
        """
        with self._local_errors():
            descriptor = os.open(part_file, os.O_WRONLY | os.O_NOFOLLOW)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`."""
        view = memoryview(data)
        with self._local_errors():
            while view:
                written = os.pwrite(descriptor, view, offset)
                offset += written
                view = view[written:]

    def verify(self, part_file: Path) -> None:
        """Return once the part file is on disk, if it is the object."""
        size = value = 0
        with self._local_errors(), part_file.open("rb") as file:
            os.fsync(file.fileno())
            while data := file.read(_READ_SIZE):
                size += len(data)
                value = crc64(data, value)
        if size != self.info.size or self.info.crc64 not in (None, value):
            text = _(
                "the store has {size} bytes with CRC-64 {crc64}, the file {found} bytes with {found_crc64}",
                size=self.info.size,
                crc64=self.info.crc64,
                found=size,
                found_crc64=value,
            )
            raise ContentDamagedError(Reply(text=text), bucket=self.bucket, key=self.info.key)

    def publish(self, part_file: Path) -> Downloaded:
        """Give the file its name."""
        with self._local_errors():
            path = publish(part_file, self.name)
        return Downloaded(path, self.info.size, "size" if self.info.crc64 is None else "crc64")

    def _require_space(self) -> None:
        free = shutil.disk_usage(self.folder).free + _freed_with(self.folder / (self.name + PART_SUFFIX))
        if free < self.info.size:
            raise self._no_space(_("{free} are free", free=human_bytes(free)))

    @contextlib.contextmanager
    def _local_errors(self) -> Iterator[None]:
        """Raise what the system refuses as one of our errors."""
        try:
            yield
        except UnsafeNameError as error:
            raise TargetUnusableError(str(error)) from error
        except PartBlockedError as error:
            raise self._blocked() from error
        except FileExistsError as error:
            raise self._exists() from error
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> ArkdeckError:
        why = error.strerror or str(error)
        if error.errno in _NO_SPACE:
            return self._no_space(why)
        place = clean(str(self.folder / self.name))
        if error.errno in _UNUSABLE:
            return TargetUnusableError(
                _("cannot write {place}: {why}", place=place, why=why),
                advice=_("Choose another folder, or make this one writable."),
            )
        return LocalWriteError(
            _("writing {place} failed: {why}", place=place, why=why),
            advice=_("What was downloaded is kept beside it."),
        )

    def _blocked(self) -> TargetUnusableError:
        part_file = clean(str(self.folder / (self.name + PART_SUFFIX)))
        return TargetUnusableError(
            _("cannot write {place}: a link, a folder or another download is in its place", place=part_file),
            advice=_("Wait for the other download, move away what is there, or choose another folder."),
        )

    def _exists(self) -> TargetExistsError:
        return TargetExistsError(
            _("the file is there already: {place}", place=clean(str(self.folder / self.name))),
            advice=_("It was not touched. Move it away, or choose another folder."),
        )

    def _no_space(self, why: str) -> NoSpaceError:
        return NoSpaceError(
            _(
                "no room in {folder} for {name}, which needs {size} ({bytes:,} bytes): {why}",
                folder=clean(str(self.folder)),
                name=clean(self.name),
                size=human_bytes(self.info.size),
                bytes=self.info.size,
                why=why,
            ),
            advice=_("Make room, or choose a folder on another disk."),
        )


def _freed_with(part_file: Path) -> int:
    """Return the bytes of disk that removing an earlier part gives back: none while it has another name."""
    if not os.path.lexists(part_file):
        return 0
    status = part_file.lstat()
    return status.st_blocks * 512 if status.st_nlink == 1 else 0
