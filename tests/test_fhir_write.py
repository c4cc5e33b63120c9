"""FHIR out: valid against the published models, traceable to the input; and there and back again."""

import datetime as dt
import json

import pytest
from fhir_kit import ANC, HEMOGLOBIN, HPO, NOW, concept, drug, read, result
from hypothesis import assume, given
from hypothesis import strategies as st

import leukoref
from leukoref.findings import resolve
from leukoref.interop.fhir import patient_from_bundle, patient_to_bundle, to_bundle
from leukoref.matching import match_name
from leukoref.patient import Patient
from leukoref.testing import patients

models = pytest.importorskip("fhir.resources.R4B.bundle", reason="needs fhir.resources")


def valid(document):
    return models.Bundle.model_validate(document)


def parts(document, kind):
    return [entry["resource"] for entry in document["entry"] if entry["resource"]["resourceType"] == kind]


@pytest.fixture(scope="module")
def reading():
    fever = result(value=None, id="fever", code=concept("HP:0001945", HPO), valueBoolean=True)
    broken = result(HEMOGLOBIN, 9000, "g/dL")
    taken = drug("MedicationStatement", effectivePeriod={"start": "2026-04-01"})
    return read(result(value=0.9), result(ANC, 0.1), fever, broken, taken)


@pytest.fixture(scope="module")
def answer(reading):
    return leukoref.assess(reading.patient)


@pytest.fixture(scope="module")
def document(answer, reading):
    return to_bundle(answer, reading)


def test_the_answer_is_a_valid_r4_bundle_with_and_without_the_reading(answer, document):
    valid(document)
    valid(to_bundle(answer))


@pytest.mark.parametrize("values", [[], [("wbc", 7.0)], [("wbc", 2.0)]])
def test_every_status_gives_a_valid_bundle(values):
    observations = [{"finding": name, "value": value, "unit": "10*9/L"} for name, value in values]
    valid(to_bundle(leukoref.assess({"observations": observations})))


def test_the_ranked_candidates_stand_in_order_and_are_left_for_a_clinician_to_complete(answer, document):
    (impression,) = parts(document, "ClinicalImpression")
    names = [finding["itemCodeableConcept"]["text"] for finding in impression["finding"]]
    assert names == [candidate.name for candidate in answer.candidates[:10]]
    assert impression["status"] == "in-progress"


def test_the_answer_points_to_the_resources_it_rests_on(document):
    (guidance,) = parts(document, "GuidanceResponse")
    evidence = {entry["reference"] for entry in guidance["reasonReference"]}
    assert {"Observation/6690-2-1", "Observation/fever"} <= evidence
    assert guidance["subject"] == {"reference": "Patient/p"}


def test_each_red_flag_is_a_detected_issue_with_evidence_and_sources(answer, document):
    issues = parts(document, "DetectedIssue")
    assert {issue["code"]["text"] for issue in issues} == {flag.name for flag in answer.red_flags}
    assert any("evidence" in issue for issue in issues)
    for issue in issues:
        citations = [entry["valueRelatedArtifact"] for entry in issue["extension"]]
        assert all(citation["type"] == "citation" and citation["citation"] for citation in citations)


def test_what_is_missing_is_asked_for_and_what_was_refused_is_said(answer, document):
    undecided = leukoref.assess({"observations": [{"finding": "wbc", "value": 2.0, "unit": "10*9/L"}]})
    assert parts(to_bundle(undecided), "GuidanceResponse")[0]["dataRequirement"]
    (guidance,) = parts(document, "GuidanceResponse")
    remarks = [issue["diagnostics"] for issue in parts(document, "OperationOutcome")[0]["issue"]]
    assert any("Observation/718-7-1 not used" in remark for remark in remarks)
    assert {notice.text for notice in answer.disclaimers} == {note["text"] for note in guidance["note"]}


def test_every_reference_inside_the_bundle_leads_somewhere(document):
    inside = {entry["fullUrl"] for entry in document["entry"]}
    text = str(document)
    for address in {part.split("'")[0] for part in text.split("'reference': '")[1:]}:
        assert not address.startswith("urn:uuid:") or address in inside


