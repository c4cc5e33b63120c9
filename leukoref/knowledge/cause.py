"""Models of `rules/causes/`: one file a cause, its statements, estimates, tests, pitfalls, examples."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from leukoref.knowledge.conditions import Condition, Rule, State
from leukoref.knowledge.vocabulary import NO_CODES, Codes, Seen

Term = Literal["obligate", "very_frequent", "frequent", "occasional", "very_rare", "excluded"]
Direction = Literal["supports", "opposes"]
CriterionKind = Literal["establishes", "excludes", "requires"]
PERCENT_DIGITS = 2  # of a share, where it is printed as a whole per cent


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

    @property
    def share(self) -> float:
        """The share that a count or a printed proportion gives; a term has none (0)."""
        return self.n / self.of if self.n is not None and self.of else self.proportion or 0.0

    @property
    def denominator(self) -> str:
        """The denominator of a printed share as a reader should take it: where no whole number of patients gives the
        share, rounded or cut, not all of them were looked at, and it is the most that can stand under it."""
        if not self.of or self.proportion is None:
            return "(denominator not given)"
        step = 10.0 ** -max(len(repr(self.proportion).partition(".")[2]), PERCENT_DIGITS)
        near = round(self.proportion * self.of)
        shares = (n / self.of for n in (near - 1, near, near + 1))
        counted = any(-step / 2 - 1e-9 <= share - self.proportion < step for share in shares)
        return f"of {self.of}" if counted else f"of up to {self.of}"


class Distribution(Rule):
    """A quantity as papers sum it up: its mean or median in ``of`` patients, with the spread that is printed."""

    unit: str
    median: float | None = None
    mean: float | None = None
    quartiles: tuple[float, float] | None = None
    range: tuple[float, float] | None = None
    sd: float | None = Field(default=None, gt=0)
    of: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _one_centre_one_spread(self) -> Self:
        if (self.median is None) == (self.mean is None):
            raise ValueError("give exactly one of median or mean")
        spreads = [self.quartiles, self.range, self.sd]
        if sum(spread is not None for spread in spreads) > 1:
            raise ValueError("give at most one of quartiles, range or sd")
        low, high = self.quartiles or self.range or (self.centre, self.centre)
        if not low <= self.centre <= high:
            raise ValueError(f"{self.centre:g} does not lie between {low:g} and {high:g}")
        return self

    @property
    def centre(self) -> float:
        return self.median if self.median is not None else self.mean or 0.0


class LikelihoodRatio(Rule):
    """A published diagnostic likelihood ratio (never an odds, hazard or risk ratio)."""

    positive: float | None = Field(default=None, gt=0)
    negative: float | None = Field(default=None, gt=0)


class Statement(Rule):
    """One sourced sentence about a cause: a frequency, a distribution, a likelihood ratio, a direction, a criterion.
    A group that was confined to some bins of the scale (a series of adults says nothing of children) names them in
    ``among``: the figure then tells how the cause spreads within them."""

    id: str
    finding: str | None = None
    bins: tuple[str, ...] = ()
    among: tuple[str, ...] = ()
    state: State = "present"
    frequency: Frequency | None = None
    distribution: Distribution | None = None
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

    @property
    def figure(self) -> Frequency | Distribution | None:
        """What was counted or measured in patients with the cause."""
        return self.frequency or self.distribution

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        kinds = (self.frequency, self.distribution, self.likelihood_ratio, self.qualitative, self.criterion)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of frequency, distribution, likelihood_ratio, qualitative or criterion")
        if self.distribution and (self.bins or self.state == "absent"):
            raise ValueError("a distribution speaks for all bins of its scale: drop `bins` and `state`")
        if self.among and (self.state == "absent" or not (self.distribution or (self.frequency and self.bins))):
            raise ValueError("`among` goes with a distribution, or with a frequency in `bins`")
        if (self.criterion is None) == (self.finding is None):
            raise ValueError("a criterion has `when`; every other statement has `finding`")
        if (self.criterion is None) != (self.when is None):
            raise ValueError("`when` belongs to a criterion, and a criterion needs it")
        return self


class Estimates(Rule):
    """A block of labelled estimates with the reasoning behind them; a scale has one share per bin. Where it gives no
    ``reasoning``, each finding or a wider one says why the causes differ in it (`Finding.why`)."""

    group: str
    reasoning: str | None = None
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


class Share(Rule):
    """Which part of the patients with the cause have this kind of it: n of N with its source, or an estimate."""

    n: int | None = Field(default=None, ge=0)
    of: int | None = Field(default=None, gt=0)
    estimate: float | None = Field(default=None, gt=0, lt=1)
    reasoning: str | None = None
    population: str | None = None
    source: str | None = None
    seen: Seen | None = None

    @model_validator(mode="after")
    def _sourced_or_labelled(self) -> Self:
        if self.estimate is not None:
            if not self.reasoning or self.n is not None:
                raise ValueError("an estimate needs its reasoning, and no count beside it")
        elif self.n is None or self.of is None or self.n > self.of or not (self.source and self.seen):
            raise ValueError("give n of N with source and seen, or an estimate with its reasoning")
        return self

    @property
    def value(self) -> float:
        return self.estimate if self.estimate is not None else (self.n or 0) / (self.of or 1)


class Variant(Rule):
    """A kind of the cause (one virus among the viral infections). With a ``share`` it is weighed as a profile of its
    own, which overrides the cause's cells where it differs; without, it only holds statements for the reader."""

    id: str
    name: str
    share: Share | None = None
    codes: Codes = NO_CODES
    statements: tuple[Statement, ...] = ()
    estimates: tuple[Estimates, ...] = ()


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
    date: Annotated[Any, AfterValidator(str)]  # YAML makes a date of what looks like one
    review_status: str


class Cause(Rule):
    """One cause of a low white cell count, as its file states it. A finding of ``diagnosis`` names the cause itself:
    among what was known before it speaks as any other, given under `confirmation` it settles the question. So do its
    own name and the names it is ``called``, whose finding may mean less ('vitamin B12 deficiency' is a low level)."""

    id: str
    name: str
    mechanisms: tuple[str, ...] = Field(min_length=1)
    seed: str | None = None
    codes: Codes = NO_CODES
    diagnosis: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
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

    @property
    def kinds(self) -> tuple[Variant, ...]:
        """The variants that are weighed as profiles of their own."""
        return tuple(variant for variant in self.variants if variant.share is not None)
