"""Red flags of many patients as lists: each combination becomes a list once, and patients take theirs."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from leukoref.engine.columnar import Bits

DIRECT = 20
"""As many flags are looked up by their bits; more are sorted."""


class FlagLists:
    """The flags of one knowledge base that can be raised in a cohort. Safe to share between threads."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)
        self._lock = threading.Lock()
        self._lists: list[list[str]] = [[]]
        self._series = self._as_series()
        self._place = np.full(1 << len(names), -1, np.int32) if len(names) <= DIRECT else None
        if self._place is not None:
            self._place[0] = 0

    def of(self, raised: Mapping[str, Bits], invalid: Bits) -> pl.Series:
        """The flags of each patient, none of those whose rows are refused."""
        if self._place is None:
            return self._sorted(raised, invalid)
        code = np.zeros(len(invalid), np.int32)
        for place, name in enumerate(self._names):
            if name in raised:
                code |= np.left_shift(raised[name] & ~invalid, place, dtype=np.int32)
        places = self._place[code]
        if len(places) and places.min() < 0:
            with self._lock:
                fresh = np.unique(code[self._place[code] < 0])
                first = len(self._lists)
                for bits in fresh.tolist():
                    self._lists.append([name for place, name in enumerate(self._names) if bits >> place & 1])
                self._series = self._as_series()  # before anybody is sent to the new places
                self._place[fresh] = np.arange(first, len(self._lists))
            places = self._place[code]
        return self._series.gather(places)

    def _sorted(self, raised: Mapping[str, Bits], invalid: Bits) -> pl.Series:
        nobody = np.zeros(len(invalid), np.bool_)
        bits = np.stack([raised.get(name, nobody) & ~invalid for name in self._names])
        packed = np.packbits(bits, axis=0).T
        distinct, places = np.unique(packed, axis=0, return_inverse=True)
        told = np.unpackbits(distinct, axis=1)
        lists = [[name for name, there in zip(self._names, row, strict=False) if there] for row in told.tolist()]
        return pl.Series("red_flags", lists, dtype=pl.List(pl.String)).gather(places.astype(np.int64).ravel())

    def _as_series(self) -> pl.Series:
        return pl.Series("red_flags", self._lists, dtype=pl.List(pl.String))


__all__ = ["FlagLists"]
