"""Models of `rules/findings/` and `rules/derived/`: what can be known of a patient, and what follows."""

from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from leukoref.knowledge.conditions import Condition, Rule

Seen = Literal["full text", "abstract", "excerpt"]


def _age_in_years(text: str) -> str:
    age_in_years(text)
    return text


AgeText = Annotated[str, AfterValidator(_age_in_years)]

DAYS_PER_YEAR = 365.25
_YEARS = {"a": 1.0, "mo": 1 / 12, "wk": 7 / DAYS_PER_YEAR, "d": 1 / DAYS_PER_YEAR, "h": 1 / 24 / DAYS_PER_YEAR}


@lru_cache(maxsize=1024)
def age_in_years(text: str) -> float:
    """'28 d', '3 wk', '6 mo', '45 a' (UCUM units) as years. Raises ValueError for anything else."""
    number, _, unit = text.strip().partition(" ")
    try:
        return float(number) * _YEARS[unit.strip()]
    except (KeyError, ValueError):
        raise ValueError("an age is a number and a unit of h, d, wk, mo or a, as in '45 a'") from None


class Codes(Rule):
    """Terminology codes of a finding, cause or drug; each is checked against a code list by a test."""

    loinc: tuple[str, ...] = ()
    hpo: tuple[str, ...] = ()
    icd10cm: tuple[str, ...] = ()
    snomed: tuple[str, ...] = ()
    rxnorm: tuple[str, ...] = ()
    atc: tuple[str, ...] = ()

    def qualified(self) -> list[str]:
        """Codes with their system in front: ``LOINC:6690-2``, ``HP:0001945``."""
        systems = (
            ("LOINC:", self.loinc), ("", self.hpo), ("ICD10CM:", self.icd10cm),
            ("SNOMED:", self.snomed), ("RXNORM:", self.rxnorm), ("ATC:", self.atc),
        )  # fmt: skip
        return [prefix + code for prefix, codes in systems for code in codes]


NO_CODES = Codes.model_construct()  # needs no validation, so an import need not build any


class Range(Rule):
    low: float
    high: float


class ReferenceInterval(Rule):
    """Reference interval for an age span [from, to) and, where it differs, a sex or Duffy-null status."""

    from_: AgeText | None = Field(default=None, alias="from")
    to: AgeText | None = None
    sex: Literal["female", "male"] | None = None
    duffy_null: bool | None = None
    low: float | None = None
    high: float | None = None
    source: str
    seen: Seen
    population: str | None = None
    note: str | None = None


class Background(Rule):
    """How often the finding is seen in people with a low count, whatever the cause."""

    n: int | None = None
    of: int | None = None
    proportion: float | None = Field(default=None, ge=0, le=1)
    estimate: float | None = Field(default=None, gt=0, lt=1)
    reasoning: str | None = None
    population: str | None = None
    source: str | None = None
    seen: Seen | None = None

    @model_validator(mode="after")
    def _sourced_or_labelled(self) -> Self:
        if self.estimate is None and (self.source is None or (self.n is None and self.proportion is None)):
            raise ValueError("a background rate is a figure with its source, or an estimate with its reasoning")
        if self.estimate is not None and not self.reasoning:
            raise ValueError("an estimate needs its reasoning")
        return self


class Uncounted(Rule):
    """What a finding said without its ``count``, and without saying how deep it is, means besides itself."""

    count: str
    means: str


class Finding(Rule):
    """One thing that can be known of a patient: present or absent, or a quantity."""

    id: str
    name: str
    synonyms: tuple[str, ...] = ()
    kind: Literal["presence", "quantity"]
    test: str
    unit: str | None = None
    plausible: Range | None = None
    molar_mass: float | None = Field(default=None, gt=0)
    reference: tuple[ReferenceInterval, ...] = ()
    if_present: str | None = None  # the finding meant when a quantity is only said to be present or not
    printed: dict[str, str] = {}  # unit that reports print for it -> unit they mean (mm for mm/h), both as UCUM
    otherwise_measured: tuple[str, ...] = ()  # quantities of the same name in another dimension (a share, a mass)
    of_several: Literal["lowest", "highest"] | None = None  # of values at one time; else the range they span
    uncounted: Uncounted | None = None
    absent_denies: tuple[str, ...] = ()  # 'no hepatosplenomegaly' is said of neither organ being large
    present_denies: tuple[str, ...] = ()  # a normal ultrasound of the abdomen shows no large spleen
    earlier: str | None = None  # what is so now if it was there before this illness; itself if it lasts
    earlier_absent: str | None = None  # what is so now if it was not there before this illness
    earlier_low: str | None = None  # of a count: what was there before this illness if it lay below its reference
    lookback: str | None = None
    is_a: tuple[str, ...] = ()
    not_denied_by: tuple[str, ...] = ()  # of `is_a`: those whose absence leaves this one open (a node only CT shows)
    cluster: str | None = None
    codes: Codes = NO_CODES
    code_alone: bool = False  # its HPO term alone is meant, not what lies below it (a weak leg is no limb defect)
    core: bool = False
    background: Background | None = None
    why: str | None = None  # the causes differ in it: the reasoning of estimates that give none of their own
    note: str | None = None

    @model_validator(mode="after")
    def _quantities_are_measured(self) -> Self:
        if self.kind == "quantity" and (self.unit is None or self.plausible is None):
            raise ValueError("a quantity needs its unit and its plausible range")
        if self.kind == "presence" and (self.unit or self.plausible or self.reference):
            raise ValueError("only a quantity has a unit, a plausible range or reference intervals")
        if not set(self.not_denied_by) <= set(self.is_a):
            raise ValueError("not_denied_by names findings of is_a, whose absence leaves this one open")
        return self


class ScaleInput(Rule):
    """A quantity and the limits between the bins; a value on a limit belongs to the upper bin. ``also`` gives other
    units in which papers print it, with the factor to ``unit``; ``spread`` the standard deviation assumed for a mean or
    median printed without one (on a ``log`` scale that of log10)."""

    finding: str
    cuts: tuple[float, ...]
    unit: str
    also: dict[str, float] = {}
    spread: float = Field(gt=0)


class ScaleWord(Rule):
    """A presence finding that says which bins a value lies in without giving the number."""

    finding: str
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


class Scale(Rule):
    """One shared scale a quantity: every cause says how its patients spread over the same bins."""

    id: str
    name: str
    bins: tuple[str, ...]
    inputs: tuple[ScaleInput, ...]
    shape: Literal["linear", "log"] = "linear"
    words: tuple[ScaleWord, ...] = ()
    cluster: str | None = None
    test: str = "full_blood_count"

    @model_validator(mode="after")
    def _bins_fit(self) -> Self:
        for entry in self.inputs:
            if len(entry.cuts) != len(self.bins) - 1 or list(entry.cuts) != sorted(set(entry.cuts)):
                raise ValueError(f"{entry.finding}: {len(self.bins)} bins need {len(self.bins) - 1} rising cuts")
        for word in self.words:
            for name in (*word.present, *word.absent):
                if name not in self.bins:
                    raise ValueError(f"{word.finding}: no bin {name!r}; the bins are {', '.join(self.bins)}")
        return self

    def mask(self, bins: tuple[str, ...]) -> int:
        """The bins as a bit mask, lowest bin first."""
        return sum(1 << self.bins.index(name) for name in bins)


class Derived(Rule):
    """What follows from other findings. ``complete``: when the condition is absent, so is the finding."""

    finding: str
    when: Condition
    reason: str
    source: str | None = None
    seen: Seen | None = None
    complete: bool = True
