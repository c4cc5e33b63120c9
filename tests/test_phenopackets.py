"""Phenopackets v2: features present and excluded, the encounter, what is not a finding, and there and back again."""

import copy
import datetime as dt
import json

import pytest
from hypothesis import assume, given
from test_fhir_write import known

import leukoref
from leukoref.findings import resolve
from leukoref.interop.phenopackets import patient_from_phenopacket, to_phenopacket
from leukoref.testing import patients

NOW = dt.datetime(2026, 5, 1, 18, tzinfo=dt.UTC)

PACKET = {
    "id": "packet-1",
    "subject": {"id": "proband A", "timeAtLastEncounter": {"age": {"iso8601duration": "P6Y3M"}}, "sex": "FEMALE"},
    "phenotypicFeatures": [
        {"type": {"id": "HP:0001875", "label": "Neutropenia"}},
        {"type": {"id": "HP:0001744", "label": "Splenomegaly"}, "excluded": True},
    ],
    "measurements": [
        {
            "assay": {"id": "LOINC:6690-2", "label": "Leukocytes [#/volume] in Blood by Automated count"},
            "value": {"quantity": {"unit": {"id": "UCUM:10*3/uL", "label": "thousand per microliter"}, "value": 2.1}},
            "timeObserved": {"timestamp": "2026-04-30T08:00:00Z"},
        }
    ],
    "diseases": [{"term": {"id": "OMIM:202700", "label": "Neutropenia, severe congenital, 1"}}],
    "metaData": {
        "created": "2026-05-01T10:00:00Z",
        "createdBy": "a clinic",
        "resources": [],
        "phenopacketSchemaVersion": "2.0",
    },
}


def packet(**fields):
    return copy.deepcopy(PACKET) | fields


def stated(reading):
    return {o.finding: o.present if o.value is None else o.value for o in reading.patient.observations}


def feature(code, label="", **fields):
    return {"type": {"id": code, "label": label}, **fields}


def test_features_measurements_age_and_sex_are_read():
    reading = patient_from_phenopacket(packet())
    assert stated(reading) == {"neutropenia": True, "splenomegaly": False, "hepatosplenomegaly": False, "wbc": 2.1}
    assert reading.patient.sex == "female"
    assert reading.patient.age == pytest.approx(6.25)
    assert reading.subject == "proband A"
    assert reading.references("wbc") == ("measurements/0",)
    assert leukoref.assess(reading.patient).status == "leukopenia"


def test_a_disease_is_never_a_finding_and_says_so():
    reading = patient_from_phenopacket(packet(diseases=[{"term": {"id": "HP:0001945", "label": "Fever"}}]))
    assert "fever" not in stated(reading)
    assert reading.outcome("diseases/0").outcome == "not_relevant"


def test_a_term_below_a_finding_counts_as_that_finding(base):
    from leukoref.knowledge import hpo

    narrow = next(t for t in hpo.terms().values() if "HP:0001744" in t.parents and t.id not in base.finding_codes)
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[feature(narrow.id, narrow.label)]))
    assert resolve(reading.patient, base).presence["splenomegaly"] is True


def test_who_excludes_a_wide_term_excludes_every_finding_below_it():
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[feature("HP:0001871", excluded=True)]))
    assert reading.outcome("phenotypicFeatures/0").outcome == "used"
    assert stated(reading)["neutropenia"] is False
    assert "fever" not in stated(reading)


def test_a_finding_stated_present_stands_against_a_wider_term_excluded():
    features = [feature("HP:0001871", excluded=True), feature("HP:0001875")]
    found = stated(patient_from_phenopacket(packet(phenotypicFeatures=features)))
    assert (found["neutropenia"], found["pancytopenia"]) == (True, False)


def test_excluding_a_narrow_term_says_nothing_of_the_wider_finding(base):
    from leukoref.knowledge import hpo

    narrow = next(t for t in hpo.terms().values() if "HP:0001744" in t.parents and t.id not in base.finding_codes)
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[feature(narrow.id, excluded=True)]))
    assert "splenomegaly" not in resolve(reading.patient, base).presence


def test_a_resolved_feature_is_history():
    resolved = feature("HP:0001945", resolution={"timestamp": "2026-01-01T00:00:00Z"})
    (observation,) = patient_from_phenopacket(
        packet(phenotypicFeatures=[resolved], measurements=[])
    ).patient.observations
    assert (observation.finding, observation.when) == ("fever", "earlier")


