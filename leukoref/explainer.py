"""The sentences behind a ranking: every weight with the figures, statements and sources it came from.

Nothing is decided here. What a reader sees is what the tables hold, so that each number can be recomputed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypedDict

from leukoref import assessment as out
from leukoref.criteria import grade
from leukoref.engine.durable import Inference
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Cause, Statement
from leukoref.knowledge.evidence import Profile
from leukoref.knowledge.pretest import Basis
from leukoref.known import Exposure, Findings
from leukoref.ranking import OTHER_KINDS, Item, Ranker, Spoken, Standing

MISSING_SHOWN = 5
TELLING_KEPT = 40


class Figures(TypedDict):
    """What a weight was computed from: fields of `Evidence`."""

    figure: str
    background: str
    basis: Basis
    statements: tuple[str, ...]
    population: tuple[str, ...]
    sources: tuple[str, ...]


class Explainer:
    """Explains the standings of one knowledge base; keeps tables only, nothing of a patient."""

    def __init__(self, base: Knowledge, ranker: Ranker) -> None:
        self.base = base
        self.ranker = ranker
        self._figures: dict[tuple[str, str, int, int, bool], Figures] = {}
        self._csl: dict[str, dict[str, Any]] = {}
        self._telling: dict[str, list[str]] = {}

    def pending(self, standing: Standing, known: Findings, inference: Inference) -> Callable[[], dict[str, Any]]:
        """The explanation of one standing, to be worked out when asked for."""
        return partial(self.explanation, standing, known, inference)

    def explanation(self, standing: Standing, known: Findings, inference: Inference) -> dict[str, Any]:
        """The fields of a Candidate that explain it."""
        cause, prior = standing.cause, standing.prior
        evidence = [self._evidence(spoken, standing.profile) for spoken in self.ranker.spoken(standing)]
        evidence.sort(key=lambda entry: (-abs(entry.weight), entry.finding))
        total = sum(abs(entry.weight) for entry in evidence)
        sourced = sum(abs(entry.weight) for entry in evidence if entry.basis != "estimate")
        return {
            "prior": out.PriorShare(
                share=prior.value, weight=round(standing.prior_weight, 6), basis=prior.basis, text=prior.text,
                sources=self.keys(prior.sources),
            ),
            "supports": tuple(entry for entry in evidence if entry.weight > 0),
            "against": tuple(entry for entry in evidence if entry.weight < 0),
            "adjustments": tuple(
                out.Adjustment(text=text, weight=round(weight, 6), sources=self.keys(sources))
                for text, weight, sources in standing.adjustments
            ),
            "criteria": tuple(
                self._criterion(statement)
                for statement in (*standing.established, *standing.excluded, *standing.unmet)
            ),
            "missing": self._missing(cause.id, inference),
            "drugs": self._drugs(cause, known),
            "variants": self._kinds(standing),
            "sourced_share": round(sourced / total, 3) if total else 0.0,
        }  # fmt: skip

    # -- evidence -----------------------------------------------------------------------------------------

    def _evidence(self, spoken: Spoken, profile: Profile) -> out.Evidence:
        item = spoken.item
        figures = self._figures_of(item, profile)
        return out.Evidence(
            finding=item.finding, statement=item.text, weight=round(spoken.weight, 6), repeats=spoken.repeats,
            cluster=item.cluster, **figures,
        )  # fmt: skip

    def _figures_of(self, item: Item, profile: Profile) -> Figures:
        key = (item.key, profile.id, item.mask, item.band, item.state)
        if key not in self._figures:
            scaled = item.key.startswith("scale:")
            self._figures[key] = self._of_scale(item, profile) if scaled else self._of_finding(item, profile)
        return self._figures[key]

    def _of_scale(self, item: Item, profile: Profile) -> Figures:
        """The share of the patient's bins in this cause and at large; of age, within the band of the prior."""
        table = self.ranker.table
        scale, cell = self.base.scale[item.finding], table.spread(item.finding, profile)
        assert cell is not None, "a scale speaks only for profiles that spread over it"
        where = _bins(scale.bins, item.mask)
        if item.band and item.band != (1 << len(scale.bins)) - 1:
            where += f" among {_bins(scale.bins, item.band)}"
        ours = table.share(cell.shares, item.mask, item.band)
        theirs = table.share(table.scale_backgrounds[item.finding], item.mask, item.band)
        text = "shaped by sourced figures" if cell.basis == "sourced" else "estimate"
        sources = self.keys(statement.source for statement in cell.statements)
        figure = f"{text}, bin {where} (used as {ours:.4g})"
        background = f"{theirs:.4g} (computed from the spread of each cause)"
        return _figures(figure, background, cell.basis, cell.statements, sources)

    def _of_finding(self, item: Item, profile: Profile) -> Figures:
        """How many have the finding, with this cause and at large; of one that is denied, with its name before it,
        since the figures are of those who have it."""
        table, finding = self.ranker.table, item.finding
        cell, background = table.cell(finding, profile), table.backgrounds.get(finding)
        assert cell is not None, "a finding speaks only for profiles that have a cell"
        rate = cell.rate
        if rate.basis == "ratio" or background is None:
            return _figures(rate.text, "published ratio", rate.basis, rate.statements, self.keys(rate.sources))
        whose = "" if item.state else f"{self.base.finding[finding].name}: "
        text = f"{whose}{rate.text} (used as {rate.value:.3g})"
        keys = self.keys((*rate.sources, *background.sources))
        at_large = f"{background.value:.3g} ({background.text})"
        return _figures(text, at_large, rate.basis, rate.statements, keys)

    def _criterion(self, statement: Statement) -> out.Criterion:
        assert statement.criterion is not None
        return out.Criterion(
            kind=statement.criterion,
            statement=statement.id,
            reason=statement.reason,
            sources=self.keys((statement.source,)),
        )

    # -- what is missing, drugs, kinds -------------------------------------------------------------------

    def _missing(self, cause: str, inference: Inference) -> tuple[str, ...]:
        """Findings not known that would move this cause most."""
        unknown = (name for name in self._most_telling(cause) if name not in inference.presence)
        return tuple(self.base.finding[name].name for name in unknown)[:MISSING_SHOWN]

    def _most_telling(self, cause: str) -> list[str]:
        if cause not in self._telling:
            cells = [
                (name, speakers[cause])
                for name, speakers in self.ranker.table.cells.items()
                if cause in speakers and name in self.base.finding and name not in self.base.conclusions
            ]
            cells.sort(key=lambda pair: (-(max(pair[1].present, 0) - min(pair[1].absent, 0)), pair[0]))
            self._telling[cause] = [name for name, _ in cells[:TELLING_KEPT]]
        return self._telling[cause]

    def _drugs(self, cause: Cause, known: Findings) -> tuple[out.DrugNote, ...]:
        """The drugs that bear on a cause: rated culprits for the idiosyncratic one, those that are ruled out
        by their timing behind them; for others the drugs that are their exposure."""
        if cause.id == self.base.parameter("culprit_cause"):
            rated = self.ranker.criteria.culprits(known.exposures)
        else:
            wanted = set(self.base.parameter("exposure_causes").get(cause.id, ()))
            rated = [(exposure, 0.0) for exposure in known.exposures if wanted & set(exposure.findings)]
        return tuple(self._drug(exposure, weight) for exposure, weight in rated)

    def _drug(self, exposure: Exposure, weight: float) -> out.DrugNote:
        drug, latency = exposure.drug, exposure.latency
        window = f"{latency.from_days or 0:g} to {latency.to_days:g} days" if latency and latency.to_days else None
        keys = [fact.source for fact in drug.evidence] + [entry.source for entry in drug.incidence]
        return out.DrugNote(
            drug=drug.id, name=drug.name, grade=grade(exposure), timing=exposure.timing, weight=round(weight, 6),
            days_before=exposure.days_before, latency=window, incidence=tuple(fact.text for fact in drug.incidence),
            sources=self.keys([*keys, *([latency.source] if latency else [])]),
        )  # fmt: skip

    def _kinds(self, standing: Standing) -> tuple[out.VariantNote, ...]:
        """The kinds of the cause, the one that fits best first, with which part of its weight each makes up."""
        kinds = self.ranker.kinds(standing)
        likelihoods = [10 ** ((kind.share + kind.weight) / 10) for kind in kinds]
        notes = []
        for kind, likelihood in zip(kinds, likelihoods, strict=True):
            variant = kind.profile.kind
            source = variant.share.source if variant and variant.share else None
            notes.append(out.VariantNote(
                id=kind.profile.id, name=variant.name if variant else OTHER_KINDS,
                share=round(10 ** (kind.share / 10), 6), weight=round(kind.weight, 6),
                part=round(likelihood / sum(likelihoods), 6), sources=self.keys((source,)),
            ))  # fmt: skip
        return tuple(sorted(notes, key=lambda note: (-note.part, note.id)))

    # -- sources ----------------------------------------------------------------------------------------------

    def keys(self, keys: Iterable[str | None]) -> tuple[str, ...]:
        """Source keys as they stand in the bibliography (merged keys resolved), without repeats."""
        index = self.base.reference
        return tuple(dict.fromkeys(index[key].id if key in index else key for key in keys if key))

    def cited(self, candidates: Iterable[out.Candidate], others: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """CSL fields of every source that the answer names."""
        keys = {key for part in others for key in part.sources}
        for candidate in candidates:
            keys.update(candidate.prior.sources)
            parts: tuple[Any, ...] = (
                *candidate.supports, *candidate.against, *candidate.adjustments,
                *candidate.criteria, *candidate.drugs, *candidate.variants,
            )  # fmt: skip
            for part in parts:
                keys.update(part.sources)
        return {key: self._entry(key) for key in sorted(keys) if key in self.base.reference}

    def _entry(self, key: str) -> dict[str, Any]:
        if key not in self._csl:
            self._csl[key] = self.base.reference[key].model_dump(mode="json", by_alias=True, exclude_none=True)
        return self._csl[key]


def _bins(names: Sequence[str], mask: int) -> str:
    named = [name for i, name in enumerate(names) if mask >> i & 1]
    return named[0] if len(named) == 1 else f"{named[0]} to {named[-1]}"


def _figures(
    figure: str, background: str, basis: Basis, statements: Sequence[Statement], sources: tuple[str, ...]
) -> Figures:
    """With the ids of the statements, and of whom they speak, without repeats."""
    return {
        "figure": figure, "background": background, "basis": basis, "statements": tuple(s.id for s in statements),
        "population": tuple(dict.fromkeys(s.population for s in statements if s.population)), "sources": sources,
    }  # fmt: skip
