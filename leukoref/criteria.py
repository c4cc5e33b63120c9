"""What acts on a ranking beside the weights of findings: criteria, requirements, endemic regions, culprit drugs.

The rules say which criterion settles what; the engines say whether it holds. Here is what follows from it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from leukoref.knowledge.base import Knowledge, all_statements
from leukoref.knowledge.cause import Statement
from leukoref.knowledge.conditions import comparisons
from leukoref.knowledge.settings import Modifier
from leukoref.known import Exposure


class Criteria:
    """The criteria, modifiers and culprit drugs of one knowledge base."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base

    def unmet_weight(self, cause: str, index: int, holds: bool | None) -> float | None:
        """What a requirement that is not met costs; None if its silence says nothing."""
        if holds is False:
            return float(self.base.parameter("requirement_absent"))
        if (cause, index) not in self._asked:
            return None
        how = "unforgettable" if (cause, index) in self._unforgettable else "usual"
        return float(self.base.parameter("requirement_unknown")[how])

    @cached_property
    def by_cause(self) -> dict[str, list[tuple[int, Statement]]]:
        """Cause -> its criteria with their place among its statements, by which the engine names them."""
        return {
            cause.id: [(i, s) for i, s in enumerate(all_statements(cause)) if s.criterion is not None]
            for cause in self.base.causes
        }

    @cached_property
    def settling(self) -> list[tuple[str, int, Statement]]:
        """The criteria that establish or exclude a cause."""
        found = ((cause, index, s) for cause, criteria in self.by_cause.items() for index, s in criteria)
        return [entry for entry in found if entry[2].criterion in ("establishes", "excludes")]

    @cached_property
    def required(self) -> list[tuple[str, int, Statement]]:
        """What causes ask for."""
        found = ((cause, index, s) for cause, criteria in self.by_cause.items() for index, s in criteria)
        return [entry for entry in found if entry[2].criterion == "requires"]

    @cached_property
    def modifiers(self) -> dict[str, list[Modifier]]:
        found: dict[str, list[Modifier]] = defaultdict(list)
        for modifier in self.base.priors.modifiers:
            found[modifier.cause].append(modifier)
        return found

    @cached_property
    def culprit_cause(self) -> str:
        return str(self.base.parameter("culprit_cause"))

    @cached_property
    def _asked(self) -> set[tuple[str, int]]:
        """Requirements of which a history or an examination would record some form; only their silence counts."""
        always = self.base.parameter("taken_of_everybody")
        return {key for key, parts in self._parts.items() if any(self.base.finding[p].test in always for p in parts)}

    @cached_property
    def _unforgettable(self) -> set[tuple[str, int]]:
        """Requirements that nothing meets but what no history leaves out."""
        told = set(self.base.parameter("unforgettable"))
        return {key for key, parts in self._parts.items() if parts <= told}

    @cached_property
    def _parts(self) -> dict[tuple[str, int], set[str]]:
        """The findings each requirement asks about."""
        return {
            (cause, index): {part.finding for part in comparisons(statement.when)}
            for cause, index, statement in self.required
            if statement.when is not None
        }

    def culprits(self, exposures: list[Exposure]) -> list[tuple[Exposure, float]]:
        """Drugs that can lower the count by themselves, best first, with their weight over a chance exposure."""
        grades, timings = self.base.parameter("culprit_grade"), self.base.parameter("culprit_timing")
        culprit = self.base.parameter("culprit_finding")
        rated = [
            (entry, grades[grade(entry)] + timings[entry.timing])
            for entry in exposures
            if culprit in entry.drug.exposures and entry.drug.level
        ]
        return sorted(rated, key=lambda pair: (-pair[1], pair[0].drug.id))


def modifier_rank(modifier: Modifier) -> tuple[float, str]:
    """Of several modifiers of one cause the highest speaks."""
    return modifier.odds, modifier.finding


def grade(exposure: Exposure) -> str:
    """How strongly a drug is tied to agranulocytosis: its published level, raised by a high incidence."""
    return "high_incidence" if exposure.drug.high_incidence else (exposure.drug.level or "possible")