def test_the_encounter_dates_the_assessment_and_the_age_counts_to_it():
    subject = {"dateOfBirth": "2020-05-01T00:00:00Z", "timeAtLastEncounter": {"timestamp": "2026-05-01T00:00:00Z"}}
    reading = patient_from_phenopacket(packet(subject=subject))
    assert reading.as_of == dt.datetime(2026, 5, 1, tzinfo=dt.UTC)
    assert reading.patient.age == pytest.approx(6, abs=0.01)


def test_what_is_measured_after_the_encounter_is_left_out():
    subject = {"timeAtLastEncounter": {"timestamp": "2026-04-01T00:00:00Z"}}
    reading = patient_from_phenopacket(packet(subject=subject))
    assert "wbc" not in stated(reading)
    assert reading.outcome("measurements/0").reason == "later than the time of the assessment"


def test_a_treatment_is_a_drug_with_its_times():
    interval = {"start": "2026-03-01T00:00:00Z", "end": "2026-04-15T00:00:00Z"}
    treatment = {"agent": {"id": "DrugCentral:1749", "label": "methimazole"}, "doseIntervals": [{"interval": interval}]}
    reading = patient_from_phenopacket(packet(medicalActions=[{"treatment": treatment}]), as_of=NOW)
    (drug,) = reading.patient.medications
    assert (drug.start.month, drug.stop.day) == (3, 15)


def test_snake_case_and_left_out_zeros_are_read_as_protobuf_writes_them():
    zero = {"assay": {"id": "LOINC:751-8"}, "value": {"quantity": {"unit": {"id": "UCUM:10*9/L"}}}}
    reading = patient_from_phenopacket({"phenotypic_features": [feature("HP:0001945")], "measurements": [zero]})
    assert stated(reading) == {"fever": True, "anc": 0}


def test_a_unit_that_does_not_fit_loses_only_its_measurement():
    wrong = copy.deepcopy(PACKET["measurements"][0])
    wrong["value"]["quantity"]["unit"] = {"id": "UCUM:mg/dL"}
    reading = patient_from_phenopacket(packet(measurements=[wrong]))
    assert reading.outcome("measurements/0").outcome == "rejected"
    assert "neutropenia" in stated(reading)


def test_version_1_negation_is_refused_rather_than_read_as_present():
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[feature("HP:0001945", negated=True)]))
    assert "fever" not in stated(reading)
    assert reading.outcome("phenotypicFeatures/0").outcome == "rejected"


@pytest.mark.parametrize(
    "broken",
    [
        None, [], "", {}, {"resourceType": "Patient"}, {"proband": PACKET}, {"members": [PACKET]},
        packet(metaData={"phenopacketSchemaVersion": "1.0.0"}), packet(phenotypicFeatures={"type": {}}),
    ],
)  # fmt: skip
def test_what_is_no_phenopacket_is_one_clear_error(broken):
    with pytest.raises(leukoref.InputError):
        patient_from_phenopacket(broken)


def test_a_packet_nested_too_deep_is_one_clear_error():
    deep = deepest = packet()
    for _ in range(5000):
        deepest["subject"] = {}
        deepest = deepest["subject"]
    with pytest.raises(leukoref.InputError, match="too deep"):
        patient_from_phenopacket(deep)


@pytest.mark.parametrize("junk", [None, 3, "x", [], {"type": None}, {"type": {"id": 5}}])
def test_a_malformed_element_loses_only_itself(junk):
    reading = patient_from_phenopacket(packet(phenotypicFeatures=[junk], medicalActions=[junk]))
    assert stated(reading) == {"wbc": 2.1}


def test_a_file_is_read(tmp_path):
    path = tmp_path / "packet.json"
    path.write_text(json.dumps(PACKET), "utf-8")
    assert stated(patient_from_phenopacket(path))["neutropenia"] is True


def test_a_protobuf_message_reads_like_its_json():
    published, parse = _published()
    assert stated(patient_from_phenopacket(parse(PACKET, published.Phenopacket()))) == stated(
        patient_from_phenopacket(PACKET)
    )


def _published():
    published = pytest.importorskip("phenopackets", reason="needs phenopackets")
    from google.protobuf.json_format import ParseDict

    return published, ParseDict


