"""Statements and estimates turned into probabilities, and probabilities into weights of evidence.

Weight of evidence (decibans) = 10 log10 of P(finding | cause) / P(finding | low count at large), mixed with
1; an absent finding takes the complements. Every number here is kept with the statements it came from, so that an
answer can show it and a reader can recompute it. Parameters live in `rules/weighing.yaml`.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause, Estimates, Frequency, Statement, Variant
from leukoref.knowledge.conditions import comparisons
from leukoref.knowledge.fitting import fitted_kinds
from leukoref.knowledge.nesting import raised
from leukoref.knowledge.pretest import Basis, PriorTables, decibans
from leukoref.knowledge.spreads import Series, fitted, mass, observed
from leukoref.knowledge.vocabulary import Scale

AGE_SCALE = "age"


@dataclass(frozen=True, slots=True)
class Rate:
    """A probability with what it rests on."""

    value: float
    basis: Basis
    text: str
    statements: tuple[Statement, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """What one cause says of one presence finding: weights in decibans when present and when absent."""

    rate: Rate
    present: float
    absent: float


@dataclass(frozen=True, slots=True)
class ScaleCell:
    """How one cause spreads over the bins of a scale, and which statements shaped the spread."""

    shares: tuple[float, ...]
    basis: Basis
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A cause, or a kind of it, as the findings are weighed against it."""

    cause: Cause
    kind: Variant | None = None

    @property
    def id(self) -> str:
        return f"{self.cause.id}/{self.kind.id}" if self.kind else self.cause.id

    @property
    def statements(self) -> tuple[Statement, ...]:
        return (self.kind or self.cause).statements

    @property
    def estimates(self) -> tuple[Estimates, ...]:
        return (self.kind or self.cause).estimates


