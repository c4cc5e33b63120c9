"""Models of the single files of `rules/`: priors, weighing, red flags, disclaimers, tests, sources."""

import math
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from leukoref.knowledge.conditions import Condition, Rule
from leukoref.knowledge.vocabulary import Seen, age_in_years


class PriorEntry(Rule):
    """How common a cause is in a setting: a cohort's figure, a tier, or a labelled estimate."""

    n: int | None = None
    of: int | None = None
    proportion: float | None = Field(default=None, ge=0, le=1)
    estimate: float | None = Field(default=None, ge=0, le=1)
    tier: str | None = None
    reasoning: str | None = None
    basis: tuple[dict[str, Any], ...] = ()
    population: str | None = None
    source: str | None = None
    seen: Seen | None = None
    note: str | None = None

    @model_validator(mode="after")
    def _one_figure(self) -> Self:
        given = [self.n is not None, self.proportion is not None, self.estimate is not None, self.tier is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of n (with of), proportion, estimate or tier")
        if self.estimate is not None and not self.reasoning:
            raise ValueError("an estimate needs its reasoning")
        return self


class Setting(Rule):
    """One table of priors, or (``mixture``) a weighted mixture of other tables."""

    name: str
    aliases: tuple[str, ...] = ()
    cohorts: tuple[dict[str, Any], ...] = ()
    note: str | None = None
    mixture: dict[str, float] = {}
    reasoning: str | None = None
    causes: dict[str, PriorEntry] = {}


class AgeBand(Rule):
    """Up to an age (exclusive), and the table used for it; ``setting`` stands for the setting's own."""

    band: str
    below: float | None = None
    unit: str | None = None
    table: str

    @property
    def below_years(self) -> float:
        return math.inf if self.below is None else age_in_years(f"{self.below} {self.unit}")


class Tier(Rule):
    weight: float
    reasoning: str


class Smoothing(Rule):
    pseudocount: float
    reasoning: str


class Floor(Rule):
    weight: float
    reasoning: str


class Modifier(Rule):
    """A finding that changes how common a cause is (endemic region), as a factor on its prior."""

    finding: str
    cause: str
    odds: float = Field(gt=0)
    reasoning: str
    source: str | None = None
    seen: Seen | None = None


class Priors(Rule):
    age_bands: tuple[AgeBand, ...]
    smoothing: Smoothing
    floor: Floor
    tiers: dict[str, Tier] = {}
    settings: dict[str, Setting]
    modifiers: tuple[Modifier, ...] = ()


class Parameter(Rule):
    """One number of the weighing with the reason for it."""

    value: Any
    reason: str
    source: str | None = None
    seen: Seen | None = None


class Units(Rule):
    """UCUM code of a unit -> how laboratories write it."""

    aliases: dict[str, tuple[str, ...]]


class CitedSource(Rule):
    key: str
    seen: Seen | None = None
    supports: str | None = None


class RedFlag(Rule):
    id: str
    name: str
    when: Condition
    threshold: str
    action: str
    sources: tuple[CitedSource, ...] = Field(min_length=1)
    note: str | None = None


class Disclaimer(Rule):
    """A text shown with an answer: always, or only with a ranking."""

    id: str
    when: Literal["always", "ranking"] = "always"
    text: str
    sources: tuple[CitedSource, ...] = ()


class WorkupStep(Rule):
    """A step of the work-up that yields findings: what a clinician orders, asks or looks at."""

    id: str
    name: str
    burden: int = Field(ge=0, le=3, description="0 asking, 1 a blood sample, 2 imaging or a referral, 3 invasive")
    offered: bool = Field(default=True, description="whether an answer may propose it as the next step")


class Name(BaseModel):
    """A CSL name."""

    model_config = ConfigDict(extra="allow", frozen=True, defer_build=True)
    family: str | None = None
    given: str | None = None
    literal: str | None = None


class Reference(BaseModel):
    """One entry of the bibliography in CSL-YAML; `custom` holds the kind of study and what was read."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True, defer_build=True)
    id: str
    type: str
    title: str
    author: tuple[Name, ...] = ()
    container_title: str | None = Field(default=None, alias="container-title")
    issued: dict[str, Any] | None = None
    volume: str | int | None = None
    issue: str | int | None = None
    page: str | int | None = None
    DOI: str | None = None
    PMID: str | None = None
    URL: str | None = None
    ISBN: str | None = None
    custom: dict[str, Any] = {}

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not (self.DOI or self.PMID or self.URL or self.ISBN):
            raise ValueError("a source needs a DOI, PMID, ISBN or URL")
        return self

    @property
    def year(self) -> int | None:
        parts = (self.issued or {}).get("date-parts") or []
        return int(parts[0][0]) if parts and parts[0] else None

    @property
    def link(self) -> str:
        if self.DOI:
            return f"https://doi.org/{self.DOI}"
        if self.PMID:
            return f"https://pubmed.ncbi.nlm.nih.gov/{self.PMID}/"
        return self.URL or f"ISBN {self.ISBN}"
