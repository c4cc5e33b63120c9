"""A Patient as a FHIR R4 Bundle: what `patient_from_bundle` reads back with every finding, unit and time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leukoref.interop.fhir_codes import UCUM
from leukoref.interop.fhir_read import WHEN_EXTENSION
from leukoref.interop.fhir_write import Resource, coding
from leukoref.knowledge.base import Knowledge
from leukoref.knowledge.loader import load_knowledge
from leukoref.matching import match_name
from leukoref.patient import Medication, Observation, Patient
from leukoref.units import ucum

SUBJECT = {"reference": "Patient/patient"}
AGE = {"coding": [{"system": "http://loinc.org", "code": "30525-0", "display": "Age"}]}


def patient_to_bundle(patient: Patient, *, base: Knowledge | None = None) -> Resource:
    """The patient as a collection Bundle of Patient, Observation and MedicationStatement resources.

    A finding is written with its first code that means it and no other, and its name as text. FHIR has no place for
    'days before' without a date: it is counted from ``as_of``, and left out where the patient has none.
    """
    base = base or load_knowledge()
    person: Resource = {"resourceType": "Patient", "id": "patient"}
    if patient.sex:
        person["gender"] = patient.sex
    resources = [person]
    if patient.age is not None:
        resources.append(
            _result("age", AGE, patient.as_of)
            | {"valueQuantity": {"value": patient.age, "unit": "a", "system": UCUM, "code": "a"}}
        )
    for number, observation in enumerate(patient.observations):
        resources.append(_observation(f"observation-{number}", observation, patient, base))
    for number, medication in enumerate(patient.medications):
        resources.append(_statement(f"medication-{number}", medication, patient))
    entries = [{"fullUrl": f"urn:leukoref:{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _observation(identity: str, observation: Observation, patient: Patient, base: Knowledge) -> Resource:
    at = observation.time or _before(patient.as_of, observation.days_before)
    resource = _result(identity, _concept(observation, base), at)
    if observation.value is not None:
        quantity: dict[str, Any] = {"value": observation.value, "unit": observation.unit}
        code = ucum(observation.unit or "", base.unit_index)
        if not any(ch.isspace() for ch in code):
            quantity |= {"system": UCUM, "code": code}
        if observation.comparator:
            quantity["comparator"] = observation.comparator
        resource["valueQuantity"] = quantity
    else:
        resource["valueBoolean"] = observation.present
    if observation.when == "earlier":
        resource["extension"] = [{"url": WHEN_EXTENSION, "valueCode": "earlier"}]
    return resource


def _concept(observation: Observation, base: Knowledge) -> Resource:
    """A code that leads back to this finding alone, and the finding's own name (as given, if it has none)."""
    match = match_name(observation.finding, observation.code, base)
    if match is None or match.finding is None:
        concept: Resource = {"text": observation.finding}
        if observation.code and observation.code.upper().startswith("HP:"):
            concept["coding"] = [coding(observation.code.upper())]
        return concept
    finding = base.finding[match.finding]
    own = (code for code in finding.codes.qualified() if base.finding_codes.get(code) == finding.id)
    first = next(own, None)
    return {"text": finding.name, "coding": [coding(first)]} if first else {"text": finding.name}


def _statement(identity: str, medication: Medication, patient: Patient) -> Resource:
    start = medication.start or _before(patient.as_of, medication.days_before)
    stop = medication.stop or _before(patient.as_of, medication.stopped_days_before)
    period = {name: _instant(at) for name, at in (("start", start), ("end", stop)) if at is not None}
    resource: Resource = {
        "resourceType": "MedicationStatement",
        "id": identity,
        "status": "active" if stop is None else "stopped",
        "medicationCodeableConcept": {"text": medication.name},
        "subject": SUBJECT,
    }
    return resource | ({"effectivePeriod": period} if period else {})


def _result(identity: str, concept: Resource, at: dt.datetime | None) -> Resource:
    resource: Resource = {
        "resourceType": "Observation",
        "id": identity,
        "status": "final",
        "code": concept,
        "subject": SUBJECT,
    }
    return resource | ({"effectiveDateTime": _instant(at)} if at is not None else {})


def _before(as_of: dt.datetime | None, days: float | None) -> dt.datetime | None:
    return as_of - dt.timedelta(days=days) if as_of is not None and days is not None else None


def _instant(at: dt.datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=dt.UTC)).isoformat()
