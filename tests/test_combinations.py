"""Combinations of states get numbers: equal rows the same, others others, and each number gives its row back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukoref.engine.combinations import Combinations


@pytest.mark.parametrize("radices", [[5] * 3, [5] * 26, [5] * 27, [5] * 60, [1 << 30, 1 << 40, 1 << 45, 7], [3]])
@given(seed=st.integers(0, 10_000), sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4))
def test_rows_and_numbers_belong_together(radices: list[int], seed: int, sizes: list[int]) -> None:
    """Also where the columns do not fit one integer, and over several blocks."""
    random, combinations, seen = np.random.default_rng(seed), Combinations(radices), {}
    for size in sizes:
        rows = np.array([random.integers(0, min(radix, 3), size) * (radix // 3 or 1) for radix in radices]).T
        rows = np.minimum(rows, np.array(radices) - 1)
        numbers = combinations.numbers(list(rows.T))
        for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
            assert seen.setdefault(number, row) == row
            assert combinations.digits(number) == row
    assert sorted(seen) == list(range(len(combinations)))
    assert len({tuple(row) for row in seen.values()}) == len(seen)
    assert combinations.largest() >= len(combinations)
