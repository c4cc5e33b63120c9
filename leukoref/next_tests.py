"""What to test next: steps ordered by how much their best finding is expected to tell about the ranking."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leukoref.engine.durable import Inference
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.ranking import Standing, Weights


class NextTests:
    """The findings of one knowledge base that are worth asking for."""

    def __init__(self, base: Knowledge, table: EvidenceTable) -> None:
        self.base, self.table = base, table
        self._index = {cause: i for i, cause in enumerate(table.causes)}

    @cached_property
    def _askable(self) -> tuple[list[str], npt.NDArray[np.float64]]:
        """Findings worth asking for, and P(finding | cause) with the background where a cause is silent."""
        names = sorted(self.table.rates.keys() & self.base.finding.keys() - self.base.conclusions)
        rows = []
        for name in names:
            speakers, background = self.table.rates[name], self.table.backgrounds[name].value
            rows.append([speakers[c].value if c in speakers else background for c in self.table.causes])
        matrix = np.array(rows)
        return names, np.clip(matrix, 1e-4, 1 - 1e-4)

    def ranked(self, standings: Sequence[Standing], inference: Inference) -> list[tuple[str, float, list[str]]]:
        """(test, expected information in bits, findings to look for), most informative first.

        Expected information of a finding: the entropy of the current ranking less its mean entropy after
        the answer. A test is worth its best finding; findings of one test are not added up, since they
        overlap.
        """
        open_ = [s for s in standings if not s.excluded]
        scores = np.full(len(self._index), -np.inf)
        for standing in open_:
            scores[self._index[standing.cause.id]] = standing.score / 10 * math.log(10)
        now = np.exp(scores - scores.max())
        now /= now.sum()
        names, matrix = self._askable
        unoffered = {test.id for test in self.base.tests if not test.offered}
        unknown = [
            i for i, name in enumerate(names)
            if name not in inference.presence and self.base.finding[name].test not in unoffered
        ]  # fmt: skip
        gains = _information(now, matrix[unknown])
        by_test: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for gain, i in zip(gains, unknown, strict=True):
            finding = self.base.finding[names[i]]
            by_test[finding.test].append((float(gain), finding.id))
        ranked = []
        for test, entries in by_test.items():
            entries.sort(key=lambda entry: (-entry[0], entry[1]))
            best = entries[0][0]
            ranked.append((test, round(best, 4), [name for gain, name in entries[:4] if gain > best / 4]))
        burden = {test.id: test.burden for test in self.base.tests}
        return sorted(ranked, key=lambda row: (-round(row[1], 2), burden.get(row[0], 1), row[0]))


def _information(now: Weights, present: npt.NDArray[np.float64]) -> Weights:
    """Mutual information (bits) between the cause and each finding."""
    rate = present @ now

    def entropy(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))

    return entropy(rate) - entropy(present) @ now
