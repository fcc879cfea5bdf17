"""From a file to an object: whole or in parts, each compared with the file's fingerprint and with the store."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from tui.daemon import in_daemon
from tui.fingerprint import BLOCK_SIZE
from tui.i18n import _
from tui.storage.errors import (
    ContentDamagedError,
    ObjectMissingError,
    Reply,
    SourceChangedError,
    StorageError,
    TooManyPartsError,
    UploadMissingError,
)
from tui.storage.parts import Finished, Meter, Part, Progress, Report, plan_parts, run_parts
from tui.storage.source import Source
from tui.text import clean, human_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from tui.fingerprint import Fingerprint
    from tui.storage.client import ObjectStore
    from tui.storage.objects import ObjectInfo

__all__ = ["Progress", "UploadState", "Uploaded", "drop_upload", "upload"]

_MAX_PARTS: Final = 10_000
_STARTS: Final = 3
_log = logging.getLogger(__name__)


class UploadState(msgspec.Struct, frozen=True):
    """What another process needs to go on with an unfinished upload of the same file to the same key.

    Attributes:
        upload_id: the store's name for it.
        parts: ETag of each part that the store has, by number.
    """

    upload_id: str
    parts: dict[int, str]


@dataclass(frozen=True)
class Uploaded:
    """The object is there, with the file's size and checksum."""

    info: ObjectInfo


async def upload(
    store: ObjectStore,
    bucket: str,
    key: str,
    source: Path,
    fingerprint: Fingerprint,
    *,
    metadata: Mapping[str, str],
    resume: UploadState | None = None,
) -> AsyncGenerator[Progress | UploadState | Uploaded]:
    """Make an object of the file that was fingerprinted, and of no other content.

    Yields the state whenever the store has another part, the progress, and at last the object. An upload that
    is closed, cancelled or fails can be taken up with its last state; one whose file changed is dropped.

    Args:
        store: where to.
        bucket: the bucket, which exists.
        key: the object's key; an object that is there is replaced.
        source: the file.
        fingerprint: what the file was when it was checked.
        metadata: names and values kept with the object.
        resume: the last state of an upload of the same content to the same key.

    Raises:
        SourceChangedError: the file's content is not the fingerprint's; no object was made.
        SourceMissingError: the file is gone.
        SourceUnreadableError: the file cannot be read.
        TooManyPartsError: the file needs more than 10 000 parts (tos.md §5).
        StorageError: the store failed, also when tried again.
    """
    sending = _Sending(store, bucket, key, Source(source, fingerprint), metadata)
    await in_daemon(sending.source.require_size, name="arkdeck-stat")
    stream = sending.whole() if fingerprint.size <= BLOCK_SIZE else sending.in_parts(resume)
    async with contextlib.aclosing(stream):
        async for event in stream:
            yield event
    yield Uploaded(await sending.verified())


async def drop_upload(store: ObjectStore, bucket: str, key: str, state: UploadState) -> None:
    """Let the store forget an unfinished upload; where it cannot be told, it keeps the parts until they expire."""
    try:
        await store.call(lambda it: it.abort_upload(bucket, key, state.upload_id))
    except StorageError as error:
        _log.warning("unfinished upload %s was not dropped: %s", clean(state.upload_id), error.message)


