"""A list read page by page is read whole, also while it changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.ark.paging import Page, walk


class Listing:
    """A newest-first list on which something may happen before each page is made."""

    def __init__(self, count: int, size: int, events: list[tuple[str, int]]) -> None:
        self.entries = [f"old-{number}" for number in range(count)]
        self.size = size
        self.events = events
        self.reads = 0

    async def page(self, number: int) -> Page[str]:
        if self.reads and self.events:
            self._happen(*self.events.pop(0))
        self.reads += 1
        start = (number - 1) * self.size
        return Page(tuple(self.entries[start : start + self.size]), number, self.size, len(self.entries))

    def _happen(self, event: str, count: int) -> None:
        if event == "created":
            self.entries[:0] = [f"new-{self.reads}-{number}" for number in range(count)]
        else:
            del self.entries[:count]


async def read(listing: Listing) -> list[str]:
    return [entry async for entry in walk(listing.page, key=str)]


@given(st.integers(0, 50), st.integers(1, 10))
async def test_a_quiet_list_is_read_whole_and_in_order(count, size):
    listing = Listing(count, size, [])
    assert await read(listing) == listing.entries


@given(st.integers(0, 50), st.integers(1, 10))
async def test_a_quiet_list_costs_one_call_a_page(count, size):
    listing = Listing(count, size, [])
    await read(listing)
    assert listing.reads == max(1, -(-count // size))


@given(
    st.integers(0, 50),
    st.integers(1, 10),
    st.lists(st.tuples(st.sampled_from(["created", "deleted"]), st.integers(0, 12)), max_size=12),
)
async def test_what_stays_in_a_changing_list_is_met_exactly_once(count, size, events):
    listing = Listing(count, size, events)
    met = await read(listing)
    assert len(met) == len(set(met))
    assert {entry for entry in listing.entries if entry.startswith("old")} <= set(met)


async def test_a_list_that_never_comes_to_rest_ends_all_the_same():
    listing = Listing(60, 10, [("deleted", 1), ("created", 1)] * 1000)
    met = await read(listing)
    assert len(met) >= 50


async def test_a_service_that_names_no_total_is_read_to_its_first_short_page():
    pages = {1: ("a", "b"), 2: ("c",)}

    async def page(number: int) -> Page[str]:
        return Page(pages[number], number, 2, 0)

    assert [entry async for entry in walk(page, key=str)] == ["a", "b", "c"]
