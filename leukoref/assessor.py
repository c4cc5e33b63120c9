"""From a patient to an Assessment: findings, inference, ranking, put together once and in order."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from leukoref import assessment as out
from leukoref.engine.durable import DurableEngine, Inference
from leukoref.explainer import Explainer
from leukoref.findings import resolve
from leukoref.grounds import Grounds
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.known import Findings
from leukoref.next_tests import NextTests
from leukoref.patient import Patient, case_input
from leukoref.ranking import Ranker, Standing
from leukoref.version import LIBRARY_VERSION

LOW_COUNT = "low_white_cell_count"
LEUKOPENIA = "leukopenia"
IN_QUESTION = "low_count_in_question"
ASSUMED = "no white cell count is known: the causes are listed as if it were low"
SHOWN = 6
"""Digits of a weight after the point, in answers."""


class Assessor:
    """One knowledge base made ready: rules compiled, weights computed. Safe to share between threads."""

    def __init__(self, base: Knowledge) -> None:
        self.base = base
        self.engine = DurableEngine(base)
        self.ranker = Ranker(base)
        self.tests = NextTests(base, self.ranker.table)
        self.explainer = Explainer(base, self.ranker)
        self._grounds = Grounds(base, self.engine.rules)
        self._bands = base.parameter("bands")
        self._notices = {
            ranked: tuple(
                out.Notice(id=d.id, text=d.text, sources=self.explainer.keys(source.key for source in d.sources))
                for d in base.disclaimers
                if ranked or d.when == "always"
            )
            for ranked in (True, False)
        }
        grades = base.parameter("severity_grades")
        rules = [rule for rule in base.derived if rule.finding in grades and rule.source]
        self._graded = {rule.finding: rule.source for rule in reversed(rules)}  # the source of the first rule
        self._provenance = out.ProvenanceNote(
            version=LIBRARY_VERSION, knowledge_version=base.version, knowledge_hash=base.content_hash,
            knowledge_review=base.reviewed, overrides=base.overrides,
        )  # fmt: skip

    def assess(self, patient: Patient | Mapping[str, Any]) -> out.Assessment:
        """The assessment of one patient. Raises InputError for input that cannot be read as meant."""
        if not isinstance(patient, Patient):
            patient = Patient.parse(case_input(dict(patient)) if isinstance(patient, Mapping) else patient)
        known = resolve(patient, self.base)
        inference = self.engine.infer(known)
        status = self._status(inference)
        ranked = self.is_ranked(status, inference.presence.get(IN_QUESTION))
        standings = self.ranker.rank(known, inference, patient.setting) if ranked else []
        candidates = self._candidates(standings, known, inference)
        fixed: dict[str, Any] = {
            "status": status,
            "candidates": candidates,
            "excluded": tuple(self._excluded(standing) for standing in standings if standing.excluded),
            "red_flags": self._red_flags(known, inference),
            "severity": self._severity(inference),
            "to_add": self._to_add(status, known),
            "warnings": self._warnings(known, inference, patient.setting, assumed=ranked and status != "leukopenia"),
            "unrecognized": tuple(sorted(known.unrecognized, key=str)),
            "unused": tuple(sorted({*known.unused, *self._grounds.unused(known, inference)})),
            "disclaimers": self._notices[bool(candidates)],
            "provenance": self._provenance,
        }

        def pending() -> dict[str, Any]:
            tests = self._next_tests(standings, inference)
            others = (*fixed["excluded"], *fixed["red_flags"], fixed["severity"], *fixed["disclaimers"], *tests)
            return {"next_tests": tests, "sources": self.explainer.cited(candidates, others)}

        return out.Assessment.deferred(pending, **fixed)

    # -- status, severity, red flags --------------------------------------------------------------------

    @staticmethod
    def _status(inference: Inference) -> out.Status:
        """Low when any line is known to be low. A white cell count known not to be low is enough to say there
        is none: that a line not counted might be low is no reason to list causes."""
        if inference.presence.get(LOW_COUNT):
            return "leukopenia"
        normal = inference.presence.get(LOW_COUNT) is False or inference.presence.get(LEUKOPENIA) is False
        return "no_leukopenia" if normal else "insufficient_data"

    @staticmethod
    def is_ranked(status: out.Status, in_question: bool | None) -> bool:
        """Whether causes are listed: for a low count, and for an unknown one where blood formation is known to fail."""
        return status == "leukopenia" or (status == "insufficient_data" and bool(in_question))

    def _to_add(self, status: out.Status, known: Findings) -> tuple[str, ...]:
        if status != "insufficient_data":
            return ()
        needed = self.base.parameter("needed_findings")
        return tuple(self.base.finding[name].name for name in needed if name not in known.quantities)

    def _severity(self, inference: Inference) -> out.Severity:
        """The worst grade that holds, and the course, as named in `weighing.yaml`."""
        grades = self.base.parameter("severity_grades")
        worst = next((name for name in grades if inference.presence.get(name)), None)
        chronic = inference.presence.get(self.base.parameter("chronic_finding"))
        course = {True: "chronic", False: "not chronic", None: None}[chronic]
        name, source = (self.base.finding[worst].name, self._graded.get(worst)) if worst else (None, None)
        return out.Severity(neutropenia=name, course=course, sources=self.explainer.keys((source,)))

    def _red_flags(self, known: Findings, inference: Inference) -> tuple[out.RedFlagRaised, ...]:
        return tuple(
            out.RedFlagRaised(
                id=flag.id, name=flag.name, action=flag.action, threshold=flag.threshold,
                because=self._grounds.of(flag.id, known, inference),
                sources=self.explainer.keys(source.key for source in flag.sources),
            )
            for flag in self.base.red_flags
            if flag.id in inference.red_flags
        )  # fmt: skip

    def _warnings(
        self, known: Findings, inference: Inference, setting: str | None, *, assumed: bool
    ) -> tuple[str, ...]:
        pretest = self.ranker.table.pretest
        unknown = [] if pretest.knows(setting or "") else [
            f"setting {setting!r}: no prevalences for it, so those of all settings are used; there are some for "
            f"{', '.join(sorted(set(pretest.settings.values()) - {'unspecified'}))}"
        ]  # fmt: skip
        clashes = [
            f"{self.base.finding[name].name}: findings contradict each other; it is taken as unknown"
            for name in sorted(inference.conflicts)
            if name in self.base.finding
        ]
        contradicted = self._grounds.contradicted(known, inference)
        return (*((ASSUMED,) if assumed else ()), *unknown, *sorted({*known.warnings, *contradicted}), *clashes)

    # -- candidates ---------------------------------------------------------------------------------------

    def _candidates(
        self, standings: list[Standing], known: Findings, inference: Inference
    ) -> tuple[out.Candidate, ...]:
        open_ = (standing for standing in standings if not standing.excluded)
        return tuple(
            out.Candidate.deferred(
                self.explainer.pending(standing, known, inference),
                rank=rank,
                cause=standing.cause.id,
                name=standing.cause.name,
                mechanisms=standing.cause.mechanisms,
                weight=round(standing.weight, SHOWN),
                score=round(standing.score, SHOWN),
                band=self._band(standing),
            )
            for rank, standing in enumerate(open_, 1)
        )

    def _band(self, standing: Standing) -> out.Band:
        if standing.settled:
            return "established"
        bands = self._bands
        weight = round(standing.weight, SHOWN)  # as shown, so that the last bits of a sum decide nothing
        if weight >= bands["strong"]:
            return "strong"
        if weight >= bands["moderate"]:
            return "moderate"
        return "weak" if weight > bands["against"] else "against"

    def _excluded(self, standing: Standing) -> out.Excluded:
        return out.Excluded(
            cause=standing.cause.id,
            name=standing.cause.name,
            reason="; ".join(statement.reason for statement in standing.excluded),
            sources=self.explainer.keys(statement.source for statement in standing.excluded),
        )

    def _next_tests(self, standings: list[Standing], inference: Inference) -> tuple[out.NextTest, ...]:
        if not standings:
            return ()
        return tuple(
            out.NextTest(
                test=step.test,
                name=self.base.test[step.test].name if step.test in self.base.test else step.test,
                expected_information=step.information,
                look_for=tuple(self.base.finding[name].name for name in step.look_for),
                advised=tuple(f"{cause}: {'; '.join(e.text for e in said)}" for cause, said in step.advised.items()),
                sources=self.explainer.keys(entry.source for said in step.advised.values() for entry in said),
            )
            for step in self.tests.proposed(standings, inference)
        )


@lru_cache(maxsize=1)
def _packaged() -> Assessor:
    return Assessor(load_knowledge())


_own: dict[str, Assessor] = {}
_lock = threading.Lock()


def assessor(knowledge: Knowledge | None = None) -> Assessor:
    """The assessor of a knowledge base (the packaged one by default), built once."""
    with _lock:
        if knowledge is None:
            return _packaged()
        if knowledge.content_hash not in _own:
            _own[knowledge.content_hash] = Assessor(knowledge)
        return _own[knowledge.content_hash]
