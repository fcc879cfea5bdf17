"""The object store as awaitable calls; the blocking SDK behind them runs on daemon threads."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tui.clock import Clock, SystemClock
from tui.daemon import in_daemon
from tui.errors import AccessError
from tui.fingerprint import crc64
from tui.storage.errors import BucketNameError, ObjectMissingError, Reply, StorageError
from tui.storage.objects import ObjectInfo, Receipt
from tui.storage.retry import CALL_ATTEMPTS, retried

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

    from tui.settings.credentials import Credentials
    from tui.storage.connection import Connection

__all__ = ["ObjectInfo", "ObjectStore"]

T = TypeVar("T")


class ObjectStore:
    """One endpoint of the store, used with one set of credentials.

    Nothing is imported or opened before the first call. Every call may be cancelled at once: a thread that
    the peer holds up is left behind. Calls raise the errors of `tui.storage.errors`.

    Args:
        endpoint: URL or host; a loopback URL is reached directly, whatever name the bucket has.
        region: part of every signature.
        credentials: access key, secret key and session token.
        clock: by which calls and parts wait before they are tried again.
        read_only: refuse every change (ReadOnlyError) before it is sent.

    Attributes:
        answered: a call has had its result, or an error of the store's own, once at least.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        credentials: Credentials,
        *,
        clock: Clock | None = None,
        read_only: bool = False,
    ) -> None:
        self.clock = clock or SystemClock()
        self._read_only = read_only
        self._endpoint = endpoint
        self._region = region
        self._credentials = credentials
        self.answered = False
        self._connection: Connection | None = None
        self._connecting = asyncio.Lock()

    async def buckets(self) -> Sequence[str]:
        """Return the names of the account's buckets, sorted; a key may be allowed one bucket and not this."""
        return sorted(await self.call(lambda connection: connection.list_buckets()))

    async def folders(self, bucket: str, prefix: str) -> Sequence[str]:
        """Return the folders beneath a prefix, as whole prefixes that end with `/`; the first thousand at most."""
        return await self.call(lambda connection: connection.list_folders(bucket, prefix))

    async def check_bucket(self, bucket: str) -> None:
        """Return if the bucket exists and may be used."""
        await self.call(lambda connection: connection.head_bucket(bucket))

    async def create_bucket(self, bucket: str) -> None:
        """Make a private bucket; one that is ours already will do."""
        try:
            await self.call(lambda connection: connection.create_bucket(bucket))
        except BucketNameError as error:
            if error.reply.status != 409:
                raise
            await self._require_ours(bucket, error)

    async def head(self, bucket: str, key: str) -> ObjectInfo | None:
        """Return what the store knows of an object; None if there is none."""
        return await self.call(lambda connection: connection.head(bucket, key))

    async def list(self, bucket: str, prefix: str) -> AsyncGenerator[ObjectInfo]:
        """Yield every object whose key begins with `prefix`, in the order of the keys."""
        token = ""
        while True:
            objects, token = await self.call(partial(_list_page, bucket, prefix, token))
            for info in objects:
                yield info
            if not token:
                return

    async def put(self, bucket: str, key: str, data: bytes, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Write a small object in one request; its checksum is compared with the store's."""
        checksum, view = crc64(data), memoryview(data)

        def send(connection: Connection) -> Receipt:
            from tui.storage.connection import Body

            body = Body(len(data), checksum, lambda position, size: view[position : position + size])
            return connection.put(bucket, key, body, metadata)

        receipt = await self.call(send)
        return ObjectInfo(key, len(data), receipt.etag, receipt.crc64, metadata)

    async def copy(self, bucket: str, source_key: str, key: str) -> ObjectInfo:
        """Copy an object inside the store, without its bytes passing here."""
        await self.call(lambda connection: connection.copy(bucket, source_key, key))
        info = await self.head(bucket, key)
        if info is None:
            raise ObjectMissingError(Reply(), bucket=bucket, key=key)
        return info

    async def call(self, work: Callable[[Connection], T]) -> T:
        """Do something with the blocking connection on a daemon thread, again if network or store fail."""
        connection = await self.connection()
        attempt = partial(in_daemon, partial(work, connection), name="arkdeck-store")
        try:
            result = await retried(attempt, self.clock, attempts=CALL_ATTEMPTS)
        except StorageError as error:
            self.answered = self.answered or bool(error.reply.request_id)
            raise
        self.answered = True
        return result

    async def connection(self) -> Connection:
        """Return the blocking connection, made at the first call."""
        async with self._connecting:
            if self._connection is None:
                self._connection = await in_daemon(self._connect, name="arkdeck-connect")
        return self._connection

    async def close(self) -> None:
        """Close the idle connections; the store may be used again."""
        if self._connection is not None:
            await in_daemon(self._connection.close, name="arkdeck-close")

    def _connect(self) -> Connection:
        from tui.storage.connection import Connection  # the SDK takes 100 ms to import

        return Connection(self._endpoint, self._region, self._credentials, read_only=self._read_only)

    async def _require_ours(self, bucket: str, taken: BucketNameError) -> None:
        """Raise `taken` unless the bucket is ours: to create it twice, after a lost reply, looks the same."""
        try:
            await self.check_bucket(bucket)
        except AccessError:
            raise taken from None


def _list_page(bucket: str, prefix: str, token: str, connection: Connection) -> tuple[list[ObjectInfo], str]:
    return connection.list_page(bucket, prefix, token)
