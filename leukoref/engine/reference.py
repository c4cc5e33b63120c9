"""Whether the quantities of many patients lie under or over their reference interval for age, sex and Duffy status."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import product

import numpy as np
import numpy.typing as npt

from leukoref.engine.columnar import Bits, Block, Floats
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.conditions import high_side, low_side
from leukoref.knowledge.vocabulary import Finding, ReferenceInterval, age_in_years
from leukoref.known import OPEN_ABOVE

SEXES = {"female": 1, "f": 1, "male": 2, "m": 2, "unknown": 0, "u": 0, "": 0}
ADULT = age_in_years("18 a")


class ReferencePositions:
    """The limits of each quantity of which a rule asks for a side (``wbc:low``), for every group of patients.

    A group is an age between two edges of intervals, a sex and a Duffy status; the first interval that fits counts.
    """

    def __init__(self, base: Knowledge, sides: Iterable[str]) -> None:
        self.sides = frozenset(sides)
        found = [
            finding for finding in base.findings
            if finding.reference and (finding.earlier_low or self.sides & {low_side(finding.id), high_side(finding.id)})
        ]  # fmt: skip
        spans = [_span(interval) for finding in found for interval in finding.reference]
        self._edges = sorted({0.0, *(edge for span in spans for edge in span if math.isfinite(edge))})
        self._limits = {finding.id: self._limits_of(finding) for finding in found}

    def _limits_of(self, finding: Finding) -> tuple[Floats, Floats]:
        lows, highs = [], []
        for age, sex, duffy in product(self._edges, (0, 1, 2), (False, True)):
            interval = next((i for i in finding.reference if _fits(i, age, sex, duffy)), None)
            lows.append(math.nan if interval is None or interval.low is None else interval.low)
            highs.append(math.nan if interval is None or interval.high is None else interval.high)
        return np.array(lows), np.array(highs)

    def state(self, block: Block, sex: npt.NDArray[np.int8]) -> None:
        """Says in the block for each measured quantity which side of its interval it lies on."""
        if not self._limits.keys() & block.low.keys():
            return
        group = self._groups(block, sex)
        for name, limits in self._limits.items():
            if name not in block.low:
                continue
            low, high = block.low[name], block.high[name]
            if low_side(name) in self.sides:
                limit = limits[0][group]
                block.given[low_side(name), True] = high < limit
                block.given[low_side(name), False] = low >= limit
            if high_side(name) in self.sides:
                limit = limits[1][group]
                block.given[high_side(name), True] = low > limit
                block.given[high_side(name), False] = high <= limit

    def _groups(self, block: Block, sex: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
        """Each patient's place in the lists of limits."""
        age = np.where(np.isnan(block.age), ADULT, block.age)
        group = (np.searchsorted(self._edges, age, side="right") - 1) * 6 + sex * 2
        duffy = block.given.get(("duffy_null", True))
        return group if duffy is None else group + duffy

    def before(
        self, name: str, patients: npt.NDArray[np.intp], ends: tuple[Floats, Floats], block: Block,
        sex: npt.NDArray[np.int8],
    ) -> tuple[Bits, Bits]:  # fmt: skip
        """Which patients had a value of ``name`` under its interval before this illness, and which one within it.
        ``ends`` are the intervals of the values, ``patients`` the rows of the block they belong to."""
        group, (low, high) = self._groups(block, sex)[patients], ends
        least, most = (limits[group] for limits in self._limits[name])
        under, within = np.zeros(block.size, np.bool_), np.zeros(block.size, np.bool_)
        under[patients[high < least]] = True
        within[patients[(low >= least) & (high <= np.where(np.isnan(most), OPEN_ABOVE, most))]] = True
        return under, within


def _span(interval: ReferenceInterval) -> tuple[float, float]:
    return (
        age_in_years(interval.from_) if interval.from_ else 0.0,
        age_in_years(interval.to) if interval.to else math.inf,
    )


def _fits(interval: ReferenceInterval, age: float, sex: int, duffy: bool) -> bool:
    start, end = _span(interval)
    return (
        start <= age < end
        and (not interval.sex or sex == SEXES[interval.sex])
        and (interval.duffy_null is None or duffy == interval.duffy_null)
    )