def test_a_resource_known_by_its_full_url_only_is_pointed_to_by_it():
    low = {key: field for key, field in result(value=0.9).items() if key not in ("id", "subject")}
    entries = [("urn:uuid:1", {"resourceType": "Patient", "gender": "male"}), ("urn:uuid:2", low)]
    feed = {"resourceType": "Bundle", "entry": [{"fullUrl": url, "resource": one} for url, one in entries]}
    reading = patient_from_bundle(feed)
    (guidance,) = parts(to_bundle(leukoref.assess(reading.patient), reading), "GuidanceResponse")
    assert (guidance["subject"], guidance["reasonReference"]) == (
        {"reference": "urn:uuid:1"}, [{"reference": "urn:uuid:2"}],
    )  # fmt: skip


def test_what_was_read_from_another_standard_is_pointed_to_by_identifier():
    from leukoref.interop.phenopackets import patient_from_phenopacket

    low = {"assay": {"id": "LOINC:6690-2"}, "value": {"quantity": {"unit": {"id": "UCUM:10*9/L"}, "value": 0.9}}}
    reading = patient_from_phenopacket({"id": "x", "subject": {"id": "case 7"}, "measurements": [low]})
    document = to_bundle(leukoref.assess(reading.patient), reading)
    valid(document)
    (guidance,) = parts(document, "GuidanceResponse")
    assert guidance["subject"] == {"identifier": {"value": "case 7"}}
    assert guidance["reasonReference"] == [{"identifier": {"value": "measurements/0"}}]


def test_the_same_answer_is_the_same_bundle(answer, reading, document):
    assert to_bundle(answer, reading) == document


def test_a_site_s_own_rules_are_named_in_the_answer(answer, reading):
    own = answer.provenance.model_copy(update={"overrides": ("site: tests history",)})
    document = to_bundle(answer.model_copy(update={"provenance": own}), reading)
    valid(document)
    remarks = [issue["diagnostics"] for issue in parts(document, "OperationOutcome")[0]["issue"]]
    assert "with a site's own rules: site: tests history" in remarks


def test_insufficient_data_asks_for_data():
    (guidance,) = parts(to_bundle(leukoref.assess({"observations": []})), "GuidanceResponse")
    assert guidance["status"] == "data-required"


# -- there and back again -----------------------------------------------------------------------------------------


def known(patient, base):
    """What a patient says, by finding: state or value with unit, comparator and time."""
    return {
        (match_name(o.finding, o.code, base).finding, o.present, o.value, o.unit, o.comparator,
         o.when, o.time)
        for o in patient.observations
    }  # fmt: skip


@given(patient=patients(most_observations=12), hours=st.integers(0, 100))
def test_a_patient_survives_the_way_through_fhir(base, patient, hours):
    at = NOW - dt.timedelta(hours=hours)
    timed = tuple(o.model_copy(update={"time": at}) for o in patient.observations)
    patient = patient.model_copy(update={"observations": timed, "as_of": NOW})
    try:
        resolve(patient, base)
    except leukoref.InputError:  # what the core refuses, the reader refuses as well
        assume(False)
    document = patient_to_bundle(patient, base=base)
    valid(document)
    back = patient_from_bundle(document, as_of=NOW, base=base).patient
    assert known(back, base) == known(patient, base)
    assert back.age == patient.age
    assert back.sex == patient.sex


@given(patient=patients(most_observations=0))
def test_drugs_and_their_times_survive_the_way_through_fhir(base, patient):
    patient = patient.model_copy(update={"as_of": NOW})
    back = patient_from_bundle(patient_to_bundle(patient, base=base), as_of=NOW, base=base).patient
    taken = [m for m in patient.medications if m.days_before is None or m.days_before >= 0]
    drugs = {base.drug_names[leukoref.knowledge.names.normalise(m.name)] for m in taken}
    assert {base.drug_names[leukoref.knowledge.names.normalise(m.name)] for m in back.medications} == drugs
    starts = {NOW - dt.timedelta(days=m.days_before) for m in taken if m.days_before is not None}
    assert {m.start for m in back.medications if m.start} <= starts


def test_an_earlier_undated_result_stays_earlier():
    earlier = Patient.parse({"observations": [{"finding": "wbc", "value": 6, "unit": "10*9/L", "when": "earlier"}]})
    assert patient_from_bundle(patient_to_bundle(earlier)).patient.observations[0].when == "earlier"


def test_a_us_core_bundle_that_carebundle_wrote_is_read():
    carebundle = pytest.importorskip("carebundle", reason="needs the development extra carebundle")
    written = carebundle.to_json(carebundle.generate_bundle(profile="anaemia", seed=1))
    reading = patient_from_bundle(json.loads(written))
    assert reading.summary()["Observation"]["rejected"] == 0
    assert {"wbc", "hemoglobin", "platelets"} <= {o.finding for o in reading.patient.observations}