@dataclass(frozen=True)
class _Sending:
    """One file on its way to one key."""

    store: ObjectStore
    bucket: str
    key: str
    source: Source
    metadata: Mapping[str, str]

    async def whole(self) -> AsyncGenerator[Progress]:
        """Send the file in one request."""
        connection = await self.store.connection()
        part = Part(1, 0, self.source.fingerprint.size)
        meter = Meter([part])

        def send(part: Part, report: Report) -> None:
            with self.source.body(part, report) as body:
                connection.put(self.bucket, self.key, body, self.metadata)
            report(part.size)

        async with contextlib.aclosing(run_parts([part], send, meter, self.store.clock)) as events:
            async for event in events:
                if isinstance(event, Progress):
                    yield event
        yield meter.progress()

    async def in_parts(self, resume: UploadState | None) -> AsyncGenerator[Progress | UploadState]:
        """Send the file in parts; an upload that the store has forgotten is begun again."""
        parts = plan_parts(self.source.fingerprint.size)
        if len(parts) > _MAX_PARTS:
            raise TooManyPartsError(
                _(
                    "{file} is too large to upload: {size} needs {parts:,} parts, the store takes {most:,}",
                    file=clean(str(self.source.path)),
                    size=human_bytes(self.source.fingerprint.size),
                    parts=len(parts),
                    most=_MAX_PARTS,
                ),
                advice=_("Split it into smaller files and submit each."),
            )
        meter = Meter(parts)
        for starts_left in reversed(range(_STARTS)):
            try:
                async with contextlib.aclosing(self._missing_parts(parts, meter, resume)) as events:
                    async for event in events:
                        yield event
                return
            except UploadMissingError:
                if not starts_left:
                    raise
                resume = None
                meter = Meter(parts, shown=meter.progress().done)

    async def _missing_parts(
        self, parts: tuple[Part, ...], meter: Meter, resume: UploadState | None
    ) -> AsyncGenerator[Progress | UploadState]:
        state = await self._begin() if resume is None else await self._take_up(parts, resume)
        yield state
        for part in parts:
            if part.number in state.parts:
                meter.reach(part, part.size)
        yield meter.progress()
        missing = [part for part in parts if part.number not in state.parts]
        send = await self._part_sender(state.upload_id)
        try:
            async with contextlib.aclosing(run_parts(missing, send, meter, self.store.clock)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        state = UploadState(state.upload_id, state.parts | {event.part.number: event.result})
                        yield state
                    else:
                        yield event
        except SourceChangedError:
            await drop_upload(self.store, self.bucket, self.key, state)  # that the file changed matters more
            raise
        yield meter.progress()
        await self._complete(state)

    async def verified(self) -> ObjectInfo:
        """Return the object, whose size and checksum are the file's."""
        info = await self.store.head(self.bucket, self.key)
        if info is None:
            raise ObjectMissingError(Reply(), bucket=self.bucket, key=self.key)
        sent = self.source.fingerprint
        if info.size != sent.size or info.crc64 not in (None, sent.crc64):
            text = _(
                "sent {size} bytes with CRC-64 {crc64}, stored {found} bytes with {found_crc64}",
                size=sent.size,
                crc64=sent.crc64,
                found=info.size,
                found_crc64=info.crc64,
            )
            raise ContentDamagedError(Reply(text=text), bucket=self.bucket, key=self.key)
        return info

    async def _begin(self) -> UploadState:
        upload_id = await self.store.call(lambda it: it.create_upload(self.bucket, self.key, self.metadata))
        return UploadState(upload_id, {})

    async def _take_up(self, parts: tuple[Part, ...], resume: UploadState) -> UploadState:
        """Return the state with only those parts that the store has, whole and as they were sent."""
        held = await self.store.call(lambda it: it.list_parts(self.bucket, self.key, resume.upload_id))
        sizes = {part.number: part.size for part in parts}
        kept = {
            number: etag
            for number, etag in resume.parts.items()
            if number in sizes and held.get(number) == (etag, sizes[number])
        }
        return UploadState(resume.upload_id, kept)

    async def _part_sender(self, upload_id: str) -> Callable[[Part, Report], str]:
        connection = await self.store.connection()

        def send(part: Part, report: Report) -> str:
            with self.source.body(part, report) as body:
                receipt = connection.upload_part(self.bucket, self.key, upload_id, part.number, body)
            report(part.size)
            return receipt.etag

        return send

    async def _complete(self, state: UploadState) -> None:
        try:
            await self.store.call(lambda it: it.complete_upload(self.bucket, self.key, state.upload_id, state.parts))
        except UploadMissingError:
            if not await self._is_there():
                raise

    async def _is_there(self) -> bool:
        """Whether the object has the file's content; then only the reply to its completion was lost."""
        info = await self.store.head(self.bucket, self.key)
        sent = self.source.fingerprint
        return info is not None and (info.size, info.crc64) == (sent.size, sent.crc64)