@given(patient=patients(most_observations=12))
def test_a_patient_survives_the_way_through_a_phenopacket(base, patient):
    coded = tuple(
        o.model_copy(update={"time": NOW})
        for o in patient.observations
        if o.when == "now" and not o.comparator and o.days_before is None
        and any(base.finding_codes[c] == o.finding for c in base.finding_codes if c.startswith(("HP:", "LOINC:")))
    )  # fmt: skip
    patient = patient.model_copy(update={"observations": coded, "as_of": NOW})
    try:
        resolve(patient, base)
    except leukoref.InputError:
        assume(False)
    document = to_phenopacket(patient, base=base)
    published, parse = _published()
    parse(document, published.Phenopacket())
    back = patient_from_phenopacket(document, as_of=NOW, base=base).patient
    said, read = _canonical(known(patient, base), base), _canonical(known(back, base), base)
    assert said <= read
    assert all(fact[1] is False for fact in read - said)  # what lies below an excluded term
    assert back.sex == patient.sex
    assert (back.age is None) == (patient.age is None)
    assert patient.age is None or back.age == pytest.approx(patient.age, abs=1e-3)


def _canonical(facts, base):
    """Units in one spelling: a phenopacket holds the UCUM code of a unit."""
    from leukoref.units import ucum

    return {(f, p, v, ucum(u, base.unit_index) if u else u, c, w, t) for f, p, v, u, c, w, t in facts}


def test_what_a_phenopacket_cannot_say_is_named_in_its_log():
    patient = leukoref.Patient.parse(
        {"observations": [{"finding": "anc", "value": 0.5, "unit": "10*9/L", "comparator": "<"}]}
    )
    document = to_phenopacket(patient)
    assert "measurements" not in document
    assert "anc" in document["metaData"]["updates"][0]["comment"]


def aged(age, observed, **fields):
    """A packet that knows ages only: at the encounter, and when a white cell count was taken."""
    packet = copy.deepcopy(PACKET)
    packet["subject"]["timeAtLastEncounter"] = {"age": {"iso8601duration": age}}
    packet["measurements"][0]["timeObserved"] = {"age": {"iso8601duration": observed}}
    return packet | fields


@pytest.mark.parametrize("as_of", [None, NOW])
@pytest.mark.parametrize(
    ("age", "observed", "expected"),
    [
        ("P6Y3M", "P6Y3M", "now"),
        ("P6Y3M", "P2Y", "earlier"),
        ("P6Y3M", "P7Y", "later"),
        ("P6Y", "P6Y3M", "now"),  # an age in whole years lasts a year
        ("P6Y", "P7Y", "later"),
    ],
)
def test_where_only_ages_are_known_they_say_what_was_before_the_encounter(as_of, age, observed, expected):
    reading = patient_from_phenopacket(aged(age, observed), as_of=as_of)
    found = next((o.when for o in reading.patient.observations if o.finding == "wbc"), "later")
    assert found == expected
    assert expected != "later" or reading.outcome("measurements/0").outcome == "not_relevant"


def test_a_feature_that_begins_at_a_later_age_is_not_there_yet():
    onset = [{"type": {"id": "HP:0001744"}, "onset": {"age": {"iso8601duration": age}}} for age in ("P7Y", "P3Y")]
    for feature, there in zip(onset, (False, True), strict=True):
        reading = patient_from_phenopacket(aged("P6Y", "P6Y", phenotypicFeatures=[feature]))
        assert any(o.finding == "splenomegaly" for o in reading.patient.observations) is there


def test_json_as_text_is_read_and_never_repeated_in_an_error():
    assert patient_from_phenopacket(json.dumps(PACKET)).subject == "proband A"
    with pytest.raises(leukoref.InputError) as caught:
        patient_from_phenopacket(json.dumps(PACKET)[:-1])
    assert "proband" not in str(caught.value)


def test_a_unit_of_another_ontology_is_read_by_its_label():
    """As the standard's page on Quantity writes a platelet count."""
    unit = {"id": "UO:0000316", "label": "cells per microliter"}
    count = {"unit": unit, "value": 300000.0, "referenceRange": {"unit": unit, "low": 150000.0, "high": 450000.0}}
    packet = aged("P6Y", "P6Y")
    packet["measurements"][0] |= {"assay": {"id": "LOINC:26515-7", "label": "Platelets"}, "value": {"quantity": count}}
    found = resolve(patient_from_phenopacket(packet).patient, leukoref.load_knowledge())
    assert found.quantities["platelets"].low == pytest.approx(300)
