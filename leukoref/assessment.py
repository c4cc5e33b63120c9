"""What a caller gets back: an Assessment and its parts. Frozen, JSON-ready, complete in itself."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure

Status = Literal["leukopenia", "no_leukopenia", "insufficient_data"]
Band = Literal["established", "strong", "moderate", "weak", "against", "excluded"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


@cache
def _field_names(part: type[Part]) -> set[str]:
    """One set for all parts of a kind, which are frozen: sixty copies an answer would cost more than the ranking."""
    return set(part.model_fields)


class Deferred(Part):
    """A part whose explanation is worked out when it is first looked at.

    Ranks and weights are there at once; the sentences behind sixty causes cost more than the ranking
    itself, and most readers open a few. Whoever looks, dumps, compares or pickles sees the whole part.
    """

    _pending: Callable[[], dict[str, Any]] | None = PrivateAttr(default=None)

    @classmethod
    def deferred(cls, pending: Callable[[], dict[str, Any]], **ready: Any) -> Self:
        """An instance with the fields in ``ready``; ``pending`` gives the others when one is asked for."""
        # As model_construct does, without the defaults that would hide what is still to be worked out.
        part = cls.__new__(cls)
        object.__setattr__(part, "__dict__", ready)
        object.__setattr__(part, "__pydantic_fields_set__", _field_names(cls))
        object.__setattr__(part, "__pydantic_extra__", None)
        object.__setattr__(part, "__pydantic_private__", {"_pending": pending})
        return part

    def complete(self) -> Self:
        """Everything worked out."""
        pending = self._pending
        if pending is not None:
            self.__dict__.update(pending())
            self._pending = None
        return self

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in type(self).model_fields and self._pending is not None:
                return self.complete().__dict__[name]
            return super().__getattr__(name)

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return super(Deferred, self.complete()).model_dump(**options)

    def model_dump_json(self, **options: Any) -> str:
        return super(Deferred, self.complete()).model_dump_json(**options)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Deferred):
            other.complete()
        return super(Deferred, self.complete()).__eq__(other)

    def __repr_args__(self) -> Any:
        return super(Deferred, self.complete()).__repr_args__()

    def __getstate__(self) -> dict[Any, Any]:
        return super(Deferred, self.complete()).__getstate__()


class Evidence(Part):
    """One finding and what it adds to the weight of a cause, in decibans. One that ``repeats`` a stronger finding of
    its cluster counts in part only (`repeated_share` of `rules/weighing.yaml`), and ``weight`` is that part."""

    finding: str
    statement: str
    weight: float
    repeats: bool
    cluster: str
    figure: str
    background: str
    basis: Literal["sourced", "estimate", "ratio"]
    statements: tuple[str, ...] = ()
    population: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Adjustment(Part):
    """A weight that is no finding: a missing exposure, a culprit drug's grade, an endemic region."""

    text: str
    weight: float
    sources: tuple[str, ...] = ()


class PriorShare(Part):
    """How common the cause is where the patient was seen, before anything else is known. ``weight`` is 10 log10
    of ``share`` times the ``prior_strength`` of `rules/weighing.yaml`."""

    share: float
    weight: float
    basis: Literal["sourced", "estimate", "ratio"]
    text: str
    sources: tuple[str, ...] = ()


class DrugNote(Part):
    """One drug of the patient that bears on a cause, strongest first."""

    drug: str
    name: str
    grade: str
    timing: str
    weight: float
    days_before: float | None = None
    latency: str | None = None
    incidence: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Criterion(Part):
    kind: Literal["establishes", "excludes", "requires"]
    statement: str
    reason: str
    sources: tuple[str, ...]


class VariantNote(Part):
    """A kind of the cause (a virus, say): which ``share`` of the cause it is at the patient's age, what the findings
    weigh for it (decibans), and which ``part`` of the cause's weight it makes up. The cause weighs 10 log10 of the sum
    of share x 10^(weight/10), before its other adjustments."""

    id: str
    name: str
    share: float
    weight: float
    part: float
    sources: tuple[str, ...] = ()


class Candidate(Deferred):
    """One cause. ``score`` = ``prior.weight`` + ``weight``; ``weight`` = evidence + adjustments."""

    rank: int
    cause: str
    name: str
    mechanisms: tuple[str, ...]
    weight: float
    score: float
    band: Band
    prior: PriorShare
    supports: tuple[Evidence, ...]
    against: tuple[Evidence, ...]
    adjustments: tuple[Adjustment, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    missing: tuple[str, ...] = ()
    drugs: tuple[DrugNote, ...] = ()
    variants: tuple[VariantNote, ...] = ()
    sourced_share: float


class Excluded(Part):
    cause: str
    name: str
    reason: str
    sources: tuple[str, ...]


class RedFlagRaised(Part):
    id: str
    name: str
    action: str
    threshold: str
    because: tuple[str, ...] = ()  # what of this patient raises it
    sources: tuple[str, ...]


class NextTest(Part):
    """A step and the information it is expected to give about the ranking, in bits; and what the rules of the leading
    causes advise of it."""

    test: str
    name: str
    expected_information: float
    look_for: tuple[str, ...]
    advised: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Severity(Part):
    """Grade of neutropenia by the absolute neutrophil count, and whether it is known to be chronic."""

    neutropenia: str | None = None
    course: str | None = None
    sources: tuple[str, ...] = ()


class Notice(Part):
    id: str
    text: str
    sources: tuple[str, ...] = ()


class ProvenanceNote(Part):
    version: str
    knowledge_version: str
    knowledge_hash: str
    knowledge_review: str
    overrides: tuple[str, ...] = ()  # what a site's rules add to the packaged ones, and what they replace


class Assessment(Deferred):
    """The answer for one patient. ``sources`` holds the CSL fields of everything cited in it."""

    status: Status
    candidates: tuple[Candidate, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    red_flags: tuple[RedFlagRaised, ...] = ()
    next_tests: tuple[NextTest, ...] = ()
    severity: Severity = Severity()
    to_add: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    unrecognized: tuple[dict[str, Any], ...] = ()
    unused: tuple[str, ...] = ()
    disclaimers: tuple[Notice, ...] = ()
    sources: dict[str, dict[str, Any]] = {}
    provenance: ProvenanceNote

    def complete(self) -> Self:
        super().complete()
        for candidate in self.candidates:
            candidate.complete()
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the keys are part of the public interface."""
        return self.model_dump(mode="json")

    def to_json(self, *, indent: int | None = 2) -> str:
        return self.model_dump_json(indent=indent)

    def to_markdown(self, *, top: int = 5) -> str:
        from leukoref.render.markdown import render

        return render(self, top=top)

    def to_html(self, *, top: int = 5) -> str:
        """One self-contained HTML fragment; every text in it is escaped."""
        from leukoref.render.html import render

        return render(self, top=top)

    def to_text(self, *, top: int = 5, width: int = 100, color: bool = False) -> str:
        from leukoref.render.text import render

        return render(self, top=top, width=width, color=color)

    def to_frame(self) -> "pl.DataFrame":
        """One row a finding and candidate: rank, cause, finding, direction, weight, counted, basis, sources."""
        from leukoref.render.frame import frame

        return frame(self)

    def plot(self, *, top: int = 5) -> "Figure":
        """Evidence for and against the first candidates as a matplotlib figure (extra ``notebook``)."""
        from leukoref.render.plot import figure

        return figure(self, top=top)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __str__(self) -> str:
        return self.to_text()
