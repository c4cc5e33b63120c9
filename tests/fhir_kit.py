"""FHIR resources as tests write them, in few words."""

from __future__ import annotations

import copy
import datetime as dt
from typing import Any

from leukoref.interop.fhir import FhirReading, patient_from_bundle

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
SUBJECT = {"reference": "Patient/p"}
WBC, ANC, HEMOGLOBIN, NEUTROPHILS_PERCENT = "6690-2", "751-8", "718-7", "770-8"
NOON = "2026-05-01T12:00:00Z"
NOW = dt.datetime(2026, 5, 1, 18, tzinfo=dt.UTC)
SNOMED, ICD, HPO = (
    "http://snomed.info/sct",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://purl.obolibrary.org/obo/hp.owl",
)
RXNORM, ATC = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://www.whocc.no/atc"


def person(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "gender": "female", "birthDate": "1980-05-01", **fields}


def concept(code: str, system: str = LOINC, text: str | None = None) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], **({"text": text} if text else {})}


def quantity(value: float, unit: str, **fields: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit, **fields}


def result(loinc: str = WBC, value: float | None = 2.1, unit: str = "10*9/L", **fields: Any) -> dict[str, Any]:
    resource = {
        "resourceType": "Observation",
        "id": f"{loinc}-1",
        "status": "final",
        "code": concept(loinc),
        "subject": SUBJECT,
        "effectiveDateTime": NOON,
    }
    if value is not None:
        resource["valueQuantity"] = quantity(value, unit)
    return copy.deepcopy(resource | fields)


def named(text: str, **fields: Any) -> dict[str, Any]:
    """An observation by text only."""
    return result(value=None, id=text.replace(" ", "-")) | {"code": {"text": text}} | fields


def condition(
    code: dict[str, Any], clinical: str = "active", verified: str = "confirmed", **fields: Any
) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c1",
        "clinicalStatus": {"coding": [{"code": clinical}]},
        "verificationStatus": {"coding": [{"code": verified}]},
        "code": code,
        "subject": SUBJECT,
        **fields,
    }


def drug(kind: str, text: str = "methimazole", **fields: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": f"{kind}-1",
        "status": "active",
        "medicationCodeableConcept": {"text": text},
        "subject": SUBJECT,
        **fields,
    }


def bundle(*resources: dict[str, Any], patient: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in (patient or person(), *resources)],
    }


def read(*resources: dict[str, Any], as_of: dt.datetime | None = NOW, **fields: Any) -> FhirReading:
    return patient_from_bundle(bundle(*resources, **fields), as_of=as_of)


def values(reading: FhirReading) -> set[tuple[str, float, str | None, str]]:
    return {(o.finding, o.value, o.unit, o.when) for o in reading.patient.observations if o.value is not None}


def states(reading: FhirReading, when: str = "now") -> dict[str, bool]:
    return {o.finding: o.present for o in reading.patient.observations if o.present is not None and o.when == when}


def reason(reading: FhirReading, reference: str) -> tuple[str, str]:
    entry = reading.outcome(reference)
    assert entry is not None
    return entry.outcome, entry.reason
