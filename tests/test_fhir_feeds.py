"""FHIR in: every resource is accounted for, and a malformed one stops nothing."""

from fhir_kit import HEMOGLOBIN, LOINC, NOW, bundle, drug, read, result, values
from hypothesis import given
from hypothesis import strategies as st

import leukoref
from leukoref.interop.fhir import patient_from_bundle


def test_every_resource_has_its_line_and_every_unknown_code_its_count():
    document = bundle(
        result(), result("8867-4x", 1, "/min"), result("2x", 1, "1", id="other"), {"resourceType": "Device", "id": "d"}
    )
    reading = patient_from_bundle(document, as_of=NOW)
    assert len(reading.entries) == len(document["entry"])
    assert sum(reading.counts.values()) == len(document["entry"])
    assert reading.summary()["Observation"] == {"used": 1, "not_relevant": 2, "rejected": 0}
    assert {u.code for u in reading.unrecognized} == {f"{LOINC}|8867-4x", f"{LOINC}|2x"}


def test_findings_keep_the_reference_of_their_resource():
    reading = read(result(), drug("MedicationRequest"))
    assert reading.references("wbc") == ("Observation/6690-2-1",)
    assert reading.patient.medications[0].reference == "MedicationRequest/MedicationRequest-1"


JSON = st.recursive(
    st.sampled_from([None, True, 0, -1, 10**400, 0.5, float("nan"), "", "x", "2026-05-01", "d", "final"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({
        "coding", "code", "system", "text", "display", "value", "unit", "start", "end", "reference", "low", "high",
        "timing", "repeat", "boundsPeriod", "concept", "comparator",
    })), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
FIELDS = sorted({
    "code", "status", "subject", "valueQuantity", "component", "effectiveDateTime", "effectivePeriod", "interpretation",
    "referenceRange", "dataAbsentReason", "identifier", "meta", "specimen", "clinicalStatus", "verificationStatus",
    "onsetDateTime", "medicationCodeableConcept", "medication", "dosageInstruction", "dispenseRequest", "daysSupply",
    "condition", "category", "extension", "contained", "class", "period", "adherence", "valueCodeableConcept",
})  # fmt: skip
TYPES = [
    "Observation", "Condition", "Procedure", "FamilyMemberHistory", "Encounter", "Medication", "MedicationRequest",
    "MedicationStatement", "MedicationAdministration", "MedicationDispense",
]  # fmt: skip


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_no_malformed_resource_stops_the_rest(kind, fields):
    template = result() if kind == "Observation" else drug(kind)
    broken = {**template, **fields, "resourceType": kind, "id": "broken", "subject": {"reference": "Patient/p"}}
    reading = read(broken, result(HEMOGLOBIN, 9.0, "g/dL"))
    assert ("hemoglobin", 9.0, "g/dL", "now") in values(reading)
    leukoref.assess(reading.patient)
