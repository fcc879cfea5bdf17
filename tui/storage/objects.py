"""What the store tells about an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ObjectInfo:
    """An object as the store describes it.

    Attributes:
        key: its name in the bucket, as the store has it.
        size: bytes.
        etag: identity of this content, without quotes.
        crc64: CRC-64/XZ of the content; None where the store does not tell.
        metadata: the caller's own names and values; a listing does not tell them.
    """

    key: str
    size: int
    etag: str
    crc64: int | None
    metadata: Mapping[str, str]


class Receipt(NamedTuple):
    """What the store answers to bytes it took: their ETag, and their CRC-64/XZ if it tells."""

    etag: str
    crc64: int | None
