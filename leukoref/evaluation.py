"""Accuracy on case files: where the published diagnosis ranks, beside baselines on the same cases.

A cause counts as found at rank k if it, or one of the case's `also_acceptable`, stands at k or above.
Cases are a yardstick: nothing in the base may be tuned to them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from leukoref.assessment import Assessment, Candidate
from leukoref.assessor import Assessor, assessor
from leukoref.errors import InputError
from leukoref.findings import resolve
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.coverage import Coverage, coverage
from leukoref.matching import match_name
from leukoref.patient import Patient, case_input, read_json
from leukoref.ranking import Ranker, Standing

Stage = Literal["presentation", "all"]
Z95 = 1.959964


class Case(BaseModel):
    """One published case: the patient as input, and the answer."""

    model_config = ConfigDict(frozen=True)
    id: str
    cause: str
    also_acceptable: tuple[str, ...]
    red_flags: tuple[str, ...] | None  # that should be raised; None where nobody has judged
    patient: Patient
    source: dict[str, Any]

    @classmethod
    def from_file(cls, path: Path, stage: Stage) -> Case:
        document = read_json(path)
        patient = case_input(document)
        if stage == "presentation":
            patient.pop("confirmation", None)
        return cls(
            id=document["id"], cause=document["cause"], also_acceptable=tuple(document.get("also_acceptable", ())),
            red_flags=document.get("red_flags"), patient=Patient.parse(patient), source=document.get("source", {}),
        )  # fmt: skip

    def rank_in(self, order: Sequence[str]) -> int | None:
        accepted = {self.cause, *self.also_acceptable}
        return next((i for i, cause in enumerate(order, 1) if cause in accepted), None)


class CaseResult(BaseModel):
    """Where the answer stood, what won, and what spoke for the winner against the answer."""

    id: str
    cause: str
    mechanism: str
    rank: int | None
    winner: str | None
    status: str
    red_flags: tuple[str, ...]
    expected_flags: tuple[str, ...] | None
    findings: int
    unrecognised: tuple[str, ...]
    why: tuple[str, ...] = ()


class Refused(BaseModel):
    """A case whose input was refused, and why: it counts as not found."""

    file: str
    error: str


class Figures(BaseModel):
    """Recall and rank over a set of cases, with 95 % intervals (Wilson; for the MRR, normal)."""

    name: str
    cases: int
    top1: float
    top3: float
    top5: float
    mrr: float
    intervals: dict[str, tuple[float, float]]


class FlagFigures(BaseModel):
    """Red flags over the cases for which somebody judged which should be raised."""

    cases: int
    expected: int
    raised: int
    missed: tuple[str, ...]
    beyond: tuple[str, ...]

    @classmethod
    def of(cls, results: Sequence[CaseResult]) -> FlagFigures:
        judged = [(r, set(r.expected_flags), set(r.red_flags)) for r in results if r.expected_flags is not None]
        return cls(
            cases=len(judged), expected=sum(len(due) for _, due, _ in judged),
            raised=sum(len(due & raised) for _, due, raised in judged),
            missed=tuple(f"{r.id}: {flag}" for r, due, raised in judged for flag in sorted(due - raised)),
            beyond=tuple(f"{r.id}: {flag}" for r, due, raised in judged for flag in sorted(raised - due)),
        )  # fmt: skip


class Check(BaseModel):
    """How the base does on one folder of cases, such as one kept apart from those it was developed with."""

    figures: Figures
    recognised: float
    red_flags: FlagFigures
    refused: tuple[Refused, ...] = ()


class Evaluation(Check):
    """The same of the main folder, case by case, with what it is compared with."""

    stage: str
    knowledge: str
    basis: Coverage
    baselines: tuple[Figures, ...]
    ablations: tuple[Figures, ...]
    mechanisms: tuple[Figures, ...]
    per_case: tuple[CaseResult, ...]
    confusions: tuple[tuple[str, str, int], ...]
    checks: tuple[Check, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        figures = self.figures
        return {
            "stage": self.stage, "cases": figures.cases, "top1": figures.top1, "top3": figures.top3,
            "top5": figures.top5, "mrr": figures.mrr, "recognised": self.recognised,
            "intervals": {key: list(value) for key, value in figures.intervals.items()},
            "red_flags": self.red_flags.model_dump(mode="json"),
            "per_case": [case.model_dump(mode="json") for case in self.per_case],
            "refused": [case.model_dump(mode="json") for case in self.refused],
            "baselines": [row.model_dump(mode="json") for row in self.baselines],
            "ablations": [row.model_dump(mode="json") for row in self.ablations],
            "mechanisms": [row.model_dump(mode="json") for row in self.mechanisms],
            "confusions": [list(row) for row in self.confusions],
            "checks": [check.model_dump(mode="json") for check in self.checks],
        }  # fmt: skip

    def render(self) -> str:
        from leukoref.render.evaluation import render

        return render(self)

    def report(self) -> str:
        """The same as a page of its own, with what it does and does not show."""
        from leukoref.render.evaluation import report

        return report(self, self.basis)


def load_cases(folder: Path, stage: Stage, base: Knowledge) -> tuple[list[Case], list[Refused]]:
    """The case files of a folder, by name: those that can be read, and what is wrong with the others."""
    cases, refused = [], []
    for path in sorted(folder.glob("*.json")):
        try:
            case = Case.from_file(path, stage)
            resolve(case.patient, base)
        except InputError as error:
            refused.append(Refused(file=path.name, error=str(error)))
        else:
            cases.append(case)
    return cases, refused


def evaluate(
    folder: Path, stage: Stage = "presentation", base: Knowledge | None = None, checks: Sequence[Path] = ()
) -> Evaluation:
    """Rank every case and summarise; baselines and ablations on the same cases; ``checks`` are folders of cases
    that were kept apart."""
    chosen = assessor(base)
    cases, results, check = _check(folder, stage, chosen, "leukoref")
    confusions = Counter((r.cause, r.winner or "none") for r in results if r.rank != 1)
    groups: dict[str, list[int | None]] = {}
    for result in results:
        groups.setdefault(result.mechanism, []).append(result.rank)
    return Evaluation(
        **dict(check),
        stage=stage,
        basis=coverage(chosen.base),
        knowledge=f"{chosen.base.version}, {chosen.base.content_hash[:12]}",
        baselines=tuple(_baselines(cases, chosen)),
        ablations=tuple(_ablations(cases, chosen)),
        mechanisms=tuple(summarise(name, ranks) for name, ranks in sorted(groups.items())),
        per_case=tuple(results),
        confusions=tuple((cause, winner, n) for (cause, winner), n in confusions.most_common()),
        checks=tuple(_check(part, stage, chosen, part.name)[2] for part in checks),
    )


def _recognised(results: Sequence[CaseResult]) -> float:
    """The share of findings and medications that were understood."""
    total = sum(result.findings for result in results)
    return 1 - sum(len(result.unrecognised) for result in results) / total if total else 0.0


def _check(folder: Path, stage: Stage, chosen: Assessor, name: str) -> tuple[list[Case], list[CaseResult], Check]:
    """The cases of a folder, what became of each, and the sum of it; a case that was refused counts as not found."""
    cases, refused = load_cases(folder, stage, chosen.base)
    results = [_result(case, chosen) for case in cases]
    check = Check(
        figures=summarise(name, [*(r.rank for r in results), *(None for _ in refused)]),
        recognised=_recognised(results),
        red_flags=FlagFigures.of(results),
        refused=tuple(refused),
    )
    return cases, results, check


def _result(case: Case, chosen: Assessor) -> CaseResult:
    answer = chosen.assess(case.patient)
    order = [candidate.cause for candidate in answer.candidates]
    rank = case.rank_in(order)
    known = chosen.base.cause.get(case.cause)
    return CaseResult(
        id=case.id, cause=case.cause, mechanism=known.mechanisms[0] if known else "unknown", rank=rank,
        winner=order[0] if order else None, status=answer.status, red_flags=tuple(f.id for f in answer.red_flags),
        expected_flags=case.red_flags,
        findings=len(case.patient.observations) + len(case.patient.medications),
        unrecognised=tuple(str(e.get("finding", e.get("medication"))) for e in answer.unrecognized),
        why=_why(answer, rank) if rank and rank > 1 else (),
    )  # fmt: skip


def _why(answer: Assessment, rank: int) -> tuple[str, ...]:
    """What put the winner above the answer: the findings with the largest difference of weight."""
    winner, truth = answer.candidates[0], answer.candidates[rank - 1]
    ours, theirs = _weights(truth), _weights(winner)
    gaps = {name: theirs.get(name, 0.0) - ours.get(name, 0.0) for name in {*ours, *theirs}}
    gaps["prior"] = winner.prior.weight - truth.prior.weight
    largest = sorted(gaps.items(), key=lambda pair: (-abs(pair[1]), pair[0]))[:6]
    return tuple(f"{name} {gap:+.1f} dB" for name, gap in largest)


def _weights(candidate: Candidate) -> dict[str, float]:
    found = {e.statement: e.weight for e in (*candidate.supports, *candidate.against)}
    return {**found, **{entry.text: entry.weight for entry in candidate.adjustments}}


def summarise(name: str, ranks: Sequence[int | None]) -> Figures:
    """Recall at 1, 3, 5 and mean reciprocal rank (0 when absent)."""
    count = len(ranks)
    if not count:
        return Figures(name=name, cases=0, top1=0, top3=0, top5=0, mrr=0, intervals={})
    hits = {k: sum(1 for rank in ranks if rank and rank <= k) for k in (1, 3, 5)}
    reciprocal = [1 / rank if rank else 0.0 for rank in ranks]
    mrr = sum(reciprocal) / count
    spread = math.sqrt(sum((value - mrr) ** 2 for value in reciprocal) / max(count - 1, 1) / count)
    intervals = {f"top{k}": wilson(hit, count) for k, hit in hits.items()}
    intervals["mrr"] = (max(0.0, mrr - Z95 * spread), min(1.0, mrr + Z95 * spread))
    return Figures(
        name=name,
        cases=count,
        top1=hits[1] / count,
        top3=hits[3] / count,
        top5=hits[5] / count,
        mrr=mrr,
        intervals=intervals,
    )


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson score interval (95 %) of a proportion."""
    p, z2 = hits / count, Z95**2
    centre = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = Z95 * math.sqrt(p * (1 - p) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    return max(0.0, centre - half), min(1.0, centre + half)


# -- baselines and ablations ----------------------------------------------------------------------------


def _baselines(cases: Sequence[Case], chosen: Assessor) -> list[Figures]:
    rows = [
        _order_figures("prior only", cases, chosen, lambda s: s.prior_weight),
        _order_figures(
            "count of supporting findings",
            cases,
            chosen,
            lambda s: sum(spoken.weight > 0 for spoken in chosen.ranker.spoken(s)),
        ),
    ]
    similarity = _hpo_similarity(cases, chosen.base)
    return rows + ([similarity] if similarity else [])


def _order_figures(
    name: str, cases: Sequence[Case], chosen: Assessor, score: Callable[[Standing], float], ranker: Ranker | None = None
) -> Figures:
    ranks = []
    for case in cases:
        known = resolve(case.patient, chosen.base)
        inference = chosen.engine.infer(known)
        standings = (ranker or chosen.ranker).rank(known, inference, case.patient.setting)
        order = sorted(standings, key=lambda s: (-score(s), s.cause.id))
        ranks.append(case.rank_in([standing.cause.id for standing in order]))
    return summarise(name, ranks)


def _ablations(cases: Sequence[Case], chosen: Assessor) -> list[Figures]:
    variants = {
        "no priors": {"priors": False},
        "no negatives": {"negatives": False},
        "no clusters": {"clusters": False},
        "no kinds of a cause": {"kinds": False},
    }
    return [
        _order_figures(name, cases, chosen, lambda s: s.score, Ranker(chosen.base, **options))
        for name, options in variants.items()
    ]


def _hpo_similarity(cases: Sequence[Case], base: Knowledge) -> Figures | None:
    """Resnik best-match average (pyhpo) between a case's HPO terms and the terms frequent in each cause;
    None when pyhpo is not installed (it is a development extra)."""
    try:
        from pyhpo import HPOSet, Ontology
    except ImportError:
        return None
    if not hasattr(Ontology, "_map"):  # loaded once in a process
        Ontology()

    def terms(codes: set[str]) -> Any:
        return HPOSet.from_queries([code for code in sorted(codes) if code in valid]) if codes & valid else None

    valid = {term.id for term in Ontology}
    profiles = {}
    for cause in base.causes:
        codes: set[str] = set()
        for block in cause.estimates:
            for name, value in block.cells.items():
                if isinstance(value, float) and value >= 0.3 and name in base.finding:
                    codes |= set(base.finding[name].codes.hpo[:1])
        for statement in cause.statements:
            if statement.finding in base.finding and statement.frequency:
                codes |= set(base.finding[statement.finding].codes.hpo[:1])
        profiles[cause.id] = terms(codes)
    ranks = []
    for case in cases:
        own: set[str] = set()
        for observation in case.patient.observations:
            match = match_name(observation.finding, None, base) if observation.present else None
            if match and match.finding:
                own |= set(base.finding[match.finding].codes.hpo[:1])
        mine = terms(own)
        scores = {
            cause: mine.similarity(profile, kind="omim", method="resnik")
            if mine is not None and profile is not None
            else 0.0
            for cause, profile in profiles.items()
        }
        ranks.append(case.rank_in(sorted(scores, key=lambda cause: (-scores[cause], cause))))
    return summarise("HPO similarity (Resnik)", ranks)