class EvidenceTable:
    """Every weight the base can give, computed once per knowledge base."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base
        self.pretest = PriorTables(base)
        self.causes = tuple(cause.id for cause in base.causes)
        self.profiles = tuple(Profile(cause, kind) for cause in base.causes for kind in (None, *cause.kinds))
        self._jeffreys: float = base.parameter("jeffreys")
        self._assumed: float = base.parameter("assumed_denominator")
        self._terms: Mapping[str, float] = base.parameter("frequency_terms")
        self._floor: float = base.parameter("estimate_floor")
        self._caps: Mapping[str, float] = base.parameter("weight_caps")
        self._unrelated: Mapping[str, float] = base.parameter("unrelated_share")
        self._done = frozenset(base.parameter("done_tests"))
        self._related = frozenset(base.parameter("always_related"))
        self._rest: Mapping[str, float] = base.parameter("rest_rates")
        said = [(word.finding, scale, word) for scale in base.scales for word in scale.words]
        # A word of several scales (pancytopenia) is a joint figure: it belongs to none of them alone.
        joint = {finding for finding, count in Counter(name for name, _, _ in said).items() if count > 1}
        self.words = {name: (scale, word) for name, scale, word in said if name not in joint}
        self._worded = {name for name, _, _ in said}
        self._inputs = {entry.finding: (scale, entry) for scale in base.scales for entry in scale.inputs}
        self.told_by_scales = _told_by_scales(base)

    # -- probabilities ----------------------------------------------------------------------------

    def pooled(self, figures: Sequence[Frequency], complement: Sequence[bool]) -> tuple[float, str]:
        """P(present) from figures: counts pooled, clipped by sample size (Jeffreys), and how to write it."""
        n = of = 0.0
        texts = []
        for figure, absent in zip(figures, complement, strict=True):
            total = float(figure.of or self._assumed)
            if figure.n is not None:
                hits, text = float(figure.n), f"{figure.n} of {figure.of}"
            elif figure.proportion is not None:
                hits = figure.proportion * total
                text = f"{figure.proportion:.1%} {figure.denominator}"
            else:
                hits = self._terms[figure.term or ""] * total
                text = f"{(figure.term or '').replace('_', ' ')} (qualitative)"
            n += total - hits if absent else hits
            of += total
            texts.append(("without it: " if absent else "") + text)
        return (n + self._jeffreys) / (of + 2 * self._jeffreys), "; ".join(texts)

    def _estimated(self, value: float) -> float:
        return min(max(value, self._floor), 1 - self._floor)

    @cached_property
    def rates(self) -> dict[str, dict[str, Rate]]:
        """finding -> profile -> P(finding | profile); a kind has an entry only where it differs from its cause."""
        table: dict[str, dict[str, Rate]] = defaultdict(dict)
        for profile in self.profiles:
            grouped: dict[str, list[Statement]] = defaultdict(list)
            for statement in profile.statements:
                plain = statement.weighed and statement.frequency and not statement.bins
                on_scale = statement.finding in self._worded or statement.finding in self.base.scale
                if plain and statement.finding and not on_scale:
                    grouped[statement.finding].append(statement)
            for finding, statements in grouped.items():
                table[finding][profile.id] = self._sourced_rate(statements)
            for block in profile.estimates:
                for name, value in block.cells.items():
                    if isinstance(value, (int, float)) and profile.id not in table[name]:
                        text = f"estimate {value:.2g}"
                        table[name][profile.id] = Rate(self._estimated(float(value)), "estimate", text)
        shares = dict(zip((profile.id for profile in self.profiles), self._kind_shares, strict=True))
        fitted = fitted_kinds(table, self.base.causes, shares, self.base.parameter("kinds_fit"))
        return raised(fitted, self.profiles, self.base)

    def _sourced_rate(self, statements: Sequence[Statement]) -> Rate:
        figures = [entry.frequency for entry in statements if entry.frequency]
        value, text = self.pooled(figures, [entry.state == "absent" for entry in statements])
        sources = tuple(dict.fromkeys(entry.source for entry in statements))
        return Rate(value, "sourced", text, tuple(statements), sources)

    @cached_property
    def spreads(self) -> dict[str, dict[str, ScaleCell]]:
        """scale -> profile -> its spread: the estimate (of a kind, else of its cause) with what sources saw."""
        table: dict[str, dict[str, ScaleCell]] = defaultdict(dict)
        for profile in self.profiles:
            shapes = {
                name: value
                for block in profile.estimates
                for name, value in block.cells.items()
                if isinstance(value, tuple)
            }
            seen = self._seen(profile)
            for name in {*shapes, *seen}:
                scale = self.base.scale.get(name)
                if scale is None:
                    continue
                inherited = table[name].get(profile.cause.id)
                even = tuple(1 / len(scale.bins) for _ in scale.bins)
                shape = shapes.get(name) or (inherited.shares if inherited else even)
                table[name][profile.id] = self._fitted(shape, seen.get(name, []))
        return dict(table)

    def _seen(self, profile: Profile) -> dict[str, list[Series]]:
        """scale -> what the series of a profile saw of it."""
        found: dict[str, list[Series]] = defaultdict(list)
        words = {name: (scale, word.present) for name, (scale, word) in self.words.items()}
        for name, series in observed(
            profile.statements, self.base.scale, self._inputs, words, patients=int(self._assumed), terms=self._terms,
            widest=self.base.parameter("assumed_spread_at_most"),
        ):  # fmt: skip
            found[name].append(series)
        return found

    def _fitted(self, shape: Sequence[float], series: Sequence[Series]) -> ScaleCell:
        floored = [max(share / sum(shape), self._floor / len(shape)) for share in shape]
        whole = tuple(share / sum(floored) for share in floored)
        if not series:
            return ScaleCell(whole, "estimate", ())
        shares = fitted(whole, self.base.parameter("estimate_patients"), series)
        return ScaleCell(shares, "sourced", tuple(dict.fromkeys(entry.statement for entry in series)))

    # -- kinds ------------------------------------------------------------------------------------

    @cached_property
    def _kind_shares(self) -> tuple[float, ...]:
        """Profile by profile its share of its cause; what the kinds leave is the cause's own."""
        found = []
        for cause in self.base.causes:
            shares = [max(kind.share.value, self._floor) for kind in cause.kinds if kind.share]
            found += [max(1 - sum(shares), self._floor) if shares else 1.0, *shares]
        return tuple(found)

    def kind_weights(self, band: int) -> tuple[float, ...]:
        """Profile by profile the decibans of its share of its cause at an age in the bins of ``band``: a kind counts as
        far as its patients are of this age."""
        joint = []
        for profile, share in zip(self.profiles, self._kind_shares, strict=True):
            age = self.spread(AGE_SCALE, profile)
            joint.append(share * (mass(age.shares, band) if age else 1.0))
        totals: dict[str, float] = defaultdict(float)
        for profile, value in zip(self.profiles, joint, strict=True):
            totals[profile.cause.id] += value
        return tuple(
            decibans(value / totals[profile.cause.id]) for profile, value in zip(self.profiles, joint, strict=True)
        )

    def cell(self, finding: str, profile: Profile) -> Cell | None:
        """What a profile says of a finding: its own word, else its cause's."""
        speakers = self.cells.get(finding, {})
        return speakers.get(profile.id) or speakers.get(profile.cause.id)

    def spread(self, scale: str, profile: Profile) -> ScaleCell | None:
        """How a profile spreads over a scale: by its own shape, else its cause's."""
        speakers = self.spreads.get(scale, {})
        return speakers.get(profile.id) or speakers.get(profile.cause.id)

    # -- background and weights ---------------------------------------------------------------------

    @cached_property
    def _mix(self) -> dict[str, float]:
        """The mix of causes behind the background rates: the table for an unspecified setting."""
        return {cause: prior.value for cause, prior in self.pretest.tables["unspecified"].items()}

    @cached_property
    def backgrounds(self) -> dict[str, Rate]:
        """finding -> P(finding | low count at large): a cohort's figure, else computed from the base."""
        found = {}
        for name, profiles in self.rates.items():
            speakers = {cause: rate for cause, rate in profiles.items() if cause in self._mix}
            finding = self.base.finding.get(name)
            given = finding.background if finding else None
            if given is not None and given.estimate is None:
                figure = Frequency(n=given.n, of=given.of, proportion=given.proportion)
                value, text = self.pooled([figure], [False])
                found[name] = Rate(value, "sourced", f"{text} in {given.population or 'people with a low count'}",
                                   sources=(given.source,) if given.source else ())  # fmt: skip
                continue
            found[name] = self._computed(name, speakers, given.estimate if given else None)
        for name, rate in found.items():
            least = self._least_background(name, found)
            if rate.basis == "estimate" and least > rate.value:
                found[name] = Rate(
                    self._estimated(least), "estimate", "at least as often as the findings that imply it"
                )
        return found

    def _computed(self, name: str, speakers: Mapping[str, Rate], stated: float | None) -> Rate:
        """The prior-weighted rate over all causes. A cause that is silent on a finding has it as often as its stated
        rest; else as often as it has the wider core finding, at the ratio of the two where both are told; else as
        often as `rest_rates` say."""
        finding = self.base.finding.get(name)
        rest = stated or self._rest.get(finding.test if finding else "", self._rest["default"])
        wide = {} if stated else self._wide_rates(name)
        told = {cause: self._mix[cause] for cause in speakers if wide.get(cause)}
        text = f"{rest:.2g} assumed for the rest"
        silent = dict.fromkeys(self.causes, rest)
        if told:
            ratios = [mix * min(speakers[cause].value / wide[cause], 1.0) for cause, mix in told.items()]
            ratio = sum(ratios) / sum(told.values())
            silent = {cause: ratio * wide.get(cause, 0.0) for cause in self.causes}
            text = "the rest as often as the wider finding suggests"
        rates = {cause: speakers[cause].value if cause in speakers else silent[cause] for cause in self.causes}
        value = sum(self._mix[cause] * rate for cause, rate in rates.items())
        spoken = sum(self._mix[cause] for cause in speakers)
        number = "one cause" if len(speakers) == 1 else f"{len(speakers)} causes"
        text = f"computed from {number}" + (f", {text}" if spoken < 0.999 else "")
        return Rate(self._estimated(value), "estimate", text)

    def _wide_rates(self, name: str) -> dict[str, float]:
        """How often each cause has the nearest wider finding to which every cause speaks."""
        for wider in self.base.ancestors.get(name, ()):
            if self.base.finding[wider].core and wider in self.rates:
                return {cause: rate.value for cause, rate in self.rates[wider].items() if cause in self._mix}
            if wider in self.words and self.words[wider][1].present:
                scale, word = self.words[wider]
                mask, cells = scale.mask(word.present), self.spreads[scale.id]
                return {cause: mass(cell.shares, mask) for cause, cell in cells.items() if cause in self._mix}
        return {}

    def _least_background(self, name: str, found: Mapping[str, Rate]) -> float:
        """A wide finding (constitutional symptoms) is there whenever a narrower core one is: fever, fatigue."""
        narrower = [f for f in self.base.descendants.get(name, ()) if self.base.finding[f].core and f in found]
        return 1 - math.prod(1 - found[other].value for other in narrower)

    @cached_property
    def cells(self) -> dict[str, dict[str, Cell]]:
        """finding -> profile -> weights; a cause that says nothing of a finding has no cell (neutral)."""
        table: dict[str, dict[str, Cell]] = {}
        for name, speakers in self.rates.items():
            background = self.backgrounds[name].value
            table[name] = {
                cause: Cell(
                    rate,
                    self.weigh(rate.value / background, "present", rate.basis, name),
                    self.weigh((1 - rate.value) / (1 - background), "absent", rate.basis, name),
                )
                for cause, rate in speakers.items()
            }
        for profile in self.profiles:
            for statement in profile.statements:
                if statement.likelihood_ratio and statement.finding and statement.weighed:
                    ratio = statement.likelihood_ratio
                    rate = Rate(math.nan, "ratio", f"LR+ {ratio.positive or '-'} / LR- {ratio.negative or '-'}",
                                (statement,), (statement.source,))  # fmt: skip
                    table.setdefault(statement.finding, {})[profile.id] = Cell(
                        rate,
                        self.clip(decibans(ratio.positive or 1.0), "ratio"),
                        self.clip(decibans(ratio.negative or 1.0), "ratio"),
                    )
        return table

    def weigh(self, ratio: float, kind: str, basis: Basis, name: str = "") -> float:
        """Weight of a finding whose likelihood ratio is ``ratio`` if it has to do with the cause at all.

        A part of what is found in a patient has other reasons (`unrelated_share`) and is then as likely as in
        anybody, so the ratio is mixed with 1: 10 log10((1 - u) ratio + u). A finding that fits speaks nearly
        in full; one that does not fit can only say so much against. Age and sex (`always_related`) have no other
        reason and speak in full; of a test that was done and negative (`done_tests`) little is left out.
        """
        unrelated = 0.0 if name in self._related else self._unrelated[self._share_of(kind, name)]
        return self.clip(decibans((1 - unrelated) * ratio + unrelated), basis)

    def _share_of(self, kind: str, name: str) -> str:
        """Which of the unrelated shares applies: an absence that a test has shown is more than one not reported."""
        finding = self.base.finding.get(name) if kind == "absent" else None
        return "negative_test" if finding is not None and finding.test in self._done else kind

    def clip(self, weight: float, basis: Basis) -> float:
        """No single finding decides alone: an estimate counts up to one cap, a sourced figure up to a wider one."""
        return min(max(weight, -self._caps[basis]), self._caps[basis])

    @cached_property
    def scale_backgrounds(self) -> dict[str, tuple[float, ...]]:
        """scale -> share of each bin in low counts at large (prior-weighted over the causes that speak)."""
        found = {}
        for name, profiles in self.spreads.items():
            bins = len(self.base.scale[name].bins)
            speakers = {cause: cell for cause, cell in profiles.items() if cause in self._mix}
            total = sum(self._mix[cause] for cause in speakers)
            found[name] = tuple(
                sum(self._mix[cause] * cell.shares[i] for cause, cell in speakers.items()) / total for i in range(bins)
            )
        return found

    def scale_weight(self, scale: Scale, profile: Profile, mask: int, band: int | None = None) -> float:
        """Weight of a value that lies in the bins of ``mask``, among the bins of ``band`` (all by default)."""
        cell = self.spread(scale.id, profile)
        if cell is None:
            return 0.0
        background = self.scale_backgrounds[scale.id]
        whole = band if band is not None else (1 << len(scale.bins)) - 1
        ours, theirs = self.share(cell.shares, mask, whole), self.share(background, mask, whole)
        return self.weigh(ours / theirs, "scale", cell.basis, scale.id) if theirs > 0 else 0.0

    @staticmethod
    def share(shares: Sequence[float], mask: int, band: int) -> float:
        """The share that lies in the bins of ``mask``, of all that lies in those of ``band``."""
        return mass(shares, mask & band) / mass(shares, band)

    # -- clusters -----------------------------------------------------------------------------------

    @cached_property
    def clusters(self) -> dict[str, str]:
        """Finding or scale -> cluster: the stated one, else that of the core finding it implies, else itself."""
        found = {f"scale:{scale.id}": scale.cluster or f"scale:{scale.id}" for scale in self.base.scales}
        for finding in self.base.findings:
            wider = next((p for p in self.base.ancestors[finding.id] if self.base.finding[p].core), None)
            inherited = self.base.finding[wider].cluster or wider if wider else None
            word = self.words.get(finding.id)
            shared = word[0].cluster or f"scale:{word[0].id}" if word else None
            found[finding.id] = finding.cluster or inherited or shared or finding.id
        return found


def _told_by_scales(base: Knowledge) -> frozenset[str]:
    """Findings that follow by rule from nothing but what the scales already say (bicytopenia, a grade)."""
    spoken = {entry.finding for scale in base.scales for entry in scale.inputs} | set(base.word_scales)
    asked: dict[str, set[str]] = defaultdict(set)
    for rule in base.derived:
        asked[rule.finding] |= {part.finding for part in comparisons(rule.when)}
    told: set[str] = set()
    while fresh := {name for name, parts in asked.items() if name not in told and parts <= spoken | told}:
        told |= fresh
    return frozenset(name for name in told if not base.finding[name].core)
