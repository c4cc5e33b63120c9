"""Models of the single files of `rules/`: priors, weighing, red flags, disclaimers, tests, sources."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from leukoref.knowledge.conditions import Condition, Rule
from leukoref.knowledge.vocabulary import AgeText, Seen


class PriorEntry(Rule):
    """How common a cause is in a setting: a cohort's figure, or a labelled estimate."""

    n: int | None = None
    of: int | None = None
    proportion: float | None = Field(default=None, ge=0, le=1)
    estimate: float | None = Field(default=None, ge=0, le=1)
    tier: str | None = None
    reasoning: str | None = None
    population: str | None = None
    source: str | None = None
    seen: Seen | None = None
    note: str | None = None


class Setting(Rule):
    """One table of priors; ``from`` / ``to`` bind it to an age band, whatever the setting named."""

    name: str
    aliases: tuple[str, ...] = ()
    from_: AgeText | None = Field(default=None, alias="from")
    to: AgeText | None = None
    cohorts: tuple[dict[str, Any], ...] = ()
    pseudocount: float = 0.5
    note: str | None = None
    causes: dict[str, PriorEntry]


class Tier(Rule):
    value: float
    reasoning: str


class Modifier(Rule):
    """A finding that changes how common a cause is (endemic region), as a factor on its prior."""

    finding: str
    causes: dict[str, float]
    reasoning: str
    source: str | None = None
    seen: Seen | None = None


class Priors(Rule):
    tiers: dict[str, Tier] = {}
    settings: dict[str, Setting]
    modifiers: tuple[Modifier, ...] = ()


class Parameter(Rule):
    """One number of the weighing with the reason for it."""

    value: Any
    reason: str
    source: str | None = None
    seen: Seen | None = None


class RedFlagSource(Rule):
    key: str
    seen: Seen | None = None
    supports: str | None = None


class RedFlag(Rule):
    id: str
    name: str
    when: Condition
    threshold: str
    action: str
    sources: tuple[RedFlagSource, ...] = Field(min_length=1)
    note: str | None = None


class Disclaimer(Rule):
    id: str
    text: str
    source: str | None = None
    seen: Seen | None = None


class Test(Rule):
    """A step of the work-up that yields findings: what a clinician orders, asks or looks at."""

    id: str
    name: str
    burden: int = Field(ge=0, le=3, description="0 asking, 1 a blood sample, 2 imaging or a referral, 3 invasive")


class Name(BaseModel):
    """A CSL name."""

    model_config = ConfigDict(extra="allow", frozen=True)
    family: str | None = None
    given: str | None = None
    literal: str | None = None


class Reference(BaseModel):
    """One entry of the bibliography in CSL-YAML; `custom` holds the kind of study and what was read."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
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
    def _can_be_found(self) -> Reference:
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
