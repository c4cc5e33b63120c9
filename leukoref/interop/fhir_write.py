"""An Assessment as an R4 Bundle: what a record system can file, show and trace to the resources it came from.

GuidanceResponse (the answer and what would help), ClinicalImpression (the ranked candidates, left in progress for
a clinician to complete), DetectedIssue (one a red flag), RequestGroup (next tests), OperationOutcome (warnings).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from leukoref.assessment import Assessment, Candidate, Evidence, NextTest, RedFlagRaised
from leukoref.interop.fhir_codes import READ, URIS
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.names import normalise
from leukoref.render.citations import link, plain, reference, signed

if TYPE_CHECKING:
    from leukoref.interop.fhir import FhirReading

Resource = dict[str, Any]
MODULE = "urn:leukoref:low-white-cell-count"
RELATED_ARTIFACT = "http://hl7.org/fhir/StructureDefinition/workflow-relatedArtifact"
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, MODULE)
STATUS = {"leukopenia": "success", "no_leukopenia": "success", "insufficient_data": "data-required"}


class AnswerWriter:
    """Writes one assessment; ids follow from its content, so the same answer is the same Bundle."""

    def __init__(self, assessment: Assessment, reading: FhirReading | None, base: Knowledge, top: int) -> None:
        self.assessment = assessment
        self.reading = reading
        self.base = base
        self.candidates = assessment.candidates[:top]
        self.seed = assessment.to_json(indent=None) + (reading.subject if reading else "")
        self.used: dict[str, None] = {}

    def bundle(self) -> Resource:
        impression = self._impression() if self.assessment.candidates else None
        issues = [self._issue(flag) for flag in self.assessment.red_flags]
        requests = self._requests() if self.assessment.next_tests else None
        outcome = self._outcome()
        guidance = self._guidance(requests, outcome, impression, issues)
        resources = [guidance, impression, *issues, requests, outcome]
        bundle: Resource = {
            "resourceType": "Bundle",
            "id": self._id("bundle"),
            "type": "collection",
            "entry": [{"fullUrl": _urn(r), "resource": r} for r in resources if r is not None],
        }
        if self.reading and self.reading.as_of:
            bundle["timestamp"] = self.reading.as_of.isoformat()
        return bundle

    # -- the parts --------------------------------------------------------------------------------------------

    def _guidance(
        self, requests: Resource | None, outcome: Resource, impression: Resource | None, issues: list[Resource]
    ) -> Resource:
        provenance = self.assessment.provenance
        resource: Resource = {
            "resourceType": "GuidanceResponse",
            "id": self._id("guidance"),
            "moduleUri": f"{MODULE}:{provenance.knowledge_version}",
            "status": STATUS[self.assessment.status],
            "evaluationMessage": [{"reference": _urn(outcome)}],
            "note": [{"text": notice.text} for notice in self.assessment.disclaimers],
        }
        self._about(resource, "subject", "occurrenceDateTime")
        if self.used:
            resource["reasonReference"] = [_pointer(reference) for reference in self.used]
        if requests is not None:
            resource["result"] = {"reference": _urn(requests)}
        parts = [part for part in (impression, *issues) if part is not None]
        if parts:  # GuidanceResponse has no place of its own for them
            resource["extension"] = [
                {"url": f"{MODULE}:part", "valueReference": {"reference": _urn(part)}} for part in parts
            ]
        needed = list(self._data_requirements())
        if needed:
            resource["dataRequirement"] = needed
        return resource if resource["note"] else {k: v for k, v in resource.items() if k != "note"}

    def _impression(self) -> Resource:
        resource: Resource = {
            "resourceType": "ClinicalImpression",
            "id": self._id("impression"),
            "status": "in-progress",
            "code": {"text": "Candidate causes of a low white cell count, ranked"},
            "description": "Possibilities with their evidence, for a clinician to judge; weights are no probabilities.",
            "finding": [self._finding(candidate) for candidate in self.candidates],
            "protocol": [MODULE],
        }
        self._about(resource, "subject", "effectiveDateTime")
        if self.used:
            resource["supportingInfo"] = [_pointer(reference) for reference in self.used]
        return resource

    def _finding(self, candidate: Candidate) -> Resource:
        basis = [f"{candidate.rank}. {candidate.band}, weight {signed(candidate.weight)} decibans"]
        for words, evidence in (("for", candidate.supports), ("against", candidate.against)):
            counted = [f"{plain(e.statement)} ({signed(e.weight)})" for e in evidence if not e.repeats]
            if counted:
                basis.append(f"{words}: {', '.join(counted)}")
        if candidate.missing:
            basis.append(f"missing: {', '.join(candidate.missing)}")
        concept: Resource = {"text": candidate.name}
        cause = self.base.cause.get(candidate.cause)
        codings = [coding(code) for code in cause.codes.qualified()] if cause is not None else []
        if codings:
            concept["coding"] = codings
        keys = [key for e in (*candidate.supports, *candidate.against) if not e.repeats for key in e.sources]
        resource: Resource = {"itemCodeableConcept": concept, "basis": "; ".join(basis)}
        for evidence_of in (candidate.supports, candidate.against):
            self._note_evidence(evidence_of)
        if artifacts := self._artifacts(keys):
            resource["extension"] = artifacts
        return resource

    def _issue(self, flag: RedFlagRaised) -> Resource:
        resource: Resource = {
            "resourceType": "DetectedIssue",
            "id": self._id(f"issue {flag.id}"),
            "status": "preliminary",
            "severity": "high",
            "code": {"text": flag.name},
            "detail": f"Raised by {plain(', '.join(flag.because))}. {flag.threshold.strip()} {flag.action.strip()}",
        }
        self._about(resource, "patient", "identifiedDateTime")
        red_flag = next((entry for entry in self.base.red_flags if entry.id == flag.id), None)
        findings = _findings_of(red_flag.when.model_dump()) if red_flag is not None else ()
        if references := [reference for name in findings for reference in self._references(name)]:
            resource["evidence"] = [{"detail": [_pointer(r) for r in dict.fromkeys(references)]}]
        if artifacts := self._artifacts(flag.sources):
            resource["extension"] = artifacts
        return resource

    def _requests(self) -> Resource:
        resource: Resource = {
            "resourceType": "RequestGroup",
            "id": self._id("requests"),
            "status": "draft",
            "intent": "proposal",
            "instantiatesUri": [MODULE],
            "code": {"text": "What to test next"},
            "action": [self._action(step) for step in self.assessment.next_tests],
        }
        self._about(resource, "subject", "authoredOn")
        return resource

    @staticmethod
    def _action(step: NextTest) -> Resource:
        found = ", ".join(step.look_for)
        action: Resource = {"title": step.name, "code": [{"text": step.name}]}
        told = [f"Look for {found}."] if found else []
        told += [f"{advice}." for advice in step.advised]
        if told:
            action["description"] = " ".join(told)
        return action

    def _outcome(self) -> Resource:
        issues = [_remark("warning", "business-rule", text) for text in self.assessment.warnings]
        for entry in self.assessment.unrecognized:
            name = entry.get("finding") or entry.get("medication") or ""
            issues.append(_remark("information", "code-invalid", f"not recognised, and so not used: {plain(name)}"))
        if self.assessment.to_add:
            issues.append(_remark("warning", "incomplete", f"to add: {', '.join(self.assessment.to_add)}"))
        if self.reading:
            issues += [_remark("warning", "business-rule", text) for text in self.reading.warnings]
            rejected = [entry for entry in self.reading.entries if entry.outcome == "rejected"]
            issues += [_remark("warning", "invalid", f"{e.reference} not used: {e.reason}") for e in rejected]
        if not issues:
            issues.append(_remark("information", "informational", f"status: {self.assessment.status}"))
        if own := self.assessment.provenance.overrides:
            issues.append(_remark("information", "informational", f"with a site's own rules: {'; '.join(own)}"))
        return {"resourceType": "OperationOutcome", "id": self._id("outcome"), "issue": issues}

    def _data_requirements(self) -> Iterable[Resource]:
        names = [*self.assessment.to_add, *(name for step in self.assessment.next_tests for name in step.look_for)]
        for name in dict.fromkeys(names):
            identity = self.base.finding_names.get(normalise(name))
            finding = self.base.finding[identity] if identity else None
            loinc = [f"LOINC:{code}" for code in finding.codes.loinc] if finding else []
            others = finding.codes.qualified() if finding else []
            codings = [{**coding(code), "display": name} for code in loinc or others] or [{"display": name}]
            kind = "Condition" if finding and finding.test == "history" and not loinc else "Observation"
            yield {"type": kind, "codeFilter": [{"path": "code", "code": codings}]}

    # -- shared -----------------------------------------------------------------------------------------------

    def _about(self, resource: Resource, who: str, when: str) -> None:
        if self.reading and self.reading.subject:
            resource[who] = _pointer(self.reading.subject)
        elif resource["resourceType"] == "ClinicalImpression":
            resource[who] = {"display": "the patient assessed"}
        if self.reading and self.reading.as_of:
            resource[when] = self.reading.as_of.isoformat()

    def _note_evidence(self, evidence: Iterable[Evidence]) -> None:
        for entry in evidence:
            self.used |= dict.fromkeys(self._references(entry.finding))

    def _references(self, finding: str) -> tuple[str, ...]:
        """The input resources behind a finding or a scale, which is read from several findings."""
        if self.reading is None:
            return ()
        names = [finding]
        if finding in self.base.scale:
            scale = self.base.scale[finding]
            names += [entry.finding for entry in scale.inputs] + [word.finding for word in scale.words]
        found = [reference for name in names for reference in self.reading.references(name)]
        return tuple(dict.fromkeys(found))

    def _artifacts(self, keys: Iterable[str]) -> list[Resource]:
        return [
            {"url": RELATED_ARTIFACT, "valueRelatedArtifact": related_artifact(key, self.assessment.sources[key])}
            for key in dict.fromkeys(keys)
            if key in self.assessment.sources
        ]

    def _id(self, part: str) -> str:
        return str(uuid.uuid5(NAMESPACE, f"{part} {self.seed}"))


def related_artifact(key: str, csl: Mapping[str, Any]) -> Resource:
    """A source as a RelatedArtifact of type citation."""
    artifact: Resource = {"type": "citation", "label": key, "citation": reference(csl)}
    if address := link(csl):
        artifact["url"] = address
    return artifact


def coding(qualified: str) -> Resource:
    """``LOINC:6690-2`` as a Coding; HPO codes keep their prefix."""
    prefix = f"{qualified.partition(':')[0]}:"
    code = qualified if prefix == "HP:" else qualified.removeprefix(prefix)
    return {"system": URIS[prefix], "code": code}


def _remark(severity: str, kind: str, text: str) -> Resource:
    return {"severity": severity, "code": kind, "diagnostics": plain(text)}


def _pointer(reference: str) -> Resource:
    """A Reference to what was read: literal for FHIR resources, by identifier for OBX segments, rows and elements."""
    kind, _, identity = reference.partition("/")
    if identity.startswith("urn:"):  # known by its fullUrl only
        return {"reference": identity}
    literal = reference.startswith(("urn:", "http://", "https://")) or (kind in READ or kind == "Patient")
    return {"reference": reference} if literal and "#" not in reference else {"identifier": {"value": reference}}


def _urn(resource: Resource) -> str:
    return f"urn:uuid:{resource['id']}"


def _findings_of(condition: Any) -> list[str]:
    """Every finding a condition speaks of, in its order."""
    found: list[str] = []
    waiting = [condition]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, Mapping):
            if isinstance(part.get("finding"), str):
                found.append(part["finding"])
            waiting = [*part.values(), *waiting]
        elif isinstance(part, (list, tuple)):
            waiting = [*part, *waiting]
    return list(dict.fromkeys(found))
