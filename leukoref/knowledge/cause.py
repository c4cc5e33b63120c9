"""Models of `rules/causes/`: one file a cause, its statements, estimates, tests, pitfalls, examples."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from leukoref.knowledge.conditions import Condition, Rule, State
from leukoref.knowledge.vocabulary import Codes, Seen

Term = Literal["obligate", "very_frequent", "frequent", "occasional", "very_rare", "excluded"]
Direction = Literal["supports", "opposes"]
CriterionKind = Literal["establishes", "excludes", "requires"]


class Frequency(Rule):
    """How often: n of N, a proportion (with its N where the source gives one), or a HPO frequency term."""

    n: int | None = Field(default=None, ge=0)
    of: int | None = Field(default=None, gt=0)
    proportion: float | None = Field(default=None, ge=0, le=1)
    term: Term | None = None

    @model_validator(mode="after")
    def _one_figure(self) -> Self:
        if sum(v is not None for v in (self.n, self.proportion, self.term)) != 1:
            raise ValueError("give exactly one of n (with of), proportion, or term")
        if self.n is not None and (self.of is None or self.n > self.of):
            raise ValueError("n needs a denominator `of` that is not smaller")
        return self


class LikelihoodRatio(Rule):
    """A published diagnostic likelihood ratio (never an odds, hazard or risk ratio)."""

    positive: float | None = Field(default=None, gt=0)
    negative: float | None = Field(default=None, gt=0)


class Statement(Rule):
    """One sourced sentence about a cause: a frequency, a likelihood ratio, a direction or a criterion."""

    id: str
    finding: str | None = None
    bins: tuple[str, ...] = ()
    state: State = "present"
    frequency: Frequency | None = None
    likelihood_ratio: LikelihoodRatio | None = None
    qualitative: Direction | None = None
    criterion: CriterionKind | None = None
    when: Condition | None = None
    population: str | None = None
    source: str
    seen: Seen
    reason: str
    weighed: bool = True
    note: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        kinds = (self.frequency, self.likelihood_ratio, self.qualitative, self.criterion)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of frequency, likelihood_ratio, qualitative or criterion")
        if (self.criterion is None) == (self.finding is None):
            raise ValueError("a criterion has `when`; every other statement has `finding`")
        if (self.criterion is None) != (self.when is None):
            raise ValueError("`when` belongs to a criterion, and a criterion needs it")
        return self


class Estimates(Rule):
    """A block of labelled estimates with the reasoning behind them; a scale has one share per bin."""

    group: str
    reasoning: str
    cells: dict[str, float | tuple[float, ...]]


class Sourced(Rule):
    """A text for the reader with where it comes from."""

    text: str
    source: str
    seen: Seen | None = None


class TestAdvice(Rule):
    test: str
    text: str
    why: str | None = None
    source: str
    seen: Seen | None = None


class Variant(Rule):
    """A kind of the cause that findings may tell apart (one virus among the viral infections)."""

    id: str
    name: str
    codes: Codes = Codes()
    statements: tuple[Statement, ...] = ()


class Expectation(Rule):
    """What an example must show: the cause among the first ``within``, or the mimic ``above`` it."""

    within: int | None = None
    above: str | None = None


class Example(Rule):
    name: str
    synthetic: Literal[True]
    patient: dict[str, Any]
    expect: Expectation


class Provenance(Rule):
    author_role: str
    date: Any
    review_status: str


class Cause(Rule):
    """One cause of a low white cell count, as its file states it."""

    id: str
    name: str
    mechanisms: tuple[str, ...] = Field(min_length=1)
    seed: str | None = None
    codes: Codes = Codes()
    about: tuple[Sourced, ...] = ()
    statements: tuple[Statement, ...] = ()
    estimates: tuple[Estimates, ...] = ()
    variants: tuple[Variant, ...] = ()
    next_tests: tuple[TestAdvice, ...] = ()
    urgent: tuple[Sourced, ...] = ()
    pitfalls: tuple[Sourced, ...] = ()
    mimics: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    provenance: Provenance
