"""Equal digests come together, also where different ones begin with the same half."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tui.dataset.join import _grouped

HALVES = st.integers(0, 2)


@given(digests=st.lists(st.tuples(HALVES, HALVES), min_size=1, max_size=12))
def test_equal_digests_come_together_in_their_order(digests):
    order, starts = _grouped(*np.array(digests, np.uint64).T)
    groups = [group.tolist() for group in np.split(order, starts[1:])]
    assert groups == [[at for at, other in enumerate(digests) if other == one] for one in sorted(set(digests))]
