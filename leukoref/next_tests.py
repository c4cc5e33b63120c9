"""What to test next: steps ordered by how much their best finding is expected to tell about the ranking, and what the
rules advise for the causes that lead it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from leukoref.engine.durable import Inference
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import TestAdvice
from leukoref.knowledge.evidence import EvidenceTable
from leukoref.known import AGE
from leukoref.ranking import Standing, Weights

ANC = "anc"
SHOWN = 8
Advice = dict[str, list[TestAdvice]]  # name of a cause -> what its rules say


class Proposal(NamedTuple):
    """A step, what it is expected to tell (bits), what to look for, and who advises it."""

    test: str
    information: float
    look_for: list[str]
    advised: Advice


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

    @cached_property
    def _measurable(self) -> list[tuple[str, str, Weights]]:
        """Scale, the quantity to measure, and P(bin | cause), for every scale that a step can fill."""
        found = []
        own = [profile for profile in self.table.profiles if profile.kind is None]
        for scale in self.base.scales:
            background = self.table.scale_backgrounds.get(scale.id)
            if scale.id == AGE or background is None:
                continue
            spreads = [self.table.spread(scale.id, profile) for profile in own]
            rows = np.array([spread.shares if spread else background for spread in spreads])
            found.append((f"scale:{scale.id}", scale.inputs[0].finding, np.clip(rows, 1e-4, 1)))
        return found

    def proposed(self, standings: Sequence[Standing], inference: Inference) -> list[Proposal]:
        """The steps that tell something, most informative first, and those that the rules of leading causes advise;
        before all the neutrophil count, as long as nobody has it."""
        least = self.base.parameter("next_test_least_bits")
        advised = self._advised(standings, inference)
        counted = any(item.key == f"scale:{ANC}" for item in standings[0].board.items)
        first = None if counted else self.base.finding[ANC].test
        ranked = self._ranked(standings, inference)
        ranked.sort(key=lambda step: step.test != first)
        told = [step for step in ranked if step.information >= least or step.test == first][:SHOWN]
        beside = [step for step in ranked if step.test in advised and step not in told]
        return [step._replace(advised=advised.get(step.test, {})) for step in (*told, *beside)]

    def _ranked(self, standings: Sequence[Standing], inference: Inference) -> list[Proposal]:
        """Every step that could tell something, with its expected information: the entropy of the current ranking
        less its mean entropy after the answer. A step is worth its best finding; findings of one step are not added
        up, since they overlap."""
        now = self._now(standings)
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
        measured = {item.key for item in standings[0].board.items}
        for key, quantity, shares in self._measurable:
            if key not in measured:
                by_test[self.base.finding[quantity].test].append((_of_scale(now, shares), quantity))
        burden = {test.id: test.burden for test in self.base.tests}
        found = [_proposal(test, entries) for test, entries in by_test.items()]
        return sorted(found, key=lambda step: (-round(step.information, 2), burden.get(step.test, 1), step.test))

    def _now(self, standings: Sequence[Standing]) -> Weights:
        """How likely each cause is held to be, for the purpose of choosing what to ask."""
        share = self.base.parameter("next_test_certainty")
        scores = np.full(len(self._index), -np.inf)
        for standing in standings:
            if not standing.excluded:
                scores[self._index[standing.cause.id]] = share * standing.score / 10 * math.log(10)
        now = np.exp(scores - scores.max())
        return np.asarray(now / now.sum())

    def _advised(self, standings: Sequence[Standing], inference: Inference) -> dict[str, Advice]:
        """Test -> name of a leading cause -> what its rules say of the test; of a cause that is established, or a test
        that has been done, nothing."""
        wanted = self.base.parameter("next_test_leaders")
        near = [s for s in standings if not s.excluded and s.score > standings[0].score - wanted["within"]]
        done = {self.base.finding[name].test for name in inference.presence if name in self.base.finding}
        found: dict[str, Advice] = defaultdict(dict)
        for standing in near[: int(wanted["at_most"])]:
            for entry in () if standing.settled else standing.cause.next_tests:
                if entry.test not in done:
                    found[entry.test].setdefault(standing.cause.name, []).append(entry)
        return found


def _proposal(test: str, entries: list[tuple[float, str]]) -> Proposal:
    """A step with the findings that tell about as much as its best, the neutrophil count first."""
    best = max(gain for gain, _ in entries)
    entries = sorted(entries, key=lambda entry: (entry[1] != ANC, -entry[0], entry[1]))
    return Proposal(test, round(best, 4), [name for gain, name in entries[:4] if gain > best / 4 or name == ANC], {})


def _information(now: Weights, present: Weights) -> Weights:
    """Mutual information (bits) between the cause and each finding."""

    def entropy(p: Weights) -> Weights:
        return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)))

    return entropy(present @ now) - entropy(present) @ now


def _of_scale(now: Weights, shares: Weights) -> float:
    """Mutual information (bits) between the cause and the bin of a scale."""

    def entropy(p: Weights) -> Weights:
        return np.asarray(-(p * np.log2(p)).sum(axis=-1))

    return float(entropy(now @ shares) - now @ entropy(shares))
