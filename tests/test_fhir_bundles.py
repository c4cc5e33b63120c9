"""FHIR in: whose a resource is, pages and histories of Bundles, what is no resource."""

import json

import pytest
from fhir_kit import SUBJECT, bundle, person, read, reason, result, values

import leukoref
from leukoref.interop.fhir import patient_from_bundle

OWN, WBC_READ = [{"system": "urn:mrn", "value": "123"}], {("wbc", 2.1, "10*9/L", "now")}


@pytest.mark.parametrize(
    ("subject", "own"),
    [
        ({"identifier": {"system": "urn:mrn", "value": "123"}}, True),
        ({"identifier": {"system": "urn:mrn", "value": "999"}}, False),
        ({"identifier": {"system": "urn:other", "value": "999"}}, True),
        ({"reference": "Patient?identifier=urn:mrn|123"}, True),
        ({"reference": "Patient?identifier=urn:mrn|999"}, False),
        ({"reference": "https://ehr.example.org/fhir/Patient/p/_history/2"}, True),
        ({"reference": "Group/p"}, False),
        ({"display": "the patient"}, True),
    ],
)
def test_a_result_is_the_patients_unless_it_says_otherwise(subject, own):
    reading = read(result(subject=subject), patient=person(identifier=OWN))
    assert values(reading) == (WBC_READ if own else set())
    assert own or reason(reading, "Observation/6690-2-1")[0] == "rejected"


def test_one_page_of_several_is_read_with_a_warning():
    page = bundle(result()) | {"type": "searchset", "link": [{"relation": "next", "url": "urn:page:2"}]}
    reading = patient_from_bundle(page)
    assert values(reading) == WBC_READ
    assert any("page" in warning for warning in reading.warnings)


@pytest.mark.parametrize(("deleted", "left"), [("2026-06-01T00:00:00Z", False), ("2026-04-01T00:00:00Z", True)])
def test_what_a_history_says_was_deleted_is_not_read(deleted, left):
    gone = {"request": {"method": "DELETE", "url": "Observation/6690-2-1"}, "response": {"lastModified": deleted}}
    history = bundle(result(meta={"lastUpdated": "2026-05-01T13:00:00Z"})) | {"type": "history"}
    history["entry"].insert(0, gone)
    reading = patient_from_bundle(history)
    assert bool(reading.patient.observations) is left
    assert left or reason(reading, "Observation/6690-2-1") == ("not_relevant", "deleted later")


@pytest.mark.parametrize("junk", [5, {"resource": {"id": "x"}}, {"resource": {"resourceType": {}}}, {"resource": "x"}])
def test_an_entry_that_is_no_resource_is_not_dropped_silently(junk):
    dirty = bundle(result())
    dirty["entry"].append(junk)
    reading = patient_from_bundle(dirty)
    assert values(reading) == WBC_READ
    assert any("no FHIR resource" in warning for warning in reading.warnings)


def test_a_medication_is_found_by_any_form_of_its_reference_and_by_its_ingredients():
    brand = {"code": {"text": "house brand"}, "ingredient": [{"itemCodeableConcept": {"text": "methimazole"}}]}
    for medication in ({"code": {"text": "methimazole"}}, brand, {"ingredient": brand["ingredient"]}):
        for pointer in ("Medication/m", "https://ehr.example.org/fhir/Medication/m/_history/2", "#m"):
            order = {
                "resourceType": "MedicationRequest", "id": "o", "status": "active", "intent": "order",
                "subject": SUBJECT, "authoredOn": "2026-04-01", "medicationReference": {"reference": pointer},
            }  # fmt: skip
            held = {"resourceType": "Medication", "id": "m", **medication}
            resources = [order | {"contained": [held]}] if pointer == "#m" else [order, held]
            assert [m.name for m in read(*resources).patient.medications] == ["methimazole"]


def test_the_ingredients_of_a_combination_are_the_combination():
    item = [{"item": {"concept": {"text": name}}} for name in ("trimethoprim", "sulfamethoxazole")]
    held = {"resourceType": "Medication", "id": "m", "ingredient": item}
    order = {
        "resourceType": "MedicationStatement", "id": "o", "status": "recorded", "subject": SUBJECT,
        "medication": {"reference": {"reference": "Medication/m"}}, "effectiveDateTime": "2026-04-01",
    }  # fmt: skip
    assert [m.name for m in read(held, order).patient.medications] == ["trimethoprim-sulfamethoxazole"]


def test_a_bundle_may_come_as_text_or_as_a_model():
    models = pytest.importorskip("fhir.resources.R4B.bundle", reason="needs fhir.resources")
    document = bundle(result())
    text = json.dumps(document)
    for form in (text, text.encode(), models.Bundle.model_validate(document)):
        assert values(patient_from_bundle(form)) == WBC_READ
    with pytest.raises(leukoref.InputError) as caught:
        patient_from_bundle(text[:-1])
    assert "Patient" not in str(caught.value)
