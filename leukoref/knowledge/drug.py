"""Models of `rules/drugs/`: what a medication does to the count, how often, and after how long."""

from typing import Literal

from pydantic import Field

from leukoref.knowledge.conditions import Rule
from leukoref.knowledge.vocabulary import NO_CODES, Codes, Seen

Level = Literal["definite", "probable", "possible"]
DrugMechanism = Literal["immune", "dose_related", "both", "unknown"]


class DrugFact(Rule):
    text: str
    source: str
    seen: Seen | None = None


class Incidence(Rule):
    """How often the drug lowers the count, in whom."""

    text: str
    n: int | None = None
    of: int | None = None
    proportion: float | None = Field(default=None, ge=0, le=1)
    population: str | None = None
    source: str
    seen: Seen | None = None


class Latency(Rule):
    """Days from the start of the drug to the low count, as published."""

    from_days: float | None = Field(default=None, ge=0)
    to_days: float | None = Field(default=None, ge=0)
    median_days: float | None = Field(default=None, ge=0)
    text: str | None = None
    population: str | None = None
    source: str
    seen: Seen | None = None


class Drug(Rule):
    """One drug, or a class of drugs (``kind: class``) as records name them."""

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    kind: Literal["drug", "class"] = "drug"
    class_: str | None = Field(default=None, alias="class")
    codes: Codes = NO_CODES
    exposures: tuple[str, ...] = ()
    mechanism: DrugMechanism | None = None
    mechanism_source: str | None = None
    incidence: tuple[Incidence, ...] = ()
    latency: Latency | tuple[Latency, ...] | None = None
    level: Level | None = None
    high_incidence: bool = False
    evidence: tuple[DrugFact, ...] = ()
    notes: tuple[DrugFact, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source key of the row, without repeats."""
        keys = [fact.source for fact in (*self.evidence, *self.notes)]
        keys += [entry.source for entry in self.incidence] + [entry.source for entry in self.latencies]
        return tuple(dict.fromkeys([*keys, *([self.mechanism_source] if self.mechanism_source else [])]))

    @property
    def latencies(self) -> tuple[Latency, ...]:
        if self.latency is None:
            return ()
        return self.latency if isinstance(self.latency, tuple) else (self.latency,)
