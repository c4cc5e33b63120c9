"""Combinations of states, numbered as they come: most patients of a cohort repeat a few of the many possible ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Columns = Sequence[npt.NDArray[Any]]
BITS = 62  # of a number that packs several columns
NUMBER_BITS = 20  # of the number of what was packed before


def unpacked(packed: int, radices: Sequence[int]) -> list[int]:
    """What was packed into one integer, the last digit lowest, each below its radix."""
    found: list[int] = []
    for radix in reversed(radices):
        packed, digit = divmod(packed, radix)
        found.append(digit)
    return found[::-1]


class Combinations:
    """Rows of digits, each below its radix, and their numbers from 0. Columns are packed into integers as far as these
    hold them; further ones together with the number that the columns before them have."""

    def __init__(self, radices: Sequence[int]) -> None:
        self._parts: list[_Part] = []
        part: list[int] = []
        for radix in radices:
            room = BITS - (NUMBER_BITS if self._parts else 0)
            if part and math.log2(math.prod(part)) + math.log2(radix) > room:
                self._parts.append(_Part(tuple(part)))
                part = []
            part.append(radix)
        self._parts.append(_Part(tuple(part)))

    def __len__(self) -> int:
        return len(self._parts[-1].keys)

    def largest(self) -> int:
        """How many numbers the part with most of them has given out: below 2^20, or they no longer fit."""
        return max(len(part.keys) for part in self._parts)

    def numbers(self, columns: Columns) -> npt.NDArray[np.int32]:
        """The number of each row of ``columns``; a new combination gets the next one."""
        start, before = 0, None
        for part in self._parts:
            stop = start + len(part.radices)
            key = columns[start].astype(np.int64)
            for radix, column in zip(part.radices[1:], columns[start + 1 : stop], strict=True):
                key *= radix
                key += column
            if before is not None:
                key += before * np.int64(part.product)
            before, start = part.numbers(key), stop
        assert before is not None, "there is always a part"
        return before

    def digits(self, number: int) -> list[int]:
        """The row of a number."""
        found: list[int] = []
        for part in reversed(self._parts):
            number, key = divmod(part.keys[number], part.product)
            found = unpacked(key, part.radices) + found
        return found


class _Part:
    """Integers to numbers in the order in which they came; looked up among those that are known, in their order."""

    def __init__(self, radices: tuple[int, ...]) -> None:
        self.radices, self.product = radices, math.prod(radices)
        self.keys: list[int] = []
        self._sorted, self._numbers = np.empty(0, np.int64), np.empty(0, np.int32)

    def numbers(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        places = self._places(keys)
        known = self._sorted[places] == keys if self.keys else np.zeros(len(keys), np.bool_)
        if not known.all():
            self.keys += np.unique(keys[~known]).tolist()
            order = np.argsort(np.array(self.keys, np.int64))
            self._sorted, self._numbers = np.array(self.keys, np.int64)[order], order.astype(np.int32)
            places = self._places(keys)
        return self._numbers[places]

    def _places(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        return np.minimum(np.searchsorted(self._sorted, keys), max(len(self.keys) - 1, 0))
