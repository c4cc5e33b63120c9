"""Records that nobody here wrote: examples of HL7 and of the phenopacket standard (tests/data; sources in NOTICE)."""

import datetime as dt
import json
from pathlib import Path

import pytest

import leukoref
from leukoref.interop.fhir import patient_from_bundle
from leukoref.interop.phenopackets import patient_from_phenopacket

DATA = Path(__file__).with_name("data")
EXAMPLES = json.loads((DATA / "hl7_examples.json").read_text("utf-8"))
EVERY = [resource for group in ("r4", "mcode", "us_core") for resource in EXAMPLES[group]]


def record(group, subject):
    own = [
        resource
        for resource in EXAMPLES[group]
        if subject in (f"{resource['resourceType']}/{resource['id']}", resource.get("subject", {}).get("reference"))
    ]
    return patient_from_bundle(own)


def outcomes(reading):
    return {entry.reference.partition("/")[2]: (entry.outcome, entry.reason) for entry in reading.entries}


def stated(reading):
    return {o.finding: o.present if o.value is None else o.value for o in reading.patient.observations}


def test_a_man_with_fever_and_sepsis_after_chemotherapy_is_read_from_snomed_codes():
    reading = record("r4", "Patient/f201")
    assert stated(reading) == {
        "fever": True, "sepsis": True, "chemotherapy": True, "known_malignancy": True, "creatinine": 122
    }  # fmt: skip
    assert {o.finding: o.when for o in reading.patient.observations}["fever"] == "earlier"  # the record says resolved
    assert outcomes(reading)["f205"] == ("rejected", "estimated glomerular filtration rate: no value")
    assert (reading.patient.sex, reading.patient.setting) == ("male", "outpatient")


def test_results_and_procedures_of_the_other_hl7_patient():
    reading = record("r4", "Patient/f001")
    assert stated(reading) == {
        "hemoglobin": 7.2, "red_blood_cell_count": 4.12, "lung_cancer": True, "peritonsillar_abscess": True,
        "cardiac_surgery": True,
    }  # fmt: skip


def test_a_us_core_profiled_child_with_leukemia():
    reading = record("mcode", "Patient/cancer-patient-brian-l")
    assert stated(reading) == {
        "wbc": 88.5, "hemoglobin": 6.7, "hematocrit": 22.3, "acute_lymphoblastic_leukemia": True
    }  # fmt: skip
    assert outcomes(reading)["cancer-related-medication-admin-vincristine-brian-l"] == (
        "not_relevant", "starts after the time of the assessment",  # the count is that of the diagnosis
    )  # fmt: skip
    assert leukoref.assess(reading.patient).status == "no_leukopenia"


def test_the_blood_count_of_the_us_core_patient():
    """Her gender is not given: US Core says it in extensions. Units stand without their code."""
    reading = patient_from_bundle(EXAMPLES["us_core"], as_of=dt.datetime(2005, 7, 5, 12))
    assert stated(reading) == {"wbc": 10.0, "hematocrit": 43, "platelets": 200, "mchc": 34.7}
    assert reading.patient.sex == "female"
    assert leukoref.assess(reading.patient).status == "no_leukopenia"


def test_a_unit_coded_by_another_system_is_read_by_its_words():
    (creatinine,) = [r for r in EXAMPLES["r4"] if r["id"] == "f204"]  # umol/L, coded by SNOMED CT
    assert stated(patient_from_bundle(creatinine)) == {"creatinine": 122}


def test_a_published_count_with_a_wrong_unit_is_not_believed():
    """3000 10*3/uL neutrophils, as the example has it, would be three million to the microlitre."""
    (count,) = [r for r in EXAMPLES["mcode"] if "neutrophils" in r["id"]]
    reading = patient_from_bundle(count)
    assert not reading.patient.observations
    assert "outside the possible" in outcomes(reading)[count["id"]][1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("medrx0306", ["busulfan"]),  # contained Medication, brand name
        ("meddisp0305", []),  # entered in error
        ("example005", []),  # entered in error
        ("medadmin0304", ["alemtuzumab"]),
    ],
)
def test_published_drug_records(name, expected):
    (resource,) = [r for r in EXAMPLES["r4"] if r["id"] == name]
    assert [drug.name for drug in patient_from_bundle(resource).patient.medications] == expected


@pytest.mark.parametrize("resource", EVERY, ids=lambda r: r["id"])
def test_every_published_resource_is_read_alone_and_accounted_for(resource):
    reading = patient_from_bundle(resource)
    assert len(reading.entries) == 1
    leukoref.assess(reading.patient)


def test_the_covid_19_example_of_the_phenopacket_standard():
    reading = patient_from_phenopacket(DATA / "phenopacket_covid19.json")
    found = stated(reading)
    assert {"fever", "flank_pain", "hematuria", "myalgia", "diarrhea"} <= set(found)
    assert reading.patient.age == 70
    assert {"hydroxychloroquine", "tocilizumab"} <= {drug.name for drug in reading.patient.medications}
    assert {entry.outcome for entry in reading.entries if entry.reference.startswith("diseases")} == {"not_relevant"}
    assert {code.text for code in reading.unrecognized} >= {"Absolute Blood Lymphocyte Count"}
