"""From a patient to an Assessment: findings, inference, ranking, put together once and in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from leukoref import assessment as out
from leukoref.engine.durable import DurableEngine, Inference
from leukoref.findings import Findings, resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.cause import Statement
from leukoref.knowledge.evidence import Rate, decibans
from leukoref.knowledge.loader import load_knowledge
from leukoref.patient import Patient, case_input
from leukoref.ranking import Item, Ranker, Standing, grade

LOW_COUNT = "low_white_cell_count"
MISSING_SHOWN = 5

try:
    LIBRARY_VERSION = version("leukoref")
except PackageNotFoundError:  # run from a source tree that was never installed
    LIBRARY_VERSION = "0"


class Assessor:
    """One knowledge base made ready: rules compiled, weights computed. Safe to share between threads."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base
        self.engine = DurableEngine(base)
        self.ranker = Ranker(base)

    def assess(self, patient: Patient | Mapping[str, Any]) -> out.Assessment:
        """The assessment of one patient. Raises InputError for input that cannot be read as meant."""
        if not isinstance(patient, Patient):
            patient = Patient.parse(case_input(dict(patient)))
        known = resolve(patient, self.base)
        inference = self.engine.infer(known)
        status = self._status(inference)
        standings = self.ranker.rank(known, inference, patient.setting) if status == "leukopenia" else []
        candidates, excluded = self._candidates(standings, known, inference)
        red_flags = self._red_flags(inference)
        severity = self._severity(known, inference)
        tests = self._next_tests(standings, inference) if standings else ()
        disclaimers = self._disclaimers(bool(candidates))
        return out.Assessment.model_construct(
            status=status,
            candidates=candidates,
            excluded=excluded,
            red_flags=red_flags,
            next_tests=tests,
            severity=severity,
            to_add=self._to_add(status),
            warnings=self._warnings(known, inference),
            unrecognized=tuple(sorted(known.unrecognized, key=str)),
            unused=tuple(sorted(known.unused)),
            disclaimers=disclaimers,
            sources=self._cited(candidates, (*excluded, *red_flags, severity, *disclaimers)),
            provenance=self._provenance,
        )

    # -- status, severity, red flags --------------------------------------------------------------------

    @staticmethod
    def _status(inference: Inference) -> out.Status:
        low = inference.presence.get(LOW_COUNT)
        if low is None:
            return "insufficient_data"
        return "leukopenia" if low else "no_leukopenia"

    def _to_add(self, status: out.Status) -> tuple[str, ...]:
        if status != "insufficient_data":
            return ()
        wanted = self.base.parameter("needed_findings")
        return tuple(self.base.finding[name].name for name in wanted if name in self.base.finding)

    def _severity(self, known: Findings, inference: Inference) -> out.Severity:
        """The worst grade that holds, and the course, as named in `weighing.yaml`."""
        grades = self.base.parameter("severity_grades")
        worst = next((name for name in grades if inference.presence.get(name)), None)
        chronic = inference.presence.get(self.base.parameter("chronic_finding"))
        course = {True: "chronic", False: "not chronic", None: None}[chronic]
        source = next((rule.source for rule in self.base.derived if rule.finding == worst and rule.source), None)
        return out.Severity(
            neutropenia=self.base.finding[worst].name if worst else None, course=course, sources=self._keys((source,))
        )

    def _red_flags(self, inference: Inference) -> tuple[out.RedFlagRaised, ...]:
        return tuple(
            out.RedFlagRaised(
                id=flag.id, name=flag.name, action=flag.action, threshold=flag.threshold,
                sources=self._keys(source.key for source in flag.sources),
            )
            for flag in self.base.red_flags
            if flag.id in inference.red_flags
        )  # fmt: skip

    def _warnings(self, known: Findings, inference: Inference) -> tuple[str, ...]:
        clashes = [
            f"{self.base.finding[name].name}: findings contradict each other; it is taken as unknown"
            for name in sorted(inference.conflicts)
            if name in self.base.finding
        ]
        return (*sorted(known.warnings), *clashes)

    # -- candidates ---------------------------------------------------------------------------------------

    def _candidates(
        self, standings: list[Standing], known: Findings, inference: Inference
    ) -> tuple[tuple[out.Candidate, ...], tuple[out.Excluded, ...]]:
        candidates: list[out.Candidate] = []
        excluded: list[out.Excluded] = []
        for standing in standings:
            if standing.excluded:
                excluded.append(
                    out.Excluded(
                        cause=standing.cause.id,
                        name=standing.cause.name,
                        reason="; ".join(statement.reason for statement in standing.excluded),
                        sources=self._keys(statement.source for statement in standing.excluded),
                    )
                )
            else:
                candidates.append(self._candidate(len(candidates) + 1, standing, known, inference))
        return tuple(candidates), tuple(excluded)

    def _candidate(self, rank: int, standing: Standing, known: Findings, inference: Inference) -> out.Candidate:
        evidence = [self._evidence(item, weight, speaks, standing) for item, weight, speaks in standing.items]
        evidence.sort(key=lambda entry: (not entry.counted, -abs(entry.weight), entry.finding))
        counted = [entry for entry in evidence if entry.counted]
        total = sum(abs(entry.weight) for entry in counted)
        sourced = sum(abs(entry.weight) for entry in counted if entry.basis != "estimate")
        return out.Candidate.model_construct(
            rank=rank,
            cause=standing.cause.id,
            name=standing.cause.name,
            mechanisms=standing.cause.mechanisms,
            weight=round(standing.weight, 6),
            score=round(standing.score, 6),
            band=self._band(standing),
            prior=out.PriorShare.model_construct(
                share=standing.prior.value, weight=round(standing.prior_weight, 6), basis=standing.prior.basis,
                text=standing.prior.text, sources=self._keys(standing.prior.sources),
            ),
            supports=tuple(entry for entry in evidence if entry.weight > 0),
            against=tuple(entry for entry in evidence if entry.weight < 0),
            adjustments=tuple(
                out.Adjustment.model_construct(text=text, weight=round(weight, 6), sources=self._keys(sources))
                for text, weight, sources in standing.adjustments
            ),
            criteria=tuple(
                self._criterion(statement)
                for statement in (*standing.established, *standing.excluded, *standing.unmet)
            ),
            missing=self._missing(standing, inference),
            drugs=self._drugs(standing, known),
            variants=self._variants(standing, inference),
            sourced_share=round(sourced / total, 3) if total else 0.0,
        )  # fmt: skip

    def _band(self, standing: Standing) -> out.Band:
        if standing.established:
            return "established"
        bands = self.base.parameter("bands")
        if standing.weight >= bands["strong"]:
            return "strong"
        if standing.weight >= bands["moderate"]:
            return "moderate"
        return "weak" if standing.weight > bands["against"] else "against"

    def _criterion(self, statement: Statement) -> out.Criterion:
        assert statement.criterion is not None
        return out.Criterion(
            kind=statement.criterion, statement=statement.id, reason=statement.reason, sources=self._keys((statement.source,))
        )

    def _evidence(self, item: Item, weight: float, speaks: bool, standing: Standing) -> out.Evidence:
        figure, background, basis, statements, sources = self._figures(item, standing.cause.id)
        return out.Evidence.model_construct(
            finding=item.finding, statement=item.text, weight=round(weight, 6), counted=speaks, cluster=item.cluster,
            figure=figure, background=background, basis=basis,
            statements=tuple(statement.id for statement in statements),
            population=tuple(dict.fromkeys(s.population for s in statements if s.population)),
            sources=sources,
        )  # fmt: skip

    def _figures(self, item: Item, cause: str) -> tuple[str, str, str, tuple[Statement, ...], tuple[str, ...]]:
        """What a reader needs to recompute a weight: figure in the cause, background, and their sources."""
        key = (item.key, cause, item.mask)
        if key not in self._figure_cache:
            self._figure_cache[key] = self._compute_figures(item, cause)
        return self._figure_cache[key]

    @property
    def _figure_cache(self) -> dict[Any, Any]:
        return self.__dict__.setdefault("_figures_seen", {})

    def _compute_figures(self, item: Item, cause: str) -> tuple[str, str, str, tuple[Statement, ...], tuple[str, ...]]:
        table = self.ranker.table
        if item.key.startswith("scale:"):
            cell = table.spreads[item.finding][cause]
            bins = self.base.scale[item.finding].bins
            ours = ", ".join(f"{name} {share:.3g}" for name, share in zip(bins, cell.shares, strict=True))
            theirs = ", ".join(f"{n} {s:.3g}" for n, s in zip(bins, table.scale_backgrounds[item.finding], strict=True))
            sources = self._keys(s.source for s in cell.statements)
            return f"share of each bin: {ours}", theirs, cell.basis, cell.statements, sources
        found = table.cells[item.finding][cause]
        rate: Rate = found.rate
        background = table.backgrounds.get(item.finding)
        text = rate.text if rate.basis == "ratio" else f"{rate.text} (used as {rate.value:.3g})"
        shown = f"{background.value:.3g} ({background.text})" if background else "published ratio"
        keys = self._keys((*rate.sources, *(background.sources if background else ())))
        return text, shown, rate.basis, rate.statements, keys

    def _missing(self, standing: Standing, inference: Inference) -> tuple[str, ...]:
        """Findings not known that would move this cause most."""
        return tuple(
            self.base.finding[name].name
            for name in self._telling(standing.cause.id)
            if name not in inference.presence
        )[:MISSING_SHOWN]

    def _telling(self, cause: str) -> list[str]:
        cache: dict[str, list[str]] = self.__dict__.setdefault("_telling_seen", {})
        if cause not in cache:
            cells = [(name, speakers[cause]) for name, speakers in self.ranker.table.cells.items() if cause in speakers]
            cells = [(name, cell) for name, cell in cells if name in self.base.finding]
            cells.sort(key=lambda pair: (-(max(pair[1].present, 0) - min(pair[1].absent, 0)), pair[0]))
            cache[cause] = [name for name, _ in cells[:40]]
        return cache[cause]

    def _drugs(self, standing: Standing, known: Findings) -> tuple[out.DrugNote, ...]:
        """The drugs that bear on this cause: culprits for the idiosyncratic one, else those that set a
        finding it requires."""
        notes = []
        if standing.cause.id == self.base.parameter("culprit_cause"):
            ruled_out = [e for e in known.exposures if e.timing in ("started_after", "stopped_long_before") and e.drug.level]
            rated = self.ranker.culprits(known.exposures)
            late = [(e, 0.0) for e in ruled_out if e not in [exposure for exposure, _ in rated]]
            chosen = rated + late
        else:
            wanted = set(self.base.parameter("exposure_causes").get(standing.cause.id, ()))
            chosen = [(e, 0.0) for e in known.exposures if wanted & set(e.findings)]
        for exposure, weight in chosen:
            drug, latency = exposure.drug, exposure.latency
            window = f"{latency.from_days or 0:g} to {latency.to_days:g} days" if latency and latency.to_days else None
            facts = (*drug.evidence, *drug.incidence)
            keys = [fact.source for fact in facts] + ([latency.source] if latency else [])
            notes.append(
                out.DrugNote(
                    drug=drug.id, name=drug.name, grade=grade(exposure), timing=exposure.timing, weight=round(weight, 6),
                    days_before=exposure.days_before, latency=window,
                    incidence=tuple(fact.text for fact in drug.incidence), sources=self._keys(keys),
                )
            )  # fmt: skip
        return tuple(notes)

    def _variants(self, standing: Standing, inference: Inference) -> tuple[out.VariantNote, ...]:
        """Kinds of the cause that the findings favour, each against the mean of its siblings."""
        variants = standing.cause.variants
        if not variants:
            return ()
        known = [name for name in sorted(inference.presence) if name in self._variant_findings(standing.cause.id)]
        rates = {
            (variant.id, name): self._variant_rate(variant.statements, name) for variant in variants for name in known
        }
        notes = []
        for variant in variants:
            weight = 0.0
            for name in known:
                own = rates[variant.id, name]
                others = [rates[v.id, name] for v in variants if rates[v.id, name] is not None]
                if own is None or len(others) < 2:
                    continue
                mean = sum(value for value in others if value is not None) / len(others)
                state = inference.presence[name]
                weight += decibans(own / mean) if state else decibans((1 - own) / (1 - mean))
            keys = self._keys(s.source for s in variant.statements if s.finding in known)
            if keys:
                notes.append(out.VariantNote(id=variant.id, name=variant.name, weight=round(weight, 3), sources=keys))
        return tuple(sorted(notes, key=lambda note: (-note.weight, note.id)))

    def _variant_findings(self, cause: str) -> set[str]:
        return {s.finding for v in self.base.cause[cause].variants for s in v.statements if s.finding and s.frequency}

    def _variant_rate(self, statements: Iterable[Statement], finding: str) -> float | None:
        given = [s for s in statements if s.finding == finding and s.frequency and s.weighed]
        if not given:
            return None
        figures = [s.frequency for s in given if s.frequency]
        return self.ranker.table.pooled(figures, [s.state == "absent" for s in given])[0]

    # -- next tests, sources, provenance --------------------------------------------------------------------

    def _next_tests(self, standings: list[Standing], inference: Inference) -> tuple[out.NextTest, ...]:
        least = self.base.parameter("next_test_least_bits")
        return tuple(
            out.NextTest.model_construct(
                test=test,
                name=self.base.test[test].name if test in self.base.test else test,
                expected_information=gain,
                look_for=tuple(self.base.finding[name].name for name in names),
            )
            for test, gain, names in self.ranker.next_tests(standings, inference)[:8]
            if gain >= least
        )

    def _keys(self, keys: Iterable[str | None]) -> tuple[str, ...]:
        """Source keys as they stand in the bibliography (merged keys resolved), without repeats."""
        index = self.base.reference
        return tuple(dict.fromkeys(index[key].id if key in index else key for key in keys if key))

    def _cited(self, candidates: Iterable[out.Candidate], others: Iterable[Any]) -> dict[str, dict[str, Any]]:
        """CSL fields of every source that the answer names."""
        keys = {key for part in others for key in part.sources}
        for candidate in candidates:
            keys.update(candidate.prior.sources)
            for entry in (
                *candidate.supports, *candidate.against, *candidate.adjustments,
                *candidate.criteria, *candidate.drugs, *candidate.variants,
            ):  # fmt: skip
                keys.update(entry.sources)
        return {key: self._csl(key) for key in sorted(keys) if key in self.base.reference}

    def _csl(self, key: str) -> dict[str, Any]:
        cache: dict[str, dict[str, Any]] = self.__dict__.setdefault("_csl_seen", {})
        if key not in cache:
            cache[key] = self.base.reference[key].model_dump(mode="json", by_alias=True, exclude_none=True)
        return cache[key]

    def _disclaimers(self, ranked: bool) -> tuple[out.Notice, ...]:
        return tuple(
            out.Notice.model_construct(id=d.id, text=d.text, sources=self._keys(source.key for source in d.sources))
            for d in self.base.disclaimers
            if ranked or d.when == "always"
        )

    @property
    def _provenance(self) -> out.ProvenanceNote:
        return out.ProvenanceNote(
            version=LIBRARY_VERSION, knowledge_version=self.base.version, knowledge_hash=self.base.content_hash,
            knowledge_review=self.base.reviewed, overrides=self.base.overrides,
        )  # fmt: skip


@lru_cache(maxsize=4)
def _packaged() -> Assessor:
    return Assessor(load_knowledge())


_own: dict[str, Assessor] = {}


def assessor(knowledge: Knowledge | None = None) -> Assessor:
    """The assessor of a knowledge base (the packaged one by default), built once."""
    if knowledge is None:
        return _packaged()
    if knowledge.content_hash not in _own:
        _own[knowledge.content_hash] = Assessor(knowledge)
    return _own[knowledge.content_hash]


def assess(patient: Patient | Mapping[str, Any], *, knowledge: Knowledge | None = None) -> out.Assessment:
    """Candidate causes of a patient's low white cell count, ranked, with the evidence for and against each.

    ``patient`` is a Patient or a dict of its fields. Raises InputError naming the field when input cannot
    be read as meant (unit, range, contradiction). Supports a clinician's judgment; never replaces it.
    """
    return assessor(knowledge).assess(patient)
