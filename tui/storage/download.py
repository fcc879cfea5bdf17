"""From an object to a file: in parts beside its name, verified on disk, published without replacing a file."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import shutil
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from tui.daemon import in_daemon
from tui.files import PART_SUFFIX, PartBlockedError, UnsafeNameError, publish, safe_name
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
from tui.storage.part_file import Content, PartFile
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
_RECORD_SECONDS: Final = 1.0
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_UNUSABLE: Final = frozenset(
    {errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.EROFS}
)
_log = logging.getLogger(__name__)


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
    download is closed, cancelled or fails; the next one of the same content, in whatever process, fetches only the
    parts that are missing. A file so continued that is not the object is fetched once more from its beginning.

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
    fetching = _Fetching(store, _Target(folder, name, bucket, info))
    try:
        async with contextlib.aclosing(fetching.once(shown=0)) as events:
            async for event in events:
                yield event
    except _KeptPartsDamagedError:
        async with contextlib.aclosing(fetching.once(shown=info.size)) as events:
            async for event in events:
                yield event


class _KeptPartsDamagedError(ContentDamagedError):
    """The file is not the object, and some of it was there before this download began; nothing is kept of it now."""


@dataclass(frozen=True)
class _Fetching:
    """One object on its way to one file."""

    store: ObjectStore
    target: _Target

    async def once(self, *, shown: int) -> AsyncGenerator[Progress | Downloaded]:
        """Fetch the parts that are missing, compare the whole with the object, and give the file its name."""
        target = self.target
        with await _prepared(target) as part_file:
            parts = plan_parts(target.info.size)
            meter = Meter(parts, shown=shown)
            missing = [part for part in parts if part.number not in part_file.parts]
            for part in parts:
                if part.number in part_file.parts:
                    meter.reach(part, part.size)
            if len(missing) < len(parts):
                yield meter.progress()
            async with contextlib.aclosing(self._fetch(missing, part_file, meter)) as events:
                async for event in events:
                    yield event
            yield meter.progress()
            verify = partial(target.verify, part_file, continued=len(missing) < len(parts))
            await in_daemon(verify, name="arkdeck-verify", yielding=True)
            yield await _published(target, part_file)

    async def _fetch(self, missing: list[Part], part_file: PartFile, meter: Meter) -> AsyncGenerator[Progress]:
        """Fetch parts, and write down from time to time, and at the end however it comes, which ones are done."""
        connection = await self.store.connection()
        target = self.target
        loop = asyncio.get_running_loop()
        recorded_at = loop.time() - _RECORD_SECONDS

        def fetch(part: Part, report: Report) -> None:
            position = meter.reached(part)
            first, last = part.offset + position, part.offset + part.size - 1
            with (
                target.opened(part_file.path) as descriptor,
                contextlib.closing(connection.read_range(target.bucket, target.info, first, last)) as pieces,
            ):
                for piece in pieces:
                    report(position)  # after a stall nobody may want the piece any more
                    target.write(descriptor, piece, part.offset + position)
                    position += len(piece)
                    report(position)

        async def record() -> None:
            done = part_file.parts.union(part.number for part in missing if meter.reached(part) == part.size)
            if done != part_file.parts:
                await in_daemon(partial(target.record, part_file, done), name="arkdeck-record")

        try:
            async with contextlib.aclosing(run_parts(missing, fetch, meter, self.store.clock)) as events:
                async for event in events:
                    if isinstance(event, Progress):
                        yield event
                    if loop.time() - recorded_at >= _RECORD_SECONDS:
                        recorded_at = loop.time()
                        await record()
        finally:
            await record()


async def _prepared(target: _Target) -> PartFile:
    """Return the part file; who cancels waits until it is let go of, and may remove it then."""
    preparing = in_daemon(target.prepare, name="arkdeck-prepare")
    try:
        return await asyncio.shield(preparing)
    except asyncio.CancelledError:
        preparing.add_done_callback(_let_go)
        await asyncio.wait([preparing])
        raise


def _let_go(prepared: asyncio.Future[PartFile]) -> None:
    """Give back what was prepared when nobody waited any more."""
    if not prepared.cancelled() and prepared.exception() is None:
        with prepared.result():
            pass


async def _published(target: _Target, part_file: PartFile) -> Downloaded:
    """Give the file its name; who cancels waits for that, since the part must not be taken up meanwhile."""
    publishing = in_daemon(partial(target.publish, part_file), name="arkdeck-publish")
    try:
        return await asyncio.shield(publishing)
    except asyncio.CancelledError:
        await asyncio.wait([publishing])
        raise


@dataclass(frozen=True)
class _Target:
    """The file to be; its methods block."""

    folder: Path
    name: str
    bucket: str
    info: ObjectInfo

    def prepare(self) -> PartFile:
        """Return the part file, as long as the object; of an earlier one only what was fetched of this content."""
        info = self.info
        content = None if info.crc64 is None else Content(info.etag, info.size, info.crc64)
        with self._local_errors():
            if os.path.lexists(self.folder / safe_name(self.name)):
                raise self._exists()
            self._require_space()
            return PartFile.take(self.folder, self.name, info.size, content)

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

    def record(self, part_file: PartFile, parts: frozenset[int]) -> None:
        """Write down which parts are done; where that cannot be, they will be fetched again."""
        try:
            part_file.record(parts)
        except OSError as error:
            _log.warning("the parts of %s were not written down: %s", clean(str(part_file.path)), error.strerror)

    def verify(self, part_file: PartFile, *, continued: bool) -> None:
        """Return once the part file is on disk, if it is the object; otherwise nothing of it will be taken up."""
        size = value = 0
        with self._local_errors(), part_file.path.open("rb") as file:
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
            with self._local_errors():
                part_file.record(())
            damaged = _KeptPartsDamagedError if continued else ContentDamagedError
            raise damaged(Reply(text=text), bucket=self.bucket, key=self.info.key)

    def publish(self, part_file: PartFile) -> Downloaded:
        """Give the file its name."""
        with self._local_errors():
            path = publish(part_file.path, self.name)
            part_file.drop_record()
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
