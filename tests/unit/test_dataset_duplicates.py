"""Repeated ids are found among millions without keeping the ids, and a shared hash alone accuses nobody."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from tui.dataset.duplicates import FirstUses, IdIndex, Repeat, Suspect


@given(rows=st.lists(st.tuples(st.integers(1, 3), st.sampled_from("abcdefgh"))))
def test_suspects_are_the_lines_that_share_an_id(rows):
    index = IdIndex()
    lines: list[tuple[int, str]] = []
    line = 0
    for step, custom_id in rows:
        line += step
        lines.append((line, custom_id))
        index.add(line, custom_id)
    count = Counter(custom_id for _, custom_id in lines)
    groups, suspects = index.suspects()
    found = list(suspects)
    assert [suspect.line for suspect in found] == [line for line, custom_id in lines if count[custom_id] > 1]
    assert groups == sum(1 for times in count.values() if times > 1)
    ids = dict(lines)
    assert len({(suspect.group, ids[suspect.line]) for suspect in found}) == groups


def test_a_repeat_far_down_a_long_file_is_found():
    index = IdIndex()
    for line in range(1, 250_001):
        index.add(line, f"request-{line % 249_999}")
    groups, suspects = index.suspects()
    assert groups == 1
    assert [suspect.line for suspect in suspects] == [1, 250_000]


def test_ids_with_the_same_hash_are_not_the_same_id():
    uses = FirstUses(1)
    ids = ["a", "b", "b", "a", "b", "c"]
    found = [uses.repeat(Suspect(line, 0), custom_id, is_string=True) for line, custom_id in enumerate(ids, 1)]
    assert [repeat and repeat.first_line for repeat in found] == [None, None, 2, 1, 2, None]


def test_a_number_repeats_a_string_in_text_only():
    uses = FirstUses(1)
    found = [uses.repeat(Suspect(line, 0), "5", is_string=text) for line, text in enumerate([True, False, False], 1)]
    assert found == [None, Repeat(1, same_type=False), Repeat(1, same_type=True)]
