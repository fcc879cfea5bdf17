"""Lists that come in pages by number, and may change while they are read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from tui.ark.models import lenient

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

T = TypeVar("T")

MAX_PAGE_SIZE: Final = 100
"""Entries that the service puts on one page at most (ark-openapi.md §1.4)."""

_MAX_STEPS_BACK: Final = 20  # in one walk; a list that shrinks faster than that is left to the next walk


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list.

    Attributes:
        number: from 1.
        size: entries of a full page.
        total: entries on all pages when this one was made; 0 when the service did not say.
    """

    items: tuple[T, ...]
    number: int
    size: int
    total: int

    @property
    def last(self) -> bool:
        """Whether nothing lies behind this page."""
        if not self.items:
            return True
        return self.number * self.size >= self.total if self.total else len(self.items) < self.size


class _PageReply(msgspec.Struct, rename="pascal"):
    page_size: int = 0
    total_count: int = 0


def read_page(
    result: Mapping[str, object], read: Callable[[Mapping[str, object]], T], *, number: int, size: int
) -> Page[T]:
    """Read a list's result.

    Args:
        result: with Items, PageSize and TotalCount.
        read: makes an entry of an item.
        number: the page that was asked for.
        size: the page size that was asked for; the service may have taken a smaller one.

    Raises:
        msgspec.ValidationError: a value has a wrong type.
    """
    reply = lenient({name: result.get(name) for name in ("PageSize", "TotalCount")}, _PageReply)
    items = msgspec.convert(result.get("Items") or [], list[dict[str, object]])
    return Page(tuple(read(item) for item in items), number, reply.page_size or size, reply.total_count)


async def walk(fetch: Callable[[int], Awaitable[Page[T]]], *, key: Callable[[T], str]) -> AsyncGenerator[T, None]:
    """Yield every entry of a list once, page after page.

    Entries that appear while the list is read push others to a later page, where they are met again and
    passed over. Entries that vanish pull others to an earlier page: a total that fell makes the walk step
    back by as many.

    Args:
        fetch: returns the page of a number.
        key: what tells entries apart.
    """
    seen: set[str] = set()
    number, total, steps_back = 1, 0, 0
    while True:
        page = await fetch(number)
        known = len(seen)
        for item in page.items:
            if key(item) not in seen:
                seen.add(key(item))
                yield item
        if not page.total and len(seen) == known:  # it says no total, and gives the same page again and again
            return
        vanished, total = total - page.total, page.total
        if vanished > 0 and number > 1 and steps_back < _MAX_STEPS_BACK:
            number = max(1, number - math.ceil(vanished / page.size))
            steps_back += 1
        elif page.last:
            return
        else:
            number += 1
